"""`codegym verify` on what a training and the demo leave: every stated number follows from episodes that replay."""

import json
import shutil
from pathlib import Path

import pytest

from codegym.cli import main

SMALL = ["--iterations", "2", "--prompts", "2", "--samples", "2", "--max-tokens", "8"]


@pytest.fixture(scope="module")
def trained(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "T"
    words = ["--model", str(model), "--eval-problems", "3", "--eval-samples", "2", *SMALL]
    assert main(["train", "ppo", *words, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def shown(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shown") / "D"
    words = ["--model", str(model), "--iterations", "1", "--problems", "3", "--samples", "2"]
    assert main(["demo", *words, "--out", str(folder)]) == 0
    return folder, words


@pytest.fixture(params=["trained", "shown"])
def folder(request, tmp_path):
    found = request.getfixturevalue(request.param)
    return Path(shutil.copytree(found if request.param == "trained" else found[0], tmp_path / "R"))


def episodes_file(folder, part):
    runs = folder / part / "episodes.jsonl"
    return runs if runs.exists() else folder / "evaluation" / f"{part}.jsonl"


def edit_first(path, **change):
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text(json.dumps(json.loads(first) | change) + "\n" + "".join(rest))


def test_an_untouched_folder_is_verified(folder, capsys):
    assert main(["verify", str(folder)]) == 0
    out = capsys.readouterr().out
    # trained: 3 problems, 2 samples and a greedy one, twice; demo: 3 problems, 2 samples, twice
    assert ("18 episodes" in out or "12 episodes" in out) and "0 differences" in out


@pytest.mark.parametrize("part", ["before", "after"])
def test_a_better_verdict_is_noticed(folder, part, capsys):
    edit_first(episodes_file(folder, part), verdict="PASS", reward=1.0, reward_terms={"outcome": 1.0})
    assert main(["verify", str(folder)]) == 1
    assert f"differs: {part}: katas/" in capsys.readouterr().out


def test_a_left_out_episode_is_noticed(folder, capsys):
    path = episodes_file(folder, "after")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert main(["verify", str(folder)]) == 1


@pytest.mark.parametrize("key", ["before", "after", "gain"])
def test_a_better_summary_is_noticed(folder, key, capsys):
    summary = json.loads((folder / "summary.json").read_text())
    part = summary[key] if key == "gain" else summary[key]["pass@1"]
    part["high"] += 0.1
    (folder / "summary.json").write_text(json.dumps(summary))
    assert main(["verify", str(folder)]) == 1
    assert "summary.json" in capsys.readouterr().out


def test_a_missing_evaluation_is_noticed(folder, capsys):
    episodes_file(folder, "after").unlink()
    assert main(["verify", str(folder)]) == 1
    assert "after" in capsys.readouterr().out


def test_the_demo_goes_on_to_the_same_numbers(shown, capsys):
    folder, words = shown
    before = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").unlink()
    shutil.rmtree(folder / "after")
    assert main(["demo", *words, "--out", str(folder)]) == 0
    after = json.loads((folder / "summary.json").read_text())
    assert after["after"]["pass@1"] == before["after"]["pass@1"] and after["gain"] == before["gain"]
    page = (folder / "report.html").read_text()
    assert "A model repairs itself" in page and "<script src" not in page
    assert "gain" in capsys.readouterr().out


def test_the_demo_refuses_a_folder_of_another_run(shown, capsys):
    folder, words = shown
    assert main(["demo", *words, "--seed", "1", "--out", str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
