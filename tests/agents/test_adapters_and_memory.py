"""PPO with a LoRA adapter, with too little memory, and with an adaptive KL."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from learning_helpers import ragged_batch, small_model

from codegym.agents.learning.lora import with_adapter, without_adapter
from codegym.agents.learning.losses import adapted_coef
from codegym.agents.learning.options import PPOOptions
from codegym.agents.learning.ppo import PPO
from codegym.envs.errors import OptionError, TrainingError

EAGER = PPOOptions(value_warmup=0, epochs=1, minibatches=1)


def trained(model, steps: int = 2, **options) -> tuple[PPO, dict]:
    trainer = PPO(model, dataclasses.replace(EAGER, **options))
    for seed in range(steps):
        metrics = trainer.update(trainer.score(ragged_batch(model, seed=seed)))
    return trainer, metrics


def test_an_adapter_is_trained_alone_and_its_model_is_the_reference():
    pytest.importorskip("peft")
    plain = small_model()
    model = with_adapter(small_model(), 4)
    batch = ragged_batch(plain)
    torch.testing.assert_close(model(batch.ids).logits, plain(batch.ids).logits)  # it begins as no change
    before = {name: p.clone() for name, p in model.named_parameters()}
    trainer, _ = trained(model)
    assert trainer.reference is None
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed and all("lora_" in name for name in changed)
    assert {name for name in trainer.state() if name.startswith("policy/")} == {
        f"policy/{name}" for name, p in model.named_parameters() if p.requires_grad
    }
    scored = trainer.score(ragged_batch(model, seed=9))
    expected = PPO(plain, EAGER).score(scored).ref_logp
    torch.testing.assert_close(scored.ref_logp, expected, atol=1e-6, rtol=0)
    assert not torch.allclose(scored.ref_logp[scored.action], scored.logp[scored.action], atol=1e-5)
    adapted = model(batch.ids).logits.detach()
    merged = without_adapter(model)
    torch.testing.assert_close(merged(batch.ids).logits, adapted, atol=1e-5, rtol=1e-5)
    assert not any("lora" in name for name, _ in merged.named_parameters())


def test_a_model_without_adapter_is_left_as_it_is():
    model = small_model()
    assert without_adapter(model) is model


class Tight:
    """Stands for a device that holds a few rows: a pass over more fails as torch fails."""

    def __init__(self, model, rows: int) -> None:
        self.rows = rows
        model.base_model.register_forward_pre_hook(self.check, with_kwargs=True)

    def check(self, module, arguments, keywords):
        if len(keywords["input_ids"]) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")


def test_too_little_memory_halves_the_micro_batch_and_changes_nothing_else():
    free, tight = small_model(), small_model()
    batch = ragged_batch(free)
    Tight(tight, rows=3)
    one = PPO(free, dataclasses.replace(EAGER, micro_batch=9))
    two = PPO(tight, dataclasses.replace(EAGER, micro_batch=9))
    first, second = (trainer.update(trainer.score(batch)) for trainer in (one, two))
    assert one.micro_batch == 9 and two.micro_batch == 3  # by way of 5
    assert first == pytest.approx(second, rel=1e-4, abs=1e-6)
    for (name, p), q in zip(free.named_parameters(), tight.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-5, rtol=1e-4, msg=name)
    assert int(two.state()["micro_batch"]) == 3


def test_a_row_that_does_not_fit_is_an_error_and_other_errors_stay_what_they_are():
    model = small_model()
    batch = ragged_batch(model)
    Tight(model, rows=0)
    with pytest.raises(TrainingError, match="out of memory with a single row"):
        PPO(model, EAGER).score(batch)
    broken = small_model()
    broken.base_model.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        PPO(broken, EAGER).score(batch)


@pytest.mark.parametrize(
    "observed, expected",
    [(0.1, 1.0), (0.11, 1.0 + 0.1 * 0.05), (9.0, 1.0 + 0.2 * 0.05), (0.0, 1.0 - 0.2 * 0.05)],
)
def test_the_weight_of_an_adaptive_kl_follows_its_formula(observed, expected):
    assert adapted_coef(1.0, observed, target=0.1, share=0.05) == pytest.approx(expected)


def test_an_adaptive_kl_moves_with_the_rollouts_and_is_part_of_the_state():
    trainer, metrics = trained(small_model(), steps=3, kl_target=1e-9, kl_horizon=100, lr=1e-2)
    assert trainer.kl_coef > EAGER.kl_coef
    assert metrics["kl_coef"] == trainer.kl_coef
    other = PPO(small_model(), dataclasses.replace(EAGER, kl_target=1e-9))
    other.load_state({name: tensor.clone() for name, tensor in trainer.state().items()})
    assert other.kl_coef == trainer.kl_coef
    with pytest.raises(OptionError, match="--kl-target"):
        PPO(small_model(), dataclasses.replace(EAGER, kl_target=0.0))
    with pytest.raises(OptionError, match="--kl-coef"):
        PPO(small_model(), dataclasses.replace(EAGER, kl_target=0.1, kl_coef=0.0))
