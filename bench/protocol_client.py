"""Clients of sluice's own protocol in Python, as far as the measurements need them; docs/protocol.md says what the bytes
mean.  LogSender blocks and sends records, Files is for asyncio and reads and replaces files."""

import asyncio
import itertools
import os
import socket
import struct

HEADER = struct.Struct("<IHHQII")
HELLO, LOG, GET, PUT = 1, 16, 39, 40
MORE, ERROR = 2, 0xFFFF
LEVELS = ("accepted", "written", "durable")
IN_FLIGHT_MAX = 64
PATIENCE_S = 30
CREDIT = 0xFFFFFFFF


class Refused(Exception):
    """The daemon answered with an error."""


def text(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def frame(kind, request, *payload):
    size = HEADER.size + sum(map(len, payload))
    return b"".join((HEADER.pack(size, kind, 0, request, 0, 0), *payload))


def hello(request):
    return frame(HELLO, request, struct.pack("<4sHHQ", b"SLUI", 1, 1, 0), text("bench"))


def log(request, level, message, producer, number):
    """One record in a batch of its own."""
    stream = b"bench"
    head = struct.pack("<IBBHqI", 20 + len(stream) + len(message), 6, len(stream), 0, 0, len(message))
    record = head + stream + message
    batch = struct.pack("<IIq16sQIHH", 48 + len(record), 1, 0, producer, number, 0, 0, 0)
    return frame(LOG, request, struct.pack("<B3x", LEVELS.index(level)), batch, record)


def refusal(payload):
    code, _, errno, _ = struct.unpack_from("<HHiI", payload)
    return Refused(f"error {code}, errno {errno}: {bytes(payload[12:]).decode(errors='replace')}")


class LogSender:
    """Sends one record after the other, at most IN_FLIGHT_MAX unanswered, and again over a new connection those that were
    unanswered when one was lost.  Its batches are numbered, so that none is stored twice, unless the level is `accepted`:
    what the daemon answered so and lost it would miss."""

    def __init__(self, path, level):
        self.path, self.level = os.fspath(path), level
        self.producer = bytes(16) if level == "accepted" else os.urandom(16)
        self.unanswered = {}  # By request, in order.
        self.sent = self.answered = 0
        self.to, self.received = None, b""

    def connect(self):
        self.close()
        to = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        to.settimeout(PATIENCE_S)
        try:
            to.connect(self.path)
            to.sendall(hello(1) + b"".join(self.unanswered.values()))
        except OSError:
            to.close()
            raise
        self.to, self.received = to, b""

    def close(self):
        if self.to is not None:
            self.to.close()
            self.to = None

    def step(self, messages):
        """Sends what may be sent of `messages`, an iterator, and waits for an answer.  False: all are answered.  Raises
        OSError when the connection is lost; then connect() again."""
        if self.to is None:
            self.connect()
        fresh = []
        for message in itertools.islice(messages, IN_FLIGHT_MAX - len(self.unanswered)):
            self.sent += 1
            number = self.sent if any(self.producer) else 0
            data = log(self.sent + 1, self.level, message, self.producer, number)
            self.unanswered[self.sent + 1] = data
            fresh.append(data)
        if not self.unanswered:
            return False
        self.to.sendall(b"".join(fresh))
        data = self.to.recv(1 << 16)
        if not data:
            raise ConnectionResetError("the daemon has gone")
        self.take(data)
        return True

    def take(self, data):
        self.received += data
        at = 0
        while len(self.received) - at >= HEADER.size:
            size, kind, _, request, _, _ = HEADER.unpack_from(self.received, at)
            if len(self.received) - at < size:
                break
            if kind == ERROR:
                raise refusal(self.received[at + HEADER.size : at + size])
            if self.unanswered.pop(request, None) is not None:
                self.answered += 1
            at += size
        self.received = self.received[at:]


class Files(asyncio.BufferedProtocol):
    """Whole files of a daemon's root; any number of requests at a time.  `await Files.connect(path)`."""

    @classmethod
    async def connect(cls, path):
        _, files = await asyncio.get_running_loop().create_unix_connection(cls, os.fspath(path))
        await files.request(HELLO, struct.pack("<4sHHQ", b"SLUI", 1, 1, 0), text("bench"))
        return files

    def __init__(self):
        self.transport, self.waiting, self.ids = None, {}, itertools.count(1)
        self.parts = {}  # Of streams that have not ended, by request.
        self.head, self.payload, self.filled = bytearray(HEADER.size), None, 0

    async def get(self, root, path):
        return await self.request(GET, struct.pack("<IIQQ", CREDIT, 0, 0, 0), text(root), text(path))

    async def put(self, root, path, data, durable=True):
        await self.request(PUT, struct.pack("<II", durable, 0o644), text(root), text(path), data)

    def close(self):
        self.transport.close()

    def request(self, kind, *payload):
        """The future of its reply: the bytes of its frames with MORE, or else those of the last one."""
        number = next(self.ids)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        self.transport.write(frame(kind, number, *payload))
        return self.waiting[number]

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, error):
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(error or ConnectionResetError("the daemon has gone"))

    def get_buffer(self, _):
        return memoryview(self.head if self.payload is None else self.payload)[self.filled :]

    def buffer_updated(self, count):
        self.filled += count
        if self.payload is None:
            if self.filled < HEADER.size:
                return
            self.payload, self.filled = bytearray(HEADER.unpack(self.head)[0] - HEADER.size), 0
        if self.filled == len(self.payload):
            payload, self.payload, self.filled = self.payload, None, 0
            self.take(payload)

    def take(self, payload):
        _, kind, flags, request, _, _ = HEADER.unpack(self.head)
        if flags & MORE:
            self.parts.setdefault(request, []).append(payload)
            return
        parts, future = self.parts.pop(request, None), self.waiting.pop(request, None)
        if future is None or future.done():
            return
        if kind == ERROR:
            future.set_exception(refusal(payload))
        elif parts is None:
            future.set_result(payload)
        else:
            future.set_result(parts[0] if len(parts) == 1 else b"".join(parts))
