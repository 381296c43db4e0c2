"""Which statements of a program ran, as spans of its text, recorded so that a killed program keeps its record.

A statement's span is the statement; of a compound statement its header only (from the first decorator to the colon):
the statements of its body have spans of their own. Docstrings and comments are no statements; `else:`, `except ...:`,
`finally:` and `case ...:` lines belong to no span, they follow their body (papers.md 3.1, FGO).

Three tracers record one byte per statement into memory that the judge also maps, one row per call:

* "probes" puts `.c[i] = 1` before each statement of the syntax tree. `.c` is no name a program can write, and lives in
  builtins, so globals, locals, line numbers, docstrings and stack depth stay as they were.
* "monitoring" (Python 3.12 and later) listens to each line once through `sys.monitoring`: nearly free. Lines cannot
  tell two statements on one line apart and some statements have no code, so programs with such lines get probes.
* "coverage" asks coverage.py, the reference: slow, and lost when the program is killed.

"fast" takes "monitoring" where it exists and is exact, else "probes".

Runs inside the zygote as well: standard library only, Python 3.11 to 3.13.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

Span = tuple[int, int]

probed_builtins: list[dict[str, Any]] = [vars(builtins)]
"""Every namespace of builtins that a program may see."""

PROBE = ".c"
"""Name under which instrumented code finds its row: no identifier, so no program can use it by accident."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")  # in the order of the text
_COMPOUND = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While, ast.With,
    ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
)  # fmt: skip
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def statements(program: str) -> list[Span]:
    """Return the spans [start, end) of all statements of a program, in the order of their starts.

    Args:
        program: source text that this interpreter can parse.

    Raises:
        SyntaxError: it cannot.
    """
    tree = ast.parse(program)
    text = _Text(program)
    return [text.span(node) for node in _walk(tree)]


def most_statements(program: str) -> int:
    """Return a bound on the number of statements, without parsing."""
    return 2 + sum(map(program.count, "\n\r;:"))


def _walk(node: ast.AST) -> Iterator[ast.stmt]:
    for block in _BLOCKS:
        children = getattr(node, block, None)
        if not isinstance(children, list):
            continue
        for position, child in enumerate(children):
            if isinstance(child, ast.stmt):
                if position == 0 and block == "body" and _is_docstring(node, child):
                    continue
                yield child
                if isinstance(child, _COMPOUND):
                    yield from _walk(child)
            else:  # an except handler or a case
                yield from _walk(child)


