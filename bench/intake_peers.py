"""The daemons that intake_compare.py compares: each private, with a queue of 512 messages, its files in a folder on the
disk that is measured.  What they store is counted on that disk; what they lost is what they say themselves.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "compat"))

import peer
import journald
import sluice

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/syslog-ng")


def cpu_seconds(process):
    """Of all its threads."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def unpacked(package):
    """The folder of a Debian package that is not installed."""
    done = subprocess.run([ROOT / "scripts" / "peers", package], capture_output=True, timeout=300)
    if done.returncode != 0:
        raise peer.Missing(done.stderr.decode().strip())
    return Path(done.stdout.decode().strip())


class Sluice(sluice.Sluice):
    """With its defaults: it syncs once a second, and seals and compresses what it has."""

    STORE = "log_bytes_max: 16 GiB"

    def __init__(self, programs, directory, overflow="block"):
        super().__init__(programs, directory, store=self.STORE, overflow=overflow)

    def stored(self):
        return self.status()["queue"]["records_stored"]

    def own(self):
        """Of what is stored, its records about losses."""
        for _ in range(50):  # While it seals so fast it can say: ask again.
            done = self.ask("query", "--output", "json", "stream:sluice | stats count() as n")
            if done.returncode == 0:
                return json.loads(done.stdout)["n"]
            time.sleep(0.2)
        raise RuntimeError(done.stderr.decode())

    def told_lost(self):
        """By its counters, and in the records that it wrote about it."""
        counted = sum(each["records_lost"] for each in self.status()["listeners"].values())
        told = sum(each["losses_reported"] for each in self.status()["listeners"].values())
        return counted, f"{counted} in status, {told} of them in gap records"


class SluiceLog(Sluice):
    """The log alone, as its peers write theirs: nothing is sealed, and a sync is as rare as can be."""

    name = "sluice, log only"
    STORE = "seal_rows_max: 0, log_bytes_max: 16 GiB, sync_interval: 1 h, unsynced_bytes_max: 1 GiB"


class Journald(journald.Journald):
    def stored(self):
        return self.count()

    def own(self):
        """Of what is stored, what it says itself."""
        return len(self.journalctl("-o", "cat", "_TRANSPORT=driver").splitlines())

    def told_lost(self):
        found = re.findall(rb"Suppressed (\d+)|missed (\d+)", self.journalctl("-o", "cat"))
        count = sum(int(number or 0) for pair in found for number in pair)
        return count, f"{count} in its journal"


class LineWriter(peer.Peer):
    """A daemon that writes a text file; all lines of a run have the same length."""

    def __init__(self, directory):
        peer.need("unshare", "setpriv")
        self.folder = unpacked(self.PACKAGE)
        super().__init__()
        self.files = Path(directory)
        self.output = self.files / "out.log"
        self.sockets = {"syslog": self.directory / "syslog"}
        (self.directory / "configuration").write_text(self.CONFIGURATION.format(run=self.directory, files=self.files))

    def environment(self):
        return {"LD_LIBRARY_PATH": os.pathsep.join(str(self.folder / place) for place in LIBRARIES)}

    def command(self):
        libraries = f"LD_LIBRARY_PATH={self.environment()['LD_LIBRARY_PATH']}"
        return peer.isolated(["env", libraries, *self.arguments()], network=True)

    def is_ready(self):
        return self.sockets["syslog"].exists()

    def own(self):
        return 0

    def stored(self):
        try:
            with open(self.output, "rb") as file:
                line = len(file.readline())
                return os.fstat(file.fileno()).st_size // line if line else 0
        except FileNotFoundError:
            return 0


class Rsyslog(LineWriter):
    name, PACKAGE = "rsyslog", "rsyslog"
    CONFIGURATION = """\
global(workDirectory="{run}" maxMessageSize="64k" net.enableDNS="off")
module(load="imuxsock" SysSock.Use="off")
module(load="impstats" interval="1" format="json" log.syslog="off" log.file="{run}/stats.json")
template(name="raw" type="string" string="%rawmsg%\\n")
input(type="imuxsock" Socket="{run}/syslog" CreatePath="off" RateLimit.Interval="0" UsePIDFromSystem="off"
      ParseTrusted="off" Annotate="off" FlowControl="off" ruleset="all")
ruleset(name="all" queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="1024" queue.workerThreads="1") {{
    action(type="omfile" file="{files}/out.log" template="raw" ioBufferSize="64k" flushOnTXEnd="on" asyncWriting="off"
           sync="off")
}}
"""
    def arguments(self):
        modules = self.folder / "usr/lib/x86_64-linux-gnu/rsyslog"
        return [self.folder / "usr/sbin/rsyslogd", "-n", "-i", self.directory / "pid", "-f", self.directory / "configuration",
                "-M", modules]  # fmt: skip

    def told_lost(self):
        """Its statistics count since it started; the last line of each object is the newest."""
        newest = {}
        for line in (self.directory / "stats.json").read_text().splitlines():
            at = line.find("{")
            if at >= 0:
                found = json.loads(line[at:])
                newest[found["name"]] = found
        discarded = sum(each.get(key, 0) for each in newest.values() for key in
                        ("discarded.full", "discarded.nf", "ratelimit.discarded"))  # fmt: skip
        return discarded, f"{discarded} in impstats"


class SyslogNg(LineWriter):
    name, PACKAGE = "syslog-ng", "syslog-ng-core"
    CONFIGURATION = """\
@version: 3.38
options {{
    threaded(yes); stats-freq(1); stats-level(2); flush-lines(100); keep-hostname(yes); use-dns(no); log-msg-size(65536);
}};
source in {{ unix-dgram("{run}/syslog" log-iw-size(10000) log-fetch-limit(1000)); }};
destination out {{
    file("{files}/out.log" template("$ISODATE $PRI $MSGHDR$MSG\\n") fsync(no) log-fifo-size(200000));
}};
log {{ source(in); destination(out); flags(flow-control); }};
"""

    def arguments(self):
        run = self.directory
        return [self.folder / "usr/sbin/syslog-ng", "-F", "--no-caps", "--module-path", self.folder / "usr/lib/syslog-ng/3.38",
                "-f", run / "configuration", "-R", run / "persist", "-p", run / "pid", "-c", run / "ctl"]  # fmt: skip

    def told_lost(self):
        control = self.folder / "usr/sbin/syslog-ng-ctl"
        done = subprocess.run([control, "stats", "-c", self.directory / "ctl"], capture_output=True, timeout=30,
                              env={**os.environ, **self.environment()})  # fmt: skip
        dropped = [line.split(";") for line in done.stdout.decode().splitlines() if ";dropped;" in line]
        count = sum(int(line[-1]) for line in dropped)
        return count, f"{count} in its statistics"


class Limit(peer.Peer):
    """A program that only receives: sluice-datagram-limit."""

    name = "bare receiver"

    def __init__(self, programs, directory):
        del directory  # It writes nothing.
        self.programs = programs
        super().__init__()
        self.sockets = dict.fromkeys(("journal", "syslog"), self.directory / "socket")

    def command(self):
        return peer.isolated([self.programs / "sluice-datagram-limit", self.directory / "socket"], network=True)

    def is_ready(self):
        return (self.directory / "socket").exists()

    def finish(self):
        """Ends it; what it took."""
        self.stop()
        return json.loads(self.log().splitlines()[-1])["messages"]
