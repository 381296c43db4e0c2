"""Which statements a program has, as spans of its text, and how the lines that ran say which of them did.

A statement's span is the statement; of a compound statement its header only (from the first decorator to the colon):
the statements of its body have spans of their own. Docstrings and comments are no statements; `else:`, `except ...:`,
`finally:` and `case ...:` lines belong to no span, they follow their body (papers.md 3.1, FGO).

Runs inside the zygote as well: standard library only, Python 3.11 to 3.13.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

Span = tuple[int, int]

BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")  # in the order of the text
COMPOUND = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While, ast.With,
    ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
)  # fmt: skip
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SUSPENDED = (ast.Yield, ast.YieldFrom, ast.AsyncFunctionDef)
_LINE_END = re.compile(r"\r\n|\r|\n")
_LONGEST = 1 << 16  # characters of a program that is parsed outside its jail


def statements(program: str) -> list[Span]:
    """Return the spans [start, end) of all statements of a program, in the order of their starts.

    Args:
        program: source text that this interpreter can parse.

    Raises:
        SyntaxError: it cannot.
    """
    tree = ast.parse(program)
    text = Text(program)
    return [text.span(node) for node in walk(tree)]


def most_statements(program: str) -> int:
    """Return a bound on the number of statements, without parsing."""
    return 2 + sum(map(program.count, "\n\r;:"))


def walk(root: ast.AST) -> list[ast.stmt]:
    """Return the statements of a block and of the blocks in it, in the order of the text."""
    found: list[ast.stmt] = []
    pending = [root]
    while pending:  # no recursion: a chain of `elif` is as deep as it is long
        node = pending.pop()
        if isinstance(node, ast.stmt) and node is not root:
            found.append(node)
            if not isinstance(node, COMPOUND):
                continue
        children: list[ast.AST] = []
        for block in BLOCKS:
            inner = getattr(node, block, None)
            if isinstance(inner, list) and inner:
                children += inner[1:] if block == "body" and is_docstring(node, inner[0]) else inner
        pending += reversed(children)
    return found


def is_docstring(parent: ast.AST, first: ast.stmt) -> bool:
    """Whether the first statement of a block is its documentation."""
    return (
        isinstance(parent, _DOCUMENTED)
        and isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


class Text:
    """A program's text, with the way from the parser's lines and UTF-8 columns to characters."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.starts = [0, *(match.end() for match in _LINE_END.finditer(program))]
        self.ascii = program.isascii()

    def offset(self, line: int, column: int) -> int:
        """The character at a line (from 1) and a column in bytes."""
        start = self.starts[line - 1]
        if self.ascii:
            return start + column
        end = self.starts[line] if line < len(self.starts) else len(self.program)
        return start + len(self.program[start:end].encode()[:column].decode())

    def span(self, node: ast.stmt) -> Span:
        """The span of a statement; of a compound one that of its header."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self.offset(node.lineno, node.col_offset)
        if not isinstance(node, COMPOUND):
            return start, self.offset(node.end_lineno, node.end_col_offset)
        line, column = _header_end(node)
        end = self._colon(self.offset(line, column))
        decorators = getattr(node, "decorator_list", None)
        if decorators:
            first = self.offset(decorators[0].lineno, decorators[0].col_offset)
            start = self.program.rindex("@", 0, first)
        return start, end

    def _colon(self, position: int) -> int:
        """Return the position after the first colon outside comments."""
        program = self.program
        while program[position] != ":":
            if program[position] == "#":
                ending = _LINE_END.search(program, position)
                position = ending.end() if ending else len(program)
            else:
                position += 1
        return position + 1


def _header_end(node: ast.stmt) -> tuple[int, int]:
    """Return line and column where the last expression of a compound statement's header ends, or its own start."""
    last = (node.lineno, node.col_offset)
    for name, value in ast.iter_fields(node):
        if name in BLOCKS or name == "decorator_list":
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                last = max([last, *_ends(part)])
    return last


def _ends(part: ast.AST) -> list[tuple[int, int]]:
    line = getattr(part, "end_lineno", None)
    if line is not None:
        return [(line, getattr(part, "end_col_offset", 0))]
    return [end for child in ast.iter_child_nodes(part) for end in _ends(child)]


