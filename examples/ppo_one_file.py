"""PPO in one file, in the style of cleanrl: a small network learns to write code, with no agent code of codegym.

    python examples/ppo_one_file.py --seed 1

The environment is codegym/TokenGrammar-v0: 32 pieces of code, one-line functions of two numbers, unit tests as reward.
"""

from dataclasses import dataclass
from itertools import pairwise

import gymnasium as gym
import numpy as np
import torch
import tyro
from torch import nn
from torch.distributions import Categorical


@dataclass
class Args:
    """Train on codegym/TokenGrammar-v0."""

    seed: int = 1
    total_timesteps: int = 48_000
    num_envs: int = 32
    num_steps: int = 16
    learning_rate: float = 1e-3
    gamma: float = 1.0
    gae_lambda: float = 1.0
    num_minibatches: int = 4
    update_epochs: int = 4
    clip_coef: float = 0.2
    ent_coef: float = 0.02
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5


def mlp(sizes: tuple[int, ...], last_std: float) -> nn.Sequential:
    """Tanh layers, orthogonal initialisation."""
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        layer = nn.Linear(fan_in, fan_out)
        nn.init.orthogonal_(layer.weight, last_std if last else 2**0.5)
        nn.init.zeros_(layer.bias)
        layers += [layer] if last else [layer, nn.Tanh()]
    return nn.Sequential(*layers)


def train(args: Args) -> list[float]:
    """Train; returns the share of programs that passed in each iteration."""
    torch.manual_seed(args.seed)
    envs = gym.make_vec("codegym:codegym/TokenGrammar-v0", args.num_envs, autoreset_mode="SameStep")
    inputs, actions_n = envs.single_observation_space.shape[0], int(envs.single_action_space.n)
    actor = mlp((inputs, 128, 128, actions_n), 0.01)
    critic = mlp((inputs, 128, 128, 1), 1.0)
    parameters = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=args.learning_rate, eps=1e-5)

    shape = (args.num_steps, args.num_envs)
    obs, actions = torch.zeros((*shape, inputs)), torch.zeros(shape, dtype=torch.long)
    logprobs, rewards, dones, values = (torch.zeros(shape) for _ in range(4))
    next_obs = torch.as_tensor(envs.reset(seed=args.seed)[0])
    curve: list[float] = []

    batch_size = args.num_steps * args.num_envs
    for iteration in range(args.total_timesteps // batch_size):
        optimizer.param_groups[0]["lr"] = args.learning_rate * (1 - iteration * batch_size / args.total_timesteps)
        passed: list[bool] = []
        for step in range(args.num_steps):
            obs[step] = next_obs
            with torch.no_grad():
                policy = Categorical(logits=actor(next_obs))
                actions[step] = policy.sample()
                logprobs[step] = policy.log_prob(actions[step])
                values[step] = critic(next_obs).flatten()
            seen, reward, terminated, truncated, infos = envs.step(actions[step].numpy())
            next_obs, rewards[step] = torch.as_tensor(seen), torch.as_tensor(reward, dtype=torch.float32)
            # A program that is cut off is run and paid like any other, so truncation ends the return as well.
            dones[step] = torch.as_tensor(terminated | truncated, dtype=torch.float32)
            if "final_info" in infos:
                passed += infos["final_info"]["is_success"][infos["_final_info"]].tolist()

        advantages = torch.zeros(shape)
        with torch.no_grad():
            next_value, last = critic(next_obs).flatten(), torch.zeros(args.num_envs)
            for t in reversed(range(args.num_steps)):
                delta = rewards[t] + args.gamma * next_value * (1 - dones[t]) - values[t]
                last = delta + args.gamma * args.gae_lambda * (1 - dones[t]) * last
                advantages[t], next_value = last, values[t]
        returns = (advantages + values).flatten()
        b_obs, b_actions = obs.flatten(0, 1), actions.flatten()
        b_logprobs, b_advantages = logprobs.flatten(), advantages.flatten()

        for _ in range(args.update_epochs):
            for chosen in torch.randperm(batch_size).chunk(args.num_minibatches):
                policy = Categorical(logits=actor(b_obs[chosen]))
                ratio = (policy.log_prob(b_actions[chosen]) - b_logprobs[chosen]).exp()
                advantage = b_advantages[chosen]
                advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
                clipped = ratio.clamp(1 - args.clip_coef, 1 + args.clip_coef)
                policy_loss = -torch.min(advantage * ratio, advantage * clipped).mean()
                value_loss = 0.5 * (critic(b_obs[chosen]).flatten() - returns[chosen]).square().mean()
                loss = policy_loss - args.ent_coef * policy.entropy().mean() + args.vf_coef * value_loss
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, args.max_grad_norm)
                optimizer.step()
        curve.append(float(np.mean(passed)) if passed else 0.0)
        if iteration % 10 == 9:
            print(f"{(iteration + 1) * batch_size} steps: {np.mean(curve[-10:]):.1%} of the programs pass", flush=True)
    envs.close()
    return curve


if __name__ == "__main__":
    train(tyro.cli(Args))
