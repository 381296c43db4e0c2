"""PPO as a whole: exact gradients, ratio 1, nothing read beyond the mask, and it learns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from learning_helpers import ragged_batch, rollout, small_model

from codegym.agents.learning.options import PPOOptions
from codegym.agents.learning.ppo import PPO
from codegym.agents.learning.scoring import action_hidden_states, score_actions, token_logps
from codegym.agents.learning.tensors import load_tensors
from codegym.agents.learning.token_batch import TokenBatch
from codegym.envs.errors import OptionError, TrainingError

EAGER = PPOOptions(value_warmup=0)


def gradients(trainer: PPO, batch: TokenBatch) -> torch.Tensor:
    """The gradient of one whole-batch step, as one vector: policy and value head."""
    recorded = []
    trainer.optimizer.register_step_pre_hook(
        lambda optimizer, args, kwargs: recorded.append(
            torch.cat([p.grad.flatten().clone() for group in optimizer.param_groups for p in group["params"]])
        )
    )
    trainer.update(trainer.score(batch))
    return recorded[0]


def one_step(**options) -> PPOOptions:
    return dataclasses.replace(EAGER, epochs=1, minibatches=1, max_grad_norm=1e9, **options)


def test_scores_equal_a_plain_forward_pass_over_whole_rows():
    model = small_model()
    batch = ragged_batch(model)
    scores = score_actions(model, batch, temperature=0.7)
    logps = (model(batch.ids).logits.float() / 0.7).log_softmax(-1)
    taken = logps[:, :-1].gather(-1, batch.ids[:, 1:, None]).squeeze(-1)[batch.action[:, 1:]]
    entropy = -(logps.exp() * logps).sum(-1)[:, :-1][batch.action[:, 1:]]
    torch.testing.assert_close(scores.logp, taken, atol=1e-5, rtol=0)
    torch.testing.assert_close(scores.entropy, entropy, atol=1e-5, rtol=0)


def test_a_shared_prompt_gives_the_gradient_of_whole_rows():
    model = small_model()
    batch = ragged_batch(model)
    direction = torch.randn(int(batch.action.sum()), generator=torch.Generator().manual_seed(0))

    def gradient(logp):
        return torch.cat([g.flatten() for g in torch.autograd.grad((logp * direction).sum(), list(model.parameters()))])

    logps = model(batch.ids).logits.log_softmax(-1)[:, :-1].gather(-1, batch.ids[:, 1:, None]).squeeze(-1)
    torch.testing.assert_close(
        gradient(score_actions(model, batch).logp), gradient(logps[batch.action[:, 1:]]), atol=2e-5, rtol=1e-4
    )


def test_chunks_of_logits_change_nothing(monkeypatch):
    model = small_model()
    batch = ragged_batch(model)
    hidden, ids = action_hidden_states(model, batch), batch.ids[batch.action]
    whole = token_logps(model.lm_head, hidden, ids)
    monkeypatch.setattr("codegym.agents.learning.scoring.LOGITS_AT_ONCE", 3 * 8)
    for one, two in zip(whole, token_logps(model.lm_head, hidden, ids), strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=0)
        torch.testing.assert_close(
            torch.autograd.grad(one.sum(), hidden, retain_graph=True)[0],
            torch.autograd.grad(two.sum(), hidden, retain_graph=True)[0],
            atol=1e-6,
            rtol=1e-5,
        )


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_before_the_first_step_every_ratio_is_one(temperature):
    model = small_model()
    batch = TokenBatch.from_episodes(
        rollout(model, [[1], [2, 3]], lambda p, ids: float(sum(ids)), lengths=(3, 5), temperature=temperature)
    )
    trainer = PPO(model, one_step(temperature=temperature, ratio_tolerance=1e-5))
    metrics = trainer.update(trainer.score(batch))
    assert metrics["clip_fraction"] == 0.0
    assert metrics["approx_kl"] == pytest.approx(0.0, abs=1e-7)
    assert metrics["kl"] == pytest.approx(0.0, abs=1e-7)  # the reference is the policy still


def test_log_probabilities_of_another_policy_are_refused(tmp_path):
    batch = ragged_batch(small_model(seed=1))
    trainer = PPO(small_model(seed=2), EAGER, folder=tmp_path)
    with pytest.raises(TrainingError, match="likely causes: another temperature than 1, top-p") as error:
        trainer.update(trainer.score(batch))
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize("field", ["reward", "logp"])
def test_nan_stops_training_with_the_batch_saved(tmp_path, field):
    model = small_model()
    batch = ragged_batch(model)
    bad = batch.tensors[field].clone()
    bad[batch.action.nonzero()[0][0], batch.action.nonzero()[0][1]] = torch.nan
    trainer = PPO(model, EAGER, folder=tmp_path)
    with pytest.raises(TrainingError, match=r"iteration 0: .*NaN"):
        trainer.score(batch.replace(**{field: bad}))
    saved = load_tensors(tmp_path / "broken_batch_0.safetensors")
    assert torch.equal(saved["ids"], batch.ids)
    assert saved[field].isnan().any()


def test_weights_that_became_nan_stop_training(tmp_path):
    model = small_model()
    batch = ragged_batch(model)
    trainer = PPO(model, dataclasses.replace(EAGER, ratio_tolerance=1e9), folder=tmp_path)
    scored = trainer.score(batch)
    with torch.no_grad():
        model.lm_head.weight[0, 0] = torch.nan
    with pytest.raises(TrainingError, match="loss is nan"):
        trainer.update(scored)
    assert (tmp_path / "broken_batch_0.safetensors").is_file()


@pytest.mark.parametrize("advantage", ["gae", "grpo"])
def test_micro_batches_and_the_order_of_rows_do_not_change_the_gradient(advantage):
    whole = None
    for size, order in [(100, None), (1, None), (2, None), (4, None), (100, 7), (3, 8)]:
        model = small_model()
        batch = ragged_batch(model)
        batch = batch.replace(credit=torch.where(batch.ids % 3 == 0, 0.25, batch.credit))
        if order is not None:
            batch = batch.select(torch.from_numpy(np.random.default_rng(order).permutation(len(batch))))
        options = one_step(micro_batch=size, advantage=advantage, entropy_coef=0.01)
        vector = gradients(PPO(model, options), batch)
        whole = vector if whole is None else whole
        torch.testing.assert_close(vector, whole, atol=1e-6, rtol=1e-4)
    assert whole.abs().max() > 1e-3


def test_what_comes_after_the_last_action_is_never_read():
    vectors = []
    for pad in (0, 7):
        model = small_model()
        batch = ragged_batch(model)
        vectors.append(
            gradients(PPO(model, one_step()), batch.replace(ids=torch.where(batch.attention, batch.ids, pad)))
        )
    assert torch.equal(*vectors)


def test_tokens_without_credit_have_no_part_in_the_policy_gradient():
    """Their advantage can be anything; the value head still learns from them."""
    vectors = []
    for reward in (0.0, 5.0):
        model = small_model()
        batch = ragged_batch(model)
        last = batch.reward.ne(0)
        batch = batch.replace(credit=torch.where(batch.step == 0, 0.0, batch.credit))
        batch = batch.replace(reward=torch.where(batch.action & (batch.step == 0) & ~last, reward, batch.reward))
        vectors.append(gradients(PPO(model, one_step()), batch))
    policy = sum(p.numel() for p in small_model().parameters())
    torch.testing.assert_close(vectors[0][:policy], vectors[1][:policy], atol=1e-7, rtol=0)
    assert not torch.allclose(vectors[0][policy:], vectors[1][policy:])


def test_the_value_loss_does_not_move_the_policy():
    model = small_model()
    before = {name: p.clone() for name, p in model.named_parameters()}
    trainer = PPO(model, PPOOptions(value_warmup=1))
    metrics = trainer.update(trainer.score(ragged_batch(model)))
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert trainer.value_head is not None and trainer.value_head.linear.weight.ne(0).any()
    assert metrics["value_loss"] > 0


def test_the_reference_is_a_snapshot_of_the_weights_passed_in():
    model = small_model()
    trainer = PPO(model, EAGER)
    first = model.lm_head.weight.detach().clone()
    for seed in range(3):
        trainer.update(trainer.score(ragged_batch(model, seed=seed)))
    assert torch.equal(trainer.reference.lm_head.weight, first)
    assert not torch.equal(model.lm_head.weight, first)
    batch = trainer.score(ragged_batch(model, seed=9))
    assert not torch.allclose(batch.ref_logp[batch.action], batch.logp[batch.action], atol=1e-4)


def test_impossible_options_are_refused():
    for bad in ({"lr": 0.0}, {"epochs": 0}, {"lam": 1.5}, {"kl_coef": -1.0}, {"eps_low": 2.0}, {"dual_clip": 0.5}):
        with pytest.raises(OptionError, match="--" + next(iter(bad)).replace("_", "-")):
            PPO(small_model(), PPOOptions(**bad))


@pytest.mark.parametrize(
    "advantage, kl_in",
    [("gae", "loss"), ("gae", "reward"), ("grpo", "loss"), ("rloo", "loss"), ("reinforce++", "loss")],
)
def test_it_learns_which_token_each_prompt_wants(advantage, kl_in):
    """A bandit over 8 tokens, two decisions long; chance is 1/8."""
    model = small_model(layers=1, spread=0.1)
    prompts = [[1], [2], [3, 4]]

    def reward(prompt, ids):
        return sum(i == (prompt[0] + k) % 8 for k, i in enumerate(ids)) / len(ids)

    options = PPOOptions(advantage=advantage, kl_in=kl_in, kl_coef=0.001, lr=5e-3, value_lr=1e-2, value_warmup=1)
    trainer = PPO(model, options)
    curve = []
    for iteration in range(30):
        episodes = rollout(model, prompts, reward, samples=8, lengths=(2,), seed=iteration)
        curve.append(np.mean([e.reward for e in episodes]))
        metrics = trainer.update(trainer.score(TokenBatch.from_episodes(episodes)))
    assert np.mean(curve[:2]) < 0.25
    assert np.mean(curve[-5:]) > 0.5, curve
    assert metrics["kl"] > 0


def test_the_learning_rates_of_an_iteration_are_scaled_from_the_options():
    model = small_model()
    trainer = PPO(model, EAGER)
    before = {name: p.clone() for name, p in model.named_parameters()}
    trainer.update(trainer.score(ragged_batch(model)), lr_scale=0.0)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    trainer.update(trainer.score(ragged_batch(model, seed=1)), lr_scale=0.5)
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [EAGER.lr / 2, EAGER.value_lr / 2]
    assert not torch.equal(model.lm_head.weight, before["lm_head.weight"])
