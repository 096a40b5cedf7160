#!/usr/bin/env python3
"""What docs/protocol.md tells and only a real kernel shows, over a raw connection to a private daemon; and what libsluice.so
does in a forked child.

Usage: protocol_test.py SLUICE SLUICED [LIBSLUICE]
"""

import ctypes
import json
import os
import socket
import stat
import struct
import sys
import tempfile
import unittest
from pathlib import Path

import daemon_test

HELLO, PING, LOG, OPEN, STAT, GET, PUT = 1, 4, 16, 32, 37, 39, 40
READ, WRITE, CREATE, REPLACE = 1, 2, 4, 64
REPLY, ERROR = 0x8000, 0xFFFF
WRONG_TYPE = 19


def text(value):
    return struct.pack("<I", len(value)) + value


def open_payload(flags, path, mode=0):
    return struct.pack("<II", flags, mode) + text(b"files") + text(path)


def log_payload(message):
    record = struct.pack("<IBBHqI", 20 + len(message), 6, 0, 0, 0, len(message)) + message
    return bytes([1, 0, 0, 0]) + struct.pack("<IIq16sQIHH", 48 + len(record), 1, 0, bytes(16), 0, 0, 0, 0) + record


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(daemon_test.PATIENCE_S)
        self.socket.connect(path)
        self.last_id = 0
        self.ask(HELLO, b"SLUI" + struct.pack("<HHQ", 1, 1, 0) + text(b"raw"))

    def send(self, kind, payload):
        self.last_id += 1
        self.socket.sendall(struct.pack("<IHHQII", 24 + len(payload), kind, 0, self.last_id, 0, 0) + payload)

    def take(self, count):
        taken = b""
        while len(taken) < count:
            piece = self.socket.recv(count - len(taken))
            if not piece:
                raise EOFError
            taken += piece
        return taken

    def ask(self, kind, payload):
        """Type and payload of the reply."""
        self.send(kind, payload)
        length, replied, _, request_id, _, _ = struct.unpack("<IHHQII", self.take(24))
        if request_id != self.last_id:
            raise ValueError(f"a reply to {request_id}, not to {self.last_id}")
        return replied, self.take(length - 24)


class WithDaemon(unittest.TestCase):
    UMASK = 0o077

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.daemon = daemon_test.Daemon(self.scratch.name)
        before = os.umask(self.UMASK)
        try:
            self.daemon.start()
        finally:
            os.umask(before)
        self.files = Path(self.scratch.name) / "files"
        self.client = Client(self.daemon.socket)

    def tearDown(self):
        self.client.socket.close()
        self.daemon.kill()
        self.scratch.cleanup()

    def good(self, kind, payload):
        replied, answer = self.client.ask(kind, payload)
        self.assertEqual(replied, REPLY | kind, answer)
        return answer

    def refused(self, kind, payload):
        """Code and errno."""
        replied, answer = self.client.ask(kind, payload)
        self.assertEqual(replied, ERROR)
        return struct.unpack_from("<HHi", answer)[::2]

    def records(self):
        lines = self.daemon.command("tail", "--all", "--output", "json").stdout.splitlines()
        return [(record["message"], record["_pid"]) for record in map(json.loads, lines)]


