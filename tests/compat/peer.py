"""What the daemons of these tests have in common: they are private, they take messages on sockets, and they are asked
for their entries.  journald.py and sluice.py are the two.
"""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE_S = 30
QUEUE_LENGTH = 512  # What systemd sets; a kernel alone has 10, and every burst would block or be dropped.


class Missing(Exception):
    """The machine lacks what a test needs; the text is its name."""


def skip(reason):
    print(f"skipped: {reason}", flush=True)
    sys.exit(77)


def need(*programs):
    """The paths of `programs`, which may be in /usr/sbin.  Raises Missing."""
    found = []
    for program in programs:
        path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            raise Missing(f"{program} is not installed")
        found.append(path)
    return found[0] if len(found) == 1 else found


def isolated(command, setup="true", network=False, mounts=False):
    """`command` as the same user as we are, so that it dies with us; with `network` in a network namespace of its own,
    in which a datagram socket queues QUEUE_LENGTH messages (sockets with a path are reached from outside); with `mounts`
    in a mount namespace, in which the shell commands `setup` are run before."""
    run = ["setpriv", "--pdeathsig", "KILL", *map(str, command)]
    if not network and not mounts:
        return run
    flags = [*(["-n"] if network else []), *(["-m"] if mounts else [])]
    queue = f"echo {QUEUE_LENGTH} >/proc/sys/net/unix/max_dgram_qlen && " if network else ""
    again = []
    if os.geteuid() != 0:  # Root of a namespace for the set-up, then ourselves again.
        flags = ["-U", "-r", *flags]
        again = ["unshare", "-U", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"]
    return ["unshare", *flags, "sh", "-c", f'{queue}{{ {setup}; }} && exec "$@"', "sh", *again, *run]


def need_namespaces():
    command = isolated(["true"], "mount -t tmpfs tmpfs /run", network=True, mounts=True)
    tried = subprocess.run(command, capture_output=True, timeout=PATIENCE_S)
    if tried.returncode != 0:
        raise Missing(f"namespaces of network and mounts cannot be made: {tried.stderr.decode().strip()}")


class Entry:
    """A record as the journal's export format has it: pairs of name and bytes, in order."""

    def __init__(self, fields):
        self.fields = fields

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def get(self, name, default=None):
        return next((value for key, value in self.fields if key == name), default)

    def text(self, name):
        value = self.get(name)
        return None if value is None else value.decode(errors="replace")

    def __repr__(self):
        return repr([(name, value if len(value) < 100 else value[:60] + b"... %d bytes" % len(value))
                     for name, value in self.fields])


def parse_export(data):
    """The entries of a journal export."""
    at, fields, entries = 0, [], []
    while at < len(data):
        end = data.index(b"\n", at)
        name, equals, value = data[at:end].partition(b"=")
        at = end + 1
        if not name and not equals:
            entries.append(Entry(fields))
            fields = []
            continue
        if not equals:
            (size,) = struct.unpack_from("<Q", data, at)
            value = data[at + 8 : at + 8 + size]
            if data[at + 8 + size : at + 9 + size] != b"\n":
                raise ValueError(f"the binary field {name!r} at {at} does not end with a line end")
            at += 8 + size + 1
        fields.append((name.decode(), value))
    if fields:
        entries.append(Entry(fields))
    return entries


class Peer:
    """A private daemon, for a `with` block.  Others have: `name`; `command()`, how it is started; `is_ready()`;
    `entries()`, what it has stored so far, in order."""

    name = ""
    KINDS = ("journal", "syslog", "stdout")

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="sluice-compat-"))
        self.directory.chmod(0o711)  # Other users send, too.
        self.sockets = {}
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(), env={**os.environ, **self.environment()}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def environment(self):
        return {}

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def stop(self):
        """Ends it; what it stored can still be read."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.name} did not stop within {PATIENCE_S} s: {self.log()[-2000:]}") from None

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def wait_for(self, condition, what, seconds=PATIENCE_S):
        """The entries, as soon as `condition(entries)` holds."""
        deadline = time.monotonic() + seconds
        pause = 0.02
        while True:
            entries = self.entries()
            if condition(entries):
                return entries
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} has ended: {self.log()[-2000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: {what}: not within {seconds} s; it has {len(entries)} entries, the last "
                                   f"are {entries[-3:]}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    def connect(self, kind):
        """A blocking socket to it, with a time limit."""
        is_stream = kind in ("stdout", "syslog-stream", "json")
        to = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if is_stream else socket.SOCK_DGRAM)
        to.settimeout(PATIENCE_S)
        to.connect(str(self.sockets[kind]))
        self.greet(kind, to)
        return to

    def greet(self, kind, to):
        """What is to be waited for before the first message."""


# How a program tells a stdout stream who it is: identifier, unit, priority, whether lines have levels, and three times
# whether to forward.
def stdout_header(identifier=b"", unit=b"", priority=b"6", level_prefix=b"1"):
    return b"\n".join([identifier, unit, priority, level_prefix, b"0", b"0", b"0", b""])
