"""Draws: ahead of time, but the numbers that the generator gives one by one."""

from __future__ import annotations

import numpy as np

from codegym.envs.draws import AHEAD, Draws


def test_the_numbers_are_those_of_the_generator_one_by_one_whatever_is_asked_for():
    one, other = np.random.default_rng(3), Draws(np.random.default_rng(3))
    ranges = np.random.default_rng(0).choice([1, 2, 600, 4700, 2**33], 500).tolist() + [600] * (3 * AHEAD) + [7, 600]
    assert [other.integers(below) for below in ranges] == [int(one.integers(below)) for below in ranges]
