#!/usr/bin/env python3
"""The command against a daemon that is not to be trusted: it ends, and steers no terminal.

Usage: hostile_test.py SLUICE
"""

import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PATIENCE_S = 60
HELLO, LOG, QUERY, STATUS = 1, 16, 18, 48
ERROR = 0x7FFF
NO_SPACE = 9
REPLY, MORE = 0x8000, 2


def frame(kind, request_id, payload, flags=0):
    return struct.pack("<IHHQII", 24 + len(payload), REPLY | kind, flags, request_id, 0, 0) + payload


def text(value):
    return struct.pack("<I", len(value)) + value


HELLO_PAYLOAD = struct.pack("<HHIQ16sIIII", 1, 0, 1, 0, bytes(16), 0x110000, 64, 65536, 256) + text(b"0")
PROGRESS = struct.pack("<QQII", 1, 10, 1, 0)


class Hostile:
    """Answers HELLO, and the first other request with `answer(socket, request_id)`."""

    def __init__(self, answer):
        self.directory = tempfile.TemporaryDirectory()
        self.path = self.directory.name + "/s"
        self.answer = answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        peer, _ = self.listener.accept()
        with peer:
            try:
                self.take(peer)
                peer.sendall(frame(HELLO, self.request_id, HELLO_PAYLOAD))
                self.take(peer)
                self.answer(peer, self.request_id)
                while peer.recv(65536):
                    pass
            except (OSError, struct.error):
                pass  # The command has ended.

    def take(self, peer):
        head = peer.recv(24, socket.MSG_WAITALL)
        length, _, _, self.request_id, _, _ = struct.unpack("<IHHQII", head)
        peer.recv(length - 24, socket.MSG_WAITALL)

    def close(self):
        self.thread.join(PATIENCE_S)
        self.listener.close()
        self.directory.cleanup()


class HostileDaemon(unittest.TestCase):
    def daemon(self, answer):
        daemon = Hostile(answer)
        self.addCleanup(daemon.close)
        return daemon

    def run_with(self, answer, *arguments):
        return subprocess.run([SLUICE, "--socket", self.daemon(answer).path, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=PATIENCE_S)

    def status(self, json, *arguments):
        return self.run_with(lambda peer, request: peer.sendall(frame(STATUS, request, text(json))), "status", *arguments)

    def test_a_status_nested_without_end_is_refused(self):
        for json in (b"[" * 900_000 + b"]" * 900_000, b'{"a":' * 150_000 + b"1" + b"}" * 150_000, b'{"a":' + b"[" * 40 + b"]" * 40 + b"}"):
            for how in ([], ["--output", "json"]):
                result = self.status(json, *how)
                self.assertEqual(result.returncode, 1)
                self.assertIn(b"the daemon's status", result.stderr)
                self.assertEqual(result.stdout, b"")

    def test_a_status_cannot_steer_the_terminal(self):
        evil = '{"a\u009b2J":"\u202e\u009b","b":["\u2028\\u001b[2J"]}'.encode()
        for how in ([], ["--output", "json"]):
            result = self.status(evil, *how)
            self.assertEqual(result.returncode, 0, result.stderr)
            shown = result.stdout.decode()
            self.assertTrue(shown.isascii() and shown.replace("\n", "").isprintable(), repr(shown))
        for none in (b'{"a":"\x1b[2J"}', b'\x1b[2J{"a":1}', b"[1]", b"", b"\xff"):
            result = self.status(none, "--output", "json")
            self.assertEqual((result.returncode, result.stdout), (1, b""))

    def test_a_progress_that_is_none_ends_the_query(self):
        def repeat(peer, request):
            while True:
                peer.sendall(frame(QUERY, request, PROGRESS, MORE) * 1000)

        result = self.run_with(repeat, "query")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"the query is where it was", result.stderr)

    def test_one_signal_ends_a_query_that_the_daemon_does_not_end(self):
        def advance(peer, request):
            for records in range(2**62):
                peer.sendall(frame(QUERY, request, struct.pack("<QQII", records, 0, 1, 0), MORE))

        process = subprocess.Popen([SLUICE, "--socket", self.daemon(advance).path, "query"], stderr=subprocess.PIPE)
        self.wait_for_progress(process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn(b"stopped", errors)

    def test_a_full_disk_is_named_and_one_signal_ends_the_wait(self):
        def full(peer, request):
            while True:
                peer.sendall(frame(ERROR, request, struct.pack("<HHi", NO_SPACE, 0, 28) + text(b"write a segment: No space left")))
                self.hostile.take(peer)
                request = self.hostile.request_id

        for command in ("log", "import"):
            with self.subTest(command):
                self.hostile = self.daemon(full)
                process = subprocess.Popen([SLUICE, "--socket", self.hostile.path, command], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                process.stdin.write(b"one\n")
                process.stdin.flush()
                said = process.stderr.readline()
                self.assertIn(f'the disk of the daemon at "{self.hostile.path}" is full'.encode(), said)
                self.assertIn(b"No space left", said)
                process.send_signal(signal.SIGTERM)
                printed, errors = process.communicate(timeout=PATIENCE_S)
                self.assertEqual(process.returncode, 1)
                self.assertIn(b"1 records are not acknowledged", printed + errors)

    @staticmethod
    def wait_for_progress(process):
        """Until it has read something: it catches signals by then."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                caught = next(line for line in status if line.startswith("SigCgt:")).split()[1]
            if int(caught, 16) & 1 << signal.SIGINT - 1:
                return
            time.sleep(0.01)


if __name__ == "__main__":
    SLUICE = sys.argv[1]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=1)
