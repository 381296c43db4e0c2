"""One row, one draw: how a token is chosen from logits, and with which random number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from codegym.envs.errors import OptionError


@dataclass(frozen=True)
class Sampling:
    """The distribution that tokens are drawn from.

    Attributes:
        temperature: divides the logits; greater than 0 (greedy decoding is `deterministic=True`).
        top_p: keep the smallest set of most likely tokens whose probability reaches this; 1 keeps all.
        top_k: keep this many most likely tokens; 0 keeps all.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise OptionError(f"temperature must be greater than 0, not {self.temperature}; greedy is deterministic.")
        if not 0 < self.top_p <= 1:
            raise OptionError(f"top_p must be in (0, 1], not {self.top_p}.")
        if self.top_k < 0:
            raise OptionError(f"top_k must be 0 (off) or more, not {self.top_k}.")

    @property
    def truncated(self) -> bool:
        """Whether unlikely tokens are cut off."""
        return self.top_p < 1 or self.top_k > 0


def uniforms(seeds: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """Random numbers in [0, 1), one row per seed, that depend on that row's seed alone.

    Args:
        seeds: for each row the words of its seed (non-negative integers).
        length: numbers per row.

    Returns:
        float64 [rows, length].
    """
    table = np.empty((len(seeds), length))
    for row, words in enumerate(seeds):
        np.random.Generator(np.random.Philox(np.random.SeedSequence(list(words)))).random(out=table[row])
    return table


def choose(
    logits: torch.Tensor,
    draws: torch.Tensor | None,
    sampling: Sampling,
    allowed: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose one token per row by inverting the cumulative distribution at `draws`.

    The log-probability returned is the one under the temperature-scaled softmax over the whole vocabulary; with top-p
    or top-k under the truncated, renormalised distribution. `allowed` (token healing) restricts the choice but is not
    part of the policy, so it leaves the log-probability as it is: re-scoring the ids gives the stored numbers.

    Args:
        logits: float [rows, vocabulary].
        draws: float64 [rows] in [0, 1); None takes the most likely token.
        sampling: temperature, top-p and top-k.
        allowed: bool [rows, vocabulary] or None.

    Returns:
        ids int64 [rows], log-probabilities float32 [rows].
    """
    logp = torch.log_softmax(logits.float() / sampling.temperature, dim=-1)
    if sampling.truncated:
        logp = torch.log_softmax(logp.masked_fill(~_kept(logp, sampling), -torch.inf), dim=-1)
    weight = logp if allowed is None else _restrict(logp, logits, allowed)
    if draws is None:
        ids = weight.argmax(dim=-1)
    else:
        cumulative = weight.exp().cumsum(dim=-1, dtype=torch.float64)
        # The first entry above the target never is one of probability zero; a draw below 1 keeps it inside the table.
        target = (draws * cumulative[:, -1]).unsqueeze(-1)
        ids = torch.searchsorted(cumulative, target, right=True).squeeze(-1).clamp_(max=logits.shape[-1] - 1)
    return ids, logp.gather(-1, ids.unsqueeze(-1)).squeeze(-1)


def _restrict(logp: torch.Tensor, logits: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Log-weights over the allowed ids, normalised so that a very unlikely set does not underflow.

    Where top-p or top-k left none of the allowed ids, the untruncated distribution decides.
    """
    weight = logp.masked_fill(~allowed, -torch.inf)
    empty = torch.isinf(weight).all(dim=-1, keepdim=True)
    fallback = logits.float().masked_fill(~allowed, -torch.inf)
    return torch.log_softmax(torch.where(empty, fallback, weight), dim=-1)


def _kept(logp: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Which ids survive top-k and then top-p; bool [rows, vocabulary], at least one true in each row."""
    ordered, order = logp.sort(dim=-1, descending=True, stable=True)
    keep = torch.ones_like(ordered, dtype=torch.bool)
    if sampling.top_k:
        keep[:, sampling.top_k :] = False
    if sampling.top_p < 1:
        probability = ordered.masked_fill(~keep, -torch.inf).softmax(dim=-1)
        keep &= probability.cumsum(dim=-1) - probability < sampling.top_p
    return torch.zeros_like(keep).scatter(-1, order, keep)
