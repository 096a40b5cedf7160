"""A disk whose power is cut, without hardware and without a device-mapper.

Disk is an ext4 in a file, on a loop device.  What the mounted file system has handed down to the device is in that file;
what it only has in memory (dirty pages, the journal's running transaction, delayed allocations) is not.  So a copy of the
file is what a disk holds whose power fails at that instant, provided that no write was under way: frozen() makes sure of
that by the device's counters, and copies again where one was.  Nothing of the machine's writeback is changed.

The disk is one without a volatile cache: a write that is complete is kept, in order, whole or not begun, whether or not it
was flushed.  That is the kindest disk there is; with a real one nothing more can be there, only less.  Kindness flatters
who writes with O_DIRECT and has not flushed yet, as sluice for up to a second: a cut that comes sooner says little of it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import peer

SIZE = 4 << 30  # Sparse; sluice keeps 1 GiB free.
TRIES = 100
IN_PRIVATE_NAMESPACE = "SLUICE_BENCH_MOUNTS_ARE_PRIVATE"


def private_mounts():
    """Starts this script again, in a mount namespace of its own: however it ends, the kernel unmounts its disks and
    detaches their loop devices when the last process in it has ended.  Raises Missing without root."""
    if os.environ.get(IN_PRIVATE_NAMESPACE):
        return
    if os.geteuid() != 0:
        raise peer.Missing("root, to mount disks and to take over the sockets of killed daemons")
    unshare = peer.need("unshare")
    peer.need("mkfs.ext4", "mount", "umount", "findmnt")
    if not Path("/dev/loop-control").exists():
        raise peer.Missing("loop devices (/dev/loop-control)")
    os.environ[IN_PRIVATE_NAMESPACE] = "1"
    os.execv(unshare, [unshare, "--mount", "--propagation", "private", sys.executable, *sys.argv])


def run(*command):
    done = subprocess.run(list(map(os.fspath, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise peer.Missing(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


class Disk:
    """Mounted at `files` while its `with` block runs.  `image`: a frozen disk, else a new one is made."""

    def __init__(self, folder, image=None):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.files = self.folder / "mounted"
        self.image = image or self.folder / "image"
        self.is_new = image is None

    def __enter__(self):
        if self.is_new:
            with open(self.image, "wb") as file:
                file.truncate(SIZE)
            run(peer.need("mkfs.ext4"), "-q", "-F", self.image)
        self.files.mkdir()
        # noinit_itable: no writes of the file system's own in the background.
        run("mount", "-o", "loop,noinit_itable", self.image, self.files)
        self.device = Path(run("findmnt", "--noheadings", "--output", "SOURCE", "--mountpoint", self.files)).name
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.files], check=False, capture_output=True)
        if os.path.ismount(self.files):  # Somebody is still in it; it goes with the namespace.
            subprocess.run(["umount", "--lazy", self.files], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def written(self):
        """How much has reached the device, and how many requests are under way."""
        fields = list(map(int, Path(f"/sys/block/{self.device}/stat").read_text().split()))
        return (fields[4], fields[6], fields[11]), fields[8]

    def frozen(self, image):
        """Copies the disk as it is at one instant, and returns the path."""
        for _ in range(TRIES):
            before, under_way = self.written()
            if under_way == 0:
                run("cp", "--sparse=always", "--reflink=never", self.image, image)
                if self.written() == (before, 0):
                    return image
        raise RuntimeError(f"{TRIES} times something wrote to the disk while it was copied")
