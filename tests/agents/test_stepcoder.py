"""StepCoder: the curriculum, the mask, the fine-tuning before them, and that a run killed anywhere ends the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from learning_helpers import ragged_batch, small_model
from nobody import nobody

from codegym.agents.collect import collect, requests
from codegym.agents.language_model.agent import LanguageModelAgent
from codegym.agents.language_model.sft import FineTuner, FineTuning
from codegym.agents.learning.options import PPOOptions
from codegym.agents.learning.ppo import PPO
from codegym.agents.learning.tensors import load_tensors
from codegym.agents.learning.token_batch import TokenBatch
from codegym.agents.recipes.stepcoder import train_stepcoder
from codegym.agents.recipes.stepcoder_options import TrainStepCoderOptions
from codegym.agents.recipes.supervised_data import reference_examples, with_slips
from codegym.cli import main
from codegym.envs.episode import Episode
from codegym.envs.errors import OptionError
from codegym.envs.mdp.start_states import CCCS
from codegym.envs.problems.catalog import load_problems

PROBLEMS = "katas:rules-chain-3"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("model")
    nobody().save(folder)
    return str(folder)


SMALL = {
    "problems": PROBLEMS, "prompts": 2, "samples": 3, "max_tokens": 8, "eval_problems": 3, "eval_samples": 2,
    "sft_steps": 120, "sft_batch": 4, "sft_lr": 1e-3, "iterations": 5, "checkpoint_every": 2, "value_warmup": 1,
}  # fmt: skip


def metrics(folder: Path) -> list[dict]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def kill_when(command: list[str], reached) -> None:
    """Start a command and kill it, with no chance to tidy up, as soon as something is reached."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 150
    while process.poll() is None and time.monotonic() < deadline and not reached():
        time.sleep(0.01)
    assert process.poll() is None, "the run was over before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.timeout(300)
def test_a_run_killed_in_the_fine_tuning_and_in_ppo_ends_with_the_same_numbers(model, tmp_path):
    options = {"model": model, "eval_every": 2, **SMALL}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = train_stepcoder(TrainStepCoderOptions(out=whole, **options))
    words = [word for k, v in {"out": broken, **options}.items() for word in ("--" + k.replace("_", "-"), str(v))]
    command = [sys.executable, "-m", "codegym", "train", "stepcoder", *words]
    kill_when(command, lambda: any((broken / "sft" / "checkpoints").glob("iteration-*")))
    assert not (broken / "metrics.jsonl").exists()
    kill_when(
        command, lambda: len((broken / "metrics.jsonl").read_text()) > 0 if (broken / "metrics.jsonl").exists() else 0
    )
    result = train_stepcoder(TrainStepCoderOptions(out=broken, **options))
    assert {k: v for k, v in result.items() if k != "seconds"} == {k: v for k, v in expected.items() if k != "seconds"}
    assert metrics(broken) == metrics(whole)
    for part in ("model", "sft/model"):
        first, second = (load_tensors(run / part / "model.safetensors") for run in (whole, broken))
        assert all(torch.equal(tensor, second[name]) for name, tensor in first.items()), part
    for when in ("before", "after"):
        name = Path("evaluation") / f"{when}.jsonl"
        assert (broken / name).read_text() == (whole / name).read_text()
    kept = sorted((run / "checkpoints").iterdir())[-1] if (run := broken) else None
    assert json.loads((kept / "state.json").read_text())["extra"]["curriculum"]["recent"]


def test_training_begins_inside_the_reference_and_evaluation_at_the_question(model, tmp_path):
    options = {"model": model, **SMALL, "sft": "none", "iterations": 1}
    train_stepcoder(TrainStepCoderOptions(out=tmp_path / "with", **options))
    train_stepcoder(TrainStepCoderOptions(out=tmp_path / "without", curriculum=False, **options))
    assert metrics(tmp_path / "with")[0]["stage"] == 2.0  # of two stages for three conditionals
    assert "stage" not in metrics(tmp_path / "without")[0]
    for line in (tmp_path / "with" / "evaluation" / "after.jsonl").read_text().splitlines():
        assert Episode.from_json(line).start["kind"] == "question"


@pytest.fixture(scope="module")
def curriculum_batch():
    """Episodes of a curriculum, and their batch."""
    lm = nobody()
    problems = load_problems(PROBLEMS)
    env = gym.make_vec(
        "codegym/Token-v0", num_envs=6, vectorization_mode=gym.VectorizeMode.VECTOR_ENTRY_POINT,
        autoreset_mode="Disabled", problems=problems, tokenizer=lm.tokenizer, max_tokens=8, start=CCCS(),
    )  # fmt: skip
    episodes = collect(LanguageModelAgent(lm), env, requests(problems.split("train").uris[:2], 3, seed=0))
    env.close()
    return lm, episodes, TokenBatch.from_episodes(episodes)


def test_the_given_part_of_the_reference_is_prompt_and_no_action(curriculum_batch):
    lm, episodes, batch = curriculum_batch
    for row, episode in enumerate(episodes):
        given = episode.start["text"]
        assert given.count("if ") == 2 and load_problems(PROBLEMS)[episode.problem].references[0].startswith(given)
        first = int(batch.action[row].int().argmax())
        read = b"".join(lm.token_bytes[i] for i in batch.ids[row, :first].tolist()).decode()
        assert read.endswith(given)
        assert batch.action[row].sum() == episode.tokens
        assert not batch.action[row, :first].any() and not batch.credit[row, :first].any()


