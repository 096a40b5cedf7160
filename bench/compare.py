#!/usr/bin/env python3
"""sluice beside the limits of the machine, in one run: what docs/benchmarks.md shows.

Each row measures a bare program (sluice-limits) and a private daemon (sluice bench) in turn, several times; the ratio is
the median of the ratios of neighbours, because the speed of a shared machine changes from minute to minute.

Usage: bench/compare.py [--dir DIR] [--bin DIR] [--pairs N] [--seconds S]
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from private_daemon import Daemon, median_of, options_parser

DURABLE_64 = ["--mode", "log-single", "--connections", "64", "--in-flight", "1", "--ack", "durable"]
SINGLE_32 = ["--mode", "log-single", "--connections", "32", "--in-flight"]
ACCEPTED = ["--ack", "accepted"]  # As the bare server, which writes nothing.
# Name; figure of sluice-limits; arguments and figure of sluice bench; whether less is better.
ROWS = [
    ("batches of 32 to written, 1 connection", "stream_to_log.32", ["--batch", "32"], "throughput", False),
    ("batches of 256 to written, 1 connection", "stream_to_log.256", [], "throughput", False),
    ("64 connections, 1 durable each", "group_commit.64", DURABLE_64, "throughput", False),
    ("  the same, against a bare server", "durable_round_trip.64", DURABLE_64, "throughput", False),
    ("1 connection, 1 durable, p50", "durable_write.direct.512.p50", ["--mode", "latency"], "latency p50", True),
    ("  the same, against a bare server", "durable_round_trip.1.p50", ["--mode", "latency"], "latency p50", True),
    ("32 connections, 1 accepted each", "round_trip.32", [*SINGLE_32, "1", *ACCEPTED], "throughput", False),
    ("32 connections, 1 written each", "round_trip.32", [*SINGLE_32, "1"], "throughput", False),
    ("32 connections, 4 written each", "round_trip.32", [*SINGLE_32, "4"], "throughput", False),
]
IDLE_CONNECTIONS = 1000
IDLE_SECONDS = 10
# Of the log alone: what seals it shares the disk and the CPUs with the writers, and with the limits measured beside it.
LOG_ONLY = "segment_bytes: 16 MiB, log_bytes_max: 1 GiB, seal_rows_max: 0"
SEALING = "segment_bytes: 16 MiB, seal_delay_max: 1 s"
SEALED_ROWS = [("batches of 256 to written, 1 connection, sealed", "stream_to_log.256", [], "throughput", False)]


def limit_of(options, figure, run):
    measurement = figure.removesuffix(".p50")
    measurement = "durable_write" if measurement.startswith("durable_write.") else measurement
    command = [options.bin / "sluice-limits", "--dir", options.dir, "--json", "--only", measurement, *run]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return next(each["value"] for each in json.loads(done.stdout)["figures"] if each["name"] == figure)


def shown(value, is_time):
    if is_time:
        return f"{value:.0f} us"
    return f"{value / 1e6:.2f} M/s" if value >= 1e6 else f"{value / 1e3:.0f} k/s"


def compare(options, daemon, rows, before=lambda: None):
    for name, limit, arguments, figure, less in rows:
        limits, ours, ratios = [], [], []
        for _ in range(options.pairs):
            before()
            run = ["--runs", "1", "--seconds", str(options.seconds)]
            limits.append(limit_of(options, limit, run))
            ours.append(median_of(daemon.bench([*arguments, *run]), figure))
            ratios.append(ours[-1] / limits[-1])
        print(
            f"{name:48}{shown(statistics.median(limits), less):>12}{shown(statistics.median(ours), less):>12}"
            f"{statistics.median(ratios):>8.2f}"
        )


def tail(options, daemon):
    figures = daemon.bench(["--mode", "tail", "--rate", "100000", "--runs", str(options.pairs)])
    print(f"write to tail at 100 k/s: p50 {median_of(figures, 'p50'):.0f} us, p99 {median_of(figures, 'p99'):.0f} us")


def idle(daemon):
    time.sleep(2)  # Spare segments are ready, and the status requests are over.
    print(f"idle: {daemon.memory_kib()} KiB resident", end="", flush=True)
    before = daemon.wake_ups()
    time.sleep(IDLE_SECONDS)
    print(f", {daemon.wake_ups() - before} wake-ups in {IDLE_SECONDS} s", end="", flush=True)
    resident = daemon.memory_kib()
    many = ["bench", "--mode", "idle", "--connections", str(IDLE_CONNECTIONS), "--seconds", "3"]
    with subprocess.Popen([*daemon.sluice, *many], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as clients:
        time.sleep(2)
        status = daemon.status()
        each = (daemon.memory_kib() - resident) / IDLE_CONNECTIONS
        if status["connections"]["open"] < IDLE_CONNECTIONS or clients.poll() is not None:
            sys.exit("compare.py: the idle connections are not there")
    print(f", {each:.1f} KiB for each of {IDLE_CONNECTIONS} idle connections")


def main():
    options = options_parser(__doc__, seconds=1.0).parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as directory, Daemon(options.bin, directory, LOG_ONLY) as daemon:
        daemon.bench(["--runs", "1"])  # The log has its full length from here on, and recycles its segments.
        print(f"store: {daemon.status()['store']['mode']}")
        print(f"{'':48}{'limit':>12}{'sluice':>12}{'ratio':>8}")
        compare(options, daemon, ROWS)
        tail(options, daemon)
    with tempfile.TemporaryDirectory(dir=options.dir) as directory, Daemon(options.bin, directory, SEALING) as daemon:
        idle(daemon)
        daemon.bench(["--runs", "1"])
        compare(options, daemon, SEALED_ROWS, before=daemon.wait_until_sealed)


if __name__ == "__main__":
    main()
