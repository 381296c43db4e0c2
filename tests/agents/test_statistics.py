"""pass@k against its definition by enumeration; bootstrap intervals against scipy and against theory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from codegym.agents.statistics import _quantile, bootstrap, bootstrap_all, mean_pass_at_k, paired_bootstrap, pass_at_k
from codegym.envs.errors import OptionError


@pytest.mark.parametrize("samples", [1, 2, 5, 7])
def test_pass_at_k_is_the_share_of_subsets_with_a_pass(samples):
    for passed, k in itertools.product(range(samples + 1), range(1, samples + 1)):
        results = [True] * passed + [False] * (samples - passed)
        subsets = list(itertools.combinations(results, k))
        assert pass_at_k(samples, passed, k) == pytest.approx(np.mean([any(s) for s in subsets]), abs=1e-12)


def test_pass_at_one_is_the_pass_rate_and_large_numbers_do_not_overflow():
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)
    assert 0.0 < pass_at_k(100_000, 3, 1000) < 1.0


@pytest.mark.parametrize("samples, passed, k", [(4, 1, 5), (4, 5, 1), (4, -1, 1), (4, 1, 0)])
def test_impossible_counts_are_refused(samples, passed, k):
    with pytest.raises(OptionError):
        pass_at_k(samples, passed, k)


def test_bootstrap_agrees_with_scipy():
    from scipy.stats import bootstrap as reference

    values = np.random.default_rng(0).random(60)
    ours = bootstrap(values.tolist(), seed=1)
    theirs = reference((values,), np.mean, method="percentile", n_resamples=10_000, rng=2).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=4e-3)


def test_quantiles_are_numpys_bit_for_bit():
    for size in (2, 3, 999, 10_000):
        ordered = np.sort(np.random.default_rng(size).normal(size=size) * 10.0 ** (size % 7))
        for share in (0.0, 0.025, 0.05, 0.5, 0.95, 0.975, 1.0):
            assert _quantile(ordered, share) == np.quantile(ordered, share)


def test_bootstrap_depends_on_the_seed_alone():
    assert bootstrap([0.0, 1.0, 0.5], seed=3) == bootstrap([0.0, 1.0, 0.5], seed=3)
    assert bootstrap([1.0, 1.0]).to_json() == {"value": 1.0, "low": 1.0, "high": 1.0}
    with pytest.raises(OptionError, match="no problems"):
        bootstrap([])


def test_measures_that_share_their_draws_have_the_intervals_they_have_alone():
    rng = np.random.default_rng(5)
    measures = [rng.random(300).tolist(), [0.5] * 300, (rng.random(300) < 0.3).astype(float).tolist()]
    assert bootstrap_all(measures, seed=2) == [bootstrap(values, seed=2) for values in measures]
    assert bootstrap_all([]) == []
    with pytest.raises(OptionError, match="different numbers of problems"):
        bootstrap_all([[1.0], [1.0, 0.0]])


def test_mean_pass_at_k_averages_over_problems():
    assert mean_pass_at_k([(4, 4), (4, 0), (2, 1)], 1).value == pytest.approx(0.5)


def test_pairing_removes_the_spread_between_problems():
    easy_and_hard = np.random.default_rng(0).random(50)
    difference = paired_bootstrap(easy_and_hard.tolist(), (easy_and_hard + 0.1).tolist())
    assert difference.low == pytest.approx(0.1)
    assert difference.high == pytest.approx(0.1)
    with pytest.raises(OptionError, match="same problems"):
        paired_bootstrap([1.0], [1.0, 0.0])
