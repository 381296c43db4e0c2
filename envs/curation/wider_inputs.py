"""Inputs near those of a problem's tests, and a bounded way to run trusted programs on them."""

from __future__ import annotations

import copy
import io
import sys
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.problem import CallTest, Problem, StdioTest
from codegym.envs.problems.statement import literal

_MOST_LINES = 20_000
_LETTERS = "aeb xyzAB01-,."


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
    drawn = {literal(item): item for item in [*others, *(_changed(draws.choice(own), draws) for _ in range(count))]}
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

    tracer, stdin, stdout = sys.gettrace(), sys.stdin, sys.stdout
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
        sys.stdin, sys.stdout = stdin, stdout


def _changed(value: Any, draws: Draws) -> Any:
    """A value of the same type that differs a little; one to three changes."""
    for _ in range(draws.between(1, 3)):
        value = _change(value, draws)
    return value


def _change(value: Any, draws: Draws) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draws.choice((value + 1, value - 1, -value, 2 * value, draws.between(0, 12), draws.between(-9, 40)))
    if isinstance(value, float):
        return draws.choice((value + 0.5, -value, value / 2, value * 3, float(draws.between(-5, 20))))
    if isinstance(value, str):
        return _text(value, draws)
    if isinstance(value, list):
        return _items(value, draws)
    if isinstance(value, tuple):
        if not value:
            return value
        place = draws.below(len(value))
        return tuple(_change(item, draws) if at == place else item for at, item in enumerate(value))
    if isinstance(value, dict):
        items = _items(list(value.items()), draws) if value else []
        return dict(items)
    if isinstance(value, set | frozenset):
        return type(value)(_items(sorted(value, key=literal), draws))
    return value


def _items(items: list[Any], draws: Draws) -> list[Any]:
    if not items:
        return items
    place = draws.below(len(items))
    other = draws.below(len(items))
    what = draws.below(6)
    changed = list(items)
    if what == 0:
        del changed[place]
    elif what == 1:
        changed.insert(other, copy.deepcopy(items[place]))
    elif what == 2:
        changed[place], changed[other] = changed[other], changed[place]
    elif what == 3:
        changed = changed[:place]
    else:
        changed[place] = _change(items[place], draws)
    return changed


def _text(text: str, draws: Draws) -> str:
    lines = text.split("\n")
    if len(lines) > 1 and draws.chance(0.3):
        return "\n".join(_items(lines, draws))
    words = text.split(" ")
    numbers = [place for place, word in enumerate(words) if word.lstrip("-").isdigit() and len(word) < 9]
    if numbers and draws.chance(0.6):
        place = draws.choice(numbers)
        return " ".join([*words[:place], str(_change(int(words[place]), draws)), *words[place + 1 :]])
    if len(words) > 1 and draws.chance(0.3):
        return " ".join(_items(words, draws))
    place = draws.below(len(text) + 1)
    letter = draws.choice(text) if text and draws.chance(0.6) else draws.choice(_LETTERS)
    before, after = text[:place], text[place:]
    return draws.choice((before + letter + after, before + after[1:], before + letter + after[1:]))


def differs(program: str, problem: Problem, wider: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a program answers some of the wider inputs otherwise than the references."""
    given = answers(program, problem.entry_point, [item for item, _ in wider])
    return any(repr(answer) != repr(right) for answer, (_, right) in zip(given, wider, strict=True))
