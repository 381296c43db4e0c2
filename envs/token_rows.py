"""The optional C helper of Token episodes: one call does the step of all rows, another their observations.

Without it (no compiler, or CODEGYM_HELPER=off) numpy does the same in forty calls: bit for bit equal, and slower.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegym.envs.beginnings import Beginnings
from codegym.envs.compiled import compiled
from codegym.envs.features import FEATURES, LEAST, MODE_FLAGS, MOST, SCALE
from codegym.envs.lexer import MODES, Lexer, Reader
from codegym.envs.vocabulary import Vocabulary

_SOURCES = [Path(__file__).with_name("token_rows.c")]
_FLAGS = ("-O3", "-ffp-contract=off")  # a fused multiply-add would round once where numpy rounds twice
_SHORT = 16  # see token_rows.c
_LEAST, _MOST, _SCALE = (np.ascontiguousarray(table.reshape(-1)) for table in (LEAST, MOST, SCALE))
_MODE_FLAGS = np.ascontiguousarray(MODE_FLAGS)


@functools.cache
def examine() -> tuple[str, str]:
    """The path of the compiled helper, or "" and the reason."""
    return compiled("token-rows", _SOURCES, _FLAGS)


@functools.cache
def helper() -> Any:
    """The loaded helper, or None where there is none."""
    path = examine()[0]
    if not path:
        return None
    try:
        library = ctypes.CDLL(path)
    except OSError:  # made for another machine that shares this cache
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    library.codegym_step.argtypes = [pointer] * 5
    library.codegym_step.restype = number
    library.codegym_begin.argtypes = [pointer, pointer, pointer, pointer, number]
    library.codegym_begin.restype = None
    library.codegym_spell.argtypes = [pointer, pointer, number, *[pointer] * 5]
    library.codegym_spell.restype = None
    library.codegym_observe.argtypes = [pointer, pointer, number, pointer, pointer, pointer]
    library.codegym_observe.restype = None
    return library


class _Shown(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("rows", "window", "size", "eos")),
        *((name, ctypes.c_void_p) for name in ("used", "lengths", "written", "budgets", "tokens", "attention")),
        *((name, ctypes.c_void_p) for name in ("features", "place", "after", "brackets", "newlines", "lead")),
        *((name, ctypes.c_void_p) for name in ("blank", "signs", "mode_flags")),
        ("modes", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("scale", "least", "most")),
    ]


class _Episodes(ctypes.Structure):
    _fields_ = [
        ("ids", ctypes.c_void_p),
        ("width", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("used", "budgets", "ended")),
    ]


class _Beginnings(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("lengths", "written", "tokens", "places", "features")]


class Kernel:
    """The helper over one Tracker's arrays; they must outlive it and stay where they are.

    Args:
        library: from `helper()`.
        vocabulary: of the episodes.
        reader: of the tracker.
        arrays: the tracker's others, by their names in token_rows.c.
        window: tokens in an observation, 0 for none.
    """

    def __init__(
        self, library: Any, vocabulary: Vocabulary, reader: Reader, arrays: dict[str, NDArray[Any]], window: int
    ) -> None:
        tables: Lexer = reader.tables
        every = {
            **arrays,
            "place": reader.place,
            **{name: getattr(tables, name) for name in ("after", "brackets", "newlines", "lead", "blank")},
            **{"mode_flags": _MODE_FLAGS, "scale": _SCALE, "least": _LEAST, "most": _MOST},
        }
        for name, dtype in _DTYPES.items():
            if every[name].dtype != dtype or not every[name].flags.c_contiguous:
                raise TypeError(f"token_rows.c reads {name!r} as {np.dtype(dtype)} in C order.")
        self._library = library
        self._kept = every
        self._rows = len(arrays["used"])
        self._window = window
        self._shown = _Shown(
            rows=self._rows, window=window, size=vocabulary.size, eos=vocabulary.eos, modes=MODES,
            **{name: array.ctypes.data for name, array in every.items()},
        )  # fmt: skip
        self._at = ctypes.addressof(self._shown)
        self._episodes = _Episodes()
        self._ids: NDArray[np.int64] | None = None
        self._beginnings = _Beginnings()
        self._table: NDArray[np.float32] | None = None
        pieces = vocabulary.token_bytes
        self._spelled = np.frombuffer(b"".join(pieces) + b" " * _SHORT, dtype=np.uint8)
        self._offsets = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
        self._tables = _address(self._spelled), _address(self._offsets)
        self._longest = max(map(len, pieces))

    def episodes(
        self,
        ids: NDArray[np.int64],
        used: NDArray[np.int64],
        budgets: NDArray[np.int64],
        ended: NDArray[np.bool_],
    ) -> None:
        """Which episodes the next calls are about.

        Args:
            ids: [rows, width] of the episodes so far; the others [rows] each.
            used: how many of them.
            budgets: how many there may be.
            ended: whose last one ends the program.
        """
        if self._ids is not ids:
            self._ids = ids
            self._episodes = _Episodes(
                ids.ctypes.data, ids.shape[1], used.ctypes.data, budgets.ctypes.data, ended.ctypes.data
            )

    def begin(self, table: Beginnings, rows: NDArray[np.intp], numbers: NDArray[np.intp]) -> None:
        """Begin episodes in some rows, each at a row of the table."""
        if self._table is not table.features:
            self._table = table.features
            columns = (table.lengths, table.written, table.tokens, table.places, table.features)
            self._beginnings = _Beginnings(*(column.ctypes.data for column in columns))
        self._library.codegym_begin(
            self._at, ctypes.addressof(self._beginnings), _address(rows), _address(numbers), len(rows)
        )

    def spell(self, rows: NDArray[np.intp], used: int) -> tuple[NDArray[np.int32], memoryview, list[int]]:
        """The ids of the episodes of some rows, one after the other; the bytes they spell; where each one's end.

        Args:
            rows: which.
            used: how many ids these are.
        """
        ids = np.empty(used, dtype=np.int32)
        spelled = np.empty(used * self._longest + _SHORT, dtype=np.uint8)
        ends = np.empty(len(rows), dtype=np.int64)
        self._library.codegym_spell(
            ctypes.addressof(self._episodes), _address(rows), len(rows), *self._tables,
            _address(ids), _address(spelled), _address(ends),
        )  # fmt: skip
        return ids, spelled.data, ends.tolist()

    def step(self, actions: NDArray[np.int64], resting: NDArray[np.bool_]) -> tuple[int, NDArray[np.bool_]]:
        """Do one action in every row that does not rest.

        Args:
            actions: int64, contiguous.
            resting: rows to leave as they are.

        Returns:
            -1, or the first row whose action is no token (then no row has moved); and which rows are done now.
        """
        done = np.empty(self._rows, dtype=np.bool_)
        wrong = self._library.codegym_step(
            self._at, ctypes.addressof(self._episodes), _address(actions), _address(resting), _address(done)
        )
        return int(wrong), done

    def observe(self, rows: NDArray[np.intp] | None) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float32]]:
        """Tokens, attention mask and features of some or all rows, fresh arrays."""
        count = self._rows if rows is None else len(rows)
        tokens = np.empty((count, self._window), dtype=np.int64)
        attention = np.empty((count, self._window), dtype=np.int8)
        features = np.empty((count, FEATURES), dtype=np.float32)
        chosen = None if rows is None else np.ascontiguousarray(rows, dtype=np.int64)
        self._library.codegym_observe(
            self._at,
            None if chosen is None else _address(chosen),
            count,
            _address(tokens),
            _address(attention),
            _address(features),
        )
        return tokens, attention, features


_DTYPES = {
    **dict.fromkeys(("used", "lengths", "written"), np.int64),
    **dict.fromkeys(("budgets", "features", "signs", "mode_flags"), np.float32),
    **dict.fromkeys(("tokens", "place", "least", "most"), np.int32),
    **{"attention": np.int8, "after": np.uint8, "brackets": np.int8, "newlines": np.int16, "lead": np.int16},
    **{"blank": np.bool_, "scale": np.float64},
}


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
