"""ProposalActions: any text environment as one with k actions."""

from __future__ import annotations

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

import codegym
from codegym.envs.errors import OptionError, StateError
from codegym.envs.execution.executor import Executor
from codegym.envs.wrappers import ProposalActions


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


class Lines:
    """Proposes lines of arithmetic, fewer of them once something is written."""

    def propose(self, views, k):
        lines = [f"    return {code}" for code in ("a", "b", "abs(a)", "max(a, b)")]
        return [
            ([(codegym.END, 0.5), ("    # é", 0.25)] if view.actions else [(ln, 0.25) for ln in lines])[:k]
            for view in views
        ]


class Nothing:
    def propose(self, views, k):
        return [[] for _ in views]


def wrapped(executor, k=4, **options):
    env = gym.make("codegym/Line-v0", problems="katas:one-operation", executor=executor, **options)
    return ProposalActions(env, Lines(), k)


def test_an_action_plays_the_candidate_of_that_number(executor):
    env = wrapped(executor)
    _, info = env.reset(seed=0)
    assert info["proposals"][2] == "    return abs(a)" and info["action_mask"].tolist() == [1, 1, 1, 1]
    assert info["proposal_priors"].tolist() == [0.25] * 4
    _, _, _, _, info = env.step(2)
    assert codegym.get_state(env).actions == ("    return abs(a)",)
    assert info["action_mask"].tolist() == [1, 1, 0, 0] and env.action_masks().tolist() == [True, True, False, False]
    *_, terminated, _, info = env.step(0)
    assert terminated and "verdict" in info and info["action_mask"].any()


def test_a_masked_action_is_legal_and_plays_the_first_candidate(executor):
    env = wrapped(executor)
    env.reset(seed=0)
    env.step(0)
    *_, terminated, _, _ = env.step(3)
    assert terminated


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
@pytest.mark.parametrize("observation", ["dict", "features"])
def test_both_checkers_have_nothing_to_say(executor, observation):
    check_env(wrapped(executor, observation=observation), skip_render_check=True)
    pytest.importorskip("stable_baselines3.common.env_checker").check_env(wrapped(executor, observation=observation))


def test_libraries_with_discrete_actions_train_on_it(executor):
    sb3 = pytest.importorskip("stable_baselines3")
    contrib = pytest.importorskip("sb3_contrib")
    for algorithm in (sb3.PPO, contrib.MaskablePPO):
        model = algorithm(
            "MlpPolicy", wrapped(executor, observation="features"), n_steps=32, batch_size=16, device="cpu"
        )
        assert model.learn(64).num_timesteps >= 64


def test_wrong_use_is_refused(executor):
    env = wrapped(executor)
    with pytest.raises(StateError, match="reset"):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(OptionError, match=r"0\.\.3"):
        env.step(4)
    with pytest.raises(OptionError, match=r"1\.\.1024"):
        wrapped(executor, k=0)
    with pytest.raises(OptionError, match=r"propose\(views, k\), which list lacks"):
        ProposalActions(gym.make("codegym/Line-v0"), [], 2)
    with pytest.raises(OptionError, match="CartPole"):
        ProposalActions(gym.make("CartPole-v1"), Lines(), 2)
    with pytest.raises(StateError, match="names no action"):
        ProposalActions(gym.make("codegym/Line-v0"), Nothing(), 2).reset()
