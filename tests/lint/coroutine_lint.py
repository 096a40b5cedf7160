#!/usr/bin/env python3
"""Keeps out of the tree what g++ 12 compiles wrongly around co_await (docs/style.md has the table).

The rule: in a full-expression with co_await only names, literals, calls and parenthesised constructors.  The lint does
not know types, so it refuses every braced initialiser, ?:, capture, new and throw there, also those that would be safe.
Of types it knows only this much: the names of structs in the files given that have no constructor and a member that is
not trivial; for those parentheses are as wrong as braces.

Usage: coroutine_lint.py ROOT            every C++ file of the tree
       coroutine_lint.py --files FILE... these files
Prints "file:line: rule: advice" per finding; exit 0 clean, 1 findings, 2 usage.
"""

import re
import sys
from pathlib import Path

from cpp_tokens import tokenize
from tree import cpp_files

ADVICE = {
    "lambda": "a lambda with captures in a full-expression with co_await; name it first, then std::move() it in",
    "brace": "a braced initialiser in a full-expression with co_await; name the object first, or use parentheses",
    "aggregate": "an aggregate with non-trivial members, initialised in a full-expression with co_await; parentheses do not help, "
    "only a constructor does; name the object first",
    "two-awaits": "two co_await in one braced list; await into locals first",
    "conditional": "?: in a full-expression with co_await; use if and else",
    "new": "new in a full-expression with co_await; await into a local first, or make_unique(co_await ...)",
    "throw": "throw in a full-expression with co_await; await into a local first",
    "subscript": "the subscript on the left is evaluated before the co_await on the right; await into a local first",
    "assert": "co_await inside an assertion macro, which may use its argument twice; bind it to a variable first",
    "statement-expression": "a GNU statement expression; use a declaration macro such as SLUICE_CO_TRY",
    "capturing-coroutine": "a coroutine lambda with captures, which die with the lambda; pass them as parameters",
    "alignas": "an over-aligned object in a coroutine frame, which is not over-aligned; keep it behind a pointer",
}
CONTROL = {"if", "while", "for", "switch"}
COROUTINE = {"co_await", "co_return", "co_yield"}
ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
ASSERT = re.compile(r"(EXPECT|ASSERT)_\w+|SLUICE_ASSERT|assert|RC_ASSERT|FAIL_IF")
CLOSER = {"(": ")", "[": "]", "{": "}"}
# A token after which "[" indexes something.  After any other it opens a lambda, a binding or an attribute.
NOT_INDEXABLE = {"return", "co_return", "co_await", "co_yield", "case", "auto", "else", "delete", "throw", "in"}
BLOCK_WORDS = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable", "requires", "volatile"}
TYPE_WORDS = {"class", "struct", "union", "enum", "namespace"}


# Types of members that need a destructor.
NON_TRIVIAL = {"string", "vector", "deque", "map", "set", "unordered_map", "unordered_set", "unique_ptr", "shared_ptr",
               "function", "variant", "any", "list", "Bytes", "Handle", "Error", "Result", "PooledBuffer"}  # fmt: skip


