#!/usr/bin/env python3
"""What log daemons lose of what they were given: when they are killed, and when the power fails.

SIGKILL: two senders send numbered messages of 205 bytes as fast as the daemon takes them.  At a random moment of each round
it is killed with SIGKILL and started again; the senders, which see that a send fails, go on with that message.  Counted is
what a send() had accepted and the daemon does not have at the end.  Some of that was not received yet but lay in the
queue of the daemon's socket (512 messages): a socket unit of systemd keeps the queue, a socket of the daemon's own takes it
along.  This script holds the socket as a unit would, reads out what is left in it, and tells the two apart.
By sluice's own protocol accepted is what was answered, at the level that was asked for; what was not answered is sent
again.

Power cut: the daemon has a disk of its own, with 5,000 older records that were synced.  One sender sends a burst of 5,000
more, and --delay seconds later the daemon is stopped and the disk copied as of that instant (power_cut.py says what kind
of disk that is, and what is true of it).  A daemon is started on the copy, and what it then has is counted.  Two rows are
no daemon: the burst is lines of a file, with an fsync at the end and without; with it nothing may be lost.

Nothing is configured for safety: sluice has its defaults (a sync each second); journald syncs every 5 minutes, as by
default; rsyslog and syslog-ng never do.  Needs root and loop devices.

Usage: bench/loss_compare.py [--bin DIR] [--dir DIR] [--kills N] [--messages N] [--cuts N] [--burst N] [--delay S]
                             [--seed N] [--only NAME,NAME] [--json FILE]
"""

import ctypes
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

sys.dont_write_bytecode = True
from intake_peers import Journald, Rsyslog, Sluice, SyslogNg, peer
from power_cut import Disk, private_mounts, run
from private_daemon import options_parser
from protocol_client import LEVELS, LogSender

SENDERS = 2
NEW, OLD = range(SENDERS)  # At a power cut: the sender of the burst, and of what was there before.
MESSAGE_BYTES = 205
PATIENCE_S = 120
NUMBERED = re.compile(rb"record-(\d{2})-(\d{9})")
ROWS = [
    (Journald, "journal"), (Sluice, "journal"), (Rsyslog, "syslog"), (SyslogNg, "syslog"), (Sluice, "syslog"),
    *((Sluice, level) for level in LEVELS),
]  # fmt: skip
HEADS = {"journal": b"PRIORITY=6\nSYSLOG_IDENTIFIER=bench\nMESSAGE=", "syslog": b"<14>Oct 11 22:14:15 bench: "}
PIDFD_GETFD = 438
LIBC = ctypes.CDLL(None, use_errno=True)


def message(kind, sender, number):
    data = HEADS.get(kind, b"") + b"record-%02d-%09d " % (sender, number)
    end = b"\n" if kind == "journal" else b""
    return data + b"x" * (MESSAGE_BYTES - len(data) - len(end)) + end


def send_datagrams(path, kind, sender, count, progress):
    """Each until it is accepted, and none after that."""
    parent, to = os.getppid(), None
    for number in range(count):
        data = message(kind, sender, number)
        while True:
            try:
                if to is None:
                    to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                    to.connect(path)
                to.send(data)
                break
            except OSError:
                to.close()
                to = None
                leave_if_orphaned(parent)
        progress[sender] = number + 1


def send_records(path, level, sender, count, progress):
    parent, log = os.getppid(), LogSender(path, level)
    messages = (message(level, sender, number) for number in range(count))
    while True:
        try:
            while log.step(messages):
                progress[sender] = log.answered
            return
        except OSError:
            log.close()
            leave_if_orphaned(parent)


def leave_if_orphaned(parent):
    time.sleep(0.005)
    if os.getppid() != parent:
        os._exit(1)


@contextmanager
def senders(daemon, kind, count, which=range(SENDERS)):
    """Processes that send `count` messages each; gives how many each has had accepted, which moves."""
    progress = multiprocessing.RawArray("Q", SENDERS)
    own = kind in LEVELS
    path = os.fspath(daemon.directory / "sluice.sock" if own else daemon.sockets[kind])
    started = [
        multiprocessing.Process(target=send_records if own else send_datagrams, args=(path, kind, sender, count, progress))
        for sender in which
    ]
    for each in started:
        each.start()
    try:
        yield progress
        for each in started:
            each.join(PATIENCE_S)
            if each.exitcode != 0:
                raise RuntimeError(f"{daemon.name}: a sender has not had all its messages accepted")
    finally:
        for each in started:
            each.kill()
            each.join()


def numbers_in(data):
    found = [(int(each[1]), int(each[2])) for each in NUMBERED.finditer(data)]
    return set(found), len(found)


