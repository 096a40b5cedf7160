"""All mutants of a file in one text, each behind its switch, and the search for those that do not compile."""

import os
import re
import subprocess
from pathlib import Path

from .find import ORDER

SWITCH = Path(__file__).resolve().parent / "switch.h"
LOCATION = re.compile(r"^(/[^:\n]+):(\d+):(\d+): (error|fatal error|note): (.*)$", re.MULTILINE)
# How far behind the name of a call its arguments may begin.
SWAPPED_BYTES_MAX = 200


def around(edit, number):
    on = b"::sluice_mutation::on(%d)" % number
    forms = {
        "negated": (b"(%s != static_cast<bool>(" % on, b"))"),
        "true": (b"(%s || static_cast<bool>(" % on, b"))"),
        "false": (b"(!%s && static_cast<bool>(" % on, b"))"),
        "choice": (b"(%s ? (%s) : (" % (on, edit.text), b"))"),
        "succeed": (b"::sluice_mutation::succeed(%d, " % number, b")"),
        "success": (b"{ if (%s) { %s } " % (on, edit.text), b" }"),
        "skip": (b"{ if (!%s) " % on, b" }"),
    }
    return forms[edit.text.decode() if edit.form in ("condition", "operand") else edit.form]


class Schema:
    """The text of one file with the switches of `mutants`, and where each stands in it."""

    def __init__(self, text, mutants):
        events = []  # (offset, 0 = an end | 1 = a begin, inner or outer first, place, text)
        places = []
        for mutant in mutants:
            for edit in mutant.edits:
                before, after = around(edit, mutant.number)
                length, order = edit.end - edit.begin, ORDER[edit.form]
                place = {"number": mutant.number, "length": length, "swapped": mutant.kind == "arguments-swapped"}
                places.append(place)
                events.append((edit.begin, 1, -length, -order, -len(places), place, before))
                events.append((edit.end, 0, length, order, len(places), place, after))
        events.sort(key=lambda event: event[:5])
        pieces, at, size = [b'#include "%s"\n' % str(SWITCH).encode()], 0, 0
        size = len(pieces[0])
        for offset, is_begin, *_, place, inserted in events:
            pieces += [text[at:offset], inserted]
            size += offset - at
            place["before" if is_begin else "after"] = (size, size + len(inserted))
            size += len(inserted)
            at = offset
        pieces.append(text[at:])
        self.text = b"".join(pieces)
        self.places = places
        self.lines = [0]
        for match in re.finditer(rb"\n", self.text):
            self.lines.append(match.end())

    # The numbers of the mutants that an error at this place is about: those whose own text it is in; else the next swapped
    # arguments, because the call is named; else the innermost around it; else all of its line.
    def blamed(self, line, column):
        begin = self.lines[min(line, len(self.lines)) - 1]
        offset = begin + column - 1
        own = {p["number"] for p in self.places for b, e in (p["before"], p["after"]) if b <= offset < e}
        if own:
            return own
        swapped = [p for p in self.places if p["swapped"] and offset <= p["before"][0] < offset + SWAPPED_BYTES_MAX]
        if swapped:
            return {min(swapped, key=lambda p: p["before"][0])["number"]}
        near = [p for p in self.places if p["before"][0] <= offset < p["after"][1]]
        if near:
            length = min(p["length"] for p in near)
            return {p["number"] for p in near if p["length"] == length}
        end = self.lines[line] if line < len(self.lines) else len(self.text)
        return {p["number"] for p in self.places if p["before"][0] < end and begin < p["after"][1]}


# The mutants of `schemas` (path -> Schema) that the errors in a compiler's output are about.  An error somewhere else is
# about the first place in a mutated file that its notes name.
def blamed_by(output, schemas):
    numbers, open_error = set(), False
    for path, line, column, severity, _ in LOCATION.findall(output):
        if severity != "note":
            open_error = True
        path = os.path.normpath(path)  # A header is named by way of the folder that it was looked for in: a/../b/c.h.
        if open_error and path in schemas:
            found = schemas[path].blamed(int(line), int(column))
            numbers |= found
            open_error = not found
    return numbers


def check(path, arguments, schemas):
    """Compiles one file; returns (None or the output, numbers to leave out)."""
    command = [*arguments, "-fsyntax-only", "-ferror-limit=0", "-fno-caret-diagnostics", "-ftemplate-backtrace-limit=0", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    if run.returncode == 0:
        return None, set()
    return run.stderr, blamed_by(run.stderr, schemas)
