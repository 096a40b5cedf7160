#!/usr/bin/env python3
"""Proof that scripts/error_lines finds what makes an error, and reads the coverage at the place itself."""

import contextlib
import importlib.machinery
import importlib.util
import io
import re
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock
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
return fail(
    Errc::closed, "over two lines");
Error why(Errc::closed, "x");
return {Errc::closed, "x"};
scan.fail("no error of ours");
return std::move(other).error();
"""

RAN = """enum class Errc { closed };
int fail(Errc) { return 1; }
int f(int x) {
    if (x == 1) {
        return fail(Errc::closed);
    }
    return x == 2 ? fail(Errc::closed) : 0;
}
"""
MAIN = "int f(int);\nint main() { return f(1) - 1 + f(0); }\n"


class ErrorLines(unittest.TestCase):
    def places(self, files):
        root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, root)
        for name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(MADE, encoding="utf-8")
        return [(path, line) for path, line, _, _ in error_lines.error_places(root)]

    def test_finds_each_form_of_making_an_error_and_nothing_else(self):
        self.assertEqual(self.places(["lib/a/a.cpp"]), [("lib/a/a.cpp", line) for line in (2, 3, 4, 5, 6, 7, 9, 10)])

    def test_knows_the_programs_of_all_folders(self):
        root = SCRIPT.parent.parent
        made = set()
        for path in root.glob("tests/*/CMakeLists.txt"):
            made |= set(re.findall(r"^sluice_test\((\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        self.assertEqual(sorted(made), sorted(error_lines.PROGRAMS))

    def test_leaves_out_what_defines_errors_and_the_simulated_kernel(self):
        self.assertEqual(self.places(["lib/base/error.cpp", "lib/io/sim_disk.cpp", "tests/a.cpp"]), [])
        self.assertEqual(len(self.places(["daemon/a.cpp"])), 8)

    def test_reads_the_count_of_the_branch_and_not_of_the_line(self):
        # Line 4 ran 3 times, from column 20 on never; behind line 5 is no code.
        segments = [[4, 1, 3, True, True, False], [4, 20, 0, True, True, False], [5, 1, 0, False, False, False]]
        self.assertEqual(error_lines.counts_of(segments, 4, 19), 3)
        self.assertEqual(error_lines.counts_of(segments, 4, 20), 0)
        self.assertIsNone(error_lines.counts_of(segments, 6, 1))
        self.assertIsNone(error_lines.counts_of(segments, 1, 1))

    def test_lists_what_a_program_did_not_execute(self):
        if shutil.which("clang++-19") is None or shutil.which("llvm-cov-19") is None:
            self.skipTest("clang-19 or llvm-19 is not installed")
        root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, root)
        for name, text in {"lib/a/a.cpp": RAN, "main.cpp": MAIN, "daemon/d.cpp": MADE.split("\n")[1]}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        (root / "build/bin").mkdir(parents=True)
        subprocess.run(["clang++-19", *error_lines.COVERAGE.split(), root / "lib/a/a.cpp", root / "main.cpp", "-o",
                        root / "build/bin/a_test"], check=True)  # fmt: skip
        error_lines.ROOT, error_lines.BUILD = root, root / "build"
        said = io.StringIO()
        with contextlib.redirect_stdout(said), unittest.mock.patch("sys.argv", ["error_lines", "--no-build", "--programs", "a_test"]):
            error_lines.main()
        self.assertEqual(
            [line for line in said.getvalue().split("\n") if line],
            [
                'daemon/d.cpp:1: return fail(Errc::closed, "x"); (in no test program)',
                "daemon: 0 of 1 error lines reached",
                "lib/a/a.cpp:7: return x == 2 ? fail(Errc::closed) : 0;",
                "lib/a: 1 of 2 error lines reached",
                "1 of 3 error lines reached",
            ],
        )


if __name__ == "__main__":
    unittest.main()
