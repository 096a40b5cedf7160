"""Finds the places of a C++ file that can be mutated, with libclang.

find(path, arguments) -> [Mutant].  A mutant is one or more edits of ranges of bytes; the ranges of all edits of a file are
nested or disjoint, so that all mutants of a file go into one text (schema.py).
"""

import ctypes
import re
from dataclasses import dataclass, field
from pathlib import Path

from clang import cindex
from clang.cindex import Config, CursorKind, TypeKind

Config.set_library_file("/usr/lib/llvm-19/lib/libclang-19.so.1")

OPPOSITES = {b"<": b"<=", b"<=": b"<", b">": b">=", b">=": b">", b"==": b"!=", b"!=": b"=="}
KINDS = {b"<": "bound", b"<=": "bound", b">": "bound", b">=": "bound", b"==": "equality", b"!=": "equality"}
OPPOSITES |= {b"+": b"-", b"-": b"+", b"*": b"/", b"/": b"*", b"&&": b"||", b"||": b"&&"}
KINDS |= {b"+": "arithmetic", b"-": "arithmetic", b"*": "arithmetic", b"/": "arithmetic", b"&&": "and-or", b"||": "and-or"}
NUMBER = re.compile(rb"(0[xX][0-9a-fA-F']+|[0-9][0-9']*)[uUlLzZ]*\Z")
COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
RETURNS = re.compile(rb"(co_)?return\b")
ERROR = re.compile(rb"(co_)?return\s+(::)?(sluice::)?(fail|fail_errno|std::unexpected|std::move\(\w+\)\.error|Error)\b")
ASSIGNMENT = re.compile(rb"(\+\+|--)|[\w.>\[\]*():-]+(\+\+|--|\s*([-+*/%|&^]|<<|>>)?=[^=])")
# The order of the arguments says nothing.
SYMMETRIC = {"min", "max", "swap", "equal", "exchange"}
FUNCTIONS = {
    CursorKind.FUNCTION_DECL, CursorKind.CXX_METHOD, CursorKind.CONSTRUCTOR, CursorKind.DESTRUCTOR,
    CursorKind.CONVERSION_FUNCTION, CursorKind.FUNCTION_TEMPLATE, CursorKind.LAMBDA_EXPR,
}  # fmt: skip
# Neither these nor what is in them: the value is needed when compiling.
CONSTANT = {
    CursorKind.STATIC_ASSERT, CursorKind.ENUM_DECL, CursorKind.TEMPLATE_TYPE_PARAMETER, CursorKind.TEMPLATE_NON_TYPE_PARAMETER,
    CursorKind.TEMPLATE_TEMPLATE_PARAMETER, CursorKind.TYPE_ALIAS_DECL, CursorKind.TYPEDEF_DECL,
    CursorKind.CXX_UNARY_EXPR, CursorKind.CONCEPT_DECL, CursorKind.REQUIRES_EXPR, CursorKind.FRIEND_DECL,
    CursorKind.TYPE_ALIAS_TEMPLATE_DECL,
}  # fmt: skip
LOOPS = {CursorKind.WHILE_STMT, CursorKind.DO_STMT, CursorKind.FOR_STMT}
# What edits of one range are wrapped by, inside first.
ORDER = {"choice": 0, "succeed": 1, "operand": 2, "condition": 3, "success": 4, "skip": 5}


@dataclass
class Edit:
    begin: int
    end: int
    form: str  # One of ORDER.
    text: bytes = b""  # What stands there in the mutant; of form "condition": negated, true or false.


@dataclass
class Mutant:
    kind: str
    old: bytes
    new: bytes
    edits: list[Edit] = field(default_factory=list)
    file: str = ""
    line: int = 0
    number: int = 0


def register_file_location():
    # The bindings know where a macro is used only, not where its argument stands.
    pointer = ctypes.POINTER
    function = Config().lib.clang_getFileLocation
    function.argtypes = [
        cindex.SourceLocation, pointer(cindex.c_object_p), pointer(ctypes.c_uint), pointer(ctypes.c_uint), pointer(ctypes.c_uint),
    ]  # fmt: skip
    function.restype = None
    return function


FILE_LOCATION = register_file_location()


def offset_of(location):
    file, line, column, offset = cindex.c_object_p(), ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    FILE_LOCATION(location, file, line, column, offset)
    return offset.value


