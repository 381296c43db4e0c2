"""CodeVectorEnv: the same as SyncVectorEnv bit for bit, and what only it can do."""

from __future__ import annotations

import threading

import gymnasium as gym
import numpy as np
import pytest

import codegym
from codegym.envs.errors import InfrastructureError, OptionError, StateError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Outcome, Verdict
from codegym.envs.problems.catalog import load_problems
from codegym.envs.registration import ENVIRONMENTS

ROWS = 4


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


def same(one: object, two: object, where: str = "") -> None:
    """Equal in type, dtype, shape, keys and every value."""
    if isinstance(one, dict):
        assert list(one) == list(two) or set(one) == set(two), where
        for key in one:
            same(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (two.dtype, two.shape), where
        if one.dtype == object:
            for a, b in zip(one.tolist(), two.tolist(), strict=True):
                same(a, b, where)
        else:
            assert np.array_equal(one, two), where
    elif isinstance(one, tuple):
        assert type(one) is type(two), where
        for number, (a, b) in enumerate(zip(one, two, strict=True)):
            same(a, b, f"{where}.{number}")
    else:
        assert type(one) is type(two) and one == two, where


POOLS = {
    "line": ["    return 1", "    x = [1]", "", "    if True:\n        pass", "    # é", "    return (", codegym.END],
    "pseudocode": ["<Action 1> a", "<Action 2> b", "bad", "<Action 3>\n```\ndef f(a, b):\n    return a + b\n```"],
}


def drawn(env_id: str, vocabulary, random: np.random.Generator):
    if "Token" in env_id:
        return np.where(random.random(ROWS) < 0.2, vocabulary.eos, random.integers(0, vocabulary.size, ROWS))
    pool = POOLS["line" if "Line" in env_id else "pseudocode"]
    return tuple(random.choice(pool, ROWS).tolist())


def halves(view) -> float:
    return len(view.text) % 7 / 7


SETTINGS = {
    "plain": {},
    "small": {"window": 60, "max_tokens": 9, "max_lines": 4, "max_steps": 3, "credit": "ochiai", "reward": "fraction"},
    "process": {"process_reward": halves, "process_reward_mode": "per_step", "max_tokens": 9, "max_lines": 4},
    "curriculum": {"start": None, "max_tokens": 5, "max_lines": 3, "max_steps": 2},
}


@pytest.mark.parametrize("env_id", list(ENVIRONMENTS))
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize(
    ("observation", "settings"), [("dict", "small"), ("features", "process"), ("text", "curriculum"), ("dict", "plain")]
)
def test_native_equals_sync_bit_for_bit(executor, env_id, mode, observation, settings):
    one, two = ({**SETTINGS[settings], "observation": observation, "executor": executor} for _ in range(2))
    if settings == "curriculum":
        # Every episode counts as a success, so the curriculum moves within the test.
        one["start"], two["start"] = (codegym.CCCS(rho=0.0, window=1) for _ in range(2))
        one["reward"] = two["reward"] = "fraction"
    sync = gym.make_vec(env_id, ROWS, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **one)
    native = gym.make_vec(env_id, ROWS, autoreset_mode=mode, **two)
    assert sync.observation_space == native.observation_space and sync.action_space == native.action_space
    same(sync.reset(seed=3), native.reset(seed=3), "reset")
    random = np.random.default_rng(0)
    finished = 0
    for number in range(25):
        actions = drawn(env_id, native.unwrapped.settings.vocabulary, random)
        left, right = sync.step(actions), native.step(actions)
        finished += int((left[2] | left[3]).sum())
        same(left, right, f"step {number}")
    assert finished >= 3, "episodes must have ended for this to say anything"


@pytest.mark.parametrize("env_id", list(ENVIRONMENTS))
def test_episodes_are_those_of_single_environments(executor, env_id):
    options = {"executor": executor, "max_tokens": 6, "max_lines": 3, "max_steps": 3, "observation": "features"}
    native = gym.make_vec(env_id, ROWS, autoreset_mode="SameStep", **options).unwrapped
    singles = [gym.make(env_id, **options).unwrapped for _ in range(ROWS)]
    native.reset(seed=7)
    for row, single in enumerate(singles):
        single.reset(seed=7 + row)
    random = np.random.default_rng(1)
    expected = []
    for _ in range(12):
        actions = drawn(env_id, native.settings.vocabulary, random)
        native.step(actions)
        for row, single in enumerate(singles):
            *_, terminated, truncated, _ = single.step(actions[row])
            if terminated or truncated:
                expected.append((row, single.episode()))
                single.reset()
        assert [view.text for view in native.views()] == [single.view().text for single in singles]
        assert native.states() == [single.get_state() for single in singles]
    assert native.pop_episodes() == expected and expected
    assert native.pop_episodes() == []


def test_programs_that_end_in_a_step_are_executed_in_one_batch(executor):
    class Counting:
        def __init__(self):
            self.batches = []

        def run(self, jobs):
            self.batches.append(len(jobs))
            return executor.run(jobs)

        def __deepcopy__(self, memo):
            return self

    counting = Counting()
    env = gym.make_vec("codegym/Line-v0", 8, executor=counting)
    env.reset(seed=0)
    env.step(("x = 1",) * 8)
    env.step((codegym.END,) * 5 + ("x = 2",) * 3)
    assert counting.batches == [5]


@pytest.mark.parametrize("env_id", list(ENVIRONMENTS))
def test_states_can_be_taken_and_put_back(executor, env_id):
    env = gym.make_vec(env_id, ROWS, executor=executor).unwrapped
    env.reset(seed=0)
    random = np.random.default_rng(2)
    pool = {"line": ["x = 1"], "pseudocode": ["<Action 1> a"]}
    actions = [
        (np.full(ROWS, 5 + n) if "Token" in env_id else tuple(random.choice(pool[env.single.process], ROWS).tolist()))
        for n in range(2)
    ]
    before = env.step(actions[0])[0]
    states = env.states()
    after = env.step(actions[1])
    same(env.set_states(states)[0], before)
    same(env.step(actions[1]), after)
    with pytest.raises(OptionError, match="as many states"):
        env.set_states(states[:2])


def test_reset_takes_one_value_or_one_per_row():
    env = gym.make_vec("codegym/Line-v0", ROWS, problems="humaneval")
    uris = load_problems("humaneval").uris
    assert env.reset(options={"problem": uris[3]})[1]["problem"].tolist() == [uris[3]] * ROWS
    assert env.reset(options={"problem": list(uris[:ROWS])})[1]["problem"].tolist() == list(uris[:ROWS])
    env.reset(options={"problem": uris[0], "start": [0.0, 1.0, "question", {"prefix": "x = 1"}]})
    assert env.unwrapped.views()[3].text == "x = 1"
    with pytest.raises(OptionError, match="2 values for 4"):
        env.reset(options={"problem": list(uris[:2])})
    with pytest.raises(OptionError, match="Did you mean 'problem'"):
        env.reset(options={"problm": uris[0]})


def test_seeds_are_one_number_or_one_per_row():
    env = gym.make_vec("codegym/Line-v0", ROWS)
    found = env.reset(seed=4)[1]["problem"].tolist()
    assert env.reset(seed=[4, 5, 6, 7])[1]["problem"].tolist() == found
    single = gym.make("codegym/Line-v0")
    assert [single.reset(seed=4 + row)[1]["problem"] for row in range(ROWS)] == found
    with pytest.raises(OptionError, match="one seed or as many"):
        env.reset(seed=[1])


@pytest.mark.parametrize("env_id", ["codegym/TokenGrammar-v0", "codegym/Line-v0"])
def test_with_autoreset_disabled_rows_wait_to_be_reset(executor, env_id):
    env = gym.make_vec(env_id, 3, executor=executor, autoreset_mode="Disabled", max_tokens=9).unwrapped
    token = env_id != "codegym/Line-v0"
    end, more = (env.eos_action, 1) if token else (codegym.END, "    return a")
    env.reset(seed=0)
    *_, terminated, truncated, _ = env.step([end, more, more])
    assert terminated.tolist() == [True, False, False] and not truncated.any()
    with pytest.raises(StateError, match=r"rows \[0\]"):
        env.step([more, more, more])
    actions = env.idle_actions()
    actions[1] = more
    before = env.states()
    observation, rewards, terminated, *_ = env.step(actions)
    assert env.states()[0] == before[0] and env.states()[2] == before[2] and env.states()[1] != before[1]
    assert rewards.tolist() == [0, 0, 0] and terminated.tolist() == [True, False, False]
    _, info = env.reset(options={"reset_mask": np.array([True, False, False])})
    assert info["_problem"].tolist() == [True, False, False]
    assert env.states()[0].actions == () and len(env.states()[1].actions) == 2
    assert env.observation_space.contains(observation)
    env.step([more, more, end])
    assert [row for row, _ in env.pop_episodes()] == [0, 2]


def test_an_episode_that_could_not_be_judged_pays_nothing_and_is_no_episode():
    class Broken:
        def run(self, jobs):
            return [Outcome(Verdict.INFRA, message="no workers") for _ in jobs]

        def __deepcopy__(self, memo):
            return self

    env = gym.make_vec("codegym/Line-v0", 2, executor=Broken())
    env.reset(seed=0)
    _, rewards, terminated, _, info = env.step((codegym.END, "x"))
    assert rewards.tolist() == [0, 0] and terminated.tolist() == [True, False]
    assert info["verdict"][0] == "INFRA" and env.unwrapped.pop_episodes() == []


def played(executor, **options):
    """Three episodes of each of two rows, with the curriculum moving, reset as they end."""
    env = gym.make_vec(
        "codegym/TokenGrammar-v0", 2, executor=executor, autoreset_mode="Disabled", max_tokens=4,
        start=codegym.CCCS(rho=0.0, window=1), **options,
    ).unwrapped  # fmt: skip
    env.reset(seed=0)
    random = np.random.default_rng(0)
    episodes = []
    for _ in range(3):
        over = np.zeros(2, dtype=np.bool_)
        while not over.all():
            actions = [None if done else int(random.integers(1, 32)) for done in over]
            _, rewards, terminated, truncated, infos = env.step(actions)
            over = terminated | truncated
            told = bool(over.any()) and not env.overlap
            assert ("verdict" in infos) is told and bool(rewards.any()) is told
        episodes += env.pop_episodes()
        env.reset(options={"reset_mask": over})
    env.close()
    return episodes


def test_overlapping_changes_no_episode(executor):
    found = played(executor, overlap=True)
    assert found == played(executor) and len(found) == 6


def test_steps_go_on_while_programs_are_executed(executor):
    class Waiting:
        def __init__(self):
            self.released = threading.Event()

        def run(self, jobs):
            assert self.released.wait(60)
            return executor.run(jobs)

        def __deepcopy__(self, memo):
            return self

    waiting = Waiting()
    env = gym.make_vec("codegym/Line-v0", 2, executor=waiting, autoreset_mode="Disabled", overlap=True).unwrapped
    env.reset(seed=0)
    env.step((codegym.END, "    x = 1"))
    for _ in range(3):  # nothing is released yet
        _, rewards, terminated, _, infos = env.step([None, "    x = 2"])
        assert rewards.tolist() == [0, 0] and terminated.tolist() == [True, False] and "verdict" not in infos
    env.step([None, codegym.END])
    waiting.released.set()
    assert [(row, len(episode.actions)) for row, episode in env.pop_episodes()] == [(0, 1), (1, 5)]
    assert env.pop_episodes() == []


def test_what_goes_wrong_while_steps_go_on_is_raised_where_results_are_asked_for():
    class Broken:
        def run(self, jobs):
            raise InfrastructureError("no workers")

        def __deepcopy__(self, memo):
            return self

    env = gym.make_vec("codegym/Line-v0", 1, executor=Broken(), autoreset_mode="Disabled", overlap=True).unwrapped
    env.reset(seed=0)
    env.step([codegym.END])
    with pytest.raises(InfrastructureError, match="no workers"):
        env.pop_episodes()


def test_automatic_resets_do_not_overlap():
    for mode in ("NextStep", "SameStep"):
        with pytest.raises(OptionError, match="Disabled"):
            gym.make_vec("codegym/Line-v0", 2, autoreset_mode=mode, overlap=True)


@pytest.mark.parametrize(
    ("env_id", "actions"),
    [
        ("codegym/Token-v0", [1, 2, 512]),
        ("codegym/Token-v0", [1, 2]),
        ("codegym/Token-v0", [1.0, 2.0, 3.0]),
        ("codegym/Line-v0", ("a", "b", 3)),
        ("codegym/Line-v0", ("a", "b")),
        ("codegym/Line-v0", "abc\ud800"),
    ],
)
def test_actions_outside_the_space_are_refused_and_nothing_moves(env_id, actions):
    env = gym.make_vec(env_id, 3).unwrapped
    env.reset(seed=0)
    before = env.states()
    with pytest.raises(OptionError):
        env.step(actions)
    assert env.states() == before


def test_steps_before_reset_and_wrong_sizes_are_refused():
    env = gym.make_vec("codegym/Line-v0", 3).unwrapped
    for call in (env.views, env.states, lambda: env.step(("", "", ""))):
        with pytest.raises(StateError, match="reset"):
            call()
    with pytest.raises(OptionError, match="at least 1"):
        type(env)(0)
    with pytest.raises(OptionError, match="Did you mean 'NextStep'"):
        type(env)(1, autoreset_mode="NextSteps")


def test_masks_and_rendering_are_one_per_row(executor):
    env = gym.make_vec("codegym/TokenGrammar-v0", 3, executor=executor, render_mode="ansi").unwrapped
    _, info = env.reset(seed=0)
    assert env.action_masks().shape == info["action_mask"].shape == (3, 32)
    env.step(np.array([1, 1, env.eos_action]))
    shown = env.render()
    assert len(shown) == 3 and "return a" in shown[0] and "reward" in shown[2]


def test_async_vector_env_carries_every_observation():
    for observation in ("dict", "features", "text"):
        env = gym.make_vec("codegym/TokenGrammar-v0", 2, vectorization_mode="async", observation=observation)
        native = gym.make_vec("codegym/TokenGrammar-v0", 2, observation=observation)
        try:
            same(env.reset(seed=0)[0], native.reset(seed=0)[0])
            for action in (1, 9, 10):
                left, right = env.step(np.array([action, action + 1])), native.step(np.array([action, action + 1]))
                same(left[0], right[0])
                assert left[1].tolist() == right[1].tolist()
        finally:
            env.close()
