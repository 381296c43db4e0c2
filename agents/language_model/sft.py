"""Supervised fine-tuning: cross-entropy of completions given their prompts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from codegym.agents.learning.token_batch import TokenBatch
from codegym.envs.errors import OptionError, TrainingError

Example = tuple[Sequence[int], Sequence[int]]
"""(prompt ids, completion ids); only the completion's ids are learned."""


@dataclass(frozen=True)
class FineTuning:
    """How to fine-tune. The defaults train `tiny` from scratch (0.8 M parameters) on two cores in under a minute.

    Attributes:
        steps: optimiser steps, a fixed number: the result does not depend on the machine's speed.
        batch_size: examples per step.
        learning_rate: peak, reached after `warmup_steps`, then a cosine down to a tenth.
        warmup_steps: linear warm-up.
        weight_decay: of AdamW, on matrices only.
        betas: of AdamW.
        max_grad_norm: gradients are clipped to this norm.
        prompt_weight: weight of the prompt's tokens in the loss; 0 learns the completions alone.
        seed: of the order of examples.
    """

    steps: int = 600
    batch_size: int = 32
    learning_rate: float = 3e-3
    warmup_steps: int = 40
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.98)
    max_grad_norm: float = 1.0
    prompt_weight: float = 0.0
    seed: int = 0


class FineTuner:
    """Training that can be stopped after any step and goes on from its state, bit by bit.

    Deterministic for a fixed seed, device and number of threads.

    Attributes:
        step: number of steps done.
    """

    def __init__(self, model: PreTrainedModel, examples: Sequence[Example], recipe: FineTuning) -> None:
        """Prepare to train `model` in place.

        Args:
            model: a causal language model.
            examples: as token ids; every epoch visits them in a new order. Read one batch at a time, so that a
                sequence which makes its items when asked costs nothing before.
            recipe: steps, batch size, learning rate.
        """
        if not len(examples):
            raise OptionError("Fine-tuning needs at least one example.")
        self.model, self.examples, self.recipe = model, examples, recipe
        self.step = 0
        self._named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        matrices = [p for _, p in self._named if p.dim() >= 2]
        others = [p for _, p in self._named if p.dim() < 2]
        groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas)
        self._order = _order(len(examples), recipe)

    def advance(self) -> float:
        """Take one step; returns its loss: the mean over the completion tokens of the batch, in nats.

        Raises:
            TrainingError: the loss is not finite.
        """
        recipe = self.recipe
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(self.step, recipe)
        rows = self._order[self.step * recipe.batch_size : (self.step + 1) * recipe.batch_size]
        self.model.train()
        batch = [self.examples[int(row)] for row in rows]
        loss = completion_loss(self.model, TokenBatch.from_examples(batch, recipe.prompt_weight))
        if not math.isfinite(float(loss.detach())):
            raise TrainingError(f"Fine-tuning stopped at step {self.step}: the loss is {float(loss.detach())}.")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for _, p in self._named], recipe.max_grad_norm)
        self.optimiser.step()
        self.model.eval()
        self.step += 1
        return float(loss.detach())

    def state(self) -> dict[str, torch.Tensor]:
        """All that the next step depends on, as named tensors."""
        tensors = {f"model/{name}": p.detach() for name, p in self._named}
        for index, entry in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam/{index}/{name}": tensor for name, tensor in entry.items()}
        return tensors | {"step": torch.tensor(self.step)}

    @torch.no_grad()
    def load_state(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from a state."""
        for name, parameter in self._named:
            parameter.copy_(tensors[f"model/{name}"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("adam/"):
                _, index, key = name.split("/")
                state.setdefault(int(index), {})[key] = tensor.clone()
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.step = int(tensors["step"])


def fine_tune(
    model: PreTrainedModel,
    examples: Sequence[Example],
    recipe: FineTuning,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train `model` in place by all steps of the recipe; `on_step` is called with (steps done, loss) after each.

    Returns:
        The loss of each step.
    """
    tuner = FineTuner(model, examples, recipe)
    losses = []
    while tuner.step < recipe.steps:
        losses.append(tuner.advance())
        if on_step is not None:
            on_step(tuner.step, losses[-1])
    model.eval()
    return losses


def completion_loss(model: PreTrainedModel, batch: TokenBatch) -> torch.Tensor:
    """Mean negative log-probability, in nats, of the batch's actions given all that precedes them, weighed by credit.

    Only positions whose target is an action reach the loss.
    """
    batch = batch.to(model.device)
    mask = batch.attention.long()
    logits = model(input_ids=batch.ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    targets = batch.action[:, 1:]
    losses = torch.nn.functional.cross_entropy(logits[targets].float(), batch.ids[:, 1:][targets], reduction="none")
    weights = batch.credit[:, 1:][targets]
    return (losses * weights).sum() / weights.sum()


def _order(count: int, recipe: FineTuning) -> np.ndarray:
    generator = np.random.Generator(np.random.Philox(recipe.seed))
    needed = recipe.steps * recipe.batch_size
    return np.concatenate([generator.permutation(count) for _ in range(math.ceil(needed / count))])[:needed]


def _schedule(step: int, recipe: FineTuning) -> float:
    """Share of the peak learning rate at a step: linear warm-up, then half a cosine from 1 to 0.1."""
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    progress = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))
