"""codegym bench environment: what it counts, and the file that it writes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from codegym.benchmarks.speed.environment import Timed, draw_actions, native, ratios, rollout, steps_per_second
from codegym.cli import main
from codegym.envs.execution.outcome import Verdict


def test_one_step_in_fifty_ends_the_program():
    ids = draw_actions(400, 100, 512, 7)
    assert ids.shape == (400, 100) and ids.min() >= 0 and ids.max() < 512
    assert abs((ids == 7).mean() - (0.02 + 0.98 / 512)) < 0.003
    assert np.array_equal(ids, draw_actions(400, 100, 512, 7))


def test_the_stub_gives_every_program_one_outcome_and_the_clock_runs():
    stub = Timed()
    env = native(4, stub)
    env.reset(seed=0)
    *_, infos = env.step(np.full(4, env.unwrapped.eos_action))
    assert infos["verdict"].tolist() == [Verdict.COMPILE.value] * 4 and stub.seconds > 0


def test_speeds_and_ratios_are_positive():
    assert all(speed > 0 for speed in steps_per_second(4, 5, Timed()).values())
    beside = ratios(2, 5, 1, peers=("sync", "dummy_vec_env"))
    assert set(beside) == {"sync", "dummy_vec_env"} and min(beside.values()) > 0


@pytest.mark.slow
def test_the_shares_of_a_rollout_of_tiny():
    shares = rollout("tiny", rows=8, episodes=16, max_tokens=32)
    assert 0 < shares["environment"] < 1 and 0 < shares["execution"] < 1 and shares["tokens_per_second"] > 0


@pytest.mark.slow
def test_the_command_writes_the_file(tmp_path, capsys):
    file = tmp_path / "environment.json"
    words = ["bench", "environment", "--steps", "5", "--rows", "2", "4", "--peer-rows", "2", "--rounds", "1"]
    assert main([*words, "--models", "tiny", "--json", str(file)]) == 0
    result = json.loads(file.read_text())
    assert set(result["token_steps_per_second"]) == {"2", "4"}
    assert set(result["ratios"]) == {"sync", "async", "dummy_vec_env"}
    assert set(result["rollout_share"]) == set(result["execution_share"]) == {"tiny"}
    assert "as fast as sync" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"), [(["--peers", "synk"], "Did you mean 'sync'"), (["--steps", "0"], "at least 1")]
)
def test_wrong_options_are_refused(words, message, capsys):
    assert main(["bench", "environment", *words]) == 2
    assert message in capsys.readouterr().err
