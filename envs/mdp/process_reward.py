"""ProcessReward: what a step is worth before the program has run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from codegym.envs.errors import OptionError
from codegym.envs.mdp.state import View
from codegym.envs.rewards.outcome_reward import imported


class ProcessReward(Protocol):
    """Any callable from the View after a step to that step's reward.

    A model that scores many views faster than one by one may also have a method
    `batch(views: Sequence[View]) -> Sequence[float]`; environments then call that.
    """

    def __call__(self, view: View, /) -> float:
        """The reward r_j of the step that led to this view."""
        ...


def resolve_process_reward(option: str | ProcessReward | None) -> ProcessReward | None:
    """The process reward that an option stands for: a callable, "module:function", or None.

    Raises:
        OptionError: if it is none of them.
    """
    if option is None:
        return None
    if isinstance(option, str):
        found: ProcessReward = imported(option, "process reward")
        return found
    if not callable(option):
        raise OptionError(
            f"A process reward is a callable from a View to a float or 'module:function', not {option!r}."
        )
    return option


def step_rewards(process_reward: ProcessReward, views: Sequence[View]) -> list[float]:
    """The reward of the step that led to each view."""
    batch: Callable[[Sequence[View]], Sequence[float]] | None = getattr(process_reward, "batch", None)
    rewards = batch(views) if batch is not None else [process_reward(view) for view in views]
    return [float(reward) for reward in rewards]
