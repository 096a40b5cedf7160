#!/usr/bin/env python3
"""Programs that log to syslog or the journal today, unchanged, against a private sluiced.

Usage: programs_test.py PROGRAMS [CLASS...]     PROGRAMS: the folder of sluiced, or the word journald
"""

import logging
import logging.handlers
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True

import peer
from programs import ProgramTest, run


class Logger(ProgramTest):
    """logger of util-linux."""

    NEEDS = ("logger",)

    def logger(self, *arguments, data=None, redirected=False):
        self.run_program("logger", *arguments, data=data, redirected=redirected)

    def test_the_local_form(self):
        self.logger("-u", self.socket("syslog"), "-t", "shop", "-p", "local3.warning", "-i", "hello  world ")
        (record,) = self.wait_for_records(1)
        self.assert_has(record, message="hello  world", stream="shop", severity="warning", syslog_facility="19",
                        syslog_pid=str(record["_pid"]))
        self.assertRegex(record["syslog_timestamp"], r"^\w{3} [ 0-3]\d \d\d:\d\d:\d\d$")
        self.assert_trusted(record, "syslog")

    def test_lines_of_standard_input_in_order(self):
        lines = [b"line %d" % number for number in range(2000)]
        self.logger("-u", self.socket("syslog"), "-t", "shop", data=b"\n".join(lines) + b"\n")
        records = self.wait_for_records(len(lines))
        self.assertEqual([record["message"].encode() for record in records], lines)
        self.assertEqual({(record["stream"], record["severity"]) for record in records}, {("shop", "notice")})
        self.assertEqual(len({record["_pid"] for record in records}), 1)

    def test_lines_with_a_priority_each(self):
        self.logger("-u", self.socket("syslog"), "--prio-prefix", data=b"<3>bad\n<31>mail debug\nplain\n")
        records = self.wait_for_records(3)
        told = [(record["message"], record["severity"], record["syslog_facility"]) for record in records]
        self.assertEqual(told, [("bad", "err", "1"), ("mail debug", "debug", "3"), ("plain", "debug", "3")])

    def test_rfc5424_with_structured_data(self):
        self.logger("-u", self.socket("syslog"), "--rfc5424", "-t", "shop", "-p", "user.err", "-i", "--msgid", "ID47",
                    "--sd-id", "order@32473", "--sd-param", 'number="4711"', "--sd-param", r'note="a \"b\" c"', "late")
        (record,) = self.wait_for_records(1)
        if self.daemon.name == "journald":
            self.skipTest("journald does not read RFC 5424")
        self.assert_has(record, message="late", stream="shop", severity="err", syslog_facility="1",
                        syslog_pid=str(record["_pid"]), syslog_msgid="ID47", hostname=os.uname().nodename)
        self.assert_has(record, **{"order@32473.number": "4711", "order@32473.note": 'a "b" c'})
        self.assertNotIn("parse_error", record)
        self.assert_trusted(record, "syslog")

    def test_octet_counts_on_a_stream(self):
        lines = [b"line %d" % number for number in range(500)]
        self.logger("-u", self.socket("syslog-stream"), "-T", "--octet-count", "-t", "shop", data=b"\n".join(lines) + b"\n")
        records = self.wait_for_records(len(lines))
        self.assertEqual([record["message"].encode() for record in records], lines)
        self.assertEqual({record["stream"] for record in records}, {"shop"})
        self.assert_trusted(records[0], "syslog_stream")

    def test_lines_on_a_stream(self):
        lines = [b"line %d" % number for number in range(500)]
        self.logger("-u", self.socket("syslog-stream"), "-T", "-t", "shop", data=b"\n".join(lines) + b"\n")
        records = self.wait_for_records(len(lines))
        self.assertEqual([record["message"].encode() for record in records], lines)

    def test_a_journal_entry(self):
        entry = b"MESSAGE=late\nPRIORITY=3\nSYSLOG_IDENTIFIER=shop\nORDER=4711\nNOTE=a=b\n"
        self.logger("--journald", data=entry, redirected=True)
        (record,) = self.wait_for_records(1)
        self.assert_has(record, message="late", severity="err", stream="shop", order="4711", note="a=b")
        self.assert_trusted(record, "journal")

    def test_dev_log(self):
        self.logger("-t", "shop", "hello", redirected=True)
        (record,) = self.wait_for_records(1)
        self.assert_has(record, message="hello", stream="shop", severity="notice")


