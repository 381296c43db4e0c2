"""CriticWatch: shouts at a value head that adds error, and lets saturated rollouts pass."""

from __future__ import annotations

import math

from codegym.agents.learning.critic_watch import CriticWatch


def said(rollouts, warmup=0):
    watch = CriticWatch(warmup)
    return {i + 1: found for i, rollout in enumerate(rollouts) if (found := watch.add(*rollout)) is not None}


def test_a_head_that_is_worse_than_a_constant_is_named_once_a_window():
    assert said([(0.3, -3.0)] * 12) == {10: -3.0}
    assert said([(0.3, -3.0)] * 12, warmup=6) == {}


def test_a_head_that_explains_little_is_let_be():
    assert said([(0.3, value) for value in (0.0, -0.4, 0.2, -0.9, 0.1)] * 4) == {}


def test_returns_that_hardly_vary_any_more_say_nothing_of_the_head():
    learning, saturated = [(0.3, 0.1)] * 5, [(0.02, -9.0)] * 15
    assert said(learning + saturated) == {}
    assert said(learning + [(0.0, math.nan)] * 10) == {}


def test_rollouts_count_by_their_variance():
    """One rollout with next to no variance cannot speak for its window."""
    window = [(0.3, 0.0)] * 4 + [(0.0003, -500.0)]
    assert said([(0.3, 0.0)] * 5 + window) == {}
