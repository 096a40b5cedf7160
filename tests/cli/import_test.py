#!/usr/bin/env python3
"""Import and export against real private daemons: what goes in comes out, a restart in the middle is survived.

Usage: import_test.py SLUICE SLUICED [UNITTEST-ARGUMENT...]
"""

import json
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import daemon_test
from daemon_test import Daemon, WithDaemon

JSON_LINES = b"""\
{"time":"2024-01-02T03:04:05.123456789Z","level":"error","msg":"payment failed","user":"ada","n":7,"ok":false,"f":0.5}
{"_path":"dns","id.orig_h":"10.0.0.1","deep":{"a":{"b":[1,2]}},"raw":{"base64":"AP8="},"message":"two\\nlines \\u00e9"}
this is no object
{"time":"1960-01-01T00:00:00Z","stream":"a/b","message":"","MESSAGE":"m","2xx":1,"SLUICE_FIELDS":"s:x"}
"""


def entries(data):
    """The entries of a journal export: lists of (name, value)."""
    at, entry = 0, []
    while at < len(data):
        end = data.index(b"\n", at)
        name, equals, value = data[at:end].partition(b"=")
        at = end + 1
        if not name and not equals:
            yield entry
            entry = []
            continue
        if not equals:
            (size,) = struct.unpack_from("<Q", data, at)
            value = data[at + 8 : at + 8 + size]
            at += 8 + size + 1
        entry.append((name, value))


def records(data):
    """The same without what belongs to the store: cursors and trusted fields."""
    return [[f for f in e if not f[0].startswith(b"_") or f[0] == b"__REALTIME_TIMESTAMP"] for e in entries(data)]


