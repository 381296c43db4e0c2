"""States as values: taken, put back, forked, and carried into wrapped environments."""

from __future__ import annotations

import dataclasses
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import FrameStackObservation, RecordEpisodeStatistics

import codegym
from codegym.envs.errors import OptionError, StateError
from codegym.envs.execution.executor import Executor
from codegym.envs.problems.catalog import load_problems
from codegym.envs.registration import ENVIRONMENTS

STEPS = {
    "token": [3, 7, 9],
    "line": ["    x = 1", "    y = 2", "    return a"],
    "pseudocode": ["<Action 1> a", "<Action 2> b", "<Action 3>\n```\ndef f(a, b):\n    return a\n```"],
}


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


def equal(one: object, two: object) -> bool:
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(equal(one[key], two[key]) for key in one)
    return bool(np.array_equal(one, two)) if isinstance(one, np.ndarray) else one == two


@pytest.mark.parametrize("env_id", list(ENVIRONMENTS))
@pytest.mark.parametrize("observation", ["dict", "features", "text"])
def test_a_state_put_back_gives_the_same_observation_and_future(executor, env_id, observation):
    env = gym.make(env_id, observation=observation, executor=executor, process_reward=lambda view: 0.5).unwrapped
    env.reset(seed=0)
    first, second, third = STEPS[env.process]
    seen = env.step(first)[0]
    state = env.get_state()
    future = [env.step(action) for action in (second, third)]
    assert pickle.loads(pickle.dumps(state)) == state
    other = gym.make(env_id, observation=observation, executor=executor, process_reward=lambda view: 0.5).unwrapped
    for where in (env, other):
        observed, info = where.set_state(state)
        assert equal(observed, seen) and info["problem"] == state.problem
        for action, expected in zip((second, third), future, strict=True):
            assert all(map(equal, where.step(action), expected))


@pytest.mark.parametrize("env_id", list(ENVIRONMENTS))
def test_forks_are_independent(executor, env_id):
    env = gym.make(env_id, executor=executor).unwrapped
    env.reset(seed=0)
    first, second, _ = STEPS[env.process]
    env.step(first)
    fork = env.fork()
    assert fork.get_state() == env.get_state() and fork.settings.executor is env.settings.executor
    fork.step(second)
    assert len(env.get_state().actions) == 1 and len(fork.get_state().actions) == 2
    assert equal(env.step(second)[0], fork.set_state(env.get_state())[0])
    assert env.reset()[1]["problem"] == fork.reset()[1]["problem"], "a fork goes on with a copy of the generator"


def test_a_public_fork_runs_public_tests_alone(executor):
    env = gym.make("codegym/Line-v0", executor=executor, problems="katas")
    env.reset(seed=0)
    problem = env.unwrapped.settings.problems[env.unwrapped.get_state().problem]
    fork = codegym.fork(env, tests="public")
    info = fork.step(codegym.END)[-1]
    assert info["tests_total"] == len(problem.public_tests) < len(problem.tests("all"))
    assert fork.episode().env_kwargs["tests"] == "public"
    assert env.step(codegym.END)[-1]["tests_total"] == len(problem.tests("all"))


def test_a_public_fork_without_public_tests_says_so():
    lonely = dataclasses.replace(load_problems("katas")[0], uri="tests/lonely", public_tests=())
    env = gym.make("codegym/Line-v0", problems=[lonely]).unwrapped
    env.reset()
    with pytest.raises(OptionError, match="no public tests"):
        env.fork("public")
    with pytest.raises(OptionError, match="Did you mean 'public'"):
        env.fork("pubic")


def test_wrapped_environments_give_and_take_states():
    env = RecordEpisodeStatistics(FrameStackObservation(gym.make("codegym/TokenGrammar-v0"), 2))
    env.reset(seed=0)
    env.step(1)
    state = codegym.get_state(env)
    assert codegym.fork(env).get_state() == state
    other = RecordEpisodeStatistics(FrameStackObservation(gym.make("codegym/TokenGrammar-v0"), 2))
    observation, _ = codegym.set_state(other, state)
    assert codegym.get_state(other) == state and env.observation_space.contains(observation)
    assert other.step(2)[0].shape == env.step(2)[0].shape, "the wrappers began anew"


def test_states_of_other_environments_are_refused():
    line, token = (gym.make(f"codegym/{name}-v0").unwrapped for name in ("Line", "Token"))
    line.reset(seed=0)
    token.reset(seed=0)
    state = line.get_state()
    cases = [
        (token, state, "of a line environment"),
        (line, dataclasses.replace(state, version="v9"), "v9"),
        (line, dataclasses.replace(state, problem="katas/none/1"), "not in"),
        (token, dataclasses.replace(token.get_state(), vocabulary="other"), "tokenizer 'other'"),
        (line, "state", "not str"),
    ]
    for env, wrong, message in cases:
        with pytest.raises(StateError, match=message):
            env.set_state(wrong)
        with pytest.raises(StateError, match=message):
            env.reset(options={"state": wrong})


def test_environments_of_others_have_no_states():
    env = gym.make("CartPole-v1")
    for function in (codegym.get_state, codegym.fork):
        with pytest.raises(OptionError, match="CartPole"):
            function(env)


def test_states_are_small_even_when_the_problem_is_not():
    env = gym.make("codegym/Line-v0", problems="humaneval").unwrapped
    env.reset(options={"problem": "humaneval/32", "start": 0.5})
    assert len(pickle.dumps(env.get_state())) < 3000
    assert not [f for f in dataclasses.fields(env.get_state()) if f.name in ("rng", "np_random", "problem_object")]
