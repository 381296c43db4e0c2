"""Our losses, fed by Stable-Baselines3's own rollout of CartPole, make the very step that its PPO makes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from codegym.agents.learning.advantage import normalise
from codegym.agents.learning.losses import policy_loss, value_loss

sb3 = pytest.importorskip("stable_baselines3")


def test_every_step_over_a_rollout_moves_every_parameter_alike():
    """CartPole is an episode of one-token actions; the whole rollout is one minibatch."""
    steps, entropy_coef = 64, 0.01
    theirs = sb3.PPO(
        "MlpPolicy", "CartPole-v1", n_steps=steps, batch_size=steps, n_epochs=3, ent_coef=entropy_coef,
        learning_rate=3e-3, seed=0, device="cpu",
    )  # fmt: skip
    _, callback = theirs._setup_learn(steps)
    assert theirs.collect_rollouts(theirs.env, callback, theirs.rollout_buffer, steps)
    ours = copy.deepcopy(theirs.policy)
    data = next(theirs.rollout_buffer.get(steps))
    ones = torch.ones(steps)
    for _ in range(theirs.n_epochs):
        value, logp, entropy = ours.evaluate_actions(data.observations, data.actions.long().flatten())
        # theirs divides by the deviation of a sample, ours by that of the whole rollout
        advantage = normalise(data.advantages, ones) * np.sqrt((steps - 1) / steps)
        loss, _ = policy_loss(logp, data.old_log_prob, advantage, ones, denominator=steps)
        error = value_loss(value.flatten(), data.old_values, data.returns, ones, denominator=steps)
        total = loss - entropy_coef * entropy.mean() + error  # theirs halves the squared error by vf_coef
        ours.optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(ours.parameters(), theirs.max_grad_norm)
        ours.optimizer.step()
    before = [p.clone() for p in theirs.policy.parameters()]
    theirs._logger = sb3.common.logger.configure(None, [])
    theirs.train()
    moved = [not torch.equal(p, q) for p, q in zip(before, theirs.policy.parameters(), strict=True)]
    assert all(moved)
    for (name, p), q in zip(theirs.policy.named_parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(q, p, atol=1e-6, rtol=1e-5, msg=name)
