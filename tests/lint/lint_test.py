#!/usr/bin/env python3
"""Proof that each lint finds what it is for: planted violations are found, all and on their lines; clean trees pass."""

import json
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import coroutine_lint
import doc_links
import each_file_compiles
import include_edges
import repo_lint
from cpp_tokens import tokenize

HERE = Path(__file__).resolve().parent
PLANTED = HERE / "planted"


def rules(findings):
    """["a.h:3: tab: ..."] -> ["a.h:3 tab"]"""
    return sorted(re.sub(r"^([^ ]+): ([\w-]+): .*", r"\1 \2", finding) for finding in findings)


class TreeTest(unittest.TestCase):
    """Checks functions on small trees: files by name, created in a scratch folder."""

    def tree(self, files):
        root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, root)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode("utf-8"))
        return root


class Tokenizer(unittest.TestCase):
    def texts(self, source):
        return [token.text for token in tokenize(source)[0]]

    def test_comments_and_literals_are_not_code(self):
        source = "a /* b \" */ c // d ' \\\n e\n\"f // g\" 'h' R\"(i \" j)\" 1'000 k"
        self.assertEqual(self.texts(source), ["a", "c", '"f // g"', "'h'", 'R"(i " j)"', "1'000", "k"])

    def test_lines_are_those_of_the_file(self):
        tokens, _ = tokenize('/* 1\n2 */ a\n#if X \\\n  && Y\nb R"(\n# 6\n)" c')
        self.assertEqual([(t.text, t.line) for t in tokens if t.kind == "name"], [("a", 2), ("b", 5), ("c", 7)])

    def test_define_bodies_are_streams_of_their_own(self):
        tokens, macros = tokenize("#define A(x) \\\n  f(x)\nint a;\n#define B 1\n")
        self.assertEqual([t.text for t in tokens], ["int", "a", ";"])
        self.assertEqual([[(t.text, t.line) for t in m] for m in macros],
                         [[("f", 2), ("(", 2), ("x", 2), (")", 2)], [("1", 4)]])  # fmt: skip


class EachFileCompiles(TreeTest):
    def test_only_what_needs_its_neighbour_is_found(self):
        root = self.tree({"whole.cpp": "int a; int b = a;\n", "part.cpp": "int c = a;\n"})
        database = root / "build" / "compile_commands.json"
        database.parent.mkdir()
        database.write_text(json.dumps([
            {"directory": str(root), "file": str(root / name), "command": f"c++ -c {name}"} for name in ("whole.cpp", "part.cpp")]))
        wrong, count = each_file_compiles.check_all(database)
        self.assertEqual(list(wrong), [str(root / "part.cpp")])
        self.assertIn("int c = a", wrong[str(root / "part.cpp")])
        self.assertEqual(count, 2)


class CoroutineLint(unittest.TestCase):
    def test_finds_every_planted_violation_and_nothing_else(self):
        files = sorted((PLANTED / "coroutine").glob("*.cpp"))
        planted = set()
        for path in files:
            text = path.read_text(encoding="utf-8")
            expected = [(number, rule) for number, line in enumerate(text.split("\n"), 1)
                        for rule in re.findall(r"// EXPECT (\S+)$", line)]  # fmt: skip
            planted.update(rule for _, rule in expected)
            self.assertTrue(expected, path)
            self.assertEqual(coroutine_lint.check_text(text), sorted(expected), path.name)
        self.assertEqual(planted, set(coroutine_lint.ADVICE), "a rule without a planted violation proves nothing")

    def test_passes_the_safe_forms(self):
        for path in (PLANTED / "coroutine_clean").glob("*.cpp"):
            self.assertEqual(coroutine_lint.check_text(path.read_text(encoding="utf-8")), [], path.name)

    def test_command_fails_on_a_planted_file_and_passes_on_a_clean_one(self):
        planted = str(PLANTED / "coroutine" / "brace.cpp")
        clean = str(PLANTED / "coroutine_clean" / "safe_forms.cpp")
        self.assertEqual(coroutine_lint.main(["lint", "--files", planted]), 1)
        self.assertEqual(coroutine_lint.main(["lint", "--files", clean]), 0)
        self.assertEqual(coroutine_lint.main(["lint"]), 2)