class Source:
    """A token stream with its brackets matched and its braces classified."""

    def __init__(self, tokens):
        self.tokens = tokens
        self.match = {}  # Index of a bracket -> index of its partner.
        self.parent = []  # Index of a token -> index of the bracket around it, or None.
        self.captures = {}  # "{" of a lambda body -> its capture tokens.
        self.lambdas = {}  # "[" of a lambda -> "{" of its body.
        self.kind = {}  # "{" -> block, type, init, lambda, statement.
        self._match_brackets()
        self._find_lambdas()
        for index, token in enumerate(tokens):
            if token.text == "{" and index in self.match and index not in self.kind:
                self.kind[index] = self._classify(index)

    def text(self, index):
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def _match_brackets(self):
        stack = []
        for index, token in enumerate(self.tokens):
            if token.kind == "punct" and token.text in CLOSER.values():
                while stack and CLOSER[self.text(stack[-1])] != token.text:
                    stack.pop()  # Unbalanced, as #if branches can be: give up on the inner one.
                if stack:
                    opener = stack.pop()
                    self.match[opener], self.match[index] = index, opener
            self.parent.append(stack[-1] if stack else None)
            if token.kind == "punct" and token.text in CLOSER:
                stack.append(index)

    def _find_lambdas(self):
        for index, token in enumerate(self.tokens):
            if token.text != "[" or index not in self.match or self.is_subscript(index):
                continue
            if self.text(index + 1) == "[" or self.text(index - 1) in {"[", "auto"}:
                continue  # An attribute, or a structured binding.
            body = self._lambda_body(self.match[index] + 1)
            if body is not None:
                self.lambdas[index] = body
                self.kind[body] = "lambda"
                self.captures[body] = self.tokens[index + 1 : self.match[index]]

    def is_subscript(self, index):
        previous = self.tokens[index - 1] if index > 0 else None
        if previous is None:
            return False
        if previous.kind == "name":
            return previous.text not in NOT_INDEXABLE
        return previous.text in {")", "]"} or previous.kind == "string"

    def _lambda_body(self, index):
        """From behind the "]": the index of the body's "{", or None if this is no lambda."""
        if self.text(index) == "<":
            depth = 0
            while index < len(self.tokens):
                depth += {"<": 1, ">": -1}.get(self.text(index), 0)
                index += 1
                if depth == 0:
                    break
        if self.text(index) == "(":
            index = self.match.get(index, index) + 1
        arrow = False
        while index < len(self.tokens):
            text = self.text(index)
            if text == "{":
                return index if index in self.match else None
            if text == "->":
                arrow = True
            elif text in {"(", "["} and index in self.match:
                index = self.match[index]  # noexcept(...), decltype(...), [[attribute]]
            elif text in {"=", ";", ")", "]", "}"} or (text in {",", ":"} and not arrow):
                return None
            elif not arrow and text not in {"mutable", "noexcept", "constexpr", "consteval", "static", "requires"}:
                return None
            index += 1
        return None

    def _classify(self, index):
        previous = self.tokens[index - 1] if index > 0 else None
        outer = self.parent[index]
        in_list = outer is not None and self.text(outer) == "{" and self.kind.get(outer) == "init"
        if in_list:
            return "init"
        if previous is None or previous.text in {";", "}", "{"}:
            return "block"
        if previous.text == "(":
            inside = range(index + 1, self.match[index])
            ends = any(self.text(i) == ";" and self.parent[i] == index for i in inside)
            if not ends:
                return "init"
            return "statement" if self.text(self.match[index] + 1) == ")" else "block"  # EXPECT_DEATH({ ...; }, "")
        if previous.text == ")" or previous.text in BLOCK_WORDS:
            return "block"
        if previous.text == ":":
            return "block"
        if previous.kind == "string":
            return "block"  # extern "C" {
        if previous.kind == "name" or previous.text in {">", "&", "*", "]", "..."}:
            return self._classify_after_name(index)
        return "init"

    def _classify_after_name(self, index):
        begin = index
        while begin > 0 and not (
            self.text(begin - 1) in {";", "{", "}"} and self.parent[index] in (self.parent[begin - 1], begin - 1)
        ):
            begin -= 1
        head = [i for i in range(begin, index) if self.parent[i] == self.parent[index]]
        words = self._without_template_head([self.text(i) for i in head])
        if any(word in TYPE_WORDS for word in words) and "=" not in words and "(" not in words:
            return "type"
        for number, word in enumerate(words):
            if word == "->" and number > 0 and words[number - 1] in {")", "const", "noexcept", "mutable"}:
                return "block"  # A trailing return type.
        return "init"


    @staticmethod
    def _without_template_head(words):
        while words[:1] == ["template"]:
            depth, index = 0, 1
            while index < len(words):
                depth += {"<": 1, ">": -1}.get(words[index], 0)
                index += 1
                if depth == 0:
                    break
            words = words[index:]
        return words


def nearest_body(source, index):
    """The brace of the function or lambda statement list around a token, and the position of the token at its level."""
    position, outer = index, source.parent[index]
    while outer is not None and source.kind.get(outer) not in {"block", "lambda", "statement", "type"}:
        position, outer = outer, source.parent[outer]
    return outer, position


def region(source, index):
    """The [begin, end) of the statement, condition or for-part around the token at `index`."""
    position, outer = index, source.parent[index]
    while outer is not None and source.kind.get(outer) not in {"block", "lambda", "statement", "type"}:
        before = source.text(outer - 1)
        if before == "constexpr":
            before = source.text(outer - 2)
        if source.text(outer) == "(" and before in CONTROL:
            return _extend(source, position, outer, stop_at_blocks=False)
        position, outer = outer, source.parent[outer]
    return _extend(source, position, outer, stop_at_blocks=True)


def _extend(source, position, outer, stop_at_blocks):
    limit = source.match.get(outer, len(source.tokens)) if outer is not None else len(source.tokens)
    end = position
    while end < limit and source.text(end) != ";":
        if source.text(end) == "{" and source.kind.get(end) in {"block", "type"}:
            break
        end = source.match[end] + 1 if source.text(end) in CLOSER and end in source.match else end + 1
    begin = position
    floor = outer + 1 if outer is not None else 0
    while begin > floor:
        previous = begin - 1
        text = source.text(previous)
        if text == ";" or text in {"else", "do"}:
            break
        if text in {")", "]", "}"} and previous in source.match:
            opener = source.match[previous]
            if stop_at_blocks and text == "}" and source.kind.get(opener) in {"block", "type"}:
                break
            if text == ")" and source.text(opener - 1) in CONTROL | {"constexpr"}:
                break
            begin = opener
        else:
            begin = previous
    return begin, min(end, limit)


def own_tokens(source, begin, end):
    """The indexes in a region that are not inside the body of a lambda."""
    index = begin
    while index < end:
        yield index
        if source.kind.get(index) == "lambda":
            index = source.match[index]
        index += 1


