"""Log-probabilities, entropies and values of the actions in a batch, in one pass over each distinct prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from codegym.agents.learning.token_batch import TokenBatch
from codegym.agents.learning.value_head import ValueHead

LOGITS_AT_ONCE = 1 << 24
"""Logits exist for chunks of at most this many numbers (64 MiB in float32), never as [batch, time, vocabulary]."""


@dataclass(frozen=True)
class ActionScores:
    """What a model says about the action tokens of a batch, as flat tensors in the order of `batch.action`.

    Attributes:
        logp: [actions] float32.
        entropy: [actions] float32; of the whole distribution at each action.
        value: [actions] float32; of the state before each action, or None without a value head.
    """

    logp: Tensor
    entropy: Tensor
    value: Tensor | None


def score_actions(
    model: Any,
    batch: TokenBatch,
    *,
    value_head: ValueHead | None = None,
    temperature: float = 1.0,
    entropy_gradient: bool = True,
) -> ActionScores:
    """Score every action token of the batch under a causal language model.

    Args:
        model: a transformers causal language model.
        batch: right-padded rows.
        value_head: adds values where given.
        temperature: the one that the tokens were sampled with; the scores are of that distribution.
        entropy_gradient: whether the entropy will be differentiated; without, it costs less.
    """
    hidden = action_hidden_states(model, batch)
    logp, entropy = token_logps(
        model.get_output_embeddings(), hidden, batch.ids[batch.action], temperature, entropy_gradient=entropy_gradient
    )
    return ActionScores(logp, entropy, None if value_head is None else value_head(hidden))


def action_hidden_states(model: Any, batch: TokenBatch) -> Tensor:
    """The last hidden state that each action token was predicted from, [actions, hidden].

    Rows with the same prompt share one pass over it: the prompts run first and leave their keys and values, then each
    row's tail runs against its own prompt's. Gradients flow through both.
    """
    transformer = (model.get_base_model() if hasattr(model, "get_base_model") else model).base_model  # peft wraps once
    prompt_length = torch.where(batch.action.any(1), batch.action.int().argmax(1), batch.lengths)  # [batch]
    owner, prompts = _distinct_prompts(batch.ids, prompt_length)
    tail_length = int((batch.lengths - prompt_length).max())
    width = int(prompt_length[prompts].max())
    out = transformer(input_ids=batch.ids[prompts, :width], use_cache=True)
    last = out.last_hidden_state[torch.arange(len(prompts)), prompt_length[prompts] - 1]  # [prompts, hidden]
    position = prompt_length[:, None] + torch.arange(tail_length, device=batch.ids.device)  # [batch, tail]
    inside = position < batch.lengths[:, None]
    place = position.clamp_max(batch.ids.shape[1] - 1)
    cache = out.past_key_values
    cache.batch_select_indices(owner)
    steps = max(tail_length - 1, 1)  # nothing is predicted from a row's last token; never no pass, for FSDP's sake
    prompt_seen = torch.arange(width, device=batch.ids.device) < prompt_length[:, None]
    tail = transformer(
        input_ids=batch.ids.gather(1, place[:, :steps]),
        attention_mask=torch.cat([prompt_seen, inside[:, :steps]], 1).long(),
        position_ids=place[:, :steps],
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    before = torch.cat([last[owner][:, None], tail], 1)[:, :tail_length]  # the state before each token of the tail
    chosen: Tensor = before[batch.action.gather(1, place) & inside]
    return chosen


def _distinct_prompts(ids: Tensor, prompt_length: Tensor) -> tuple[Tensor, Tensor]:
    """For each row the number of its prompt, and for each prompt a row that begins with it."""
    numbers: dict[tuple[int, ...], int] = {}
    owner: list[int] = []
    rows: list[int] = []
    for row, (row_ids, length) in enumerate(zip(ids.tolist(), prompt_length.tolist(), strict=True)):
        number = numbers.setdefault(tuple(row_ids[:length]), len(numbers))
        if number == len(rows):
            rows.append(row)
        owner.append(number)
    return torch.tensor(owner, device=ids.device), torch.tensor(rows, device=ids.device)


def token_logps(
    output: Any, hidden: Tensor, ids: Tensor, temperature: float = 1.0, *, entropy_gradient: bool = True
) -> tuple[Tensor, Tensor]:
    """Log-probability of each id and entropy of its distribution, [actions] each, from hidden states.

    Logits exist for one chunk of actions at a time; where there are several chunks they are computed again in the
    backward pass instead of being kept.
    """

    def chunk(hidden: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        logits = output(hidden).float()
        logps = (logits if temperature == 1.0 else logits / temperature).log_softmax(-1)
        every = logps if entropy_gradient else logps.detach()
        return logps.gather(-1, ids[:, None]).squeeze(-1), -(every.exp() * every).sum(-1)

    vocabulary = int(output.weight.shape[0])
    rows = max(1, LOGITS_AT_ONCE // vocabulary)
    if len(ids) <= rows:
        return chunk(hidden, ids)
    parts = [
        checkpoint(chunk, h, i, use_reentrant=False)
        for h, i in zip(torch.split(hidden, rows), torch.split(ids, rows), strict=True)
    ]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])
