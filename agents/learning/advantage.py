"""Advantages: GAE at token or step level, and the group baselines of GRPO, RLOO and REINFORCE++."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from codegym.agents.learning.metrics import masked_mean, masked_variance
from codegym.envs.errors import unknown

Level = Literal["token", "step"]
Baseline = Literal["grpo", "rloo", "reinforce++"]


def gae(
    reward: Tensor,
    value: Tensor,
    action: Tensor,
    *,
    gamma: float,
    lam: float,
    terminated: Tensor,
    bootstrap: Tensor,
    step: Tensor | None = None,
    level: Level = "token",
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimation (Schulman et al. 2016, eq. 16) over the action tokens of each row.

    Tokens that are not actions are left out of time: prompt, padding and text of the environment neither discount nor
    carry a value. After its last action a terminated row is worth 0, any other row its `bootstrap`.

    Args:
        reward: [batch, time].
        value: [batch, time]; value of the state before each token.
        action: [batch, time] bool.
        gamma: discount per token or per environment step, as `level` says.
        lam: lambda of GAE; 1 gives Monte-Carlo returns, 0 one-step temporal differences.
        terminated: [batch] bool.
        bootstrap: [batch]; value after the last token of rows that did not terminate.
        step: [batch, time] int64; needed at step level.
        level: "step" takes each environment step (a line, a pseudocode step) as one action, valued at its first
            token, and gives its advantage to all of its tokens.

    Returns:
        Advantage and return (advantage + value), both [batch, time], 0 off the actions.
    """
    if level == "step":
        if step is None:
            raise ValueError("GAE at step level needs the step of each token.")
        return _gae_of_steps(reward, value, action, step, gamma, lam, terminated, bootstrap)
    next_value = torch.where(terminated, 0.0, bootstrap).to(value.dtype)  # [batch]
    next_advantage = torch.zeros_like(next_value)
    advantage = torch.zeros_like(value)
    for t in range(value.shape[1] - 1, -1, -1):
        delta = reward[:, t] + gamma * next_value - value[:, t]
        here = delta + gamma * lam * next_advantage
        next_advantage = torch.where(action[:, t], here, next_advantage)
        next_value = torch.where(action[:, t], value[:, t], next_value)
        advantage[:, t] = torch.where(action[:, t], here, 0.0)
    return advantage, torch.where(action, advantage + value, 0.0)


def _gae_of_steps(
    reward: Tensor,
    value: Tensor,
    action: Tensor,
    step: Tensor,
    gamma: float,
    lam: float,
    terminated: Tensor,
    bootstrap: Tensor,
) -> tuple[Tensor, Tensor]:
    """Fold the tokens of each step into one, run GAE over the steps, unfold again."""
    length = action.shape[1]
    index = step.clamp_min(0)  # [batch, time]
    steps = int(index.max()) + 1
    time = torch.where(action, torch.arange(length, device=action.device), length)
    first = torch.full((len(action), steps), length, device=action.device).scatter_reduce(1, index, time, "amin")
    exists = first < length  # [batch, steps]
    folded_value = torch.where(exists, value.gather(1, first.clamp_max(length - 1)), 0.0)
    folded_reward = torch.zeros_like(folded_value).scatter_add(1, index, torch.where(action, reward, 0.0))
    advantage, returns = gae(
        folded_reward, folded_value, exists, gamma=gamma, lam=lam, terminated=terminated, bootstrap=bootstrap
    )
    return torch.where(action, advantage.gather(1, index), 0.0), torch.where(action, returns.gather(1, index), 0.0)


def group_advantage(score: Tensor, group: Tensor, kind: Baseline) -> Tensor:
    """The advantage of each row over its group, from one score per row; no value head is needed.

    "grpo": (score - group mean) / group standard deviation (Shao et al. 2024, section 4.1.2); a group of equal
    scores gives 0. "rloo": score - mean of the *other* rows of the group (Ahmadian et al. 2024); a row alone in its
    group keeps its score. "reinforce++": the score itself; normalise over the whole batch afterwards (Hu 2025).

    Args:
        score: [batch]; the return of each row.
        group: [batch] int64.
        kind: one of the three.
    """
    if kind == "reinforce++":
        return score.clone()
    _, index = torch.unique(group, return_inverse=True)
    size = torch.bincount(index).to(score.dtype)  # [groups]
    total = torch.zeros_like(size).index_add(0, index, score)
    if kind == "rloo":
        others = (size - 1)[index]
        return torch.where(others > 0, score - (total[index] - score) / others.clamp_min(1), score)
    if kind == "grpo":
        centred = score - (total / size)[index]
        squares = torch.zeros_like(size).index_add(0, index, centred**2)
        deviation = (squares / (size - 1).clamp_min(1)).sqrt()
        return centred / (deviation[index] + 1e-4)
    raise unknown("advantage", kind, ("gae", "grpo", "rloo", "reinforce++"))


def normalise(advantage: Tensor, weight: Tensor) -> Tensor:
    """Shift and scale to weighted mean 0 and variance 1 over the whole rollout; entries of weight 0 become 0.

    A rollout whose advantages are all equal is only shifted: there is nothing to learn from, and no noise to blow up.
    """
    centred = advantage - masked_mean(advantage, weight)
    deviation = masked_variance(advantage, weight).sqrt()
    scaled = centred / deviation if float(deviation) > 1e-6 else centred
    return torch.where(weight > 0, scaled, 0.0)
