"""The loss kernel: formulas, exact zeros under the mask, expectations and gradients by enumeration."""

from __future__ import annotations

import itertools

import pytest
import torch

from codegym.agents.learning.losses import kl, policy_loss, value_loss
from codegym.agents.learning.metrics import Averages, explained_variance, masked_mean, masked_variance
from codegym.envs.errors import OptionError


def random_inputs(seed: int = 0, shape=(4, 6)):
    generator = torch.Generator().manual_seed(seed)
    logp, old, advantage = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3))
    weight = (torch.rand(shape, generator=generator) < 0.6).double() * torch.rand(shape, generator=generator).double()
    return logp, old, advantage, weight


@pytest.mark.parametrize("dual_clip", [None, 1.5])
def test_the_policy_loss_is_the_formula(dual_clip):
    logp, old, advantage, weight = random_inputs()
    loss, stats = policy_loss(
        logp, old, advantage, weight, denominator=weight.sum(), eps_low=0.1, eps_high=0.3, dual_clip=dual_clip
    )
    total, clipped = 0.0, []
    for i, j in itertools.product(*map(range, logp.shape)):
        ratio = float((logp[i, j] - old[i, j]).exp())
        a = float(advantage[i, j])
        objective = min(ratio * a, min(max(ratio, 0.9), 1.3) * a)
        if dual_clip is not None and a < 0:
            objective = max(objective, dual_clip * a)
        total -= float(weight[i, j]) * objective
        if weight[i, j] > 0:
            clipped.append((a > 0 and ratio > 1.3) or (a < 0 and ratio < 0.9))
    assert float(loss) == pytest.approx(total / float(weight.sum()))
    assert stats["clipped"][weight > 0].bool().tolist() == clipped
    assert stats["approx_kl"].ge(0).all()


def test_masked_tokens_get_a_gradient_of_exactly_zero_whatever_they_hold():
    logp, old, advantage, weight = random_inputs()
    logits = torch.randn(4, 6, 5, dtype=torch.float64, requires_grad=True)
    ids = torch.randint(5, (4, 6, 1), generator=torch.Generator().manual_seed(1))
    value = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    masked = weight == 0
    assert masked.any() and not masked.all()
    for poison in (torch.nan, torch.inf, -1e30):
        old, advantage = old.masked_fill(masked, poison), advantage.masked_fill(masked, poison)
        logp = logits.log_softmax(-1).gather(-1, ids).squeeze(-1)
        loss, _ = policy_loss(logp, old, advantage, weight, denominator=weight.sum())
        for estimator in ("k1", "k3"):
            loss = loss + (kl(logp, old, weight, estimator) * weight).sum()
        loss = loss + value_loss(value, value.detach(), old, weight, denominator=1.0, clip=0.2)
        to_logits, to_value = torch.autograd.grad(loss, [logits, value])
        assert to_logits[masked].eq(0).all() and to_value[masked].eq(0).all()
        assert to_logits[~masked].isfinite().all() and to_logits[~masked].ne(0).any()


def test_the_value_loss_is_half_the_squared_error_and_clips_the_move():
    value, old, returns = torch.tensor([2.0, 0.1]), torch.tensor([0.0, 0.0]), torch.tensor([3.0, 1.0])
    ones = torch.ones(2)
    assert float(value_loss(value, old, returns, ones, denominator=2)) == pytest.approx((1 + 0.81) / 4)
    assert float(value_loss(value, old, returns, ones, denominator=2, clip=0.5)) == pytest.approx((2.5**2 + 0.81) / 4)


