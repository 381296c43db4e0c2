"""Inputs near those of a problem's tests, and a bounded way to run trusted programs on them."""

from __future__ import annotations

import copy
import io
import sys
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.variations import changed
from codegym.envs.problems.problem import CallTest, Problem, StdioTest
from codegym.envs.problems.statement import literal

_MOST_LINES = 20_000


class TooLong(Exception):
    """The program ran more lines than it may."""


def inputs_of(problem: Problem) -> list[Any]:
    """The arguments (a tuple) or the standard input (text) of each test."""
    return [
        test.stdin if isinstance(test, StdioTest) else test.args
        for test in problem.tests()
        if isinstance(test, StdioTest | CallTest)
    ]


def wider_inputs(problem: Problem, others: Iterable[Any], count: int, key: str = "wider") -> list[tuple[Any, Any]]:
    """Inputs within the problem's domain, with the right answers.

    They are the inputs `others` (of problems of the same family) and small changes of the problem's own. An input
    belongs to the domain if no reference raises and all agree on the answer.

    Args:
        problem: of trusted references.
        others: more inputs.
        count: how many changes are drawn.
        key: names the stream of random choices.
    """
    draws = Draws(key, problem.uri)
    own = inputs_of(problem)
    known = {literal(item) for item in own}
    drawn = {literal(item): item for item in [*others, *(changed(draws.choice(own), draws) for _ in range(count))]}
    inputs = [item for text, item in drawn.items() if text not in known]
    columns = [answers(reference, problem.entry_point, inputs) for reference in problem.references]
    return [
        (item, right[0])
        for item, right in zip(inputs, zip(*columns, strict=True), strict=True)
        if not isinstance(right[0], type) and all(repr(other) == repr(right[0]) for other in right)
    ]


def answers(program: str, entry_point: str | None, inputs: Sequence[Any]) -> list[Any]:
    """What a trusted program answers: (type, value), the words it prints, or the type of the exception."""
    try:
        code = compile(program, "<program>", "exec")
    except (SyntaxError, ValueError):
        return [SyntaxError] * len(inputs)
    return [_answer(code, entry_point, item) for item in inputs]


def _answer(code: Any, entry_point: str | None, item: Any) -> Any:
    lines = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += 1
        if lines > _MOST_LINES:
            raise TooLong
        return count

    tracer, stdin, stdout, unraisable = sys.gettrace(), sys.stdin, sys.stdout, sys.unraisablehook
    sys.unraisablehook = lambda _: None  # a generator that is closed counts lines too
    sys.stdin, sys.stdout = io.StringIO(item if entry_point is None else ""), io.StringIO()
    sys.settrace(count)
    try:
        namespace: dict[str, Any] = {"__name__": "__main__" if entry_point is None else "kata"}
        exec(code, namespace)
        if entry_point is None:
            return sys.stdout.getvalue().split()
        owner, _, method = entry_point.rpartition(".")
        function = getattr(namespace[owner](), method) if owner else namespace[method]
        value = function(*copy.deepcopy(item))
        return type(value).__name__, value
    except (Exception, SystemExit) as error:
        return type(error)
    finally:
        sys.settrace(tracer)
        sys.stdin, sys.stdout, sys.unraisablehook = stdin, stdout, unraisable


def differs(program: str, problem: Problem, wider: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a program answers some of the wider inputs otherwise than the references."""
    given = answers(program, problem.entry_point, [item for item, _ in wider])
    return any(repr(answer) != repr(right) for answer, (_, right) in zip(given, wider, strict=True))
