"""ProposalActions: a Discrete(k) action space over k candidates, for agents that cannot write text or 50,000 tokens."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from codegym.envs.code_env import CodeEnv
from codegym.envs.errors import OptionError, StateError
from codegym.envs.mdp.state import Action, View
from codegym.envs.proposer import Proposer


class ProposalActions(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Choose among k actions that a proposer names anew at every step.

    Action i plays the proposer's i-th candidate. Where it names fewer than k, `action_masks()` (sb3-contrib's
    protocol) and `info["action_mask"]` (int8) mark the rest as masked; a masked action plays the first candidate.
    `info["proposals"]` holds the candidates, `info["proposal_priors"]` their prior probabilities, 0 where there is
    none.

    Args:
        env: a codegym environment, wrapped or not.
        proposer: names candidates for a View; it must be deterministic where episodes are to be reproducible.
        k: number of candidates, at most 1,024.

    Raises:
        OptionError: if there is no codegym environment inside, k is out of range, or the proposer is none.
    """

    def __init__(self, env: gym.Env[Any, Any], proposer: Proposer, k: int) -> None:
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, proposer=proposer, k=k)
        gym.Wrapper.__init__(self, env)
        if not isinstance(env.unwrapped, CodeEnv):
            raise OptionError(f"ProposalActions wraps codegym environments, not {type(env.unwrapped).__name__}.")
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= 1024:
            raise OptionError(f"k is a whole number in 1..1024, not {k!r}.")
        if not callable(getattr(proposer, "propose", None)):
            raise OptionError(f"A proposer has a method propose(views, k), which {type(proposer).__name__} lacks.")
        self.proposer = proposer
        self.k = k
        self.action_space = spaces.Discrete(k)
        self._code_env: CodeEnv = env.unwrapped
        self._candidates: list[tuple[Action, float]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and ask for the first candidates."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._propose(self._code_env.view())
        return observation, self._with_proposals(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Play a candidate.

        Raises:
            OptionError: if the action is not in 0..k-1.
            StateError: before `reset` or after the end of the episode.
        """
        if not self.action_space.contains(action):
            raise OptionError(f"An action of ProposalActions is a number in 0..{self.k - 1}, not {action!r}.")
        if not self._candidates:
            raise StateError("Call reset() before step().")
        chosen = int(action) if int(action) < len(self._candidates) else 0
        observation, reward, terminated, truncated, info = self.env.step(self._candidates[chosen][0])
        if not (terminated or truncated):
            self._propose(self._code_env.view())
        return observation, reward, terminated, truncated, self._with_proposals(info)

    def action_masks(self) -> NDArray[np.bool_]:
        """[k] which actions name a candidate; never empty."""
        return np.arange(self.k) < max(len(self._candidates), 1)

    def _propose(self, view: View) -> None:
        self._candidates = list(self.proposer.propose([view], self.k)[0])[: self.k]
        if not self._candidates:
            raise StateError(f"The proposer names no action for {view.problem!r} after {len(view.actions)} actions.")

    def _with_proposals(self, info: dict[str, Any]) -> dict[str, Any]:
        priors = np.zeros(self.k, dtype=np.float32)
        priors[: len(self._candidates)] = [prior for _, prior in self._candidates]
        return {
            **info,
            "action_mask": self.action_masks().astype(np.int8),
            "proposals": tuple(action for action, _ in self._candidates),
            "proposal_priors": priors,
        }
