"""Where episodes begin, worked out once for each problem and start text, and kept as the rows of a few arrays."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegym.envs.features import FEATURES, PROBLEM, TOKENS, last_tokens, problem_features
from codegym.envs.lexer import Reader
from codegym.envs.mdp.visible import Visible
from codegym.envs.vocabulary import Vocabulary

MOST = 16384
_COLUMNS = ("tokens", "lengths", "written", "places", "features")


@dataclass(frozen=True)
class Beginning:
    """What a row holds when an episode begins.

    Attributes:
        tokens: [window] the last tokens of prompt and start text, right-padded with 0.
        length: how many tokens these two have.
        written: how many the start text alone has.
        place: [7] where in the code a reader is after it.
        features: [FEATURES] with those of the problem and of the last tokens.
    """

    tokens: NDArray[np.int32]
    length: int
    written: int
    place: NDArray[np.int32]
    features: NDArray[np.float32]


@functools.lru_cache(maxsize=MOST)
def beginning(vocabulary: Vocabulary, seen: Visible, text: str, window: int) -> Beginning:
    """The beginning of an episode of a problem with a start text."""
    ids = vocabulary.encode(text)
    reader = Reader(vocabulary, 1)
    reader.read_all(0, ids)
    features = np.zeros(FEATURES, dtype=np.float32)
    features[PROBLEM] = problem_features(seen)
    features[TOKENS:] = last_tokens(ids, vocabulary)
    every = vocabulary.encode(seen.prompt + text) if window else []
    shown = every[-window:] if window else []
    tokens = np.zeros(window, dtype=np.int32)
    tokens[: len(shown)] = shown
    return Beginning(tokens, len(every), len(ids), reader.place[:, 0].copy(), features)


class Beginnings:
    """A table of the beginnings met so far, from which many rows are filled at once.

    The attributes are those of `Beginning` with one entry each, at the places that `numbers` names.

    Args:
        vocabulary: of the episodes.
        window: tokens kept of each.
        most: entries kept; when there are more, all are forgotten.
    """

    def __init__(self, vocabulary: Vocabulary, window: int, most: int) -> None:
        self._vocabulary = vocabulary
        self._window = window
        self._most = min(most, MOST)
        self._numbers: dict[tuple[str, str], int] = {}
        self.generation = 0
        """How often all entries were forgotten."""
        self.tokens = np.zeros((0, window), dtype=np.int32)
        self.lengths = np.zeros(0, dtype=np.int64)
        self.written = np.zeros(0, dtype=np.int64)
        self.places = np.zeros((0, 7), dtype=np.int32)
        self.features = np.zeros((0, FEATURES), dtype=np.float32)

    def __deepcopy__(self, memo: dict[int, Any]) -> Beginnings:
        return Beginnings(self._vocabulary, self._window, self._most)  # the entries are kept by `beginning` anyway

    def numbers(self, seen: Sequence[Visible], texts: Sequence[str]) -> list[int]:
        """Where in the table the beginnings of some episodes are; valid until the next call.

        Args:
            seen: their problems; one uri always stands for one problem.
            texts: the texts they start with.
        """
        known = self._numbers
        keys = [(problem.problem, text) for problem, text in zip(seen, texts, strict=True)]
        try:
            return [known[key] for key in keys]
        except KeyError:
            new = {key: problem for key, problem in zip(keys, seen, strict=True) if key not in known}
        if len(known) + len(new) > max(self._most, len(keys)):
            known.clear()
            self.generation += 1
            new = dict(zip(keys, seen, strict=True))
        self._grow(len(known) + len(new))
        for key, problem in new.items():
            at = known[key] = len(known)
            begin = beginning(self._vocabulary, problem, key[1], self._window)
            self.tokens[at], self.lengths[at], self.written[at] = begin.tokens, begin.length, begin.written
            self.places[at], self.features[at] = begin.place, begin.features
        return [known[key] for key in keys]

    def _grow(self, entries: int) -> None:
        held = len(self.lengths)
        if entries > held:
            for name in _COLUMNS:
                old = getattr(self, name)
                wider = np.zeros((max(entries, 2 * held), *old.shape[1:]), dtype=old.dtype)
                wider[:held] = old
                setattr(self, name, wider)
