#!/usr/bin/env python3
"""Questions about the log: `sluice query` and filtered tails against a real private daemon, and on a store's files.

Usage: query_test.py SLUICE SLUICED
"""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import unittest

import daemon_test
from daemon_test import PATIENCE_S, WithDaemon

os.environ["TZ"] = "UTC"  # Where a test does not say otherwise.

RECORDS = [
    {"time": "2026-03-01T12:00:00Z", "level": "info", "stream": "shop", "msg": "order placed", "user": "ann", "ms": 12},
    {"time": "2026-03-01T12:00:01Z", "level": "error", "stream": "shop", "msg": "disk full", "user": "bob", "ms": 250},
    {"time": "2026-03-01T12:10:00Z", "level": "info", "stream": "web", "msg": "order placed", "user": "bob", "ms": 7},
    {"time": "2026-03-01T12:30:00Z", "level": "warning", "stream": "web", "msg": 'evil \x1b[2J "text", a=b', "user": "eve"},
]


def log_records(test):
    test.good("log", "--format", "json", data="".join(json.dumps(record) + "\n" for record in RECORDS).encode())


class Asking:
    """What tests of questions share."""

    def query(self, *arguments):
        return self.good("query", *arguments).decode()

    def refused(self, *arguments, code, command="query"):
        result = self.daemon.command(command, *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, b"")
        return result.stderr.decode()


class WithRecords(Asking, WithDaemon):
    def setUp(self):
        super().setUp()
        log_records(self)


class ReadOnly(Asking, WithDaemon):
    """One daemon for all tests of a class: they change nothing."""

    @classmethod
    def setUpClass(cls):
        WithDaemon.setUp(cls)
        log_records(cls())

    @classmethod
    def tearDownClass(cls):
        WithDaemon.tearDown(cls)

    def setUp(self):
        pass

    def tearDown(self):
        pass


class Query(ReadOnly):
    def test_filters_select_and_words_are_joined(self):
        self.assertEqual(self.query("-o", "cat", "user:bob"), "disk full\norder placed\n")
        self.assertEqual(self.query("-o", "cat", "user:bob", "disk"), "disk full\n")
        self.assertEqual(self.query("-o", "cat", "ms:>100"), "disk full\n")
        self.assertEqual(self.query("-o", "cat", "nosuchword"), "")
        self.assertEqual(len(self.query().splitlines()), 4)

    def test_time_is_bounded(self):
        cat = ("-o", "cat")
        self.assertEqual(self.query(*cat, "--since", "2026-03-01T12:00:01Z", "--until", "2026-03-01T12:10:00Z"), "disk full\n")
        self.assertEqual(self.query(*cat, "--since", "2026-03-02"), "")
        self.assertEqual(self.query(*cat, "--until", "2026-03-01T13:00:01+01:00"), "order placed\n")

    def test_the_last_rows_and_the_reverse(self):
        self.assertEqual(self.query("-o", "cat", "-n", "2", "user:*", "|", "fields", "user"), "bob\neve\n")
        self.assertEqual(self.query("-o", "cat", "-n", "2", "-r", "* | fields user"), "eve\nbob\n")
        self.assertEqual(self.query("-o", "cat", "-r", "* | fields user"), "eve\nbob\nbob\nann\n")

    def test_count_is_a_number(self):
        self.assertEqual(self.query("--count"), "4\n")
        self.assertEqual(self.query("--count", "user:bob"), "2\n")
        self.assertEqual(self.query("--count", "* | uniq by (user)"), "3\n")
        self.assertEqual(self.query("--count", "disk # and nothing else | head 1"), "1\n")
        self.assertEqual(self.query("--histogram", "disk # and nothing else").count("\n"), 1)
        self.assertEqual(json.loads(self.query("--count", "-o", "json")), {"count": 4})

    def test_explain_is_on_standard_error(self):
        result = self.daemon.command("query", "--explain", "-o", "cat", "disk")
        self.assertEqual(result.stdout, b"disk full\n")
        self.assertRegex(result.stderr.decode(), r"rows")
        self.assertEqual(self.daemon.command("query", "disk").stderr, b"")

    def test_a_tail_goes_on_behind_a_row(self):
        cursor = json.loads(self.query("-o", "json", "-n", "1", "user:bob"))["cursor"]
        self.assertEqual(self.good("tail", "--after", cursor, "--output", "json").count(b"\n"), 1)


