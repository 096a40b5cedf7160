"""What hostile clients do to a daemon, for hostile_set.py: each of ATTACKS is called again and again with a Box, until its
time is over, and may raise when it is refused or closed.  Their records are of the stream `bench`."""

import os
import random
import resource
import socket
import time
from contextlib import ExitStack, suppress

from protocol_client import (
    ERROR, HEADER, IN_FLIGHT_MAX, LINK, MORE, PING, PUT, Connection, Refused, field, frame, hello, log,
    log_batch, open_to_read, put, query, read, record, tail,
)  # fmt: skip

MIB = 1 << 20
ROOT, FILE = "files", "big"
CONNECTIONS = 66  # More than a user has room for, were each to hold a MiB.
PATIENCE_S = 2
DEAF = range(2, 2 + IN_FLIGHT_MAX)  # Requests of one connection.

HEAVY_QUERIES = [
    r"~`(?i)([a-z]+[0-9]*[^x]*){20}zzz$`",
    "* | sort by (message desc)",
    "* | sort by (message) | skip 1000 | uniq by (message)",
    "* | stats by (message) count() as n, max(_time) as last | sort by (n desc)",
    "* | stats count_uniq(message) as n, median(message) as m",
    r"~`(x+x+)+y` or ~`[^a]*a[^b]*b[^c]*c` | top 1000 by (message)",
]  # fmt: skip
BOUND_FILTERS = [
    " or ".join(f"*{number:03}zz*" for number in range(256)),
    " ".join(f'field{number}:!="{"v" * 200}"' for number in range(256)),
    r"~`\pL{6}`", r"~`\pL{60}`", r"~`((((a{10}){10}){10}){10}){10}`", r"~`((a{0,30}){0,30}b)*c`", "~`" + "(" * 900 + "a" + ")" * 900 + "`",
    "(" * 5000 + "a" + ")" * 5000,
    "message:in(" + ", ".join(f"v{number}" for number in range(1024)) + ")",
    " or ".join(rf"~`{chr(97 + number)}[^a]{{1,100}}\d$`" for number in range(16)),
    "* " + "| where a " * 63,
    "x" * 65536,
]  # fmt: skip


LETTERS = bytes(b"abcdefghijklmnopqrstuvwxyz 0123456789"[byte % 37] for byte in range(256))


class Box:
    """Of one attack by one user."""

    noise = os.urandom(2 * MIB).translate(LETTERS)

    def __init__(self, directory, until, seed):
        self.directory, self.path, self.until = directory, directory / "sluice.sock", until
        self.chance = random.Random(seed)

    def running(self):
        return time.monotonic() < self.until

    def connect(self, patience=PATIENCE_S):
        return Connection(self.path, patience)

    def some(self, size):
        at = self.chance.randrange(len(self.noise) - size)
        return self.noise[at : at + size]


