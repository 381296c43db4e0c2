"""Draws: a small random source whose stream is the same for every version of Python and numpy."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draws:
    """Random choices that depend on a key alone, for problems that must be the same bytes everywhere.

    Only `SeedSequence` and the raw output of PCG64 are used, whose streams numpy keeps; `Generator` methods and the
    standard library's `random` may change theirs.

    Args:
        key: words and non-negative numbers that name the stream.
    """

    def __init__(self, *key: int | str) -> None:
        words = [zlib.crc32(word.encode()) if isinstance(word, str) else word for word in key]
        self._bits = np.random.PCG64(np.random.SeedSequence(words))
        self._stock: list[int] = []

    def below(self, limit: int) -> int:
        """A number in [0, limit)."""
        if not self._stock:
            self._stock = self._bits.random_raw(64).tolist()
        return self._stock.pop() % limit

    def between(self, low: int, high: int) -> int:
        """A number in [low, high], both ends included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.below(1 << 53) < probability * (1 << 53)

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in random order."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Different positions of `items`, in random order."""
        return self.shuffled(items)[:count]

    def numbers(self, count: int, low: int, high: int) -> list[int]:
        """Numbers in [low, high], with repetition."""
        return [self.between(low, high) for _ in range(count)]

    def word(self, letters: str, length: int) -> str:
        """A string of letters, with repetition."""
        return "".join(self.choice(letters) for _ in range(length))
