#!/usr/bin/env python3
"""What every text file of the tree keeps to.

 - no tab (but in Makefiles), no space at the end of a line, a newline at the end of the file, no CR;
 - headers begin with #pragma once, behind comments at most (a header for C: with #ifndef NAME_H);
 - no notes to self: what is not done is an issue, not a comment;
 - at most 500 lines per file in lib, daemon and cli;
 - no path of the machine the code was written on, and no address of a package registry or mirror.

Usage: repo_lint.py ROOT             the rules above
       repo_lint.py --format ROOT    clang-format-19 changes nothing (exit 77, "skipped", where it is not installed)
Prints "file:line: rule: text"; exit 0 clean, 1 findings, 2 usage.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tree import cpp_files, text_files

LINES_MAX = 500
SIZED_FOLDERS = {"lib", "daemon", "cli"}
# Written in pieces, so that this file does not find itself.
NOTES = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MACHINE = re.compile(r"(?<![\w.}])/wo" r"rk\b|\.\./sha" r"red\b|(?<!\w)\.lib" r"rary\b|/ro" r"ot/|/ho" r"me/\w")
REGISTRY = re.compile(
    r"\b(crates\.i" r"o|pypi\.o" r"rg|pythonhosted\.o" r"rg|npmjs\.(?:o" r"rg|com)|proxy\.golang\.o" r"rg|docker\.i"
    r"o|ghcr\.i" r"o|quay\.i" r"o|conan\.i" r"o|(?:ftp|deb|security)\.debian\.o" r"rg|archive\.ubuntu\.c" r"om"
    r"|rubygems\.o" r"rg|repo1?\.maven\.(?:apache\.)?o" r"rg|artifac" r"tory|nex" r"us-repo)\b"
)  # fmt: skip


def check_lines(path, relative, text, report):
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{relative}:{number}"
        if "\t" in line and path.name != "Makefile":
            report(where, "tab", "a tab; use spaces")
        if line.endswith("\r"):
            report(where, "cr", "a carriage return at the end of the line")
        elif line != line.rstrip():
            report(where, "trailing-space", "space at the end of the line")
        for rule, pattern, advice in (
            ("note", NOTES, "is a note to self; open an issue instead"),
            ("machine-path", MACHINE, "is a path of one machine"),
            ("registry", REGISTRY, "is the address of a package registry"),
        ):
            match = pattern.search(line)
            if match:
                report(where, rule, f"'{match.group()}' {advice}")


def check_file(path, relative, report):
    text = path.read_bytes().decode("utf-8", errors="replace")  # read_text() would hide a carriage return.
    check_lines(path, relative, text, report)
    if text and not text.endswith("\n"):
        report(f"{relative}:{text.count(chr(10)) + 1}", "last-line", "no newline at the end of the file")
    if text.endswith("\n\n"):
        report(f"{relative}:{text.count(chr(10))}", "last-line", "an empty line at the end of the file")
    if path.suffix == ".h":
        code = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL).strip()
        of_c = 'extern "C"' in code and re.match(r"#ifndef (\w+_H)\s+#define \1\b", code)
        if not code.startswith("#pragma once") and not of_c:
            report(f"{relative}:1", "guard", "a header begins with #pragma once")
    lines = text.count("\n")
    if relative.parts[0] in SIZED_FOLDERS and lines > LINES_MAX:
        report(f"{relative}:{LINES_MAX + 1}", "size", f"{lines} lines exceeds {LINES_MAX}; split the file by concept")


def check(root):
    findings = []
    report = lambda where, rule, text: findings.append(f"{where}: {rule}: {text}")
    for path in text_files(root):
        check_file(path, path.relative_to(root), report)
    return findings


def check_format(root):
    """Returns the findings, or None where clang-format-19 is not installed."""
    tool = shutil.which("clang-format-19")
    if tool is None:
        return None
    files = cpp_files(root)
    findings = []
    for begin in range(0, len(files), 50):
        run = subprocess.run(
            [tool, "--dry-run", "--style=file", *map(str, files[begin : begin + 50])],
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seen = sorted(set(re.findall(r"^(.+?):\d+:\d+: (?:warning|error)", run.stderr, re.MULTILINE)))
        findings.extend(f"{name}: format: run clang-format-19 -i on it" for name in seen)
        if run.returncode != 0 and not seen:
            findings.append(f"clang-format-19: exit {run.returncode}: {run.stderr.strip()[:200]}")
    return findings


def main(arguments):
    if len(arguments) == 2 and not arguments[1].startswith("-"):
        findings = check(Path(arguments[1]))
    elif len(arguments) == 3 and arguments[1] == "--format":
        findings = check_format(Path(arguments[2]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    if findings is None:
        print("repo_lint: skipped: clang-format-19 is not installed")
        return 77
    print("\n".join([*findings, f"repo_lint: {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
