"""A private systemd-journald: no root, no systemd as PID 1, nothing of the machine is changed.

It takes a namespace name, reads journald@NAME.conf from a /run of its own, and puts its sockets and files where two
environment variables say (journald's server_init; not documented).
"""

import os
import socket
import subprocess
from pathlib import Path

import peer

PLACES = ("/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald")
# Without a long retention an instance for a namespace ends after 30 s without messages.
CONFIGURATION = """\
[Journal]
Storage=persistent
MaxRetentionSec=1year
RateLimitIntervalSec=0
RateLimitBurst=0
Seal=no
Compress=yes
SystemMaxUse=4G
SystemMaxFileSize=512M
ForwardToSyslog=no
ForwardToKMsg=no
ForwardToConsole=no
ForwardToWall=no
ReadKMsg=no
Audit=no
SyncIntervalSec=5m
"""


class Journald(peer.Peer):
    name = "journald"

    def __init__(self, directory=None):
        """`directory`: where its files go, else to a temporary one of their own."""
        self.program = next((place for place in PLACES if Path(place).exists()), None)
        if self.program is None:
            raise peer.Missing("systemd-journald is not installed")
        peer.need("journalctl", "unshare", "setpriv")
        super().__init__()
        self.run = self.directory / "run"
        self.files = Path(directory) if directory else self.directory / "journal"
        self.run.mkdir()
        self.run.chmod(0o755)
        self.files.mkdir(exist_ok=True)
        (self.directory / "journald.conf").write_text(CONFIGURATION)
        self.sockets = {"journal": self.run / "socket", "syslog": self.run / "dev-log", "stdout": self.run / "stdout"}

    def environment(self):
        return {"RUNTIME_DIRECTORY": str(self.run), "LOGS_DIRECTORY": str(self.files), "SYSTEMD_LOG_TARGET": "console"}

    def command(self):
        place = "/run/systemd/journald@sluice-test.conf.d"
        setup = f"mount -t tmpfs tmpfs /run && mkdir -p {place} && cp {self.directory}/journald.conf {place}/test.conf"
        return peer.isolated([self.program, "sluice-test"], setup, network=True, mounts=True)

    def is_ready(self):
        for kind in ("journal", "syslog", "stdout"):
            how = socket.SOCK_STREAM if kind == "stdout" else socket.SOCK_DGRAM
            with socket.socket(socket.AF_UNIX, how) as probe:
                if probe.connect_ex(os.fspath(self.sockets[kind])) != 0:
                    return False
        return any(self.files.rglob("system.journal"))

    def greet(self, kind, to):
        # Of bytes that arrive between its accept() and its SO_PASSCRED it does not know the sender.  The end of its own
        # direction comes behind both.
        if kind == "stdout":
            to.recv(1)

    def journalctl(self, *arguments):
        command = ["journalctl", "-D", self.files, "--no-pager", *arguments]
        done = subprocess.run(command, capture_output=True, timeout=peer.PATIENCE_S)
        if done.returncode != 0:
            raise RuntimeError(f"journalctl {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout

    def entries(self):
        """Without what it says itself."""
        found = peer.parse_export(self.journalctl("--all", "-o", "export"))
        return [entry for entry in found if entry.get("_TRANSPORT") != b"driver"]

    def count(self):
        """Of the entries on disk, its own included."""
        lines = self.journalctl("--header").decode().splitlines()
        return sum(int(line.split(":")[1].split()[0]) for line in lines if line.startswith("Entry objects:"))

    def records(self):
        """In the form that sluice has them, so that a test of programs can be tried on both."""
        severities = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
        found = []
        for entry in self.entries():
            record = {}
            for name, value in entry.fields:
                name, text = name.lower(), value.decode(errors="surrogateescape")
                if name == "priority":
                    name, text = "severity", severities[int(text) & 7]
                elif name == "syslog_identifier":
                    name = "stream"
                elif name == "syslog_timestamp":
                    text = text.rstrip()
                elif name in ("_pid", "_uid", "_gid"):
                    text = int(text)
                record[name] = text
            found.append(record)
        return found
