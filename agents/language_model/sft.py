"""Supervised fine-tuning: cross-entropy of completions given their prompts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from codegym.envs.errors import OptionError

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


def fine_tune(
    model: PreTrainedModel,
    examples: Sequence[Example],
    recipe: FineTuning,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train `model` in place; deterministic for a fixed seed, device and number of threads.

    Args:
        model: a causal language model.
        examples: as token ids; every epoch visits them in a new order.
        recipe: steps, batch size, learning rate.
        on_step: called with (steps done, loss) after each step.

    Returns:
        The loss of each step: mean over the completion tokens of its batch, in nats.
    """
    if not examples:
        raise OptionError("Fine-tuning needs at least one example.")
    matrices = [p for p in model.parameters() if p.requires_grad and p.dim() >= 2]
    others = [p for p in model.parameters() if p.requires_grad and p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas)
    order = _order(len(examples), recipe)
    losses = []
    model.train()
    for step in range(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step, recipe)
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        loss = completion_loss(model, [examples[row] for row in rows], recipe.prompt_weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimiser.step()
        losses.append(float(loss.detach()))
        if on_step is not None:
            on_step(step + 1, losses[-1])
    model.eval()
    return losses


def completion_loss(model: PreTrainedModel, batch: Sequence[Example], prompt_weight: float = 0.0) -> torch.Tensor:
    """Weighted mean negative log-probability, in nats, of the completions' tokens given all that precedes them.

    Padding is on the right and masked; positions whose target has no weight never reach the output layer's loss.
    """
    width = max(len(prompt) + len(completion) for prompt, completion in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask = torch.zeros(len(batch), width, dtype=torch.long)
    weight = torch.zeros(len(batch), width)
    for row, (prompt, completion) in enumerate(batch):
        end = len(prompt) + len(completion)
        ids[row, :end] = torch.tensor([*prompt, *completion])
        mask[row, :end] = 1
        weight[row, : len(prompt)] = prompt_weight
        weight[row, len(prompt) : end] = 1.0
    weight[:, 0] = 0.0  # nothing precedes the first token
    ids, mask, weight = (tensor.to(model.device) for tensor in (ids, mask, weight))
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    targets = weight[:, 1:] > 0
    losses = torch.nn.functional.cross_entropy(logits[targets].float(), ids[:, 1:][targets], reduction="none")
    weights = weight[:, 1:][targets]
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
