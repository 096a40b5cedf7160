#!/usr/bin/env python3
"""The command line of sluice without a daemon: help, usage errors, and what it says when nobody listens.

Usage: command_test.py SLUICE MANPAGE
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMANDS = ["log", "query", "tail", "import", "export", "get", "put", "cat", "stat", "append", "status", "verify", "bench"]


def run(*arguments, **environment):
    variables = {k: v for k, v in os.environ.items() if k not in ("SLUICE_SOCKET", "XDG_RUNTIME_DIR")}
    return subprocess.run(
        [SLUICE, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=variables | environment
    )


class Help(unittest.TestCase):
    def test_names_every_command_and_the_exit_codes(self):
        result = run("--help")
        self.assertEqual(result.returncode, 0)
        for command in COMMANDS:
            self.assertRegex(result.stdout, rf"(?m)^  {command} ")
        self.assertIn("Exit status", result.stdout)
        self.assertIn("SLUICE_SOCKET", result.stdout)

    def test_of_each_command_teaches_by_example(self):
        for command in COMMANDS:
            with self.subTest(command):
                result = run(command, "--help")
                self.assertEqual(result.returncode, 0)
                self.assertIn("Examples:", result.stdout)
                self.assertRegex(result.stdout, rf"sluice {command}\b")

    def test_examples_use_only_options_that_exist(self):
        for command in COMMANDS:
            text = run(command, "--help").stdout
            declared = set(re.findall(r"--[a-z-]+", text.split("\nOptions:")[1]))
            for line in text.split("Examples:")[1].split("Usage:")[0].splitlines():
                for example in re.findall(rf"sluice {command}\b(?:(?!  ).)*", line):
                    for option in re.findall(r"(?<= )--[a-z-]+", example):
                        self.assertIn(option, declared, f"{command}: {line}")

    def test_version_is_printed(self):
        result = run("--version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"^sluice \d+\.\d+\.\d+")


class Usage(unittest.TestCase):
    def check(self, *arguments, says):
        result = run(*arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(says, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_a_wrong_command_line_exits_with_2(self):
        self.check(says="subcommand is required")
        self.check("frobnicate", says="frobnicate")
        self.check("log", "--bogus", says="--bogus")
        self.check("verify", says="--store")
        self.check("get", says="file")

    def test_a_value_that_makes_no_sense_exits_with_2_and_says_what_does(self):
        self.check("log", "--severity", "loud", "x", says="emerg, alert, crit")
        self.check("log", "--ack", "maybe", "x", says="accepted, written or durable")
        self.check("log", "--field", "novalue", "x", says="KEY=VALUE")
        self.check("log", "--stream", "a b", "x", says="stream name")
        self.check("log", "--ack", "accepted", "--print-cursor", "x", says="--print-cursor")
        self.check("tail", "--since", "yesterday-ish", says="15m")
        self.check("tail", "--after", "12", says="cursor")
        self.check("tail", "--all", "-n", "3", says="only one of")
        self.check("tail", "--output", "xml", says="xml")
        self.check("tail", "--color", "1", says="1 is none of auto, always and never")
        self.check("tail", "-n", "-1", says="-1 is below 0")
        self.check("tail", "--stream", "a b", says="can match no stream")
        self.check("tail", "--stream", "a*b", says="can match no stream")
        self.check("tail", "* | top (a)", says="'top'")
        self.check("query", "--since", "yesterday-ish", says="15m")
        self.check("query", "--since", "", says='"" is not a time')
        self.check("query", "--until", "", says='"" is not a time')
        self.check("query", "--since", "1h", "--until", "2h", says="--since \"1h\" is later than --until \"2h\"")
        self.check("tail", "--since", "", says="15m")
        self.check("tail", "--after", "", says="cursor")
        self.check("export", "--since", "", says="15m")
        self.check("export", "--after", "", says="cursor")
        self.check("query", "status>=500", says="expected status:>=500")
        self.check("query", "-n", "-1", says="-1 is below 0")
        self.check("query", "--output", "xml", says="short, short-iso, json")
        self.check("query", "--color", "red", says="red is none of auto, always and never")
        self.check("query", "--histogram", "* | head", says="'head'")
        self.check("query", "level:", says="column 7: expected")
        self.check("get", "--offset", "-1", "files:a", says="-1 is below 0")
        self.check("bench", "--seconds", "-1", says="--seconds")
        self.check("get", "no-colon", says="ROOT:PATH")
        self.check("put", "--mode", "999", "files:a", says="octal")
        self.check("put", "--mode", "1755", "files:a", says="0777")
        self.check("bench", "--mode", "nonsense", says="nonsense")
        self.check("import", "--format", "xml", says="xml")
        self.check("import", "--time-pattern", "%F %Q", says="character 4")
        self.check("import", "--time-pattern", "%F", "--zone", "Nowhere/Land", says="+01:00")
        self.check("import", "--time-pattern", "%F", "--format", "json", says="for text")
        self.check("import", "--time-pattern", "%F", "--zone", "../../etc/passwd", says="Europe/Berlin")
        self.check("import", "--time-field", "t", "--format", "text", says="are for JSON")
        self.check("export", "--since", "1d", "--after", "x", says="only one of")
        self.check("export", "--stream", "a*b", says="can match no stream")
        self.check("export", "--since", "Foo 17 08:30:00", says="is not a time")
        self.check("tail", "--since", "1d", "--received-since", "1d", says="only one of")
        self.check("query", "--received-since", "Feb 30 08:30:00", says="is not a time")

    def test_a_wrong_command_line_names_the_program_the_argument_and_what_was_meant(self):
        self.check("tial", says="sluice: there is no command 'tial'; did you mean 'tail'?; see 'sluice --help'\n")
        self.check("log", "--sevrity", "err", "x", says="sluice log: there is no option '--sevrity'; did you mean '--severity'?")
        self.check("log", "a", "b", says="sluice log: the argument 'b' is one too many; what belongs together is written in quotes")
        self.check("status", "--output", "xml", says="sluice status: --output")
        self.check("help", "tial", says="did you mean 'tail'?")

    def test_help_is_a_command_and_version_has_a_letter(self):
        self.assertEqual(run("help").stdout, run("--help").stdout)
        self.assertEqual(run("help", "log").stdout, run("log", "--help").stdout)
        self.assertEqual(run("-V").stdout, run("--version").stdout)

    def test_output_that_cannot_be_written_is_a_failure_of_this_side(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([SLUICE, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(result.returncode, 1)
        self.assertIn("write to standard output: No space left on device", result.stderr)

    def test_untrusted_text_cannot_steer_the_terminal(self):
        result = run("get", "\x1b[2Jevil")
        self.assertEqual(result.returncode, 2)
        self.assertNotIn("\x1b", result.stderr)
        self.assertIn("\\x1b[2jevil", result.stderr.lower())


class NoDaemon(unittest.TestCase):
    def test_each_command_fails_with_1_and_says_what_to_do(self):
        with tempfile.TemporaryDirectory() as directory:
            path = directory + "/none.sock"
            for arguments in (
                ["log", "x"],
                ["query"],
                ["query", "--histogram"],
                ["tail", "-f"],
                ["import"],
                ["export"],
                ["get", "files:a"],
                ["put", "files:a"],
                ["cat", "files:a"],
                ["stat", "files:a"],
                ["append", "files:a"],
                ["status"],
                ["bench"],
            ):
                with self.subTest(arguments[0]):
                    result = run("--socket", path, *arguments)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn(path, result.stderr)
                    self.assertIn("sluiced --private", result.stderr)

    def test_the_socket_is_found_in_the_documented_order(self):
        with tempfile.TemporaryDirectory() as directory:
            given = run("--socket", directory + "/given", "status", SLUICE_SOCKET=directory + "/variable")
            self.assertIn(directory + "/given", given.stderr)
            variable = run("status", SLUICE_SOCKET=directory + "/variable", XDG_RUNTIME_DIR=directory)
            self.assertIn(directory + "/variable", variable.stderr)
            system = run("status", XDG_RUNTIME_DIR=directory)
            self.assertIn("/run/sluice/sluice.sock", system.stderr)
            Path(directory, "sluice").mkdir()
            Path(directory, "sluice/sluice.sock").touch()
            user = run("status", XDG_RUNTIME_DIR=directory)
            self.assertIn(directory + "/sluice/sluice.sock", user.stderr)

    def test_query_of_a_store_needs_none_and_reports_a_missing_one(self):
        with tempfile.TemporaryDirectory() as directory:
            result = run("query", "--store", directory + "/none")
            self.assertEqual(result.returncode, 1)
            self.assertIn("none", result.stderr)

    def test_verify_needs_none_and_reports_a_missing_store(self):
        with tempfile.TemporaryDirectory() as directory:
            result = run("verify", "--store", directory + "/none")
            self.assertEqual(result.returncode, 1)
            self.assertIn("none", result.stderr)


class ManPage(unittest.TestCase):
    def test_names_exactly_the_options_that_exist(self):
        page = Path(MANPAGE).read_text().replace("\\-", "-")
        for command in COMMANDS:
            with self.subTest(command):
                text = run(command, "--help").stdout.split("\nOptions:")[1].split("\nThe daemon's socket")[0]
                declared = set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z-]+)", text)) - {"--help"}
                section = re.search(rf"(?ms)^\.Ss {command}\b.*?(?=^\.S[sh] )", page)
                self.assertIsNotNone(section)
                named = set(re.findall(r"--[a-z-]+", re.sub(r"\bFl (-[a-z-]+)", r"-\1", section.group())))
                self.assertEqual(declared, named & declared, "not in the man page")
                self.assertEqual(set(re.findall(r"(?m)^\.It Fl (?:\w , Fl )?-?(-[a-z-]+)", section.group())),
                                 {option[1:] for option in declared}, "items of the man page")


if __name__ == "__main__":
    SLUICE, MANPAGE = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
