"""Advantages against a hand-made table, the definition in float64, SB3's rollout buffer and the group formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codegym.agents.learning.advantage import gae, group_advantage, normalise
from codegym.envs.errors import OptionError


def test_three_steps_by_hand():
    """gamma 0.5, lambda 0.5, values 1 2 3, rewards 0 0 4, terminated.

    delta_2 = 4 - 3 = 1; delta_1 = 0.5 * 3 - 2 = -0.5; delta_0 = 0.5 * 2 - 1 = 0.
    A_2 = 1; A_1 = -0.5 + 0.25 * 1 = -0.25; A_0 = 0 + 0.25 * -0.25 = -0.0625.
    """
    advantage, returns = gae(
        torch.tensor([[0.0, 0.0, 4.0]]),
        torch.tensor([[1.0, 2.0, 3.0]]),
        torch.ones(1, 3, dtype=torch.bool),
        gamma=0.5,
        lam=0.5,
        terminated=torch.tensor([True]),
        bootstrap=torch.tensor([100.0]),
    )
    assert advantage.tolist() == [[-0.0625, -0.25, 1.0]]
    assert returns.tolist() == [[0.9375, 1.75, 4.0]]


def test_a_truncated_row_goes_on_and_a_terminated_one_does_not():
    advantage, _ = gae(
        torch.tensor([[1.0], [1.0]]),
        torch.tensor([[0.0], [0.0]]),
        torch.ones(2, 1, dtype=torch.bool),
        gamma=0.5,
        lam=1.0,
        terminated=torch.tensor([True, False]),
        bootstrap=torch.tensor([8.0, 8.0]),
    )
    assert advantage.tolist() == [[1.0], [5.0]]


def definition(reward, value, gamma, lam, last):
    """A_t = sum_l (gamma lam)^l delta_{t+l}, one row, plain loops in float64."""
    values = [*value, last]
    delta = [reward[t] + gamma * values[t + 1] - values[t] for t in range(len(reward))]
    return [sum((gamma * lam) ** k * delta[t + k] for k in range(len(delta) - t)) for t in range(len(delta))]


@pytest.mark.parametrize("gamma, lam", [(1.0, 1.0), (0.9, 0.95), (1.0, 0.0), (0.7, 0.3), (0.0, 1.0)])
def test_ragged_rows_equal_the_definition(gamma, lam):
    rng = np.random.default_rng(0)
    action = torch.from_numpy(rng.random((20, 12)) < 0.6)
    action[0] = False
    reward, value = (torch.from_numpy(rng.normal(size=(20, 12))) for _ in range(2))
    bootstrap, terminated = torch.from_numpy(rng.normal(size=20)), torch.from_numpy(rng.random(20) < 0.5)
    advantage, returns = gae(reward, value, action, gamma=gamma, lam=lam, terminated=terminated, bootstrap=bootstrap)
    assert advantage.dtype == torch.float64
    for row in range(20):
        mask = action[row]
        last = 0.0 if terminated[row] else float(bootstrap[row])
        expected = definition(reward[row][mask].tolist(), value[row][mask].tolist(), gamma, lam, last)
        np.testing.assert_allclose(advantage[row][mask].numpy(), expected, atol=1e-12)
        np.testing.assert_allclose(returns[row][mask].numpy(), np.add(expected, value[row][mask].numpy()), atol=1e-12)
        assert advantage[row][~mask].eq(0).all() and returns[row][~mask].eq(0).all()


@pytest.mark.parametrize("gamma, lam", [(1.0, 1.0), (0.9, 0.8)])
def test_a_step_is_one_action_valued_at_its_first_token(gamma, lam):
    rng = np.random.default_rng(1)
    for _ in range(20):
        spans = rng.integers(1, 4, size=rng.integers(1, 5))
        prompt, padding = int(rng.integers(1, 4)), int(rng.integers(0, 3))
        step = np.concatenate([[-1] * prompt, np.repeat(np.arange(len(spans)), spans), [-1] * padding]).astype(np.int64)
        first = prompt + np.cumsum([0, *spans[:-1]])
        final = prompt + np.cumsum(spans) - 1
        value, reward = rng.normal(size=len(step)), np.zeros(len(step))
        reward[final] = rng.normal(size=len(spans))
        advantage, returns = gae(
            torch.from_numpy(reward)[None],
            torch.from_numpy(value)[None],
            torch.from_numpy(step >= 0)[None],
            gamma=gamma,
            lam=lam,
            terminated=torch.tensor([False]),
            bootstrap=torch.tensor([0.3], dtype=torch.float64),
            step=torch.from_numpy(step)[None],
            level="step",
        )
        expected = definition(reward[final], value[first], gamma, lam, 0.3)
        np.testing.assert_allclose(advantage[0][step >= 0], np.repeat(expected, spans), atol=1e-12)
        np.testing.assert_allclose(returns[0][step >= 0], np.repeat(np.add(expected, value[first]), spans), atol=1e-12)
        assert advantage[0][step < 0].eq(0).all()


def test_one_token_steps_make_both_levels_equal():
    rng = np.random.default_rng(2)
    reward, value = torch.from_numpy(rng.normal(size=(2, 3, 6)))
    action = torch.arange(6)[None] < torch.tensor([[6], [4], [1]])
    rest = {"gamma": 0.9, "lam": 0.7, "terminated": torch.tensor([True, False, True]), "bootstrap": torch.ones(3)}
    step = torch.where(action, torch.arange(6), -1)
    for one, two in zip(
        gae(reward, value, action, **rest), gae(reward, value, action, step=step, level="step", **rest), strict=True
    ):
        torch.testing.assert_close(one, two)


def test_equals_the_rollout_buffer_of_stable_baselines3():
    """One stream of episodes, some ended by a time limit, whose bootstrap SB3 adds to the reward (sb3#633)."""
    from gymnasium import spaces
    from stable_baselines3.common.buffers import RolloutBuffer

    rng = np.random.default_rng(3)
    gamma, lam, total = 0.97, 0.9, 60
    buffer = RolloutBuffer(
        total, spaces.Box(-1, 1, (1,)), spaces.Discrete(2), gae_lambda=lam, gamma=gamma, device="cpu"
    )
    rewards = rng.normal(size=total).astype(np.float32)
    values = rng.normal(size=total).astype(np.float32)
    ends = {7: "terminated", 20: "truncated", 21: "truncated", 40: "terminated"}
    bootstrap = {t: float(rng.normal()) for t in ends}
    after = float(rng.normal())
    start = True
    for t in range(total):
        paid = rewards[t] + (gamma * bootstrap[t] if ends.get(t) == "truncated" else 0.0)
        buffer.add(
            np.zeros((1, 1)), np.zeros((1, 1)), np.array([paid]), np.array([start]),
            torch.tensor([values[t]]), torch.zeros(1),
        )  # fmt: skip
        start = t in ends
    buffer.compute_returns_and_advantage(torch.tensor([after]), np.array([False]))
    begin = 0
    for end in [*ends, total - 1]:
        length = end + 1 - begin
        advantage, returns = gae(
            torch.from_numpy(rewards[begin : end + 1])[None],
            torch.from_numpy(values[begin : end + 1])[None],
            torch.ones(1, length, dtype=torch.bool),
            gamma=gamma,
            lam=lam,
            terminated=torch.tensor([ends.get(end) == "terminated"]),
            bootstrap=torch.tensor([bootstrap.get(end, after)]),
        )
        np.testing.assert_allclose(advantage[0], buffer.advantages[begin : end + 1, 0], atol=2e-6)
        np.testing.assert_allclose(returns[0], buffer.returns[begin : end + 1, 0], atol=2e-6)
        begin = end + 1


def test_group_advantages_equal_their_formulas():
    score = torch.tensor([1.0, 0.0, 0.5, 2.0, 2.0, 7.0], dtype=torch.float64)
    group = torch.tensor([5, 5, 5, 1, 1, 9])
    grpo, rloo = (group_advantage(score, group, kind) for kind in ("grpo", "rloo"))
    for row in range(6):
        members = [i for i in range(6) if group[i] == group[row]]
        others = [float(score[i]) for i in members if i != row]
        mean, deviation = score[members].mean(), score[members].std() if len(members) > 1 else torch.tensor(0.0)
        torch.testing.assert_close(grpo[row], (score[row] - mean) / (deviation + 1e-4))
        torch.testing.assert_close(rloo[row], score[row] - (np.mean(others) if others else 0.0))
    assert torch.equal(group_advantage(score, group, "reinforce++"), score)
    with pytest.raises(OptionError, match="Did you mean 'grpo'"):
        group_advantage(score, group, "grop")


def test_normalisation_is_over_the_weighted_tokens_alone():
    rng = np.random.default_rng(4)
    advantage, weight = torch.from_numpy(rng.normal(size=(5, 7))), torch.from_numpy(rng.random((5, 7)))
    weight[weight < 0.4] = 0.0
    advantage[weight == 0] = torch.nan
    normal = normalise(advantage, weight)
    assert normal[weight == 0].eq(0).all()
    kept, w = normal[weight > 0], weight[weight > 0]
    assert float((kept * w).sum() / w.sum()) == pytest.approx(0.0, abs=1e-12)
    assert float((kept**2 * w).sum() / w.sum()) == pytest.approx(1.0)


def test_equal_advantages_teach_nothing():
    assert normalise(torch.full((2, 3), 4.0), torch.ones(2, 3)).eq(0).all()
