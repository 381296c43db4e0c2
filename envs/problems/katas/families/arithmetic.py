"""Arithmetic of two arguments, then of the result and a constant: the other part of what the tiny model learns from."""

from __future__ import annotations

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import Piece, constants

FIRST = {
    "sum": Piece("a + b", ("a plus b", "the sum of a and b")),
    "difference": Piece("a - b", ("a minus b", "a less b")),
    "from": Piece("b - a", ("b minus a", "a taken from b"), mistake="a - b"),
    "product": Piece("a * b", ("a times b", "the product of a and b")),
    "larger": Piece("max(a, b)", ("the larger of a and b", "the maximum of a and b")),
    "smaller": Piece("min(a, b)", ("the smaller of a and b", "the minimum of a and b")),
    "distance": Piece("abs(a - b)", ("the distance of a and b", "how far a is from b"), mistake="a - b"),
    "scaled": Piece("a + b * {c}", ("a plus {c} times b", "a more than {c} times b")),
    "less": Piece("a * {c} - b", ("{c} times a minus b", "b less than {c} times a")),
}
SECOND = {
    "nothing": Piece("{r}", ("{r}",)),
    "plus": Piece("{r} + {c}", ("{r}, plus {c}", "{c} more than {r}")),
    "minus": Piece("{r} - {c}", ("{r}, minus {c}", "{c} less than {r}")),
    "times": Piece("({r}) * {c}", ("{r}, times {c}", "{r}, all times {c}")),
    "quotient": Piece(
        "({r}) // {c}", ("{r}, divided by {c}, rounded down", "whole {c}s in {r}"), mistake="({r}) / {c}"
    ),
    "remainder": Piece("({r}) % {c}", ("{r}, modulo {c}", "the remainder of {r} by {c}")),
}


def parameters() -> list[Parameters]:
    """Every (first, its constant, second, its constant)."""
    return [
        (f, c, s, d)
        for f, first in FIRST.items()
        for c in constants(first)
        for s, second in SECOND.items()
        for d in constants(second)
    ]


def program(first: Piece, c: int | None, second: Piece, d: int | None) -> str:
    """The program of two pieces of code and their constants."""
    return "def f(a, b):\n    return " + expression(first, c, second, d)


def expression(first: Piece, c: int | None, second: Piece, d: int | None) -> str:
    """The second piece of code applied to the first."""
    inner = first.code.format(c=c)
    text = second.code.format(r=inner, c=d)
    if inner.endswith(")") and not inner.startswith("("):  # a call needs no brackets of its own
        text = text.replace(f"({inner})", inner)
    return text


def make(parameters: Parameters, draws: Draws) -> Kata:
    """The kata of two pieces and their constants."""
    f, c, s, d = parameters
    first, second = FIRST[f], SECOND[s]
    inner_words = draws.choice(first.phrases).format(c=c)
    inner = first.code.format(c=c)
    pairs = [(draws.between(2, 9), draws.between(2, 9)), (0, 0), (7, 2), (3, 11), (-4, 6), (5, -8), (-9, -3), (1, 1)]
    pairs += [(draws.between(10, 60), draws.between(1, 9)), (draws.between(1, 9), draws.between(10, 60))]
    return Kata(
        statement=draws.choice(second.phrases).format(r=inner_words, c=d),
        references=(
            program(first, c, second, d),
            f"def f(a, b):\n    r = {inner}\n    return {second.code.format(r='r', c=d).replace('(r)', 'r')}",
        ),
        inputs=tuple(pairs),
        starter="def f(a, b):",
        entry_point="f",
        plan=(
            "Define f(a, b): compute a first result from a and b, then the answer from it.",
            f"First: {inner_words}. Then: {second.phrases[0].format(r='the result', c=d)}.",
        ),
    )


FAMILIES = (
    Family(
        name="two-numbers",
        parameters=parameters,
        structure=lambda parameters: (parameters[0], parameters[2]),
        make=make,
        counts=(500, 40, 40),
        tags=("tiny", "numbers", "short"),
    ),
)
