#!/usr/bin/env python3
"""The same bytes to systemd-journald and to sluiced: what both store is compared, field by field.

Every difference must be deliberate: one of the table in docs/compatibility.md, which is read here.  A row of it that no
case needs is an error as well.  Fields that only a daemon sets (names with _) are left out, but for _LINE_BREAK, which
sluice calls LINE_BREAK.

Usage: differential_test.py PROGRAMS DOCUMENT [--case PATTERN] [--show] [--plant CASE:FIELD] [--self-check]
  PROGRAMS      the folder of sluice and sluiced
  --case        only the cases that match (a shell pattern); rows that are not needed are no errors then
  --show        print what both stored
  --plant       change that field in what sluice returned: the test must fail
  --self-check  compare, then plant every kind of difference, one at a time: each must be found where it is
"""

import argparse
import collections
import fnmatch
import itertools
import os
import re
import sys
import time

sys.dont_write_bytecode = True

import peer
import sending
from journald import Journald
from sluice import Sluice, programs_folder
from wire_cases import CASES, Passed, Two

RECORDS = "(records)"  # Stands for a field where the numbers of records differ.
SETTLE_S = 5
HEADING = "## Deliberate differences"

Difference = collections.namedtuple("Difference", "case index field theirs ours")


class Row:
    """Of the table: patterns of cases, the field, what each has, and why (empty: as the row above)."""

    def __init__(self, number, cells):
        if len(cells) != 5:
            raise ValueError(f"line {number}: {len(cells)} columns, not 5")
        self.number, self.used = number, 0
        self.cases = re.findall(r"`([^`]+)`", cells[0])
        self.field, self.theirs, self.ours, self.why = cells[1].strip("`"), cells[2], cells[3], cells[4]
        if not self.cases:
            raise ValueError(f"line {number}: a row needs cases, in `...`")

    def concerns(self, cases):
        return any(fnmatch.fnmatchcase(case.name, pattern) for case in cases for pattern in self.cases)

    def matches(self, difference, case):
        theirs, ours = list(difference.theirs), list(difference.ours)
        return (
            self.concerns([case])
            and fnmatch.fnmatchcase(difference.field, self.field)
            and is_as_told(self.theirs, theirs, ours, case)
            and is_as_told(self.ours, ours, theirs, case)
        )


def is_as_told(told, values, other, case):
    """The words of the table; docs/compatibility.md explains them.  `other`: the values of the other side."""
    codes = re.findall(r"`([^`]+)`", told)
    if codes:
        return sorted(values) == sorted(code.encode() for code in codes)
    sent = [bytes_of(message) for message in case.messages]
    words = {
        "absent": lambda: not values,
        "empty": lambda: values == [b""],
        "any": lambda: len(values) > 0,
        "process": lambda: values in ([sending.NAME.encode()], [case.socket.encode()]),
        "stripped": lambda: values == [value.rstrip() for value in other],
        "distinct": lambda: sorted(values) == sorted(set(other)),
        "end": lambda: len(values) == len(other) == 1 and other[0].endswith(values[0]),
        "stream": lambda: values == [re.sub(rb"[^A-Za-z0-9._/@:-]", b"_", value)[:255] for value in other],
        "sent": lambda: len(values) == 1 and values[0] in [message.rstrip(b"\0 \t\n\r") for message in sent],
        "part": lambda: len(values) > 0 and all(any(value in message for message in sent) for value in values),
    }
    if told not in words:
        raise ValueError(f"'{told}' is no word of the table: {', '.join(words)}, or values in `...`")
    return words[told]()


def bytes_of(message):
    if isinstance(message, Passed):
        return message.payload or message.content
    return message.first + message.second if isinstance(message, Two) else message


def read_table(path):
    rows, inside = [], False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#"):
            inside = line == HEADING
        elif inside and line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").replace("\\|", "\0").split("|")]
            cells = [cell.replace("\0", "|") for cell in cells]
            if cells[0] not in ("case", "-"):
                rows.append(Row(number, cells))
                if not rows[0].why:
                    raise ValueError(f"line {number}: the first row needs a reason")
    if not rows:
        raise ValueError(f"{path} has no table below '{HEADING}'")
    return rows


def comparable(entry):
    """Values by name."""
    found = collections.defaultdict(list)
    for name, value in entry.fields:
        name = "LINE_BREAK" if name == "_LINE_BREAK" else name
        if not name.startswith("_"):
            found[name].append(value)
    return found


def differences(case, theirs, ours):
    if len(theirs) != len(ours):
        yield Difference(case, 0, RECORDS, (b"%d" % len(theirs),), (b"%d" % len(ours),))
    nothing = peer.Entry([])  # A record that only one of them has is compared with it.
    for index, (one, other) in enumerate(itertools.zip_longest(theirs, ours, fillvalue=nothing)):
        one, other = comparable(one), comparable(other)
        for field in sorted(one.keys() | other.keys()):
            if sorted(one[field]) != sorted(other[field]):
                yield Difference(case, index, field, tuple(one[field]), tuple(other[field]))


def compare(cases, theirs, ours, rows):
    """The differences that no row tells; counts what each row is good for."""
    for row in rows:
        row.used = 0
    unlisted = []
    for case in cases:
        for difference in differences(case.name, theirs[case.name], ours[case.name]):
            row = next((row for row in rows if row.matches(difference, case)), None)
            if row is None:
                unlisted.append(difference)
            else:
                row.used += 1
    return unlisted


