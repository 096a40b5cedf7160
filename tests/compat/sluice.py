"""A private sluiced with a listener for each protocol, and what is asked of it."""

import json
import os
import subprocess
from pathlib import Path

import peer

PROTOCOLS = {
    "journal": "journal", "syslog": "syslog", "syslog-stream": "syslog_stream", "stdout": "stdout", "json": "json",
}  # fmt: skip
CONFIGURATION = """\
store: {{directory: {files}/store{store}}}
listen: {{socket: {directory}/sluice.sock}}
listeners:
"""
LISTENER = '  - {{name: {name}, protocol: {protocol}, socket: {directory}/{kind}, mode: 0666, overflow: {overflow}}}\n'


class Sluice(peer.Peer):
    name = "sluice"
    KINDS = tuple(PROTOCOLS)

    def __init__(self, programs, directory=None, store="", overflow="block"):
        """`programs`: the folder of sluiced and sluice; `directory`: where its store goes, else to a temporary one;
        `store`: further keys of that section; `overflow`: of every listener."""
        peer.need("unshare", "setpriv")
        super().__init__()
        self.programs, self.private = Path(programs), False
        files = Path(directory) if directory else self.directory
        text = CONFIGURATION.format(files=files, directory=self.directory, store=store and f", {store}")
        for kind, protocol in PROTOCOLS.items():
            text += LISTENER.format(name=protocol, protocol=protocol, directory=self.directory, kind=kind, overflow=overflow)
            self.sockets[kind] = self.directory / kind
        (self.directory / "sluiced.yaml").write_text(text)
        self.seen, self.cursor = [], None

    def command(self):
        how = ["--private", self.directory] if self.private else ["--config", self.directory / "sluiced.yaml"]
        return peer.isolated([self.programs / "sluiced", *how], network=True)

    def ask(self, *arguments):
        command = [self.programs / "sluice", "--socket", self.directory / "sluice.sock", *arguments]
        return subprocess.run(command, capture_output=True, timeout=peer.PATIENCE_S)

    def is_ready(self):
        return self.ask("status").returncode == 0 and all(path.exists() for path in self.sockets.values())

    def entries(self):
        """Without what it says itself.  Asks only for what is new."""
        after = ["--after", self.cursor] if self.cursor else []
        done = self.ask("export", "--print-cursor", *after)
        if done.returncode != 0:
            raise RuntimeError(f"sluice export: {done.stderr.decode()}")
        self.seen += [entry for entry in peer.parse_export(done.stdout) if entry.get("SLUICE_ORIGIN") != b"daemon"]
        lines = done.stderr.decode().splitlines()
        self.cursor = next((line.split()[1] for line in lines if line.startswith("cursor:")), self.cursor)
        return list(self.seen)

    def status(self):
        return json.loads(self.ask("status", "--output", "json").stdout)

    def records(self):
        """As JSON objects, without what it says itself."""
        done = self.ask("tail", "--all", "--output", "json")
        if done.returncode != 0:
            raise RuntimeError(f"sluice tail: {done.stderr.decode()}")
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return [record for record in found if record.get("origin") != "daemon"]


def programs_folder(name):
    """Of the programs; raises Missing where they have no listeners yet."""
    folder = Path(name)
    for program in ("sluice", "sluiced"):
        if not os.access(folder / program, os.X_OK):
            raise peer.Missing(f"{folder / program} has not been built")
    return folder
