"""Saved models of Stable-Baselines3 as agents of a benchmark run."""

from __future__ import annotations

import gymnasium as gym
import pytest

sb3 = pytest.importorskip("stable_baselines3")

from codegym.agents.adapters.sb3 import SB3VectorEnv  # noqa: E402
from codegym.benchmarks.leaderboard.run_folder import read_run  # noqa: E402
from codegym.cli import main  # noqa: E402

GRAMMAR = ["--env", "codegym/TokenGrammar-v0", "--problems", "katas:one-operation", "--limit", "2", "--samples", "3"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An untrained model of TokenGrammar-v0, in a file."""
    file = tmp_path_factory.mktemp("sb3") / "model.zip"
    env = SB3VectorEnv(gym.make_vec("codegym/TokenGrammar-v0", 2, autoreset_mode="SameStep"))
    sb3.PPO("MlpPolicy", env, seed=0, device="cpu").save(file)
    return file


def test_a_saved_model_plays_a_run_that_replays(tmp_path, saved):
    out = str(tmp_path / "R")
    assert main(["run", *GRAMMAR, "--agent", f"sb3:{saved}", "--observation", "features", "--out", out]) == 0
    run = read_run(tmp_path / "R")
    identity = run.record["agent"]
    assert identity["algorithm"] == "PPO" and len(identity["sha256"]) == 64 and len(run.episodes) == 6
    assert len({episode.actions for episode in run.episodes}) > 1
    assert main(["verify", out, "--strict"]) == 0


@pytest.mark.parametrize(
    ("env", "agent", "named"),
    [
        ("codegym/TokenGrammar-v0", "sb3:{}", 'observation="features"'),  # a run observes text unless told
        ("codegym/Line-v0", "sb3:{}", "trained with the actions Discrete(32)"),
        ("codegym/TokenGrammar-v0", "sb3:{}.gz", "no such file"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, saved, env, agent, named, capsys):
    words = ["run", "--env", env, *GRAMMAR[2:], "--agent", agent.format(saved), "--out", str(tmp_path / "R")]
    assert main(words) == 2
    error = capsys.readouterr().err.strip()
    assert named in error and "\n" not in error
