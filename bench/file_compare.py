#!/usr/bin/env python3
"""How an asyncio program reads and replaces files: in its loop, with threads, with aiofiles, and through sluice.

read: a whole file, which is in the page cache.  replace: durable and atomic, that is write a temporary file, fsync it,
rename it, fsync the directory.  Files of 4 KiB and of 1 MiB, with 1 and with 16 operations in flight, each on a file of its
own.

blocking   plain calls in the loop, which stands still meanwhile
thread     the same plain calls, all of an operation in one asyncio.to_thread
aiofiles   aiofiles, which takes a thread for each call
sluice     a GET or a durable PUT each, over the Unix socket of a private daemon, by the client in protocol_client.py

CPU is that of the client's process with its threads and, for sluice, of the daemon.  stall is the longest time that a task
which wakes every millisecond had to wait beyond that, during as long a time again.  A round measures all four in turn;
printed are the medians of the rounds, and the median of sluice's operations a second by those of its neighbour in the
round.  The disk is healthy: what a slow one does to the loop is not shown.

Usage: bench/file_compare.py [--bin DIR] [--dir DIR] [--pairs N] [--seconds S] [--json FILE]
"""

import asyncio
import contextlib
import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
from intake_peers import cpu_seconds, peer, unpacked
from private_daemon import Daemon, options_parser
from protocol_client import Files

SIZES = {"4 KiB": 4 << 10, "1 MiB": 1 << 20}
IN_FLIGHT = (1, 16)
TICK_S = 0.001
WARM_UP_S = 0.2
ROOT = """\
roots: [{{name: files, path: {path}, rights: [{{everyone: yes, allow: [read, write, create]}}]}}]
"""


def sync_folder(path):
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_file(path):
    with open(path, "rb", buffering=0) as file:
        return file.read()


def replace_file(path, data):
    temporary = f"{path}.new"
    with open(temporary, "wb", buffering=0) as file:
        file.write(data)
        os.fsync(file.fileno())
    os.rename(temporary, path)
    sync_folder(path.parent)


class Blocking:
    name = "blocking"

    def __init__(self, folder):
        self.folder = folder

    async def read(self, name):
        return read_file(self.folder / name)

    async def replace(self, name, data):
        replace_file(self.folder / name, data)


class Thread(Blocking):
    name = "thread"

    async def read(self, name):
        return await asyncio.to_thread(read_file, self.folder / name)

    async def replace(self, name, data):
        await asyncio.to_thread(replace_file, self.folder / name, data)


class AioFiles(Blocking):
    name = "aiofiles"

    def __init__(self, folder):
        super().__init__(folder)
        try:
            self.aiofiles = importlib.import_module("aiofiles")
        except ImportError:
            sys.path.append(str(unpacked("python3-aiofiles") / "usr/lib/python3/dist-packages"))
            self.aiofiles = importlib.import_module("aiofiles")
        self.os = importlib.import_module("aiofiles.os")
        self.fsync, self.sync_folder = self.os.wrap(os.fsync), self.os.wrap(sync_folder)

    async def read(self, name):
        async with self.aiofiles.open(self.folder / name, "rb", buffering=0) as file:
            return await file.read()

    async def replace(self, name, data):
        path = self.folder / name
        temporary = f"{path}.new"
        async with self.aiofiles.open(temporary, "wb", buffering=0) as file:
            await file.write(data)
            await self.fsync(file.fileno())
        await self.os.rename(temporary, path)
        await self.sync_folder(self.folder)


class Sluice:
    name = "sluice"

    def __init__(self, files):
        self.files = files

    async def read(self, name):
        return await self.files.get("files", name)

    async def replace(self, name, data):
        await self.files.put("files", name, data)


class Ticker:
    """Wakes every millisecond, and keeps by how much it was late at the most."""

    def __init__(self):
        self.late_s = 0.0
        self.task = asyncio.get_running_loop().create_task(self.tick())

    async def tick(self):
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self.late_s = max(self.late_s, time.monotonic() - due)

    async def stop(self):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        return self.late_s


