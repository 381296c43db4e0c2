"""The problems of StepCoder's ablation, and the model that its arms begin with: it writes them with wrong operators."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.sft import FineTuner, FineTuning
from codegym.agents.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from codegym.agents.recipes.supervised_data import reference_examples
from codegym.envs.files import write_atomically
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.record import to_record

SLIPS = 0.5
"""Probability that an operator of a training program is mistaken; drawn anew each time that the program is read."""

STEPS = 160
BATCH = 16
LEARNING_RATE = 2e-3

SAVE_EVERY = 40


def problem_file(path: Path, families: Sequence[str], count: int) -> Path:
    """A file with the first `count` training problems of some families of katas, written where it is missing.

    Their ids are no katas': a curriculum then keeps its progress per problem, as in the paper.
    """
    if not path.exists():
        lines = []
        for family in families:
            problems = load_problems(f"katas:{family}").split("train")
            for uri in problems.uris[:count]:
                record = to_record(problems[uri])
                record["uri"] = f"{path.stem}/{family}-{uri.rpartition('/')[2]}"
                lines.append(json.dumps(record) + "\n")
        write_atomically(path, "".join(lines))
    return path


def start_model(folder: Path, problems: Sequence[Problem]) -> Path:
    """The folder of the start model: `tiny`, fine-tuned on mistaken references of the problems, where it is missing."""
    target = folder / "model"
    if (target / "codegym.json").exists():  # written last
        return target
    lm = LanguageModel.load("tiny")
    repeats = -(-STEPS * BATCH // len(problems))
    examples, _ = reference_examples(lm, [*problems] * repeats, 0, slips=SLIPS)
    tuner = FineTuner(lm.model, examples, FineTuning(steps=STEPS, batch_size=BATCH, learning_rate=LEARNING_RATE))
    config = {"slips": SLIPS, "steps": STEPS, "problems": len(problems)}
    checkpoint = load_checkpoint(folder / "checkpoints", config)
    if checkpoint is not None:
        tuner.load_state(checkpoint.tensors)
    begun, first = time.perf_counter(), tuner.step
    while tuner.step < STEPS:
        loss = tuner.advance()
        if tuner.step % SAVE_EVERY == 0 or tuner.step == STEPS:
            left = (time.perf_counter() - begun) / (tuner.step - first) * (STEPS - tuner.step)
            print(f"start model: step {tuner.step}/{STEPS}, loss {loss:.3f}, {left:.0f} s left", file=sys.stderr)
            save_checkpoint(folder / "checkpoints", Checkpoint(tuner.step, tuner.state(), config, {}))
    lm.save(target)
    return target
