"""The precision of each phase: chosen from measured seconds, kept for the run, and used; importance weights."""

from __future__ import annotations

import json

import pytest
import torch
from learning_helpers import ragged_batch, small_model

from codegym.agents.learning import precision
from codegym.agents.learning.options import PPOOptions
from codegym.agents.learning.ppo import PPO
from codegym.agents.learning.precision import Precision, chosen, precision_of, probe
from codegym.agents.learning.scoring import score_actions
from codegym.envs.errors import TrainingError

CPU = torch.device("cpu")


def test_bfloat16_is_taken_where_it_is_clearly_faster_phase_by_phase():
    def times(rollout: float, update: float) -> dict:
        return {"rollout": {"float32": 1.0, "bfloat16": rollout}, "update": {"float32": 1.0, "bfloat16": update}}

    assert chosen(times(2.0, 0.3)) == Precision("float32", "bfloat16")
    assert chosen(times(0.5, 0.95)) == Precision("bfloat16", "float32")
    assert chosen(times(0.9, 0.9)) == Precision() and Precision().exact


def test_a_probe_measures_both_phases_and_its_choice_is_kept(tmp_path, monkeypatch):
    model = small_model(vocabulary=64)
    seconds = probe(model)
    assert {phase: set(times) for phase, times in seconds.items()} == {
        phase: set(precision.NAMES) for phase in precision.PHASES
    }
    assert all(value > 0 for times in seconds.values() for value in times.values())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert precision_of(tmp_path, "auto", model) == Precision()  # too small to be worth a probe
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(precision, "SMALL", 1)
    found = precision_of(tmp_path, "auto", model)
    record = json.loads((tmp_path / "precision.json").read_text())
    assert found == chosen(record["seconds"])
    (tmp_path / "precision.json").write_text(
        json.dumps(record | {"chosen": {"rollout": "bfloat16", "update": "float32"}})
    )
    assert precision_of(tmp_path, "auto", model, first=False) == Precision("bfloat16", "float32")
    assert precision_of(tmp_path, "bfloat16", model) == Precision("bfloat16", "bfloat16")


def test_an_update_in_bfloat16_leaves_weights_and_losses_in_float32_and_nearly_the_same():
    moved = {}
    for name in precision.NAMES:
        model = small_model()
        before = {key: value.clone() for key, value in model.state_dict().items()}
        trainer = PPO(model, PPOOptions(value_warmup=0, epochs=1, minibatches=1, lr=1e-3))
        trainer.exact_sampler = name == "float32"
        with Precision(name, name).during("update", CPU):
            batch = trainer.score(ragged_batch(model))
            metrics = trainer.update(batch)
        assert batch.value is not None and batch.value.dtype == torch.float32
        assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
        moved[name] = torch.cat([(model.state_dict()[key] - before[key]).flatten() for key in before])
        assert metrics["approx_kl"] == pytest.approx(0.0, abs=1e-3)
    same = torch.nn.functional.cosine_similarity(moved["float32"], moved["bfloat16"], dim=0)
    assert 0.5 < float(same) < 1 - 1e-7  # Adam's first step is the sign of the gradient


def test_a_sampler_that_is_not_the_policy_is_refused_unless_its_tokens_are_weighed():
    policy, sampler = small_model(seed=0), small_model(seed=0)
    with torch.no_grad():
        sampler.get_output_embeddings().weight.mul_(1.05)
    batch = ragged_batch(sampler)
    plain = PPO(policy, PPOOptions(value_warmup=0))
    with pytest.raises(TrainingError, match="log-probabilities differ"):
        plain.update(plain.score(batch))
    trainer = PPO(policy, PPOOptions(value_warmup=0, importance_cap=1.01))
    scored = trainer.score(batch)
    with torch.no_grad():
        true = score_actions(policy, batch).logp
    assert torch.allclose(scored.logp[batch.action], true, atol=1e-5)
    expected = (true - batch.logp[batch.action]).exp()
    assert float(expected.max()) > 1.01 > float(expected.min())
    assert scored.importance is not None
    assert torch.allclose(scored.importance[batch.action], expected.clamp(max=1.01), atol=1e-5)
    assert float(scored.importance[~batch.action].abs().max()) == 0.0
    trainer.update(scored)  # every ratio is 1 now


def test_the_policy_gradient_is_weighed_by_importance():
    gradients = []
    for factor in (1.0, 0.25):
        model = small_model()
        trainer = PPO(model, PPOOptions(kl_coef=0.0, advantage="grpo", importance_cap=2.0))
        batch = trainer.estimate(trainer.score(ragged_batch(model)))
        assert batch.importance is not None
        assert torch.allclose(batch.importance[batch.action], torch.tensor(1.0), atol=1e-5)
        trainer._accumulate(batch.replace(importance=factor * batch.importance), fresh=True)
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert float(gradients[0].abs().max()) > 1e-4
    assert torch.allclose(0.25 * gradients[0], gradients[1], atol=1e-7)
