"""PPO, A2C, DQN and MaskablePPO of Stable-Baselines3, unmodified, learn to write code.

    python examples/sb3_learns_code.py --algorithm ppo --task grammar
    python examples/sb3_learns_code.py --algorithm maskable-ppo --task proposals

`grammar`: codegym/TokenGrammar-v0, 32 pieces of code, features as observation. `proposals`: codegym/Token-v0, where
the language model `tiny` names the 2 likeliest tokens and the agent chooses among them, 24 times in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import tyro
from sb3_contrib import MaskablePPO
from stable_baselines3 import A2C, DQN, PPO

from codegym.agents.adapters.sb3 import SB3VectorEnv

ON_POLICY = {"gamma": 1.0, "gae_lambda": 1.0, "policy_kwargs": {"net_arch": [128, 128]}}
CLIPPED = {**ON_POLICY, "n_steps": 32, "batch_size": 128, "n_epochs": 4, "learning_rate": 5e-4, "ent_coef": 0.02}
ALGORITHMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ppo": (PPO, CLIPPED),
    "maskable-ppo": (MaskablePPO, CLIPPED),
    # RMSprop and raw advantages, as is their default: Adam or normalised ones end in one program for every problem.
    "a2c": (A2C, {**ON_POLICY, "n_steps": 6, "learning_rate": 2e-3, "ent_coef": 0.02}),
    "dqn": (
        DQN,
        {
            "gamma": 1.0, "learning_rate": 1e-3, "batch_size": 128, "train_freq": 4, "gradient_steps": 4,
            "learning_starts": 500, "target_update_interval": 500, "exploration_fraction": 0.4,
            "exploration_final_eps": 0.02, "policy_kwargs": {"net_arch": [128, 128]},
        },
    ),
}  # fmt: skip
LONGER: dict[str, dict[str, Any]] = {
    # Whole episodes: of 6 steps, most advantages are the error of a critic that knows nothing yet, RMSprop's first
    # steps being ten times the learning rate, and with some seeds no program ever passes.
    "a2c": {"rows": 32, "n_steps": 24, "steps": 18_000},
    "dqn": {"n_steps": 24},
}
"""What differs for `proposals`, whose episodes have 24 steps instead of 3."""
STEPS = {"grammar": 48_000, "proposals": 9_000}


@dataclass(frozen=True)
class Options:
    """Train one algorithm and print the share of problems solved, by random actions and after training."""

    algorithm: Literal["ppo", "a2c", "dqn", "maskable-ppo"] = "ppo"
    """Which one."""
    task: Literal["grammar", "proposals"] = "grammar"
    """What to act in."""
    seed: int = 0
    """Of everything."""
    steps: int = 0
    """Environment steps; 0: as many as the task needs."""


def make(task: str, rows: int = 16) -> SB3VectorEnv:
    """The environment of a task, `rows` of it side by side."""
    if task == "grammar":
        return SB3VectorEnv(gym.make_vec("codegym:codegym/TokenGrammar-v0", rows, autoreset_mode="SameStep"))
    from codegym.agents.language_model.agent import LanguageModelAgent
    from codegym.agents.language_model.load import LanguageModel

    tiny = LanguageModel.load("tiny")
    env = gym.make_vec(
        "codegym:codegym/Token-v0", rows, autoreset_mode="SameStep", problems="katas:two-numbers",
        tokenizer=tiny.vocabulary, observation="features", max_tokens=24,
    )  # fmt: skip
    return SB3VectorEnv(env, proposer=LanguageModelAgent(tiny), k=2)


def solved(env: SB3VectorEnv, model: Any, episodes: int, seed: int) -> float:
    """Share of episodes that pass all tests; random actions for a model that is None."""
    env.seed(seed)
    seen = env.reset()
    draws = np.random.default_rng(seed)
    ends: list[bool] = []
    while len(ends) < episodes:
        if model is None:
            actions = draws.integers(0, env.action_space.n, env.num_envs)
        else:
            masks = {"action_masks": env.action_masks()} if isinstance(model, MaskablePPO) else {}
            actions, _ = model.predict(seen, deterministic=True, **masks)
        seen, _, dones, infos = env.step(actions)
        ends += [bool(infos[row]["is_success"]) for row in np.flatnonzero(dones)]
    return float(np.mean(ends))


def train(options: Options, episodes: int = 200) -> dict[str, float]:
    """Train; returns the shares of problems solved, each over so many episodes."""
    algorithm, arguments = ALGORITHMS[options.algorithm]
    differs = LONGER.get(options.algorithm, {}) if options.task == "proposals" else {}
    arguments = {"rows": 16, "steps": STEPS[options.task], **arguments, **differs}
    env = make(options.task, arguments.pop("rows"))
    steps = arguments.pop("steps")
    random = solved(env, None, episodes, seed=10_000)
    model = algorithm("MlpPolicy", env, seed=options.seed, device="cpu", **arguments)
    model.learn(options.steps or steps)
    return {"random": random, "trained": solved(env, model, episodes, seed=20_000)}


if __name__ == "__main__":
    print(train(tyro.cli(Options)))
