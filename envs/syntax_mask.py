"""Which tokens no valid Python program can follow: an incremental mask over a vocabulary, sound but not complete.

Masked are bytes that are no UTF-8, characters that Python has no use for outside strings and comments, NUL anywhere,
a newline inside a one-line string, a closing bracket that does not match the innermost open one, and the end of the
program inside a string or bracket. Everything else stays open: a token of a valid program is never masked.
"""

from __future__ import annotations

import codecs
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codegym.envs.lexer import CODE, COMMENT, byte_automaton
from codegym.envs.vocabulary import Vocabulary

_CLOSES = {0x29: 0x28, 0x5D: 0x5B, 0x7D: 0x7B}
_OPENS = frozenset(_CLOSES.values())
_NEWLINE = 0x0A
_FOREIGN = frozenset(b"$?`\x7f") | (frozenset(range(0x20)) - frozenset(b"\t\n\r\f"))
_EMPTY_STRING = (4, 5)
"""Modes after two quotes: the string was empty, or it becomes a triple-quoted one."""


@dataclass(frozen=True)
class Place:
    """Where in a program a reader is.

    Attributes:
        mode: of the lexer's automaton.
        brackets: the open ones, innermost last.
        character: the bytes of an unfinished character.
        alive: whether a valid program can still follow.
    """

    mode: int = CODE
    brackets: bytes = b""
    character: bytes = b""
    alive: bool = True


def advance(place: Place, data: bytes) -> Place:
    """The place after some bytes."""
    mode, brackets, _, alive = _read(place.mode, place.brackets, data)
    character = place.character + data
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(character)
    except UnicodeDecodeError:
        return Place(mode, brackets, b"", False)
    return Place(mode, brackets, decoder.getstate()[0], alive and place.alive)


def mask(place: Place, vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """[V] which tokens a valid program may have next; all of them where none can follow any more."""
    if not place.alive:
        return np.ones(vocabulary.size, dtype=np.bool_)
    dead, closing, kinds = _effects(vocabulary, place.mode)
    fits = np.array([_closes(kind, place.brackets) for kind in kinds])
    allowed = ~dead & fits[closing] & _decodable(vocabulary, place.character)
    ends = place.mode in (CODE, COMMENT, *_EMPTY_STRING) and not place.brackets and not place.character
    allowed[vocabulary.eos] = ends
    return allowed if allowed.any() else np.ones(vocabulary.size, dtype=np.bool_)


def _read(
    mode: int, brackets: bytes, data: bytes, unmatched: bytearray | None = None
) -> tuple[int, bytes, bytes, bool]:
    """(mode, open brackets, closing brackets that met none, alive) after some bytes.

    With `unmatched` given, closing brackets that meet no open one are collected there instead of being a fault.
    """
    after, _ = byte_automaton()
    stack = bytearray(brackets)
    alive = True
    for byte in data:
        code = mode == CODE or mode in _EMPTY_STRING
        following = int(after[mode, byte])
        if (
            byte == 0
            or (code and byte in _FOREIGN)
            or (byte == _NEWLINE and following == CODE and mode not in (CODE, COMMENT, *_EMPTY_STRING))
        ):
            alive = False
        elif code and byte in _OPENS:
            stack.append(byte)
        elif code and byte in _CLOSES:
            if stack:
                alive = alive and stack.pop() == _CLOSES[byte]
            elif unmatched is None:
                alive = False
            else:
                unmatched.append(byte)
        mode = following
    return mode, bytes(stack), bytes(unmatched or b""), alive


@functools.lru_cache(maxsize=64)
def _effects(vocabulary: Vocabulary, mode: int) -> tuple[NDArray[np.bool_], NDArray[np.intp], list[bytes]]:
    """(tokens that are dead in this mode, number of each token's closing brackets' kind, those kinds)."""
    dead = np.zeros(vocabulary.size, dtype=np.bool_)
    closing = np.zeros(vocabulary.size, dtype=np.intp)
    kinds: dict[bytes, int] = {b"": 0}
    for token, spelled in enumerate(vocabulary.token_bytes):
        _, _, unmatched, alive = _read(mode, b"", spelled, bytearray())
        dead[token] = not alive
        closing[token] = kinds.setdefault(unmatched, len(kinds))
    return dead, closing, list(kinds)


@functools.lru_cache(maxsize=64)
def _decodable(vocabulary: Vocabulary, character: bytes) -> NDArray[np.bool_]:
    """[V] which tokens can follow the bytes of an unfinished character in UTF-8."""
    allowed = np.ones(vocabulary.size, dtype=np.bool_)
    for token, spelled in enumerate(vocabulary.token_bytes):
        try:
            codecs.getincrementaldecoder("utf-8")().decode(character + spelled)
        except UnicodeDecodeError:
            allowed[token] = False
    return allowed


def _closes(closing: bytes, brackets: bytes) -> bool:
    """Whether closing brackets match the innermost open ones."""
    innermost = brackets[::-1][: len(closing)]
    return len(innermost) == len(closing) and all(
        _CLOSES[close] == opened for close, opened in zip(closing, innermost, strict=True)
    )


class Masks:
    """The masks of `rows` Token episodes, kept token by token.

    Args:
        vocabulary: of the episodes.
        rows: number of episodes.
        syntax: mask what no valid program can follow; otherwise nothing is masked.
    """

    def __init__(self, vocabulary: Vocabulary, rows: int, syntax: bool) -> None:
        self._vocabulary = vocabulary
        self._rows = rows
        self._places: list[Place | None] | None = [None] * rows if syntax else None

    def restart(self, row: int, text: str, actions: tuple[int | str, ...], language: str) -> None:
        """Begin an episode: the text it starts with, and the actions already done. Other languages are not masked."""
        if self._places is None:
            return
        spelled = b"".join(self._vocabulary.token_bytes[int(token)] for token in actions)
        self._places[row] = advance(Place(), text.encode() + spelled) if language == "python" else None

    def append(self, row: int, token: int) -> None:
        """Do one action in a row."""
        if self._places is not None and (place := self._places[row]) is not None:
            self._places[row] = advance(place, self._vocabulary.token_bytes[token])

    def of(self, row: int) -> NDArray[np.bool_]:
        """[V] the mask of a row, a fresh array."""
        place = None if self._places is None else self._places[row]
        return np.ones(self._vocabulary.size, dtype=np.bool_) if place is None else mask(place, self._vocabulary)

    def all(self) -> NDArray[np.bool_]:
        """[rows, V] the masks of all rows, a fresh array."""
        if self._places is None:
            return np.ones((self._rows, self._vocabulary.size), dtype=np.bool_)
        return np.stack([self.of(row) for row in range(self._rows)])