class Formats(ReadOnly):
    def test_short(self):
        self.assertEqual(
            self.query("--utc", "user:bob web"), "")
        self.assertRegex(
            self.query("--utc", "disk"), r"^Mar 01 12:00:01\.000000 shop\[\d+\] err: disk full user=bob ms=250\n$")
        self.assertRegex(self.query("--utc", "-o", "short-iso", "disk"), r"^2026-03-01T12:00:01\.000000\+0000 shop\[")
        self.assertIn("\x1b[1;31m", self.query("--color", "always", "disk"))

    def test_json_is_an_object_a_line(self):
        records = [json.loads(line) for line in self.query("-o", "json").splitlines()]
        self.assertEqual([record["message"] for record in records], [record["msg"] for record in RECORDS])
        self.assertEqual(records[0]["ms"], 12)
        self.assertEqual([json.loads(line) for line in self.query("-o", "json", "* | stats by (user) max(ms) as most | sort by (user)").splitlines()],
                         [{"user": "ann", "most": 12}, {"user": "bob", "most": 250}, {"user": "eve"}])

    def test_logfmt(self):
        line = self.query("-o", "logfmt", "disk").strip()
        self.assertTrue(line.startswith('time=2026-03-01T12:00:01.000000000Z severity=err stream=shop message="disk full" user=bob ms=250 '), line)

    def test_csv_has_a_header_from_fields(self):
        rows = list(csv.reader(io.StringIO(self.query("-o", "csv", "* | fields time, user, message, ms"))))
        self.assertEqual(rows[0], ["time", "user", "message", "ms"])
        self.assertEqual(rows[2], ["2026-03-01T12:00:01.000000000Z", "bob", "disk full", "250"])
        self.assertEqual(rows[4][1:], ["eve", RECORDS[3]["msg"], ""])
        self.assertEqual(self.query("-o", "csv", "nosuchword | fields a, b"), "a,b\n")

    def test_cat_is_raw_in_a_pipe(self):
        self.assertEqual(self.query("-o", "cat", "user:eve"), RECORDS[3]["msg"] + "\n")

    def test_export_is_the_journals_format(self):
        lines = self.query("-o", "export", "disk").splitlines()
        for line in ("MESSAGE=disk full", "PRIORITY=3", "SYSLOG_IDENTIFIER=shop", "USER=bob", "__REALTIME_TIMESTAMP=1772366401000000"):
            self.assertIn(line, lines)
        self.assertTrue(lines[0].startswith("__CURSOR="), lines)

    def test_table(self):
        self.assertEqual(
            self.query("-o", "table", "* | stats by (user) count() as n | sort by (user)"),
            "user  n\nann   1\nbob   2\neve   1\n",
        )

    def test_only_cat_and_csv_in_a_pipe_let_control_characters_through(self):
        for name in ("short", "short-iso", "json", "logfmt", "table"):
            with self.subTest(name):
                self.assertNotIn("\x1b", self.query("-o", name, "user:eve"))