class SystemdCat(ProgramTest):
    """systemd-cat: the stdout protocol of services."""

    NEEDS = ("systemd-cat",)

    def test_each_line_of_a_command(self):
        script = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i + 1)); done; printf 'no end'"
        self.run_program("systemd-cat", "-t", "shop", "-p", "notice", "sh", "-c", script, redirected=True)
        records = self.wait_for_records(301)
        self.assertEqual([record["message"] for record in records], [f"line {i}" for i in range(300)] + ["no end"])
        self.assertEqual({(record["stream"], record["severity"]) for record in records}, {("shop", "notice")})
        self.assertEqual(records[-1].get("line_break", records[-1].get("_line_break")), "eof")
        # It connects, then it becomes the command.
        self.assertIn(records[0].get("_comm", "sh"), ("systemd-cat", "sh"))
        self.assert_trusted(records[0], "stdout")

    def test_the_priority_of_standard_error(self):
        script = "echo one; echo two >&2; echo three; echo four >&2"
        self.run_program("systemd-cat", "-t", "shop", "-p", "info", "--stderr-priority=err", "sh", "-c", script,
                         redirected=True)
        records = self.wait_for_records(4)
        for severity, expected in (("info", ["one", "three"]), ("err", ["two", "four"])):
            self.assertEqual([r["message"] for r in records if r["severity"] == severity], expected)

    def test_levels_of_lines(self):
        lines = b"<2>crit\n<7>debug\nplain\n<8>no level\n"
        self.run_program("systemd-cat", "-t", "shop", "cat", data=lines, redirected=True)
        told = [(record["message"], record["severity"]) for record in self.wait_for_records(4)]
        self.assertEqual(told, [("crit", "crit"), ("debug", "debug"), ("plain", "info"), ("<8>no level", "info")])

    def test_no_levels_of_lines(self):
        self.run_program("systemd-cat", "-t", "shop", "--level-prefix=no", "cat", data=b"<2>crit\n", redirected=True)
        (record,) = self.wait_for_records(1)
        self.assert_has(record, message="<2>crit", severity="info")

    def test_many_at_once_each_in_order(self):
        script = "for i in 1 2 3 4; do (seq -f \"$i %g\" 200 | systemd-cat -t shop$i) & done; wait"
        self.run_program("sh", "-c", script, redirected=True)
        records = self.wait_for_records(800)
        for i in "1234":
            messages = [record["message"] for record in records if record["stream"] == f"shop{i}"]
            self.assertEqual(messages, [f"{i} {number}" for number in range(1, 201)])


class SdJournal(ProgramTest):
    """libsystemd: what a program in C calls."""

    SOURCE = r"""
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/uio.h>
        #include <systemd/sd-journal.h>
        #include <unistd.h>

        int main(void) {
            for (int i = 0; i < 500; ++i) {
                if (sd_journal_send("MESSAGE=number %d", i, "PRIORITY=%d", i % 8, "NUMBER=%d", i, NULL) < 0) return 1;
            }
            const size_t bytes = 300000;
            char *large = malloc(bytes + 6);
            memcpy(large, "LARGE=", 6);
            for (size_t i = 0; i < bytes; ++i) large[6 + i] = i % 61 == 60 ? '\n' : (char)('0' + i % 61);
            struct iovec fields[] = {
                {(void *)"MESSAGE=large", 13}, {(void *)"PRIORITY=4", 10}, {large, bytes + 6},
                {(void *)"BINARY=a\0b\xff", 11}, {(void *)"SYSLOG_IDENTIFIER=other", 23}};
            if (sd_journal_sendv(fields, 5) < 0) return 2;
            if (sd_journal_print(LOG_ERR, "two\nlines") < 0) return 3;
            printf("%d\n", getpid());
            return 0;
        }
    """

    def test_sends_in_order_and_a_large_one(self):
        program = self.compile(self.SOURCE, packages=["libsystemd"])
        pid = int(self.run_program(program, redirected=True).stdout)
        records = self.wait_for_records(502)
        severities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
        for number, record in enumerate(records[:500]):
            self.assert_has(record, message=f"number {number}", severity=severities[number % 8], number=str(number),
                            stream="program", code_func="main")
            self.assert_trusted(record, "journal", pid)
        text = "".join("\n" if i % 61 == 60 else chr(ord("0") + i % 61) for i in range(300_000))
        self.assert_has(records[500], message="large", severity="warning", stream="other", large=text)
        self.assertIn(records[500]["binary"], ({"base64": "YQBi/w=="}, "a\0b\udcff"))
        self.assert_trusted(records[500], "journal", pid)
        self.assert_has(records[501], message="two\nlines", severity="err")


class PythonSyslog(ProgramTest):
    """SysLogHandler of Python's library."""

    def log(self, kind, **options):
        address = self.socket(kind)
        handler = logging.handlers.SysLogHandler(address, facility="local1", **options)
        handler.setFormatter(logging.Formatter("app[%(process)d]: %(message)s"))
        logger = logging.Logger("app")
        logger.addHandler(handler)
        for number in range(500):
            logger.warning("number %d", number)
        logger.error("two\nlines")
        handler.close()
        records = self.wait_for_records(501)
        self.assertEqual([record["message"] for record in records[:500]], [f"number {i}" for i in range(500)])
        for record in records:
            self.assert_has(record, stream="app", syslog_pid=str(os.getpid()), syslog_facility="17")
            self.assert_trusted(record, kind.replace("-", "_"), os.getpid(), comm=own_name())
        self.assert_known(records, own_name())
        self.assertEqual({record["severity"] for record in records[:500]}, {"warning"})
        self.assert_has(records[500], message="two\nlines", severity="err")

    def test_datagrams(self):
        self.log("syslog")

    # Its records end with NUL there, so that a line end is part of the message.
    def test_a_stream(self):
        import socket

        self.log("syslog-stream", socktype=socket.SOCK_STREAM)


