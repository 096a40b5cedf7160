"""Clients of sluice's own protocol in Python, as far as the measurements need them; docs/protocol.md says what the bytes
mean.  LogSender blocks and sends records, Files is for asyncio and reads and replaces files, Connection is for any frames."""

import asyncio
import itertools
import os
import socket
import struct

HEADER = struct.Struct("<IHHQII")
HELLO, PING, LOG, TAIL, QUERY, OPEN, READ, GET, PUT = 1, 4, 16, 17, 18, 32, 33, 39, 40
LINK, MORE = 1, 2
REPLY, ERROR = 0x8000, 0xFFFF
LEVELS = ("accepted", "written", "durable")
IN_FLIGHT_MAX = 64
PATIENCE_S = 30
CREDIT = 0xFFFFFFFF


class Refused(Exception):
    """The daemon answered with an error."""


def text(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def frame(kind, request, *payload, flags=0):
    size = HEADER.size + sum(map(len, payload))
    return b"".join((HEADER.pack(size, kind, flags, request, 0, 0), *payload))


def hello(request):
    return frame(HELLO, request, struct.pack("<4sHHQ", b"SLUI", 1, 1, 0), text("bench"))


def field(name, value):
    """A text."""
    return struct.pack("<BBHI", 0, len(name), 0, len(value)) + name + value


def record(message, fields=(), stream=b"bench"):
    tail = b"".join((stream, message, *fields))
    return struct.pack("<IBBHqI", 20 + len(tail), 6, len(stream), len(fields), 0, len(message)) + tail


def log_batch(request, level, records, producer=bytes(16), number=0):
    data = b"".join(records)
    batch = struct.pack("<IIq16sQIHH", 48 + len(data), len(records), 0, producer, number, 0, 0, 0)
    return frame(LOG, request, struct.pack("<B3x", LEVELS.index(level)), batch, data)


def log(request, level, message, producer, number):
    """One record in a batch of its own."""
    return log_batch(request, level, [record(message)], producer, number)


def tail(request, follow=True, streams=(), query="", flags=0):
    """From the oldest record."""
    start = struct.pack("<BBBxIQq32x", 4, follow | (4 if query else 0), 7, CREDIT, 0, 0)
    names = struct.pack("<H", len(streams)) + b"".join(map(text, streams))
    return frame(TAIL, request, start, names, bytes(4), text(query) if query else b"", flags=flags)


def query(request, of, credit=CREDIT):
    bounds = struct.pack("<B3xIQqq", 0, credit, 2**64 - 1, -(2**63), 2**63 - 1)
    return frame(QUERY, request, bounds, text(of))


def open_to_read(request, root, path):
    return frame(OPEN, request, struct.pack("<II", 1, 0), text(root), text(path))


def read(request, handle, size, offset=0):
    return frame(READ, request, struct.pack("<IIQ", handle, size, offset))


def get(request, root, path):
    return frame(GET, request, struct.pack("<IIQQ", CREDIT, 0, 0, 0), text(root), text(path))


def put(request, root, path, data, flags=0):
    return frame(PUT, request, struct.pack("<II", 0, 0o644), text(root), text(path), data, flags=flags)


def entries(chunk):
    """Of a TAIL's frame: the messages, and the bytes of their records."""
    at = 8
    for _ in range(struct.unpack_from("<I", chunk, 4)[0]):
        at += 24 + struct.unpack_from("<I", chunk, at + 20)[0]
        size, _, stream, _, _, message = struct.unpack_from("<IBBHqI", chunk, at)
        yield bytes(chunk[at + 20 + stream : at + 20 + stream + message]), size
        at += size


class Connection:
    """Blocks, `patience` seconds at the most; greeted already.  Frames are made and matched by who uses it."""

    def __init__(self, path, patience=PATIENCE_S):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.received = bytearray()
        try:
            self.socket.settimeout(patience)
            self.socket.connect(os.fspath(path))
            self.socket.sendall(hello(1))
            self.receive()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def receive(self, count=1 << 18):
        """The next frame: kind, flags, request, payload.  Raises Refused where it is an error about the connection."""
        while (whole := self.take()) is None:
            data = self.socket.recv(count)
            if not data:
                raise ConnectionResetError("the daemon has gone")
            self.received += data
        return whole

    def take(self):
        """The same of what has been received already; None: nothing is whole."""
        if len(self.received) < HEADER.size:
            return None
        size, kind, flags, request, _, _ = HEADER.unpack_from(self.received)
        if len(self.received) < size:
            return None
        payload = bytes(self.received[HEADER.size : size])
        del self.received[:size]
        if kind == ERROR and request == 0:
            raise refusal(payload)
        return kind, flags, request, payload

    def answer(self, sent):
        """Sends one frame and waits for the end of its reply.  Returns the last payload; raises Refused."""
        self.send(sent)
        request = HEADER.unpack_from(sent)[3]
        while True:
            kind, flags, of, payload = self.receive()
            if of == request and not flags & MORE:
                if kind == ERROR:
                    raise refusal(payload)
                return payload


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
