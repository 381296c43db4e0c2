"""Which statements of a program ran, as spans of its text, recorded so that a killed program keeps its record.

Three tracers record into memory that the judge also maps, one row of bytes per call:

* "monitoring" (Python 3.12 and later) listens to each line once through `sys.monitoring`: nearly free. A row has a slot
  for each line, and more where statements share a line, see `statements.Layout`: the judge works that out, so that the
  program's process has nothing to parse. Statements that leave no code (`global`, a `pass` behind a colon) are padded.
* "probes" puts `.c[i] = 1` before each statement of the syntax tree, in loops `if not .s[i]: .c[i] = .s[i] = 1`; a row
  has a byte for each statement. `.c` (the row) and `.s` (a list, which is faster to read) are no names a program can
  write, and live in builtins, so globals, locals, line numbers, docstrings and stack depth stay as they were.
* "coverage" asks coverage.py, the reference: slow, and lost when the program is killed. Rows as with probes.

"fast" is "monitoring" where the interpreter has it and the judge can parse the program, else "probes"
(`statements.choose`).

Runs inside the zygote as well: standard library only, Python 3.11 to 3.13.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from codegym.envs.execution.statements import (
    BLOCKS,
    COMPOUND,
    Span,
    Text,
    is_docstring,
    most_lines,
    touched_lines,
    walk,
)

probed_builtins: list[dict[str, Any]] = [vars(builtins)]
"""Every namespace of builtins that a program may see."""

PROBE = ".c"
"""Name under which instrumented code finds its row: no identifier, so no program can use it by accident."""

SEEN = ".s"
"""Name of a list beside it that says which statements have written to the row: to read that is five times as fast."""


_LOOPS = (ast.For, ast.AsyncFor, ast.While)


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
        shared: memory that the judge maps too (one byte per slot and row), or None to record nothing.
        tracer: "probes", "monitoring", "coverage", or "none".
        marks, pads: for "monitoring" those of the program's layout.
    """

    def __init__(
        self, shared: Any, tracer: str, marks: Sequence[tuple[int, int]] = (), pads: Sequence[int] = ()
    ) -> None:
        self._memory = memoryview(shared) if shared is not None else None
        self._tracer = tracer
        self._marks, self._pads = marks, frozenset(pads)
        self._width = 0
        self._turn: Callable[[memoryview], None] = _set_probe
        self._reference: Any = None
        self._lines: dict[int, list[int]] = {}
        self._row: memoryview | None = None

    def compile(self, source: str, file_name: str) -> tuple[types.CodeType, list[Span] | None]:
        """Return the code of a program, and the spans of its statements where a row has a byte for each.

        Raises:
            SyntaxError, ValueError, OverflowError, RecursionError, MemoryError: as `compile` does.
        """
        if self._memory is not None:
            try:
                return self._recording(source, file_name)
            except RecursionError:
                self._memory = None  # nested too deeply to be rewritten: it runs all the same, without a record
        return compile(source, file_name, "exec", dont_inherit=True), None

    def _recording(self, source: str, file_name: str) -> tuple[types.CodeType, list[Span] | None]:
        if self._tracer == "monitoring":
            code = self._padded(source, file_name)
            lines = most_lines(source)
            self._width = lines + len(self._marks)
            self._turn = _monitor(code, {place: lines + n for n, place in enumerate(self._marks)})
            return code, None
        tree = compile(source, file_name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        nodes = walk(tree)
        text = Text(source)
        spans = [text.span(node) for node in nodes]
        self._width = len(spans)
        if self._tracer == "coverage":
            return self._start_reference(source, touched_lines(nodes, spans, text)), spans
        often = {id(inner) for node in nodes if isinstance(node, _LOOPS) for inner in walk(node)}
        _insert_probes(tree, (_probe(node, number, id(node) in often) for number, node in enumerate(nodes)))
        assert isinstance(tree, ast.Module)
        return compile(tree, file_name, "exec", dont_inherit=True), spans

    def _padded(self, source: str, file_name: str) -> types.CodeType:
        if self._pads:
            with contextlib.suppress(RecursionError):  # nested too deeply: what is not padded is not seen
                return self._with_pads(source, file_name)
        return compile(source, file_name, "exec", dont_inherit=True)

    def _with_pads(self, source: str, file_name: str) -> types.CodeType:
        tree = compile(source, file_name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        nodes = walk(tree)
        _insert_probes(tree, (_pad(node) if number in self._pads else None for number, node in enumerate(nodes)))
        _set_probe(memoryview(b""))
        assert isinstance(tree, ast.Module)
        return compile(tree, file_name, "exec", dont_inherit=True)

    def turn(self, row: int) -> None:
        """Record into this row from now on."""
        if self._memory is None:
            return
        self.stop()
        self._row = self._memory[row * self._width : (row + 1) * self._width]
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

    def _start_reference(self, source: str, lines: dict[int, list[int]]) -> types.CodeType:
        import coverage

        self._lines = lines
        self._reference = coverage.Coverage(data_file=None, include=["*/program.py"], config_file=False)
        return compile(source, "/program.py", "exec", dont_inherit=True)


def _set_probe(row: memoryview) -> None:
    seen = [0] * len(row)
    for names in probed_builtins:
        names[PROBE] = row
        names[SEEN] = seen


def _insert_probes(node: ast.AST, probes: Iterator[ast.stmt | None]) -> None:
    """Put probes before statements; there is one, or None, for each statement in the order of `walk`."""
    for block in BLOCKS:
        children = getattr(node, block, None)
        if not isinstance(children, list):
            continue
        probed: list[Any] = []
        waiting: list[ast.stmt] = []  # probes of `from __future__` statements, which must stay first
        for position, child in enumerate(children):
            if not isinstance(child, ast.stmt):
                _insert_probes(child, probes)
                probed.append(child)
                continue
            if position == 0 and block == "body" and is_docstring(node, child):
                probed.append(child)
                continue
            probe = next(probes)
            if isinstance(child, ast.ImportFrom) and child.module == "__future__" and isinstance(node, ast.Module):
                waiting += [probe] if probe else []
                probed.append(child)
                continue
            probed += [*waiting, probe, child] if probe else [*waiting, child]
            waiting = []
            if isinstance(child, COMPOUND):
                _insert_probes(child, probes)
        probed += waiting
        if isinstance(node, ast.ClassDef) and block == "body":
            # A class body looks names up in its namespace first, which a metaclass may have made.
            place = int(bool(children) and is_docstring(node, children[0]))
            probed.insert(place, ast.copy_location(ast.Global([PROBE, SEEN]), children[0]))
        children[:] = probed


def _probe(node: ast.stmt, number: int, often: bool) -> ast.stmt:
    """`.c[number] = 1`, in loops only where `.s[number]` is not set; nothing that could raise at the stack's end."""
    place = _start(node)

    def item(name: str, context: ast.expr_context) -> ast.expr:
        return ast.Subscript(ast.Name(name, ast.Load(), **place), ast.Constant(number, **place), context, **place)

    one = ast.Constant(1, **place)
    if not often:
        return ast.Assign([item(PROBE, ast.Store())], one, **place)
    noted = ast.Assign([item(PROBE, ast.Store()), item(SEEN, ast.Store())], one, **place)
    return ast.If(ast.UnaryOp(ast.Not(), item(SEEN, ast.Load()), **place), [noted], [], **place)


def _pad(node: ast.stmt) -> ast.stmt:
    """A statement that does nothing, but is never optimised away."""
    place = _start(node)
    return ast.Expr(ast.Name(PROBE, ast.Load(), **place), **place)


def _start(node: ast.stmt) -> dict[str, Any]:
    first = min([node, *getattr(node, "decorator_list", ())], key=lambda part: part.lineno)
    return {
        "lineno": first.lineno, "col_offset": first.col_offset,
        "end_lineno": first.lineno, "end_col_offset": first.col_offset,
    }  # fmt: skip


def _monitor(code: types.CodeType, marks: dict[tuple[int, int], int]) -> Callable[[memoryview], None]:
    """Listen to the first run of each line, and near marks of each instruction; returns what changes the row.

    Args:
        code: of the program.
        marks: the slot of each (line, column).
    """
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    tool, events, disable = monitoring.COVERAGE_ID, monitoring.events, monitoring.DISABLE
    row = memoryview(b"")
    marked = {line for line, _ in marks}
    slots: dict[int, list[int]] = {}  # of each instruction, by the id of its code

    def line_runs(_: types.CodeType, line: int) -> Any:
        row[line] = 1
        return disable

    def instruction_runs(code: types.CodeType, offset: int) -> Any:
        slot = slots[id(code)][offset // 2]
        if slot:
            row[slot] = 1
        return disable

    def turn(new: memoryview) -> None:
        nonlocal row
        row = new
        monitoring.restart_events()

    monitoring.use_tool_id(tool, "codegym")
    monitoring.register_callback(tool, events.LINE, line_runs)
    monitoring.register_callback(tool, events.INSTRUCTION, instruction_runs)
    pending = [code]
    while pending:
        one = pending.pop()
        wanted = events.LINE
        if marks and not marked.isdisjoint(line for _, _, line in one.co_lines()):
            slots[id(one)] = [_nearest(marks, line, column) for line, _, column, _ in one.co_positions()]
            wanted |= events.INSTRUCTION
        monitoring.set_local_events(tool, one, wanted)
        pending += [part for part in one.co_consts if isinstance(part, types.CodeType)]
    return turn


def _nearest(marks: dict[tuple[int, int], int], line: int | None, column: int | None) -> int:
    """The slot of the last mark of a line that is not behind a column; 0 where there is none."""
    if line is None or column is None:
        return 0
    before = [(mark, slot) for mark, slot in marks.items() if mark[0] == line and mark[1] <= column]
    return max(before)[1] if before else 0
