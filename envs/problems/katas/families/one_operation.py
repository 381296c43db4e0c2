"""One operation on a or b: the problems of codegym/TokenGrammar-v0, whose vocabulary spells each of these programs."""

from __future__ import annotations

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters

FIRST = {
    "a": "a",
    "b": "b",
    "a + b": "the sum of a and b",
    "a - b": "a minus b",
    "b - a": "b minus a",
    "a * b": "the product of a and b",
    "a * a": "the square of a",
    "max(a, b)": "the larger of a and b",
    "min(a, b)": "the smaller of a and b",
    "abs(a - b)": "the distance of a and b",
    "abs(a)": "the absolute value of a",
    "abs(b)": "the absolute value of b",
}
"""Code that is returned -> words."""

THEN = {
    "+": ("plus {n}", ("1", "2", "3", "4")),
    "-": ("minus {n}", ("1", "2", "3", "4")),
    "*": ("times {n}", ("2", "3", "4", "5")),
    "//": ("divided by {n}, rounded down", ("2", "3", "4")),
    "%": ("modulo {n}", ("2", "3", "5", "10")),
}
"""Operator -> words and the constants it is used with, after a or b alone."""


def pieces() -> tuple[str, ...]:
    """The 31 pieces of code from which every program of the family is made: a return, then at most one operation."""
    returns = [f"\n    return {first}" for first in FIRST]
    return (*returns, *(f" {operator} {operand}" for operator, (_, operands) in THEN.items() for operand in operands))


def parameters() -> list[Parameters]:
    """Every (first operand, operator, second operand); operator and second operand may be missing."""
    alone = [(first, None, None) for first in FIRST]
    return alone + [
        (first, operator, operand)
        for first in ("a", "b")
        for operator, (_, operands) in THEN.items()
        for operand in operands
    ]


def make(parameters: Parameters, draws: Draws) -> Kata:
    """The kata of an operand and an operation."""
    first, operator, operand = parameters
    code, words = first, FIRST[first]
    if operator is not None:
        code, words = f"{first} {operator} {operand}", f"{words} {THEN[operator][0].format(n=operand)}"
    pairs = [(draws.between(2, 9), draws.between(10, 19)), (0, 0), (7, 2), (-4, 6), (5, -8), (-9, -3), (1, 1)]
    pairs += [(draws.between(20, 60), draws.between(1, 9))]
    return Kata(
        statement=words,
        references=(f"def f(a, b):\n    return {code}", f"def f(a, b):\n    r = {code}\n    return r"),
        inputs=tuple(pairs),
        starter="def f(a, b):",
        entry_point="f",
        plan=("Define f(a, b): return one expression.", f"The expression is {words}."),
    )


FAMILIES = (
    Family(
        name="one-operation",
        parameters=parameters,
        structure=lambda parameters: (parameters[0], parameters[1]),
        make=make,
        counts=(16, 2, 2),
        tags=("grammar", "numbers", "short"),
    ),
)
