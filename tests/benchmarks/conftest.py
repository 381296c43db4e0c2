"""Hand-made episodes and run folders for the tests of what is computed from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegym.benchmarks.leaderboard.metrics import summarise
from codegym.envs.episode import Episode


def hand_made(problem: str, sample: int = 0, verdict: str = "PASS", **changes) -> Episode:
    passed = verdict == "PASS"
    values = {
        "env_id": "codegym/Line-v0",
        "env_kwargs": {"problems": "katas"},
        "problem": problem,
        "start": {"kind": "question", "text": "def f(x):", "value": None},
        "seed": 0,
        "sample": sample,
        "actions": ("    return x", "<END>"),
        "program": "def f(x):\n    return x",
        "reward": 1.0 if passed else -0.3,
        "reward_terms": {"outcome": 1.0 if passed else -0.3},
        "verdict": verdict,
        "tests_passed": 4 if passed else 1,
        "tests_total": 4,
        "credit_spans": ((9, 22, 1.0),),
        "terminated": True,
        "agent": "hand",
    }
    return Episode(**{**values, **changes})


def write_run(folder: Path, episodes: list[Episode], *, broken=None, agent="hand", **settings) -> Path:
    folder.mkdir(parents=True)
    record = {"settings": {"env_id": "codegym/Line-v0", "problems": {"spec": "katas"}, "agent": agent, **settings}}
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "episodes.jsonl").write_text("".join(e.to_json() + "\n" for e in episodes))
    summary = summarise(episodes, broken=broken, count_broken=agent == "canonical")
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.fixture
def episode():
    return hand_made


@pytest.fixture
def run_folder(tmp_path):
    return lambda name, episodes, **options: write_run(tmp_path / name, episodes, **options)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A language model with random weights, saved to a folder."""
    from codegym.agents.language_model.load import LanguageModel
    from codegym.agents.language_model.tiny import Recipe, initial_model, tokenizer
    from codegym.envs.vocabulary import load_vocabulary

    vocabulary = load_vocabulary()
    recipe = Recipe("small", hidden=16, layers=1, heads=2, intermediate=16)
    folder = tmp_path_factory.mktemp("model")
    network = initial_model(recipe, vocabulary.size, vocabulary.eos)
    LanguageModel(network, tokenizer(), "small", few_shot="", ends_itself=True).save(folder)
    return folder