def there(daemon):
    """The messages that it has, as pairs of sender and number, and how many there are."""
    if isinstance(daemon, Sluice):
        done = daemon.ask("tail", "--all", "--output", "cat")
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())
        return numbers_in(done.stdout)
    if isinstance(daemon, Journald):
        return numbers_in(daemon.journalctl("--output", "cat"))
    return numbers_in(daemon.output.read_bytes() if daemon.output.exists() else b"")


def settled(daemon):
    """The same, when nothing has been added for a second and a half."""
    found, since = there(daemon), time.monotonic()
    while time.monotonic() - since < 1.5:
        time.sleep(0.2)
        now = there(daemon)
        if now[1] != found[1]:
            found, since = now, time.monotonic()
    return found


def held_sockets(daemon):
    """The datagram sockets that the daemon receives with, as descriptors of ours.  Their names may be temporary ones
    that it had before it put them in place."""
    lines = [line.split() for line in Path(f"/proc/{daemon.process.pid}/net/unix").read_text().splitlines()]
    inodes = {f"socket:[{words[6]}]" for words in lines
              if words[4] == "0002" and len(words) == 8 and Path(words[7]).is_relative_to(daemon.directory)}  # fmt: skip
    held = []
    pidfd = os.pidfd_open(daemon.process.pid)
    try:
        for link in Path(f"/proc/{daemon.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # It closes files meanwhile.
                if os.readlink(link) not in inodes:
                    continue
                taken = LIBC.syscall(PIDFD_GETFD, pidfd, int(link.name), 0)
                if taken < 0:
                    raise OSError(ctypes.get_errno(), "pidfd_getfd")
                held.append(socket.socket(fileno=taken))
    finally:
        os.close(pidfd)
    if not held:
        raise RuntimeError(f"{daemon.name} has no datagram socket in {daemon.directory}")
    return held


def left_in(queue):
    """The messages that nobody has received; no more are accepted."""
    queue.shutdown(socket.SHUT_RD)
    left = set()
    while True:
        try:
            data = queue.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return left
        if not data:
            return left
        left |= numbers_in(data)[0]


def kill(daemon, kind):
    """Returns what was left in the queue of its socket."""
    held = [] if kind in LEVELS else held_sockets(daemon)
    daemon.process.kill()
    daemon.process.wait()
    left = set()
    for queue in held:
        with queue:
            left |= left_in(queue)
    for path in (*daemon.sockets.values(), daemon.directory / "sluice.sock"):
        path.unlink(missing_ok=True)
    return left


def kill_and_count(options, daemon_class, kind, directory):
    """Of all rounds: accepted, lost, those of the lost that were left in the queue, stored twice."""
    each = options.messages // SENDERS
    chance = random.Random(options.seed)
    accepted = lost = queued = doubled = 0
    for round_number in range(options.kills):
        files = directory / str(round_number)
        files.mkdir()
        with make(daemon_class, options, files) as daemon:
            target = chance.randrange(each * SENDERS // 10, each * SENDERS * 9 // 10)
            with senders(daemon, kind, each) as progress:
                deadline = time.monotonic() + PATIENCE_S
                while sum(progress) < target and time.monotonic() < deadline:
                    time.sleep(0.0002)
                left = kill(daemon, kind)
                daemon.start()
            found, records = settled(daemon)
        expected = {(sender, number) for sender in range(SENDERS) for number in range(each)}
        accepted += len(expected)
        lost += len(expected - found)
        queued += len((expected - found) & left)
        doubled += records - len(found)
        shutil.rmtree(files, ignore_errors=True)
    return {"accepted": accepted, "lost": lost, "left in the queue": queued, "twice": doubled}


def settle_old(daemon, disk, kind, burst):
    """The daemon has been at work for a while: as many others are on its disk, synced from outside."""
    with senders(daemon, kind, burst, which=[OLD]):
        pass
    settled(daemon)
    run("sync", "--file-system", disk.files)


def cut_and_count(options, daemon_class, kind, directory):
    result = {"accepted": 0, "lost": 0, "older lost": 0}
    for cut in range(options.cuts):
        image = directory / f"cut-{cut}"
        with Disk(directory / "disk") as disk, make(daemon_class, options, disk.files) as daemon:
            settle_old(daemon, disk, kind, options.burst)
            with senders(daemon, kind, options.burst, which=[NEW]):
                pass
            time.sleep(options.delay)
            daemon.process.send_signal(signal.SIGSTOP)
            disk.frozen(image)
            daemon.process.kill()
            daemon.process.wait()
        with Disk(directory / "disk", image) as disk, make(daemon_class, options, disk.files) as daemon:
            found, _ = settled(daemon)
        add(result, found, options.burst)
        image.unlink()
    return result


def cut_file(options, directory, sync):
    """The same with a file that this script writes."""
    result = {"accepted": 0, "lost": 0, "older lost": 0}
    for cut in range(options.cuts):
        image = directory / f"cut-{cut}"
        with Disk(directory / "disk") as disk, open(disk.files / "lines", "wb") as file:
            for sender in (OLD, NEW):
                file.writelines(message("", sender, number) + b"\n" for number in range(options.burst))
                file.flush()
                if sync or sender == OLD:
                    os.fsync(file.fileno())
            time.sleep(options.delay)
            disk.frozen(image)
        with Disk(directory / "disk", image) as disk:
            found, _ = numbers_in((disk.files / "lines").read_bytes())
        add(result, found, options.burst)
        image.unlink()
    if result["older lost"] or (sync and result["lost"]):
        raise RuntimeError(f"the simulated disk has lost what was synced, and no figure of it means anything: {result}")
    return result


def add(result, found, burst):
    result["accepted"] += burst
    result["lost"] += burst - sum(sender == NEW for sender, _ in found)
    result["older lost"] += burst - sum(sender == OLD for sender, _ in found)


def make(daemon_class, options, directory):
    return daemon_class(options.bin, directory) if daemon_class is Sluice else daemon_class(directory)


def name_of(daemon_class, kind):
    what = f"answered {kind}" if kind in LEVELS else f"{kind} datagrams"
    return f"{daemon_class.name}, {what}"


def share(figures):
    return f"{figures['lost']:,} ({100 * figures['lost'] / figures['accepted']:.2f} %)" if figures["accepted"] else ""


def show(name, killed, cut):
    def columns(figures):
        return f"{figures['accepted']:,}" if figures else "", share(figures) if figures else ""

    queue = f"{killed['left in the queue']:,}" if killed else ""
    print("{:30}{:>10}{:>18}{:>11}{:>13}{:>18}".format(name, *columns(killed), queue, *columns(cut)), flush=True)
    if killed and killed["twice"]:
        print(f"{'':30}{killed['twice']:,} records are there twice")
    if cut and cut["older lost"]:
        print(f"{'':30}{cut['older lost']:,} that were on the disk before the burst are lost at the cut")


def compare(options, directory):
    print("{:30}{:>10}{:>18}{:>11}{:>13}{:>18}".format(
        "", "accepted", "lost at SIGKILL", "in queue", "accepted", "lost at the cut"))  # fmt: skip
    results = {}
    for daemon_class, kind in ROWS:
        if options.only and daemon_class.name not in options.only:
            continue
        name, killed, cut = name_of(daemon_class, kind), None, None
        try:
            if options.kills:
                killed = kill_and_count(options, daemon_class, kind, directory)
            if options.cuts:
                cut = cut_and_count(options, daemon_class, kind, directory)
        except peer.Missing as missing:
            print(f"{name} is left out: {missing}", file=sys.stderr)
            continue
        show(name, killed, cut)
        results[name] = {"SIGKILL": killed, "power cut": cut}
    for name, sync in (("a file, fsync at the end", True), ("a file, no fsync", False)):
        if options.cuts and (not options.only or "file" in options.only):
            results[name] = {"power cut": cut_file(options, directory, sync)}
            show(name, None, results[name]["power cut"])
    return results


def main():
    parser = options_parser(__doc__)
    parser.add_argument("--kills", type=int, default=10, help="of each daemon (%(default)s)")
    parser.add_argument("--messages", type=int, default=20_000, help="sent around each kill (%(default)s)")
    parser.add_argument("--cuts", type=int, default=3, help="of each daemon's power (%(default)s)")
    parser.add_argument("--burst", type=int, default=5000, help="records before each cut (%(default)s)")
    parser.add_argument("--delay", type=float, default=3.0, help="seconds from their end to the cut (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills (%(default)s)")
    parser.add_argument("--only", type=lambda names: set(names.split(",")), default=set(), help="names of daemons, and file")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    try:
        private_mounts()
    except peer.Missing as missing:
        sys.exit(f"this needs what the machine lacks: {missing}")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} CPUs, {options.kills} kills within {options.messages:,} messages "
          f"each, {options.cuts} cuts {options.delay} s after {options.burst:,}")  # fmt: skip
    directory = Path(tempfile.mkdtemp(prefix="sluice-loss-", dir=options.dir))
    directory.chmod(0o755)
    try:
        results = compare(options, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