@dataclass(frozen=True)
class Layout:
    """Where a program's statements are, and in which slots of a row of bytes it is noted that they ran.

    A row has a slot for each line (from 1), and one for each mark: a place where a statement begins on a line that it
    shares with another, so that the line alone would not tell.

    Attributes:
        spans: of the statements, in the order of their starts.
        slots: of each statement; it ran if one of them is set.
        marks: (line, column in UTF-8 bytes) of the marks, in order.
        pads: numbers of the statements that make no code of their own: `global`, a `pass` behind a colon.
        width: slots of a row.
    """

    spans: tuple[Span, ...]
    slots: tuple[tuple[int, ...], ...]
    marks: tuple[tuple[int, int], ...]
    pads: tuple[int, ...]
    width: int

    def executed(self, row: bytes) -> tuple[Span, ...]:
        """The statements that ran, by a row of bytes, which may be shorter than it should."""
        known = row.ljust(self.width, b"\0")
        return tuple(
            span for span, slots in zip(self.spans, self.slots, strict=True) if any(known[slot] for slot in slots)
        )


def most_lines(program: str) -> int:
    """Return one more than a bound on the number of lines."""
    return 2 + program.count("\n") + program.count("\r")


def layout(program: str) -> Layout | None:
    """Lay out a program that may be hostile; None where this interpreter cannot, or rows could not tell."""
    if len(program) > _LONGEST:
        return None
    try:
        tree = compile(program, "<program>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        return _layout(program, tree)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return None


def _layout(program: str, tree: ast.AST) -> Layout | None:
    nodes = walk(tree)
    text = Text(program)
    spans = tuple([text.span(node) for node in nodes])
    owner = _owners(nodes, spans, text)
    lines = most_lines(program)
    marks: list[tuple[int, int]] = []
    slots: list[list[int]] = [[] for _ in nodes]
    pads = []
    for line, index in owner.items():
        if index >= 0:
            slots[index].append(line)
    for index, node in enumerate(nodes):
        if _has_no_code(node) or (owner[node.lineno] < 0 and _may_vanish(node)):
            pads.append(index)
        if owner[node.lineno] < 0:
            slots[index].append(lines + len(marks))
            marks.append((node.lineno, node.col_offset))
    if marks and any(isinstance(node, _SUSPENDED) for node in ast.walk(tree)):
        return None  # Python 3.12 leaves out events of some instructions in generators and coroutines
    return Layout(spans, tuple(map(tuple, slots)), tuple(marks), tuple(pads), lines + len(marks))


def _owners(nodes: list[ast.stmt], spans: Sequence[Span], text: Text) -> dict[int, int]:
    """Return for each line the statement whose span touches it, or -1 where it shares the line."""
    owner: dict[int, int] = {}
    for index, node in enumerate(nodes):
        if isinstance(node, ast.Try | ast.TryStar | ast.Match):
            for case in node.cases if isinstance(node, ast.Match) else node.handlers:
                body = case.body[0]
                start = text.starts[body.lineno - 1]
                if text.program[start : text.offset(body.lineno, body.col_offset)].strip():
                    owner[body.lineno] = -1  # its header is on the same line and belongs to no statement
        for line in _lines_of(node, spans[index][1], text):
            owner[line] = -1 if line in owner else index
    return owner


def _has_no_code(node: ast.stmt) -> bool:
    return isinstance(node, ast.Global | ast.Nonlocal) or (isinstance(node, ast.AnnAssign) and node.value is None)


def _may_vanish(node: ast.stmt) -> bool:
    """Whether the compiler may leave nothing of a statement that shares its line."""
    if isinstance(node, ast.Pass | ast.Break | ast.Continue | ast.Try | ast.TryStar):
        return True
    test = node.value if isinstance(node, ast.Expr) else getattr(node, "test", None)
    return test is not None and not any(isinstance(part, ast.Name) for part in ast.walk(test))


def choose(tracer: str, program: str, monitors: bool) -> tuple[str, Layout | None]:
    """Return the tracer that is used for a program, and its layout where that is "monitoring".

    Args:
        tracer: that was asked for.
        program: may be hostile.
        monitors: the interpreter that runs it has `sys.monitoring`.
    """
    if tracer in ("fast", "monitoring") and monitors:
        found = layout(program)
        if found is not None:
            return "monitoring", found
    return ("coverage" if tracer == "coverage" else "probes"), None


def touched_lines(nodes: list[ast.stmt], spans: list[Span], text: Text) -> dict[int, list[int]]:
    """Return for every line the statements whose span touches it."""
    found: dict[int, list[int]] = {}
    for index, (node, (_, end)) in enumerate(zip(nodes, spans, strict=True)):
        for line in _lines_of(node, end, text):
            found.setdefault(line, []).append(index)
    return found


def _lines_of(node: ast.stmt, end: int, text: Text) -> range:
    """The lines that a statement's span touches, which ends at a character."""
    first, last = node.lineno, node.end_lineno or node.lineno
    if isinstance(node, COMPOUND):
        decorators = getattr(node, "decorator_list", None)
        if decorators:
            first = min(first, decorators[0].lineno)
        last = first
        while last < len(text.starts) and text.starts[last] < end:
            last += 1
    return range(first, last + 1)