class Finder:
    def __init__(self, path, arguments):
        self.text = path.read_bytes()
        self.found = {}  # (kind, ranges, texts) -> Mutant
        self.path = str(path)
        options = cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
        self.unit = cindex.Index.create().parse(self.path, args=arguments, options=options)
        errors = [str(d) for d in self.unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if errors:
            raise RuntimeError(f"{path} does not parse: {errors[0]}")
        self.macros = []
        for cursor in self.unit.cursor.get_children():
            if cursor.kind == CursorKind.MACRO_INSTANTIATION and self.is_here(cursor):
                extent = cursor.extent
                self.macros.append((extent.start.offset, extent.end.offset, cursor.spelling))
        self.code = COMMENT.sub(lambda m: re.sub(rb"[^\n]", b" ", m.group()), self.text)

    def is_here(self, cursor):
        file = cursor.location.file
        return file is not None and file.name == self.path

    # Returns None for what stands in the body of a macro.
    def range(self, cursor):
        begin, end = offset_of(cursor.extent.start), offset_of(cursor.extent.end)
        if end <= begin:
            return None
        for macro_begin, macro_end, name in self.macros:
            if macro_end <= begin or end <= macro_begin or (begin <= macro_begin and macro_end <= end and
                                                            (begin, end) != (macro_begin, macro_end)):  # fmt: skip
                continue
            inside = macro_begin + len(name) < begin and end < macro_end
            if not inside or "ASSERT" in name or name == "assert":
                return None
        return begin, end

    def add(self, kind, old, new, *edits, line_of=None):
        begin = edits[0].begin if line_of is None else line_of
        key = (kind, new, tuple((e.begin, e.end, e.form, e.text) for e in edits))
        if key not in self.found:
            self.found[key] = Mutant(kind, old, new, list(edits), line=self.text.count(b"\n", 0, begin) + 1)

    def source(self, span):  # Without comments, which would swallow what is put behind them.
        return self.code[span[0] : span[1]]

    # ---- what is mutated ----

    def condition(self, cursor, loop=False):
        span = self.range(cursor)
        if span is None or b"co_await" in self.source(span) or cursor.kind in (CursorKind.CXX_BOOL_LITERAL_EXPR, CursorKind.VAR_DECL):
            return
        old = self.source(span)
        self.add("condition-negated", old, b"!(" + old + b")", Edit(*span, "condition", b"negated"))
        if not loop:  # An endless loop would only cost its time limit.
            self.add("condition-true", old, b"true", Edit(*span, "condition", b"true"))
        self.add("condition-false", old, b"false", Edit(*span, "condition", b"false"))

    def binary(self, cursor, children):
        spans = [self.range(child) for child in (children[0], children[-1])]
        span = self.range(cursor)
        if span is None or None in spans or spans[0][1] > spans[1][0]:
            return
        operator = self.code[spans[0][1] : spans[1][0]].strip()
        other = OPPOSITES.get(operator)
        old = self.source(span)
        if other is None or b"co_await" in old or spans[0][0] != span[0] or spans[1][1] != span[1]:
            return
        if KINDS[operator] == "arithmetic":
            kinds = [child.type.get_canonical().kind for child in (children[0], children[-1])]
            if TypeKind.POINTER in kinds or cursor.kind != CursorKind.BINARY_OPERATOR:
                return
        new = self.source(spans[0]) + b" " + other + b" " + self.source(spans[1])
        self.add(KINDS[operator], old, new, Edit(*span, "choice", new))
        if operator in (b"&&", b"||"):
            value = b"true" if operator == b"&&" else b"false"
            for operand in spans:
                self.add("operand-dropped", self.source(operand), value, Edit(*operand, "operand", value))

    def literal(self, cursor):
        span = self.range(cursor)
        if span is None:
            return
        old = self.source(span)
        if cursor.kind == CursorKind.CXX_BOOL_LITERAL_EXPR:
            if old in (b"true", b"false"):
                new = b"false" if old == b"true" else b"true"
                self.add("constant", old, new, Edit(*span, "choice", new))
        elif NUMBER.match(old):
            self.add("constant", old, old + b" + 1", Edit(*span, "choice", old + b" + 1"))

    def statement(self, cursor, results):
        span = self.range(cursor)
        if span is None:
            return
        match = re.compile(rb"\s*;").match(self.code, span[1])
        if not match:
            return
        span = (span[0], match.end())
        old = self.source(span)
        if RETURNS.match(old):
            if ERROR.match(old) and results and results[-1] is not None:
                new = (b"co_return " if old.startswith(b"co_") else b"return ") + results[-1].encode() + b"{};"
                self.add("error-dropped", old, new, Edit(*span, "success", new))
            return
        if not cursor.kind.is_expression():
            return
        if ASSIGNMENT.match(old):
            kind = "assignment-dropped"
        elif b"(" in old:
            kind = "call-dropped"
        else:
            return
        self.add(kind, old, b"", Edit(*span, "skip"))

    def macro(self, begin, end, name):
        if name not in ("SLUICE_TRY", "SLUICE_CO_TRY", "SLUICE_CHECK", "SLUICE_CO_CHECK"):
            return
        inside = self.code[begin:end]
        first = inside.index(b"(") + 1
        if name.endswith("TRY"):
            first = split_at_comma(inside, first)
        last = inside.rindex(b")")
        argument = inside[first:last]
        first += len(argument) - len(argument.lstrip())
        span = (begin + first, begin + last)
        statement = self.text[begin : end + 1]
        self.add("error-dropped", statement, b"error ignored", Edit(*span, "succeed"), line_of=begin)
        if name.endswith("CHECK") and self.text[end : end + 1] == b";":
            self.add("call-dropped", statement, b"", Edit(begin, end + 1, "skip"))

    def arguments(self, cursor):
        if cursor.spelling in SYMMETRIC or cursor.spelling.startswith("operator"):
            return
        values = list(cursor.get_arguments())
        for left, right in zip(values, values[1:]):
            if left is None or right is None:
                continue
            types = [value.type.get_canonical().spelling.replace("const ", "") for value in (left, right)]
            spans = [self.range(value) for value in (left, right)]
            if types[0] != types[1] or None in spans or "(lambda" in types[0] or "dependent" in types[0] or not types[0]:
                continue
            a, b = map(self.source, spans)
            if a == b or b"co_await" in a + b or a[:1] == b"{" or b[:1] == b"{" or spans[0][1] > spans[1][0]:
                continue
            if not self.code[spans[0][1] : spans[1][0]].strip() == b",":
                continue
            old = self.text[spans[0][0] : spans[1][1]]
            self.add("arguments-swapped", old, b + b", " + a, Edit(*spans[0], "choice", b), Edit(*spans[1], "choice", a))

    # ---- the walk ----

    def walk(self, cursor, results):
        kind = cursor.kind
        if kind in CONSTANT:
            return
        children = list(cursor.get_children())
        span = None
        if kind.is_statement() or kind.is_expression():
            begin = offset_of(cursor.extent.start)
            head = self.code[begin : begin + 10]
            if re.match(rb"co_(await|return|yield)\b", head) and kind in (CursorKind.UNEXPOSED_EXPR, CursorKind.UNEXPOSED_STMT):
                children = children[:1]  # The others are what the compiler makes of it.
                span = self.range(cursor)
                if span and head.startswith(b"co_return") and children:
                    self.returned(children[0])
        if kind in FUNCTIONS:
            if re.search(rb"\bconsteval\b", self.code[cursor.extent.start.offset : cursor.location.offset]):
                return
            results = [*results, self.result(cursor)]
            children = [c for c in children if c.kind != CursorKind.UNEXPOSED_EXPR or kind == CursorKind.CONSTRUCTOR or
                        kind == CursorKind.LAMBDA_EXPR]  # fmt: skip
        elif kind == CursorKind.VAR_DECL:
            begin = cursor.extent.start.offset
            if re.search(rb"\b(constexpr|constinit)\b", self.code[begin : cursor.location.offset]):
                return
            children = [c for c in children if c.extent.start.offset > cursor.location.offset]
            if cursor.type.get_canonical().kind == TypeKind.CONSTANTARRAY:
                children = [c for c in children if c.kind == CursorKind.INIT_LIST_EXPR]
        elif kind == CursorKind.FIELD_DECL:
            if cursor.is_bitfield() or cursor.type.get_canonical().kind == TypeKind.CONSTANTARRAY:
                return
            children = [c for c in children if c.extent.start.offset > cursor.location.offset]
        elif kind == CursorKind.DECL_REF_EXPR:
            return
        elif kind == CursorKind.MEMBER_REF_EXPR:
            children = children[:1]
        elif kind == CursorKind.CASE_STMT:
            children = children[-1:]
        elif kind == CursorKind.IF_STMT:
            begin = offset_of(cursor.extent.start)
            if re.match(rb"if\s+(constexpr|consteval|!\s*consteval)\b", self.code[begin : begin + 30]):
                children = [c for c in children if c.kind.is_statement()]
            else:
                conditions = [c for c in children if c.kind.is_expression()]
                if conditions and offset_of(conditions[0].extent.start) < offset_of(children[-1].extent.start):
                    self.condition(conditions[0])
        elif kind in LOOPS:
            for condition in [c for c in children if c.kind.is_expression()][: 1 if kind != CursorKind.FOR_STMT else 0]:
                self.condition(condition, loop=True)
            if kind == CursorKind.FOR_STMT:
                self.for_condition(cursor, children)
        elif kind == CursorKind.CONDITIONAL_OPERATOR:
            self.condition(children[0])
        elif kind == CursorKind.BINARY_OPERATOR and len(children) == 2:
            self.binary(cursor, children)
        elif kind == CursorKind.CALL_EXPR:
            if cursor.spelling.startswith("operator") and len(children) == 3:
                self.binary(cursor, children)
            self.arguments(cursor)
        elif kind in (CursorKind.INTEGER_LITERAL, CursorKind.CXX_BOOL_LITERAL_EXPR):
            self.literal(cursor)
        elif kind == CursorKind.RETURN_STMT and children:
            self.returned(children[0])
        if kind in (CursorKind.COMPOUND_STMT, CursorKind.CASE_STMT, CursorKind.DEFAULT_STMT):
            for child in children:
                self.statement(child, results)
        for child in children:
            self.walk(child, results)

    def for_condition(self, cursor, children):
        begin = offset_of(cursor.extent.start)
        end = offset_of(children[-1].extent.start)
        semicolons = [begin + i for i, c in enumerate(self.code[begin:end]) if c == ord(";")]
        if len(semicolons) < 2:
            return
        for child in children[:-1]:
            start = offset_of(child.extent.start)
            if child.kind.is_expression() and semicolons[0] < start < semicolons[1]:
                self.condition(child, loop=True)

    def returned(self, value):
        if value.type.get_canonical().kind == TypeKind.BOOL:
            self.condition(value)

    # The text of the type a function gives, or the coroutine's; None where it has none that could be a success.
    def result(self, cursor):
        if cursor.kind in (CursorKind.LAMBDA_EXPR, CursorKind.CONSTRUCTOR, CursorKind.DESTRUCTOR):
            return None
        type_ = cursor.result_type.get_canonical()
        if type_.get_num_template_arguments() == 1 and "Task" in type_.spelling:
            type_ = type_.get_template_argument_type(0).get_canonical()
        return type_.spelling if "expected<" in type_.spelling else None

    def run(self):
        for cursor in self.unit.cursor.get_children():
            if cursor.kind.is_preprocessing() or not self.is_here(cursor):
                continue
            self.walk(cursor, [])
        for macro in self.macros:
            self.macro(*macro)
        conditions = {(e.begin, e.end) for m in self.found.values() for e in m.edits if e.form == "condition"}
        found = [m for m in self.found.values()
                 if m.kind != "equality" or (m.edits[0].begin, m.edits[0].end) not in conditions]  # Negated already.
        return sorted(found, key=lambda m: (m.edits[0].begin, -m.edits[0].end, m.kind, m.new))


def split_at_comma(text, begin):
    depth = 0
    for i in range(begin, len(text)):
        if text[i] in b"([{":
            depth += 1
        elif text[i] in b")]}":
            depth -= 1
        elif text[i] == ord(",") and depth == 0:
            return i + 1
    raise ValueError(text)


# With the compiler's precompiled header the places of macros are not known: the header is read itself, under a name beside
# which the compiler finds no precompiled one.
def without_precompiled(arguments):
    kept = []
    for argument in arguments:
        if argument.endswith("cmake_pch.hxx"):
            header = Path(argument)
            plain = header.with_name("plain.hxx")
            if not plain.exists() or plain.read_bytes() != header.read_bytes():
                plain.write_bytes(header.read_bytes())
            argument = str(plain)
        if not argument.endswith(".pch") and argument not in ("-Xclang", "-include-pch", "-Winvalid-pch"):
            kept.append(argument)
    return kept


def find(path, arguments):
    return Finder(path, without_precompiled(arguments)).run()
