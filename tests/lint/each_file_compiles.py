#!/usr/bin/env python3
"""Each file of the tree compiles by itself, as preset dev compiles it.

Usage: each_file_compiles.py ROOT BUILD

The other presets compile the files of a target together, where a file may use what only its neighbour includes.  Configures
BUILD without that, and has clang check each file; nothing but the precompiled headers is built.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def check(command, directory):
    """What is wrong with the file of this compile command; empty: nothing."""
    done = subprocess.run(f"{command} -fsyntax-only", shell=True, cwd=directory, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    return "" if done.returncode == 0 else done.stderr or f"exit code {done.returncode}"


def check_all(database):
    entries = [entry for entry in json.loads(Path(database).read_text())
               if not Path(entry["file"]).is_relative_to(Path(database).parent)]  # Those are made by the build.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda entry: check(entry["command"], entry["directory"]), entries)
        return {entry["file"]: wrong for entry, wrong in zip(entries, results) if wrong}, len(entries)


def main():
    root, build = sys.argv[1:3]
    subprocess.run(
        ["cmake", "-S", root, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0",
         "-DCMAKE_CXX_COMPILER=clang++-19", "-DCMAKE_C_COMPILER=clang-19", "-DSLUICE_WERROR=ON", "-DSLUICE_TESTS=ON",
         "-DSLUICE_BENCH=ON", "-DSLUICE_UNITY=OFF", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"],
        check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    outputs = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], check=True, capture_output=True, text=True).stdout
    headers = [line.split(":")[0] for line in outputs.splitlines() if line.split(":")[0].endswith(".pch")]
    subprocess.run(["ninja", "-C", build, *headers], check=True, stdout=subprocess.DEVNULL)
    wrong, count = check_all(Path(build) / "compile_commands.json")
    for name, text in sorted(wrong.items()):
        print(f"{name}: does not compile by itself\n{text}")
    print(f"{count} files, {len(wrong)} of them do not compile by themselves")
    return 1 if wrong or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
