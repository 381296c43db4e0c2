"""Building blocks that families share: pieces of code with their phrasings, conditions on numbers, function text."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Kata, Parameters

CONSTANTS = range(2, 10)


@dataclass(frozen=True)
class Piece:
    """A part of a program: its code, its phrasings, and the typical mistake if it is fragile ("" if not)."""

    code: str
    phrases: tuple[str, ...]
    mistake: str = ""

    def say(self, draws: Draws, **values: object) -> str:
        """One of the phrasings, with values put in."""
        return draws.choice(self.phrases).format(**values)


NUMBERS_THAT_ARE = {
    "even": Piece("{x} % 2 == 0", ("even",)),
    "odd": Piece("{x} % 2 == 1", ("odd", "not even")),
    "above": Piece("{x} > {c}", ("greater than {c}", "above {c}")),
    "below": Piece("{x} < {c}", ("less than {c}", "below {c}")),
    "at-least": Piece("{x} >= {c}", ("at least {c}", "not less than {c}")),
    "at-most": Piece("{x} <= {c}", ("at most {c}", "not greater than {c}")),
    "multiple": Piece("{x} % {c} == 0", ("divisible by {c}", "multiples of {c}")),
    "unlike": Piece("{x} != {c}", ("not equal to {c}", "different from {c}")),
}
"""Conditions on an integer, as they read after "numbers that are"."""


def constants(piece: Piece, values: Sequence[int] = CONSTANTS) -> Sequence[int | None]:
    """The constants a piece can take; one None for a piece without."""
    return values if "{c}" in piece.code else (None,)


def combine(*axes: Iterable[Any]) -> list[Parameters]:
    """Every combination of one value from each axis."""
    return list(itertools.product(*axes))


def with_constants(pieces: dict[str, Piece], values: Sequence[int] = CONSTANTS) -> list[tuple[str, int | None]]:
    """Every (name, constant) of some pieces; `% 2 == 0` is not said twice."""
    return [(n, c) for n, piece in pieces.items() for c in constants(piece, values) if (n, c) != ("multiple", 2)]


def around(draws: Draws, c: int | None, low: int = -9, high: int = 30, count: int = 6) -> list[int]:
    """Random numbers with those at which a condition on the constant `c` changes, in random order."""
    c = 4 if c is None else c
    near = [n for n in (c - 1, c, c, c + 1, 2 * c, 0, 1) if low <= n <= high]
    return draws.shuffled([*near, *draws.numbers(count, low, high)])


def function_kata(
    draws: Draws,
    statements: Sequence[str],
    signature: str,
    bodies: Sequence[str],
    inputs: Sequence[tuple[Any, ...]],
    *,
    plan: tuple[str, ...],
    public: int = 2,
    difficulty: str = "easy",
) -> Kata:
    """A kata about one function.

    Args:
        draws: chooses the phrasing.
        statements: phrasings of the task.
        signature: `f(xs)`, as after `def`.
        bodies: bodies of the references, best first.
        inputs: argument tuples, public ones first.
        plan: what the solution does, without "Define f(xs):".
        public: number of public tests.
        difficulty: as in Kata.
    """
    starter = f"def {signature}:"
    return Kata(
        statement=draws.choice(statements),
        references=tuple(
            starter + "\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") for body in bodies
        ),
        inputs=tuple(inputs),
        starter=starter,
        entry_point=signature.partition("(")[0],
        plan=(f"Define {signature}: {plan[0]}", *plan[1:]),
        public=public,
        difficulty=difficulty,
    )


def program_kata(
    draws: Draws,
    statements: Sequence[str],
    programs: Sequence[str],
    inputs: Sequence[str],
    *,
    plan: tuple[str, ...],
    public: int = 1,
    difficulty: str = "medium",
) -> Kata:
    """A kata about a program that reads standard input and prints; the first reference uses `input` and `print`."""
    return Kata(
        statement=draws.choice(statements),
        references=tuple(textwrap.dedent(program).strip("\n") for program in programs),
        inputs=tuple(inputs),
        plan=plan,
        public=public,
        difficulty=difficulty,
    )
