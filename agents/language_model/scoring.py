"""Log-probabilities of given ids, in as few forward passes as memory allows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

_LOGIT_BYTES = 256 << 20
"""Logits of one forward pass take at most about this much memory."""


@torch.inference_mode()
def score(
    model: PreTrainedModel, ids: Sequence[Sequence[int]], starts: Sequence[int], *, temperature: float = 1.0
) -> list[torch.Tensor]:
    """Log-probability of each id from a place on, given all ids before it.

    Rows of like length share a forward pass, padded on the left, so that logits are computed for the last positions
    only.

    Args:
        model: a causal language model.
        ids: rows of ids.
        starts: the first id to score in each row; at least 1, for nothing precedes the first id.
        temperature: divides the logits.

    Returns:
        For each row a float32 tensor [len(ids[i]) - starts[i]].
    """
    order = sorted(range(len(ids)), key=lambda row: (len(ids[row]), row))
    results: list[torch.Tensor] = [torch.empty(0)] * len(ids)
    width = int(model.config.get_text_config().vocab_size)
    training = model.training
    model.eval()
    try:
        for batch in _batches(order, [len(ids[row]) - starts[row] for row in range(len(ids))], width):
            logps = _score(model, [ids[row] for row in batch], [starts[row] for row in batch], temperature)
            for row, scored in zip(batch, logps, strict=True):
                results[row] = scored
    finally:
        model.train(training)
    return results


def _batches(order: Sequence[int], tails: Sequence[int], width: int) -> list[list[int]]:
    """Neighbouring rows whose logits fit into memory together."""
    batches: list[list[int]] = []
    longest = 0
    for row in order:
        longest = max(longest, tails[row])
        if not batches or (len(batches[-1]) + 1) * (longest + 1) * width * 4 > _LOGIT_BYTES:
            batches.append([])
            longest = tails[row]
        batches[-1].append(row)
    return batches


def _score(
    model: PreTrainedModel, rows: Sequence[Sequence[int]], starts: Sequence[int], temperature: float
) -> list[torch.Tensor]:
    width = max(map(len, rows))
    tail = max(len(row) - start for row, start in zip(rows, starts, strict=True))
    if tail <= 0:
        return [torch.empty(0)] * len(rows)
    padded = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for index, row in enumerate(rows):
        padded[index, width - len(row) :] = torch.tensor(row)
        mask[index, width - len(row) :] = 1
    padded, mask = padded.to(model.device), mask.to(model.device)
    logits = model(
        input_ids=padded,
        attention_mask=mask,
        position_ids=(mask.cumsum(-1) - 1).clamp_(min=0),
        use_cache=False,
        logits_to_keep=tail + 1,
    ).logits[:, :-1]
    logps = torch.log_softmax(logits.float() / temperature, dim=-1)
    chosen = logps.gather(-1, padded[:, -tail:].unsqueeze(-1)).squeeze(-1).cpu()
    return [
        chosen[i, tail - (len(row) - start) :].clone() for i, (row, start) in enumerate(zip(rows, starts, strict=True))
    ]
