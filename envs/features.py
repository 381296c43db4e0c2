"""The vector of features of an episode: where in the code its writer is, which problem it is, the last tokens.

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

import functools
import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from codegym.envs.lexer import COMMENT, MODES, Reader, is_string, is_triple
from codegym.envs.mdp.visible import Visible
from codegym.envs.vocabulary import Vocabulary

FEATURES = 80
PLACE = slice(0, 12)
PHASE, PHASES = 12, 4
PROBLEM = slice(16, 48)
TOKENS, SIGNS, REMEMBERED = 48, 8, 4

# Of indentation, open (), [] and {}, blank and lines: the range that is told apart, and what makes it -1..1.
LEAST = np.array([[0], [-8], [-8], [-8], [0], [0]], dtype=np.int32)
MOST = np.array([[32], [8], [8], [8], [1], [64]], dtype=np.int32)
SCALE = 1 / MOST
_MODES = np.arange(MODES)
MODE_FLAGS = np.array([is_string(_MODES), is_triple(_MODES), _MODES == COMMENT], dtype=np.float32)


def place_features(
    features: NDArray[np.float32],
    reader: Reader,
    used: NDArray[np.int64],
    budgets: NDArray[np.float32],
    written: NDArray[np.int64],
) -> None:
    """Bring features 0 to 11 of all rows up to date.

    Args:
        features: [rows, FEATURES], written to.
        reader: where in the code each row is.
        used: [rows] budget used.
        budgets: [rows].
        written: [rows] tokens of text so far.
    """
    place = np.empty((12, len(used)), dtype=np.float32)  # a row for each feature: one pass over `features` in the end
    share = np.minimum(used / budgets, 1.0)
    place[0] = share
    np.subtract(1.0, share, out=place[1], casting="same_kind")
    counts = np.minimum(np.maximum(reader.counts, LEAST), MOST)
    np.multiply(counts[:4], SCALE[:4], out=place[2:6], casting="same_kind")
    place[6:9] = MODE_FLAGS.take(reader.mode, axis=1)
    np.multiply(counts[4:], SCALE[4:], out=place[9:11], casting="same_kind")
    np.multiply(np.minimum(written, 512), 1 / 512, out=place[11], casting="same_kind")
    features[:, PLACE] = place.T


def remember(features: NDArray[np.float32], rows: NDArray[np.intp] | slice, signs: NDArray[np.float32]) -> None:
    """Note one more token in some rows.

    Args:
        features: [rows, FEATURES], written to.
        rows: which of them.
        signs: [len(rows), SIGNS] of the token.
    """
    features[rows, TOKENS + SIGNS :] = features[rows, TOKENS:-SIGNS]
    features[rows, TOKENS : TOKENS + SIGNS] = signs


@functools.lru_cache(maxsize=8)
def token_signs(vocabulary: Vocabulary) -> NDArray[np.float32]:
    """[V, SIGNS] signs that tell tokens apart, the same on every machine."""
    digests = [
        hashlib.blake2b(b"%d:" % token + spelled, digest_size=1).digest()[0]
        for token, spelled in enumerate(vocabulary.token_bytes)
    ]
    bits = np.unpackbits(np.array(digests, dtype=np.uint8)[:, None], axis=1)
    return bits.astype(np.float32) * 2 - 1


def problem_features(seen: Visible) -> NDArray[np.float32]:
    """[32] signed hashes of the words of the statement and public tests, of largest entry 1."""
    vector = np.zeros(PROBLEM.stop - PROBLEM.start)
    for word in re.findall(r"\w+|[^\w\s]", "\n".join((seen.statement, *seen.public_tests))):
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        vector[digest[0] % len(vector)] += 1.0 if digest[1] & 1 else -1.0
    largest = float(np.abs(vector).max())
    return (vector / largest if largest else vector).astype(np.float32)


def last_tokens(ids: Sequence[int], vocabulary: Vocabulary) -> NDArray[np.float32]:
    """[FEATURES - TOKENS] features of the last four of some tokens."""
    signs = np.zeros((REMEMBERED, SIGNS), dtype=np.float32)
    last = list(ids[-REMEMBERED:])[::-1]
    signs[: len(last)] = token_signs(vocabulary)[last]
    return signs.reshape(-1)