class Times(ReadOnly):
    """One zone for what is shown and what is typed, and one meaning of --since everywhere."""

    BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"

    def in_berlin(self, *arguments):
        result = subprocess.run([daemon_test.SLUICE, "--socket", self.daemon.socket, *arguments], capture_output=True,
                                text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL, env=os.environ | {"TZ": self.BERLIN})
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_a_time_without_a_zone_is_local_and_with_utc_it_is_utc(self):
        for command in (["query"], ["tail", "-n", "9"], ["export"]):
            command = [command[0]]
            with self.subTest(command[0]):
                count = lambda *more: self.in_berlin(*command, *more).count("order placed")
                self.assertEqual(count("--since", "2026-03-01 13:00"), 2)
                self.assertEqual(count("--since", "2026-03-01T13:00:00.5"), 1)
                self.assertEqual(count("--since", "2026-03-01T13:00:00.5", "--utc"), 0)
                self.assertEqual(count("--since", "2026-03-01T12:00:00Z"), 2)
                self.assertEqual(count("--since", "2026-03-01T12:05", "--utc"), 1)
        self.assertEqual(self.in_berlin("query", "--count", "--until", "2026-03-01 13:05"), "2\n")
        self.assertEqual(self.in_berlin("query", "--count", "--since", "2026-07-01"), "0\n")

    def test_since_is_the_time_of_the_record_everywhere_and_received_since_is_not(self):
        for command in (["query", "-o", "cat"], ["tail", "-o", "cat"], ["export", "--format", "json"]):
            with self.subTest(command[0]):
                count = lambda *more: len(self.query_with(command, *more).splitlines())
                self.assertEqual(count("--since", "2026-03-01T12:10:00Z"), 2)
                self.assertEqual(count("--since", "1h"), 0)
                self.assertEqual(count("--received-since", "1h"), 4)
                self.assertEqual(count("--received-since", "now"), 0)
        cat = ("tail", "-o", "cat", "--since", "2026-03-01T12:00:01Z")
        self.assertEqual(self.query_with(cat, "disk or order").splitlines(), ["disk full", "order placed"])
        self.assertEqual(self.query_with(cat, "--stream", "web", "order | fields user").splitlines(), ["bob"])
        self.assertEqual(self.query("--count", "--received-since", "1h", "user:bob | fields user"), "2\n")

    def query_with(self, command, *more):
        return self.good(*command, *more).decode()

    def test_every_form_that_is_read_by_people_follows_the_switch(self):
        self.assertIn("time=2026-03-01T13:00:01.000000000+01:00 ", self.in_berlin("query", "-o", "logfmt", "disk"))
        self.assertIn("time=2026-03-01T12:00:01.000000000Z ", self.in_berlin("query", "-o", "logfmt", "--utc", "disk"))
        self.assertIn("\n2026-03-01T13:00:01.000000000+01:00,err,", self.in_berlin("query", "-o", "csv", "disk"))
        self.assertIn("\n2026-03-01T12:00:01.000000000Z,err,", self.in_berlin("tail", "-o", "csv", "--utc", "--all", "disk"))
        by_time = "* | stats by (_time:10m) count() as n, min(time) as first, max(user) as who"
        for form in ("short", "table", "csv", "logfmt", "cat"):
            shown = self.in_berlin("query", "-o", form, by_time)
            self.assertIn("2026-03-01T13:10:00.000000000+01:00", shown, form)
            self.assertIn("2026-03-01T13:00:00.000000000+01:00", shown, form)
            self.assertNotIn("Z", shown)
            self.assertNotIn("+01:00", self.in_berlin("query", "-o", form, "--utc", by_time), form)
        self.assertIn('"_time":"2026-03-01T12:10:00.000000000Z"', self.in_berlin("query", "-o", "json", by_time))
        self.assertIn(",2026-03-01T13:00:01.000000000+01:00", self.in_berlin("tail", "--all", "-o", "csv", "disk | fields user, time"))

    def test_buckets_that_begin_in_utc_and_are_shown_in_local_time_are_told(self):
        def told(zone, *more):
            done = subprocess.run([daemon_test.SLUICE, "--socket", self.daemon.socket, "query", *more], capture_output=True,
                                  text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL, env=os.environ | {"TZ": zone})
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stderr
        by_day = "* | stats by (_time:1d) count() as n"
        self.assertEqual(told("XYZ-5:30", by_day),
            "sluice query: buckets of _time:1d begin in UTC, and are shown in the local zone, as other times; "
            "'_time:1d offset 5h30m' begins them there, --utc shows UTC\n")
        self.assertIn("'_time:1d offset -3h0m'", told("XYZ3", by_day))
        self.assertIn("'_time:1h offset 5h30m'", told("XYZ-5:30", "* | stats by (_time:1h) count() as n"))
        for silent in (("UTC", by_day), ("XYZ-5:30", "--utc", by_day), ("XYZ-5:30", "-o", "json", by_day),
                       ("XYZ-5:30", "* | stats by (_time:10m) count() as n"), ("XYZ-5:30", "* | stats by (user:10) count() as n"),
                       ("XYZ-5:30", "* | stats by (_time:1d offset 5h30m) count() as n")):
            self.assertEqual(told(*silent), "", silent)

    def test_what_is_shown_can_be_typed_back(self):
        for zone in ([], ["--utc"]):
            iso = self.in_berlin("query", *zone, "-o", "short-iso", "disk").split()[0]
            logfmt = self.in_berlin("query", *zone, "-o", "logfmt", "disk").split()[0].removeprefix("time=")
            csv_row = self.in_berlin("query", *zone, "-o", "csv", "disk").splitlines()[1].split(",")[0]
            drawn = " ".join(self.in_berlin("query", *zone, "--histogram", "disk").split()[:2])
            for shown in (iso, logfmt, csv_row, drawn):
                self.assertEqual(self.in_berlin("query", *zone, "--count", "--since", shown, "disk"), "1\n", shown)
                self.assertEqual(self.in_berlin("query", *zone, "--count", "--until", shown, "disk"), "0\n", shown)


