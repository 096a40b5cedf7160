"""The user who suffers in hostile_set.py, in four processes: one sends PINGs, one durable LOGs, one follows what the second
logs; and a newcomer, who connects again and again.  Each hands what it saw to a pipe when told to end."""

import os
import selectors
import struct
import time

from protocol_client import (
    ERROR, MORE, PING, TAIL, Connection, Refused, entries, frame, get, log_batch, query, record, refusal, tail,
)  # fmt: skip

PATIENCE_S = 60
PING_S, LOG_S, NEW_S = 0.005, 0.02, 1.0
AGAIN = 10  # Each so manieth batch is sent twice.
STREAM = "victim"


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


class Delay:
    """What the thread that serves, and this one, have waited for a processor so far, in seconds: neither's own doing."""

    def __init__(self, daemon):
        paths = (f"/proc/{daemon}/task/{daemon}/schedstat", f"/proc/{os.getpid()}/schedstat")
        self.files = [os.open(path, os.O_RDONLY) for path in paths]

    def total(self):
        return sum(int(os.pread(file, 100, 0).split()[1]) for file in self.files) / 1e9


class Paced:
    """Sends a frame each `interval`, whether the ones before are answered or not, up to 60 at a time.  `times` has of each
    when it was sent, how long it took, and the Delay in that."""

    def __init__(self, path, interval, delay):
        self.connection, self.interval, self.delay = Connection(path, PATIENCE_S), interval, delay
        self.waiting, self.times, self.errors = {}, [], []
        self.request, self.sent = 1, 0

    def send(self, make):
        self.request += 1
        self.waiting[self.request] = time.monotonic(), self.delay.total()
        self.sent += 1
        self.connection.send(make(self.request))

    def received(self, request, kind, payload):
        since, delay = self.waiting.pop(request)
        self.times.append((since, time.monotonic() - since, self.delay.total() - delay))
        if kind == ERROR:
            self.errors.append(str(refusal(payload)))

    def run(self, end, step):
        """step() sends; until `end`, a pipe, says something, and then until all is answered."""
        due, ending = time.monotonic(), 0
        with selectors.DefaultSelector() as ready:
            ready.register(self.connection.socket, selectors.EVENT_READ)
            while not ending or self.waiting:
                now = time.monotonic()
                if not ending and end.poll():
                    ending = now
                if ending and now > ending + PATIENCE_S:
                    return
                if not ending and now >= due:
                    if len(self.waiting) < 60:
                        step()
                    due = max(due + self.interval, now - 1)
                if ready.select(max(0, min(due - time.monotonic(), self.interval))):
                    self.connection.received += self.connection.socket.recv(1 << 18) or self.gone()
                    while (whole := self.connection.take()) is not None:
                        self.received(whole[2], whole[0], whole[3])

    def gone(self):
        raise ConnectionResetError("the daemon has gone")


def pings(path, delay, end):
    paced = Paced(path, PING_S, delay)
    paced.run(end, lambda: paced.send(lambda request: frame(PING, request)))
    return {"sent": paced.sent, "times": paced.times, "errors": paced.errors}


class Logs(Paced):
    def __init__(self, path, delay):
        super().__init__(path, LOG_S, delay)
        self.producer, self.number = os.urandom(16), 0
        self.again, self.not_known, self.doubled_answers = set(), 0, 0

    def step(self):
        self.number += 1
        number = self.number
        self.send(lambda request: self.batch(request, number))
        if number % AGAIN == 0:
            self.again.add(self.request + 1)
            self.send(lambda request: self.batch(request, number))

    def batch(self, request, number):
        return log_batch(request, "durable", [record(b"victim-%09d" % number, stream=STREAM.encode())], self.producer, number)

    def received(self, request, kind, payload):
        again = request in self.again
        super().received(request, kind, payload)
        if again:
            self.times.pop()
        if kind != ERROR and (payload[1] != 0) != again:
            self.not_known += again
            self.doubled_answers += not again


def logs(path, delay, end):
    paced = Logs(path, delay)
    paced.run(end, paced.step)
    return {"sent": paced.sent, "times": paced.times, "errors": paced.errors, "records": paced.number,
            "again": len(paced.again), "not known": paced.not_known, "wrongly known": paced.doubled_answers}  # fmt: skip


def follows(path, _, end):
    """What a tail has shown by the time `end` tells how many there are, and a while later."""
    with Connection(path, 0.1) as connection:
        connection.send(tail(2, streams=[STREAM]))
        seen, wanted, deadline = [], None, 0
        while wanted is None or (len(set(seen)) < wanted and time.monotonic() < deadline):
            try:
                _, kind, payload = follow_one(connection)
                if kind == ERROR:
                    return {"seen": seen, "errors": [str(refusal(payload))]}
                seen += [int(message[-9:]) for message, _ in entries(payload)]
            except TimeoutError:
                pass
            if wanted is None and end.poll():
                wanted, deadline = end.recv(), time.monotonic() + PATIENCE_S
        return {"seen": seen, "errors": []}


def follow_one(connection):
    kind, flags, request, payload = connection.receive()
    if kind != ERROR and not (kind & TAIL and flags & MORE):
        raise ConnectionResetError("the tail has ended")
    return request, kind, payload


def newcomers(path, _, end):
    """Connects, pings, reads a file and asks a query, each second."""
    times, errors, sent, slowest = [], [], 0, (0, "")
    while not end.poll(NEW_S):
        for name, request in (("PING", frame(PING, 2)), ("GET", get(2, "files", "small")),
                              ("QUERY", query(2, f"stream:={STREAM} | head 5"))):  # fmt: skip
            sent += 1
            begun = time.monotonic()
            try:
                with Connection(path, PATIENCE_S) as connection:
                    connection.answer(request)
                times.append((begun, time.monotonic() - begun, 0))
                slowest = max(slowest, (times[-1][1], name))
            except (OSError, Refused) as error:
                errors.append(f"{name}: {error}")
    end.recv()
    return {"sent": sent, "times": times, "errors": errors, "slowest": slowest[1]}


def stored(path):
    """Of the stream, in order."""
    with Connection(path, PATIENCE_S) as connection:
        connection.send(tail(2, follow=False, streams=[STREAM]))
        numbers = []
        while True:
            kind, flags, _, payload = connection.receive()
            if kind == ERROR:
                raise refusal(payload)
            if not flags & MORE:
                return numbers
            numbers += [int(message[-9:]) for message, _ in entries(payload)]


ROLES = {"pings": pings, "logs": logs, "follows": follows, "newcomers": newcomers}


def play(role, path, uid, daemon, end):
    """`daemon`: its process."""
    delay = Delay(daemon)
    become(uid)
    try:
        result = ROLES[role](path, delay, end)
    except (OSError, Refused, struct.error) as error:
        result = {"sent": 0, "times": [], "seen": [], "errors": [f"{type(error).__name__}: {error}"]}
    end.send(result)
