"""Credit: which characters of a program may share in its reward, from the statements that ran (StepCoder's FGO)."""

from __future__ import annotations

import ast
import functools
import io
import math
import re
import tokenize
from collections.abc import Sequence
from typing import Literal

import numpy as np

from codegym.envs.errors import unknown
from codegym.envs.execution.outcome import Outcome, Span, Verdict

CreditMode = Literal["coverage", "ochiai"] | None
CreditSpans = tuple[tuple[int, int, float], ...]
CREDIT_MODES = ("coverage", "ochiai")


def check_credit(mode: str | None) -> CreditMode:
    """The mode itself.

    Raises:
        OptionError: if it is neither "coverage", "ochiai" nor None.
    """
    if mode is None or mode == "coverage" or mode == "ochiai":
        return mode  # type: ignore[return-value]  # mypy does not narrow str to the literals
    raise unknown("credit", mode, [*CREDIT_MODES, "None"])


def credit_spans(
    program: str, outcome: Outcome, given_chars: int = 0, mode: CreditMode = "coverage", language: str = "python"
) -> CreditSpans:
    """Weights in 0..1 for all characters that the policy wrote, as adjacent spans (start, end, weight).

    * A statement weighs 1 if any test ran it, else 0; "ochiai" weighs the statements of a program that passes some
      tests and fails others by their suspiciousness instead.
    * Keywords between statements (`else:`, `except E:`, decorators) and white space go with the statement that
      follows; what follows the last statement goes with that one.
    * Comments and docstrings weigh 0.
    * A program that does not compile, whose coverage is unknown, or with `mode=None` weighs 1 everywhere.

    Args:
        program: the text that ran.
        outcome: what the executor said about it, with coverage.
        given_chars: length of the text that was given; it is no action and gets no span.
        mode: "coverage", "ochiai" or None.
        language: of the program.
    """
    if given_chars >= len(program):
        return ()
    if mode is None or outcome.statements is None or outcome.executed is None or not outcome.compiles:
        return ((given_chars, len(program), 1.0),)
    weights = np.zeros(len(program))
    end = 0
    weight = 0.0
    of_statement = statement_weights(outcome, mode)
    for start, stop, span in _own_text(program, outcome.statements):
        weight = of_statement[span]
        weights[end if start >= end else start : stop] = weight
        end = max(end, stop)
    weights[end:] = weight
    for start, stop in silent_spans(program, language):
        weights[start:stop] = 0.0
    edges = np.flatnonzero(np.diff(weights[given_chars:])) + 1 + given_chars
    starts = [given_chars, *edges.tolist()]
    return tuple(
        (start, stop, float(weights[start])) for start, stop in zip(starts, [*starts[1:], len(program)], strict=True)
    )


def statement_weights(outcome: Outcome, mode: CreditMode) -> dict[Span, float]:
    """The weight of each statement of a program whose coverage is known.

    "ochiai" is `failed(s) / sqrt(failed * (failed(s) + passed(s)))` (Abreu et al. 2006), where failed(s) and
    passed(s) count the failing and passing tests that ran s, and failed counts all failing tests.
    """
    executed = frozenset(outcome.executed or ())
    statements = outcome.statements or ()
    failing = [test.executed for test in outcome.tests if test.verdict is not Verdict.PASS]
    passing = [test.executed for test in outcome.tests if test.verdict is Verdict.PASS]
    known = all(spans is not None for spans in failing + passing)
    if mode != "ochiai" or not failing or not passing or not known:
        return {span: float(span in executed) for span in statements}
    failing_sets = [frozenset(spans or ()) for spans in failing]
    passing_sets = [frozenset(spans or ()) for spans in passing]
    weights = {}
    for span in statements:
        failed = sum(span in spans for spans in failing_sets)
        passed = sum(span in spans for spans in passing_sets)
        weights[span] = failed / math.sqrt(len(failing) * (failed + passed)) if failed else 0.0
    return weights


def largest_weights(ranges: Sequence[tuple[int, int]], spans: CreditSpans) -> tuple[float, ...]:
    """For each character range the largest weight among the spans it touches; a range without characters weighs 1."""
    weights = np.zeros(max((stop for _, stop, _ in spans), default=0))
    for start, stop, weight in spans:
        weights[start:stop] = weight
    return tuple(float(weights[start:stop].max(initial=0.0)) if stop > start else 1.0 for start, stop in ranges)


def executed_lines(program: str, outcome: Outcome) -> tuple[int, ...]:
    """Numbers (from 1) of the lines on which an executed statement has text of its own."""
    if not outcome.executed:
        return ()
    executed = frozenset(outcome.executed)
    breaks = np.array([index for index, char in enumerate(program) if char == "\n"])
    lines: set[int] = set()
    for start, stop, span in _own_text(program, outcome.statements or tuple(sorted(executed))):
        if span in executed and stop > start:
            first, last = np.searchsorted(breaks, [start, stop - 1]) + 1
            lines.update(range(int(first), int(last) + 1))
    return tuple(sorted(lines))


def _own_text(program: str, statements: Sequence[Span]) -> list[tuple[int, int, Span]]:
    """(start, end, statement) in order, where a statement that holds others keeps only the header before them."""
    ordered = sorted(set(statements), key=lambda span: (span[0], -span[1]))
    own = []
    for index, (start, stop) in enumerate(ordered):
        inner = ordered[index + 1][0] if index + 1 < len(ordered) else len(program)
        if inner < stop:
            stop = start + len(program[start:inner].rstrip())
        own.append((start, stop, ordered[index]))
    return own


@functools.lru_cache(maxsize=1024)
def silent_spans(program: str, language: str = "python") -> tuple[Span, ...]:
    """Spans of comments and docstrings, which cannot change what a program does."""
    if language != "python":
        return tuple(match.span() for match in _C_COMMENT.finditer(program) if match.group().startswith("/"))
    if "\r" in program:  # other line ends than "\n": positions could not be trusted
        return ()
    spans: list[Span] = []
    try:
        if "#" in program:
            spans += _comments(program)
        if '"' in program or "'" in program:
            spans += _docstrings(program)
    except (SyntaxError, tokenize.TokenError, RecursionError, ValueError, MemoryError):
        # A candidate's interpreter may accept what this one does not: then nothing is known to be silent.
        return ()
    return tuple(sorted(spans))


_C_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def _comments(program: str) -> list[Span]:
    offsets = _line_offsets(program)
    found = []
    for token in tokenize.generate_tokens(io.StringIO(program, newline="").readline):
        if token.type == tokenize.COMMENT:
            start = offsets[token.start[0] - 1] + token.start[1]
            found.append((start, start + len(token.string)))
    return found


def _docstrings(program: str) -> list[Span]:
    offsets = _line_offsets(program)
    lines = program.split("\n")

    def offset(line: int, column: int) -> int:
        return offsets[line - 1] + _chars(lines[line - 1], column)

    found = []
    for node in ast.walk(ast.parse(program)):
        if not isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            end_line, end_column = first.end_lineno or first.lineno, first.end_col_offset or first.col_offset
            found.append((offset(first.lineno, first.col_offset), offset(end_line, end_column)))
    return found


def _line_offsets(program: str) -> list[int]:
    """Where each line begins; only a line feed ends one."""
    return [0, *(match.end() for match in re.finditer("\n", program))]


def _chars(line: str, utf8_bytes: int) -> int:
    """The AST counts columns in bytes; this counts characters."""
    return utf8_bytes if line.isascii() else len(line.encode()[:utf8_bytes].decode(errors="replace"))
