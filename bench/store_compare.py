#!/usr/bin/env python3
"""The log store beside its peers, in one run: size, load, and the questions of bench/store/questions.py.

Generates records with sluice-generate, loads them into a private daemon and into journald, DuckDB (table and Parquet),
ClickHouse, zstd and plain JSON lines, asks each the same questions, and checks the answers.  Figures are medians; the
last columns compare sluice with the best peer.  The load of sluice ends when all is sealed (and merged).  A peer that
cannot be had here is named and left out.  More data (one folder each, of JSON lines, also .gz and .zst) is compared by
size and load.

Usage: bench/store_compare.py [--records N] [--seed S] [--runs K] [--bin DIR] [--dir DIR] [--modules DIR]
                              [--only NAME,NAME] [--skip NAME,NAME] [--settle S] [--install] [--json FILE]
                              [FOLDER...]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench" / "store"))
sys.dont_write_bytecode = True

import engines
from engines import Data, Unavailable
from questions import questions


def makers(options, scratch):
    return {
        "sluice": lambda: engines.Sluice(scratch, options.bin, options.settle),
        "sluice unmerged": lambda: engines.SluiceSealed(scratch, options.bin, options.settle),
        "journald": lambda: engines.Journald(scratch),
        "rg": lambda: engines.Ripgrep(scratch),
        "jq": lambda: engines.Jq(scratch),
        "zstd -3": lambda: engines.Zstd(scratch, 3),
        "zstd -19": lambda: engines.Zstd(scratch, 19),
        "duckdb": lambda: engines.DuckdbTable(scratch, options.modules),
        "parquet": lambda: engines.DuckdbParquet(scratch, options.modules),
        "clickhouse": lambda: engines.Clickhouse(scratch, options.modules),
    }


def install():
    """The peers that are Debian packages; needs root."""
    wanted = {"rg": "ripgrep", "jq": "jq", "zstd": "zstd", "journalctl": "systemd", "node": "nodejs", "npm": "npm"}
    packages = [package for tool, package in wanted.items() if shutil.which(tool) is None]
    packages += ["systemd-journal-remote"] if not Path(engines.REMOTE).exists() else []
    if packages:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *packages], check=True)


def generate(options, scratch):
    base = [options.bin / "sluice-generate", "--records", str(options.records), "--seed", str(options.seed)]
    json_lines, journal, facts = scratch / "generated.json", scratch / "generated.export", scratch / "facts.json"
    subprocess.run([*base, "--output", json_lines, "--facts", facts], check=True)
    subprocess.run([*base, "--output", journal, "--format", "journal"], check=True)
    return Data(f"{options.records} generated records", json_lines, journal, generated=True), json.loads(facts.read_text())


def gather(folder, scratch):
    """All JSON lines of a folder, as one file."""
    files = [f for f in sorted(Path(folder).iterdir()) if ".json" in f.name and f.is_file()]
    if not files:
        return None
    path = scratch / f"{Path(folder).name}.json"
    with open(path, "wb") as into:
        for file in files:
            tool = {".gz": "zcat", ".zst": "zstdcat"}.get(file.suffix, "cat")
            subprocess.run([tool, file], stdout=into, check=True)
    with open(path, "rb") as lines:
        count = sum(1 for _ in lines)
    return Data(f"{Path(folder).name} ({count} records)", path)


class Table:
    def __init__(self, header):
        self.rows = [header]

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def print(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        for number, row in enumerate(self.rows):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
            if number == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        print(flush=True)


def megabytes(size):
    return f"{size / 1e6:.1f}" if size >= 1e6 else f"{size / 1e6:.3f}"


def milliseconds(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def show_loads(data, records, loads):
    print(f"### {data.name}, {megabytes(data.bytes)} MB as JSON lines\n")
    ours = loads.get("sluice")
    table = Table(["engine", "MB", "ratio", "sluice / it", "load s", "CPU s", "krec/s/core", "note"])
    for name, load in loads.items():
        relative = f"{ours.size / load.size:.2f}" if ours and ours.size and load.size else ""
        rate = f"{records / load.cpu_seconds / 1000:.0f}" if load.cpu_seconds else ""
        note = load.note + (f", peak RSS {load.rss / 1e6:.0f} MB" if load.rss else "")
        seconds = f"{load.seconds:.2f}" if load.seconds is not None else ""
        cpu = f"{load.cpu_seconds:.2f}" if load.cpu_seconds is not None else ""
        size = megabytes(load.size) if load.size else ""
        ratio = f"{data.bytes / load.size:.1f}" if load.size else ""
        table.add(name, size, ratio, relative, seconds, cpu, rate, note)
    table.print()


def load_all(data, running, records):
    loads = {}
    for name, engine in list(running.items()):
        try:
            load = engine.load(data)
        except RuntimeError as error:
            print(f"{name}: not loaded: {error}", file=sys.stderr)
            load = None
        if load is None:
            running.pop(name).stop()
        else:
            loads[name] = load
    show_loads(data, records, loads)
    return loads


def start_engines(options, scratch):
    running = {}
    for name, make in makers(options, scratch).items():
        if (options.only and name not in options.only) or name in options.skip:
            continue
        try:
            running[name] = make()
        except Unavailable as reason:
            print(f"{name} is left out: {reason}", file=sys.stderr)
    return running


def start_cost():
    """What each process costs that is started for a question."""
    times = []
    for _ in range(21):
        times.append(engines.timed(["/bin/true"])[0] * 1000)
    return statistics.median(times)


def ask_all(asked, running, runs):
    answers, wrong = {}, 0
    for question in asked:
        for name, engine in running.items():
            try:
                answer = engine.ask(question, runs)
            except (RuntimeError, ValueError, KeyError, IndexError) as error:
                print(f"{name}: {question.title}: {error}", file=sys.stderr)
                continue
            if answer is None:
                continue
            times, value = answer
            if value != question.expected:
                wrong += 1
                print(f"{name}: {question.title}: {value}, but it is {question.expected}", file=sys.stderr)
            answers.setdefault(question.key, {})[name] = statistics.median(times)
    return answers, wrong


def show_answers(asked, names, answers):
    names = [name for name in names if any(name in of for of in answers.values())]
    peers = [name for name in names if not name.startswith("sluice")]
    table = Table(["ms", *names, "best peer", "sluice / best", "journald / sluice"])
    for question in asked:
        of = answers.get(question.key, {})
        best = min((of[name], name) for name in peers if name in of) if any(name in of for name in peers) else None
        ours, journal = of.get("sluice"), of.get("journald")
        table.add(question.title, *(milliseconds(of[name]) if name in of else "" for name in names), best[1] if best else "",
                  f"{ours / best[0]:.2f}" if ours and best else "", f"{journal / ours:.0f}" if ours and journal else "")
    table.print()


def compare_generated(options, scratch):
    data, facts = generate(options, scratch)
    running = start_engines(options, scratch)
    try:
        loads = load_all(data, running, options.records)
        asked = questions(facts)
        print(f"Medians of {options.runs}, fewer where one takes seconds. journald, rg, jq: a process each time; starting "
              f"one costs {start_cost():.1f} ms.\n")
        answers, wrong = ask_all(asked, running, options.runs)
        show_answers(asked, list(running), answers)
        return {"data": data.name, "loads": {n: vars(l) for n, l in loads.items()}, "answers": answers}, wrong
    finally:
        for engine in running.values():
            engine.stop()


def compare_folder(options, folder, scratch):
    data = gather(folder, scratch)
    if data is None:
        print(f"{folder}: no JSON lines", file=sys.stderr)
        return None
    running = start_engines(options, scratch)
    try:
        with open(data.json, "rb") as lines:
            records = sum(1 for _ in lines)
        return {"data": data.name, "loads": {n: vars(l) for n, l in load_all(data, running, records).items()}}
    finally:
        for engine in running.values():
            engine.stop()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: set(text.split(","))
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "release" / "bin", help="where sluice and sluiced are")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="a scratch folder is made, and removed, there")
    parser.add_argument("--modules", type=Path, default=ROOT / "build" / "peers", help="the npm packages are kept there")
    parser.add_argument("--only", type=names, default=set())
    parser.add_argument("--skip", type=names, default=set())
    parser.add_argument("--settle", type=float, default=5, help="seconds without a change after which a store is at rest")
    parser.add_argument("--install", action="store_true", help="install the Debian packages that are missing (apt-get)")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("folders", nargs="*", type=Path)
    return parser.parse_args()


def main():
    options = arguments()
    if options.install:
        install()
    load = os.getloadavg()[0]
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} CPUs, load {load:.1f} at the start\n")
    results, wrong = [], 0
    for folder in [None, *options.folders]:
        scratch = Path(tempfile.mkdtemp(prefix="sluice-compare-", dir=options.dir))
        try:
            if folder is None:
                result, wrong = compare_generated(options, scratch)
            else:
                result = compare_folder(options, folder, scratch)
            results.append(result)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, default=str))
    print(f"load {os.getloadavg()[0]:.1f} at the end; {wrong} wrong answers")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