def categorical(seed: int):
    return torch.randn(5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_both_estimators_expect_the_kl_and_k3_is_never_negative():
    policy, reference = categorical(0).log_softmax(-1), categorical(1).log_softmax(-1)
    exact = (policy.exp() * (policy - reference)).sum()
    ones = torch.ones(5)
    for estimator in ("k1", "k3"):
        torch.testing.assert_close((policy.exp() * kl(policy, reference, ones, estimator)).sum(), exact)
    assert kl(policy, reference, ones, "k3").ge(0).all()
    assert kl(policy, reference, ones, "k1").lt(0).any()
    assert kl(policy, policy, ones, "k3").eq(0).all()
    with pytest.raises(OptionError, match="k1, k3"):
        kl(policy, reference, ones, "k9")


@pytest.mark.parametrize("estimator, direction", [("k1", "reverse"), ("k3", "forward")])
def test_the_expected_gradient_of_the_kl_loss_is_that_of_a_kl(estimator, direction):
    """k1: KL(policy || reference). k3: KL(reference || policy)."""
    logits, reference = categorical(0).requires_grad_(), categorical(1).log_softmax(-1)
    policy = logits.log_softmax(-1)
    if direction == "reverse":
        exact = (policy.exp() * (policy - reference)).sum()
    else:
        exact = (reference.exp() * (reference - policy)).sum()
    (expected,) = torch.autograd.grad(exact, logits, retain_graph=True)
    sampled = (policy.detach().exp() * kl(policy, reference, torch.ones(5), estimator)).sum()
    (ours,) = torch.autograd.grad(sampled, logits)
    torch.testing.assert_close(ours, expected)


def test_the_policy_gradient_equals_the_gradient_of_the_expected_return():
    """Vocabulary of 2, length 3: all 8 trajectories, weighted by their probability."""
    logits = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)  # one row per prefix: "", 0, 1, 00, 01, ...
    score = {t: float(3 * t[0] - t[1] * t[2] + 0.5 * t[2]) for t in itertools.product((0, 1), repeat=3)}

    def prefix(t):
        return [0, 1 + t[0], 3 + 2 * t[0] + t[1]]

    table = logits.log_softmax(-1)
    trajectories = {t: table[prefix(t), list(t)] for t in score}
    expected_return = sum(trajectories[t].sum().exp() * score[t] for t in score)
    (exact,) = torch.autograd.grad(expected_return, logits, retain_graph=True)
    ours = torch.zeros_like(exact)
    for t, logp in trajectories.items():
        loss, _ = policy_loss(logp, logp.detach(), torch.full((3,), score[t]), torch.ones(3), denominator=1.0)
        (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
        ours -= logp.sum().exp().detach() * gradient
    torch.testing.assert_close(ours, exact)


def test_slices_add_up_to_the_whole():
    logp, old, advantage, weight = random_inputs()
    whole, _ = policy_loss(logp, old, advantage, weight, denominator=weight.sum())
    parts = [
        policy_loss(logp[i : i + 1], old[i : i + 1], advantage[i : i + 1], weight[i : i + 1], denominator=weight.sum())[
            0
        ]
        for i in range(len(logp))
    ]
    torch.testing.assert_close(torch.stack(parts).sum(), whole)


def test_averages_do_not_depend_on_how_values_arrive():
    logp, _, _, weight = random_inputs()
    logp = logp.masked_fill(weight == 0, torch.nan)
    whole, sliced = Averages(), Averages()
    whole.add("x", logp, weight)
    for i in range(len(logp)):
        sliced.add("x", logp[i], weight[i])
    assert whole.means()["x"] == pytest.approx(sliced.means()["x"])
    assert whole.means()["x"] == pytest.approx(float((logp[weight > 0] * weight[weight > 0]).sum() / weight.sum()))


def test_explained_variance():
    target, ones = torch.tensor([1.0, 2.0, 4.0]), torch.ones(3)
    assert explained_variance(target, target, ones) == 1.0
    assert explained_variance(torch.full((3,), 9.0), target, ones) == pytest.approx(0.0, abs=1e-6)
    assert explained_variance(-target, target, ones) == pytest.approx(-3.0)
    assert explained_variance(target, ones, ones) != explained_variance(target, ones, ones)  # NaN: nothing to explain
    assert float(masked_mean(target, torch.zeros(3))) == 0.0 == float(masked_variance(target, torch.zeros(3)))