def test_what_did_not_run_gets_no_gradient_at_all(curriculum_batch):
    """Neither from the policy loss nor from KL and entropy: the output layer sees the credited tokens alone."""
    _, _, batch = curriculum_batch
    gradients = []
    for poison in (0.0, 7.0):
        credit = torch.where(batch.action & (batch.step % 2 == 0), 1.0, 0.0)
        lm_again = nobody()
        trainer = PPO(lm_again.model, PPOOptions(value_warmup=0, epochs=1, minibatches=1, entropy_coef=0.1), seed=0)
        scored = trainer.estimate(trainer.score(batch.replace(credit=credit)))
        masked = batch.action & (credit == 0)
        scored = scored.replace(
            advantage=torch.where(masked, poison, scored.advantage),
            ref_logp=torch.where(masked, scored.ref_logp - poison, scored.ref_logp),
        )
        trainer.value_head = None
        trainer._accumulate(scored, fresh=False)
        gradients.append([p.grad.clone() for p in lm_again.model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    assert any(g.abs().sum() > 0 for g in gradients[0])


def test_the_random_control_keeps_the_sparsity_of_each_row():
    batch = ragged_batch(small_model())
    batch = batch.replace(credit=torch.where(batch.action & (batch.step < 2), 0.5, 0.0))
    shuffled = batch.shuffled_credit(np.random.default_rng(0))
    for row in range(len(batch)):
        here = batch.action[row]
        assert sorted(shuffled.credit[row, here].tolist()) == sorted(batch.credit[row, here].tolist())
        assert not shuffled.credit[row, ~here].any()
    assert not torch.equal(shuffled.credit, batch.credit)
    assert torch.equal(shuffled.credit, batch.shuffled_credit(np.random.default_rng(0)).credit)


def test_a_curriculum_goes_on_from_its_progress():
    problem = load_problems("katas:rules-chain-5").split("train")[0]
    first, second = CCCS(window=4), CCCS(window=4)
    for success in (True, True, True, False, True, False):
        first.record(problem, first.start(problem), success)
    assert first.stage(problem) == 2
    second.restore(json.loads(json.dumps(first.progress())))
    for success in (True, True, True, True, False):
        for curriculum in (first, second):
            curriculum.record(problem, curriculum.start(problem), success)
        assert first.start(problem) == second.start(problem)
    assert first.progress() == second.progress() and second.stage(problem) == 1


def test_fine_tuning_goes_on_from_its_state_bit_by_bit():
    examples = [([k, 40], [k + 1, k + 2, 0]) for k in range(10, 20)]
    recipe = FineTuning(steps=8, batch_size=3, warmup_steps=2)
    whole = FineTuner(nobody().model, examples, recipe)
    losses = [whole.advance() for _ in range(8)]
    first = FineTuner(nobody().model, examples, recipe)
    assert [first.advance() for _ in range(5)] == losses[:5]
    state = {name: tensor.clone() for name, tensor in first.state().items()}
    second = FineTuner(nobody().model, examples, recipe)
    second.load_state(state)
    assert [second.advance() for _ in range(3)] == losses[5:]
    assert all(torch.equal(tensor, second.state()[name]) for name, tensor in whole.state().items())


def test_references_become_examples_of_what_is_read_and_what_is_written():
    lm, problems = nobody(), load_problems(PROBLEMS).split("train")
    examples, left_out = reference_examples(lm, [problems[0], problems[1]], 0)
    assert left_out == 0
    for (read, written), problem in zip(examples, problems, strict=False):
        text = b"".join(lm.token_bytes[i] for i in [*read, *written[:-1]]).decode()
        assert text.endswith(problem.references[0]) and written[-1] == lm.eos_id
    assert reference_examples(nobody(context=100), problems, 0)[1] > 0
    with pytest.raises(OptionError, match="nothing to fine-tune on"):
        reference_examples(nobody(context=8), [problems[0]], 0)


def test_slips_are_wrong_operators_at_the_stated_rate():
    code = "if x >= 3:\n    return x + 1\n" * 500
    assert with_slips(code, np.random.default_rng(0), 0.0) == code
    assert with_slips(code, np.random.default_rng(0), 1.0) == "if x > 3:\n    return x - 1\n" * 500
    half = with_slips(code, np.random.default_rng(0), 0.5)
    assert 190 < half.count(">=") < 310 and half.replace(">=", ">").replace("-", "+").count("+") == 500


@pytest.mark.parametrize(
    "bad, message",
    [({"rho": 2.0}, "--rho must lie in 0..1"), ({"sft_steps": 0}, "--sft-steps must be at least 1"),
     ({"sft_lr": -1.0}, "--sft-lr must be positive"), ({"credit": "coverages"}, "coverage")],
)  # fmt: skip
def test_bad_options_are_one_line_and_exit_2(tmp_path, capsys, bad, message):
    words = [word for k, v in bad.items() for word in ("--" + k.replace("_", "-"), str(v))]
    try:
        code = main(["train", "stepcoder", "--out", str(tmp_path / "run"), *words])
    except SystemExit as exit:  # what tyro itself refuses
        code = exit.code
    assert code == 2 and message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
