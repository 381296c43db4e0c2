"""Token healing: when a prompt ends inside a token, the first sampled tokens must continue its bytes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch


class AllowedIds:
    """Which ids may come next when certain bytes must.

    `require` must come; after it `or_end` must come too, unless the model ends there. An id is allowed if its bytes
    begin with what must come, or are a beginning of it; ids that end a text once nothing of `require` is left.
    """

    def __init__(self, token_bytes: Sequence[bytes], end_ids: Collection[int]) -> None:
        self._token_bytes = token_bytes
        self._end_ids = frozenset(end_ids)
        self._masks: dict[tuple[bytes, bytes], torch.Tensor] = {}

    def mask(self, require: bytes, or_end: bytes) -> torch.Tensor:
        """Which ids may come, as bool [vocabulary]; all of them when nothing is required."""
        key = (require, or_end)
        if key not in self._masks:
            need = require + or_end
            self._masks[key] = torch.tensor(
                [
                    not require
                    if token_id in self._end_ids
                    else bool(text) and (text.startswith(need) or need.startswith(text))
                    for token_id, text in enumerate(self._token_bytes)
                ]
                if need
                else [True] * len(self._token_bytes)
            )
        return self._masks[key]

    @staticmethod
    def advance(require: bytes, or_end: bytes, new: bytes) -> tuple[bytes, bytes]:
        """What is still required after the bytes `new`."""
        past = max(0, len(new) - len(require))
        return require[len(new) :], or_end[past:]


def heal(ids: Sequence[int], token_bytes: Sequence[bytes], continued: Sequence[Sequence[int]]) -> tuple[int, bytes]:
    """How many of a prompt's ids survive when text follows it, and the bytes of the others.

    Args:
        ids: the prompt, encoded.
        token_bytes: bytes of each id.
        continued: the same prompt with likely continuations, each encoded.

    Returns:
        (number of ids to keep, bytes that the first sampled tokens must begin with). At least one id is kept.
    """
    keep = len(ids)
    for other in continued:
        common = next(
            (i for i, (a, b) in enumerate(zip(ids, other, strict=False)) if a != b), min(len(ids), len(other))
        )
        keep = min(keep, common)
    keep = max(keep, 1)
    return keep, b"".join(token_bytes[i] for i in ids[keep:])
