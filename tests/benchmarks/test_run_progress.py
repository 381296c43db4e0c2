"""`codegym run` with a language model: tokens are told of while they are sampled; weights have the type asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegym.benchmarks.leaderboard import tables
from codegym.benchmarks.leaderboard.options import RunOptions
from codegym.benchmarks.leaderboard.run import run_benchmark
from codegym.benchmarks.leaderboard.tables import progress_bar
from codegym.cli import main
from codegym.envs.errors import OptionError

BASE = {"env": "codegym/Token-v0", "problems": "katas:tiny", "max_tokens": 12}


@pytest.fixture(scope="module")
def agent(nobody_folder: str) -> str:
    return f"lm:{nobody_folder}"


def test_every_sampled_token_is_told_of_before_the_batch_is_over(agent, tmp_path):
    told: list[int] = []
    finished_at: list[int] = []
    run = run_benchmark(
        RunOptions(out=tmp_path / "run", agent=agent, limit=3, **BASE),
        progress=lambda done, total, passed: finished_at.append(len(told)),
        watch=told.append,
    )
    assert sum(told) == sum(episode.tokens for episode in run.episodes) > 0
    assert told[0] == 3 and len(told) > 3  # a step is a token of each running row
    assert finished_at == [0, len(told)]


def test_where_there_is_no_terminal_tokens_are_told_of_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(tables, "QUIET_SECONDS", 0.0)
    with progress_bar("lm:tiny") as progress:
        progress.tokens(1200)
        progress(1, 10, 1)
        monkeypatch.setattr(tables, "QUIET_SECONDS", 1e9)
        progress.tokens(34)
    assert capsys.readouterr().err.splitlines() == ["lm:tiny: 1,200 tokens", "lm:tiny: 1/10, pass rate 100.0%"]


def test_the_type_of_the_weights_is_an_option_and_part_of_the_record(agent, tmp_path):
    options = {**BASE, "agent": agent, "limit": 1}
    run_benchmark(RunOptions(out=tmp_path / "run", dtype="bfloat16", **options))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["agent"]["dtype"] == "bfloat16" and record["options"]["dtype"] == "bfloat16"
    with pytest.raises(OptionError, match="dtype"):
        run_benchmark(RunOptions(out=tmp_path / "run", **options))


def test_an_agent_without_a_model_has_no_weights(tmp_path, capsys):
    words = ["run", "--env", "codegym/Token-v0", "--problems", "katas:tiny", "--agent", "canonical", "--limit", "1"]
    assert main([*words, "--dtype", "bfloat16", "--out", str(tmp_path / "run")]) == 2
    assert "--dtype is for language models" in capsys.readouterr().err
    assert not Path(tmp_path / "run").exists()
