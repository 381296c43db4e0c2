"""Draws: ahead of time, but the numbers that the generator gives one by one."""

from __future__ import annotations

import numpy as np

from codegym.envs.draws import AHEAD, Draws


def test_the_numbers_are_those_of_the_generator_one_by_one_whatever_is_asked_for():
    one, other = np.random.default_rng(3), Draws(2)
    other.seed(1, np.random.default_rng(3))
    ranges = np.random.default_rng(0).choice([1, 2, 600, 4700, 2**33], 500).tolist() + [600] * (3 * AHEAD) + [7, 600]
    assert [other.row(1).integers(below) for below in ranges] == [int(one.integers(below)) for below in ranges]


def test_rows_are_drawn_together_and_each_from_its_own_generator():
    ones, others = [np.random.default_rng(row) for row in range(5)], Draws(5)
    for row in range(5):
        assert not others.has(row)
        others.seed(row, np.random.default_rng(row))
    picks = np.random.default_rng(0)
    for _ in range(200):
        rows = np.flatnonzero(picks.random(5) < 0.5)
        below = int(picks.choice([600, 600, 600, 7]))
        assert others.of(rows, below).tolist() == [int(ones[row].integers(below)) for row in rows]
    others.seed(2, np.random.default_rng(9))
    assert others.of(np.array([2]), 600).tolist() == [int(np.random.default_rng(9).integers(600))]
