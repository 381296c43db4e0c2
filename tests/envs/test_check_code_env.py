"""check_code_env: has nothing to say about what is registered, and finds each broken promise."""

from __future__ import annotations

import random
import warnings

import gymnasium as gym
import numpy as np
import pytest

import codegym
from codegym.envs.code_vector_env import LineVectorEnv
from codegym.envs.execution.executor import Executor
from codegym.envs.line_env import LineEnv
from codegym.envs.registration import ENVIRONMENTS
from codegym.envs.token_env import TokenGrammarEnv
from codegym.envs.wrappers import ProposalActions
from codegym.testing import CheckFailed, check_code_env


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


SETTINGS = {
    "plain": {},
    "text": {"observation": "text", "problems": "humaneval", "credit": "ochiai"},
    "curriculum": {"start": codegym.CCCS(rho=0.0, window=1), "observation": "features", "reward": "fraction"},
    "process": {"process_reward": lambda view: len(view.text) % 3 / 3, "process_reward_mode": "per_step"},
}


@pytest.mark.parametrize("env_id", list(ENVIRONMENTS))
@pytest.mark.parametrize("settings", list(SETTINGS))
def test_every_registered_environment_keeps_every_promise(executor, env_id, settings):
    check_code_env(gym.make(env_id, executor=executor, **SETTINGS[settings]))


def test_the_syntax_mask_keeps_them_too(executor):
    check_code_env(gym.make("codegym/Token-v0", executor=executor, syntax_mask=True))


class Lines:
    def propose(self, views, k):
        return [[("    return 1", 0.5), (codegym.END, 0.5)][:k] for _ in views]


def test_wrapped_environments_are_checked_inside(executor):
    check_code_env(ProposalActions(gym.make("codegym/Line-v0", executor=executor), Lines(), 2))


# Environments that break a promise, one each


class ForgetsItsSeed(LineEnv):
    made = 0

    def reset(self, *, seed=None, options=None):
        type(self).made += 1
        return super().reset(seed=None if seed is None else seed + 1000 * type(self).made, options=options)


class KeepsAFavourite(LineEnv):
    """Its reward grows with every step it has ever done: nothing in the State says so."""

    steps = 0

    def step(self, action):
        observation, reward, *rest = super().step(action)
        self.steps += 1
        return observation, reward + (self.steps > 4), *rest


class LosesItsPlace(LineEnv):
    def set_state(self, state):
        observation, info = super().set_state(state)
        return ({key: np.zeros_like(value) for key, value in observation.items()}), info


class ForksItself(LineEnv):
    def fork(self, tests="all"):
        return self


class ShowsTheProblem(LineEnv):
    def _info(self):
        return super()._info() | {"task": self._problem}


class ShowsTheReference(LineEnv):
    def _info(self):
        return super()._info() | {"hint": "Try " + self._problem.references[0]}


class PaysABonus(LineEnv):
    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward + 1.0, *rest


class PaysNumpy(LineEnv):
    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, np.float64(reward), *rest


class MasksEverything(TokenGrammarEnv):
    def action_masks(self):
        return super().action_masks() & (len(self.get_state().actions) == 0)


class DrawsGlobally(LineEnv):
    def step(self, action):
        random.random()
        return super().step(action)


class DrawsFromNumpy(LineEnv):
    def step(self, action):
        np.random.rand()
        return super().step(action)


class Warns(LineEnv):
    def step(self, action):
        warnings.warn("careful", stacklevel=1)
        return super().step(action)


class TakesAnything(LineEnv):
    def step(self, action):
        return super().step("" if action is None else action)


class RaisesAnything(LineEnv):
    def step(self, action):
        if action is None:
            raise TypeError("no")
        return super().step(action)


class RaisesPages(LineEnv):
    def step(self, action):
        if action is None:
            raise codegym.OptionError("no\nno")
        return super().step(action)


class PaysTwice(LineVectorEnv):
    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        return observations, 2 * rewards, *rest


BROKEN = [
    (ForgetsItsSeed, r"reset\(seed\) twice"),
    (KeepsAFavourite, "pure function"),
    (LosesItsPlace, r"set_state\(get_state\(\)\).*tokens|set_state\(get_state\(\)\).*attention_mask"),
    (ForksItself, "share nothing mutable"),
    (ShowsTheProblem, "leads to a Problem"),
    (ShowsTheReference, "hidden test or reference"),
    (PaysABonus, "name every term in reward_terms"),
    (PaysNumpy, "reward is a Python float, not float64"),
    (MasksEverything, "at least one True"),
    (DrawsGlobally, "generator of random that the whole process shares"),
    (DrawsFromNumpy, "generator of numpy.random that"),
    (Warns, "Playing warns .*careful"),
    (TakesAnything, "outside the space is accepted"),
    (RaisesAnything, r"raises TypeError; raise codegym\.OptionError"),
    (RaisesPages, "is one line"),
]


def registered(cls, **more):
    env_id = f"tests/{cls.__name__}-v0"
    if env_id not in gym.registry:
        gym.register(env_id, entry_point=cls, max_episode_steps=None, **more)
    return env_id


@pytest.mark.parametrize(("cls", "message"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_promise_is_found_and_named(executor, cls, message):
    with pytest.raises(CheckFailed, match=message) as caught:
        check_code_env(gym.make(registered(cls), executor=executor))
    assert "\n" not in str(caught.value)


def test_a_vector_environment_that_differs_is_found(executor):
    env_id = registered(type("OneRow", (LineEnv,), {}), vector_entry_point=PaysTwice)
    with pytest.raises(CheckFailed, match=r"row [01] of the vector environment.*\[1\]"):
        check_code_env(gym.make(env_id, executor=executor))


def test_what_it_cannot_check_it_refuses():
    with pytest.raises(codegym.OptionError, match="CartPole"):
        check_code_env(gym.make("CartPole-v1"))
    with pytest.raises(codegym.OptionError, match=r"gym\.make"):
        check_code_env(LineEnv())
