"""Observations of many episodes at once: the last tokens, a vector of features, or the text. Kept step by step."""

from __future__ import annotations

import codecs
import copy
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from codegym import END
from codegym.envs.beginnings import Beginnings
from codegym.envs.errors import unknown
from codegym.envs.features import (
    FEATURES,
    PHASE,
    PHASES,
    SIGNS,
    TOKENS,
    place_features,
    remember,
    token_signs,
)
from codegym.envs.lexer import Reader
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.pseudocode import step_kind
from codegym.envs.mdp.state import Action, State
from codegym.envs.mdp.visible import Visible
from codegym.envs.spaces import CodeText
from codegym.envs.token_rows import Kernel, helper

ObservationMode = Literal["dict", "features", "text"]
MODES = ("dict", "features", "text")
MAX_TEXT_CHARS = 1_048_576


def check_mode(mode: str) -> ObservationMode:
    """The mode itself.

    Raises:
        OptionError: if there is no such observation.
    """
    if mode not in MODES:
        raise unknown("observation", mode, MODES)
    return mode  # type: ignore[return-value]


def observation_space(mode: ObservationMode, process: Process, window: int) -> spaces.Space[Any]:
    """The space of a single environment's observations."""
    features = spaces.Box(-1.0, 1.0, (FEATURES,), np.float32)
    if mode == "features":
        return features
    if mode == "text":
        return CodeText(MAX_TEXT_CHARS)
    parts: dict[str, spaces.Space[Any]] = {
        "tokens": spaces.Box(0, process.vocabulary.size - 1, (window,), np.int64),
        "attention_mask": spaces.Box(0, 1, (window,), np.int8),
        "features": features,
    }
    if process.name == "pseudocode":
        parts["phase"] = spaces.Discrete(PHASES)
    return spaces.Dict(parts)


