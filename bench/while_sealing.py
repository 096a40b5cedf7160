#!/usr/bin/env python3
"""What sealing and queries cost those who write and follow.

Commit latency: records that become durable one at a time, on a daemon that seals and on one that does not, in turn,
while both receive generated records at a steady rate.  Write to tail: alone, then while a query reads all of a million
sealed records again and again; and through a private journald to `journalctl -f`.

Usage: bench/while_sealing.py [--dir DIR] [--bin DIR] [--pairs N] [--seconds S] [--rate N] [--records N]
"""

import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True
from private_daemon import Daemon, median_of, options_parser

JOURNALD = "/lib/systemd/systemd-journald"
EVERYTHING = "~'[0-9]+ ms.*[xyz]{4}'"  # A regular expression that no filter can answer.
TICK = 0.005


@contextmanager
def steady_import(daemon, lines, rate):
    """Records from standard input of `sluice import`, at that rate, from the start again when they are over."""
    command = [*daemon.sluice, "import", "--format", "json", "-"]
    importer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stop = threading.Event()

    def feed():
        at, start, sent = 0, time.monotonic(), 0
        while not stop.wait(TICK):
            due = int((time.monotonic() - start) * rate) - sent
            chunk = lines[at : at + due]
            importer.stdin.write(b"".join(chunk))
            importer.stdin.flush()
            sent += len(chunk)
            at = at + len(chunk) if at + len(chunk) < len(lines) else 0

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield
    finally:
        stop.set()
        feeder.join()
        importer.stdin.close()
        importer.wait()


@contextmanager
def endless_query(daemon):
    query = subprocess.Popen([daemon.binaries / "sluice-query-time", "--socket", daemon.socket, "--runs", "1000000",
                              f"{EVERYTHING} | stats count() as n"], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        query.kill()
        query.wait()


def show(name, *values):
    print(f"{name:44}" + "".join(f"{value:>12.0f}" for value in values), flush=True)


def commit_latency(options, scratch, lines):
    run = ["--mode", "latency", "--runs", "1", "--seconds", str(options.seconds)]
    measured = {"p50": ([], []), "p99": ([], [])}
    with Daemon(options.bin, scratch / "off", "seal_rows_max: 0") as off, \
         Daemon(options.bin, scratch / "on", "seal_delay_max: 1 s") as on:
        for _ in range(options.pairs):
            for which, daemon in enumerate((off, on)):
                with steady_import(daemon, lines, options.rate):
                    time.sleep(1)
                    figures = daemon.bench(run)
                for name, pair in measured.items():
                    pair[which].append(median_of(figures, name))
        print(f"one durable record, while {options.rate} records/s are written; {on.status()['parts']['rows']} of them "
              f"were sealed\n{'':44}{'off us':>12}{'on us':>12}{'on / off':>12}")
    for name, pair in measured.items():
        ratio = statistics.median(with_it / without for without, with_it in zip(*pair))
        print(f"{name:44}" + "".join(f"{statistics.median(each):>12.0f}" for each in pair) + f"{ratio:>12.2f}")


def tail_latency(options, scratch, generated):
    arguments = ["--mode", "tail", "--rate", str(options.rate), "--runs", str(options.pairs), "--seconds", str(options.seconds)]

    def measure(name):
        figures = daemon.bench(arguments)
        show(name, median_of(figures, "p50"), median_of(figures, "p99"))

    with Daemon(options.bin, scratch / "tail", "seal_delay_max: 1 s") as daemon:
        subprocess.run([*daemon.sluice, "import", "--format", "json", generated], check=True, capture_output=True)
        daemon.wait_until_sealed()
        print(f"write to tail at {options.rate} records/s\n{'':44}{'p50 us':>12}{'p99 us':>12}")
        measure("while it seals")
        with endless_query(daemon):
            measure("while it seals and a query reads everything")
        print(f"{daemon.status()['parts']['rows']} records are sealed")


def send_datagrams(path, rate, seconds):
    to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    to.connect(path)
    start, sent = time.monotonic(), 0
    while (now := time.monotonic()) < start + seconds:
        while sent < (now - start) * rate and time.monotonic() < start + seconds:
            to.send(b"PRIORITY=6\nMESSAGE=made %d %s\n" % (time.monotonic_ns(), b"x" * 100))
            sent += 1
        time.sleep(0.0001)


def journal_latency(options, scratch):
    if not os.access(JOURNALD, os.X_OK):
        print(f"journald is left out: there is no {JOURNALD}")
        return
    run, log = scratch / "run", scratch / "log"
    run.mkdir()
    log.mkdir()
    environment = {**os.environ, "RUNTIME_DIRECTORY": str(run), "LOGS_DIRECTORY": str(log), "SYSTEMD_LOG_LEVEL": "err"}
    journald = subprocess.Popen([JOURNALD, "bench"], env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not (run / "socket").exists() or not (log / "system.journal").exists():
            if time.monotonic() > deadline or journald.poll() is not None:
                print("journald is left out: it does not start")
                return
            time.sleep(0.05)
        for rate in (1000, options.rate):
            follow = subprocess.Popen(["journalctl", "--directory", log, "-f", "-n", "0", "-o", "cat"],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            time.sleep(0.5)
            sender = multiprocessing.Process(target=send_datagrams, args=(str(run / "socket"), rate, options.seconds + 1))
            sender.start()
            stopper = threading.Timer(options.seconds + 3, follow.terminate)
            stopper.start()
            delays = []
            for line in follow.stdout:
                if line.startswith(b"made "):
                    delays.append((time.monotonic_ns() - int(line.split()[1])) / 1000)
            sender.join()
            follow.wait()
            delays.sort()
            reached = len(delays) / (options.seconds + 1)
            show(f"journalctl -f at {reached:.0f} of {rate} records/s", delays[len(delays) // 2],
                 delays[len(delays) * 99 // 100])
    finally:
        journald.terminate()
        journald.wait()


def main():
    parser = options_parser(__doc__, seconds=3.0)
    parser.add_argument("--rate", type=int, default=50_000, help="records per second (%(default)s)")
    parser.add_argument("--records", type=int, default=1_000_000, help="generated (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as directory:
        scratch = Path(directory)
        generated = scratch / "generated.json"
        subprocess.run([options.bin / "sluice-generate", "--records", str(options.records), "--output", generated], check=True)
        with open(generated, "rb") as file:
            lines = file.readlines()
        commit_latency(options, scratch, lines)
        tail_latency(options, scratch, generated)
        journal_latency(options, scratch)


if __name__ == "__main__":
    main()
