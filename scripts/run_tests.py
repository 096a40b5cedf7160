"""Builds and runs the tests of sluice; scripts/test is the way to call it.

Without arguments: the build that is installed and all of its tests.
full: each preset is built and its tests are run; then the long suites; then scripts/run --check.  What is longest of it,
seeds and fuzzing, is shed where the machine is too slow for --minutes-aim, and the summary says so.

The last line is "N passed, N failed", with ", N skipped" where a test could not run on this machine; the exit code is 0
only when nothing failed.  Nothing waits for ever: each step has a time limit, and so has the whole.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PRESETS = ("release", "clang", "asan", "tsan")
CPUS = len(os.sched_getaffinity(0))
# However slow the machine, the simulation and all fuzzing together have this long each.
SHED_SECONDS_LEAST = 60
# A sanitizer's finding must end the test; the kernel's full address randomisation breaks g++ 12's TSan (see tsan_prefix).
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclasses.dataclass
class Outcome:
    """The result of one line of the summary."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    cpu_seconds: float = 0  # Of the step's processes, from the summary before it.
    note: str = ""


@dataclasses.dataclass
class Run:
    ok: bool
    seconds: float
    problem: str  # "" when ok
    log: pathlib.Path

    def last_lines(self, count: int) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def closing_line(self) -> str:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""


class Runner:
    """Runs commands with time limits and collects the outcomes."""

    def __init__(self, minutes_max: float, log_dir: pathlib.Path) -> None:
        self.started = time.monotonic()
        self.deadline = self.started + minutes_max * 60
        self.log_dir = log_dir
        self.outcomes: list[Outcome] = []
        self.failures: list[str] = []
        self.skips: dict[str, int] = {}
        self.slowest: list[tuple[float, str]] = []
        self.cpu_told = cpu_of_children()
        self.shed: list[str] = []  # What was cut short by the clock.
        self.live: set[subprocess.Popen] = set()

    def start(self, command: list[str], log_name: str, environment: dict[str, str]) -> tuple[subprocess.Popen, pathlib.Path]:
        log = self.log_dir / f"{log_name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **environment}, start_new_session=True)
        self.live.add(process)
        return process, log

    def finish(self, process: subprocess.Popen, log: pathlib.Path, started: float, limit_s: float) -> Run:
        """Waits for the end of `process`; then, or at the limit, kills what is left of its group."""
        left = min(limit_s, self.deadline - time.monotonic())
        problem = ""
        try:
            code = process.wait(timeout=max(left, 0.1))
            if code != 0:
                problem = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
        except subprocess.TimeoutExpired:
            problem = f"not done after {time.monotonic() - started:.0f} s"
        kill_group(process)
        self.live.discard(process)
        return Run(not problem, time.monotonic() - started, problem, log)

    def run(self, command: list[str], log_name: str, limit_s: float, environment: dict[str, str] | None = None) -> Run:
        started = time.monotonic()
        if started >= self.deadline:
            log = self.log_dir / f"{log_name}.log"
            log.write_text("not started\n")
            return Run(False, 0, "not started: the time for all tests is used up", log)
        process, log = self.start(command, log_name, environment or {})
        return self.finish(process, log, started, limit_s)

    def kill_all(self) -> None:
        for process in self.live:
            kill_group(process)

    def add(self, outcome: Outcome) -> None:
        outcome.cpu_seconds = cpu_of_children() - self.cpu_told
        self.cpu_told += outcome.cpu_seconds
        self.outcomes.append(outcome)
        result = "ok  " if outcome.failed == 0 else "FAIL"
        print(f"{result} {outcome.name:<28} {counts(outcome):<36} {outcome.seconds:6.0f} s  {outcome.note}", flush=True)

    def fail(self, name: str, run: Run, lines: int = 60) -> None:
        self.failures.append(f"{name}: {run.problem}")
        print(f"---- {name}: {run.problem}; the end of {run.log}:\n{run.last_lines(lines)}\n----", flush=True)