def _is_docstring(parent: ast.AST, first: ast.stmt) -> bool:
    return (
        isinstance(parent, _DOCUMENTED)
        and isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


class _Text:
    """A program's text, with the way from the parser's lines and UTF-8 columns to characters."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.starts = [0, *(match.end() for match in _LINE_END.finditer(program))]
        self.ascii = program.isascii()

    def offset(self, line: int, column: int) -> int:
        start = self.starts[line - 1]
        if self.ascii:
            return start + column
        end = self.starts[line] if line < len(self.starts) else len(self.program)
        return start + len(self.program[start:end].encode()[:column].decode())

    def span(self, node: ast.stmt) -> Span:
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self.offset(node.lineno, node.col_offset)
        if not isinstance(node, _COMPOUND):
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
        if name in _BLOCKS or name == "decorator_list":
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


def warm_up() -> None:
    """Make coverage.py import what it needs, so that the children of this process do not."""
    recorder = Recorder(bytearray(2), "coverage")
    code, _ = recorder.compile("pass", "<program>")
    recorder.turn(0)
    exec(code, {})
    recorder.stop()


class Recorder:
    """Compiles a program so that it records itself, and says into which row.

    Args:
        shared: memory that the judge maps too (one byte per statement and row), or None to record nothing.
        tracer: "fast", "probes", "monitoring", "coverage", or "none".
    """

    def __init__(self, shared: Any, tracer: str) -> None:
        self._memory = memoryview(shared) if shared is not None else None
        self._tracer = tracer
        self._count = 0
        self._turn: Callable[[memoryview], None] = _set_probe
        self._reference: Any = None
        self._lines: dict[int, list[int]] = {}
        self._row: memoryview | None = None

    def compile(self, source: str, file_name: str) -> tuple[types.CodeType, list[Span] | None]:
        """Return the code of a program, and the spans of its statements if they are recorded.

        Raises:
            SyntaxError, ValueError, OverflowError, RecursionError, MemoryError: as `compile` does.
        """
        if self._memory is None:
            return compile(source, file_name, "exec", dont_inherit=True), None
        tree = compile(source, file_name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        nodes = list(_walk(tree))
        text = _Text(source)
        spans = [text.span(node) for node in nodes]
        self._count = len(spans)
        lines = _lines(nodes, spans, text)
        exact = all(len(found) == 1 for found in lines.values()) and not any(map(_has_no_code, nodes))
        if self._tracer == "coverage":
            return self._start_reference(source, file_name, lines), spans
        if self._tracer == "monitoring" or (self._tracer == "fast" and exact and sys.version_info >= (3, 12)):
            code = compile(source, file_name, "exec", dont_inherit=True)
            self._turn = _monitor(code, lines)
            return code, spans
        _insert_probes(tree, iter(range(len(nodes))))
        assert isinstance(tree, ast.Module)
        return compile(tree, file_name, "exec", dont_inherit=True), spans

    def turn(self, row: int) -> None:
        """Record into this row from now on."""
        if self._memory is None:
            return
        self.stop()
        self._row = self._memory[row * self._count : (row + 1) * self._count]
        if self._reference is not None:
            self._reference.erase()
            self._reference.start()
        else:
            self._turn(self._row)

    def stop(self) -> None:
        """Write down what the reference tracer saw; the others write as they go."""
        if self._reference is None or self._row is None:
            return
        self._reference.stop()
        data = self._reference.get_data()
        for file in data.measured_files():
            for line in data.lines(file) or ():
                for index in self._lines.get(line, ()):
                    self._row[index] = 1
        self._row = None

    def _start_reference(self, source: str, file_name: str, lines: dict[int, list[int]]) -> types.CodeType:
        import coverage

        self._lines = lines
        self._reference = coverage.Coverage(data_file=None, include=["*/program.py"], config_file=False)
        return compile(source, "/program.py", "exec", dont_inherit=True)


def _set_probe(row: memoryview) -> None:
    for names in probed_builtins:
        names[PROBE] = row


def _lines(nodes: list[ast.stmt], spans: list[Span], text: _Text) -> dict[int, list[int]]:
    """Return for every line the statements whose span touches it."""
    found: dict[int, list[int]] = {}
    for index, (node, (_, end)) in enumerate(zip(nodes, spans, strict=True)):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        last = node.end_lineno or first
        if isinstance(node, _COMPOUND):
            last = first
            while last < len(text.starts) and text.starts[last] < end:
                last += 1
        for line in range(first, last + 1):
            found.setdefault(line, []).append(index)
    return found


def _has_no_code(node: ast.stmt) -> bool:
    return isinstance(node, ast.Global | ast.Nonlocal) or (isinstance(node, ast.AnnAssign) and node.value is None)


def _insert_probes(node: ast.AST, numbers: Iterator[int]) -> None:
    for block in _BLOCKS:
        children = getattr(node, block, None)
        if not isinstance(children, list):
            continue
        probed: list[Any] = []
        waiting: list[ast.stmt] = []  # probes of `from __future__` statements, which must stay first
        for position, child in enumerate(children):
            if not isinstance(child, ast.stmt):
                _insert_probes(child, numbers)
                probed.append(child)
                continue
            if position == 0 and block == "body" and _is_docstring(node, child):
                probed.append(child)
                continue
            probe = _probe(child, next(numbers))
            if isinstance(child, ast.ImportFrom) and child.module == "__future__" and isinstance(node, ast.Module):
                waiting.append(probe)
                probed.append(child)
                continue
            if waiting:
                probed += waiting
                waiting = []
            probed += [probe, child]
            if isinstance(child, _COMPOUND):
                _insert_probes(child, numbers)
        probed += waiting
        if isinstance(node, ast.ClassDef) and block == "body":
            # A class body looks names up in its namespace first, which a metaclass may have made.
            place = int(bool(children) and _is_docstring(node, children[0]))
            probed.insert(place, ast.copy_location(ast.Global([PROBE]), children[0]))
        children[:] = probed


def _probe(node: ast.stmt, number: int) -> ast.stmt:
    first = min([node, *getattr(node, "decorator_list", ())], key=lambda part: part.lineno)
    place = {
        "lineno": first.lineno, "col_offset": first.col_offset,
        "end_lineno": first.lineno, "end_col_offset": first.col_offset,
    }  # fmt: skip
    name = ast.Name(PROBE, ast.Load(), **place)
    target = ast.Subscript(name, ast.Constant(number, **place), ast.Store(), **place)
    return ast.Assign([target], ast.Constant(1, **place), **place)


def _monitor(code: types.CodeType, lines: dict[int, list[int]]) -> Callable[[memoryview], None]:
    """Listen to the first run of each line of a program; returns the function that changes the row."""
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    tool, line_event, disable = monitoring.COVERAGE_ID, monitoring.events.LINE, monitoring.DISABLE
    current: list[memoryview] = []

    def seen(_: types.CodeType, line: int) -> Any:
        for index in lines.get(line, ()):
            current[0][index] = 1
        return disable

    def turn(row: memoryview) -> None:
        current[:] = [row]
        monitoring.restart_events()

    monitoring.use_tool_id(tool, "codegym")
    monitoring.register_callback(tool, line_event, seen)
    pending = [code]
    while pending:
        one = pending.pop()
        monitoring.set_local_events(tool, one, line_event)
        pending += [part for part in one.co_consts if isinstance(part, types.CodeType)]
    return turn