class ShownTimes(WithDaemon):
    def test_a_short_line_has_the_time_of_its_year(self):
        self.good("log", "one")
        for zone in ([], ["--utc"]):
            shown = " ".join(self.good("query", *zone).decode().split()[:3])
            self.assertEqual(self.good("query", "--count", *zone, "--since", shown), b"1\n", shown)
            second = shown.split(".")[0]
            self.assertEqual(self.good("query", "--count", *zone, "--until", second), b"0\n", second)


class Histogram(ReadOnly):
    def test_draws_a_bar_for_each_piece_of_time(self):
        lines = self.query("--histogram", "--utc").splitlines()
        self.assertEqual(len(lines), 31)  # A minute each, from 12:00 to 12:30.
        self.assertRegex(lines[0], r"^2026-03-01 12:00  █{40,}  2$")
        self.assertRegex(lines[1], r"^2026-03-01 12:01 +0$")
        self.assertRegex(lines[10], r"^2026-03-01 12:10  █{20,}▌? +1$")
        self.assertEqual({len(line) for line in lines}, {80})

    def test_takes_a_filter_and_nothing_to_draw_is_nothing(self):
        self.assertEqual(len(self.query("--histogram", "user:bob | where ms:>100").splitlines()), 1)
        self.assertEqual(self.query("--histogram", "nosuchword"), "")

    def test_other_pipes_and_options_are_usage_errors(self):
        self.assertIn("'sort'", self.refused("--histogram", "* | sort by (user)", code=2))
        self.assertIn("--histogram", self.refused("--histogram", "-n", "3", code=2))
        self.assertIn("--count", self.refused("--histogram", "--count", code=2))


