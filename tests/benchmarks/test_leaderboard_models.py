"""Language models, alone and inside a search, as agents of a benchmark run."""

import pytest

from codegym.benchmarks.leaderboard.run_folder import read_run
from codegym.cli import main


@pytest.mark.parametrize(
    ("env", "agent", "words"),
    [
        ("codegym/Token-v0", "lm:{}", ["--temperature", "0.8", "--top-p", "0.9"]),
        ("codegym/Line-v0", "lm:{}", []),
        ("codegym/Line-v0", "best-of-2:lm:{}", []),
        ("codegym/Line-v0", "mcts:lm:{}", ["--limit", "1"]),
    ],
)
def test_a_model_plays_and_can_be_sampled_again(tmp_path, model, env, agent, words, capsys):
    name = agent.format(model)
    limit = words if "--limit" in words else [*words, "--limit", "3"]
    command = ["run", "--env", env, "--problems", "katas", "--split", "test", "--samples", "2", *limit]
    command += ["--agent", name, "--max-tokens", "16", "--batch", "4", "--out", str(tmp_path / "R")]
    assert main(command) == 0
    run = read_run(tmp_path / "R")
    identity = run.record["agent"]
    assert identity["name"] == name and {"prompt_template", "sampling", "stop"} <= identity.keys()
    if "--top-p" in words:
        assert identity["sampling"]["temperature"] == 0.8 and identity["sampling"]["top_p"] == 0.9
    assert ("search" in identity) == (":lm:" in agent)
    assert len(run.episodes) == (2 if "--limit" in words else 6) and run.summary["tokens"] > 0
    if agent == "lm:{}":
        assert len({episode.program for episode in run.episodes}) > 3
    assert main(["verify", str(tmp_path / "R"), "--strict", "--regenerate", "2"]) == 0
    assert "2 sampled again" in capsys.readouterr().out


def test_a_changed_model_is_not_the_one_that_a_run_began_with(tmp_path, model, capsys):
    import shutil

    import safetensors.torch

    copy = tmp_path / "model"
    shutil.copytree(model, copy)
    command = ["run", "--env", "Token-v0", "--problems", "katas", "--limit", "2", "--max-tokens", "8"]
    command += ["--agent", f"lm:{copy}", "--out", str(tmp_path / "R")]
    assert main(command) == 0
    weights = safetensors.torch.load_file(copy / "model.safetensors")
    weights = {name: tensor + 0.5 for name, tensor in weights.items()}
    safetensors.torch.save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert main(command) == 2
    assert "identity." in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "R")]) == 0  # the scores are still right
    assert main(["verify", str(tmp_path / "R"), "--regenerate", "2"]) == 1


def test_an_unknown_model_is_one_line_and_leaves_nothing(tmp_path, capsys):
    command = ["run", "--env", "Line-v0", "--problems", "katas", "--agent", "lm:tinny", "--out", str(tmp_path / "R")]
    assert main(command) == 2
    error = capsys.readouterr().err.strip()
    assert "tinny" in error and "tiny" in error.replace("tinny", "") and "\n" not in error
    assert not (tmp_path / "R").exists()
