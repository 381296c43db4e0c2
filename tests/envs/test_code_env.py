"""CodeEnv: episodes, rewards, info, options, and what an agent must never receive."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import json

import gymnasium as gym
import numpy as np
import pytest

import codegym
from codegym.envs.code_env import CodeEnv
from codegym.envs.errors import InfrastructureError, OptionError, StateError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Outcome, Verdict
from codegym.envs.mdp.state import View
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Problem
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.registration import ENVIRONMENTS
from codegym.envs.rewards.phi import phi

KATAS = load_problems("katas")
DOUBLE = Problem(
    "tests/double",
    "Double x.",
    "f",
    references=("def f(x):\n    if x:\n        return 2 * x\n    return 0",),
    public_tests=(CallTest((1,), 2),),
    hidden_tests=(CallTest((4,), 8), CallTest((0,), 0)),
    starter="def f(x):",
)
LONELY = dataclasses.replace(DOUBLE, uri="tests/lonely", public_tests=())


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


def line_env(executor, **options) -> gym.Env:
    return gym.make("codegym/Line-v0", problems=[DOUBLE, LONELY], executor=executor, **options)


def play(env: gym.Env, *actions, **options):
    env.reset(seed=0, options={"problem": DOUBLE.uri, **options})
    rewards = []
    for action in actions:
        _, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
    return rewards, terminated, truncated, info


# Episodes


@pytest.mark.parametrize(
    ("lines", "verdict", "reward"),
    [
        (["    return 2 * x"], "PASS", 1.0),
        (["    return x"], "WRONG", -0.3),
        (["    return y"], "ERROR", -0.6),
        (["    return ("], "COMPILE", -1.0),
    ],
)
def test_a_line_episode_ends_with_the_reward_of_its_tests(executor, lines, verdict, reward):
    rewards, terminated, truncated, info = play(line_env(executor), *lines, codegym.END)
    assert rewards == [0.0] * len(lines) + [reward] and (terminated, truncated) == (True, False)
    assert info["verdict"] == verdict and info["is_success"] is (verdict == "PASS")
    assert info["reward_terms"] == {"outcome": reward}
    assert info["tests_total"] == 3 and info["tests_passed"] == {"PASS": 3, "WRONG": 1}.get(verdict, 0)
    assert type(rewards[-1]) is float and type(terminated) is bool and type(info["verdict"]) is str


def test_a_truncated_episode_is_executed_and_rewarded(executor):
    rewards, terminated, truncated, info = play(line_env(executor, max_lines=1), "    return 2 * x")
    assert rewards == [1.0] and (terminated, truncated) == (False, True) and info["is_success"]


def test_a_token_episode_carries_credit_for_every_action(executor):
    env = gym.make("codegym/Token-v0", problems=[DOUBLE], executor=executor)
    vocabulary = env.unwrapped.settings.vocabulary
    text = "\n    if x:\n        return 2 * x\n    return 0\n    return 1"
    ids = [*vocabulary.encode(text), env.unwrapped.eos_action]
    _, terminated, _, info = play(env, *ids)
    assert terminated and info["is_success"] and len(info["token_credit"]) == len(ids)
    assert info["token_credit"][-1] == 1.0
    end, weights = 0, {}
    for token, weight in zip(ids, info["token_credit"], strict=True):
        weights[end], end = weight, end + len(vocabulary.token_bytes[token])
    dead = text.index("\n    return 1")
    assert all(weight == 1.0 for at, weight in weights.items() if at < dead - 4)
    assert 0.0 in [weight for at, weight in weights.items() if at > dead + 5]
    assert info["executed_lines"] == (1, 2, 3, 4)


def test_token_bytes_that_are_no_utf8_count_as_not_compiling(executor):
    env = gym.make("codegym/Token-v0", problems=[DOUBLE], executor=executor)
    byte = env.unwrapped.settings.vocabulary.token_bytes.index(b"\xff")
    rewards, _, _, info = play(env, byte, env.unwrapped.eos_action)
    assert rewards[-1] == -1.0 and info["verdict"] == "COMPILE" and info["token_credit"] == (1.0, 1.0)
    assert env.unwrapped.episode().program == "def f(x):\ufffd"


def test_a_pseudocode_episode_runs_the_code_of_its_last_step(executor):
    env = gym.make("codegym/Pseudocode-v0", problems=[DOUBLE], executor=executor)
    code = "<Action 3>\n```python\ndef f(x):\n    return x + x\n```"
    rewards, terminated, _, info = play(env, "<Action 1> double", "<Action 2> add x to x", code)
    assert rewards == [0.0, 0.0, 1.0] and terminated and info["credit_spans"] == ((0, 26, 1.0),)
    rewards, terminated, truncated, info = play(env, "no tag")
    assert rewards == [-1.0] and terminated and info["verdict"] == "COMPILE" and info["tests_total"] == 3
    env = gym.make("codegym/Pseudocode-v0", problems=[DOUBLE], executor=executor, max_steps=1)
    rewards, terminated, truncated, _ = play(env, "<Action 1> double")
    assert rewards == [-1.0] and truncated and not terminated


def test_only_public_tests_are_run_where_that_is_asked(executor):
    rewards, *_, info = play(line_env(executor, tests="public"), "    return 2", codegym.END)
    assert rewards[-1] == 1.0 and info["tests_total"] == 1


def test_the_reward_may_be_any_name_or_callable(executor):
    assert play(line_env(executor, reward="fraction"), "    return 2", codegym.END)[0][-1] == pytest.approx(1 / 3)
    reward = play(line_env(executor, reward=lambda outcome: 5), "    return 2", codegym.END)[0][-1]
    assert reward == 5.0 and type(reward) is float


def test_without_credit_nothing_is_traced_and_everything_weighs_1(executor):
    *_, info = play(line_env(executor, credit=None), "    return 2 * x", codegym.END)
    assert info["credit_spans"] == ((9, 26, 1.0),) and info["executed_lines"] == ()


# Options of reset


def test_reset_draws_from_the_seed_alone():
    env = gym.make("codegym/Line-v0", problems="katas")
    first = [env.reset(seed=5)[1]["problem"], *(env.reset()[1]["problem"] for _ in range(5))]
    again = [env.reset(seed=5)[1]["problem"], *(env.reset()[1]["problem"] for _ in range(5))]
    assert first == again and len(set(first)) > 1


def test_episodes_come_from_train_where_it_exists_and_options_may_ask_for_another_split():
    env = gym.make("codegym/Line-v0", problems="katas")
    train, test = set(KATAS.split("train").uris), set(KATAS.split("test").uris)
    assert {env.reset()[1]["problem"] for _ in range(40)} <= train
    assert {env.reset(options={"split": "test"})[1]["problem"] for _ in range(40)} <= test
    env = gym.make("codegym/Line-v0", problems="katas", split="test")
    assert {env.reset()[1]["problem"] for _ in range(40)} <= test
    assert env.reset(options={"problem": KATAS.uris[0]})[1]["problem"] == KATAS.uris[0]


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (0.5, "def f(x):\n    if x:"),
        ({"conditional": 0}, "def f(x):"),
        ({"prefix": "def f(x):\n    y = 1\n"}, "def f(x):\n    y = 1"),
        ("question", "def f(x):"),
    ],
)
def test_reset_can_begin_inside_the_solution(start, text):
    env = line_env(None)
    _, info = env.reset(options={"problem": DOUBLE.uri, "start": start})
    assert env.unwrapped.view().text == text and json.loads(info["start"])["kind"] in str(start) + "fraction"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"problm": "x"}, "Did you mean 'problem'"),
        ({"problem": "tests/double2"}, "Did you mean 'tests/double'"),
        ({"start": "end"}, "conditional"),
        ({"split": "dev"}, "split"),
    ],
)
def test_unknown_reset_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        line_env(None).reset(options=options)


# Errors


def test_steps_before_reset_and_after_the_end_are_refused(executor):
    env = line_env(executor).unwrapped
    for call in (env.get_state, env.view, env.fork, env.episode, lambda: env.step("x")):
        with pytest.raises(StateError, match="reset"):
            call()
    play(env, codegym.END)
    with pytest.raises(StateError, match="is over"):
        env.step("x")


def test_an_episode_is_told_only_when_it_is_over():
    env = line_env(None).unwrapped
    env.reset()
    with pytest.raises(StateError, match="not over"):
        env.episode()


class Broken:
    """An executor on a machine that fails: the one thing a healthy machine cannot show."""

    def run(self, jobs):
        return [Outcome(Verdict.INFRA, message="no workers", tests_total=3) for _ in jobs]

    def __deepcopy__(self, memo):
        return self


def test_a_failure_of_the_machine_is_an_error_and_no_reward():
    env = line_env(Broken()).unwrapped
    env.reset(options={"problem": DOUBLE.uri})
    with pytest.raises(InfrastructureError, match="no workers"):
        env.step(codegym.END)


# Process reward


def lengths(view: View) -> float:
    return len(view.text) / 100


@pytest.mark.parametrize("mode", ["last", "per_step"])
def test_process_rewards_are_joined_by_phi_and_every_term_is_told(executor, mode):
    env = line_env(
        executor, process_reward=lengths, process_weight=0.25, process_discount=0.9, process_reward_mode=mode
    )
    rewards, *_, info = play(env, "    y = x", "    return x + y", codegym.END)
    steps = info["step_rewards"]
    assert steps == (0.19, 0.36, 0.36)
    assert sum(rewards) == pytest.approx(phi(1.0, steps, 0.25, 0.9))
    assert sum(info["reward_terms"].values()) == pytest.approx(sum(rewards))
    assert set(info["reward_terms"]) == {"outcome", "process"}
    assert (rewards[:2] == [0.0, 0.0]) is (mode == "last")
    episode = env.unwrapped.episode()
    assert episode.step_rewards == steps and episode.process_weight == 0.25
    assert episode.reward == pytest.approx(sum(rewards))


def test_the_weight_of_phi_can_change_and_is_recorded(executor):
    env = line_env(executor, process_reward=lengths)
    env.unwrapped.set_process_weight(1.0)
    rewards, *_ = play(env, "    return x + x", codegym.END)
    assert rewards[-1] == 1.0 and env.unwrapped.episode().process_weight == 1.0
    with pytest.raises(OptionError, match=r"0\.\.1"):
        env.unwrapped.set_process_weight(1.5)
    with pytest.raises(OptionError, match="no process reward"):
        line_env(executor).unwrapped.set_process_weight(0.5)


# Curriculum


def test_a_curriculum_moves_with_success_and_is_in_info_and_episode(executor):
    env = line_env(executor, start=codegym.CCCS(window=2))
    seen = []
    for _ in range(5):
        _, info = env.reset(options={"problem": DOUBLE.uri})
        seen.append(json.loads(info["start"]))
        env.step("    return x + x")
        env.step(codegym.END)
        assert env.unwrapped.episode().start["value"] == seen[-1]["value"]
    assert [start["value"] for start in seen] == [1, 1, 0, 0, 0]
    assert {start["kind"] for start in seen} == {"curriculum"}


# Episodes as data


def random_actions(env: gym.Env, random: np.random.Generator) -> list:
    name = env.unwrapped.process
    if name == "token":
        ids = random.integers(0, env.unwrapped.settings.vocabulary.size, 12).tolist()
        return [*ids, env.unwrapped.eos_action]
    if name == "line":
        pool = ["    return 1", "    x = [1]", "", "    if True:\n        pass", "    # é", "    return ("]
        return [*random.choice(pool, 4).tolist(), codegym.END]
    pool = ["<Action 1> a", "<Action 2> b", "bad", "<Action 3>\n```\ndef f(a, b):\n    return a + b\n```", "<Action 3>"]
    return [*random.choice(pool, 9).tolist(), "<Action 3> no fence"]


@pytest.mark.parametrize("env_id", list(ENVIRONMENTS))
@pytest.mark.parametrize("problems", ["katas", "humaneval"])
def test_replaying_an_episode_gives_the_same_episode(executor, env_id, problems):
    random = np.random.default_rng(0)
    env = gym.make(env_id, problems=problems, executor=executor, reward="fraction", observation="features")
    for number in range(6):
        start = [None, 0.5, 1.0][number % 3]
        env.reset(seed=number, options=None if start is None else {"start": start})
        for action in random_actions(env, random):
            *_, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                break
        episode = env.unwrapped.episode()
        episode = type(episode).from_json(episode.to_json())
        assert set(episode.env_kwargs) <= {"problems", "reward", "observation", "max_tokens", "tokenizer"}
        again = gym.make(episode.env_id, executor=executor, **episode.env_kwargs).unwrapped
        again.reset(seed=episode.seed, options={"problem": episode.problem, "start": episode.start})
        for action in episode.actions:
            again.step(action)
        assert again.episode() == episode


# What an agent receives


def reachable(thing: object, seen: dict[int, object]) -> None:
    """Every object that attributes, items and references lead to; modules, classes and functions are not data."""
    if id(thing) in seen or isinstance(thing, type) or callable(thing):
        return
    seen[id(thing)] = thing
    inside = thing.tolist() if isinstance(thing, np.ndarray) and thing.dtype == object else gc.get_referents(thing)
    for inner in inside:
        if not isinstance(inner, type(gc)):
            reachable(inner, seen)


@pytest.mark.parametrize("env_id", list(ENVIRONMENTS))
@pytest.mark.parametrize("observation", ["dict", "features", "text"])
def test_nothing_that_an_agent_receives_leads_to_a_hidden_test_or_a_reference(executor, env_id, observation):
    secret = "s3cret-answer"
    problem = dataclasses.replace(
        DOUBLE,
        references=(f"def f(x):\n    '''{secret}'''\n    return 2 * x",),
        hidden_tests=(CallTest((4,), secret),),
        public_tests=(CallTest((1,), 2),),
        pseudocode=(secret,),
        prelude=f"# {secret}",
    )
    env = gym.make(env_id, problems=[problem], executor=executor, observation=observation)
    vector = gym.make_vec(env_id, num_envs=2, problems=[problem], executor=executor, observation=observation)
    received: list[object] = [env.reset(seed=0), env.unwrapped.view(), vector.reset(seed=0), *vector.unwrapped.views()]
    actions = random_actions(env, np.random.default_rng(0))
    for action in actions:
        received.append(env.step(action))
        received.append(env.unwrapped.view())
        received += [vector.step([action] * 2), *vector.unwrapped.views()]
        if received[-5][2] or received[-5][3]:
            break
    seen: dict[int, object] = {}
    reachable(received, seen)
    kinds = {type(thing) for thing in seen.values()}
    assert View in kinds and not kinds & {Problem, ProblemSet, CallTest, Executor, Outcome, CodeEnv}
    texts = [thing for thing in seen.values() if isinstance(thing, str)]
    assert texts and not [text for text in texts if secret in text]


def test_the_walk_above_finds_a_secret_that_is_there():
    seen: dict[int, object] = {}
    reachable([{"view": np.array([dataclasses.replace(DOUBLE, statement="hidden")], dtype=object)}], seen)
    assert any(isinstance(thing, Problem) for thing in seen.values())
    assert any(thing == "hidden" for thing in seen.values())


# Rendering


def test_rendering_shows_the_program_and_at_the_end_the_verdict(executor, capsys):
    env = line_env(executor, render_mode="ansi")
    play(env, "    return 2 * x")
    assert env.render().splitlines()[1:] == ["def f(x):", "    return 2 * x"]
    env.step(codegym.END)
    assert env.render().splitlines()[-1] == "PASS  3/3 tests  reward +1.00"
    human = line_env(executor, render_mode="human")
    play(human, "    return 2 * x", codegym.END)
    assert human.render() is None and "reward +1.00" in capsys.readouterr().out


def test_images_have_a_constant_shape_and_colours(executor):
    pytest.importorskip("PIL")
    env = line_env(executor, render_mode="rgb_array")
    play(env, "    return 2 * x")
    writing = env.render()
    env.step(codegym.END)
    done = env.render()
    assert writing.dtype == np.uint8 and writing.shape == done.shape and writing.ndim == 3
    assert not np.array_equal(writing, done)


def test_masks_are_fresh_and_never_empty():
    env = gym.make("codegym/TokenGrammar-v0")
    _, info = env.reset(seed=0)
    assert info["action_mask"].dtype == np.int8 and info["action_mask"].any()
    info["action_mask"][:] = 0
    assert env.unwrapped.action_masks().all() and env.unwrapped.action_masks().dtype == np.bool_
    assert list(itertools.islice(env.reset()[1]["action_mask"], 2)) == [1, 1]


# Arguments that are objects


class Batched:
    """A process reward that scores many views at once, and names its own string form."""

    spec = "tests:batched"

    def __init__(self):
        self.sizes = []

    def __call__(self, view):
        raise AssertionError("batch() is there to be used")

    def batch(self, views):
        self.sizes.append(len(views))
        return [float(len(view.actions)) for view in views]

    def __deepcopy__(self, memo):
        return self


def test_objects_among_the_arguments_are_shared_and_stored_by_their_form(executor):
    curriculum, model = codegym.CCCS(rho=0.75), Batched()
    env = line_env(executor, start=curriculum, process_reward=model, reward={"name": "compile_blend", "alpha": 0.5})
    settings = env.unwrapped.settings
    assert settings.starts is curriculum and settings.process_reward is model and settings.executor is executor
    assert dict(settings.options) == {
        "problems": "problems",
        "start": {"name": "curriculum", "rho": 0.75},
        "reward": {"name": "compile_blend", "alpha": 0.5},
        "process_reward": "tests:batched",
    }
    assert json.loads(json.dumps(dict(settings.options))) == settings.options


def test_a_process_reward_may_score_views_in_batches(executor):
    model = Batched()
    env = gym.make_vec("codegym/Line-v0", 3, problems=[DOUBLE], executor=executor, process_reward=model)
    env.reset(seed=0)
    env.step(("    x = 1",) * 3)
    env.step((codegym.END, "    y = 1", "    return 1"))
    assert model.sizes == [3, 3]
    ((row, episode),) = env.unwrapped.pop_episodes()
    assert row == 0 and episode.step_rewards == (1.0, 2.0)


def test_a_process_reward_may_be_named_by_its_import_path(executor):
    *_, info = play(line_env(executor, process_reward="builtins:bool"), codegym.END)
    assert info["step_rewards"] == (1.0,)
