"""What a run of scripts/mutate says."""

import re

TEXT_MAX = 160


def all_of(files):
    return [mutant for entry in files.values() for mutant in entry["mutants"]]


def short(text):
    text = re.sub(r"\s+", " ", text.decode("utf-8", errors="replace")).strip()
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 3] + "..."


def line(mutant, note):
    new = short(mutant.new) or "nothing"
    note = f"{note}; " if note else ""
    return f"{mutant.file}:{mutant.line}: {mutant.kind}: {short(mutant.old)} => {new} ({note}{mutant.number})"


def source_line(mutant, files):
    return files[mutant.file]["text"].decode("utf-8", errors="replace").split("\n")[mutant.line - 1].strip()


class Equivalent:
    """tests/mutation/equivalent.txt.  An entry is two lines, found again by the text of the source line:

    lib/store/a.cpp: bound: n < 1 => n <= 1: why it changes nothing
        if (n < 1) {
    """

    def __init__(self, path):
        self.entries = {}
        self.path = path
        self.used = set()
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        head = None
        for text in lines:
            if text.startswith("    ") and head:
                match = re.match(r"(\S+): ([\w-]+): (.*): (.*?)$", head)
                if not match:
                    raise OSError(f"{path}: not 'file: kind: old => new: reason': {head}")
                file, kind, change, reason = match.groups()
                self.entries[(file, kind, change, text.strip())] = reason
                head = None
            elif text and not text.startswith("#"):
                head = text

    def key(self, mutant, files):
        change = f"{short(mutant.old)} => {short(mutant.new) or 'nothing'}"
        return mutant.file, mutant.kind, change, source_line(mutant, files)

    def reason(self, mutant, files):
        return self.entries.get(self.key(mutant, files))

    def stale(self, folder, files):
        known = {self.key(m, files) for m in all_of(files)}
        return [f"{self.path.name}: no such mutant any more: {': '.join(key)}"
                for key in self.entries if key[0].startswith(folder + "/") and key not in known]  # fmt: skip


class Counts:
    def __init__(self, folder, mutants, not_compiling):
        self.folder, self.mutants, self.not_compiling = folder, mutants, not_compiling
        self.caught = self.timed_out = self.survivors = self.not_reached = self.equivalent = self.not_run = 0

    def add(self, outcome, equivalent):
        """Returns whether it is to be listed."""
        if outcome is None:
            self.not_run += 1
        elif outcome.caught:
            self.caught += 1
            self.timed_out += outcome.how == "time limit"
        elif equivalent:
            self.equivalent += 1
        else:
            self.survivors += 1
            self.not_reached += outcome.how == "not reached"
            return True
        return False

    def lines(self, compiling, seconds):
        ran = self.caught + self.survivors + self.equivalent
        judged = self.caught + self.survivors
        percent = 100 * self.caught / judged if judged else 100.0
        return [
            f"{self.folder}: {self.mutants} mutants, {self.not_compiling} not compiling, {ran} of {compiling} run"
            f"{f', {self.not_run} not run for want of time' if self.not_run else ''}, {seconds / 60:.0f} min",
            f"{self.folder}: {self.caught} caught ({self.timed_out} by the time limit), {self.survivors} survivors "
            f"({self.not_reached} not reached), {self.equivalent} equivalent: {percent:.1f} % of the non-equivalent caught",
        ]
