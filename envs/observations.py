"""Observations of many episodes at once: the last tokens, a vector of features, or the text. Kept step by step.

Features (float32, all in -1..1), in this order:

====== =====================================================================================
0      share of the budget that is used
1      share of the budget that is left
2      indentation of the present line, of 32
3-5    open (), [] and {}, each of 8
6      inside a string
7      inside a triple-quoted string
8      inside a comment
9      nothing but white space on the present line yet
10     lines of text so far, of 64
11     tokens of text so far, of 512
12-15  Pseudocode: the last step was none, <Action 1>, <Action 2>, <Action 3> (one-hot); else zeros
16-47  the problem: signed hashes of the words of its statement and public tests, of largest entry 1
48-79  the last four tokens, the last one first: eight hash signs each, zeros before the text
====== =====================================================================================
"""

from __future__ import annotations

import codecs
import copy
import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from codegym import END
from codegym.envs.errors import unknown
from codegym.envs.lexer import COMMENT, Reader, is_string, is_triple
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.pseudocode import step_kind
from codegym.envs.mdp.state import Action, State
from codegym.envs.mdp.visible import Visible
from codegym.envs.spaces import CodeText
from codegym.envs.vocabulary import Vocabulary

ObservationMode = Literal["dict", "features", "text"]
MODES = ("dict", "features", "text")
MAX_TEXT_CHARS = 1_048_576
PHASES = 4
FEATURES = 80
_PHASE, _PROBLEM, _TOKENS, _SIGNS = 12, 16, 48, 8


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
        self.window = window
        self._process = process
        self._vocabulary = process.vocabulary
        self._with_tokens = mode == "dict"
        self._with_features = mode != "text"
        self.lengths = np.zeros(rows, dtype=np.int64)
        self._written = np.zeros(rows, dtype=np.int64)
        self._budgets = np.ones(rows, dtype=np.float32)
        self._used = np.zeros(rows, dtype=np.int64)
        self._phases = np.zeros(rows, dtype=np.int64)
        self._begun = np.zeros(rows, dtype=np.bool_)
        self._everyone = np.arange(rows)
        self._tokens = np.zeros((rows, window if self._with_tokens else 0), dtype=np.int64)
        self._attention = np.zeros(self._tokens.shape, dtype=np.int8)
        self._reader = Reader(self._vocabulary, rows) if self._with_features else None
        self._features = np.zeros((rows, FEATURES), dtype=np.float32)
        self._signs = _token_signs(self._vocabulary) if self._with_features else np.zeros((0, _SIGNS), np.float32)
        self._texts = [""] * rows
        self._decoders = [_decoder() for _ in range(rows)] if mode == "text" and process.name == "token" else []

    def __deepcopy__(self, memo: dict[int, Any]) -> Tracker:
        made = copy.copy(self)
        for name, value in vars(self).items():
            if name not in ("_process", "_vocabulary", "_signs"):  # shared: large, and never written to
                setattr(made, name, copy.deepcopy(value, memo))
        return made

    def restart(self, row: int, state: State, seen: Visible) -> None:
        """Begin an episode in a row, at any state."""
        self._begun[row] = bool(seen.prompt or state.start.text)
        self._budgets[row] = state.budget
        self._phases[row] = 0
        if self.mode == "text":
            self._texts[row] = seen.prompt + state.start.text
            if self._decoders:
                self._decoders[row].reset()
        if self._reader is not None:
            begin = _beginning(self._vocabulary, seen, state.start.text)
            self._reader.place[:, row] = begin.place
            self._features[row] = begin.features
            self._written[row] = begin.written
            if self._with_tokens:
                self._show_tokens(row, begin.tokens)
        for action in state.actions:
            self.append(row, action, state)
        self._used[row] = state.used

    def _show_tokens(self, row: int, ids: NDArray[np.int64]) -> None:
        shown = min(len(ids), self.window)
        self.lengths[row] = len(ids)
        self._tokens[row, :shown] = ids[len(ids) - shown :]
        self._tokens[row, shown:] = 0
        self._attention[row, :shown] = 1
        self._attention[row, shown:] = 0

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
        if self._with_tokens and ids:
            length = int(self.lengths[row])
            before = self._tokens[row, : min(length, self.window)]
            self._show_tokens(row, np.concatenate([before, np.array(ids, dtype=np.int64)]))
            self.lengths[row] = length + len(ids)
        assert self._reader is not None
        self._reader.read_all(row, ids)
        self._written[row] += len(ids)
        _remember(self._features[row], ids, self._signs)

    def append_batch(self, rows: NDArray[np.intp] | slice, ids: NDArray[np.int64], used: NDArray[np.int64]) -> None:
        """Bring some rows of Token episodes up to date with one id each; `used` holds all rows' used budgets.

        All rows at once (a full slice) go fastest.
        """
        self._used[:] = used
        self._append_ids(rows, ids)

    def _append_ids(self, rows: NDArray[np.intp] | slice, ids: NDArray[np.int64]) -> None:
        ends = np.flatnonzero(ids == self._vocabulary.eos)
        going, spelled = self._everyone[rows], ids
        ended = going[ends]
        if len(ends):
            going, spelled = np.delete(going, ends), np.delete(ids, ends)
        if self.mode == "text":
            table = self._vocabulary.token_bytes
            for row, token in zip(going.tolist(), spelled.tolist(), strict=True):
                self._texts[row] += self._decoders[row].decode(table[token])
            return
        if self._with_tokens:
            self._push(going, spelled)
        self._written[going] += 1
        assert self._reader is not None
        self._reader.read(rows, ids)  # the end of sequence spells nothing, so it changes nothing there
        features = self._features
        kept = features[ended, _TOKENS:]
        features[rows, _TOKENS + _SIGNS :] = features[rows, _TOKENS:-_SIGNS]
        features[rows, _TOKENS : _TOKENS + _SIGNS] = self._signs[ids]
        features[ended, _TOKENS:] = kept

    def _push(self, rows: NDArray[np.intp], ids: NDArray[np.int64]) -> None:
        """Show one more token in each of some rows; the oldest leaves a full window."""
        lengths = self.lengths[rows]
        self.lengths[rows] = lengths + 1
        full = rows[lengths >= self.window]
        if len(full):
            self._tokens[full, :-1] = self._tokens[full, 1:]
            lengths = np.minimum(lengths, self.window - 1)
        self._tokens[rows, lengths] = ids
        self._attention[rows, lengths] = 1

    @property
    def tokens_cut(self) -> NDArray[np.int64]:
        """How many tokens of each row fell out of the window on the left."""
        return np.maximum(self.lengths - self.window, 0)

    def batch(self, rows: NDArray[np.intp] | None = None) -> Any:
        """The observations of some or all rows, fresh arrays: batched Dict or Box, or a tuple of texts."""
        if self.mode == "text":
            texts = self._texts if rows is None else [self._texts[row] for row in rows.tolist()]
            return tuple(text[-MAX_TEXT_CHARS:] for text in texts)
        at = slice(None) if rows is None else rows
        features = self._batch_features(at)
        if self.mode == "features":
            return features
        observation: dict[str, NDArray[Any]] = {"attention_mask": self._attention[at], "features": features}
        if self._process.name == "pseudocode":
            observation["phase"] = self._phases[at]
        observation["tokens"] = self._tokens[at]
        if rows is None:
            return {name: part.copy() for name, part in observation.items()}  # in the order of gymnasium's Dict
        return observation

    def row(self, row: int) -> Any:
        """The observation of one row, as a single environment returns it."""
        batch = self.batch(np.array([row]))
        if self.mode == "dict":
            return {key: value[0] for key, value in batch.items()}
        return batch[0]

    def _batch_features(self, at: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        reader = self._reader
        assert reader is not None
        features = self._features
        used = np.minimum(self._used / self._budgets, 1.0)
        features[:, 0] = used
        features[:, 1] = 1.0 - used
        features[:, 2] = np.minimum(reader.indent, 32) / 32
        features[:, 3:6] = np.clip(reader.open, -8, 8).T / 8
        features[:, 6] = is_string(reader.mode)
        features[:, 7] = is_triple(reader.mode)
        features[:, 8] = reader.mode == COMMENT
        features[:, 9] = reader.blank
        features[:, 10] = np.minimum(reader.lines, 64) / 64
        features[:, 11] = np.minimum(self._written, 512) / 512
        if self._process.name == "pseudocode":
            features[:, _PHASE : _PHASE + PHASES] = self._phases[:, None] == np.arange(PHASES)
        return features[at].copy()


@dataclass(frozen=True)
class _Beginning:
    """What a row holds when an episode begins.

    Attributes:
        tokens: of prompt and start text.
        written: how many tokens the start text alone has.
        place: where in the code a reader is after it.
        features: [FEATURES] with those of the problem and of the last tokens.
    """

    tokens: NDArray[np.int64]
    written: int
    place: NDArray[np.int32]
    features: NDArray[np.float32]


@functools.lru_cache(maxsize=16384)
def _beginning(vocabulary: Vocabulary, seen: Visible, text: str) -> _Beginning:
    ids = vocabulary.encode(text)
    reader = Reader(vocabulary, 1)
    reader.read_all(0, ids)
    features = np.zeros(FEATURES, dtype=np.float32)
    features[_PROBLEM:_TOKENS] = _problem_features(seen)
    _remember(features, ids, _token_signs(vocabulary))
    tokens = np.array(vocabulary.encode(seen.prompt + text), dtype=np.int64)
    return _Beginning(tokens, len(ids), reader.place[:, 0], features)


def _remember(features: NDArray[np.float32], ids: Sequence[int], signs: NDArray[np.float32]) -> None:
    """Note the last of some ids in the features of a row."""
    for token in ids[-(FEATURES - _TOKENS) // _SIGNS :]:
        features[_TOKENS + _SIGNS :] = features[_TOKENS:-_SIGNS].copy()
        features[_TOKENS : _TOKENS + _SIGNS] = signs[token]


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")(errors="replace")


@functools.lru_cache(maxsize=8)
def _token_signs(vocabulary: Vocabulary) -> NDArray[np.float32]:
    """[V, 8] signs that tell tokens apart, the same on every machine."""
    digests = [
        hashlib.blake2b(b"%d:" % token + spelled, digest_size=1).digest()[0]
        for token, spelled in enumerate(vocabulary.token_bytes)
    ]
    bits = np.unpackbits(np.array(digests, dtype=np.uint8)[:, None], axis=1)
    return bits.astype(np.float32) * 2 - 1


def _problem_features(seen: Visible) -> NDArray[np.float32]:
    """[32] signed hashes of the statement's words, of largest entry 1."""
    vector = np.zeros(_TOKENS - _PROBLEM)
    for word in re.findall(r"\w+|[^\w\s]", "\n".join((seen.statement, *seen.public_tests))):
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        vector[digest[0] % len(vector)] += 1.0 if digest[1] & 1 else -1.0
    largest = float(np.abs(vector).max())
    return (vector / largest if largest else vector).astype(np.float32)
