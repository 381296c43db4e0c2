"""Tells when a value head does not learn: its explained variance, pooled over some rollouts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

WINDOW = 5
"""Rollouts that are looked at together."""

WORSE_THAN_A_CONSTANT = -1.0
RETURNS_VARY = 0.2
"""Share of the largest variance of returns so far below which a critic has nothing left to explain."""


@dataclass
class CriticWatch:
    """Watches the value head of a run.

    Errors and variances are added up over a window before they are divided. Late in training nearly every sample
    passes: then returns hardly vary, the explained variance of a rollout is anything (at 98 % pass and a fifth of the
    first variance, -0.7 was usual in runs in which nothing was wrong), and such windows are let pass.

    Attributes:
        warmup: first rollouts that are not judged.
        history: (variance of the returns, variance of the error) of each rollout so far.
    """

    warmup: int
    history: list[tuple[float, float]] = field(default_factory=list)

    def add(self, return_variance: float, explained: float) -> float | None:
        """Take in a rollout; at the end of each window returns the explained variance of a critic that does not learn.

        Args:
            return_variance: of the rollout's returns.
            explained: the share of it that the values explain; NaN where there is nothing to explain.
        """
        error = 0.0 if math.isnan(explained) else return_variance * (1 - explained)
        self.history.append((return_variance, error))
        count = len(self.history)
        if count % WINDOW or count <= self.warmup + WINDOW:
            return None
        variance, error = (sum(column) for column in zip(*self.history[-WINDOW:], strict=True))
        most = max(variance for variance, _ in self.history)
        if variance == 0 or variance < WINDOW * RETURNS_VARY * most:
            return None
        pooled = 1 - error / variance
        return pooled if pooled < WORSE_THAN_A_CONSTANT else None
