#!/usr/bin/env python3
"""Holds #include and CMake link edges to the table of docs/architecture.md, section "Layers".

 - a file of a layer includes only its own layer and those its row allows, as "layer/file.h" (daemon and cli name files of
   their own folder without it);
 - target_link_libraries() of a layer names only those layers, and every layer that is included is linked (directly, or
   through a layer that is);
 - liburing, yaml-cpp, spdlog, sd-daemon.h and CLI11 appear, in source and in CMake, only where they are at home.

Usage: include_edges.py ROOT.  Exit 0 clean, 1 findings, 2 usage or no table.
"""

import re
import sys
from pathlib import Path

from cpp_tokens import without_comments
from tree import cpp_files

# What is looked for in an #include -> (what is looked for in CMake, the layers that may use it).
SOLE_USERS = {
    r"liburing(\.h|/)": (r"\bLIBURING\b|\bliburing\b|\buring\b", {"io"}),
    r"yaml-cpp/": (r"\byaml-cpp\b", {"daemon"}),
    r"spdlog/": (r"\bspdlog\b", {"daemon"}),
    r"systemd/": (r"\bSYSTEMD\b|\blibsystemd\b", {"daemon"}),
    r"CLI/": (r"\bCLI11\b", {"args"}),
}
TOP_FOLDERS = {"daemon", "cli"}  # Programs, not below the include root: they name their own files as they are.
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
LINK = re.compile(r"target_link_libraries\s*\(([^)]*)\)")


def read_table(document):
    """{layer: set of layers it may include}, from the first pipe table below the heading "## Layers"."""
    section = re.search(r"^## Layers$(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\|([^|\n]*)\|([^|\n]*)", section.group(1), re.MULTILINE) if section else []
    table = {}
    for layer, allowed in rows[2:]:  # Behind the head and the rule below it.
        table[layer.strip()] = set(re.findall(r"[a-z_]+", allowed))
    unknown = set().union(*table.values()) - set(table) if table else set()
    if unknown:
        raise ValueError(f"the table names layers without a row: {', '.join(sorted(unknown))}")
    return table


def folder_of(root, layer):
    inside = root / "lib" / layer
    return inside if inside.is_dir() else root / layer


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_includes(root, layer, table, report):
    """Returns the layers that the files of `layer` include."""
    used = set()
    for path in cpp_files(folder_of(root, layer)):
        text = without_comments(path.read_text(encoding="utf-8"))
        for match in INCLUDE.finditer(text):
            quote, target = match.groups()
            where = f"{path.relative_to(root)}:{line_of(text, match.start())}"
            for pattern, (_, users) in SOLE_USERS.items():
                if re.match(pattern, target) and layer not in users:
                    report(where, "sole-user", f"<{target}> belongs to {' and '.join(sorted(users))} only")
            other = target.split("/")[0]
            beside = layer in TOP_FOLDERS and "/" not in target and (path.parent / target).exists()
            if quote == '"' and not beside and ("/" not in target or other not in table):
                report(where, "include-path", f'"{target}": write "layer/file.h"')
            elif quote == "<" and other in table and "/" in target and not path.name.startswith("pch"):
                if (folder_of(root, other) / target.split("/", 1)[1]).exists():
                    report(where, "include-path", f'<{target}> is ours: write "{target}"')
            if quote == '"' and other in table and other != layer:
                used.add(other)
                if other not in table[layer]:
                    report(where, "include-edge", f'"{target}": {layer} may not include {other}')
    return used


def check_links(root, layer, table, report):
    """Returns the layers that the targets of `layer` link."""
    linked = set()
    cmake = folder_of(root, layer) / "CMakeLists.txt"
    if not cmake.exists():
        return linked
    text = re.sub(r"#[^\n]*", "", cmake.read_text(encoding="utf-8"))
    for match in LINK.finditer(text):
        where = f"{cmake.relative_to(root)}:{line_of(text, match.start())}"
        for other in re.findall(r"\bsluice(?:::|_)([a-z_]+)", match.group(1)):
            if other in table and other != layer:
                linked.add(other)
                if other not in table[layer]:
                    report(where, "link-edge", f"{layer} may not link {other}")
    for pattern, users in SOLE_USERS.values():
        for match in re.finditer(pattern, text):
            if layer not in users:
                where = f"{cmake.relative_to(root)}:{line_of(text, match.start())}"
                report(where, "sole-user", f"{match.group()} belongs to {' and '.join(sorted(users))} only")
    return linked


def closure(layer, links):
    seen, queue = set(), [layer]
    while queue:
        for other in links.get(queue.pop(), set()) - seen:
            seen.add(other)
            queue.append(other)
    return seen


def check(root):
    """Returns the findings ["file:line: rule: text"]."""
    findings = []
    table = read_table((root / "docs" / "architecture.md").read_text(encoding="utf-8"))
    if not table:
        raise ValueError('docs/architecture.md has no table below "## Layers"')
    report = lambda where, rule, text: findings.append(f"{where}: {rule}: {text}")
    present = [layer for layer in table if folder_of(root, layer).is_dir()]
    for folder in sorted((root / "lib").iterdir()) if (root / "lib").is_dir() else []:
        if folder.is_dir() and folder.name not in table and cpp_files(folder):
            report(f"lib/{folder.name}", "no-row", "the layer is not in the table of docs/architecture.md")
    used = {layer: check_includes(root, layer, table, report) for layer in present}
    links = {layer: check_links(root, layer, table, report) for layer in present}
    for layer in present:
        if (folder_of(root, layer) / "CMakeLists.txt").exists():
            for other in sorted(used[layer] - closure(layer, links)):
                report(f"{folder_of(root, layer).relative_to(root)}/CMakeLists.txt", "link-edge",
                       f"{layer} includes {other} and does not link it")  # fmt: skip
    return findings


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        findings = check(Path(arguments[1]))
    except (OSError, ValueError) as error:
        print(f"include_edges: {error}", file=sys.stderr)
        return 2
    print("\n".join([*findings, f"include_edges: {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