class Import(WithDaemon):
    def messages(self):
        return [json.loads(line)["message"] for line in self.good("tail", "--all", "--output", "json").splitlines()]

    def test_the_format_is_seen_and_counts_are_told(self):
        told = self.good("import", data=JSON_LINES)
        self.assertRegex(told, rb"^4 records from 1 of 1 files, .*\n  1 lines were not understood")
        shown = [json.loads(line) for line in self.good("tail", "--all", "--output", "json").splitlines()]
        self.assertEqual(shown[0]["time"], "2024-01-02T03:04:05.123456789Z")
        self.assertEqual((shown[0]["severity"], shown[0]["n"], shown[0]["ok"]), ("err", 7, False))
        self.assertEqual((shown[1]["path"], shown[1]["deep.a.b"]), ("dns", "[1,2]"))
        self.assertEqual(shown[2]["message"], "this is no object")
        self.good("import", data=b"__REALTIME_TIMESTAMP=1000000\nMESSAGE=from a journal\n\n")
        self.assertEqual(self.messages()[-1], "from a journal")

    def test_text_with_a_time_pattern_joins_lines(self):
        text = b"[2016-12-19 16:00:01,042] ERROR boom\n  at line 1\n[2016-12-19 16:00:02,000] INFO fine\n"
        file = Path(self.scratch.name) / "server.log"
        file.write_bytes(text)
        told = self.good("import", "--time-pattern", "[%Y-%m-%d %H:%M:%S,%3] %l", "--zone", "+01:00", str(file))
        self.assertRegex(told, rb"^2 records .*\n  1 lines continue the record before")
        first, second = (json.loads(line) for line in self.good("tail", "--all", "--output", "json").splitlines())
        self.assertEqual((first["message"], first["severity"]), ("boom\n  at line 1", "err"))
        self.assertEqual(second["time"], "2016-12-19T15:00:02.000000000Z")

    def test_compressed_and_missing_files_are_told_and_the_others_are_read(self):
        directory = Path(self.scratch.name)
        (directory / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd rest")
        (directory / "b.json").write_bytes(b'{"msg":"read"}\n')
        files = [str(directory / name) for name in ("a.zst", "missing", "b.json")]
        result = self.daemon.command("import", *files)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"zstdcat FILE | sluice import", result.stderr)
        self.assertIn(b"missing", result.stderr)
        self.assertIn(b"1 records from 1 of 3 files", result.stdout)
        self.assertEqual(self.messages(), ["read"])

    # The daemon is killed while a file goes in: nothing is lost, doubled or reordered.
    def test_a_restart_in_the_middle_is_survived(self):
        lines = [b"%d %s" % (i, b"x" * 100) for i in range(60_000)]
        process = self.daemon.popen("import", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for start in range(0, len(lines), 20_000):
            process.stdin.write(b"\n".join(lines[start : start + 20_000]) + b"\n")
            process.stdin.flush()
            self.daemon.kill()
            self.daemon.start()
        out, errors = process.communicate(timeout=daemon_test.PATIENCE_S)
        self.assertEqual(process.returncode, 0, errors)
        self.assertRegex(out, rb"^60000 records")
        stored = self.good("tail", "--all", "--output", "cat").splitlines()
        self.assertEqual(stored, lines)


class Guess(WithDaemon):
    """What is no log, or not of the format that is said, is not stored by mistake."""

    def test_what_does_not_look_like_its_format_is_refused_unless_forced(self):
        program = b"\x7fELF\x02\x01\x01\0\0\0 text\n" * 100
        for data, how, says in (
            (program, [], b"NUL bytes"),
            (program, ["--format", "text"], b"NUL bytes"),
            (program, ["--format", "json"], b"NUL bytes"),
            (JSON_LINES, ["--format", "journal"], b"does not begin as the journal's export format does"),
            (b"plain text\n", ["--format", "json"], b"does not begin with a JSON object"),
            (b"\x1f\x8b\x08 compressed", [], b"zcat"),
        ):
            with self.subTest(how=how, says=says):
                result = self.daemon.command("import", *how, data=data)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(says, result.stderr)
                self.assertEqual(self.good("query", "--count"), b"0\n")
        self.good("import", "--force", data=program)
        self.assertEqual(self.good("query", "--count"), b"100\n")

    def test_what_looks_like_its_format_is_not(self):
        self.good("import", "--format", "journal", data=b"MESSAGE=one\n\nMESSAGE\n\x03\0\0\0\0\0\0\0a\0b\n\n")
        self.good("import", "--format", "text", data=JSON_LINES)
        self.good("import", "--format", "json", data=b"\n  {}\n")
        self.good("import", "--format", "json", data=b"")
        self.assertEqual(self.good("query", "--count"), b"7\n")

    def test_a_dry_run_shows_and_stores_nothing(self):
        told = self.good("import", "--dry-run", "--time-pattern", "%F %T", data=b"2024-01-02 03:04:05 a\n" * 5 + b" more\n")
        lines = told.splitlines()
        self.assertEqual([json.loads(line)["message"] for line in lines[:3]], ["a"] * 3)
        self.assertEqual(json.loads(lines[0])["time"], "2024-01-02T03:04:05.000000000Z")
        self.assertEqual(lines[3:], [b"5 records; nothing is stored", b"  1 lines continue the record before"])
        self.assertEqual(self.good("query", "--count"), b"0\n")
        nobody = subprocess.run([daemon_test.SLUICE, "--socket", "/nowhere", "import", "--dry-run"], input=b"x\n",
                                capture_output=True, timeout=daemon_test.PATIENCE_S)
        self.assertEqual(nobody.returncode, 0, nobody.stderr)


class Keys(WithDaemon):
    def test_keys_can_be_named(self):
        line = {"when": "2024-01-02T03:04:05Z", "time": "2020-01-01T00:00:00Z", "rank": "warn", "level": "err", "text": "x",
                "msg": "y"}
        keys = ("--time-field", "when", "--level-field", "rank", "--message-field", "text")
        self.good("import", *keys, data=json.dumps(line).encode() + b'\n{"time":"2020-01-01T00:00:00Z","msg":"z"}\n')
        first, second = (json.loads(each) for each in self.good("query", "-o", "json").splitlines())
        self.assertEqual((first["time"], first["severity"], first["message"]), ("2024-01-02T03:04:05.000000000Z", "warning", "x"))
        self.assertEqual((first["field.time"], first["level"], first["msg"]), ("2020-01-01T00:00:00Z", "err", "y"))
        self.assertEqual((second["time"], second["message"]), ("2020-01-01T00:00:00.000000000Z", "z"))

    @unittest.skipUnless(Path("/usr/share/zoneinfo/Europe/Berlin").exists(), "the zones of tzdata are not installed")
    def test_a_zone_can_have_a_name_and_summers(self):
        self.good("import", "--time-pattern", "%F %T", "--zone", "Europe/Berlin", data=b"2024-01-02 12:00:00 w\n2024-07-02 12:00:00 s\n")
        times = [json.loads(line)["time"] for line in self.good("query", "-o", "json").splitlines()]
        self.assertEqual(times, ["2024-01-02T11:00:00.000000000Z", "2024-07-02T10:00:00.000000000Z"])


class Export(WithDaemon):
    def again(self, exported, *arguments):
        """What a second daemon exports after the import of `exported`."""
        with tempfile.TemporaryDirectory() as directory:
            second = Daemon(directory)
            second.start()
            try:
                result = second.command("import", "--stream", "another", *arguments, data=exported)
                self.assertEqual(result.returncode, 0, result.stderr)
                return second.command("export").stdout
            finally:
                second.kill()

    def test_an_import_of_it_makes_the_same_records(self):
        self.good("import", data=JSON_LINES)
        self.good("log", "--field", "a=\x1b[1m", "bytes \udcff\n")
        exported = self.good("export")
        self.assertEqual(len(records(exported)), 5)
        self.assertEqual(records(self.again(exported)), records(exported))
        text = self.good("export", "--format", "json")
        self.assertEqual(records(self.again(text)), records(exported))

    def test_it_starts_after_a_cursor_and_says_where_it_ended(self):
        self.good("import", data=b'{"msg":"one"}\n{"msg":"two"}\n')
        result = self.daemon.command("export", "--print-cursor", "--grep", "one")
        cursor = result.stderr.decode().split("cursor: ")[1].strip()
        self.assertEqual(result.stdout.count(b"MESSAGE="), 1)
        self.good("import", data=b'{"msg":"three"}\n')
        later = self.good("export", "--after", cursor, "--format", "json")
        self.assertEqual([json.loads(line)["message"] for line in later.splitlines()], ["three"])


class Journal(WithDaemon):
    """What systemd makes of an export."""

    def test_the_journal_shows_the_same_fields_and_values(self):
        self.good("import", "--stream", "shop", data=JSON_LINES)
        self.good("import", data=b'{"msg":"tab\\tand\\nline","v":"\\u0001","w":"x=y"}\n')
        exported = self.good("export")
        path = Path(self.scratch.name) / "out.journal"
        stored = subprocess.run([JOURNAL_REMOTE, "-o", path, "-"], input=exported, capture_output=True, timeout=60)
        self.assertEqual(stored.returncode, 0, stored.stderr)
        shown = subprocess.run(
            ["journalctl", "--file", path, "-o", "json", "--all", "--no-pager"], capture_output=True, timeout=60
        )
        wanted = [self.as_json(entry) for entry in entries(exported)]
        got = [json.loads(line) for line in shown.stdout.splitlines()]
        own = {"__CURSOR", "__MONOTONIC_TIMESTAMP", "__SEQNUM", "__SEQNUM_ID", "_BOOT_ID"}
        got = [{name: value for name, value in entry.items() if name not in own} for entry in got]
        key = lambda entry: json.dumps(entry, sort_keys=True)
        self.assertEqual(sorted(got, key=key), sorted(wanted, key=key))
        # And back: the journal's own export of it is still our records.
        again = subprocess.run(
            ["journalctl", "--file", path, "-o", "export", "--all", "--no-pager"], capture_output=True, timeout=60
        )
        there = Export.again(self, again.stdout)
        self.assertEqual(sorted(records(there)), sorted(records(exported)))

    @staticmethod
    def as_json(entry):
        """An entry as `journalctl -o json --all` writes it."""
        result = {}
        for name, value in entry:
            if name == b"__CURSOR":
                continue
            try:
                text = value.decode()
                # What is not printable becomes an array of its bytes.
                shown = list(value) if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text) else text
            except UnicodeDecodeError:
                shown = list(value)
            result[name.decode()] = shown
        return result


def need_journal():
    global JOURNAL_REMOTE
    places = ("/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote")
    JOURNAL_REMOTE = next((place for place in places if Path(place).exists()), None)
    if JOURNAL_REMOTE is None or subprocess.run(["which", "journalctl"], capture_output=True).returncode != 0:
        print("skipped: systemd-journal-remote is not installed")
        sys.exit(77)


if __name__ == "__main__":
    daemon_test.SLUICE, daemon_test.SLUICED = sys.argv[1:3]
    if "Journal" in sys.argv[3:]:
        need_journal()
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
