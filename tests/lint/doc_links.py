#!/usr/bin/env python3
"""Relative links in the Markdown files of the tree lead to files that exist, and their #fragments to headings.

Usage: doc_links.py ROOT.  Prints "file:line: rule: text"; exit 0 clean, 1 findings, 2 usage.
"""

import re
import sys
from pathlib import Path

from tree import all_files

LINK = re.compile(r"!?\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\[[^\]\n]+\]:\s*<?(\S+?)>?\s*$", re.MULTILINE)
FENCE = re.compile(r"^( *)(```+|~~~+).*?^\1\2`*~*$", re.MULTILINE | re.DOTALL)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def prose(text):
    """The text with code blanked out, line numbers kept."""
    return re.sub(r"`[^`\n]+`", blank, FENCE.sub(blank, text))


def slug(heading):
    """The fragment that forges give a heading."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).strip().lower())
    return kept.replace(" ", "-")


def anchors(path):
    text = FENCE.sub(blank, path.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, re.MULTILINE):
        name, number = slug(heading), 0
        while (name if number == 0 else f"{name}-{number}") in found:
            number += 1
        found.add(name if number == 0 else f"{name}-{number}")
    return found | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def check(root):
    findings = []
    for path in (path for path in all_files(root) if path.suffix == ".md"):
        text = prose(path.read_text(encoding="utf-8"))
        for match in [*LINK.finditer(text), *REFERENCE.finditer(text)]:
            target = match.group(1)
            if SCHEME.match(target):
                continue
            where = f"{path.relative_to(root)}:{text.count(chr(10), 0, match.start()) + 1}"
            name, _, fragment = target.partition("#")
            other = (root / name.lstrip("/") if name.startswith("/") else path.parent / name) if name else path
            if not other.exists():
                findings.append(f"{where}: dead-link: '{target}' does not exist")
            elif fragment and other.suffix == ".md" and fragment not in anchors(other):
                findings.append(f"{where}: dead-fragment: '{target}' names no heading of {other.name}")
    return findings


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    findings = check(Path(arguments[1]))
    print("\n".join([*findings, f"doc_links: {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