class Protocol(WithDaemon):
    """What a client sees."""

    def test_the_umask_is_taken_from_the_mode_of_what_is_made_and_not_of_what_is_there(self):
        mode_of = lambda name: stat.S_IMODE((self.files / name).stat().st_mode)
        self.good(OPEN, open_payload(WRITE | CREATE, b"opened"))
        self.assertEqual(mode_of("opened"), 0o640 & ~self.UMASK)
        put = lambda name, mode: self.good(PUT, struct.pack("<II", 0, mode) + text(b"files") + text(name) + b"x")
        put(b"put", 0o666)
        self.assertEqual(mode_of("put"), 0o666 & ~self.UMASK)
        (self.files / "put").chmod(0o604)
        put(b"put", 0)
        self.assertEqual(mode_of("put"), 0o604)
        put(b"put", 0o644)
        self.assertEqual(mode_of("put"), 0o644 & ~self.UMASK)

    def test_what_is_no_file_is_of_the_wrong_type_and_stat_tells_directories(self):
        os.mkfifo(self.files / "fifo")
        (self.files / "directory").mkdir()
        for name in (b"fifo", b"directory"):
            path = text(b"files") + text(name)
            self.assertEqual(self.refused(OPEN, open_payload(READ, name)), (WRONG_TYPE, 0))
            self.assertEqual(self.refused(OPEN, open_payload(WRITE, name))[0], WRONG_TYPE)
            self.assertEqual(self.refused(OPEN, open_payload(REPLACE, name)), (WRONG_TYPE, 0))
            self.assertEqual(self.refused(GET, struct.pack("<IIQQ", 1, 0, 0, 0) + path), (WRONG_TYPE, 0))
            self.assertEqual(self.refused(PUT, struct.pack("<II", 0, 0) + path + b"x"), (WRONG_TYPE, 0))
        stat_of = lambda name: bytes(8) + text(b"files") + text(name)
        self.assertEqual(self.refused(STAT, stat_of(b"fifo")), (WRONG_TYPE, 0))
        self.assertTrue(stat.S_ISDIR(struct.unpack_from("<QI", self.good(STAT, stat_of(b"directory")))[1]))

    def test_a_connection_is_of_who_connected_and_ends_with_its_last_descriptor(self):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self.good(LOG, log_payload(b"of the child"))
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.client.last_id += 1
        self.good(PING, b"")  # It goes on.
        self.assertEqual(self.records(), [("of the child", os.getpid())])


class SluiceError(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("sys_errno", ctypes.c_int), ("text", ctypes.c_char * 504)]


class SluiceOptions(ctypes.Structure):
    _fields_ = [("socket_path", ctypes.c_char_p), ("client_name", ctypes.c_char_p), ("level", ctypes.c_int),
                ("linger_ms", ctypes.c_uint32), ("memory_bytes_max", ctypes.c_size_t),
                ("give_up_after_ms", ctypes.c_uint32), ("wait_for_daemon", ctypes.c_int)]


class Library(WithDaemon):
    """The writers of libsluice.so."""

    def setUp(self):
        if not LIBRARY:
            self.skipTest("there is no libsluice.so that Python could load")
        super().setUp()
        self.c_api = ctypes.CDLL(LIBRARY)
        self.c_api.sluice_open.restype = ctypes.c_void_p

    def log(self, writer, message):
        error = SluiceError()
        done = self.c_api.sluice_log_bytes(ctypes.c_void_p(writer), 6, None, message, ctypes.c_size_t(len(message)),
                                             None, ctypes.c_size_t(0), ctypes.byref(error))
        done = done or self.c_api.sluice_flush(ctypes.c_void_p(writer), daemon_test.PATIENCE_S * 1000,
                                                 ctypes.byref(error))
        self.assertEqual(done, 0, error.text)

    def test_parent_and_child_store_what_each_of_them_logs(self):
        options = SluiceOptions(socket_path=self.daemon.socket.encode(), level=1)
        writer = self.c_api.sluice_open(ctypes.byref(options), None)
        self.assertTrue(writer)
        self.log(writer, b"before")
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self.log(writer, b"of the \0 child")
                status = self.c_api.sluice_close(ctypes.c_void_p(writer), 0, None)
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.log(writer, b"of the parent")
        self.assertEqual(self.c_api.sluice_close(ctypes.c_void_p(writer), 0, None), 0)
        self.assertEqual(self.records(), [("before", os.getpid()), ("of the \0 child", child),
                                          ("of the parent", os.getpid())])


if __name__ == "__main__":
    daemon_test.SLUICE, daemon_test.SLUICED = sys.argv[1:3]
    LIBRARY = sys.argv[3] if len(sys.argv) > 3 else ""
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=1)
