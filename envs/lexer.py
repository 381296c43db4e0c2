"""What each token does to a reader of code: string or comment, open brackets, indentation, looked up in tables.

Twenty modes of a byte-level automaton say where in the code a reader is; for every (mode, token) the tables hold the
mode after the token and how many brackets it opened and closed. A batch of tokens is then a few array look-ups.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegym.envs.vocabulary import Vocabulary

CODE, COMMENT = 0, 1
_QUOTES = (0x22, 0x27)
# Per quote character: one quote read; two read; inside; after a backslash; inside triple quotes; after a backslash
# there; one closing quote read; two read.
_ONE, _TWO, _IN, _ESC, _IN3, _ESC3, _CLOSE1, _CLOSE2 = range(2, 18, 2)
MODES = 18
_BRACKETS = {0x28: (0, 1), 0x29: (0, -1), 0x5B: (1, 1), 0x5D: (1, -1), 0x7B: (2, 1), 0x7D: (2, -1)}


def is_string(mode: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Whether each mode is inside a string."""
    return mode >= _ONE


def is_triple(mode: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Whether each mode is inside a triple-quoted string."""
    return mode >= _IN3


@functools.cache
def byte_automaton() -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """(mode after a byte [mode, byte], bracket change [3, mode, byte])."""
    after = np.zeros((MODES, 256), dtype=np.uint8)
    brackets = np.zeros((3, MODES, 256), dtype=np.int8)
    backslash, newline = 0x5C, 0x0A
    after[CODE, ord("#")] = COMMENT
    after[COMMENT] = COMMENT
    after[COMMENT, newline] = CODE
    for which, quote in enumerate(_QUOTES):
        after[CODE, quote] = _ONE + which
    for byte, (kind, change) in _BRACKETS.items():
        brackets[kind, CODE, byte] = change
    for which, quote in enumerate(_QUOTES):
        one, two, inside, escaped = (mode + which for mode in (_ONE, _TWO, _IN, _ESC))
        inside3, escaped3, close1, close2 = (mode + which for mode in (_IN3, _ESC3, _CLOSE1, _CLOSE2))
        after[two] = after[CODE]  # an empty string was read: go on in code
        brackets[:, two] = brackets[:, CODE]
        after[two, quote] = inside3
        for mode in (one, inside):
            after[mode] = inside
            after[mode, backslash] = escaped
            after[mode, newline] = CODE  # not a valid program; the reader starts afresh
        after[one, quote] = two
        after[inside, quote] = CODE
        after[escaped] = inside
        for mode in (inside3, close1, close2):
            after[mode] = inside3
            after[mode, backslash] = escaped3
        after[inside3, quote] = close1
        after[close1, quote] = close2
        after[close2, quote] = CODE
        after[escaped3] = inside3
    return after, brackets


@dataclass(frozen=True)
class Lexer:
    """Tables for one vocabulary of V tokens.

    Attributes:
        after: [MODES * V] mode after a token.
        brackets: [3, MODES * V] net change of open (), [] and {}.
        newlines: [V] newlines in a token.
        lead: [V] width of the white space after the token's last newline, or at its beginning if it has none.
        blank: [V] whether nothing but white space follows that newline (or is in the token at all).
    """

    size: int
    after: NDArray[np.uint8]
    brackets: NDArray[np.int8]
    newlines: NDArray[np.int16]
    lead: NDArray[np.int16]
    blank: NDArray[np.bool_]

    def __deepcopy__(self, memo: dict[int, Any]) -> Lexer:
        return self


@functools.lru_cache(maxsize=8)
def lexer_of(vocabulary: Vocabulary) -> Lexer:
    """The tables of a vocabulary; a second for 50,000 tokens, then kept."""
    step, change = byte_automaton()
    size = vocabulary.size
    lengths = np.array([len(spelled) for spelled in vocabulary.token_bytes])
    mode = np.repeat(np.arange(MODES, dtype=np.uint8)[:, None], size, axis=1)
    brackets = np.zeros((3, MODES, size), dtype=np.int8)
    for position in range(int(lengths.max(initial=0))):
        tokens = np.flatnonzero(lengths > position)
        byte = np.array([vocabulary.token_bytes[token][position] for token in tokens])
        before = mode[:, tokens]
        brackets[:, :, tokens] += change[:, before, byte]
        mode[:, tokens] = step[before, byte]
    tails = [spelled.rpartition(b"\n")[2] for spelled in vocabulary.token_bytes]
    spaces = [tail[: len(tail) - len(tail.lstrip(b" \t"))] for tail in tails]
    return Lexer(
        size=size,
        after=mode.reshape(-1),
        brackets=brackets.reshape(3, -1),
        newlines=np.array([spelled.count(b"\n") for spelled in vocabulary.token_bytes], dtype=np.int16),
        lead=np.array([len(space) + 3 * space.count(b"\t") for space in spaces], dtype=np.int16),
        blank=np.array([space == tail for space, tail in zip(spaces, tails, strict=True)]),
    )


class Reader:
    """Where in the code a reader of each of `rows` texts is.

    Attributes (one entry per row, all of them rows of the array `place`):
        mode: of the automaton.
        indent: width of the white space that begins the present line.
        open: [3, rows] open (), [] and {}; below zero where more were closed.
        blank: nothing but white space is on the present line yet.
        lines: newlines read.
        counts: [6, rows] these four.
    """

    def __init__(self, vocabulary: Vocabulary, rows: int) -> None:
        self._vocabulary = vocabulary
        self.place = np.zeros((7, rows), dtype=np.int32)
        self.blank[:] = 1

    @functools.cached_property
    def tables(self) -> Lexer:
        """Of the vocabulary."""
        return lexer_of(self._vocabulary)  # made where something is read, not in environments that show text alone

    @property
    def mode(self) -> NDArray[np.int32]:
        """Of the automaton."""
        part: NDArray[np.int32] = self.place[0]
        return part

    @property
    def counts(self) -> NDArray[np.int32]:
        """[6, rows] indent, open, blank and lines."""
        return self.place[1:]

    @property
    def open(self) -> NDArray[np.int32]:
        """[3, rows] open brackets of each kind."""
        return self.place[2:5]

    @property
    def lines(self) -> NDArray[np.int32]:
        """Newlines read."""
        part: NDArray[np.int32] = self.place[6]
        return part

    @property
    def indent(self) -> NDArray[np.int32]:
        """Width of the white space that begins the present line."""
        part: NDArray[np.int32] = self.place[1]
        return part

    @property
    def blank(self) -> NDArray[np.int32]:
        """1 where nothing but white space is on the present line yet, else 0."""
        part: NDArray[np.int32] = self.place[5]
        return part

    def read(self, rows: NDArray[np.intp] | slice, tokens: NDArray[np.int64]) -> None:
        """Read one token in each of some rows."""
        tables = self.tables
        at = self.mode[rows] * tables.size + tokens
        self.mode[rows] = tables.after.take(at)
        self.open[:, rows] += tables.brackets.take(at, axis=1)
        newlines = tables.newlines.take(tokens)
        self.lines[rows] += newlines
        fresh = newlines > 0
        blank = self.blank[rows]
        lead = tables.lead.take(tokens)
        self.indent[rows] = np.where(fresh, lead, self.indent[rows] + lead * blank)
        self.blank[rows] = (blank | fresh) & tables.blank.take(tokens)

    def read_all(self, row: int, tokens: Sequence[int]) -> None:
        """Read several tokens in one row."""
        tables = self.tables
        mode, indent, *opened, blank, lines = self.place[:, row].tolist()
        for token in tokens:
            at = mode * tables.size + token
            mode = int(tables.after[at])
            opened = [have + int(tables.brackets[kind, at]) for kind, have in enumerate(opened)]
            newlines, lead = int(tables.newlines[token]), int(tables.lead[token])
            lines += newlines
            indent = lead if newlines else indent + lead * blank
            blank = int((blank or newlines > 0) and bool(tables.blank[token]))
        self.place[:, row] = mode, indent, *opened, blank, lines
