"""A program cut into pieces of equal credit: what `show` and `report` colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from codegym.envs.episode import Episode

HIDDEN_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Characters that would reorder, hide or break the text around them (control, bidirectional, lone surrogates)."""


@dataclass(frozen=True)
class Piece:
    """A stretch of program text.

    Attributes:
        text: the characters.
        weight: credit from 0 to 1, or None for text that was given, or in an episode without credit.
        given: whether the text was there before the agent's first action.
    """

    text: str
    weight: float | None
    given: bool = False


def pieces(episode: Episode, cuts: Sequence[int] = ()) -> list[Piece]:
    """The program in order, cut where the credit changes and at `cuts` (for example where tokens end)."""
    program = episode.program
    start = str(episode.start.get("text") or "")
    given = len(start) if program.startswith(start) else 0
    spans = [(max(a, 0), min(b, len(program)), w) for a, b, w in episode.credit_spans if a < b]
    edges = {0, len(program), given, *(c for c in cuts if 0 < c < len(program))}
    edges.update(edge for a, b, _ in spans for edge in (a, b) if 0 <= edge <= len(program))
    weights: list[float | None] = [0.0 if spans else None] * len(program)
    for a, b, weight in spans:
        weights[a:b] = [weight] * (b - a)
    ordered = sorted(edges)
    return [Piece(program[a:b], None if a < given else weights[a], a < given) for a, b in pairwise(ordered) if a < b]


def token_ends(episode: Episode, token_bytes: Sequence[bytes]) -> list[int]:
    """Where each sampled token of a Token episode ends, in characters of the program."""
    text = str(episode.start.get("text") or "").encode("utf-8", "surrogatepass")
    ends = []
    for action in episode.actions:
        if not isinstance(action, int) or not 0 <= action < len(token_bytes):
            return []
        text += token_bytes[action]
        ends.append(len(text.decode("utf-8", "replace")))
    return ends


def visible(text: str) -> str:
    """The text with hidden characters written out, so that a program looks like what it is."""
    return HIDDEN_CHARACTERS.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