def aggregates_of(tokens):
    """{name: words of its members} of the structs without a constructor."""
    source = Source(tokens)
    found = {}
    for index in (i for i, kind in source.kind.items() if kind == "type"):
        head = index - 1
        while head > 0 and source.text(head) not in {"struct", ";", "{", "}"}:
            head -= 1
        name = source.text(head + 1)
        inside = [i for i in range(index + 1, source.match[index]) if source.parent[i] == index]
        constructed = any(source.text(i) == name and source.text(i + 1) == "(" for i in inside)
        if source.text(head) == "struct" and source.text(head + 2) in {"{", "final"} and not constructed:
            found[name] = {source.text(i) for i in inside if source.text(i + 1) != "("}
    return found


def non_trivial(aggregates):
    """The names of those with a member that needs a destructor, directly or through another of them."""
    bad = set()
    while True:
        more = {name for name, words in aggregates.items() if words & (NON_TRIVIAL | bad)}
        if more == bad:
            return bad
        bad = more


def check_region(source, begin, end, found, aggregates):
    line = lambda i: source.tokens[i].line
    for i in own_tokens(source, begin, end):
        text = source.text(i)
        if i in source.lambdas and source.captures[source.lambdas[i]]:
            found.add((line(i), "lambda"))
        elif text == "{" and source.kind.get(i) == "init":
            inside = [j for j in own_tokens(source, i + 1, source.match[i]) if source.text(j) == "co_await"]
            found.add((line(i), "two-awaits" if len(inside) > 1 else "brace"))
        elif text in aggregates and source.text(i + 1) == "(" and source.text(i + 2) != ")":
            found.add((line(i), "aggregate"))
        elif text == "?":
            found.add((line(i), "conditional"))
        elif source.tokens[i].kind == "name" and text in {"new", "throw"}:
            found.add((line(i), text))
        elif text in ASSIGN and source.parent[i] == source.parent[begin] and source.text(i - 1) != "operator":
            left = list(own_tokens(source, begin, i))
            right = any(source.text(j) == "co_await" for j in own_tokens(source, i, end))
            indexed = [j for j in left if source.text(j) == "[" and source.text(j + 1) != "]" and source.is_subscript(j)]
            if right and indexed:
                found.add((line(i), "subscript"))


def check_stream(tokens, found, aggregates):
    source = Source(tokens)
    seen = set()
    coroutine_bodies = set()
    for index, token in enumerate(tokens):
        if token.text == "{" and source.kind.get(index) == "statement":
            found.add((token.line, "statement-expression"))
        if token.kind != "name" or token.text not in COROUTINE or source.text(index - 1) == "operator":
            continue
        body, _ = nearest_body(source, index)
        while body is not None and source.kind[body] == "block":
            coroutine_bodies.add(body)
            body = nearest_body(source, body)[0]
        if body is not None and source.kind[body] == "lambda":
            coroutine_bodies.add(body)
            if source.captures[body]:
                found.add((source.tokens[body].line, "capturing-coroutine"))
        if token.text != "co_await":
            continue
        outer = source.parent[index]
        while outer is not None and source.kind.get(outer) not in {"block", "lambda", "statement"}:
            if source.text(outer) == "(" and ASSERT.fullmatch(source.text(outer - 1)):
                found.add((token.line, "assert"))
            outer = source.parent[outer]
        bounds = region(source, index)
        if bounds not in seen:
            seen.add(bounds)
            check_region(source, *bounds, found, aggregates)
    for body in coroutine_bodies:
        for i in own_tokens(source, body + 1, source.match[body]):
            if source.text(i) == "alignas" and nearest_body(source, i)[0] in coroutine_bodies:
                found.add((source.tokens[i].line, "alignas"))


def check_text(text, aggregates=frozenset()):
    """Returns the sorted findings [(line, rule)].  `aggregates`: names of non-trivial ones in other files."""
    if "co_" not in text and "({" not in text:
        return []
    found = set()
    code, macros = tokenize(text)
    aggregates = non_trivial(aggregates_of(code)) | aggregates
    for stream in [code, *macros]:
        check_stream(stream, found, aggregates)
    return sorted(found)


def check_files(files):
    """Returns the findings [(path, line, rule)]."""
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    structs = {}
    for text in texts.values():
        if "struct" in text:
            for name, words in aggregates_of(tokenize(text)[0]).items():
                structs.setdefault(name, set()).update(words)  # Namesakes are taken for one.
    aggregates = non_trivial(structs)
    return [(path, line, rule) for path, text in texts.items() for line, rule in check_text(text, aggregates)]


def main(arguments):
    if len(arguments) == 2 and arguments[1] != "--files":
        files = cpp_files(Path(arguments[1]))
    elif len(arguments) > 2 and arguments[1] == "--files":
        files = [Path(name) for name in arguments[2:]]
    else:
        print(__doc__, file=sys.stderr)
        return 2
    findings = check_files(files)
    for path, line, rule in findings:
        print(f"{path}:{line}: {rule}: {ADVICE[rule]}")
    print(f"coroutine_lint: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