class Errors(ReadOnly):
    def check_caret(self, text, column, command="query"):
        lines = self.refused(text, code=2, command=command).splitlines()
        self.assertTrue(lines[0].startswith(f"sluice {command}: column {column}: expected "), lines)
        self.assertEqual(lines[1].strip(), text.strip())
        self.assertEqual(lines[2].index("^") - 2, len(text.encode()[: column - 1].decode(errors="replace")), lines)

    def test_a_caret_is_under_the_character(self):
        self.check_caret("level:", 7)
        self.check_caret("a or", 5)
        self.check_caret("* | frobnicate", 5)
        self.check_caret("größe: |", 10)  # A column is a byte, the place of the caret a character.
        self.check_caret("* | stats count( | x", 18)
        self.check_caret("a or", 5, command="tail")

    def test_a_long_query_is_shown_around_the_place(self):
        text = self.refused("word " * 100 + "level:", code=2).splitlines()
        self.assertTrue(text[1].startswith("  ...") and text[1].endswith("level:"), text)
        self.assertLess(len(text[1]), 80)
        self.assertEqual(text[2].index("^"), len(text[1]))

    def test_control_characters_of_the_query_are_escaped(self):
        text = self.refused("\x1b[2J (", code=2)
        self.assertNotIn("\x1b", text)
        lines = text.splitlines()
        self.assertEqual(lines[1][: lines[2].index("^")].strip()[:4], "\\x1b"[: len(lines[1][: lines[2].index("^")].strip())])

    def test_usage_and_limits_have_their_exit_codes(self):
        self.assertIn("not a time", self.refused("--since", "yesterday-ish", code=2))
        self.assertIn("xml", self.refused("-o", "xml", code=2))
        self.assertIn("'sort'", self.refused("a | sort by (b)", code=2, command="tail"))


