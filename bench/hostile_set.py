#!/usr/bin/env python3
"""What a user of a daemon notices while four others attack it.

A daemon of its own, with the limits that it has by default, serves a victim, who sends a PING every 5 ms and a durable
numbered LOG every 20 ms (each tenth twice), follows his own stream, and connects anew each second; first alone, then
while four users do all that hostile_attacks.py has, at the same time.  Printed are his latencies, what the daemon holds
in memory (anonymous: of its own; of files: pages that the system has besides, and takes back when it needs memory, not
what MEMORY_MAX_MIB is about), what the victim has lost or has twice, and what the daemon itself has logged.  The attackers run on
what nobody else needs of the processors (SCHED_IDLE): not measured is how the kernel shares those, but what the daemon
does; and `net` is about without the time for which the daemon's loop and the victim waited for a processor.  Needs root, for the users.

Usage: bench/hostile_set.py [--bin DIR] [--dir DIR] [--seconds S] [--alone S] [--settle S] [--only NAME,NAME] [--each]
                            [--check] [--json FILE]
"""

import collections
import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.dont_write_bytecode = True
import hostile_attacks
from hostile_victim import ROLES, play, stored
from private_daemon import Daemon, options_parser
from protocol_client import Connection, log_batch, record

HOSTILE = range(52001, 52005)
VICTIM = 52000
MEMORY_MAX_MIB = 256
STALL = re.compile(r"the loop was held for (\d+) ms by: (.*)")
SKIPPED = 77
RESPITE_S = 2  # Between the end of the attackers and that of the victim.

LISTENERS = """\
roots: [{{name: files, path: {0}/root, rights: [{{everyone: yes, allow: [read, write, append, create, list]}}]}}]
threads: {{stall_threshold: 5 ms}}
retention: {{bytes_max: 2 GiB, classes: [{{name: victim, streams: [victim]}}]}}
listeners:
  - {{name: journal, protocol: journal, socket: {0}/journal}}
  - {{name: syslog, protocol: syslog, socket: {0}/syslog}}
  - {{name: syslog-stream, protocol: syslog_stream, socket: {0}/syslog-stream}}
  - {{name: stdout, protocol: stdout, socket: {0}/stdout}}
  - {{name: json, protocol: json, socket: {0}/json}}
"""


class Victim:
    """Processes that play ROLES until finish()."""

    def __init__(self, daemon):
        self.ends, self.processes = {}, []
        for role in ROLES:
            self.ends[role], theirs = multiprocessing.Pipe()
            arguments = (role, daemon.socket, VICTIM, daemon.process.pid, theirs)
            self.processes.append(multiprocessing.Process(target=play, args=arguments, daemon=True))
            self.processes[-1].start()

    def end(self, role, word=None):
        with suppress(BrokenPipeError):  # It has ended before, and said why.
            self.ends[role].send(word)
        return self.ends[role].recv()

    def finish(self):
        results = {role: self.end(role) for role in ("newcomers", "pings", "logs")}
        results["follows"] = self.end("follows", results["logs"].get("records", 0))
        for each in self.processes:
            each.join()
        return results

    def kill(self):
        for each in self.processes:
            each.kill()


class Memory(threading.Thread):
    """What the daemon holds at the most until stop(): MiB by kind.  The kernel keeps the peak of all kinds together only."""

    KINDS = {"own": "RssAnon", "files": "RssFile", "shared": "RssShmem"}
    INTERVAL_S = 0.05

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.peaks, self.daemon, self.over = dict.fromkeys(self.KINDS, 0), daemon, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(self.INTERVAL_S):
            with suppress(OSError, IndexError):  # It has ended.
                for kind, of in self.KINDS.items():
                    self.peaks[kind] = max(self.peaks[kind], self.daemon.memory_kib(of) / 1024)

    def stop(self):
        self.over.set()
        self.join()
        return self.peaks


def attackers(directory, names, until):
    started = []
    for uid in HOSTILE:
        for name in names:
            box = hostile_attacks.Box(directory, until, f"{uid}{name}")
            arguments = (hostile_attacks.ATTACKS[name], box, uid)
            started.append(multiprocessing.Process(target=hostile_attacks.attack, args=arguments, daemon=True))
            started[-1].start()
    return started


def make_files(directory):
    root = directory / "root"
    root.mkdir()
    root.chmod(0o777)
    (root / hostile_attacks.FILE).write_bytes(bytes(4 << 20))
    (root / "small").write_bytes(bytes(1000))


