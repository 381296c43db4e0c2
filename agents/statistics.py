"""pass@k and its confidence intervals: pure functions of counts, shared by training and by the leaderboard."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import default_rng

from codegym.envs.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SLICE = 1 << 16  # draws: fresh memory for all of them would take longer than the drawing


@dataclass(frozen=True)
class Estimate:
    """A mean over problems with its bootstrap confidence interval.

    Attributes:
        value: the mean.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The three numbers by name, as `summary.json` holds them."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


@functools.lru_cache(maxsize=1 << 14)
def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The unbiased estimate of the chance that at least one of k samples passes: 1 - C(n - c, k) / C(n, k).

    Computed as a product, because the binomials overflow (Chen et al. 2021, section 2.1).

    Args:
        samples: n, the number of samples drawn for the problem.
        passed: c, how many of them passed.
        k: how many samples one may try, at most n.

    Raises:
        OptionError: if not 1 <= k <= n, or not 0 <= c <= n.
    """
    if not 0 <= passed <= samples:
        raise OptionError(f"{passed} of {samples} samples cannot have passed.")
    if not 1 <= k <= samples:
        raise OptionError(f"pass@{k} needs at least {k} samples per problem (there are {samples}), and k >= 1.")
    if samples - passed < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(samples - passed + 1, samples + 1, dtype=np.float64)))


def mean_pass_at_k(counts: Sequence[tuple[int, int]], k: int, *, seed: int = 0) -> Estimate:
    """pass@k averaged over problems, with its bootstrap interval.

    Args:
        counts: (samples, passed) for each problem.
        k: as in `pass_at_k`.
        seed: of the bootstrap.
    """
    return bootstrap([pass_at_k(samples, passed, k) for samples, passed in counts], seed=seed)


def bootstrap(values: Sequence[float], *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0) -> Estimate:
    """The mean over problems and its percentile bootstrap interval; problems are what is resampled.

    Args:
        values: one number per problem; their order does not matter.
        confidence: coverage of the interval.
        resamples: number of bootstrap resamples.
        seed: of the resampling; the same numbers and seed give the same interval.

    Raises:
        OptionError: if there are no values.
    """
    return bootstrap_all([values], confidence=confidence, resamples=resamples, seed=seed)[0]


def bootstrap_all(
    measures: Sequence[Sequence[float]], *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> list[Estimate]:
    """`bootstrap` of several measures of equally many problems, such as pass@k for several k, with the same draws.

    Args:
        measures: one number per problem in each.
        confidence: as in `bootstrap`.
        resamples: as in `bootstrap`.
        seed: as in `bootstrap`.

    Raises:
        OptionError: if there are no values, or not equally many.
    """
    samples = [np.sort(np.asarray(values, dtype=np.float64)) for values in measures]
    if any(sample.size == 0 for sample in samples):
        raise OptionError("A mean over no problems does not exist.")
    if len({sample.size for sample in samples}) > 1:
        raise OptionError("Measures of different numbers of problems cannot share their draws.")
    varied = [sample for sample in samples if sample[0] != sample[-1]]
    resampled = iter(_resampled_means(varied, resamples, seed) if varied else ())

    def estimate(sample: NDArray[np.float64]) -> Estimate:
        mean = float(sample.mean())
        if sample[0] == sample[-1]:
            return Estimate(mean, mean, mean)
        means = np.sort(next(resampled))
        return Estimate(mean, _quantile(means, (1 - confidence) / 2), _quantile(means, (1 + confidence) / 2))

    return [estimate(sample) for sample in samples]


def paired_bootstrap(
    first: Sequence[float],
    second: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Estimate:
    """The mean difference second - first over the same problems, in the same order, and its interval.

    Raises:
        OptionError: if the two are not of the same, positive length.
    """
    if len(first) != len(second):
        raise OptionError(f"A paired comparison needs the same problems on both sides ({len(first)}, {len(second)}).")
    difference = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    return bootstrap(difference.tolist(), confidence=confidence, resamples=resamples, seed=seed)


def _quantile(ordered: NDArray[np.float64], share: float) -> float:
    """As np.quantile, bit for bit, which imports masked arrays first: 40 ms, as long as 20 programs take."""
    place = share * (ordered.size - 1)
    before = min(int(place), ordered.size - 2)
    low, high, rest = float(ordered[before]), float(ordered[before + 1]), place - before
    return high - (high - low) * (1 - rest) if rest >= 0.5 else low + (high - low) * rest


def _resampled_means(samples: Sequence[NDArray[np.float64]], resamples: int, seed: int) -> list[NDArray[np.float64]]:
    """Means of each sample over the same draws with replacement, in slices that stay in a processor's cache."""
    size = samples[0].size
    rows = max(1, _SLICE // size)
    rng = default_rng(seed)
    means = [np.empty(resamples) for _ in samples]
    for done in range(0, resamples, rows):
        drawn = rng.integers(size, size=(min(rows, resamples - done), size))
        for sample, found in zip(samples, means, strict=True):
            found[done : done + len(drawn)] = sample[drawn].mean(axis=1)
    return means
