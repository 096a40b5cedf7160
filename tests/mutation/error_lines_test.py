#!/usr/bin/env python3
"""Proof that scripts/error_lines finds what makes an error, and reads the coverage at the place itself."""

import importlib.machinery
import importlib.util
import shutil
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "error_lines"
LOADER = importlib.machinery.SourceFileLoader("error_lines", str(SCRIPT))
error_lines = importlib.util.module_from_spec(importlib.util.spec_from_loader("error_lines", LOADER))
LOADER.exec_module(error_lines)

MADE = """// fail(Errc::closed, "a comment")
return fail(Errc::closed, "x");
co_return fail_errno(errno, "x");
done = ok ? Result<>() : Result<>(fail(Errc::closed, "x"));
cancel(Error(Errc::cancelled, "x"));
return std::unexpected(Error::from_errno(2, "x"));
scan.fail("no error of ours");
return std::move(other).error();
"""


class ErrorLines(unittest.TestCase):
    def places(self, files):
        root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, root)
        for name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(MADE, encoding="utf-8")
        return [(path, line) for path, line, _, _ in error_lines.error_places(root)]

    def test_finds_each_form_of_making_an_error_and_nothing_else(self):
        self.assertEqual(self.places(["lib/a/a.cpp"]), [("lib/a/a.cpp", line) for line in (2, 3, 4, 5, 6)])

    def test_leaves_out_what_defines_errors_and_the_simulated_kernel(self):
        self.assertEqual(self.places(["lib/base/error.cpp", "lib/io/sim_disk.cpp", "tests/a.cpp"]), [])
        self.assertEqual(len(self.places(["daemon/a.cpp"])), 5)

    def test_reads_the_count_of_the_branch_and_not_of_the_line(self):
        # Line 4 ran 3 times, from column 20 on never; behind line 5 is no code.
        segments = [[4, 1, 3, True, True, False], [4, 20, 0, True, True, False], [5, 1, 0, False, False, False]]
        self.assertEqual(error_lines.counts_of(segments, 4, 19), 3)
        self.assertEqual(error_lines.counts_of(segments, 4, 20), 0)
        self.assertIsNone(error_lines.counts_of(segments, 6, 1))
        self.assertIsNone(error_lines.counts_of(segments, 1, 1))


if __name__ == "__main__":
    unittest.main()
