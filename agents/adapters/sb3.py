"""Stable-Baselines3: our native vector environment as its VecEnv, and its models as our agents."""

from __future__ import annotations

import importlib
import json
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from codegym.agents.agent import Decision
from codegym.envs.code_vector_env import CodeVectorEnv
from codegym.envs.errors import DataError, OptionError, unknown
from codegym.envs.mdp.state import Action
from codegym.envs.proposer import Proposer

_BY_ROW = {"action_masks": "action_masks", "view": "views", "get_state": "states"}
"""Methods of a single environment -> the vector environment's method that answers for all rows."""
MAX_PROPOSALS = 1024


class SB3VectorEnv(VecEnv):
    """A vector environment of ours as Stable-Baselines3 wants it: `PPO("MlpPolicy", SB3VectorEnv(env)).learn(...)`.

    Infos hold what the environment says at the end of an episode, `terminal_observation`, and `episode` (return,
    length, seconds) as SB3's Monitor writes it; in between they are empty. `env_method("action_masks")` is what
    MaskablePPO asks for.

    The budget is part of an episode's state, and a program that is cut off is executed and paid like any other: such an
    end is no time limit to bootstrap from, so `TimeLimit.truncated` stays False unless asked for.

    Args:
        env: from `gym.make_vec(..., autoreset_mode="SameStep")`, with `observation="features"` or "dict".
        proposer: names candidates; an action is then a number of one, as in ProposalActions, but all rows are asked in
            one batch. Needed for the text actions of Line and Pseudocode.
        k: number of candidates.
        bootstrap_truncated: mark truncated episodes so that SB3 adds the value of their last observation.

    Raises:
        OptionError: for an environment that SB3 cannot use, with what to change.
    """

    def __init__(
        self, env: Any, *, proposer: Proposer | None = None, k: int = 8, bootstrap_truncated: bool = False
    ) -> None:
        inside = getattr(env, "unwrapped", env)
        if not isinstance(inside, CodeVectorEnv):
            raise OptionError(f"SB3VectorEnv takes gym.make_vec of a codegym environment, not {type(inside).__name__}.")
        if inside.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise OptionError('Stable-Baselines3 resets in the same step: make_vec(..., autoreset_mode="SameStep").')
        if isinstance(inside.single_observation_space, spaces.Text):
            raise OptionError('Stable-Baselines3 reads no text: make_vec(..., observation="features").')
        if proposer is None and isinstance(inside.single_action_space, spaces.Text):
            raise OptionError("Stable-Baselines3 writes no text: give a proposer, whose candidates are its actions.")
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_PROPOSALS:
            raise OptionError(f"k is a whole number in 1..{MAX_PROPOSALS}, not {k!r}.")
        if proposer is not None and not callable(getattr(proposer, "propose", None)):
            raise OptionError(f"A proposer has a method propose(views, k), which {type(proposer).__name__} lacks.")
        self.env = inside
        self.proposer = proposer
        self.k = k
        self.bootstrap_truncated = bootstrap_truncated
        self._candidates: list[list[Action]] = [[] for _ in range(inside.num_envs)]
        self._returns = np.zeros(inside.num_envs)
        self._lengths = np.zeros(inside.num_envs, dtype=np.int64)
        self._begun = time.monotonic()
        self._actions: Any = None
        self._credits: list[list[NDArray[np.float32]]] = [[] for _ in range(inside.num_envs)]
        space = inside.single_action_space if proposer is None else spaces.Discrete(k)
        super().__init__(inside.num_envs, inside.single_observation_space, space)

    def reset(self) -> Any:
        """Begin an episode in every row, with the seeds and options given before."""
        seeds: Any = list(self._seeds) if any(seed is not None for seed in self._seeds) else None
        options = _options_by_name(self._options)
        observations, infos = self.env.reset(seed=seeds, options=options)
        self.reset_infos = [
            {key: value[row] for key, value in infos.items() if not key.startswith("_")} for row in range(self.num_envs)
        ]
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0.0
        self._lengths[:] = 0
        self._credits = [[] for _ in range(self.num_envs)]
        self._propose(range(self.num_envs))
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Note the actions."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Do them; rows whose episode ends are reset at once."""
        observations, rewards, terminated, truncated, infos = self.env.step(self._played(self._actions))
        dones = terminated | truncated
        self._returns += rewards
        self._lengths += 1
        rows: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(dones).tolist():
            rows[row] = self._final(infos, row, bool(truncated[row] and not terminated[row]))
        self._propose(np.flatnonzero(dones).tolist() if self.proposer is None else range(self.num_envs))
        return observations, rewards.astype(np.float32), dones, rows

    def _final(self, infos: Mapping[str, Any], row: int, truncated: bool) -> dict[str, Any]:
        final = infos["final_info"]
        info = {key: _item(final, key, row) for key in final if not key.startswith("_")}
        info["terminal_observation"] = infos["final_obs"][row]
        info["TimeLimit.truncated"] = truncated and self.bootstrap_truncated
        info["episode"] = {
            "r": float(self._returns[row]),
            "l": int(self._lengths[row]),
            "t": round(time.monotonic() - self._begun, 6),
        }
        credit = info.get("token_credit", ()) if self.proposer is None else ()
        self._credits[row].append(np.array(credit or (1.0,) * int(self._lengths[row]), dtype=np.float32))
        self._returns[row] = 0.0
        self._lengths[row] = 0
        return info

    def pop_credits(self) -> list[list[NDArray[np.float32]]]:
        """For each row the credit of every action of the episodes that ended since the last call.

        All ones where actions are no tokens.
        """
        credits, self._credits = self._credits, [[] for _ in range(self.num_envs)]
        return credits

    def _played(self, actions: Any) -> Any:
        if self.proposer is None:
            return actions
        chosen = [
            candidates[int(number) if int(number) < len(candidates) else 0]
            for candidates, number in zip(self._candidates, actions, strict=True)
        ]
        return np.array(chosen) if isinstance(self.env.single_action_space, spaces.Discrete) else tuple(chosen)

    def _propose(self, rows: Iterable[int]) -> None:
        """Ask for the candidates of the rows whose place is new."""
        if self.proposer is None:
            return
        views = self.env.views()
        for row, proposed in zip(rows, self.proposer.propose(views, self.k), strict=True):
            self._candidates[row] = [action for action, _ in proposed[: self.k]]
            if not self._candidates[row]:
                raise OptionError(f"The proposer names no action for {views[row].problem!r}.")

    def action_masks(self) -> NDArray[np.bool_]:
        """[num_envs, actions] the tokens that the environment allows, or the numbers that name a candidate."""
        if self.proposer is None:
            masks: NDArray[np.bool_] = self.env.action_masks()  # type: ignore[attr-defined]  # Token has them
            return masks
        return np.arange(self.k) < np.array([len(found) for found in self._candidates])[:, None]

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of the vector environment, once per row."""
        if attr_name == "action_masks" and self.proposer is not None:
            return [self.action_masks for _ in self._get_indices(indices)]
        return [getattr(self.env, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: the rows share one environment.

        Raises:
            OptionError: always.
        """
        raise OptionError(f"The rows share one environment, so {attr_name!r} cannot be set in some; make it anew.")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """`action_masks`, `view` or `get_state` of rows.

        Raises:
            OptionError: for another method.
        """
        if method_name not in _BY_ROW:
            raise unknown("method of rows", method_name, _BY_ROW)
        answers = self.action_masks() if method_name == "action_masks" else getattr(self.env, _BY_ROW[method_name])()
        return [answers[row] for row in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Whether infos are as that wrapper makes them: true of Monitor alone."""
        return [issubclass(wrapper_class, Monitor) for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[Any]:
        """One image per row, for `render_mode="rgb_array"`."""
        return list(self.env.render() or [None] * self.num_envs)


class SB3Agent:
    """A model of Stable-Baselines3 or sb3-contrib as an agent of ours; action masks are always passed on.

    Args:
        model: a trained model, or the path of a saved one. Loading runs code that the file holds: load your own.
        algorithm: the class to load with; None finds PPO, A2C, DQN and MaskablePPO by what the file holds.

    Raises:
        DataError: for a file that is none of a model.
    """

    def __init__(self, model: Any, algorithm: Any = None) -> None:
        if isinstance(model, str | Path):
            model = (algorithm or saved_algorithm(Path(model))).load(model, device="cpu")
        self.model = model

    def act(
        self,
        observations: Sequence[Any],
        infos: Sequence[Mapping[str, Any]],
        *,
        seeds: Sequence[int] | None = None,
        deterministic: bool = False,
    ) -> list[Decision]:
        """One decision per row; `seeds[i]` alone decides row i's randomness. DQN is always greedy.

        Raises:
            OptionError: for observations of another kind than the model was trained on.
        """
        wanted = "dict" if isinstance(self.model.observation_space, spaces.Dict) else "features"
        if type(observations[0]) is not {"dict": dict, "features": np.ndarray}[wanted]:
            raise OptionError(f'This model reads observation="{wanted}" of the environment it was trained in.')
        batch: Any = (
            {key: np.stack([seen[key] for seen in observations]) for key in observations[0]}
            if isinstance(observations[0], dict)
            else np.stack(list(observations))
        )
        masks = np.stack([info["action_mask"] for info in infos]).astype(bool) if "action_mask" in infos[0] else None
        if deterministic or seeds is None or not hasattr(self.model.policy, "get_distribution"):
            maskable = {"action_masks": masks} if masks is not None and _takes_masks(self.model) else {}
            chosen, _ = self.model.predict(batch, deterministic=deterministic, **maskable)
            return [Decision(int(action)) for action in chosen]
        shares = self._probabilities(batch, masks)
        return [
            Decision(int(np.random.default_rng(seed).choice(len(row), p=row / row.sum())))
            for seed, row in zip(seeds, shares, strict=True)
        ]

    def _probabilities(self, batch: Any, masks: NDArray[np.bool_] | None) -> NDArray[np.float64]:
        import torch

        policy = self.model.policy
        policy.set_training_mode(False)
        with torch.no_grad():
            seen = policy.obs_to_tensor(batch)[0]
            maskable = {"action_masks": masks} if masks is not None and _takes_masks(self.model) else {}
            shares = policy.get_distribution(seen, **maskable).distribution.probs.double().cpu().numpy()
        if masks is not None:  # what a library without masks samples anyway
            masked = np.where(masks, shares, 0.0)
            shares = np.where(masked.sum(-1, keepdims=True) > 0, masked, shares)
        return np.asarray(shares, dtype=np.float64)


def saved_algorithm(path: Path) -> Any:
    """The class of a saved model: PPO, A2C or DQN of Stable-Baselines3, or MaskablePPO of sb3-contrib.

    Raises:
        DataError: if the file is no model, or of another algorithm.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file.")
    try:
        with zipfile.ZipFile(path) as archive:
            held = json.loads(archive.read("data"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise DataError(f"{path}: not a model that Stable-Baselines3 saved.") from None
    policy = str(held.get("policy_class", {}).get("__module__", ""))
    if policy == "sb3_contrib.common.maskable.policies":
        return importlib.import_module("sb3_contrib").MaskablePPO
    if policy == "stable_baselines3.dqn.policies":
        return DQN
    if policy == "stable_baselines3.common.policies" and "gae_lambda" in held:
        if "clip_range" in held:
            return PPO
        if "target_kl" not in held:
            return A2C
    raise DataError(f"{path}: none of PPO, A2C, DQN and MaskablePPO; give its class: SB3Agent(path, TRPO).")


def _takes_masks(model: Any) -> bool:
    return "action_masks" in model.predict.__code__.co_varnames


def _item(final: Mapping[str, Any], key: str, row: int) -> Any:
    value = final[key]
    if isinstance(value, dict):
        return {name: float(part[row]) for name, part in value.items() if not name.startswith("_")}
    item = value[row]
    return item.item() if isinstance(item, np.generic) else item


def _options_by_name(options: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Options per row as options per name, which is how our vector environment takes them."""
    names = dict.fromkeys(name for own in options for name in own)
    for name in names:
        if any(name not in own for own in options):
            raise OptionError(f"Reset option {name!r} is given for some rows alone; give it for all or for none.")
    return {name: [own[name] for own in options] for name in names}
