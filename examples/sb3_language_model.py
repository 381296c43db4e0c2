"""SB3's own PPO trains a causal language model, with FGO's credit and a KV cache.

python examples/sb3_language_model.py --seed 0
"""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
import tyro
from stable_baselines3 import PPO

from codegym.agents.adapters.sb3 import SB3VectorEnv
from codegym.agents.adapters.sb3_buffers import CreditEpisodeBuffer
from codegym.agents.adapters.sb3_policy import CausalLMPolicy
from codegym.agents.language_model.load import LanguageModel


@dataclass(frozen=True)
class Options:
    """Train `tiny-buggy` on katas and print the share of sampled programs that pass, before and after."""

    seed: int = 0
    """Of everything."""
    steps: int = 11_520
    """Tokens."""


def passing(env: SB3VectorEnv, model: PPO, episodes: int, seed: int) -> float:
    """Share of sampled programs that pass all tests."""
    env.seed(seed)
    seen = env.reset()
    ends: list[bool] = []
    model.policy.set_training_mode(False)
    while len(ends) < episodes:
        with torch.no_grad():
            actions = model.policy({key: torch.as_tensor(value) for key, value in seen.items()})[0]
        seen, _, dones, infos = env.step(actions.numpy())
        ends += [bool(infos[row]["is_success"]) for row in np.flatnonzero(dones)]
    return float(np.mean(ends))


def train(options: Options) -> dict[str, float]:
    """Train; returns the shares on problems of the test split."""
    lm = LanguageModel.load("tiny-buggy")
    setting = {
        "problems": "katas:tiny", "tokenizer": lm.vocabulary, "observation": "dict", "window": 160, "max_tokens": 40,
        "reward": "fraction", "autoreset_mode": "SameStep",
    }  # fmt: skip
    env = SB3VectorEnv(gym.make_vec("codegym:codegym/Token-v0", 32, **setting))
    test = SB3VectorEnv(gym.make_vec("codegym:codegym/Token-v0", 32, split="test", **setting))
    model = PPO(
        CausalLMPolicy,
        env,
        policy_kwargs={"lm": lm},
        n_steps=60,
        batch_size=480,
        n_epochs=2,
        gamma=1.0,
        gae_lambda=1.0,
        learning_rate=3e-4,
        normalize_advantage=False,  # the buffer does it, over the tokens with credit
        rollout_buffer_class=CreditEpisodeBuffer,
        rollout_buffer_kwargs={"env": env, "seed": options.seed},
        seed=options.seed,
        device="cpu",
    )
    before = passing(test, model, 200, seed=10_000)
    model.learn(options.steps)
    return {"before": before, "after": passing(test, model, 200, seed=10_000)}


if __name__ == "__main__":
    print(train(tyro.cli(Options)))