async def work(contender, operation, data, number, until):
    """One operation after the other on a file of its own; how many."""
    done, name = 0, f"{len(data)}-{number}"
    while time.monotonic() < until:
        if operation == "replace":
            await contender.replace(name, data)
        elif len(await contender.read(name)) != len(data):
            raise RuntimeError(f"{contender.name} has read {name} wrongly")
        done += 1
        await asyncio.sleep(0)  # Plain calls give the loop a turn after each.
    return done


async def measure(contender, operation, size, in_flight, seconds, daemon):
    data = os.urandom(size)

    async def load(seconds):
        until = time.monotonic() + seconds
        return sum(await asyncio.gather(*(work(contender, operation, data, number, until) for number in range(in_flight))))

    await load(WARM_UP_S)
    start, cpu, daemon_cpu = time.monotonic(), time.process_time(), cpu_seconds(daemon.process)
    done = await load(seconds)
    took, cpu = time.monotonic() - start, time.process_time() - cpu
    daemon_cpu = cpu_seconds(daemon.process) - daemon_cpu if isinstance(contender, Sluice) else 0.0
    ticker = Ticker()  # Not before: it takes CPU, too.
    await load(seconds)
    return {"rate": done / took, "cpu_us": cpu / done * 1e6, "daemon_us": daemon_cpu / done * 1e6,
            "stall_ms": await ticker.stop() * 1e3}  # fmt: skip


async def compare(options, folder, daemon):
    # As many threads for everybody as there are operations.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max(IN_FLIGHT)))
    for size in SIZES.values():
        for number in range(max(IN_FLIGHT)):
            replace_file(folder / f"{size}-{number}", os.urandom(size))
    contenders = [Blocking(folder), Thread(folder)]
    try:
        contenders.append(AioFiles(folder))
    except peer.Missing as missing:
        print(f"aiofiles is left out: {missing}", file=sys.stderr)
    contenders.append(Sluice(await Files.connect(daemon.socket)))
    results = {}
    print(f"{'':36}{'operations/s':>14}{'client us':>11}{'daemon us':>11}{'stall ms':>10}{'sluice / it':>13}")
    for operation in ("read", "replace"):
        for label, size in SIZES.items():
            for in_flight in IN_FLIGHT:
                rounds = {each.name: [] for each in contenders}
                for _ in range(options.pairs):
                    for each in contenders:
                        figures = await measure(each, operation, size, in_flight, options.seconds, daemon)
                        rounds[each.name].append(figures)
                results |= show(f"{operation} {label}, {in_flight} in flight", rounds)
    contenders[-1].files.close()
    return results


def show(what, rounds):
    results = {}
    for name, figures in rounds.items():
        median = {key: statistics.median(each[key] for each in figures) for key in figures[0]}
        ratio = statistics.median(ours["rate"] / its["rate"] for ours, its in zip(rounds["sluice"], figures))
        daemon = f"{median['daemon_us']:.1f}" if name == "sluice" else ""
        print(f"{what + ': ' + name:36}{median['rate']:14,.0f}{median['cpu_us']:11.1f}{daemon:>11}{median['stall_ms']:10.1f}"
              f"{ratio:13.2f}", flush=True)  # fmt: skip
        results[f"{what}: {name}"] = {**median, "sluice_by_it": ratio}
    return results


def main():
    parser = options_parser(__doc__, seconds=1.0)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the start, Python "
          f"{sys.version.split()[0]}")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="sluice-files-", dir=options.dir) as directory:
        folder = Path(directory) / "files"
        folder.mkdir()
        with Daemon(options.bin, Path(directory) / "daemon", more=ROOT.format(path=folder)) as daemon:
            results = asyncio.run(compare(options, folder, daemon))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