def cpu_of_children() -> float:
    """Of those that have ended and were waited for."""
    times = os.times()
    return times.children_user + times.children_system


def kill_group(process: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue


def counts(outcome: Outcome) -> str:
    text = f"{outcome.passed} passed, {outcome.failed} failed"
    return text + (f", {outcome.skipped} skipped" if outcome.skipped else "")


def build(runner: Runner, preset: str) -> tuple[bool, float]:
    configured = runner.run(["cmake", "--preset", preset], f"{preset}-configure", 300)
    if not configured.ok:
        runner.fail(f"{preset}: configure", configured)
        return False, configured.seconds
    built = runner.run(["cmake", "--build", "--preset", preset, "-j", str(CPUS)], f"{preset}-build", 2400)
    if not built.ok:
        runner.fail(f"{preset}: build", built)
    return built.ok, configured.seconds + built.seconds


def tsan_prefix(preset: str) -> list[str]:
    """Where vm.mmap_rnd_bits is 32, ThreadSanitizer of g++ 12 finds its shadow memory taken."""
    prefix = ["setarch", os.uname().machine, "--addr-no-randomize"]
    if preset == "tsan" and shutil.which("setarch") and subprocess.run([*prefix, "true"], check=False).returncode == 0:
        return prefix
    return []


def test_preset(runner: Runner, preset: str, first: bool) -> None:
    built, build_seconds = build(runner, preset)
    runner.add(Outcome(f"{preset}: build", failed=int(not built), seconds=build_seconds))
    if not built:
        return
    report = BUILD / preset / "ctest.xml"
    report.unlink(missing_ok=True)
    command = [
        *tsan_prefix(preset), "ctest", "--test-dir", str(BUILD / preset), "--parallel", "2", "--output-on-failure",
        "--timeout", "300", "--no-tests=error", "--output-junit", str(report)]
    if not first:
        command += ["--label-exclude", "^once$"]  # Tests of the tree and of the programs, the same in each preset.
    tested = runner.run(command, f"{preset}-ctest", 1500, SANITIZER_ENVIRONMENT)
    outcome = Outcome(f"{preset}: tests", seconds=tested.seconds)
    try:
        read_report(runner, preset, report, outcome)
    except (OSError, ElementTree.ParseError):
        outcome.failed = max(outcome.failed, 1)
        runner.fail(f"{preset}: ctest", tested)
    if not tested.ok and outcome.failed == 0:  # Stopped at the limit, for example.
        outcome.failed = 1
        runner.fail(f"{preset}: ctest", tested)
    runner.add(outcome)


def read_report(runner: Runner, preset: str, report: pathlib.Path, outcome: Outcome) -> None:
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{preset}: {case.get('name')}"
        runner.slowest.append((float(case.get("time") or 0), name))
        if case.get("status") == "run":
            outcome.passed += 1
        elif is_skip(case):
            outcome.skipped += 1
            reason = skip_reason(case)
            runner.skips[reason] = runner.skips.get(reason, 0) + 1
        else:
            outcome.failed += 1
            runner.failures.append(name)
            output = (case.findtext("system-out") or "").splitlines()
            print(f"---- {name}")
            print("\n".join(output[-100:]))
            print("----", flush=True)


def is_skip(case: ElementTree.Element) -> bool:
    """A test that chose not to run.  A program that could not be started is "notrun" too, and is a failure."""
    skipped = case.find("skipped")
    return case.get("status") == "disabled" or (
        skipped is not None and str(skipped.get("message")).startswith("SKIP_"))


def skip_reason(case: ElementTree.Element) -> str:
    """The text that a test gave to GTEST_SKIP or printed before exit code 77, else its name."""
    lines = (case.findtext("system-out") or "").splitlines()
    for number, line in enumerate(lines):
        if "Skipped" in line and number + 1 < len(lines) and lines[number + 1].strip() and "[" not in lines[number + 1]:
            return lines[number + 1].strip()
        if line.startswith("skipped: "):
            return line.removeprefix("skipped: ").strip()
    return str(case.get("name"))


def run_long_suite(runner: Runner, name: str, command: list[str], limit_s: float) -> None:
    """A program that exits 0 when all is well and whose last line holds its figures."""
    if not pathlib.Path(command[0]).exists():
        runner.failures.append(f"{name}: {command[0]} has not been built")
        runner.add(Outcome(name, failed=1, note=f"{command[0]} has not been built"))
        return
    run = runner.run(command, name.replace(" ", "-"), limit_s)
    if not run.ok:
        runner.fail(name, run)
    runner.add(Outcome(name, passed=int(run.ok), failed=int(not run.ok), seconds=run.seconds, note=run.closing_line()))


def fuzz(runner: Runner, seconds: int) -> None:
    """Every libFuzzer target from its saved corpus, as many at a time as there are CPUs."""
    targets = fuzz_targets()
    if not targets:
        runner.failures.append("fuzz: no target has been built")
        runner.add(Outcome("fuzz", failed=1, note="no target in build/clang/bin"))
    artifacts = BUILD / "clang" / "fuzz-artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    for begin in range(0, len(targets), CPUS):
        started = time.monotonic()
        group = [(target, *start_fuzzing(runner, target, seconds, artifacts)) for target in targets[begin:begin + CPUS]]
        for target, process, log in group:
            run = runner.finish(process, log, started, seconds + 120)
            if not run.ok:
                runner.fail(target.name, run, lines=80)
            runner.add(Outcome(target.name, passed=int(run.ok), failed=int(not run.ok), seconds=run.seconds,
                               note=executed_units(log)))


def start_fuzzing(runner: Runner, target: pathlib.Path, seconds: int,
                  artifacts: pathlib.Path) -> tuple[subprocess.Popen, pathlib.Path]:
    found = BUILD / "clang" / "fuzz-corpus" / target.name  # New inputs go here: the saved corpus stays as it is.
    found.mkdir(parents=True, exist_ok=True)
    corpora = [ROOT / "tests" / "fuzz" / "corpus" / name for name in (target.name, target.name.removeprefix("fuzz_"))]
    command = [
        str(target), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
        f"-artifact_prefix={artifacts}/{target.name}-", str(found), *(str(path) for path in corpora if path.is_dir())]
    dictionary = ROOT / "tests" / "fuzz" / f"{target.name}.dict"
    if dictionary.exists():
        command.insert(1, f"-dict={dictionary}")
    return runner.start(command, target.name, SANITIZER_ENVIRONMENT)


def executed_units(log: pathlib.Path) -> str:
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("stat::number_of_executed_units:"):
            return f"{int(line.split()[-1]):,} inputs"
    return ""


def run_demo(runner: Runner) -> None:
    run = runner.run([str(ROOT / "scripts" / "run"), "--check"], "run-check", 1200)
    if not run.ok:
        runner.fail("scripts/run --check", run)
    runner.add(Outcome("scripts/run --check", passed=int(run.ok), failed=int(not run.ok), seconds=run.seconds,
                       note=run.closing_line() if run.ok else ""))


def summarise(runner: Runner, seconds: float) -> int:
    for slow, name in sorted(runner.slowest, reverse=True)[:10]:
        print(f"slowest: {slow:6.1f} s  {name}")
    print(f"\n{'':<28} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8} {'CPU s':>8}")
    for outcome in runner.outcomes:
        print(f"{outcome.name:<28} {outcome.passed:>7} {outcome.failed:>7} {outcome.skipped:>8} {outcome.seconds:>8.0f} "
              f"{outcome.cpu_seconds:>8.0f}  {outcome.note}")
    for reason, count in sorted(runner.skips.items()):
        print(f"skipped: {reason}" + (f" ({count} times)" if count > 1 else ""))
    for cut in runner.shed:
        print(f"shed: {cut}")
    for failure in runner.failures:
        print(f"failed: {failure}")
    total = Outcome("all", sum(o.passed for o in runner.outcomes), sum(o.failed for o in runner.outcomes),
                    sum(o.skipped for o in runner.outcomes))
    print(f"{seconds / 60:.1f} minutes; logs in {runner.log_dir}")
    print(counts(total), flush=True)
    return 0 if total.failed == 0 and total.passed > 0 else 1


def fuzz_targets() -> list[pathlib.Path]:
    return sorted(path for path in (BUILD / "clang" / "bin").glob("fuzz_*") if os.access(path, os.X_OK))


def run_long_suites(runner: Runner, arguments: argparse.Namespace, programs: pathlib.Path) -> None:
    """Seeds, kills and fuzzing; simulation and fuzzing each have half of what is left until --minutes-aim."""
    left = arguments.minutes_aim * 60 - (time.monotonic() - runner.started) - arguments.kills
    seconds_max = round(max(left / 2, SHED_SECONDS_LEAST))
    run_long_suite(runner, "simulation", [str(programs / "sim_scenarios"), "--seeds", str(arguments.seeds),
                                          "--seconds-max", str(seconds_max)], seconds_max + 300)
    note = runner.outcomes[-1].note
    run_long_suite(runner, "SIGKILL", [str(programs / "kill_test"), "--kills", str(arguments.kills)],
                   300 + arguments.kills * 3)
    rounds = -(-len(fuzz_targets()) // CPUS)
    left = arguments.minutes_aim * 60 - (time.monotonic() - runner.started)
    seconds = min(arguments.fuzz_seconds, round(max(left, SHED_SECONDS_LEAST) / max(rounds, 1)))
    fuzz(runner, seconds)
    if seconds < arguments.fuzz_seconds:
        runner.shed.append(f"fuzzing: {seconds} s a target instead of {arguments.fuzz_seconds}")
    ran = sum(int(number) for number in re.findall(r"(\d+) (?:passed|failed)", note))
    if 0 < ran < arguments.seeds:
        runner.shed.append(f"simulation: {note} of {arguments.seeds} seeds within {seconds_max} s")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("full",), help="what continuous integration runs")
    parser.add_argument("--preset", action="append", choices=("dev", *PRESETS), help="only the tests of this preset")
    parser.add_argument("--seeds", type=int, default=2000, help="of the simulation (default %(default)s)")
    parser.add_argument("--kills", type=int, default=100, help="of a real daemon by SIGKILL (default %(default)s)")
    parser.add_argument("--fuzz-seconds", type=int, default=20, help="for each target (default %(default)s)")
    parser.add_argument("--minutes-aim", type=float, default=45,
                        help="seeds and fuzzing are cut to end by then; raise it with the figures above (default %(default)s)")
    parser.add_argument("--minutes-max", type=float, default=85,
                        help="for everything: what runs then has failed (default %(default)s)")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    log_dir = BUILD / "test-logs"
    log_dir.mkdir(parents=True, exist_ok=True)
    runner = Runner(arguments.minutes_max, log_dir)
    presets = arguments.preset or (list(PRESETS) if arguments.what == "full" else list(PRESETS[:1]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run_everything(runner, arguments, presets)
    finally:
        runner.kill_all()
    return summarise(runner, time.monotonic() - runner.started)


def run_everything(runner: Runner, arguments: argparse.Namespace, presets: list[str]) -> None:
    for preset in presets:
        test_preset(runner, preset, first=preset == presets[0])
    if arguments.what == "full" and not arguments.preset:
        run_long_suite(runner, "each file by itself", [sys.executable, "-B", str(ROOT / "tests" / "lint" / "each_file_compiles.py"),
                                                  str(ROOT), str(BUILD / "each-file")], 1200)
        run_long_suites(runner, arguments, BUILD / presets[0] / "bin")
    if not arguments.preset:
        run_demo(runner)


if __name__ == "__main__":
    sys.exit(main())
