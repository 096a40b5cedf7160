"""Sends wire cases: each from a process of its own, so that the trusted _PID of an entry tells its case."""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import sys
import tempfile
import traceback

from wire_cases import Passed, Two

NAME = "wire-case"  # Of the sending processes.
NOBODY = 65534
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
SEALS = {"sealed": 0xF, "half_sealed": 0x6}  # F_SEAL_SEAL, _SHRINK, _GROW, _WRITE; without the first and last.
F_ADD_SEALS = 1033
SECONDS_MAX = 20


def name_process(name=NAME):
    LIBC.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def end_with_cleanup(number, _):
    raise RuntimeError(f"ended by {signal.Signals(number).name}")


class Sender:
    """The living processes of some cases.  They stay until release(), so that a daemon can look at them."""

    def __init__(self):
        self.pids = {}  # Case name: all its processes.
        self.children = []
        self.read_end, self.write_end = os.pipe()

    def send(self, peer, case):
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                for number in (signal.SIGALRM, signal.SIGTERM):
                    signal.signal(number, end_with_cleanup)
                signal.alarm(SECONDS_MAX)
                os.close(told)
                os.close(self.write_end)
                name_process()
                send_case(peer, case, tell, self.read_end)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(tell)
        self.children.append((case.name, pid))
        with open(told, "rb") as pids:  # Ends when all has been sent.
            self.pids[case.name] = {pid, *(int(line) for line in pids.read().split())}

    def release(self):
        os.close(self.write_end)
        failed = [name for name, pid in self.children if os.waitpid(pid, 0)[1] != 0]
        os.close(self.read_end)
        if failed:
            raise RuntimeError(f"not sent: {' '.join(failed)}")


def wait_to_be_released(tell, read_end):
    os.close(tell)
    signal.alarm(SECONDS_MAX * 2)
    os.read(read_end, 1)


def send_case(peer, case, tell, read_end):
    if case.sender == "nobody" and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)  # A change of the user has cleared it.
    with contextlib.ExitStack() as cleanup:
        made = [make_fds(each, cleanup) if isinstance(each, Passed) else None for each in case.messages]
        with peer.connect(case.socket) as to:
            for message, fds in zip(case.messages, made):
                # It may refuse a stream, and sluice lets the kernel refuse descriptors where it takes none.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError, PermissionError):
                    if isinstance(message, Passed):
                        socket.send_fds(to, [message.payload], fds)
                    elif isinstance(message, Two):
                        to.sendall(message.first)
                        send_from_child(to, message.second, tell, read_end)
                    elif case.socket == "stdout":
                        to.sendall(message)
                    else:
                        to.send(message)
        wait_to_be_released(tell, read_end)


def send_from_child(to, data, tell, read_end):
    """Returns when the child has sent; it stays."""
    done_read, done_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            name_process()
            to.sendall(data)
            to.close()
            os.write(tell, b"%d\n" % os.getpid())
            os.close(done_write)
            wait_to_be_released(tell, read_end)
        finally:
            os._exit(0)
    os.close(done_write)
    os.read(done_read, 1)
    os.close(done_read)


def make_fds(passed, cleanup):
    fds = [make_fd(passed.what, passed.content, cleanup) for _ in range(passed.count)]
    for fd in fds:
        cleanup.callback(os.close, fd)
    return fds


def make_fd(what, content, cleanup):
    if what in ("sealed", "half_sealed", "unsealed"):
        fd = os.memfd_create("sluice-test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        write_all(fd, content)
        if what in SEALS:
            fcntl.fcntl(fd, F_ADD_SEALS, SEALS[what])
        return fd
    if what == "pipe":
        fd, other = os.pipe()
        os.write(other, content)
        os.close(other)
        return fd
    if what == "socket":
        one, other = socket.socketpair()
        other.close()
        return one.detach()
    if what == "directory":
        return os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY)
    if what == "device":
        return os.open("/dev/zero", os.O_RDONLY)
    return make_file(what, content, cleanup)


def make_file(what, content, cleanup):
    folder = {"/var/tmp": "/var/tmp", "/dev/shm": "/dev/shm", "elsewhere": "/var"}.get(what, "/tmp")
    if what == "elsewhere" and not os.access(folder, os.W_OK):
        return os.open("/etc/passwd", os.O_RDONLY)
    if what == "subdirectory":
        folder = tempfile.mkdtemp(prefix="sluice-test-", dir=folder)
        os.chmod(folder, 0o755)
        cleanup.callback(os.rmdir, folder)
    fd, path = tempfile.mkstemp(prefix="sluice-test-", dir=folder)
    cleanup.callback(lambda: os.path.exists(path) and os.unlink(path))
    write_all(fd, content)
    if what == "deleted":
        os.unlink(path)
    if what in ("deleted", "read_write"):
        return fd
    os.close(fd)
    return os.open(path, os.O_PATH if what == "path_only" else os.O_RDONLY)


def write_all(fd, content):
    while content:
        content = content[os.write(fd, content) :]


def mark(peer, number):
    """Sends a message behind all that was sent; returns what tells its entries."""
    text = b"mark %d" % number
    for kind in ("journal", "syslog", "stdout"):
        form = {"journal": b"MESSAGE=%s\n", "syslog": b"<14>%s", "stdout": b"\n\n6\n0\n0\n0\n0\n%s\n"}[kind]
        with peer.connect(kind) as to:
            to.send(form % text)
    return text


def send_all(peer, cases, at_once=60):
    """Sends the cases and returns their entries by name.  An entry that belongs to none is an error."""
    pids, number = {}, 0
    for begin in range(0, len(cases), at_once):
        sender = Sender()
        try:
            for case in cases[begin : begin + at_once]:
                sender.send(peer, case)
            text = mark(peer, number)
            is_here = lambda entries: sum(entry.get("MESSAGE") == text for entry in entries) == 3
            peer.wait_for(is_here, f"the three marks behind case {begin + at_once}")
        finally:
            sender.release()
        if any(pids.keys() & sender.pids[name] for name in sender.pids):
            raise RuntimeError("the kernel has given a process id twice; again")
        pids.update((pid, name) for name, of in sender.pids.items() for pid in of)
        number += 1
    return pids


def entries_by_case(peer, cases, pids):
    found = {case.name: [] for case in cases}
    for entry in peer.entries():
        pid = int(entry.get("_PID", b"0"))
        if pid in pids:
            found[pids[pid]].append(entry)
        elif pid != os.getpid():
            print(f"{peer.name}: an entry of no case: {entry}", file=sys.stderr)
            raise RuntimeError(f"{peer.name} has an entry of no case")
    return found