class PythonJournal(ProgramTest):
    """python3-systemd."""

    PYTHON = "/usr/bin/python3"
    SCRIPT = """
import logging, os
from systemd import journal
for number in range(300):
    journal.send("number %d" % number, NUMBER=str(number), PRIORITY=4, SYSLOG_IDENTIFIER="sent")
logger = logging.Logger("shop.web")
logger.addHandler(journal.JournalHandler(SYSLOG_IDENTIFIER="handled", ORDER=4711))
for number in range(300):
    logger.error("number %d", number)
try:
    raise ValueError("oops")
except ValueError:
    logger.exception("caught")
with journal.stream("streamed", priority=5) as stream:
    print("one\\ntwo", file=stream)
print(os.getpid())
"""

    def test_send_handler_and_stream(self):
        if subprocess.run([self.PYTHON, "-c", "import systemd.journal"], capture_output=True).returncode != 0:
            self.skipTest("python3-systemd is not installed")
        pid = int(self.run_program(self.PYTHON, "-c", self.SCRIPT, redirected=True).stdout)
        records = self.wait_for_records(603)
        of = lambda stream: [record for record in records if record["stream"] == stream]
        for name, severity in (("sent", "warning"), ("handled", "err")):
            self.assertEqual([record["message"] for record in of(name)[:300]], [f"number {i}" for i in range(300)])
            for record in of(name):
                self.assert_has(record, severity=severity)
                self.assert_trusted(record, "journal", pid)
        self.assert_has(of("sent")[7], number="7")
        self.assert_has(of("handled")[7], order="4711", logger="shop.web", thread_name="MainThread")
        self.assertIn("oops", of("handled")[300]["exception_text"])
        self.assertEqual([record["message"] for record in of("streamed")], ["one", "two"])
        self.assert_has(of("streamed")[0], severity="notice", _pid=pid, _transport="stdout")


class Spdlog(ProgramTest):
    """The sinks of spdlog, compiled against it."""

    SOURCE = r"""
        #include <spdlog/sinks/syslog_sink.h>
        #include <spdlog/sinks/systemd_sink.h>
        #include <spdlog/spdlog.h>
        #include <unistd.h>

        int main() {
            auto journal = spdlog::systemd_logger_mt("shop");
            auto syslog = spdlog::syslog_logger_mt("other", "web", LOG_PID, LOG_LOCAL2);
            for (auto logger : {journal, syslog}) {
                logger->set_level(spdlog::level::trace);
                for (int i = 0; i < 200; ++i) logger->warn("number {}", i);
                logger->log(spdlog::source_loc{"shop.cpp", 17, "serve"}, spdlog::level::critical, "two\nlines");
            }
            printf("%d\n", getpid());
        }
    """

    def test_the_systemd_and_the_syslog_sink(self):
        program = self.compile(self.SOURCE, "c++", ["spdlog", "libsystemd"])
        pid = int(self.run_program(program, redirected=True).stdout)
        records = self.wait_for_records(402)
        for stream, transport in (("shop", "journal"), ("web", "syslog")):
            these = [record for record in records if record["stream"] == stream]
            self.assertEqual([record["message"] for record in these], [f"number {i}" for i in range(200)] + ["two\nlines"])
            self.assertEqual([record["severity"] for record in these], ["warning"] * 200 + ["crit"])
            for record in these:
                self.assert_trusted(record, transport, pid)
            if transport == "journal":
                self.assert_has(these[200], code_file="shop.cpp", code_line="17", code_func="serve")
            else:
                self.assert_has(these[0], syslog_facility="18", syslog_pid=str(pid))


class Private(ProgramTest):
    """`sluiced --private DIR` listens to all protocols beneath DIR."""

    def test_every_socket_is_there(self):
        if self.daemon.name != "sluice":
            self.skipTest("only sluice has it")
        self.daemon.stop()
        self.daemon.private = True
        self.daemon.start()
        messages = {
            "journal": b"MESSAGE=m\nSYSLOG_IDENTIFIER=shop\n", "syslog": b"<14>shop: m", "syslog-stream": b"<14>shop: m\n",
            "stdout": peer.stdout_header(b"shop") + b"m\n", "json": b'{"message": "m", "stream": "shop", "level": "info"}\n',
        }  # fmt: skip
        for kind, message in messages.items():
            with self.daemon.connect(kind) as to:
                to.send(message)
        records = self.wait_for_records(len(messages))
        for record in records:
            self.assert_has(record, message="m", stream="shop", severity="info", _pid=os.getpid())
        self.assertEqual(sorted(record["_transport"] for record in records),
                         ["journal", "json", "stdout", "syslog", "syslog_stream"])  # fmt: skip


def own_name():
    with open("/proc/self/comm", encoding="utf-8") as file:
        return file.read().strip()


if __name__ == "__main__":
    run(sys.modules[__name__], __doc__)
