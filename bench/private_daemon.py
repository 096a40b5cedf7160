"""A daemon of its own for a measurement, what is asked of it, and the options that measurements share."""

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path


def options_parser(text, seconds=None):
    """`text`: the script's own; `seconds`: of one measurement, if nobody says; none: it does not measure speed."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--dir", default="/var/tmp", help="on the disk to measure (%(default)s)")
    parser.add_argument("--bin", type=Path, default=root / "build/release/bin", help="the programs (%(default)s)")
    if seconds is not None:
        parser.add_argument("--pairs", type=int, default=5, help="measurements of each kind (%(default)s)")
        parser.add_argument("--seconds", type=float, default=seconds, help="of each (%(default)s)")
    return parser


class Daemon:
    """Runs while its `with` block does, in `directory`, which it makes.  `store`: keys of the YAML's store section,
    `listen`: of its listen section; `limits`: of its limits, by default many connections; `more`: other sections.
    Raises RuntimeError if it does not start."""

    CONFIG = """\
store: {{directory: {0}/store{1}}}
listen: {{socket: {0}/sluice.sock{2}}}
limits: {{{3}}}
"""
    MANY_CONNECTIONS = "connections_max: 2000, connections_per_uid_max: 2000"

    def __init__(self, binaries, directory, store="", more="", listen="", limits=MANY_CONNECTIONS):
        directory = Path(directory)
        directory.mkdir(exist_ok=True)
        self.binaries, self.socket = binaries, directory / "sluice.sock"
        self.sluice = [binaries / "sluice", "--socket", self.socket]
        config, self.log = directory / "sluiced.yaml", directory / "log"
        sections = self.CONFIG.format(directory, store and f", {store}", listen and f", {listen}", limits)
        config.write_text(sections + more)
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen([binaries / "sluiced", "--config", config], stdout=output, stderr=output)
        deadline = time.monotonic() + 30
        while subprocess.run([*self.sluice, "status"], capture_output=True).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop()
                raise RuntimeError(f"sluiced does not start: {self.log.read_text()[-300:]}")
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def status(self):
        return json.loads(subprocess.run([*self.sluice, "status", "--output", "json"], capture_output=True).stdout)

    def wait_until_sealed(self):
        while self.status()["store"]["open_rows"] > 0:
            time.sleep(0.2)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def memory_kib(self, of="VmRSS"):
        """Resident now, or with VmHWM at the most so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split(f"{of}:")[1].split()[0])

    # Of all its threads; none of them moves while the daemon sleeps.  Not of io_uring's own, which the kernel ends when
    # they have had nothing to do for some seconds.
    def wake_ups(self):
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        tasks = [task for task in tasks if not (task / "comm").read_text().startswith("iou-")]
        switches = (line for task in tasks for line in (task / "status").read_text().splitlines() if "ctxt" in line)
        return sum(int(line.split()[1]) for line in switches)

    def bench(self, arguments):
        done = subprocess.run([*self.sluice, "bench", "--json", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"sluice bench {' '.join(arguments)}: {done.stderr}")
        return json.loads(done.stdout)["figures"]


def median_of(figures, name):
    for figure in figures:
        if figure["name"].endswith(name):
            return figure["median"]
    sys.exit(f"no figure {name} in {figures}")
