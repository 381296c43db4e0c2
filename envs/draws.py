"""Draws: the whole numbers that generators would give one by one, drawn ahead many at a time, which costs a fifth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AHEAD = 64


class Draws:
    """`integers(below)` of one generator per row.

    Args:
        rows: how many.
    """

    def __init__(self, rows: int) -> None:
        self._randoms: list[np.random.Generator | None] = [None] * rows
        self._before: list[Any] = [None] * rows
        self._below = np.zeros(rows, dtype=np.int64)
        self._ahead = np.zeros((rows, AHEAD), dtype=np.int64)
        self._given = np.full(rows, AHEAD)

    def seed(self, row: int, random: np.random.Generator) -> None:
        """Give a row its generator; nobody else may draw from it."""
        self._randoms[row] = random
        self._given[row] = AHEAD

    def has(self, row: int) -> bool:
        """Whether a row has a generator."""
        return self._randoms[row] is not None

    def of(self, rows: NDArray[np.intp], below: int) -> NDArray[np.int64]:
        """The next number in 0..below-1 of each of some rows, the same as `random.integers(below)`."""
        given = self._given[rows]
        fresh = (given < AHEAD) & (self._below[rows] == below)
        if not fresh.all():
            for row in rows[~fresh].tolist():
                self._draw(row, below)
            given = self._given[rows]
        self._given[rows] = given + 1
        drawn: NDArray[np.int64] = self._ahead[rows, given]
        return drawn

    def row(self, row: int) -> RowDraws:
        """The draws of one row."""
        return RowDraws(self, row)

    def _draw(self, row: int, below: int) -> None:
        random, given = self._randoms[row], int(self._given[row])
        assert random is not None
        if given < AHEAD:  # of another range: draw again what was given, and no more
            random.bit_generator.state = self._before[row]
            random.integers(self._below[row], size=given)
        self._before[row] = random.bit_generator.state
        self._ahead[row] = random.integers(below, size=AHEAD)
        self._below[row], self._given[row] = below, 0


@dataclass(frozen=True)
class RowDraws:
    """The draws of one row, as a generator gives them."""

    draws: Draws
    number: int

    def integers(self, below: int) -> int:
        """The next number in 0..below-1."""
        return int(self.draws.of(np.array([self.number]), below)[0])