class IncludeEdges(TreeTest):
    def test_finds_every_planted_violation(self):
        findings = include_edges.check(PLANTED / "edges")
        self.assertEqual(
            rules(findings),
            sorted([
                "lib/base/a.h:3 include-edge",
                "lib/base/a.h:4 sole-user",
                "lib/base/a.h:5 include-path",
                "lib/base/a.h:6 sole-user",
                "lib/coro/CMakeLists.txt:2 link-edge",
                "lib/coro/CMakeLists.txt:3 sole-user",
                "lib/io/CMakeLists.txt link-edge",
                "lib/stray no-row",
            ]),
        )  # fmt: skip
        self.assertEqual(include_edges.main(["lint", str(PLANTED / "edges")]), 1)

    def test_passes_the_clean_tree(self):
        self.assertEqual(include_edges.check(PLANTED / "edges_clean"), [])
        self.assertEqual(include_edges.main(["lint", str(PLANTED / "edges_clean")]), 0)

    def test_missing_table_or_unknown_layer_is_an_error_and_no_pass(self):
        root = self.tree({"docs/architecture.md": "# Architecture\n\n## Layers\nNo table.\n"})
        self.assertEqual(include_edges.main(["lint", str(root)]), 2)
        root = self.tree({"docs/architecture.md": "## Layers\n\n| layer | may |\n|-|-|\n| a | b |\n"})
        self.assertEqual(include_edges.main(["lint", str(root)]), 2)


class RepoLint(TreeTest):
    CLEAN = "// A header.\n#pragma once\n\nint x;\n"

    def findings(self, files):
        return rules(repo_lint.check(self.tree(files)))

    def test_passes_a_clean_tree(self):
        long = self.CLEAN + "// line\n" * 496
        files = {"lib/a/a.h": self.CLEAN, "lib/a/b.h": long, "tests/long.cpp": "//\n" * 600, "bin.dat": "\0\t \n"}
        files["lib/a/c.h"] = '/* For C. */\n#ifndef C_H\n#define C_H\n#ifdef __cplusplus\nextern "C" {}\n#endif\n#endif\n'
        files["README.md"] = "a framework/worker, /workers, and worked examples\n"
        self.assertEqual(self.findings(files), [])

    def test_finds_white_space(self):
        found = self.findings({"a.cpp": "int a;\n\tint b;\nint c; \nint d;\r\n", "b.md": "text", "c.py": "x = 1\n\n"})
        self.assertEqual(found, ["a.cpp:2 tab", "a.cpp:3 trailing-space", "a.cpp:4 cr", "b.md:1 last-line",
                                 "c.py:2 last-line"])  # fmt: skip

    def test_finds_missing_guard_and_long_file(self):
        long = self.CLEAN + "// line\n" * 497
        found = self.findings({"lib/a/a.h": "int x;\n", "lib/a/b.h": long, "cli/c.cpp": "//\n" * 501})
        self.assertEqual(found, ["cli/c.cpp:501 size", "lib/a/a.h:1 guard", "lib/a/b.h:501 size"])

    def test_finds_notes_machine_paths_and_registries(self):
        lines = ["// TO" "DO: later", "# FIX" "ME", "cd /wo" "rk/main", "see ../sha" "red/x.md", "the .lib" "rary",
                 "pip from https://py" "pi.org/simple", "the methodology of work"]  # fmt: skip
        found = self.findings({"a.md": "\n".join(lines) + "\n"})
        kinds = ["note", "note", "machine-path", "machine-path", "machine-path", "registry"]
        self.assertEqual(found, [f"a.md:{number} {rule}" for number, rule in enumerate(kinds, 1)])

    @unittest.skipUnless(shutil.which("clang-format-19"), "clang-format-19 is not installed")
    def test_finds_unformatted_code(self):
        style = (HERE.parent.parent / ".clang-format").read_text(encoding="utf-8")
        root = self.tree({".clang-format": style, "a.h": "int  x ;\n", "b.h": "int y;\n"})
        self.assertEqual([finding.split(":")[1].strip() for finding in repo_lint.check_format(root)], ["format"])
        (root / "a.h").write_text("int x;\n", encoding="utf-8")
        self.assertEqual(repo_lint.check_format(root), [])


class DocLinks(TreeTest):
    def test_passes_links_that_lead_somewhere(self):
        root = self.tree({
            "README.md": "[a](docs/a.md#the-heading) [b](docs/) [web](https://example.org/x) [c](#top)\n# Top\n"
                         "```\n[not](a-link.md)\n```\nand `[neither](this.md)`\n",
            "docs/a.md": "## The `heading`\n[up](../README.md) ![i](../i.png)\n\n[r]: a.md\n",
            "i.png": "x",
        })  # fmt: skip
        self.assertEqual(doc_links.check(root), [])

    def test_finds_dead_links_and_fragments(self):
        root = self.tree({"README.md": "text\n[a](docs/none.md)\n[b](docs/a.md#none)\n", "docs/a.md": "[x](y.md)\n"})
        self.assertEqual(rules(doc_links.check(root)),
                         ["README.md:2 dead-link", "README.md:3 dead-fragment", "docs/a.md:1 dead-link"])  # fmt: skip
        self.assertEqual(doc_links.main(["lint", str(root)]), 1)


if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__))
    unittest.main(verbosity=2)
