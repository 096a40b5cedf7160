#!/usr/bin/env python3
"""The command against a real private daemon: what goes in comes out, and a restart in the middle is survived.

Usage: daemon_test.py SLUICE SLUICED
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime
from pathlib import Path

PATIENCE_S = 60


class Daemon:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.socket = str(self.directory / "sluice.sock")
        self.process = None

    def start(self, *how):
        how = how or ("--private", str(self.directory))
        with open(self.directory / "daemon.log", "ab") as log:
            self.process = subprocess.Popen([SLUICED, *how], stdout=log, stderr=log)
        self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + PATIENCE_S
        while self.command("status").returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(self.log())
            time.sleep(0.02)

    def log(self):
        return (self.directory / "daemon.log").read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        if self.process.wait(PATIENCE_S) != 0:
            raise RuntimeError(self.log())

    def popen(self, *arguments, **options):
        return subprocess.Popen([SLUICE, "--socket", self.socket, *arguments], **options)

    def command(self, *arguments, data=b""):
        return subprocess.run(
            [SLUICE, "--socket", self.socket, *arguments], input=data, capture_output=True, timeout=PATIENCE_S
        )


class WithDaemon(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.daemon = Daemon(self.scratch.name)
        self.daemon.start()

    def tearDown(self):
        self.daemon.kill()
        self.scratch.cleanup()

    def good(self, *arguments, data=b""):
        result = self.daemon.command(*arguments, data=data)
        self.assertEqual(result.returncode, 0, result.stderr.decode(errors="replace"))
        return result.stdout


def closing(*descriptors):
    """A preexec_fn: the program starts without these of the descriptors 0, 1 and 2."""
    return lambda: [os.close(descriptor) for descriptor in descriptors]


class MissingDescriptors(WithDaemon):
    """A program that opens a socket or a file as its descriptor 1 or 2 writes its messages there."""

    def run_without(self, descriptors, *arguments, **streams):
        return subprocess.run([SLUICE, "--socket", self.daemon.socket, *arguments], preexec_fn=closing(*descriptors),
                              timeout=PATIENCE_S, **streams)

    def test_nothing_that_the_command_prints_becomes_a_request(self):
        self.good("log", "--stream", "s", "stored")
        for arguments in (["tail", "--all"], ["query"], ["get", "files:none"], ["status"]):
            with self.subTest(arguments[0]):
                result = self.run_without([1], *arguments, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
                self.assertEqual(result.returncode, 1)
                self.assertNotIn(b"malformed", result.stderr)
                self.assertEqual(self.run_without([1, 2], *arguments, stdin=subprocess.DEVNULL).returncode, 1)
        self.assertEqual(self.good("query", "--count"), b"1\n")

    def test_a_missing_standard_input_is_no_empty_file(self):
        self.good("put", "files:a", data=b"kept")
        result = self.run_without([0], "put", "files:a", stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"standard input", result.stderr)
        self.assertEqual(self.good("get", "files:a"), b"kept")

    def test_a_standard_error_that_takes_nothing_ends_no_command(self):
        with open("/dev/full", "wb") as full:
            for arguments in (["get", "files:none"], ["frobnicate"], ["log", "--field", "_uid=0", "x"]):
                with self.subTest(arguments[0]):
                    result = self.run_without([], *arguments, stderr=full, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
                    self.assertIn(result.returncode, (0, 1, 2))

    def test_the_daemon_writes_no_message_into_its_store(self):
        self.daemon.stop()
        for descriptors in ([2], [1, 2], [0, 1, 2]):
            with self.subTest(descriptors):
                self.daemon.process = subprocess.Popen([SLUICED, "--private", str(self.daemon.directory)],
                                                       preexec_fn=closing(*descriptors))
                self.daemon.wait_until_ready()
                self.daemon.stop()
                lock = (self.daemon.directory / "store/lock").read_text()
                self.assertEqual(lock, f"{self.daemon.process.pid}\n")


class Put(WithDaemon):
    def test_a_file_that_is_there_keeps_its_mode(self):
        path = self.daemon.directory / "files/a"
        self.good("put", "files:a", data=b"1")
        self.assertEqual(path.stat().st_mode & 0o7777, 0o640)
        for mode, size in ((0o600, 5), (0o666, 5), (0o600, 9 << 20)):
            path.chmod(mode)
            self.good("put", "files:a", data=b"a" * size)
            self.assertEqual(path.stat().st_mode & 0o7777, mode)
        self.good("put", "--mode", "0604", "files:a", data=b"1")
        self.assertEqual(path.stat().st_mode & 0o7777, 0o604)

    def test_directories_are_made_where_that_is_asked_for(self):
        self.assertEqual(self.daemon.command("put", "files:notes/today.txt", data=b"1").returncode, 1)
        self.good("put", "--parents", "files:notes/today.txt", data=b"1")
        self.good("put", "--parents", "files:notes/large", data=b"a" * (9 << 20))
        self.assertEqual(self.good("get", "files:notes/today.txt"), b"1")


class Log(WithDaemon):
    def test_a_message_comes_back_with_its_fields_and_the_trusted_ones(self):
        self.good("log", "--stream", "shop/web", "--severity", "err", "--field", "user=ada", "--ack", "durable", "hello")
        record = json.loads(self.good("tail", "--output", "json"))
        self.assertEqual(record["message"], "hello")
        self.assertEqual(record["severity"], "err")
        self.assertEqual(record["stream"], "shop/web")
        self.assertEqual(record["user"], "ada")
        self.assertEqual(record["_uid"], os.getuid())

    def test_a_field_that_is_the_daemons_own_is_dropped_and_told(self):
        result = self.daemon.command("log", "--field", "_uid=0", "x")
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"dropped", result.stderr)
        self.assertEqual(json.loads(self.good("tail", "--output", "json"))["_uid"], os.getuid())

    def test_lines_are_stored_in_order_as_the_bytes_they_are(self):
        lines = [b"line %d" % i for i in range(50_000)] + [b"", b"\xff\xfe not UTF-8", b"tab\there", b"a\0NUL\0"]
        self.good("log", data=b"\n".join(lines) + b"\n")
        self.assertEqual(self.good("tail", "--all", "--output", "cat").split(b"\n")[:-1], lines)

    def test_a_last_line_without_line_end_counts(self):
        self.good("log", data=b"first\nlast")
        self.assertEqual(self.good("tail", "--output", "cat"), b"first\nlast\n")

    def test_a_line_above_the_limit_is_split_and_marked(self):
        self.good("log", data=b"a" * (2 * 2**20 + 5) + b"\nshort\n")
        records = [json.loads(line) for line in self.good("tail", "--output", "json").splitlines()]
        self.assertEqual([len(record["message"]) for record in records], [2**20, 2**20, 5, 5])
        self.assertEqual([record.get("line_part") for record in records], [1, 2, 3, None])
        self.assertEqual([record.get("line_more") for record in records], [True, True, False, None])

    def test_json_keys_become_fields(self):
        self.good("log", "--format", "json", "--field", "host=a", data=b'{"msg":"hi","level":"warn","ms":17}\nnot json\n')
        first, second = (json.loads(line) for line in self.good("tail", "--output", "json").splitlines())
        self.assertEqual((first["message"], first["severity"], first["ms"], first["host"]), ("hi", "warning", 17, "a"))
        self.assertEqual((second["message"], second["host"]), ("not json", "a"))

    # A slow pipe is not held back until a batch is full.
    def test_what_contains_a_nul_is_whole(self):
        self.good("log", "--format", "json", data=b'{"msg":"a\\u0000b","key":"\\u0000c"}\n')
        self.good("log", data=b"\0line\0")
        first, second = (json.loads(line) for line in self.good("tail", "--output", "json").splitlines())
        self.assertEqual((first["message"], first["key"], second["message"]), ("a\0b", "\0c", "\0line\0"))

    def test_lines_that_are_not_json_objects_are_kept_and_counted(self):
        result = self.daemon.command("log", "--format", "json", data=b'{"a":1}\nnot json\n[1]\n')
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"2 lines are not JSON objects", result.stderr)
        self.assertEqual(self.good("tail", "-n", "2", "--output", "cat"), b"not json\n[1]\n")

    def test_an_odd_value_is_mended_and_counted(self):
        fields = b",".join(b'"k%d":1' % i for i in range(1100))
        lines = b'\xef\xbb\xbf{"msg":"a","level":"error","n":1e400}\r\n{"msg":"b",' + fields + b"}\n"
        result = self.daemon.command("log", "--format", "json", "--field", "host=h", data=lines)
        self.assertIn(b"2 lines have a value that was mended", result.stderr)
        first, second = (json.loads(line) for line in self.good("tail", "--output", "json").splitlines())
        self.assertEqual((first["severity"], first["message"], first["n"], first["host"]), ("err", "a", "1e400", "h"))
        self.assertIn("n", first["parse_error"])
        self.assertEqual((second["k0"], json.loads(second["unparsed"])["k1099"], second["host"]), (1, 1, "h"))
        self.assertIn(b"1 lines have a value that was mended", self.good("import", "--format", "json", data=lines[:44]))

    def test_a_line_is_delivered_while_the_pipe_stays_open(self):
        tail = self.daemon.popen("tail", "-f", "-n", "0", "--output", "cat", stdout=subprocess.PIPE)
        log = self.daemon.popen("log", stdin=subprocess.PIPE)
        self.wait_for_tails(1)
        log.stdin.write(b"prompt\n")
        log.stdin.flush()
        self.assertEqual(tail.stdout.readline(), b"prompt\n")
        log.stdin.close()
        self.assertEqual(log.wait(PATIENCE_S), 0)
        tail.send_signal(signal.SIGINT)
        self.assertEqual(tail.wait(PATIENCE_S), 0)
        tail.stdout.close()

    def wait_for_tails(self, count):
        deadline = time.monotonic() + PATIENCE_S
        # `-n 0` asks twice: where the log ends, then to follow from there.
        while json.loads(self.good("status", "--output", "json"))["connections"]["tails"] < 2 * count:
            self.assertLess(time.monotonic(), deadline, "the tail did not begin")
            time.sleep(0.01)


class Tail(WithDaemon):
    def test_filters_and_starts_select(self):
        self.good("log", "--stream", "a", "--severity", "err", "bad thing")
        self.good("log", "--stream", "a", "fine")
        self.good("log", "--stream", "b", "--field", "k=v", "other")
        cat = ("tail", "--output", "cat")
        self.assertEqual(self.good(*cat, "--stream", "a"), b"bad thing\nfine\n")
        self.assertEqual(self.good(*cat, "--severity", "warning"), b"bad thing\n")
        self.assertEqual(self.good(*cat, "--field", "k=v"), b"other\n")
        self.assertEqual(self.good(*cat, "--grep", "thin"), b"bad thing\n")
        self.assertEqual(self.good(*cat, "-n", "1"), b"other\n")
        self.assertEqual(self.good(*cat, "--since", "1h"), b"bad thing\nfine\nother\n")

    def test_a_cursor_continues_exactly(self):
        cursor = self.good("log", "--print-cursor", "one").decode().strip()
        self.good("log", "two")
        self.good("log", "three")
        result = self.daemon.command("tail", "--after", cursor, "--output", "cat", "--print-cursor")
        self.assertEqual(result.stdout, b"two\nthree\n")
        last = result.stderr.decode().split("cursor: ")[1].strip()
        self.assertEqual(self.good("tail", "--after", last), b"")

    def test_colours_come_only_when_asked_for_or_on_a_terminal(self):
        self.good("log", "--severity", "err", "red")
        self.assertNotIn(b"\x1b[", self.good("tail"))
        self.assertIn(b"\x1b[", self.good("tail", "--color", "always"))

    def test_a_reader_that_closes_the_pipe_ends_it_quietly(self):
        self.good("log", data=b"x\n" * 100_000)
        tail = self.daemon.popen("tail", "-f", "--all", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        tail.stdout.readline()
        tail.stdout.close()
        self.assertEqual(tail.wait(PATIENCE_S), 0)
        self.assertEqual(tail.stderr.read(), b"")
        tail.stderr.close()


class Restart(WithDaemon):
    def connections(self):
        return json.loads(self.good("status", "--output", "json"))["connections"]

    def connections_accepted(self):
        return self.connections()["accepted"]

    # The daemon is killed while lines go in and come out: nothing is lost, doubled or reordered.
    def test_a_running_log_and_tail_survive_it(self):
        tail = self.daemon.popen("tail", "-f", "--all", "--output", "cat", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        log = self.daemon.popen("log", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        expected = []
        for generation in range(4):
            lines = [b"%d %d" % (generation, i) for i in range(20_000)]
            log.stdin.write(b"\n".join(lines) + b"\n")
            log.stdin.flush()
            expected += lines
            self.daemon.kill()
            self.daemon.start()
        log.stdin.close()
        self.assertEqual(log.wait(PATIENCE_S), 0, log.stderr.read())
        for number, line in enumerate(expected):
            self.assertEqual(tail.stdout.readline(), line + b"\n", f"line {number}")
        tail.send_signal(signal.SIGINT)
        self.assertEqual(tail.wait(PATIENCE_S), 0, tail.stderr.read())
        for stream in (tail.stdout, tail.stderr, log.stderr):
            stream.close()

    # A record that waits for the daemon has the time of its event.
    def test_what_waits_has_the_time_at_which_it_was_logged(self):
        for arguments, line in ((("log",), b"waits"), (("log", "--format", "json"), b'{"msg": "waits"}')):
            log = self.daemon.popen(*arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            log.stdin.write(line.replace(b"waits", b"comes") + b"\n")
            log.stdin.flush()
            deadline = time.monotonic() + PATIENCE_S
            while b"comes" not in self.good("tail", "--output", "cat", "-n", "1"):
                self.assertLess(time.monotonic(), deadline)
            self.daemon.kill()
            log.stdin.write(line + b"\n")
            log.stdin.close()
            self.assertIn(b"waiting", log.stderr.readline())  # It has read the line.
            time.sleep(0.3)
            back_ns = time.time_ns()
            self.daemon.start()
            self.assertEqual(log.wait(PATIENCE_S), 0)
            log.stderr.close()
            record = json.loads(self.good("tail", "--output", "json", "-n", "1", "--utc"))
            self.assertEqual(record["message"], "waits")
            self.assertLess(datetime.fromisoformat(record["time"][:26] + "+00:00").timestamp() * 1e9, back_ns)

    def test_a_put_survives_it(self):
        put = self.daemon.popen("put", "files:big", stdin=subprocess.PIPE)
        data = os.urandom(12 * 2**20)
        put.stdin.write(data[: 2**20])
        self.daemon.stop()
        self.daemon.start()
        put.stdin.write(data[2**20 :])
        put.stdin.close()
        self.assertEqual(put.wait(PATIENCE_S), 0)
        self.assertEqual(self.good("get", "files:big"), data)

    # The daemon is away when the last byte of standard input has come.
    def test_a_put_waits_for_a_daemon_that_went_away_while_it_read(self):
        asked = before = self.connections_accepted()
        put = self.daemon.popen("put", "files:late", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        put.stdin.write(b"first ")
        put.stdin.flush()
        while asked == before:  # Each question is a connection itself; one more is that of put.
            before += 1
            asked = self.connections_accepted()
        deadline = time.monotonic() + PATIENCE_S
        while self.connections()["open"] > 1:  # It has been greeted, and reads its standard input.
            self.assertLess(time.monotonic(), deadline)
        self.daemon.stop()
        put.stdin.write(b"second")
        put.stdin.close()
        self.assertIn(b"waiting for sluiced", put.stderr.readline())
        self.daemon.start()
        self.assertEqual(put.wait(PATIENCE_S), 0)
        put.stderr.close()
        self.assertEqual(self.good("get", "files:late"), b"first second")

    # What came before the daemon went away is not the whole file, and the exit code says so.
    def test_a_get_that_loses_the_daemon_fails(self):
        self.good("put", "files:big", data=bytes(40 * 2**20))
        for command in ("get", "cat"):
            with self.subTest(command):
                reader = self.daemon.popen(command, "files:big", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertEqual(len(reader.stdout.read(2**20)), 2**20)
                self.daemon.kill()
                output, errors = reader.communicate(timeout=PATIENCE_S)
                self.assertLess(len(output), 39 * 2**20)
                self.assertEqual(reader.returncode, 1, errors)
                self.assertIn(b"big", errors)
                self.daemon.start()

    # The daemon is told to stop while a reader is in the middle of a file: it gets the rest first.
    def test_a_get_in_flight_is_finished_before_the_daemon_stops(self):
        data = os.urandom(6 * 2**20)
        self.good("put", "files:big", data=data)
        get = self.daemon.popen("get", "files:big", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        first = get.stdout.read(1)
        self.daemon.process.terminate()
        time.sleep(0.3)
        self.assertEqual(first + get.stdout.read(), data)
        self.assertEqual((get.wait(PATIENCE_S), get.stderr.read()), (0, b""))
        self.assertEqual(self.daemon.process.wait(PATIENCE_S), 0, self.daemon.log())
        get.stdout.close()
        get.stderr.close()

    def test_a_tail_is_told_that_the_daemon_stops(self):
        self.good("log", "one")
        tail = self.daemon.popen("tail", "-f", "--all", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        tail.stdout.readline()
        self.daemon.stop()
        self.assertIn(b"the daemon is stopping", tail.stderr.readline())
        tail.kill()
        tail.wait()
        tail.stdout.close()
        tail.stderr.close()

    def test_wait_begins_before_there_is_a_daemon(self):
        self.daemon.stop()
        log = self.daemon.popen("log", "--wait", "early", stderr=subprocess.PIPE)
        self.assertIn(b"waiting for sluiced", log.stderr.readline())
        self.daemon.start()
        self.assertEqual(log.wait(PATIENCE_S), 0)
        log.stderr.close()
        self.assertEqual(self.good("tail", "--output", "cat"), b"early\n")


class ServiceManager(unittest.TestCase):
    def test_is_told_of_each_state_and_asked_for_time(self):
        with tempfile.TemporaryDirectory() as scratch, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(scratch + "/notify")
            manager.settimeout(PATIENCE_S)
            environment = dict(os.environ, NOTIFY_SOCKET=scratch + "/notify")
            process = subprocess.Popen([SLUICED, "--private", scratch + "/d"], env=environment, stderr=subprocess.DEVNULL)
            for expected in (b"EXTEND_TIMEOUT_USEC=", b"READY=1\n"):
                self.assertTrue(manager.recv(4096).startswith(expected))
            process.terminate()
            for expected in (b"STOPPING=1\n", b"EXTEND_TIMEOUT_USEC="):
                self.assertTrue(manager.recv(4096).startswith(expected))
            self.assertEqual(process.wait(PATIENCE_S), 0)


class Files(WithDaemon):
    def test_what_is_put_is_got(self):
        for data in (b"", b"small", os.urandom(3 * 2**20), os.urandom(9 * 2**20)):
            with self.subTest(len(data)):
                self.good("put", "--durable", "files:a.bin", data=data)
                self.assertEqual(self.good("get", "files:a.bin"), data)
        self.assertEqual(self.good("get", "files:a.bin", "--offset", "5", "--length", "7"), data[5:12])

    def test_append_cat_and_stat_agree(self):
        self.good("append", "files:log", data=b"one\n")
        self.good("append", "--durable", "files:log", data=b"two\n")
        self.assertEqual(self.good("cat", "files:log", "files:log"), b"one\ntwo\none\ntwo\n")
        info = json.loads(self.good("stat", "files:log", "--output", "json"))
        self.assertEqual((info["size"], info["type"], info["uid"]), (8, "file", os.getuid()))
        self.assertIn(b"8 B", self.good("stat", "files:log"))

    def test_a_missing_file_exits_with_1_and_policy_with_3(self):
        missing = self.daemon.command("get", "files:none")
        self.assertEqual(missing.returncode, 1)
        self.assertIn(b"files:none", missing.stderr)
        self.assertEqual(self.daemon.command("get", "files:../daemon.log").returncode, 3)

    def test_cat_goes_on_after_a_missing_file(self):
        self.good("put", "files:b", data=b"b")
        result = self.daemon.command("cat", "files:none", "files:b")
        self.assertEqual((result.returncode, result.stdout), (1, b"b"))


class Daemonless(WithDaemon):
    def test_verify_finds_a_clean_store_clean_and_a_damaged_one_not(self):
        self.good("log", "--ack", "durable", data=b"some message\n" * 10_000)
        self.good("log", "--ack", "durable", "the last one")
        self.daemon.stop()
        store = self.daemon.directory / "store"
        clean = self.daemon.command("verify", "--store", str(store))
        self.assertEqual(clean.returncode, 0, clean.stdout)
        self.assertIn(b"10001 records", clean.stdout)
        segment = next(path for path in sorted(store.iterdir()) if b"some message" in path.read_bytes())
        data = bytearray(segment.read_bytes())
        data[data.index(b"some message")] ^= 1
        segment.write_bytes(data)
        damaged = self.daemon.command("verify", "--store", str(store))
        self.assertEqual(damaged.returncode, 1, damaged.stdout)
        self.assertIn(segment.name.encode(), damaged.stdout)


class StoreThatGoesAway(WithDaemon):
    def assert_told(self):
        deadline = time.monotonic() + PATIENCE_S
        while not (gone := json.loads(self.good("status", "--output", "json"))["store"]["gone"]):
            self.assertLess(time.monotonic(), deadline)
        self.assertIn("removed or replaced", gone)
        self.assertIn(b"removed or replaced", self.good("status"))
        log = self.daemon.popen("log", "--ack", "durable", "never", stderr=subprocess.PIPE)
        self.assertIn(b"removed or replaced", log.stderr.readline())
        log.terminate()
        self.assertNotEqual(log.wait(PATIENCE_S), 0)
        log.stderr.close()

    def test_an_emptied_directory_is_told_and_nothing_is_acknowledged(self):
        self.good("log", "--ack", "durable", "kept")
        for path in (self.daemon.directory / "store").iterdir():
            path.unlink()
        self.assert_told()

    def test_a_directory_that_is_put_back_is_used_again_after_a_restart(self):
        self.good("log", "--ack", "durable", "kept")
        store = self.daemon.directory / "store"
        store.rename(self.daemon.directory / "away")
        store.mkdir()
        self.assert_told()
        self.daemon.kill()
        store.rmdir()
        (self.daemon.directory / "away").rename(store)
        self.daemon.start()
        self.good("log", "--ack", "durable", "more")
        self.assertEqual(self.good("tail", "--all", "-o", "cat"), b"kept\nmore\n")


class Bench(WithDaemon):
    def test_each_mode_prints_its_figures(self):
        short = ("--seconds", "0.2", "--warm-up", "0.05", "--runs", "2")
        for mode, figure in (
            ("log-batched", "log-batched written throughput"),
            ("log-single", "log-single written requests"),
            ("latency", "latency durable latency p50"),
            ("tail", "write to tail p99"),
        ):
            with self.subTest(mode):
                text = self.good("bench", "--mode", mode, *short).decode()
                self.assertRegex(text, rf"(?m)^{figure}: [0-9.]+ (k |M )?\S+ \(median of 2, ")
        figures = json.loads(self.good("bench", "--numbered", "--json", *short))["figures"]
        self.assertGreater(figures[0]["median"], 0)
        self.assertEqual(len(figures[0]["runs"]), 2)
        idle = self.good("bench", "--mode", "idle", "--connections", "20", "--seconds", "0.1").decode()
        self.assertIn("idle connections: 20", idle)


class Status(WithDaemon):
    def test_is_a_table_and_json(self):
        self.good("log", "x")
        self.assertEqual(json.loads(self.good("status", "--output", "json"))["queue"]["records_received"], 1)
        self.assertRegex(self.good("status", "--all").decode(), r"(?m)^  records received +1$")

    def test_fits_a_screen_without_zeros(self):
        self.good("log", data=b"x\n" * 1000)
        time.sleep(1)  # The daemon counts its seconds.
        lines = self.good("status").decode().splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)
        text = "\n".join(lines)
        self.assertRegex(text, r"records stored 1000 \([0-9.]+( k)?/s\)")
        self.assertNotRegex(text, r"[a-z] 0(,|$| )")
        self.assertNotIn("stdout", text)  # A listener that nobody uses.

    def test_shows_who_is_connected(self):
        tail = self.daemon.popen("tail", "-f", "--all", stdout=subprocess.PIPE)
        self.good("log", "x")
        self.assertIn(b"x", tail.stdout.readline())
        status = json.loads(self.good("status", "--output", "json"))
        self.assertEqual(status["connections"]["by_uid"], {str(os.getuid()): 2})
        session = next(each for each in status["sessions"] if each["pid"] == tail.pid)
        self.assertEqual((session["name"], session["uid"], session["in_flight"]), ("sluice tail", os.getuid(), 1))
        self.assertRegex(self.good("status", "--all").decode(), rf"(?m)^  session .*name sluice tail, .*pid {tail.pid}, ")
        tail.kill()
        tail.wait()
        tail.stdout.close()


class Refused(unittest.TestCase):
    """A start that would serve what somebody else has prepared, or that cannot listen, is refused and writes nothing."""

    def start(self, directory, *how):
        return subprocess.run([SLUICED, *how], capture_output=True, text=True, timeout=PATIENCE_S, cwd=directory)

    def test_a_private_daemon_follows_no_planted_link(self):
        for name in ("store", "files"):
            with self.subTest(name), tempfile.TemporaryDirectory() as directory:
                (Path(directory) / "elsewhere").mkdir()
                (Path(directory) / "private").mkdir()
                (Path(directory) / "private" / name).symlink_to("../elsewhere")
                result = self.start(directory, "--private", "private")
                self.assertEqual(result.returncode, 3, result.stderr)
                self.assertIn("is a link", result.stderr)
                self.assertEqual(list((Path(directory) / "elsewhere").iterdir()), [])

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory away")
    def test_a_private_daemon_needs_a_directory_of_its_user(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chown(directory, 65534, 65534)
            result = self.start(directory, "--private", directory)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertIn("belongs to uid 65534", result.stderr)

    def test_a_daemon_that_may_not_listen_writes_no_segment(self):
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory) / "sluiced.yaml"
            config.write_text(f"store: {{directory: {directory}/store}}\nlisten: {{socket: /proc/self/sluice.sock}}\n")
            result = self.start(directory, "--config", str(config))
            self.assertNotEqual(result.returncode, 0)
            self.assertEqual([path.name for path in (Path(directory) / "store").iterdir()], ["lock"])


class Reload(unittest.TestCase):
    """What a reload changes is in force for the next request, and a bad file changes nothing."""

    CONFIG = """
