"""The built-in models: decided by their recipe, made once, whole or not at all."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from codegym.agents.language_model import tiny
from codegym.agents.language_model.cached import cached
from codegym.agents.language_model.load import LanguageModel, weights_hash
from codegym.agents.language_model.sft import FineTuning
from codegym.envs.errors import OptionError
from codegym.envs.problems.katas.corpus import examples, vocabulary_texts
from codegym.envs.vocabulary import DEFAULT_FILE, load_vocabulary, train_vocabulary

SHORT = FineTuning(steps=4, batch_size=8, warmup_steps=1)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_shipped_vocabulary_is_what_its_recipe_gives():
    assert train_vocabulary(vocabulary_texts()).to_str(pretty=True) == DEFAULT_FILE.read_text(encoding="utf-8")


def test_training_is_decided_by_the_recipe(tmp_path, capfd):
    recipe = tiny.Recipe("short", bug_rate=0.6, training=SHORT)
    hashes = []
    for name, changed in [("a", recipe), ("b", recipe), ("c", dataclasses.replace(recipe, seed=1))]:
        tiny.train(changed, tmp_path / name)
        hashes.append(weights_hash(LanguageModel.load(tmp_path / name).model))
    assert hashes[0] == hashes[1] != hashes[2]
    assert "training short" in capfd.readouterr().err


def test_a_trained_model_reads_bare_prompts_over_the_shipped_vocabulary(cache, capfd):
    folder = tiny.folder(tiny.Recipe("short", training=SHORT))
    lm = LanguageModel.load(folder)
    assert lm.vocabulary == load_vocabulary(None) and lm.vocabulary.spec is None
    assert lm.few_shot == "" and lm.ends_itself and lm.end_ids == {lm.vocabulary.eos}
    capfd.readouterr()
    assert tiny.folder(tiny.Recipe("short", training=SHORT)) == folder
    assert capfd.readouterr().err == "", "the second time nothing is trained"


def test_the_size_is_what_the_documentation_says():
    parameters = sum(p.numel() for p in tiny.initial_model(tiny.CLEAN, 512, 0).parameters())
    assert 0.78e6 < parameters < 0.83e6


@pytest.mark.parametrize("change", [{"seed": 1}, {"bug_rate": 0.5}, {"training": SHORT}, {"hidden": 64}])
def test_every_part_of_a_recipe_changes_its_name_in_the_cache(change):
    assert tiny.fingerprint(dataclasses.replace(tiny.CLEAN, **change)) != tiny.fingerprint(tiny.CLEAN)
    assert tiny.fingerprint(tiny.CLEAN) == tiny.fingerprint(tiny.Recipe("tiny"))


def test_the_buggy_corpus_has_the_same_prompts_and_some_other_programs():
    clean, buggy = list(examples(0, 200)), list(examples(0, 200, 0.6))
    assert [prompt for prompt, _ in clean] == [prompt for prompt, _ in buggy]
    differ = sum(a != b for a, b in zip(clean, buggy, strict=True))
    assert 40 < differ < 120


def test_a_failed_or_killed_making_leaves_nothing_that_looks_finished(cache):
    def fail(folder):
        (folder / "half").write_text("")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        cached("thing", fail)
    assert not (cache / "thing").exists()
    (cache / ".thing.left.half").mkdir()  # what a kill -9 leaves
    folder = cached("thing", lambda target: (target / "whole").write_text("yes") and None)
    assert [file.name for file in folder.iterdir()] == ["whole"]
    assert not list(cache.glob("*.half")) and not list(cache.glob(".*.half"))


def test_two_at_once_make_a_thing_once(cache):
    made = []
    started, go_on = threading.Event(), threading.Event()

    def make(target):
        made.append(target)
        started.set()
        assert go_on.wait(10)

    first = threading.Thread(target=cached, args=("thing", make))
    first.start()
    assert started.wait(10)
    second = threading.Thread(target=cached, args=("thing", make))
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)
    assert len(made) == 1 and (cache / "thing").is_dir()


def test_a_cache_that_cannot_be_written_is_said_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OptionError, match="CODEGYM_CACHE"):
        cached("thing", lambda target: None)
