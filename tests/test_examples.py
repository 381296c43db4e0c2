"""The scripts in examples/: each runs, and those that say so learn, over three seeds."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def example(name: str) -> ModuleType:
    """The module of a script."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(autouse=True)
def one_thread():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        yield


ALGORITHMS = ["ppo", "a2c", "dqn", "maskable-ppo"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_of_stable_baselines3_runs(algorithm):
    pytest.importorskip("sb3_contrib")
    script = example("sb3_learns_code")
    solved = script.train(script.Options(algorithm=algorithm, steps=600), episodes=20)
    assert 0 <= solved["random"] <= 1 and 0 <= solved["trained"] <= 1


def test_ppo_in_one_file_runs():
    script = example("ppo_one_file")
    curve = script.train(script.Args(total_timesteps=1024, num_envs=16))
    assert len(curve) == 4 and all(0 <= passed <= 1 for passed in curve)


def test_the_one_file_is_one_page_and_uses_no_agent_code():
    text = (EXAMPLES / "ppo_one_file.py").read_text()
    assert len(text.splitlines()) < 130 and "codegym.agents" not in text and "import codegym" not in text


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_of_stable_baselines3_learns(algorithm, seed):
    pytest.importorskip("sb3_contrib")
    script = example("sb3_learns_code")
    solved = script.train(script.Options(algorithm=algorithm, seed=seed))
    print(algorithm, seed, solved)
    assert solved["trained"] >= solved["random"] + 0.08


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_learns_to_choose_among_the_proposals_of_a_language_model(algorithm, seed):
    pytest.importorskip("sb3_contrib")
    script = example("sb3_learns_code")
    solved = script.train(script.Options(algorithm=algorithm, task="proposals", seed=seed), episodes=100)
    print(algorithm, seed, solved)
    assert solved["trained"] >= solved["random"] + 0.1


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ppo_in_one_file_learns(seed):
    script = example("ppo_one_file")
    curve = script.train(script.Args(seed=seed))
    assert sum(curve[-10:]) / 10 >= sum(curve[:5]) / 5 + 0.1


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sb3s_ppo_trains_a_language_model(seed):
    pytest.importorskip("stable_baselines3")
    script = example("sb3_language_model")
    passing = script.train(script.Options(seed=seed))
    print(seed, passing)
    assert passing["after"] >= passing["before"] + 0.05


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # TorchRL's own
def test_torchrls_ppo_runs():
    pytest.importorskip("torchrl")
    script = example("torchrl_ppo")
    curve = script.train(script.Options(steps=1536))
    assert len(curve) == 3 and all(-1 <= value <= 1 for value in curve)
