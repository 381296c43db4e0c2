"""CodeText: a space of source text, with shared-memory functions that carry any of it between processes."""

from __future__ import annotations

import multiprocessing
import string
from collections.abc import Sequence
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Any

import numpy as np
from gymnasium.spaces import Text
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory, write_to_shared_memory
from numpy.typing import NDArray

SAMPLE_CHARACTERS = string.ascii_lowercase + string.digits + " _=+-*/%<>()[]:,.'\"\n"
SAMPLE_LENGTH = 64
_LENGTH_BYTES = 8


class CodeText(Text):
    """Any text without surrogates, up to a length; samples are short and made of a small set of characters.

    Args:
        max_length: in characters.
        seed: of the sampler.
    """

    def __init__(self, max_length: int, *, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(max_length, min_length=0, charset=SAMPLE_CHARACTERS, seed=seed)

    def contains(self, x: Any) -> bool:
        """Whether x is a str that fits and can be written as UTF-8."""
        if not isinstance(x, str) or len(x) > self.max_length:
            return False
        return x.isascii() or not any("\ud800" <= char <= "\udfff" for char in x)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Random text of up to 64 characters; `mask` and `probability` as in gymnasium's Text."""
        given = mask if mask is not None else probability
        length, characters = given if given is not None else (None, None)
        if length is None:
            length = int(self.np_random.integers(0, min(self.max_length, SAMPLE_LENGTH) + 1))
        if mask is not None:
            return super().sample(mask=(length, characters))
        return super().sample(probability=(length, characters))

    def __repr__(self) -> str:
        return f"CodeText({self.max_length})"

    def __eq__(self, other: object, /) -> bool:
        return isinstance(other, CodeText) and self.max_length == other.max_length

    def __hash__(self) -> int:
        return hash((CodeText, self.max_length))


def _row_bytes(space: CodeText) -> int:
    return _LENGTH_BYTES + 4 * space.max_length


def _create(space: CodeText, n: int = 1, ctx: Any = multiprocessing) -> SynchronizedArray[Any]:
    shared: SynchronizedArray[Any] = ctx.Array("B", n * _row_bytes(space))
    return shared


def _read(space: CodeText, shared_memory: SynchronizedArray[Any], n: int = 1) -> SharedTexts:
    return SharedTexts(space, shared_memory, n)


class SharedTexts(Sequence[str]):
    """The texts in shared memory, read when they are asked for: AsyncVectorEnv reads once and expects a live view.

    A deep copy, which AsyncVectorEnv returns to its user, is a plain tuple.
    """

    def __init__(self, space: CodeText, shared_memory: SynchronizedArray[Any], n: int) -> None:
        self._rows = _rows(space, shared_memory).reshape(n, -1)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        row = self._rows[index]
        length = int.from_bytes(row[:_LENGTH_BYTES].tobytes(), "little")
        return row[_LENGTH_BYTES : _LENGTH_BYTES + length].tobytes().decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # it changes under the reader's hands

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[str, ...]:
        return tuple(self)


def _rows(space: CodeText, shared_memory: SynchronizedArray[Any]) -> NDArray[np.uint8]:
    data = np.frombuffer(memoryview(shared_memory.get_obj()).cast("B"), dtype=np.uint8)
    return data.reshape(-1, _row_bytes(space))


def _write(space: CodeText, index: int, value: str, shared_memory: SynchronizedArray[Any]) -> None:
    data = value.encode()
    row = _rows(space, shared_memory)[index]
    row[:_LENGTH_BYTES] = np.frombuffer(len(data).to_bytes(_LENGTH_BYTES, "little"), dtype=np.uint8)
    row[_LENGTH_BYTES : _LENGTH_BYTES + len(data)] = np.frombuffer(data, dtype=np.uint8)


create_shared_memory.register(CodeText, _create)
read_from_shared_memory.register(CodeText, _read)  # type: ignore[arg-type]  # a live view instead of a tuple
write_to_shared_memory.register(CodeText, _write)
