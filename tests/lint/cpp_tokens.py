"""A tokenizer for C++ that is good enough for lints: comments and literals are never mistaken for code.

Tokens are identifiers (keywords too), numbers, literals and punctuators.  Comments vanish.  Preprocessor lines vanish
from the main stream; the bodies of #define are returned as streams of their own.
"""

import re
from typing import NamedTuple


class Token(NamedTuple):
    kind: str  # name, number, string, char, punct
    text: str
    line: int


_TOKEN = re.compile(
    r"""
    (?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)
  | (?P<raw>(?:u8|[uUL])?R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)")
  | (?P<string>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*")
  | (?P<char>(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
  | (?P<number>\.?\d(?:'?[\w.]|(?<=[eEpP])[+-])*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<punct>->\*|<=>|<<=|\.\.\.|->|\+\+|--|&&|\|\||::|[-+*/%&|^=!<>]=|\#\#|.)
  | (?P<space>\s+)
    """,
    re.VERBOSE | re.DOTALL,
)


def _raw_tokens(text, line):
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:  # A newline: "." does match it, so this is unreachable; kept so that a bug ends the loop.
            raise ValueError(f"line {line}: cannot tokenize {text[position : position + 20]!r}")
        kind = match.lastgroup if match.lastgroup != "mark" else "raw"
        piece = match.group()
        if kind == "raw":
            kind = "string"
        if not piece.isspace() and kind != "comment":
            yield Token(kind, piece, line)
        line += piece.count("\n")
        position = match.end()


def _blank(match):
    """Replaces a comment by spaces and its own newlines, so that line numbers stay right."""
    return re.sub(r"[^\n]", " ", match.group())


def without_comments(text):
    """Comments become blanks; literals stay."""
    out, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        out.append(_blank(match) if match.lastgroup == "comment" else match.group())
        position = match.end()
    return "".join(out)


_DEFINE = re.compile(r"\s*#\s*define\s+\w+(?P<parameters>\([^)]*\))?(?P<body>.*)", re.DOTALL)


def tokenize(text):
    """Returns (tokens, macros): the main stream, and one stream per #define body."""
    text = without_comments(text)
    main, macros = [], []
    code, line, start = [], 1, 1
    lines = text.split("\n")
    index = 0
    in_raw = _raw_string_lines(text)
    while index < len(lines):
        if lines[index].lstrip().startswith("#") and index + 1 not in in_raw:
            first = index
            while lines[index].rstrip().endswith("\\") and index + 1 < len(lines):
                index += 1
            directive = "\n".join(part.rstrip().removesuffix("\\") for part in lines[first : index + 1])
            define = _DEFINE.match(directive)
            if define:
                skipped = directive[: define.start("body")].count("\n")
                macros.append(list(_raw_tokens(define.group("body"), first + 1 + skipped)))
            code.extend([""] * (index - first + 1))
        else:
            code.append(lines[index])
        index += 1
    main = list(_raw_tokens("\n".join(code), start))
    return main, macros


def _raw_string_lines(text):
    """The numbers of lines that begin inside a raw string: a '#' there is no directive."""
    inside, line, position = set(), 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        piece = match.group()
        count = piece.count("\n")
        if match.group("raw"):
            inside.update(range(line + 1, line + count + 1))
        line += count
        position = match.end()
    return inside