def quantiles(times, since, until):
    """Milliseconds: p50, p99, the most, and how many; p99 and most without what was waited for a processor."""
    times = [(1000 * took, 1000 * (took - delay)) for begun, took, delay in times if since <= begun < until]
    if not times:
        return None
    whole, net = sorted(took for took, _ in times), sorted(took for _, took in times)
    at = len(times) * 99 // 100
    return {"p50": whole[len(times) // 2], "p99": whole[at], "max": whole[-1], "count": len(times), "net p50": net[len(times) // 2],
            "net p99": net[at], "net max": net[-1]}  # fmt: skip


def fill(path):
    """Something to read and to query: some 13 MB of records, less than is sealed at once."""
    with Connection(path) as connection:
        for request in range(2, 18):
            records = [record(b"%d %s" % (number, os.urandom(400).hex().encode())) for number in range(1000)]
            connection.answer(log_batch(request, "written", records))


def lost_and_doubled(logged, numbers):
    """Of the victim's records, all of which were answered `durable`."""
    return {"lost": logged - len(set(numbers)), "doubled": len(numbers) - len(set(numbers))}


def measure(options, names, directory):
    make_files(directory)
    listen, more = "mode: '0666'", LISTENERS.format(directory)
    with Daemon(options.bin, directory, more=more, listen=listen, limits="") as daemon:
        fill(daemon.socket)
        victim = Victim(daemon)
        try:
            time.sleep(1)  # All have connected.
            alone = time.monotonic()
            time.sleep(options.alone)
            before, memory = daemon.memory_kib("RssAnon"), Memory(daemon)
            attack, scheduled = time.monotonic(), loop_schedule(daemon)
            hostile = attackers(directory, names, attack + options.seconds)
            time.sleep(options.seconds)
            over = time.monotonic()
            scheduled = {key: after - scheduled[key] for key, after in loop_schedule(daemon).items()}
            time.sleep(RESPITE_S)
            for each in hostile:
                each.kill()
                each.join()
            peaks = memory.stop()
            seen = victim.finish()
        finally:
            victim.kill()
        numbers = stored(daemon.socket)
        left = left_connections(daemon)
        time.sleep(options.settle)
        result = {
            "PING alone": quantiles(seen["pings"]["times"], alone, attack),
            "PING": quantiles(seen["pings"]["times"], attack, over),
            "LOG alone": quantiles(seen["logs"]["times"], alone, attack),
            "LOG": quantiles(seen["logs"]["times"], attack, over),
            "new": quantiles(seen["newcomers"]["times"], attack, over),
            "MiB": {"before": before / 1024, **peaks, "after": daemon.memory_kib("RssAnon") / 1024},
            "slowest": seen["newcomers"].get("slowest", ""),
            "loop": scheduled,
            "records": seen["logs"].get("records", 0),
            "stored": lost_and_doubled(seen["logs"].get("records", 0), numbers),
            "followed": lost_and_doubled(seen["logs"].get("records", 0), seen["follows"]["seen"]),
            "errors": {role: collections.Counter(seen[role]["errors"]).most_common(5) for role in ROLES if seen[role]["errors"]},
            "unanswered": {role: unanswered(seen[role]) for role in ("pings", "newcomers")},
            "again": {key: seen["logs"].get(key, 0) for key in ("again", "not known", "wrongly known")},
            "connections left": left,
        }  # fmt: skip
    result["exit"] = daemon.process.returncode
    result["stalls"], result["logged"] = what_it_logged(daemon.log)
    return result


def unanswered(seen):
    return seen["sent"] - len(seen["times"]) - len(seen["errors"])


def loop_schedule(daemon):
    """Of the thread that serves, so far: what it ran, and what it waited for a processor, which is not its own doing."""
    ran, waited, _ = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/schedstat").read_text().split()
    return {"ran s": int(ran) / 1e9, "waited for a processor s": int(waited) / 1e9}


def left_connections(daemon):
    """Of all, the one that asks not counted, once the daemon has had time to see that they ended."""
    deadline = time.monotonic() + 10
    while True:
        left = daemon.status()["connections"]["open"] - 1
        if left == 0 or time.monotonic() > deadline:
            return left
        time.sleep(0.2)


def what_it_logged(path):
    """Stalls: by task their number and the longest, ms; and the other warnings and errors, alike ones once, with their number."""
    stalls, others = {}, collections.Counter()
    for line in path.read_text(errors="replace").splitlines():
        if found := STALL.search(line):
            stalls.setdefault(found[2], []).append(int(found[1]))
        elif " info " not in line:
            others[re.sub(r"\d+", "N", line)] += 1
    return {name: {"count": len(all), "max": max(all)} for name, all in stalls.items()}, others.most_common()


def show(title, result):
    def line(name):
        found = result[name]
        return "".join(f"{found[column]:10.2f}" for column in columns) if found else "  nothing was answered"

    columns = ("p50", "p99", "max", "net p50", "net p99", "net max", "count")
    print(f"\n{title}\n{'ms':28}{''.join(f'{column:>10}' for column in columns)}")
    for name, text in (("PING alone", "PING, alone"), ("PING", "PING, attacked"), ("LOG alone", "durable LOG, alone"),
                       ("LOG", "durable LOG, attacked"), ("new", f"new connection ({result['slowest']})")):  # fmt: skip
        print(f"{text:28}{line(name)}")
    if result["LOG"] and result["LOG alone"]:
        print("durable LOG, times alone    " + "".join(f"{result['LOG'][each] / result['LOG alone'][each]:10.1f}" for each in columns[:-1]))
    print("the loop: " + ", ".join(f"{name} {value:.1f}" for name, value in result["loop"].items()))
    print("memory MiB: before {before:.0f}, peak {own:.0f}, after {after:.0f}; besides, of files {files:.0f}, shared {shared:.0f}".format(**result["MiB"]))
    print("records {}; stored: {}; followed: {}; sent again: {}".format(*(result[key] for key in ("records", "stored", "followed", "again"))))
    print(f"refused: {result['errors'] or 'nothing'}; unanswered: {result['unanswered']}; "
          f"connections left: {result['connections left']}; exit {result['exit']}")  # fmt: skip
    print("stalls: " + ("; ".join(f"{name}: {each['count']}, at most {each['max']} ms" for name, each in result["stalls"].items()) or "none"))
    for text, count in result["logged"][:12]:
        print(f"{count:7} x {text[:200]}")
    sys.stdout.flush()


def faults(result):
    """What must not be, whatever the machine does besides."""
    found = []
    if any(result["stored"].values()) or any(result["followed"].values()):
        found.append("records of the victim are lost or there twice")
    if result["records"] == 0 or any(result["again"][key] for key in ("not known", "wrongly known")):
        found.append("a batch that was sent twice was not known, or one that was not was")
    if result["errors"] or any(result["unanswered"].values()):
        found.append("the victim was refused or not answered")
    if result["MiB"]["own"] + result["MiB"]["shared"] > MEMORY_MAX_MIB:
        found.append(f"more than {MEMORY_MAX_MIB} MiB of memory")
    if result["connections left"] != 0:
        found.append("connections are left of clients that have gone")
    if result["exit"] != 0:
        found.append("the daemon did not end well")
    return found


def main():
    parser = options_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of the attack (%(default)s)")
    parser.add_argument("--alone", type=float, default=10, help="seconds before it (%(default)s)")
    parser.add_argument("--settle", type=float, default=60, help="seconds until memory is looked at again (%(default)s)")
    parser.add_argument("--only", type=lambda names: names.split(","), default=list(hostile_attacks.ATTACKS), help="names of attacks")
    parser.add_argument("--each", action="store_true", help="each attack by itself")
    parser.add_argument("--check", action="store_true", help="fail where something is lost, refused or too large; no timing counts")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    if unknown := set(options.only) - set(hostile_attacks.ATTACKS):
        parser.error(f"no such attack: {', '.join(unknown)}; there are {', '.join(hostile_attacks.ATTACKS)}")
    if os.geteuid() != 0:
        print("this needs root, to be several users", file=sys.stderr)
        sys.exit(SKIPPED)
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} CPUs, {options.seconds:g} s, {len(HOSTILE)} hostile users")
    results, bad = {}, []
    for names in [[name] for name in options.only] if options.each else [options.only]:
        title = names[0] if len(names) == 1 else f"{len(names)} attacks at a time"
        directory = Path(tempfile.mkdtemp(prefix="sluice-hostile-", dir=options.dir))
        directory.chmod(0o755)
        try:
            results[title] = measure(options, names, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        show(title, results[title])
        bad += [f"{title}: {fault}" for fault in faults(results[title])]
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    for fault in bad:
        print(f"FAULT: {fault}")
    sys.exit(1 if options.check and bad else 0)


if __name__ == "__main__":
    main()
