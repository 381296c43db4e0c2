"""Everything that is registered, as gymnasium and Stable-Baselines3 check it."""

from __future__ import annotations

import inspect
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import registry
from gymnasium.utils.env_checker import check_env

import codegym
from codegym.envs.code_env import CodeEnv
from codegym.envs.code_vector_env import CodeVectorEnv
from codegym.envs.errors import OptionError
from codegym.envs.registration import ENVIRONMENTS

IDS = list(ENVIRONMENTS)
OBSERVATIONS = ["dict", "features", "text"]


@pytest.mark.parametrize("env_id", IDS)
def test_entry_points_are_strings_and_no_wrapper_limits_time(env_id):
    spec = registry[env_id]
    assert isinstance(spec.entry_point, str) and isinstance(spec.vector_entry_point, str)
    assert spec.max_episode_steps is None
    env = gym.make(env_id)
    assert isinstance(env.unwrapped, CodeEnv) and env.unwrapped.env_id == env_id
    env.close()


def test_the_module_prefix_needs_no_import():
    program = (
        "import gymnasium as gym; env = gym.make('codegym:codegym/Line-v0', problems='humaneval');"
        "print(env.reset(seed=0)[1]['problem'].split('/')[0])"
    )
    found = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "humaneval", found.stderr


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_gymnasiums_checker_has_nothing_to_say(env_id, observation, capsys):
    check_env(gym.make(env_id, observation=observation).unwrapped)


@pytest.mark.parametrize("env_id", ["codegym/Token-v0", "codegym/TokenGrammar-v0"])
@pytest.mark.parametrize("observation", ["dict", "features"])
def test_stable_baselines3_checker_has_nothing_to_say(env_id, observation):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(gym.make(env_id, observation=observation), warn=True)


def test_stable_baselines3_ppo_runs_on_features():
    sb3 = pytest.importorskip("stable_baselines3")
    env = gym.make("codegym/TokenGrammar-v0")
    model = sb3.PPO("MlpPolicy", env, n_steps=64, batch_size=32, n_epochs=1, seed=0, device="cpu").learn(200)
    assert model.num_timesteps >= 200
    observation, _ = env.reset(seed=1)
    assert env.action_space.contains(int(model.predict(observation)[0]))


@pytest.mark.parametrize("env_id", IDS)
def test_make_vec_gives_the_native_vector_env(env_id):
    for mode in ("NextStep", "SameStep", "Disabled", gym.vector.AutoresetMode.SAME_STEP):
        env = gym.make_vec(env_id, num_envs=2, autoreset_mode=mode)
        assert isinstance(env.unwrapped, CodeVectorEnv)
        assert env.metadata["autoreset_mode"] == gym.vector.AutoresetMode(mode)
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize("env_id", IDS)
def test_a_class_is_its_documentation_page(env_id):
    page = inspect.getdoc(type(gym.make(env_id).unwrapped))
    for heading in (
        "Description", "Action space", "Observation space", "Rewards", "Starting state", "Episode end", "Arguments",
        "Version history",
    ):  # fmt: skip
        assert f"## {heading}" in page, heading


def test_the_documentation_names_every_argument():
    from codegym.envs.settings import DEFAULTS

    pages = "".join(inspect.getdoc(type(gym.make(env_id).unwrapped)) for env_id in IDS)
    assert [name for name in DEFAULTS if f"`{name}" not in pages] == []


@pytest.mark.parametrize("env_id", IDS)
def test_no_method_makes_stable_baselines3_take_it_for_a_goal_env(env_id):
    assert not hasattr(gym.make(env_id), "compute_reward")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"problms": "katas"}, "Did you mean 'problems'"),
        ({"problems": "kata"}, "Did you mean 'katas'"),
        ({"split": "dev"}, "train"),
        ({"tests": "hidden"}, "public"),
        ({"reward": "lader"}, "Did you mean 'ladder'"),
        ({"credit": "cover"}, "coverage"),
        ({"start": "begin"}, "curriculum"),
        ({"observation": "dicts"}, "Did you mean 'dict'"),
        ({"tokenizer": "no/such/file"}, "No tokenizer"),
        ({"max_lines": 0}, "at least 1"),
        ({"window": 1.5}, "whole number"),
        ({"process_weight": 2}, r"0\.\.1"),
        ({"process_reward": 3}, "callable"),
        ({"process_reward_mode": "first"}, "per_step"),
        ({"process_discount": "x"}, "number"),
        ({"executor": 3}, "executor"),
        ({"render_mode": "ascii"}, "ansi"),
        ({"problems": []}, "empty"),
        ({"problems": 3}, "list of Problem, not 3"),
        ({"problems": ["katas"]}, "list of Problem, not 'katas'"),
        ({"syntax_mask": "yes"}, "True or False"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*The environment is being initialised with render_mode.*")
def test_wrong_options_are_refused_in_one_line_that_says_what_is_allowed(options, message):
    with pytest.raises(OptionError, match=message) as caught:
        gym.make("codegym/Line-v0", **options)
    assert "\n" not in str(caught.value)
    with pytest.raises(OptionError, match=message):
        gym.make_vec("codegym/Line-v0", num_envs=2, **options)


def test_environments_use_no_global_randomness():
    import random

    np.random.seed(0)
    random.seed(0)
    before = (np.random.get_state()[1].tolist(), random.getstate())
    env = gym.make_vec("codegym/TokenGrammar-v0", num_envs=2)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(8):
        env.step(env.action_space.sample())
    assert before == (np.random.get_state()[1].tolist(), random.getstate())


@pytest.mark.parametrize("first", ["codegym", "gymnasium"])
def test_either_may_be_imported_first_and_ours_does_not_import_the_other(first):
    program = (
        f"import sys, {first}; assert {first!r} == 'gymnasium' or 'gymnasium' not in sys.modules;"
        "import codegym, gymnasium, gymnasium.envs.registration as found;"
        "print(sum(name.startswith('codegym/') for name in found.registry), len(sys.meta_path), found.__spec__.name)"
    )
    plain = "import sys, gymnasium; print(len(sys.meta_path))"
    said = [
        subprocess.run([sys.executable, "-W", "error", "-c", one], capture_output=True, text=True, timeout=60)
        for one in (program, plain)
    ]
    finders = said[1].stdout.strip()
    assert said[0].stdout.split() == [str(len(IDS)), finders, "gymnasium.envs.registration"], said[0].stderr


def test_importing_registers_once():
    from codegym.envs.registration import register_environments

    register_environments()
    assert codegym.END == "<END>"
