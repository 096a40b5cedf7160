"""What the tests of real programs share: a private daemon for each test, the fixed paths of journald and syslog(3) led to
it in a mount namespace, programs compiled on the spot, and what is true of every record.
"""

import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import peer
from journald import Journald
from sluice import Sluice

DAEMON = None  # Makes one; set by run().


class ProgramTest(unittest.TestCase):
    """A daemon while a test runs.  `NEEDS`: programs; a test that lacks one is skipped with its name."""

    NEEDS = ()
    TRANSPORT = ""

    @classmethod
    def setUpClass(cls):
        try:
            peer.need(*cls.NEEDS, "unshare")
            peer.need_namespaces()
        except peer.Missing as missing:
            raise unittest.SkipTest(str(missing)) from missing

    def setUp(self):
        self.daemon = DAEMON()
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        self.scratch = Path(tempfile.mkdtemp(prefix="programs-", dir=self.daemon.directory))

    def socket(self, kind):
        if kind not in self.daemon.sockets:
            self.skipTest(f"{self.daemon.name} has no socket for {kind}")
        return str(self.daemon.sockets[kind])

    def run_program(self, *command, data=None, redirected=False, ok=True):
        """`redirected`: with journald's paths and /dev/log leading to the daemon."""
        if redirected:
            command = peer.isolated(command, redirection(self.daemon, self.scratch), mounts=True)
        done = subprocess.run(command, input=data, capture_output=True, timeout=peer.PATIENCE_S)
        if ok:
            self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return done

    def wait_for_records(self, count, seconds=peer.PATIENCE_S):
        """Exactly so many: if more come within a moment, they are there, too."""
        deadline = time.monotonic() + seconds
        while len(self.daemon.records()) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        records = self.daemon.records()
        self.assertEqual(len(records), count, records[:10])
        return records

    def assert_has(self, record, **fields):
        self.assertEqual({name: record.get(name) for name in fields}, fields, record)

    def assert_trusted(self, record, transport, pid=None, comm=None):
        """`comm`: the name of the process; it may be missing, but not wrong: see assert_known."""
        self.assert_has(record, _uid=os.geteuid(), _gid=os.getegid(), _transport=transport)
        if pid is not None:
            self.assert_has(record, _pid=pid)
        if comm is not None:
            self.assertEqual(record.get("_comm", comm), comm)
        if self.daemon.name == "sluice":
            self.assertIn(record.get("_sender"), ("pidfd", "pid", "kernel"), record)

    def assert_known(self, records, comm, program=None):
        """Of processes that live on: who sent is read once, and the first records wait for it, but not for long.
        `program`: the end of its path, which only root is told of others."""
        known = sum(record.get("_comm") == comm for record in records)
        self.assertGreater(known, 0.9 * len(records), records[:3])
        if program and os.geteuid() == 0:
            known = sum(record.get("_exe", "").endswith(program) for record in records)
            self.assertGreater(known, 0.9 * len(records), records[:3])

    def compile(self, source, language="c", packages=()):
        """The path of a program made of `source`."""
        compiler = {"c": "cc", "c++": "c++"}[language]
        try:
            peer.need(compiler, "pkg-config")
        except peer.Missing as missing:
            self.skipTest(str(missing))
        flags = []
        if packages:
            told = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, timeout=30)
            if told.returncode != 0:
                self.skipTest(told.stderr.decode().strip().splitlines()[0])
            flags = told.stdout.decode().split()
        path = self.scratch / "program"
        command = [compiler, "-x", language, "-o", path, "-", *flags]
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return path


def redirection(daemon, scratch):
    """Shell commands for a mount namespace: /run/systemd/journal and /dev/log are the daemon's."""
    old, sockets = f"{scratch}/dev", daemon.sockets
    return f"""
        mkdir -p {old} && mount --rbind /dev {old} && mount -t tmpfs tmpfs /dev &&
        for name in null zero full random urandom tty; do
            touch /dev/$name && mount --bind {old}/$name /dev/$name || exit 1
        done &&
        mkdir /dev/shm && mount --bind {old}/shm /dev/shm &&
        ln -s /proc/self/fd /dev/fd && ln -s {sockets['syslog']} /dev/log &&
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal &&
        ln -s {sockets['journal']} /run/systemd/journal/socket &&
        ln -s {sockets['stdout']} /run/systemd/journal/stdout &&
        ln -s {sockets['syslog']} /run/systemd/journal/dev-log"""


def run(module, document):
    """Runs the tests that the command line names: PROGRAMS [CLASS...], or 'journald' for PROGRAMS to try the tests
    themselves.  Exit 77 if one was skipped and none failed."""
    global DAEMON
    if len(sys.argv) < 2:
        print(document, file=sys.stderr)
        sys.exit(2)
    programs = sys.argv[1]
    DAEMON = Journald if programs == "journald" else lambda: Sluice(programs)
    result = unittest.main(module=module, argv=sys.argv[:1] + sys.argv[2:], exit=False, verbosity=1).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped:
        peer.skip("; ".join(sorted({reason for _, reason in result.skipped})))
    sys.exit(0)