class Tracker:
    """The observations of `rows` episodes, brought up to date in place, action by action, and copied when asked for.

    Args:
        mode: which observation.
        process: of the episodes.
        window: tokens in a `dict` observation.
        rows: number of episodes.
    """

    def __init__(self, mode: ObservationMode, process: Process, window: int, rows: int) -> None:
        self.mode = mode
        self.rows = rows
        self.window = window if mode == "dict" else 0
        self._process = process
        self._vocabulary = process.vocabulary
        self.lengths = np.zeros(rows, dtype=np.int64)
        self._written = np.zeros(rows, dtype=np.int64)
        self._budgets = np.ones(rows, dtype=np.float32)
        self._used = np.zeros(rows, dtype=np.int64)
        self._phases = np.zeros(rows, dtype=np.int64)
        self._begun = np.zeros(rows, dtype=np.bool_)
        self._first = np.arange(rows) * self.window  # where each row begins in the flat arrays of tokens
        self._tokens = np.zeros((rows, self.window), dtype=np.int32)  # half of what is handed out, so copied faster
        self._attention = np.zeros((rows, self.window), dtype=np.int8)
        self._reader = Reader(self._vocabulary, rows)
        self._features = np.zeros((rows, FEATURES), dtype=np.float32)
        self._signs = np.zeros((0, SIGNS), dtype=np.float32) if mode == "text" else token_signs(self._vocabulary)
        self._beginnings = Beginnings(self._vocabulary, self.window, 16 * rows)
        self._kernel: Kernel | None = None
        self._texts = [""] * rows
        self._decoders = [_decoder() for _ in range(rows)] if mode == "text" and process.name == "token" else []

    def __deepcopy__(self, memo: dict[int, Any]) -> Tracker:
        made = copy.copy(self)
        for name, value in vars(self).items():
            if name not in ("_process", "_vocabulary", "_signs", "_first", "_kernel"):  # never written to, or of ours
                setattr(made, name, copy.deepcopy(value, memo))
        made._kernel = None
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_kernel": None}

    def kernel(self) -> Kernel | None:
        """The C helper over these arrays, or None where there is none or nothing but text is shown."""
        if self._kernel is None and self.mode != "text" and (library := helper()) is not None:
            arrays: dict[str, NDArray[Any]] = {
                "used": self._used, "lengths": self.lengths, "written": self._written, "budgets": self._budgets,
                "tokens": self._tokens, "attention": self._attention, "features": self._features, "signs": self._signs,
            }  # fmt: skip
            self._kernel = Kernel(library, self._vocabulary, self._reader, arrays, self.window)
        return self._kernel

    def restart(self, rows: Sequence[int], states: Sequence[State], seen: Sequence[Visible]) -> None:
        """Begin an episode in some rows, at any state.

        Args:
            rows: which.
            states: where the episodes are.
            seen: of their problems.
        """
        at = np.array(rows, dtype=np.intp)
        self._used[at] = [state.used for state in states]
        self._budgets[at] = [state.budget for state in states]
        if self.mode != "text":
            numbers = self._beginnings.numbers(seen, [state.start.text for state in states])
            self._show(at, np.array(numbers, dtype=np.intp))
        if self.mode == "text" or self._process.name != "token":
            for row, state, problem in zip(rows, states, seen, strict=True):
                self._begun[row] = bool(problem.prompt or state.start.text)
                self._phases[row] = 0
                self._texts[row] = problem.prompt + state.start.text if self.mode == "text" else ""
                if self._decoders:
                    self._decoders[row].reset()
        for row, state in zip(rows, states, strict=True):
            if state.actions:
                for action in state.actions:
                    self.append(row, action, state)

    @property
    def beginnings(self) -> Beginnings:
        """The table of beginnings met so far."""
        return self._beginnings

    def begin(self, at: NDArray[np.intp], numbers: NDArray[np.intp], budget: int) -> None:
        """Begin episodes in some rows, where nothing is done yet.

        Args:
            at: which rows.
            numbers: the row of the table of beginnings for each.
            budget: of all of them.
        """
        self._used[at] = 0
        self._budgets[at] = budget
        self._show(at, numbers)

    def _show(self, at: NDArray[np.intp], numbers: NDArray[np.intp]) -> None:
        """Put some rows at their beginnings."""
        table = self._beginnings
        kernel = self.kernel()
        if kernel is not None:
            kernel.begin(table, at, numbers)
            return
        self._written[at] = table.written.take(numbers)
        self._reader.place[:, at] = table.places.take(numbers, axis=0).T
        self._features[at] = table.features.take(numbers, axis=0)
        if self.window:
            self.lengths[at] = lengths = table.lengths.take(numbers)
            self._attention[at] = np.arange(self.window) < lengths[:, None]
            self._tokens[at] = table.tokens.take(numbers, axis=0)

    def append(self, row: int, action: Action, state: State) -> None:
        """Bring one row up to date with an action; `state` is the one after it."""
        self._used[row] = state.used
        if self._process.name == "token":
            self._append_ids(np.array([row]), np.array([action], dtype=np.int64))
            return
        step = str(action)
        if self._process.name == "line" and step == END:
            return
        if self._process.name == "pseudocode":
            self._phases[row] = step_kind(step)
        piece = "\n" + step if self._begun[row] else step
        self._begun[row] = True
        if self.mode == "text":
            self._texts[row] += piece
            return
        ids = self._vocabulary.encode(piece)
        if not ids:
            return
        if self.window:
            length = min(int(self.lengths[row]), self.window)
            shown = [*self._tokens[row, :length].tolist(), *ids][-self.window :]
            self.lengths[row] += len(ids)
            self._tokens[row, : len(shown)] = shown
            self._attention[row, : len(shown)] = 1
        self._reader.read_all(row, ids)
        self._written[row] += len(ids)
        for token in ids[-4:]:
            remember(self._features, np.array([row]), self._signs[[token]])

    def append_batch(self, rows: NDArray[np.intp] | slice, ids: NDArray[np.int64], used: NDArray[np.int64]) -> None:
        """Bring some rows of Token episodes up to date with one id each; `used` holds all rows' used budgets.

        All rows at once (a full slice) go fastest.
        """
        self._used[:] = used
        self._append_ids(rows, ids)

    def _append_ids(self, rows: NDArray[np.intp] | slice, ids: NDArray[np.int64]) -> None:
        spells = ids != self._vocabulary.eos
        if self.mode == "text":
            table = self._vocabulary.token_bytes
            going = np.arange(self.rows)[rows][spells]
            for row, token in zip(going.tolist(), ids[spells].tolist(), strict=True):
                self._texts[row] += self._decoders[row].decode(table[token])
            return
        if self.window:
            self._push(rows, ids, spells)
        self._written[rows] += spells
        self._reader.read(rows, ids)  # the end of sequence spells nothing, so it changes nothing there
        ended = np.arange(self.rows)[rows][~spells]
        kept = self._features[ended, TOKENS:]
        remember(self._features, rows, self._signs.take(ids, axis=0))
        self._features[ended, TOKENS:] = kept

    def _push(self, rows: NDArray[np.intp] | slice, ids: NDArray[np.int64], spells: NDArray[np.bool_]) -> None:
        """Show one more token in each of some rows where it spells something; the oldest leaves a full window."""
        lengths = self.lengths[rows]
        free = lengths < self.window
        if not free.all():
            full = np.flatnonzero(~free & spells)
            at = np.arange(self.rows)[rows][full]
            self._tokens[at, :-1] = self._tokens[at, 1:]
            self._tokens[at, -1] = ids[full]
        at = (self._first[rows] + lengths)[free]
        shown = spells if len(at) == len(ids) else spells[free]
        self._tokens.reshape(-1)[at] = (ids if len(at) == len(ids) else ids[free]) * shown
        self._attention.reshape(-1)[at] = shown
        self.lengths[rows] = lengths + spells

    @property
    def tokens_cut(self) -> NDArray[np.int64]:
        """How many tokens of each row fell out of the window on the left."""
        return np.maximum(self.lengths - self.window, 0)

    def batch(self, rows: NDArray[np.intp] | None = None) -> Any:
        """The observations of some or all rows, fresh arrays: batched Dict or Box, or a tuple of texts."""
        if self.mode == "text":
            texts = self._texts if rows is None else [self._texts[row] for row in rows.tolist()]
            return tuple(text[-MAX_TEXT_CHARS:] for text in texts)
        if self._process.name == "pseudocode":
            self._features[:, PHASE : PHASE + PHASES] = self._phases[:, None] == np.arange(PHASES)
        kernel = self.kernel()
        tokens, attention, features = self._copies(rows) if kernel is None else kernel.observe(rows)
        if self.mode == "features":
            return features
        # In the order of gymnasium's Dict.
        observation: dict[str, NDArray[Any]] = {"attention_mask": attention, "features": features}
        if self._process.name == "pseudocode":
            observation["phase"] = self._phases[slice(None) if rows is None else rows].copy()
        observation["tokens"] = tokens
        return observation

    def _copies(self, rows: NDArray[np.intp] | None) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float32]]:
        at = slice(None) if rows is None else rows
        place_features(self._features, self._reader, self._used, self._budgets, self._written)
        return self._tokens[at].astype(np.int64), self._attention[at].copy(), self._features[at].copy()

    def row(self, row: int) -> Any:
        """The observation of one row, as a single environment returns it."""
        batch = self.batch(np.array([row]))
        if self.mode == "dict":
            return {key: value[0] for key, value in batch.items()}
        return batch[0]


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")(errors="replace")
