"""Direct preference optimisation on a TokenBatch: pairs of answers, one better than the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from codegym.agents.learning.scoring import score_actions
from codegym.agents.learning.token_batch import TokenBatch
from codegym.envs.errors import DataError


def pairs(batch: TokenBatch) -> tuple[Tensor, Tensor]:
    """Rows of the better and of the worse answer of each group, by total reward.

    Groups whose best and worst reward are equal say nothing and are left out; of larger groups the best and the worst
    row are taken, the first of equals.

    Returns:
        Two tensors [pairs] of row numbers.

    Raises:
        DataError: no group tells a better from a worse answer.
    """
    total = batch.reward.sum(1)
    better, worse = [], []
    for group in sorted(set(batch.group.tolist())):
        rows = (batch.group == group).nonzero().squeeze(-1)
        best, last = rows[total[rows].argmax()], rows[total[rows].argmin()]
        if total[best] > total[last]:
            better.append(best)
            worse.append(last)
    if not better:
        raise DataError("DPO needs a group with answers of different rewards.")
    return torch.stack(better), torch.stack(worse)


def answer_logps(model: Any, batch: TokenBatch) -> Tensor:
    """[batch] float32: the summed log-probability of each row's actions, weighed by credit."""
    logp = score_actions(model, batch).logp
    spread = torch.zeros(batch.action.shape, device=logp.device).masked_scatter(batch.action, logp)
    return (spread * batch.credit).sum(1)


def dpo_loss(
    logp: Tensor, ref_logp: Tensor, better: Tensor, worse: Tensor, *, beta: float = 0.1
) -> tuple[Tensor, Tensor]:
    """The mean of -log sigmoid(beta * margin) over pairs (Rafailov et al. 2023, eq. 7), and the margins.

    margin = log policy/reference of the better answer - the same of the worse one.

    Args:
        logp: [batch]; of the answers under the policy, as `answer_logps` gives them.
        ref_logp: [batch]; under the reference.
        better: [pairs] rows.
        worse: [pairs] rows.
        beta: how strongly the policy is held to the reference.
    """
    ratio = logp - ref_logp
    margin = ratio[better] - ratio[worse]
    return -torch.nn.functional.logsigmoid(beta * margin).mean(), margin.detach()
