"""The engines that store_compare.py compares: sluice and its peers.  Each loads the same records and answers the same
questions; the answers are checked.  An engine that cannot be had here says so (Unavailable) and its column is left out.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from private_daemon import Daemon

REMOTE = "/usr/lib/systemd/systemd-journal-remote"
PACKAGES = ["@duckdb/node-api", "chdb"]
COLUMNS = {
    "time": "TIMESTAMP", "level": "VARCHAR", "service": "VARCHAR", "host": "VARCHAR", "region": "VARCHAR",
    "version": "VARCHAR", "pid": "INTEGER", "trace_id": "VARCHAR", "msg": "VARCHAR", "client_ip": "VARCHAR",
    "method": "VARCHAR", "path": "VARCHAR", "status": "SMALLINT", "bytes": "BIGINT", "duration_ms": "DOUBLE",
    "agent": "VARCHAR",
}


class Unavailable(Exception):
    """With the reason, to be printed."""


class Data:
    """Records as JSON lines, and as the journal's export format if that was generated too."""

    def __init__(self, name, json_lines, journal=None, generated=False):
        self.name, self.json, self.journal, self.generated = name, Path(json_lines), journal, generated
        self.bytes = self.json.stat().st_size


class Loaded:
    def __init__(self, seconds=None, cpu_seconds=None, size=None, note="", rss=None):
        self.seconds, self.cpu_seconds, self.size, self.note, self.rss = seconds, cpu_seconds, size, note, rss


