"""CodeText: any text without surrogates, also between processes."""

from __future__ import annotations

import copy

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory, write_to_shared_memory

from codegym.envs.spaces import CodeText

TEXTS = ["", "é", "日本\n\t", "\U0001f600" * 5, "\x00a\x00", "x" * 20]


def test_any_text_that_fits_is_contained():
    space = CodeText(20)
    assert all(text in space for text in TEXTS)
    for outside in ("x" * 21, "a\ud800", 3, None, b"x"):
        assert outside not in space


def test_samples_are_short_contained_and_seeded():
    space, same = CodeText(16_384, seed=3), CodeText(16_384, seed=3)
    samples = [space.sample() for _ in range(200)]
    assert all(text in space and len(text) <= 64 for text in samples)
    assert samples == [same.sample() for _ in range(200)]
    assert len(set(samples)) > 150
    assert CodeText(3).sample(mask=(2, None)) in CodeText(2)


def test_spaces_are_equal_by_length():
    assert CodeText(5) == CodeText(5) and CodeText(5) != CodeText(6)
    assert repr(CodeText(5)) == "CodeText(5)"


def test_shared_memory_carries_every_text():
    space = CodeText(20)
    memory = create_shared_memory(space, n=len(TEXTS))
    for row, text in enumerate(TEXTS):
        write_to_shared_memory(space, row, "y" * 20, memory)
        write_to_shared_memory(space, row, text, memory)
    assert read_from_shared_memory(space, memory, n=len(TEXTS)) == tuple(TEXTS)
    assert copy.deepcopy(read_from_shared_memory(space, memory, n=len(TEXTS))) == tuple(TEXTS)


class Echo(gym.Env):
    """Observes the last action."""

    observation_space = CodeText(100)
    action_space = CodeText(50)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return "日é", {}

    def step(self, action):
        return action + "ü", 0.0, False, False, {}


@pytest.mark.parametrize("shared_memory", [True, False])
def test_text_travels_through_an_async_vector_env(shared_memory):
    env = AsyncVectorEnv([Echo, Echo], shared_memory=shared_memory)
    try:
        assert env.reset()[0] == ("日é", "日é")
        assert env.step(("é", "\U0001f600"))[0] == ("éü", "\U0001f600ü")
        assert np.array_equal(env.step(("", "b"))[1], [0.0, 0.0])
    finally:
        env.close()
