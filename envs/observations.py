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
    """The observations of `rows` episodes, brought up to date action by action.

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
        self._tokens = np.zeros((rows, window + 64 if self._with_tokens else 0), dtype=np.int64)
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
        begin = seen.prompt + state.start.text
        self._begun[row] = bool(begin)
        self._budgets[row] = state.budget
        self._used[row] = self._phases[row] = self._written[row] = 0
        if self.mode == "text":
            self._texts[row] = begin
            if self._decoders:
                self._decoders[row].reset()
        if self._with_tokens:
            self._tokens[row] = 0
            self.lengths[row] = 0
            self._append_tokens(row, _encoded(self._vocabulary, begin))
        if self._reader is not None:
            self._reader.restart(row, state.start.text)
            self._features[row] = 0.0
            self._features[row, _PROBLEM:_TOKENS] = _problem_features(seen)
            self._note(row, _encoded(self._vocabulary, state.start.text))
        for action in state.actions:
            self.append(row, action, state)
        self._used[row] = state.used

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
        if self._with_tokens:
            self._append_tokens(row, ids)
        if self._reader is not None:
            self._reader.read_all(row, ids)
            self._note(row, ids)

    def append_batch(self, rows: NDArray[np.intp] | slice, ids: NDArray[np.int64], used: NDArray[np.int64]) -> None:
        """Bring some rows of Token episodes up to date with one id each; `used` holds all rows' used budgets."""
        self._used[:] = used
        self._append_ids(rows, ids)

    def _append_ids(self, rows: NDArray[np.intp] | slice, ids: NDArray[np.int64]) -> None:
        going = ids != self._vocabulary.eos
        if not going.all():
            rows, ids = np.arange(self.rows)[rows][going], ids[going]
        if not len(ids):
            return
        if self.mode == "text":
            table = self._vocabulary.token_bytes
            for row, token in zip(np.arange(self.rows)[rows].tolist(), ids.tolist(), strict=True):
                self._texts[row] += self._decoders[row].decode(table[token])
            return
        if self._with_tokens:
            lengths = self.lengths[rows]
            self._make_room(int(lengths.max()) + 1)
            self._tokens[np.arange(self.rows)[rows], lengths] = ids
            self.lengths[rows] = lengths + 1
        self._written[rows] += 1
        assert self._reader is not None
        self._reader.read(rows, ids)
        features = self._features
        features[rows, _TOKENS + _SIGNS :] = features[rows, _TOKENS:-_SIGNS]
        features[rows, _TOKENS : _TOKENS + _SIGNS] = self._signs[ids]

    def _append_tokens(self, row: int, ids: Sequence[int]) -> None:
        length = int(self.lengths[row])
        self._make_room(length + len(ids))
        self._tokens[row, length : length + len(ids)] = ids
        self.lengths[row] = length + len(ids)

    def _make_room(self, length: int) -> None:
        have = self._tokens.shape[1]
        if length > have:
            grown = np.zeros((self.rows, max(2 * have, length)), dtype=np.int64)
            grown[:, :have] = self._tokens
            self._tokens = grown

    def _note(self, row: int, ids: Sequence[int]) -> None:
        """Count some text's ids and remember the last of them in the features."""
        self._written[row] += len(ids)
        features = self._features[row]
        for token in ids[-(FEATURES - _TOKENS) // _SIGNS :]:
            features[_TOKENS + _SIGNS :] = features[_TOKENS:-_SIGNS].copy()
            features[_TOKENS : _TOKENS + _SIGNS] = self._signs[token]

    @property
    def tokens_cut(self) -> NDArray[np.int64]:
        """How many tokens of each row fell out of the window on the left."""
        return np.maximum(self.lengths - self.window, 0)

    def batch(self, rows: NDArray[np.intp] | None = None) -> Any:
        """The observations of some or all rows, fresh arrays: batched Dict or Box, or a tuple of texts."""
        at = slice(None) if rows is None else rows
        if self.mode == "text":
            texts = self._texts if rows is None else [self._texts[row] for row in rows.tolist()]
            return tuple(text[-MAX_TEXT_CHARS:] for text in texts)
        features = self._batch_features(at)
        if self.mode == "features":
            return features
        lengths = self.lengths[at]
        tokens = self._tokens[at, : self.window].copy()
        over = np.flatnonzero(lengths > self.window)
        if len(over):
            places = (lengths[over] - self.window)[:, None] + np.arange(self.window)
            tokens[over] = self._tokens[np.arange(self.rows)[at][over][:, None], places]
        observation = {
            "attention_mask": (np.arange(self.window) < lengths[:, None]).view(np.int8),
            "features": features,
            "tokens": tokens,
        }
        if self._process.name == "pseudocode":
            observation["phase"] = self._phases[at].copy()
        return dict(sorted(observation.items()))  # the order of gymnasium's Dict

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


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")(errors="replace")


@functools.lru_cache(maxsize=4096)
def _encoded(vocabulary: Vocabulary, text: str) -> tuple[int, ...]:
    return tuple(vocabulary.encode(text))


@functools.lru_cache(maxsize=8)
def _token_signs(vocabulary: Vocabulary) -> NDArray[np.float32]:
    """[V, 8] signs that tell tokens apart, the same on every machine."""
    digests = [
        hashlib.blake2b(b"%d:" % token + spelled, digest_size=1).digest()[0]
        for token, spelled in enumerate(vocabulary.token_bytes)
    ]
    bits = np.unpackbits(np.array(digests, dtype=np.uint8)[:, None], axis=1)
    return bits.astype(np.float32) * 2 - 1


@functools.lru_cache(maxsize=4096)
def _problem_features(seen: Visible) -> NDArray[np.float32]:
    """[32] signed hashes of the statement's words, of largest entry 1."""
    vector = np.zeros(_TOKENS - _PROBLEM)
    for word in re.findall(r"\w+|[^\w\s]", "\n".join((seen.statement, *seen.public_tests))):
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        vector[digest[0] % len(vector)] += 1.0 if digest[1] & 1 else -1.0
    largest = float(np.abs(vector).max())
    return (vector / largest if largest else vector).astype(np.float32)