def tree_bytes(path):
    path = Path(path)
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def timed(command, **options):
    """Runs a command; wall and CPU seconds of it and what it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, shell=isinstance(command, str), **options)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace')[-500:]}")
    return seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def runs_of(first_ms, wanted):
    """Slow questions are asked less often."""
    return wanted if first_ms < 1500 else min(3, wanted) if first_ms < 5000 else 1


class Sluice:
    """A private daemon that seals what it gets soon, and merges.  Answers come through its socket: from
    sluice-query-time, which stays connected, or if that is not built from a process of `sluice query` each time."""

    name = "sluice"
    STORE = "log_bytes_max: 64 GiB, seal_delay_max: 3 s"

    def __init__(self, scratch, binaries, settle_seconds):
        if not (binaries / "sluiced").exists():
            raise Unavailable(f"{binaries}/sluiced is not built")
        self.directory, self.settle_seconds = Path(scratch) / self.name.replace(" ", "-"), settle_seconds
        try:
            self.daemon = Daemon(binaries, self.directory, self.STORE)
        except RuntimeError as error:
            raise Unavailable(str(error)) from error
        self.command = self.daemon.sluice
        self.timer = binaries / "sluice-query-time"

    def daemon_cpu(self):
        fields = Path(f"/proc/{self.daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, data):
        cpu = self.daemon_cpu()
        seconds, client_cpu, _ = timed([*self.command, "import", "--format", "json", data.json])
        rss = self.daemon.memory_kib("VmHWM") * 1024
        size, note = self.settle()
        return Loaded(seconds, client_cpu + self.daemon_cpu() - cpu, size, note, rss)

    def settle(self):
        """Waits until everything is sealed and nothing changes any more.  No size if it is not."""
        shape, since = None, time.monotonic()
        deadline = since + 600
        while time.monotonic() < deadline and time.monotonic() - since < self.settle_seconds:
            status = self.daemon.status()
            now = (status["parts"], status["store"]["open_rows"])
            if now != shape or now[1]:
                shape, since = now, time.monotonic()
            time.sleep(0.2)
        status = self.daemon.status()
        if not status["parts"]["count"]:
            return None, f"nothing is sealed; the log is {tree_bytes(self.directory / 'store') / 1e6:.0f} MB"
        files = [p for p in (self.directory / "store").rglob("part-*") if p.is_file()]
        left = status["store"]["open_rows"]
        note = f"{len(files)} parts" + (f", {left} records are not sealed" if left else "")
        return sum(p.stat().st_size for p in files), note

    def ask(self, question, runs):
        limit = ["--newest", str(question.newest)] if question.newest else []
        if self.timer.exists():
            out = timed([self.timer, "--socket", self.daemon.socket, "--runs", str(runs), *limit, question.sluice])[2]
            answer = json.loads(out)
            return answer["ms"], answer["rows"] if question.rows else answer["value"]
        limit = ["-n", str(question.newest)] if question.newest else []
        command = [*self.command, "query", "--output", "json", *limit, question.sluice]
        first, _, out = timed(command)
        lines = out.splitlines()
        value = len(lines) if question.rows else json.loads(lines[0])["n"]
        times = [timed(command)[0] * 1000 for _ in range(runs_of(first * 1000, runs))]
        return times, value

    def stop(self):
        self.daemon.stop()


class SluiceSealed(Sluice):
    """The same without merging: its load is the load of sealing alone."""

    name = "sluice unmerged"
    STORE = Sluice.STORE + ", merge_rows_max: 0"


class Shell:
    """Programs that are started anew for each question."""

    def __init__(self, scratch):
        self.output = Path(scratch) / f"{self.name}.out"
        self.places = {}

    def ask(self, question, runs):
        if self.name not in question.shell:
            return None
        command = question.shell[self.name]
        for place, path in self.places.items():
            command = command.replace(f"{{{place}}}", str(path))
        # Into a file: what is written nowhere may not be computed.  A count of nothing is an exit status of rg.
        timed_command = f"{{ {command} ; }} >{self.output} || [ $? -eq 1 ]"
        environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
        times = [timed(timed_command, env=environment)[0] * 1000]
        while len(times) < runs_of(times[0], runs):
            times.append(timed(timed_command, env=environment)[0] * 1000)
        lines = self.output.read_bytes().splitlines()
        if question.rows:
            return times, len(lines)
        return times, int(lines[-1].split()[-1]) if lines else 0

    def stop(self):
        self.output.unlink(missing_ok=True)


class Journald(Shell):
    name = "journald"

    def __init__(self, scratch):
        super().__init__(scratch)
        if not Path(REMOTE).exists() or shutil.which("journalctl") is None:
            raise Unavailable("needs the package systemd-journal-remote")
        self.directory = Path(scratch) / "journal"  # It begins another file when one has 128 MB.
        self.places = {"journal": self.directory}

    def load(self, data):
        if data.journal is None:
            return None
        self.directory.mkdir()
        with open(data.journal, "rb") as entries:
            seconds, cpu, _ = timed([REMOTE, "-o", self.directory / "remote.journal", "-"], stdin=entries)
        return Loaded(seconds, cpu, tree_bytes(self.directory), "no metadata of its own")

    def stop(self):
        super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Ripgrep(Shell):
    name = "rg"

    def __init__(self, scratch):
        super().__init__(scratch)
        if shutil.which("rg") is None:
            raise Unavailable("needs the package ripgrep")

    def load(self, data):
        self.places = {"json": data.json}
        return Loaded(size=data.bytes, note="JSON lines")


class Jq(Ripgrep):
    name = "jq"

    def __init__(self, scratch):
        Shell.__init__(self, scratch)
        if shutil.which("jq") is None:
            raise Unavailable("needs the package jq")


class Zstd:
    def __init__(self, scratch, level):
        self.level, self.name, self.file = level, f"zstd -{level}", Path(scratch) / f"data.{level}.zst"
        if shutil.which("zstd") is None:
            raise Unavailable("needs the package zstd")

    def load(self, data):
        seconds, cpu, _ = timed(["zstd", f"-{self.level}", "-T2", "-q", "-f", "-o", self.file, data.json])
        return Loaded(seconds, cpu, self.file.stat().st_size, "JSON lines")

    def ask(self, question, runs):
        return None

    def stop(self):
        self.file.unlink(missing_ok=True)


class Node:
    """An engine inside a node process."""

    def __init__(self, scratch, modules, engine):
        self.directory = Path(scratch) / self.name
        self.directory.mkdir()
        if shutil.which("node") is None:
            raise Unavailable("needs node and npm")
        install_packages(modules)
        script = modules / "peers.cjs"
        script.write_text((Path(__file__).parent / "peers.cjs").read_text())
        self.process = subprocess.Popen(
            ["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            self.version = self.request(open=engine, path=str(self.directory))["version"]
        except RuntimeError as error:
            self.stop()
            raise Unavailable(str(error)) from error

    def request(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: the node process ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error'][:300]}")
        return answer

    def run(self, sql):
        answer = self.request(run=sql)
        return answer["ms"] / 1000, answer["cpu_ms"] / 1000

    def ask_sql(self, sql, question, runs):
        first = self.request(ask=sql, runs=1)
        answer = self.request(ask=sql, runs=runs_of(first["ms"][0], runs))
        return answer["ms"], answer["count"] if question.rows else int(answer["rows"][0][0])

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def install_packages(modules):
    """Into a folder of their own, kept for the next time."""
    if all((modules / "node_modules" / package).exists() for package in PACKAGES):
        return
    if shutil.which("npm") is None:
        raise Unavailable("needs npm")
    modules.mkdir(parents=True, exist_ok=True)
    print(f"installing {' and '.join(PACKAGES)} below {modules} (about 700 MB)", flush=True)
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", modules, *PACKAGES], capture_output=True)
    if done.returncode != 0:
        raise Unavailable(f"npm: {done.stderr.decode(errors='replace').strip()[-300:]}")


def duckdb_source(data):
    if not data.generated:
        return f"read_json('{data.json}', format='newline_delimited', sample_size=-1, union_by_name=true, maximum_object_size=4194304)"
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
    return f"read_json('{data.json}', format='newline_delimited', columns={{{columns}}})"


class DuckdbTable(Node):
    name = "duckdb"

    def __init__(self, scratch, modules):
        super().__init__(scratch, modules, "duckdb")

    def load(self, data):
        seconds, cpu = self.run(f"CREATE TABLE log AS SELECT * FROM {duckdb_source(data)}")
        more, more_cpu = self.run("CHECKPOINT")
        return Loaded(seconds + more, cpu + more_cpu, (self.directory / "log.duckdb").stat().st_size, f"{self.version}")

    def ask(self, question, runs):
        return self.ask_sql(question.sql, question, runs)


class DuckdbParquet(Node):
    name = "parquet"

    def __init__(self, scratch, modules):
        super().__init__(scratch, modules, "duckdb")

    def load(self, data):
        file = self.directory / "log.parquet"
        seconds, cpu = self.run(
            f"COPY (SELECT * FROM {duckdb_source(data)}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
        )
        self.run(f"CREATE VIEW log AS SELECT * FROM '{file}'")
        return Loaded(seconds, cpu, file.stat().st_size, f"zstd, by DuckDB {self.version}")

    def ask(self, question, runs):
        return self.ask_sql(question.sql, question, runs)


class Clickhouse(Node):
    name = "clickhouse"
    TYPES = {"TIMESTAMP": "DateTime64(6, 'UTC') CODEC(Delta, ZSTD(3))", "INTEGER": "UInt32 CODEC(ZSTD(3))",
             "SMALLINT": "UInt16 CODEC(ZSTD(3))", "BIGINT": "UInt64 CODEC(ZSTD(3))", "DOUBLE": "Float64 CODEC(ZSTD(3))"}
    TEXTS = {"trace_id", "msg", "path"}

    def __init__(self, scratch, modules):
        super().__init__(scratch, modules, "clickhouse")

    def load(self, data):
        if not data.generated:
            return None
        columns = ", ".join(f"{name} {self.kind(name, kind)}" for name, kind in COLUMNS.items())
        self.run(
            f"CREATE TABLE log ({columns}, INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1, "
            "INDEX by_word msg TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 1) ENGINE = MergeTree ORDER BY time"
        )
        plain = ", ".join(f"{name} {self.kind(name, kind).split(' CODEC')[0]}" for name, kind in COLUMNS.items())
        structure = plain.replace("'", "\\'")
        seconds, cpu = self.run(
            f"INSERT INTO log SELECT * FROM file('{data.json}', JSONEachRow, '{structure}') "
            "SETTINGS date_time_input_format='best_effort', input_format_null_as_default=1, max_threads=2"
        )
        more, more_cpu = self.run("OPTIMIZE TABLE log FINAL")
        size = self.request(ask="SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'log'", runs=1)
        return Loaded(seconds + more, cpu + more_cpu, int(size["rows"][0][0]), f"{self.version}, ZSTD(3), token filters")

    def kind(self, name, kind):
        if kind == "VARCHAR":
            return "String CODEC(ZSTD(3))" if name in self.TEXTS else "LowCardinality(String) CODEC(ZSTD(3))"
        return self.TYPES[kind]

    def ask(self, question, runs):
        return self.ask_sql(question.clickhouse, question, runs)
