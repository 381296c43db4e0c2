"""phi: joins the reward of the outcome with the rewards of the steps that led to it. Floats only."""

from __future__ import annotations

from collections.abc import Sequence


def phi(outcome_reward: float, step_rewards: Sequence[float], alpha: float, gamma: float = 1.0) -> float:
    """`alpha R + (1 - alpha) (1/m) sum_{j=1..m} gamma^j r_j` (O1-CODER, section 3.5; exponents 1..m as in the paper).

    Args:
        outcome_reward: R.
        step_rewards: r_1..r_m.
        alpha: weight of the outcome, in 0..1.
        gamma: discount of later steps.

    Returns:
        The joined reward; without steps the mean counts as 0.
    """
    return alpha * outcome_reward + process_term(step_rewards, alpha, gamma)


def process_term(step_rewards: Sequence[float], alpha: float, gamma: float = 1.0) -> float:
    """The second term of phi: `(1 - alpha) (1/m) sum_{j=1..m} gamma^j r_j`, 0 without steps."""
    if not step_rewards:
        return 0.0
    total = sum(gamma**j * reward for j, reward in enumerate(step_rewards, start=1))
    return (1.0 - alpha) * total / len(step_rewards)


def process_payment(step_rewards: Sequence[float], alpha: float, gamma: float = 1.0) -> float:
    """What step m adds to the process term of phi: paid step by step, the payments sum to `process_term`.

    The number of steps is not known in advance, so each step pays the difference between the mean with it and the
    mean without it; the return of an episode is then phi in both modes.
    """
    return process_term(step_rewards, alpha, gamma) - process_term(step_rewards[:-1], alpha, gamma)
