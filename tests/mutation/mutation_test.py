#!/usr/bin/env python3
"""Proof that scripts/mutate reports what a weak test lets live, all of it and nothing else; and keeps to its list."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
MUTATE = HERE.parent.parent / "scripts" / "mutate"

SURVIVORS = [
    # The test weighs nothing at or above the limit, and not 0, and nobody asks how often it was weighed.
    "lib/scale/scale.cpp:10: bound: grams < kMax => grams <= kMax (1 tests pass)",
    "lib/scale/scale.cpp:10: condition-true: grams < kMax => true (1 tests pass)",
    "lib/scale/scale.cpp:16: bound: grams < 0 => grams <= 0 (1 tests pass)",
    "lib/scale/scale.cpp:16: constant: 0 => 0 + 1 (1 tests pass)",
    "lib/scale/scale.cpp:19: assignment-dropped: ++weighed_; => nothing (1 tests pass)",
    "lib/scale/scale.cpp:25: arithmetic: a - b => a + b (not reached)",
    "lib/scale/scale.h:20: constant: 0 => 0 + 1 (1 tests pass)",
]
EQUIVALENT = """# A comment.
lib/scale/scale.cpp: bound: grams < kMax => grams <= kMax: both give kMax
    return grams < kMax ? grams : kMax;
lib/scale/scale.cpp: bound: a < b => a <= b: the line is gone
    return a < b;
"""


class Mutate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.root)
        shutil.copytree(HERE / "planted", cls.root, dirs_exist_ok=True)

    def mutate(self, *options):
        run = subprocess.run([MUTATE, "lib/scale", "--root", self.root, "--jobs", "2", *options],
                             capture_output=True, text=True, check=False)  # fmt: skip
        self.assertIn(run.returncode, (0, 1), run.stderr)
        # Without the numbers of the mutants and the minutes.
        lines = [line.rsplit("; ", 1)[0] + ")" if line.startswith("lib/scale/") else line for line in run.stdout.splitlines()]
        return lines, run.returncode

    def test_1_reports_exactly_the_known_survivors(self):
        lines, code = self.mutate()
        self.assertEqual(lines[:-2], SURVIVORS)
        self.assertIn("7 survivors (1 not reached), 0 equivalent", lines[-1])
        self.assertEqual(code, 1)

    def test_2_leaves_out_the_equivalent_and_names_stale_entries(self):
        listed = self.root / "equivalent.txt"
        listed.write_text(EQUIVALENT)
        lines, _ = self.mutate("--equivalent", str(listed))
        self.assertEqual(lines[:-3], SURVIVORS[1:])
        self.assertIn("no such mutant any more: lib/scale/scale.cpp: bound: a < b => a <= b", lines[-3])
        self.assertIn("6 survivors (1 not reached), 1 equivalent", lines[-1])

    def test_3_lists_what_no_test_passes(self):
        lines, code = self.mutate("--not-reached")
        self.assertEqual(len(lines), 2, lines)
        self.assertTrue(lines[0].startswith("lib/scale/scale.cpp:25: arithmetic"), lines)
        self.assertEqual(lines[1].split(" of ")[0], "lib/scale: 1")
        self.assertEqual(code, 1)

    def test_4_runs_one_and_says_how_it_was_caught(self):
        listed, _ = self.mutate("--list")
        self.assertTrue(any(":17:" in line and "error-dropped" in line for line in listed), listed)
        run = subprocess.run([MUTATE, "lib/scale", "--root", self.root, "--list"], capture_output=True, text=True, check=True)
        number = next(l for l in run.stdout.splitlines() if "error-dropped" in l).rsplit("(", 1)[1].rstrip(")")
        lines, code = self.mutate("--mutant", number)
        self.assertIn("caught: scale_test", lines[0])
        self.assertEqual(code, 0)


if __name__ == "__main__":
    needed = ["/usr/bin/python3", "-c", "from clang import cindex"]
    if shutil.which("clang++-19") is None or subprocess.run(needed, capture_output=True, check=False).returncode != 0:
        print("mutation_test: skipped: clang-19 or python3-clang-19 is not installed")
        sys.exit(77)
    os.environ.pop("SLUICE_MUTANT", None)
    unittest.main()
