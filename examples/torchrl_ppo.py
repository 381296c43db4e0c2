"""TorchRL's own PPO loss, advantage and collector on codegym/TokenGrammar-v0.

pip install torchrl
python examples/torchrl_ppo.py --seed 0
"""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import torch
import tyro
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import RewardSum, SerialEnv, TransformedEnv
from torchrl.envs.libs.gym import GymWrapper
from torchrl.modules import OneHotCategorical, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE


@dataclass(frozen=True)
class Options:
    """Train; prints the mean return of the episodes, which is 1 where all tests pass and -1 where nothing compiles."""

    seed: int = 0
    """Of everything."""
    steps: int = 24_000
    """Environment steps."""
    rows: int = 8
    """Environments side by side."""


def network(inputs: int, outputs: int) -> nn.Sequential:
    """Two tanh layers."""
    return nn.Sequential(nn.Linear(inputs, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, outputs))


def train(options: Options) -> list[float]:
    """Train; returns the mean return of the episodes that ended in each iteration."""
    torch.manual_seed(options.seed)
    base = SerialEnv(options.rows, lambda: GymWrapper(gym.make("codegym:codegym/TokenGrammar-v0")))
    env = TransformedEnv(base, RewardSum())
    env.set_seed(options.seed)
    inputs = env.observation_spec["observation"].shape[-1]
    pieces = env.action_spec.shape[-1]
    actor = ProbabilisticActor(
        TensorDictModule(network(inputs, pieces), in_keys=["observation"], out_keys=["logits"]),
        in_keys=["logits"], out_keys=["action"], distribution_class=OneHotCategorical, return_log_prob=True,
    )  # fmt: skip
    critic = ValueOperator(network(inputs, 1), in_keys=["observation"])
    advantage = GAE(gamma=1.0, lmbda=1.0, value_network=critic, average_gae=True)
    loss = ClipPPOLoss(actor, critic, clip_epsilon=0.2, entropy_coeff=0.01, critic_coeff=0.5)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    frames = 64 * options.rows
    collector = Collector(env, actor, frames_per_batch=frames, total_frames=options.steps // frames * frames)
    curve = []
    for data in collector:
        returns = data["next", "episode_reward"][data["next", "done"]]
        curve.append(float(returns.mean()))
        for _ in range(4):
            with torch.no_grad():
                advantage(data)
            steps = data.reshape(-1)
            for chosen in torch.randperm(len(steps)).chunk(4):
                terms = loss(steps[chosen])
                optimizer.zero_grad()
                (terms["loss_objective"] + terms["loss_entropy"] + terms["loss_critic"]).backward()
                nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
                optimizer.step()
    collector.shutdown()
    return curve


if __name__ == "__main__":
    found = train(tyro.cli(Options))
    for place in range(0, len(found), 5):
        part = found[place : place + 5]
        print(f"iteration {place}: mean return {sum(part) / len(part):+.2f}")