def collect(programs, cases):
    """What both store of the cases: (journald's, sluice's) entries by case."""
    with Journald() as journald, Sluice(programs) as sluice:
        pids = [(peer_, sending.send_all(peer_, cases)) for peer_ in (journald, sluice)]
        # A stream has no order with others, so its last records may come behind the marks.
        found, deadline = None, time.monotonic() + SETTLE_S
        while True:
            again = [sending.entries_by_case(peer_, cases, its_pids) for peer_, its_pids in pids]
            counts = [{name: len(entries) for name, entries in each.items()} for each in again]
            if counts == found or time.monotonic() > deadline:
                return again
            found = counts
            time.sleep(0.3)


def shown(values):
    return " ".join(repr(v if len(v) < 160 else v[:100] + b"... %d bytes" % len(v))[1:] for v in values) or "absent"


def report(unlisted, cases):
    by_name = {case.name: case for case in cases}
    for difference in unlisted:
        sent = ", ".join(repr(message)[:200] for message in by_name[difference.case].messages[:3])
        print(f"UNLISTED {difference.case}, record {difference.index + 1}, {difference.field}: journald has "
              f"{shown(difference.theirs)}, sluice has {shown(difference.ours)}\n    sent: {sent}")  # fmt: skip


def show(cases, theirs, ours):
    for case in cases:
        print(f"{case.name}: {', '.join(repr(message)[:200] for message in case.messages[:3])}")
        for name, entries in (("journald", theirs[case.name]), ("sluice", ours[case.name])):
            for entry in entries[:5]:
                values = {field: shown(values) for field, values in sorted(comparable(entry).items())}
                print(f"    {name:9}", dict(list(values.items())[:20]))


def plant(ours, case, change):
    """A copy with the entries of one case changed."""
    return {**ours, case: change([peer.Entry(list(entry.fields)) for entry in ours[case]])}


def altered(entries, field):
    for entry in entries:
        entry.fields = [(name, value + b"!" if name == field else value) for name, value in entry.fields]
    return entries


def self_check(cases, theirs, ours, rows):
    """Each planted difference must be found.  Only the cases that a plant or a row concerns are compared again: the others
    are what they were when nothing was unlisted."""
    if compare(cases, theirs, ours, rows):
        return ["there are unlisted differences already"]
    by_name = {case.name: case for case in cases}
    without = lambda entries: [peer.Entry([f for f in entry.fields if f[0] != "MESSAGE"]) for entry in entries]
    with_more = lambda entries: [peer.Entry([*entry.fields, ("PLANTED", b"1")]) for entry in entries]
    plants = {
        "a changed message": ("journal/usual", lambda entries: altered(entries, "MESSAGE")),
        "a changed field": ("journal/usual", lambda entries: altered(entries, "CODE_LINE")),
        "a changed tag": ("syslog/usual", lambda entries: altered(entries, "SYSLOG_IDENTIFIER")),
        "a changed severity": ("stdout/usual", lambda entries: altered(entries, "PRIORITY")),
        "a field less": ("syslog/usual", without),
        "a field more": ("stdout/usual", with_more),
        "a record less": ("syslog/several", lambda entries: entries[:-1]),
        "a record more": ("stdout/usual", lambda entries: [*entries, entries[0]]),
        "a record of nothing": ("journal/comments-only", lambda entries: [peer.Entry([("MESSAGE", b"m")])]),
        "another order": ("stdout/many-lines", lambda entries: entries[::-1]),
        "a byte of 300 kB": ("journal/memfd-300-kb", lambda entries: altered(entries, "MESSAGE")),
    }
    failures = []
    for name, (case, change) in plants.items():
        if not compare([by_name[case]], theirs, plant(ours, case, change), rows):
            failures.append(f"{name} in {case}: not found")
    for number in range(len(rows)):  # Every row is needed.
        concerned = [case for case in cases if rows[number].concerns([case])]
        if not compare(concerned, theirs, ours, rows[:number] + rows[number + 1 :]):
            failures.append(f"line {rows[number].number}: without this row nothing is missed")
    print(f"self-check: {len(plants)} planted differences and {len(rows)} rows, {len(failures)} wrong")
    return failures


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=programs_folder)
    parser.add_argument("document", type=peer.Path)
    parser.add_argument("--case", default="*")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--plant")
    parser.add_argument("--self-check", action="store_true")
    return parser.parse_args()


def main():
    options = arguments()
    peer.need_namespaces()
    rows = read_table(options.document)
    left_out = 0 if os.geteuid() == 0 else sum(case.sender == "root" for case in CASES)
    cases = [case for case in CASES if fnmatch.fnmatchcase(case.name, options.case)]
    cases = [case for case in cases if case.sender != "root" or os.geteuid() == 0]
    theirs, ours = collect(options.programs, cases)
    if options.show:
        show(cases, theirs, ours)
    if options.plant:
        case, field = options.plant.split(":")
        ours = plant(ours, case, lambda entries: altered(entries, field))
    if options.self_check:
        failures = self_check(cases, theirs, ours, rows)
        print("\n".join(failures) or "every planted difference was found")
        return 1 if failures else 0
    unlisted = compare(cases, theirs, ours, rows)
    report(unlisted, cases)
    unneeded = [row for row in rows if row.used == 0 and row.concerns(cases)] if options.case == "*" else []
    for row in unneeded:
        print(f"UNNEEDED {options.document}:{row.number}: no case differs so: {' '.join(row.cases)}, {row.field}")
    records = [sum(map(len, each.values())) for each in (theirs, ours)]
    if left_out:
        print(f"{left_out} cases are left out: only root can send them")
    print(f"{len(cases)} cases, {records[0]} records of journald and {records[1]} of sluice compared: "
          f"{sum(row.used for row in rows)} deliberate differences, {len(unlisted)} unlisted, {len(unneeded)} rows unneeded")  # fmt: skip
    return 1 if unlisted or unneeded else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except peer.Missing as missing:
        peer.skip(missing)
