"""A daemon of its own for a measurement, and what is asked of it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path


class Daemon:
    """`store`: keys of the YAML's store section.  It takes many connections."""

    CONFIG = """\
store: {{directory: {0}/store{1}}}
listen: {{socket: {0}/sluice.sock}}
limits: {{connections_max: 2000, connections_per_uid_max: 2000}}
"""

    def __init__(self, binaries, directory, store=""):
        self.binaries, self.socket = binaries, Path(directory) / "sluice.sock"
        config = Path(directory) / "sluiced.yaml"
        config.write_text(self.CONFIG.format(directory, store and f", {store}"))
        self.sluice = [binaries / "sluice", "--socket", self.socket]
        self.process = subprocess.Popen([binaries / "sluiced", "--config", config], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while subprocess.run([*self.sluice, "status"], capture_output=True).returncode != 0:
            if time.monotonic() > deadline:
                sys.exit("the daemon does not start")
            time.sleep(0.05)

    def status(self):
        return json.loads(subprocess.run([*self.sluice, "status", "--output", "json"], capture_output=True).stdout)

    def wait_until_sealed(self, rows_left=0):
        while self.status()["store"]["open_rows"] > rows_left:
            time.sleep(0.2)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def resident_kib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])

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
