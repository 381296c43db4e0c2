"""The loss kernel: PPO's clipped policy loss, value loss and KL, as masked sums over a global denominator.

Every loss is `sum over tokens / denominator`, and the denominator belongs to the whole minibatch. The losses of its
micro-batches therefore add up to the minibatch's loss, gradients included, however it is cut. Tokens of weight 0 are
replaced before anything is computed from them, so their gradient is zero in every bit, whatever they hold.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from codegym.agents.learning.metrics import masked_sum
from codegym.envs.errors import unknown

Estimator = Literal["k1", "k3"]


def policy_loss(
    logp: Tensor,
    old_logp: Tensor,
    advantage: Tensor,
    weight: Tensor,
    *,
    denominator: Tensor | float,
    eps_low: float = 0.2,
    eps_high: float = 0.2,
    dual_clip: float | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """PPO's clipped surrogate (Schulman et al. 2017, eq. 7), negated; all tensors of one shape.

    Args:
        logp: under the policy being trained.
        old_logp: under the policy that sampled.
        advantage: of each token.
        weight: action * credit.
        denominator: what the sum is divided by: the total weight of the minibatch.
        eps_low: the ratio is clipped at 1 - eps_low.
        eps_high: and at 1 + eps_high.
        dual_clip: bound c > 1 on the loss of a negative advantage, min(-ratio * A, -c * A) (Ye et al. 2020, eq. 5).

    Returns:
        The loss, and per token: "ratio", "clipped" (1.0 where the clip removed the gradient) and "approx_kl", the k3
        estimate of KL(old || new).
    """
    log_ratio = torch.where(weight > 0, logp - old_logp, 0.0)
    ratio = log_ratio.exp()
    unclipped = -advantage * ratio
    clipped = -advantage * ratio.clamp(1 - eps_low, 1 + eps_high)
    loss = torch.maximum(unclipped, clipped)
    if dual_clip is not None:
        loss = torch.where(advantage < 0, torch.minimum(loss, -dual_clip * advantage), loss)
    with torch.no_grad():
        stats = {
            "ratio": ratio.detach(),
            "clipped": (clipped > unclipped).to(ratio.dtype),
            "approx_kl": ratio.detach() - 1 - log_ratio.detach(),
        }
    return masked_sum(loss, weight) / denominator, stats


def value_loss(
    value: Tensor,
    old_value: Tensor,
    returns: Tensor,
    weight: Tensor,
    *,
    denominator: Tensor | float,
    clip: float | None = None,
) -> Tensor:
    """Half the squared error to the returns; all tensors of one shape.

    Args:
        value: as predicted now.
        old_value: as predicted at the rollout.
        returns: the targets.
        weight: 1 on actions, whatever their credit: a value is owed for tokens that were not executed too.
        denominator: what the sum is divided by.
        clip: bound on the move away from `old_value`, in units of the reward; None for no clipping.
    """
    value = torch.where(weight > 0, value, returns)
    error = (value - returns) ** 2
    if clip is not None:
        error = torch.maximum(error, (old_value + (value - old_value).clamp(-clip, clip) - returns) ** 2)
    return 0.5 * masked_sum(error, weight) / denominator


def kl(logp: Tensor, ref_logp: Tensor, weight: Tensor, estimator: Estimator = "k1") -> Tensor:
    """Per token, an estimate of KL(policy || reference) from the sampled token; differentiable; 0 at weight 0.

    Both have the KL as their expectation over tokens sampled from the policy (Schulman 2020, "Approximating KL
    divergence"). As losses they differ. "k1" is log(policy / reference); its own gradient has expectation zero, so it
    is given the gradient of (log ratio)^2 / 2, whose expectation is the gradient of KL(policy || reference). "k3" is
    r - 1 - log r with r = reference / policy: never negative, of low variance near the reference; the expectation of
    its gradient is that of KL(reference || policy), as in GRPO. Far from the reference, r of a token that the policy
    has made rare is huge, and so is its gradient.
    """
    log_ratio = torch.where(weight > 0, logp - ref_logp, 0.0)
    if estimator == "k1":
        surrogate = 0.5 * log_ratio**2
        return surrogate + (log_ratio - surrogate).detach()
    if estimator == "k3":
        return (-log_ratio).exp() - 1 + log_ratio
    raise unknown("KL estimator", estimator, ("k1", "k3"))


def adapted_coef(coef: float, observed: float, target: float, share: float) -> float:
    """The next weight of an adaptive KL (Ziegler et al. 2019, section 2.2).

    coef * (1 + clip(observed / target - 1, -0.2, 0.2) * share): proportional control of log coef.

    Args:
        coef: the present weight.
        observed: mean KL of the rollout.
        target: KL to hold.
        share: episodes of the rollout over the horizon.
    """
    error = min(max(observed / target - 1.0, -0.2), 0.2)
    return coef * (1.0 + error * share)
