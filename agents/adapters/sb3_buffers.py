"""Rollout buffers for unmodified SB3 PPO: FGO's credit in the advantages, and whole episodes in a minibatch.

`PPO(..., rollout_buffer_class=CreditRolloutBuffer, rollout_buffer_kwargs={"env": env}, normalize_advantage=False)`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import DictRolloutBuffer, RolloutBuffer

from codegym.agents.adapters.sb3 import SB3VectorEnv
from codegym.envs.errors import OptionError


class CreditRolloutBuffer(RolloutBuffer):
    """Advantages weighed by credit (StepCoder's FGO): steps whose token no test executed do not move the policy.

    The advantages are normalised here, over the steps with credit alone, then multiplied by it. SB3's own
    normalisation must be off (`normalize_advantage=False`): it subtracts the mean, which gives masked steps an
    advantage again. The value loss runs over all steps. Steps of episodes that go on in the next rollout weigh 1.

    Args:
        arguments: those of SB3's buffer.
        env: the SB3VectorEnv that is played; it tells the credit at the end of each episode.
        normalize: bring the advantages of steps with credit to mean 0 and deviation 1.
        seed: of the order of minibatches.
    """

    def __init__(
        self, *arguments: Any, env: SB3VectorEnv | None = None, normalize: bool = True, seed: int = 0, **options: Any
    ) -> None:
        if not isinstance(env, SB3VectorEnv):
            raise OptionError('The buffer asks its SB3VectorEnv for credit: rollout_buffer_kwargs={"env": env}.')
        self.credit_env = env
        self.normalize = normalize
        self.random = np.random.default_rng(seed)
        self.credit: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        super().__init__(*arguments, **options)

    def compute_returns_and_advantage(self, last_values: Any, dones: NDArray[np.bool_]) -> None:
        """SB3's returns and advantages; then the credit of each step, and the advantages under it."""
        super().compute_returns_and_advantage(last_values, dones)
        self.credit = self._credit_of_steps(dones)
        counted = self.credit > 0
        if self.normalize and counted.sum() > 1:
            chosen = self.advantages[counted]
            self.advantages = (self.advantages - chosen.mean()) / (chosen.std() + 1e-8)
        self.advantages = self.advantages * self.credit

    def _credit_of_steps(self, dones: NDArray[np.bool_]) -> NDArray[np.float32]:
        """[steps, rows]: an episode that ended at a step lends its credit to that step and those before it."""
        credit = np.ones((self.buffer_size, self.n_envs), dtype=np.float32)
        last = np.concatenate([self.episode_starts[1:] > 0, np.asarray(dones, dtype=bool)[None]])
        for row, finished in enumerate(self.credit_env.pop_credits()):
            ends = np.flatnonzero(last[:, row])
            for end, weights in zip(ends[::-1], finished[::-1], strict=False):
                begin = max(int(end) + 1 - len(weights), 0)
                credit[begin : end + 1, row] = weights[len(weights) - (end + 1 - begin) :]
        return credit

    def get(self, batch_size: int | None = None) -> Generator[Any, None, None]:
        """Minibatches of steps in an order of this buffer's own generator."""
        self._flatten()
        total = self.buffer_size * self.n_envs
        order = self.random.permutation(total)
        for begin in range(0, total, batch_size or total):
            yield self._get_samples(order[begin : begin + (batch_size or total)])

    def _flatten(self) -> None:
        """SB3's own form: arrays [rows * steps, ...], the steps of a row side by side."""
        if self.generator_ready:
            return
        for name in ("observations", "actions", "values", "log_probs", "advantages", "returns", "episode_starts"):
            value = self.__dict__[name]
            flat = self.swap_and_flatten
            self.__dict__[name] = (
                {key: flat(part) for key, part in value.items()} if isinstance(value, dict) else flat(value)
            )
        self.generator_ready = True


class CreditEpisodeBuffer(CreditRolloutBuffer, DictRolloutBuffer):
    """The same for `observation="dict"`, in minibatches of whole episodes, their steps in order.

    CausalLMPolicy then scores all actions of an episode in one forward pass. A minibatch has at least `batch_size`
    steps, and the last one what is left.
    """

    def get(self, batch_size: int | None = None) -> Generator[Any, None, None]:
        """Minibatches of episodes (or parts of them, at the ends of the rollout)."""
        self._flatten()
        total = self.buffer_size * self.n_envs
        begins = np.flatnonzero(
            (self.episode_starts.reshape(-1) > 0) | (np.arange(total) % self.buffer_size == 0)
        ).tolist()
        pieces = [np.arange(begin, end) for begin, end in zip(begins, [*begins[1:], total], strict=True)]
        chosen: list[NDArray[np.intp]] = []
        for number in self.random.permutation(len(pieces)).tolist():
            chosen.append(pieces[number])
            if sum(map(len, chosen)) >= (batch_size or total):
                yield self._get_samples(np.concatenate(chosen))
                chosen = []
        if chosen:
            yield self._get_samples(np.concatenate(chosen))