store: {{directory: {0}/store}}
listen: {{socket: {0}/sluice.sock, allowed_users: [{users}]}}
limits: {{message_bytes_max: {message}, session_handles_max: {handles}}}
roots:
  - name: files
    path: {0}/{root}
    file_bytes_max: {file}
    rights: [{{everyone: yes, allow: [read, write, create]}}]
"""

    def write(self, message="64 KiB", handles=8, file="1 KiB", root="files", users=""):
        text = self.CONFIG.format(
            self.scratch.name, message=message, handles=handles, file=file, root=root, users=users
        )
        self.config.write_text(text)

    def reload(self, expected):
        lines = self.daemon.log().count("reload:")
        self.daemon.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE_S
        while self.daemon.log().count("reload:") == lines and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertIn(expected, self.daemon.log().split("reload:")[-1])

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        (Path(self.scratch.name) / "files").mkdir()
        self.config = Path(self.scratch.name) / "sluiced.yaml"
        self.daemon = Daemon(self.scratch.name)
        self.write()
        self.daemon.start("--config", str(self.config))

    def tearDown(self):
        self.daemon.kill()
        self.scratch.cleanup()

    def exit_codes(self):
        long = self.daemon.command("log", "--format", "json", data=b'{"msg":"' + b"a" * 100_000 + b'"}\n')
        large = self.daemon.command("put", "files:large", data=b"a" * 2000)
        return long.returncode, large.returncode

    def test_limits_of_records_and_files(self):
        self.assertEqual(self.exit_codes(), (3, 3))
        self.write(message="128 KiB", file="4 KiB")
        self.reload("message_bytes_max: 64 KiB -> 128 KiB")
        self.assertEqual(self.exit_codes(), (0, 0))
        self.write(message="many", file="1")
        self.reload("the old configuration stays")
        self.assertEqual(self.exit_codes(), (0, 0))

    def test_a_setting_that_needs_a_restart_keeps_no_other_from_being_applied(self):
        self.assertEqual(self.exit_codes(), (3, 3))
        self.write(message="128 KiB", file="4 KiB")
        with open(self.config, "a", encoding="utf-8") as config:
            config.write("threads: {pool: 3}\n")
        self.reload("these need a restart, and stay as they are until then: threads.pool: ")
        self.assertIn("message_bytes_max: 64 KiB -> 128 KiB", self.daemon.log())
        self.assertEqual(self.exit_codes(), (0, 0))

    def test_a_root_that_cannot_be_opened_refuses_the_whole(self):
        self.assertEqual(self.exit_codes(), (3, 3))
        self.write(message="128 KiB", root="nowhere")
        self.reload("the old configuration stays: not_found: root files: open")
        self.assertEqual(self.exit_codes(), (3, 3))
        self.assertEqual(self.daemon.command("put", "files:small", data=b"a").returncode, 0)


if __name__ == "__main__":
    SLUICE, SLUICED = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
