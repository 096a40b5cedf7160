#!/usr/bin/env python3
"""sluiced on a disk that stands still: a real file system, frozen.  What does not need the disk goes on; SIGTERM ends it.

Usage: stuck_disk_test.py SLUICE SLUICED
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SLUICE, SLUICED = "", ""
PATIENCE_S = 60
DRAIN_S = 1
GIVE_UP_S = 5  # Behind the drain, see daemon/service.cpp.


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class FrozenDisk:
    """An ext4 of its own in a file, which can be frozen."""

    def __init__(self, folder):
        self.place = Path(folder) / "disk"
        self.place.mkdir()
        image = Path(folder) / "image"
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        run("mkfs.ext4", "-q", "-F", str(image))
        run("mount", "-o", "loop", str(image), str(self.place))
        self.frozen = False

    def freeze(self):
        run("fsfreeze", "-f", str(self.place))
        self.frozen = True

    def thaw(self):
        if self.frozen:
            run("fsfreeze", "-u", str(self.place))
            self.frozen = False

    def remove(self):
        self.thaw()
        deadline = time.monotonic() + PATIENCE_S
        while subprocess.run(["umount", str(self.place)], stderr=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > deadline:  # The kernel lets go of a ring's files a while after the process has ended.
                run("umount", "--lazy", str(self.place))
                raise TimeoutError(f"{self.place} stays busy")
            time.sleep(0.02)


class StuckDisk(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.disk = FrozenDisk(self.scratch.name)
        self.addCleanup(self.disk.remove)
        self.socket = self.scratch.name + "/socket"
        config = Path(self.scratch.name) / "config.yaml"
        config.write_text(
            f"store: {{directory: {self.disk.place}/store}}\nlisten: {{socket: {self.socket}}}\n"
            f"shutdown: {{drain_timeout: {DRAIN_S} s}}\n"
        )
        self.log = open(self.scratch.name + "/log", "w+")
        self.addCleanup(self.log.close)
        self.daemon = subprocess.Popen([SLUICED, "--config", str(config)], stdout=self.log, stderr=self.log)
        self.addCleanup(self.daemon.wait, PATIENCE_S)
        self.addCleanup(self.daemon.kill)
        self.addCleanup(self.disk.thaw)
        self.wait_until(lambda: self.command("status").returncode == 0)

    def wait_until(self, done):
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            self.assertLess(time.monotonic(), deadline, Path(self.log.name).read_text())
            time.sleep(0.02)

    def command(self, *arguments, data=b""):
        return subprocess.run([SLUICE, "--socket", self.socket, *arguments], input=data, capture_output=True, timeout=PATIENCE_S)

    def log_durably(self):
        """A record that waits for the disk."""
        process = subprocess.Popen([SLUICE, "--socket", self.socket, "log", "--ack", "durable", "waits"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_until(lambda: self.queued() > 0)
        return process

    def queued(self):
        return json.loads(self.command("status", "--output", "json").stdout)["queue"]["bytes"]

    def connects(self):
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self.socket)
            except OSError:
                return False
            return True

    def test_what_needs_no_disk_is_served(self):
        self.disk.freeze()
        waiting = self.log_durably()
        for _ in range(20):
            self.assertEqual(self.command("status").returncode, 0)
            self.assertEqual(self.command("log", "--ack", "accepted", "goes on").returncode, 0)
        self.assertIsNone(waiting.poll())
        self.disk.thaw()
        self.assertEqual(waiting.wait(PATIENCE_S), 0)
        self.wait_until(lambda: self.queued() == 0)
        self.assertEqual(self.command("tail", "--all", "--output", "cat").stdout, b"waits\n" + b"goes on\n" * 20)

    def test_sigterm_refuses_connections_at_once_and_ends_those_there_are(self):
        self.disk.freeze()
        waiting = self.log_durably()
        os.set_blocking(waiting.stderr.fileno(), False)
        self.assertTrue(self.connects())
        self.daemon.send_signal(signal.SIGTERM)
        self.wait_until(lambda: not self.connects())
        self.wait_until(lambda: re.search("the disk does not answer:.* [0-9]+ write", Path(self.log.name).read_text()))
        self.wait_until(lambda: waiting.stderr.read())  # Its connection has ended: it waits for another daemon.
        self.disk.thaw()
        self.assertEqual(self.daemon.wait(PATIENCE_S), 1)


def skip_unless_disks_can_be_made():
    missing = [program for program in ("mkfs.ext4", "fsfreeze", "mount") if not shutil.which(program)]
    if os.geteuid() != 0 or missing:
        print(f"skipped: a disk that stands still needs root, and {', '.join(missing) or 'mount'}")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            FrozenDisk(scratch).remove()
        except subprocess.CalledProcessError as error:
            print(f"skipped: a disk that stands still cannot be made here: {error.stderr.decode(errors='replace').strip()}")
            sys.exit(77)


if __name__ == "__main__":
    SLUICE, SLUICED = sys.argv[1:3]
    skip_unless_disks_can_be_made()
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