class Limits(WithRecords):
    def test_what_needs_too_much_memory_exits_with_3(self):
        self.daemon.stop()
        config = self.daemon.directory / "small.yaml"
        config.write_text(
            f"store: {{directory: {self.daemon.directory}/store}}\n"
            f"listen: {{socket: {self.daemon.socket}}}\n"
            "limits: {query_memory_bytes_max: 1 MiB, queries_max: 1, query_wait_timeout: 0}\n"
        )
        self.daemon.start("--config", str(config))
        self.good("log", data=b"".join(b"number %d\n" % i for i in range(50_000)))
        self.assertIn("limit_exceeded", self.refused("* | stats by (message) count() as n", code=3))
        self.assertEqual(self.query("--count", "number"), "50000\n")
        # One query fills the pipe that nobody reads: there is no place for a second one.
        self.good("log", data=(b"y" * 1000 + b"\n") * 20_000)
        first = self.daemon.popen("query", "y*", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertNotEqual(first.stdout.read(1), b"")
        self.assertIn("queries_max", self.refused("--count", "number", code=3))
        first.kill()
        first.wait()
        first.stdout.close()
        first.stderr.close()


class Stopping(WithDaemon):
    def running(self):
        return json.loads(self.good("status", "--output", "json"))["connections"]["queries_running"]

    def test_ctrl_c_stops_the_work_in_the_daemon(self):
        self.good("log", data=(b"z" * 1000 + b"\n") * 40_000)
        query = self.daemon.popen("query", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        query.stdout.read(1)  # It has begun; the pipe is full, and the daemon waits for credit.
        self.assertEqual(self.running(), 1)
        query.send_signal(signal.SIGINT)
        self.assertEqual(query.wait(PATIENCE_S), 1)
        self.assertIn(b"stopped", query.stderr.read())
        query.stdout.close()
        query.stderr.close()
        deadline = time.monotonic() + PATIENCE_S
        while self.running() != 0:
            self.assertLess(time.monotonic(), deadline)

    def test_a_reader_that_closes_the_pipe_ends_it_quietly(self):
        self.good("log", data=b"x\n" * 200_000)
        query = self.daemon.popen("query", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        query.stdout.readline()
        query.stdout.close()
        self.assertEqual(query.wait(PATIENCE_S), 0)
        self.assertEqual(query.stderr.read(), b"")
        query.stderr.close()

    def test_a_daemon_that_goes_away_is_an_error(self):
        self.good("log", data=(b"z" * 1000 + b"\n") * 40_000)
        query = self.daemon.popen("query", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        query.stdout.read(1)
        self.daemon.kill()
        query.stdout.read()
        self.assertEqual(query.wait(PATIENCE_S), 1)
        self.assertIn(b"closed", query.stderr.read())
        query.stdout.close()
        query.stderr.close()


class Terminal(ReadOnly):
    def on_terminal(self, *arguments):
        """What a terminal shows: standard output and standard error together."""
        main, side = pty.openpty()
        process = self.daemon.popen("query", *arguments, stdin=side, stdout=side, stderr=side)
        os.close(side)
        shown = b""
        while True:
            if not select.select([main], [], [], PATIENCE_S)[0]:
                self.fail(f"nothing came: {shown}")
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        os.close(main)
        self.assertEqual(process.wait(PATIENCE_S), 0, shown)
        return shown.decode().replace("\r\n", "\n")

    def test_computed_rows_are_a_table_and_counts_follow(self):
        shown = self.on_terminal("--color", "never", "* | stats by (user) count() as n | sort by (user)")
        self.assertTrue(shown.startswith("user  n\nann   1\n"), shown)
        self.assertRegex(shown, r"3 rows; 4 of 4 records match; [\d.]+ ms\n$")

    def test_untrusted_text_cannot_steer_it(self):
        for name in ("short", "short-iso", "json", "logfmt", "csv", "cat", "table"):
            with self.subTest(name):
                self.assertNotIn("\x1b", self.on_terminal("--color", "never", "-o", name, "user:eve"))


class Store(WithRecords):
    def offline(self, *arguments):
        result = subprocess.run(
            [daemon_test.SLUICE, "query", "--store", str(self.daemon.directory / "store"), *arguments],
            capture_output=True, timeout=PATIENCE_S, env={"SLUICE_SOCKET": "/nonexistent", "PATH": ""},
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.decode()

    QUESTIONS = (
        ("-o", "json"), ("-o", "json", "user:bob"), ("-o", "json", "-n", "2"), ("--count",), ("--histogram", "--utc"),
        ("-o", "csv", "* | stats by (user) count() as n | sort by (user)"), ("-o", "cat", "-r"), ("-o", "cat", "* | head 1"),
    )

    def test_answers_are_those_of_the_daemon_running_or_not(self):
        expected = [self.query(*question) for question in self.QUESTIONS]
        self.assertEqual([self.offline(*question) for question in self.QUESTIONS], expected)
        self.daemon.stop()
        self.assertEqual([self.offline(*question) for question in self.QUESTIONS], expected)
        self.daemon.start()
        self.assertEqual([self.query(*question) for question in self.QUESTIONS], expected)

    def test_sealed_parts_are_read_too(self):
        self.daemon.stop()
        config = self.daemon.directory / "seal.yaml"
        config.write_text(
            f"store: {{directory: {self.daemon.directory}/store, seal_rows_max: 1024}}\nlisten: {{socket: {self.daemon.socket}}}\n"
        )
        self.daemon.start("--config", str(config))
        self.good("log", "--ack", "durable", data=b"".join(b"line %d of many\n" % i for i in range(20_000)))
        store = self.daemon.directory / "store"
        deadline = time.monotonic() + PATIENCE_S
        while not list(store.glob("part-*.slp")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.good("log", "--ack", "durable", data=b"one more line\n" * 100)
        questions = self.QUESTIONS + (("--count", "line"), ("-o", "cat", "-n", "30", "line"), ("-o", "cat", '"line 777"'))
        expected = [self.query(*question) for question in questions]
        self.assertEqual(self.query("--count", "line"), "20100\n")
        self.assertEqual([self.offline(*question) for question in questions], expected)
        self.daemon.kill()
        self.assertEqual([self.offline(*question) for question in questions], expected)

    def test_a_store_that_is_written_is_read_to_a_point(self):
        log = self.daemon.popen("log", stdin=subprocess.PIPE)
        last = 0
        for i in range(30):
            log.stdin.write(b"".join(b"n%d\n" % n for n in range(i * 1000, (i + 1) * 1000)))
            log.stdin.flush()
            words = self.offline("-o", "cat", "n*").split()
            self.assertEqual(words, [f"n{n}" for n in range(len(words))])
            self.assertGreaterEqual(len(words), last)
            last = len(words)
        log.stdin.close()
        self.assertEqual(log.wait(PATIENCE_S), 0)
        self.assertEqual(self.offline("--count", "n*"), "30000\n")

    def test_damage_is_told_and_the_rest_is_read(self):
        self.good("log", "--ack", "durable", data=b"good message\n" * 1000)
        self.good("log", "--ack", "durable", "the last one")
        self.daemon.stop()
        store = self.daemon.directory / "store"
        segment = next(path for path in sorted(store.iterdir()) if b"good message" in path.read_bytes())
        data = bytearray(segment.read_bytes())
        data[data.index(b"good message")] ^= 1
        segment.write_bytes(data)
        result = self.daemon.command("query", "--store", str(store), "-o", "cat", "last")
        self.assertEqual((result.returncode, result.stdout), (0, b"the last one\n"))
        self.assertIn(b"1000 records could not be read", result.stderr)
        self.assertIn(b"1 parts or places of the log are damaged", result.stderr)
        place = rf"records 5 to 1004.*: {segment.name} at [0-9]+: [0-9]+ bytes are no valid frame"
        self.assertRegex(result.stderr.decode(), place)
        self.daemon.start()
        for arguments, lines in ((["tail", "--all", "-o", "cat"], 5), (["tail", "--all", "-o", "cat", "last"], 1),
                                 (["export", "--format", "json"], 5)):
            with self.subTest(arguments):
                result = self.daemon.command(*arguments)
                self.assertEqual(result.returncode, 1)
                self.assertEqual(result.stdout.count(b"\n"), lines)
                self.assertIn(b"the last one", result.stdout)
                self.assertRegex(result.stderr.decode(), f"sluice {arguments[0]}: {place}")
        result = self.daemon.command("query", "-o", "cat", "last")
        self.assertEqual((result.returncode, result.stdout), (0, b"the last one\n"))
        self.assertIn(b"1 parts or places of the log are damaged", result.stderr)
        self.assertEqual(self.good("tail", "-n", "1", "-o", "cat"), b"the last one\n")

    def test_a_missing_store_exits_with_1(self):
        result = self.daemon.command("query", "--store", "/nonexistent")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"/nonexistent", result.stderr)


class Tail(WithRecords):
    def test_takes_a_filter_of_the_language(self):
        self.assertEqual(self.good("tail", "--output", "cat", "ms:>5 not disk"), b"order placed\norder placed\n")
        self.assertEqual(self.good("tail", "-n", "1", "--output", "cat", "user:bob"), b"order placed\n")
        self.assertEqual(self.good("tail", "--stream", "shop", "user:bob | fields user, ms"), b"user=bob ms=250\n")

    def test_follows_with_it(self):
        tail = self.daemon.popen("tail", "-f", "-n", "0", "--output", "cat", "level:<=err", stdout=subprocess.PIPE)
        deadline = time.monotonic() + PATIENCE_S
        while json.loads(self.good("status", "--output", "json"))["connections"]["tails"] < 2:
            self.assertLess(time.monotonic(), deadline)
        self.good("log", "quiet")
        self.good("log", "--severity", "err", "loud")
        self.assertEqual(tail.stdout.readline(), b"loud\n")
        tail.send_signal(signal.SIGINT)
        self.assertEqual(tail.wait(PATIENCE_S), 0)
        tail.stdout.close()


if __name__ == "__main__":
    daemon_test.SLUICE, daemon_test.SLUICED = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
