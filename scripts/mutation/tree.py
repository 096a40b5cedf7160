"""The mutated copy of the tree: build/mutation/tree, built in build/mutation/build with clang.

Mutants of several folders of lib/ live in it side by side, each folder with numbers of its own, so that a second run of
a folder that did not change compiles nothing.
"""

import fcntl
import hashlib
import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from . import find, schema

NUMBERS_PER_FOLDER = 50000
ROUNDS_MAX = 12
SKIPPED = {"build", ".git", "scratch", "__pycache__"}
FLAGS = ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0", "-DCMAKE_CXX_COMPILER=clang++-19",
         "-DCMAKE_C_COMPILER=clang-19", "-DCMAKE_CXX_FLAGS=-w -Wno-c++11-narrowing",
         "-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld", "-DSLUICE_WERROR=OFF", "-DSLUICE_BENCH=OFF"]  # fmt: skip


class BuildError(Exception):
    pass


def digest(data):
    return hashlib.sha256(data).hexdigest()


def write_if_other(path, data):
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class MutatedTree:
    def __init__(self, root, folder, jobs, headers=True, log=sys.stderr):
        self.root, self.folder, self.jobs, self.headers, self.log = root, folder, jobs, headers, log
        self.base = root / "build" / "mutation"
        self.tree, self.build = self.base / "tree", self.base / "build"
        self.base.mkdir(parents=True, exist_ok=True)
        self.plans = self.base / "plans"
        self.plans.mkdir(exist_ok=True)
        self.tools = digest(b"".join((Path(__file__).parent / n).read_bytes() for n in ("find.py", "schema.py", "switch.h")))
        self.lock = open(self.base / "lock", "w")

    def say(self, text):
        print(f"mutate: {text}", file=self.log, flush=True)

    def __enter__(self):
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_):
        fcntl.flock(self.lock, fcntl.LOCK_UN)

    # ---- the sources ----

    def plan_path(self, folder):
        return self.plans / (folder.replace("/", "-") + ".pickle")

    def load_plan(self, path):
        try:
            plan = pickle.loads(path.read_bytes())
        except (OSError, pickle.UnpicklingError, EOFError, AttributeError):
            return {}
        return plan["files"] if plan.get("tools") == self.tools else {}

    def sync(self):
        """Copies what changed; files that are mutated in the tree stay if their source is what it was."""
        mutated = {}
        for path in self.plans.glob("*.pickle"):
            for name, entry in self.load_plan(path).items():
                mutated[name] = entry["digest"]
        wanted = set()
        for directory, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if f not in SKIPPED]
            for name in names:
                source = Path(directory) / name
                relative = str(source.relative_to(self.root))
                wanted.add(relative)
                data = source.read_bytes()
                if mutated.get(relative) == digest(data) and (self.tree / relative).exists():
                    continue
                write_if_other(self.tree / relative, data)
                shutil.copymode(source, self.tree / relative)
        for path in list(self.tree.rglob("*")):
            if path.is_file() and str(path.relative_to(self.tree)) not in wanted:
                path.unlink()

    def configure(self):
        if not (self.build / "build.ninja").exists():
            self.command(["cmake", "-S", str(self.tree), "-B", str(self.build), "-G", "Ninja", *FLAGS])

    def command(self, command):
        run = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
        if run.returncode != 0:
            raise BuildError(f"{' '.join(command)} failed:\n{(run.stdout + run.stderr)[-4000:]}")

    def ninja(self, targets):
        command = ["nice", "-n", "10", "ninja", "-C", str(self.build), "-j", str(self.jobs), "-k", "0", *targets]
        run = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
        return None if run.returncode == 0 else run.stdout + run.stderr

    # ---- the mutants ----

    def arguments(self):
        """What each file of the folder is compiled with; a header, as some file of the folder."""
        commands = {}
        for entry in json.loads((self.build / "compile_commands.json").read_text()):
            path = Path(entry["file"])
            if path.parent == self.tree / self.folder:
                words = shlex.split(entry["command"])
                begin = words.index("-o")
                commands[path] = words[:begin]
        if not commands:
            raise BuildError(f"{self.folder}: nothing of it is compiled")
        commands = dict(sorted(commands.items()))
        some = next(iter(commands.values()))
        for header in sorted((self.tree / self.folder).glob("*.h")) if self.headers else []:
            commands[header] = [*some, "-x", "c++"]
        return commands

    def mutate(self):
        """Writes the mutated files; returns all mutants and the numbers of those that do not compile."""
        siblings = sorted(p.name for p in (self.tree / self.folder).parent.iterdir() if p.is_dir())
        first = siblings.index(Path(self.folder).name) * NUMBERS_PER_FOLDER + 1
        commands = self.arguments()
        old = self.load_plan(self.plan_path(self.folder))
        files, fresh = {}, {}
        for path in commands:
            relative = str(path.relative_to(self.tree))
            data = (self.root / relative).read_bytes()
            entry = old.get(relative)
            if entry is None or entry["digest"] != digest(data):
                fresh[path] = relative
                write_if_other(path, data)
                entry = {"digest": digest(data), "text": data, "dropped": set()}
            files[relative] = entry
        self.say(f"{self.folder}: {len(files)} files, {len(fresh)} of them to be read")
        with ProcessPoolExecutor(self.jobs) as pool:
            found = {path: pool.submit(find.find, path, commands[path][1:]) for path in fresh}
            for path, future in found.items():
                files[fresh[path]]["mutants"] = future.result()
        number, renumbered = first, False
        for relative, entry in files.items():
            for mutant in entry["mutants"]:
                renumbered = renumbered or mutant.number != number
                mutant.file, mutant.number = relative, number
                number += 1
            if renumbered:
                entry["dropped"] = set()
        if number - first >= NUMBERS_PER_FOLDER:
            raise BuildError(f"{self.folder}: more mutants than numbers")
        self.files = files
        self.check(commands, files if renumbered else fresh.values())
        self.save()

    def save(self):
        self.plan_path(self.folder).write_bytes(pickle.dumps({"tools": self.tools, "files": self.files}))

    def write(self, relative):
        entry = self.files[relative]
        kept = [m for m in entry["mutants"] if m.number not in entry["dropped"]]
        text = schema.Schema(entry["text"], kept)
        if not kept:
            text.text = entry["text"]
        write_if_other(self.tree / relative, text.text)
        return text

    def drop(self, numbers):
        changed = [r for r, e in self.files.items() if any(m.number in numbers for m in e["mutants"])]
        for relative in changed:
            entry = self.files[relative]
            entry["dropped"] |= {m.number for m in entry["mutants"] if m.number in numbers}
        return changed

    # A file that did not change may use a header that did.
    def is_to_check(self, relative, changed):
        return bool(self.files[relative]["mutants"]) and (relative in changed or any(c.endswith(".h") for c in changed))

    def check(self, commands, changed):
        """Leaves out what does not compile: headers first, because all files include them."""
        schemas = {str(self.tree / r): self.write(r) for r in self.files}
        for suffix in (".h", ".cpp"):
            relative = {p: str(p.relative_to(self.tree)) for p in commands if p.suffix == suffix}
            pending = [p for p in relative if self.is_to_check(relative[p], set(changed))]
            for attempt in range(ROUNDS_MAX):
                with ThreadPoolExecutor(self.jobs) as pool:
                    outcomes = list(pool.map(lambda p: schema.check(p, ["nice", "-n", "10", *commands[p]], schemas), pending))
                failed = [(p, *outcome) for p, outcome in zip(pending, outcomes) if outcome[0] is not None]
                if not failed:
                    break
                numbers = set().union(*(n for _, _, n in failed))
                for path, output, named in failed:
                    if not named or attempt == ROUNDS_MAX - 1:
                        self.say(f"{relative[path]}: left as it is, because its errors do not name a mutant:\n{output[:600]}")
                        numbers |= {m.number for m in self.files[relative[path]]["mutants"]}
                self.say(f"{self.folder}: {len(numbers)} mutants do not compile (round {attempt + 1})")
                for name in self.drop(numbers):
                    schemas[str(self.tree / name)] = self.write(name)
                pending = [p for p, _, _ in failed]

    # ---- the programs ----

    def programs(self, targets, into):
        """Builds the test programs and copies them, so that the next folder can be built while they run."""
        for _ in range(ROUNDS_MAX):
            self.say(f"{self.folder}: building {' '.join(targets)}")
            output = self.ninja(targets)
            if output is None:
                break
            schemas = {str(self.tree / r): self.write(r) for r in self.files}
            numbers = schema.blamed_by(output, schemas)
            if not numbers:
                raise BuildError(output[-6000:])
            for relative in self.drop(numbers):
                self.write(relative)
            self.save()
        else:
            raise BuildError(f"{self.folder}: still does not build")
        into.mkdir(parents=True, exist_ok=True)
        for target in targets:
            binary = next(p for p in (self.build / "bin" / target, self.build / target) if p.exists())
            copy = into / (target + ".new")
            shutil.copy2(binary, copy)
            copy.rename(into / target)
        return [into / target for target in targets]
