"""One masked reducer: every number that training reports is a weighted sum divided by the sum of its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def masked_sum(values: Tensor, weight: Tensor) -> Tensor:
    """The sum of values * weight in which entries of weight 0 have no part, whatever they hold (also NaN)."""
    return (torch.where(weight > 0, values, 0.0) * weight).sum()


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean; 0 where all weights are 0."""
    return masked_sum(values, weight) / weight.sum().clamp_min(torch.finfo(torch.float32).tiny)


def masked_variance(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted population variance; 0 where all weights are 0."""
    return masked_mean((values - masked_mean(values, weight)) ** 2, weight)


def explained_variance(predicted: Tensor, target: Tensor, weight: Tensor) -> float:
    """1 - Var(target - predicted) / Var(target): 1 is perfect, 0 as good as a constant; NaN for a constant target."""
    spread = float(masked_variance(target, weight))
    return 1.0 - float(masked_variance(target - predicted, weight)) / spread if spread > 1e-12 else math.nan


class Averages:
    """Running masked means by name: the same whatever the slices in which the values arrive (to float64)."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}

    def add(self, name: str, values: Tensor, weight: Tensor) -> None:
        """Take in a slice of values with their weights."""
        weight = weight.detach().double()
        self.add_sum(name, masked_sum(values.detach().double(), weight), weight.sum())

    def add_sum(self, name: str, total: Tensor, weight: Tensor) -> None:
        """Take in a slice that is summed already."""
        entry = self._sums.setdefault(name, [0.0, 0.0])
        entry[0] += float(total.detach())
        entry[1] += float(weight.detach())

    def merge(self, other: Averages) -> None:
        """Take in what other averages took in."""
        for name, (total, weight) in other._sums.items():
            entry = self._sums.setdefault(name, [0.0, 0.0])
            entry[0] += total
            entry[1] += weight

    def sums(self) -> dict[str, list[float]]:
        """Name -> [sum, weight], for `Averages.of` in another process."""
        return self._sums

    @classmethod
    def of(cls, sums: Mapping[str, Sequence[float]]) -> Averages:
        """The averages that `sums` came from."""
        averages = cls()
        averages._sums = {name: [total, weight] for name, (total, weight) in sums.items()}
        return averages

    def means(self) -> dict[str, float]:
        """The mean of each name, in the order in which the names first came; NaN where all weights were 0."""
        return {name: total / weight if weight > 0 else math.nan for name, (total, weight) in self._sums.items()}