def attack(function, box, uid):
    """In a process of its own, which runs on what nobody else needs of the processors: what counts is what the daemon does
    with that which it is sent, and a process with a nice value still keeps others waiting for its slice of some ms."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    while box.running():
        with suppress(OSError, Refused):
            function(box)
        time.sleep(0.02)
    os._exit(0)


def hold(box, begin, count):
    """Keeps `count` connections, each begun with begin(connection); those that end are made again.  None is read."""
    with ExitStack() as stack:
        held = {}
        while box.running():
            for place in range(count):
                if place in held and not ended(held[place]):
                    continue
                try:
                    held[place] = stack.enter_context(box.connect())
                    send_what_goes(held[place], begin(place))
                except (OSError, Refused):
                    held.pop(place, None)
                    break
            time.sleep(0.5)


def ended(connection):
    """Without reading what is there: is it closed?"""
    try:
        return connection.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def send_what_goes(connection, data):
    with suppress(TimeoutError):
        connection.socket.settimeout(0.2)
        connection.send(data)


def drain(box, connection, make, in_flight):
    """Keeps `in_flight` requests unanswered and reads all; make(request) is the frame of one."""
    request = 2
    for request in range(2, 2 + in_flight):
        connection.send(make(request))
    while box.running():
        kind, flags, _, _ = connection.receive(MIB)
        if not flags & MORE:
            if kind == ERROR:
                time.sleep(0.001)
            request += 1
            connection.send(make(request))


def deaf_tails(box):
    hold(box, lambda _: tail(2) + frame(PING, 3), CONNECTIONS)


def idle_queries(box):
    """A connection of its own for every two, as many as may be, and again for each that was refused."""
    hold(box, lambda _: b"".join(query(request, "*", credit=0) for request in DEAF), 4)


def heavy_queries(box):
    with box.connect(60) as connection:
        drain(box, connection, lambda request: query(request, box.chance.choice(HEAVY_QUERIES)), 6)


def bound_filters(box):
    with box.connect(60) as connection:
        drain(box, connection, lambda request: query(request, box.chance.choice(BOUND_FILTERS)), 8)


def heavy_tails(box):
    with box.connect(60) as connection:
        for request in DEAF:
            connection.send(tail(request, query=box.chance.choice([*BOUND_FILTERS, HEAVY_QUERIES[0]])))
        while box.running():
            connection.receive(MIB)


def make_reads(box):
    return [open_to_read(2, ROOT, FILE), *(read(request, 1, MIB, request * 4096) for request in range(3, 67))]


def unread_reads(box):
    hold(box, lambda _: b"".join(make_reads(box)), 8)


def reads(box):
    with ExitStack() as stack:
        held = [stack.enter_context(box.connect(30)) for _ in range(3)]
        for connection in held:
            connection.answer(open_to_read(2, ROOT, FILE))
        request = 3
        while box.running():
            for connection in held:
                connection.send(*(read(request + place, 1, MIB, place * 4096) for place in range(IN_FLIGHT_MAX)))
            for connection in held:
                for _ in range(IN_FLIGHT_MAX):
                    connection.receive(MIB)
            request += IN_FLIGHT_MAX


def linked_puts(box):
    data = box.some(MIB)

    def begin(place):
        name = f"put-{os.getuid()}-{place}"
        return tail(2, flags=LINK) + b"".join(put(request, ROOT, name, data, LINK) for request in range(3, 20))

    hold(box, begin, 8)


def half_frames(box):
    hold(box, lambda _: HEADER.pack(MIB + 4096, PUT, 0, 2, 0, 0) + bytes(10), CONNECTIONS)


def producers(box):
    """Each batch of another one, 60,000 in all."""
    with box.connect(30) as connection:
        for first in range(2, 60_002, IN_FLIGHT_MAX):
            if not box.running():
                return
            connection.send(*(log(first + at, "accepted", b"x", os.urandom(16), 1) for at in range(IN_FLIGHT_MAX)))
            for _ in range(IN_FLIGHT_MAX):
                connection.receive()


def names(box):
    """1,000 names of fields a record that nobody else has: as fields, and as the keys of JSON lines."""
    def made():
        return [f"n{box.chance.randrange(10**12)}" for _ in range(1000)]

    with box.connect(30) as connection, socket.socket(socket.AF_UNIX) as lines:
        lines.settimeout(0.5)
        with suppress(OSError):
            lines.connect(os.fspath(box.directory / "json"))
        for request in range(2, 1 << 30):
            if not box.running():
                return
            fields = [field(name.encode(), b"v") for name in made()]
            connection.answer(log_batch(request, "written", [record(b"names", fields)] * 8))
            with suppress(OSError):
                pairs = ",".join(f'"{name}":1' for name in made())
                lines.sendall(f'{{"msg":"names",{pairs}}}\n'.encode())


def opens(box):
    frames = b"".join(open_to_read(request, ROOT, FILE) for request in range(2, 2 + 300))

    def begin(_):
        return frames

    hold(box, begin, 20)


def connections(box):
    """As many as there may be, for some seconds; then they are free for the other attacks."""
    with ExitStack() as stack:
        with suppress(OSError, Refused):
            while box.running():
                stack.enter_context(box.connect())
        time.sleep(min(3, max(0, box.until - time.monotonic())))
    time.sleep(1)


def half_greetings(box):
    """The same, and nothing is said."""
    with ExitStack() as stack:
        for _ in range(64):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            one.settimeout(1)
            one.connect(os.fspath(box.path))
            one.send(hello(1)[: box.chance.randrange(30)])
        time.sleep(min(1, max(0, box.until - time.monotonic())))


def flood(box):
    with box.connect(30) as connection:
        def make(request):
            return log_batch(request, "accepted", [record(box.some(1000)) for _ in range(1000)])

        ready = [make(0) for _ in range(8)]

        def numbered(request):
            data = bytearray(ready[request % len(ready)])
            data[8:16] = request.to_bytes(8, "little")
            return bytes(data)

        drain(box, connection, numbered, 16)


ATTACKS = {
    function.__name__: function
    for function in (deaf_tails, idle_queries, heavy_queries, bound_filters, heavy_tails, unread_reads, reads, linked_puts,
                     half_frames, producers, names, opens, connections, half_greetings, flood)
}  # fmt: skip
