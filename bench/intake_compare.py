#!/usr/bin/env python3
"""How fast daemons take the log messages of other programs, beside a program that only receives them, in one run.

Messages of 205 bytes come over a datagram socket from several processes that wait while its queue of 512 is full; a
measurement ends when the daemon has all of them on disk (sluice: what its status says is stored; journald: entries of
its files; rsyslog, syslog-ng: lines).  CPU is the daemon's, of all threads.  Each measurement of a daemon is followed by
one of the bare receiver, and the ratio is the median of the ratios of such neighbours.  No daemon syncs each record:
sluice once a second (and it seals and compresses), journald every 5 minutes, the others never.

--overload: senders do not wait.  What the kernel refuses they know of; what the kernel took and the daemon has not
stored is lost, and the daemon must say so.
--short-lived: 1,000 `logger` processes in a service of a real systemd, in a container (needs root): of how many records
the name of the process, its path and its unit are known.

Usage: bench/intake_compare.py [--bin DIR] [--dir DIR] [--pairs N] [--seconds S] [--senders S] [--only NAME,NAME]
                               [--overload] [--short-lived] [--json FILE]
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from intake_peers import Journald, Limit, Rsyslog, Sluice, SluiceLog, SyslogNg, cpu_seconds, peer
from private_daemon import options_parser

WARM_UP = 20_000
PATIENCE_S = 120
# The protocol of the senders, and who takes it.
ROWS = [
    ("journal", Sluice), ("journal", SluiceLog), ("journal", Journald),
    ("syslog", Sluice), ("syslog", SluiceLog), ("syslog", Rsyslog), ("syslog", SyslogNg),
]  # fmt: skip
OVERLOADED = [
    ("journal", Sluice, "block"), ("journal", Sluice, "drop"), ("journal", Journald, None),
    ("syslog", Sluice, "block"), ("syslog", Sluice, "drop"), ("syslog", Rsyslog, None), ("syslog", SyslogNg, None),
]  # fmt: skip


class Scratch:
    """A folder on the measured disk."""

    def __init__(self, options):
        self.path = tempfile.mkdtemp(prefix="sluice-intake-", dir=options.dir)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def make(daemon, options, directory, **more):
    takes_programs = daemon in (Sluice, SluiceLog, Limit)
    return daemon(options.bin, directory, **more) if takes_programs else daemon(directory)


def load(options, daemon, kind, messages, *arguments):
    """Sends, and returns what the generator says."""
    command = [options.bin / "sluice-datagram-load", daemon.sockets[kind], "--format", kind, "--messages", str(messages),
               "--senders", str(options.senders), *arguments]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    return json.loads(done.stdout)


def wait_until_stored(daemon, count, pause=0.02):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        stored = daemon.stored()
        if stored >= count:
            return time.monotonic()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{daemon.name} has stored {stored} of {count} after {PATIENCE_S} s")
        time.sleep(pause)


def measure(options, daemon_class, kind):
    """Messages per second until all are on disk, and CPU seconds of the daemon per message."""
    with Scratch(options) as directory, make(daemon_class, options, directory) as daemon:
        before = daemon.stored()
        start = time.monotonic()
        load(options, daemon, kind, WARM_UP)
        rate = WARM_UP / (wait_until_stored(daemon, before + WARM_UP) - start)
        messages = max(WARM_UP, int(rate * options.seconds))
        before, cpu = daemon.stored(), cpu_seconds(daemon.process)
        said = load(options, daemon, kind, messages)
        # CLOCK_MONOTONIC is the clock of both.
        seconds = wait_until_stored(daemon, before + messages) - said["start_ns"] / 1e9
        return messages / seconds, (cpu_seconds(daemon.process) - cpu) / messages


def measure_limit(options, kind):
    with Scratch(options) as directory, Limit(options.bin, directory) as receiver:
        start = time.monotonic()
        load(options, receiver, kind, WARM_UP)
        messages = int(WARM_UP / (time.monotonic() - start) * options.seconds)
        cpu = cpu_seconds(receiver.process)
        said = load(options, receiver, kind, messages)
        cpu = cpu_seconds(receiver.process) - cpu
        if receiver.finish() != WARM_UP + messages:
            raise RuntimeError("the bare receiver has not received all")
        return messages / said["seconds"], cpu / messages


def throughput(options):
    print(f"{'':34}{'records/s':>12}{'CPU us each':>13}{'bare receiver':>15}{'CPU us each':>13}{'ratio':>8}")
    results = {}
    rows = [row for row in ROWS if not options.only or row[1].name in options.only]
    figures = {row: [] for row in rows}
    for _ in range(options.pairs):
        for row in rows:
            kind, daemon = row
            try:
                figures[row].append((*measure(options, daemon, kind), *measure_limit(options, kind)))
            except peer.Missing as missing:
                print(f"{daemon.name} is left out: {missing}", file=sys.stderr)
                rows = [row for row in rows if row[1] is not daemon]
    for (kind, daemon), of in figures.items():
        if not of:
            continue
        ours, cpu, limit, limit_cpu = (statistics.median(column) for column in zip(*of))
        ratio = statistics.median(each[0] / each[2] for each in of)
        print(f"{kind + ' datagrams to ' + daemon.name:34}{ours:12,.0f}{cpu * 1e6:13.2f}{limit:15,.0f}{limit_cpu * 1e6:13.2f}"
              f"{ratio:8.2f}")  # fmt: skip
        results[f"{kind} {daemon.name}"] = {"rate": ours, "cpu_us": cpu * 1e6, "limit": limit, "ratio": ratio}
    return results


def settled(daemon):
    """What it has stored of others when nothing has come for a second and a half: statistics are written once a second."""
    stored, since = daemon.stored(), time.monotonic()
    while time.monotonic() - since < 1.5:
        time.sleep(0.1)
        now = daemon.stored()
        if now != stored:
            stored, since = now, time.monotonic()
    return stored - daemon.own()


def overload(options):
    print(f"{'senders that do not wait':34}{'sent':>12}{'refused':>12}{'stored':>12}{'lost':>10}{'seconds':>9}  reported")
    results = {}
    for kind, daemon_class, overflow in OVERLOADED:
        if options.only and daemon_class.name not in options.only:
            continue
        name = f"{kind}: {daemon_class.name}" + (f", {overflow}" if overflow else "")
        more = {"overflow": overflow} if overflow else {}
        try:
            with Scratch(options) as directory, make(daemon_class, options, directory, **more) as daemon:
                load(options, daemon, kind, 1000)
                before = settled(daemon)
                said = load(options, daemon, kind, int(options.seconds * 1_000_000), "--nonblock", "--pause-us", "100")
                stored = settled(daemon) - before
                lost = said["sent"] - stored
                reported, text = daemon.told_lost()
        except peer.Missing as missing:
            print(f"{name} is left out: {missing}", file=sys.stderr)
            continue
        print(f"{name:34}{said['sent']:12,}{said['refused']:12,}{stored:12,}{lost:10,}"
              f"{said['seconds']:9.2f}  {text}")
        results[name] = {**said, "stored": stored, "lost": lost, "reported": reported}
    return results


def short_lived(options):
    script = Path(__file__).with_name("short_lived.sh")
    done = subprocess.run([script, options.bin], capture_output=True, text=True, timeout=600)
    if done.returncode == 77:
        print(done.stdout.strip())
        return {}
    if done.returncode != 0:
        sys.exit(f"{script}: {done.stdout}{done.stderr}")
    print(f"{'1,000 logger processes':34}{'records':>10}{'name':>8}{'path':>8}{'unit':>8}")
    results = {}
    for line in done.stdout.splitlines():
        found = json.loads(line)
        results[found["daemon"]] = found
        print(f"{found['daemon']:34}{found['records']:10}{found['comm']:8}{found['exe']:8}{found['unit']:8}  {found['more']}")
    return results


def main():
    parser = options_parser(__doc__, seconds=2.0)
    parser.add_argument("--senders", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--only", type=lambda text: set(text.split(",")), default=set(), help="names of daemons")
    parser.add_argument("--overload", action="store_true")
    parser.add_argument("--short-lived", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the start, "
          f"{options.senders} senders")  # fmt: skip
    if options.short_lived:
        results = short_lived(options)
    else:
        results = overload(options) if options.overload else throughput(options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
