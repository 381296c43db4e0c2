"""DPO: the formula, pairs by reward, no gradient off the answers, and that it learns a preference."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from learning_helpers import ragged_batch, rollout, small_model

from codegym.agents.learning.preference import answer_logps, dpo_loss, pairs
from codegym.agents.learning.token_batch import TokenBatch
from codegym.envs.errors import DataError


def test_pairs_are_the_best_and_the_worst_of_each_group_that_differs():
    batch = ragged_batch(small_model())
    better, worse = pairs(batch)
    total = batch.reward.sum(1)
    for group in batch.group.unique():
        rows = total[batch.group == group]
        found = [i for i in range(len(better)) if batch.group[better[i]] == group]
        assert len(found) == int(rows.max() > rows.min())
        for i in found:
            assert batch.group[worse[i]] == group
            assert (total[better[i]], total[worse[i]]) == (rows.max(), rows.min())
    with pytest.raises(DataError, match="different rewards"):
        pairs(batch.replace(reward=torch.zeros_like(batch.reward)))


def test_an_answer_weighs_the_sum_of_its_tokens():
    model = small_model()
    batch = ragged_batch(model)
    plain = model(batch.ids).logits.log_softmax(-1)[:, :-1].gather(-1, batch.ids[:, 1:, None]).squeeze(-1)
    expected = (plain * batch.action[:, 1:]).sum(1)
    torch.testing.assert_close(answer_logps(model, batch), expected, atol=1e-5, rtol=1e-5)


def test_the_loss_is_the_formula_and_its_gradient_pushes_answers_apart():
    logp = torch.tensor([-3.0, -4.0, -2.0, -2.5], requires_grad=True)
    reference = torch.tensor([-3.5, -3.0, -2.0, -2.0])
    loss, margin = dpo_loss(logp, reference, torch.tensor([0, 3]), torch.tensor([1, 2]), beta=0.5)
    expected = [0.5 - -1.0, -0.5 - 0.0]
    assert margin.tolist() == expected
    assert float(loss.detach()) == pytest.approx(sum(math.log(1 + math.exp(-0.5 * m)) for m in expected) / 2)
    (gradient,) = torch.autograd.grad(loss, logp)
    assert (gradient < 0).tolist() == [True, False, False, True]
    torch.testing.assert_close(gradient[0], -gradient[1])
    torch.testing.assert_close(gradient[3], -gradient[2])


def test_it_learns_to_prefer():
    model = small_model(layers=1, spread=0.1)
    episodes = rollout(model, [[1], [2, 3]], lambda prompt, ids: float(ids[0] % 2), samples=8, lengths=(2,))
    batch = TokenBatch.from_episodes(episodes)
    reference = answer_logps(copy.deepcopy(model), batch).detach()
    better, worse = pairs(batch)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        loss, margin = dpo_loss(answer_logps(model, batch), reference, better, worse, beta=0.5)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[-1] < 0.3 and (margin > 0).all()
