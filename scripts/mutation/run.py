"""Runs test programs with and without mutants, each run in a sandbox of its own.

A first pass runs every test alone and notes which mutants it passes, and how long it takes.  A mutant is then run with the
tests that pass it, quick ones first, until one fails.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_FACTOR = 4
LIMIT_SECONDS_MIN = 10.0
BUSY_ROUNDS_MAX = 3
ADDRESS_SPACE = 8 << 30
FILE_BYTES = 4 << 30
# A mutant may unlink or kill anything: it sees only its own processes, and may write only below its scratch folder, and
# into temporary folders of its own (where the tree is not in them).
JAIL = """mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,bind,ro / || exit
for folder in /tmp /var/tmp; do
    case "$1/" in "$folder"/*) ;; *) mount -t tmpfs tmpfs "$folder" || exit ;; esac
done
shift && exec "$@\""""
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", JAIL, "sh"]


class NotClean(Exception):
    pass


@dataclass
class Test:
    program: Path
    name: str
    seconds: float = 0.0
    seen: set = field(default_factory=set)


@dataclass
class Outcome:
    caught: bool
    how: str


class Runner:
    def __init__(self, base, jobs, excluded=""):
        self.base, self.jobs, self.excluded = base, jobs, excluded
        self.scratch = base / "tmp"
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        self.count = 0
        self.counter = threading.Lock()
        probe = subprocess.run([*UNSHARE, str(self.scratch), "true"], capture_output=True, check=False)
        self.jailed = probe.returncode == 0
        self.tests = []

    def start(self, program, arguments, variables, limit):
        """Returns (exit code or None after the limit, seconds)."""
        with self.counter:
            self.count += 1
            folder = self.scratch / str(self.count)
        folder.mkdir()
        environment = {**os.environ, "TMPDIR": str(folder), "TEST_TMPDIR": str(folder), "RC_PARAMS": "seed=1", **variables}
        command = ["nice", "-n", "10", "prlimit", f"--as={ADDRESS_SPACE}", f"--fsize={FILE_BYTES}", "--core=0", str(program)]
        command += arguments
        if self.jailed:
            command = [*UNSHARE, str(self.scratch), *command]
        begin = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        seconds = time.monotonic() - begin
        shutil.rmtree(folder, ignore_errors=True)
        return code, seconds

    def record(self, programs):
        """Every test alone, without a mutant: all must pass."""
        tests = [Test(program, name) for program in programs for name in self.names(program)]
        with ThreadPoolExecutor(self.jobs) as pool:
            outcomes = list(pool.map(self.record_one, tests))
        failed = [f"{t.program.name}: {t.name}" for t, code in zip(tests, outcomes) if code != 0]
        if failed:
            raise NotClean("these fail without a mutant: " + ", ".join(failed[:20]))
        self.tests = tests
        return sum(t.seconds for t in tests)

    def record_one(self, test):
        seen = self.scratch / f"seen-{id(test)}"
        code, test.seconds = self.start(test.program, [f"--gtest_filter={test.name}"], {"SLUICE_MUTANT_SEEN": str(seen)}, 600)
        data = seen.read_bytes() if seen.exists() else b""
        seen.unlink(missing_ok=True)
        at = data.find(b"\1")
        while at >= 0:
            test.seen.add(at)
            at = data.find(b"\1", at + 1)
        return code

    def names(self, program):
        command = [program, "--gtest_list_tests", f"--gtest_filter=-{self.excluded}"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
        names, suite = [], ""
        for line in listed.stdout.splitlines():
            text = line.split("#")[0].rstrip()
            if text and not text.startswith(" "):
                suite = text if text.endswith(".") else ""
            elif suite and text and "DISABLED_" not in text:
                names.append(suite + text.strip())
        return names

    def groups(self, number):
        """(program, tests): those that pass the mutant, the quick ones of all programs first."""
        quick, slow = [], []
        for program in dict.fromkeys(t.program for t in self.tests):
            mine = sorted((t for t in self.tests if t.program == program and number in t.seen), key=lambda t: t.seconds)
            total, sum_ = sum(t.seconds for t in mine), 0.0
            first = []
            for test in mine:
                sum_ += test.seconds
                if first and sum_ > max(total / 10, 1.0):
                    break
                first.append(test)
            quick += [(program, first)] if first else []
            slow += [(program, mine[len(first) :])] if len(first) < len(mine) else []
        return quick + slow

    def run_mutant(self, number):
        groups = self.groups(number)
        if not groups:
            return Outcome(False, "not reached")
        for program, tests in groups:
            code = self.run_group(program, tests, number)
            if code != 0:
                return Outcome(True, "time limit" if code is None else program.name)
        return Outcome(False, f"{sum(len(t) for _, t in groups)} tests pass")

    def run_group(self, program, tests, number):
        """The exit code; None after the time limit, which counts only if without the mutant the tests keep to it now, too."""
        arguments = [f"--gtest_filter={':'.join(t.name for t in tests)}", "--gtest_fail_fast"]
        limit = max(LIMIT_FACTOR * sum(t.seconds for t in tests), LIMIT_SECONDS_MIN)
        for _ in range(BUSY_ROUNDS_MAX):
            code, _ = self.start(program, arguments, {"SLUICE_MUTANT": str(number)}, limit)
            if code is not None or self.start(program, arguments, {}, limit)[0] is not None:
                return code
            limit *= 4
        raise NotClean(f"{program.name}: the machine is too busy to tell a hang from a slow test")
