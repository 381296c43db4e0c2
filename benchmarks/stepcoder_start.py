"""The problems of StepCoder's ablation, and the model that its arms begin with: it writes them with wrong operators."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import codegym
from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.sft import FineTuner, FineTuning
from codegym.agents.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from codegym.agents.recipes.supervised_data import OPERATOR, SLIPS, reference_examples, single_slips
from codegym.envs.files import write_atomically
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.record import to_record

STEPS = 160
BATCH = 16
LEARNING_RATE = 2e-3

SAVE_EVERY = 40


def problem_file(path: Path, families: Sequence[str], count: int, operators: int = 0) -> Path:
    """A file with the first `count` training problems of some families of katas, written where it is missing.

    With `operators`, problems with fewer `decisions` are passed over. The ids are no katas': a curriculum then keeps
    its progress per problem, as in the paper.
    """
    if not path.exists():
        lines = []
        for family in families:
            problems = load_problems(f"katas:{family}").split("train")
            fitting = (problems[uri] for uri in problems.uris if not operators or decisions(problems[uri]) >= operators)
            for problem in itertools.islice(fitting, count):
                record = to_record(problem)
                record["uri"] = f"{path.stem}/{family}-{problem.uri.rpartition('/')[2]}"
                lines.append(json.dumps(record) + "\n")
        write_atomically(path, "".join(lines))
    return path


def decisions(problem: Problem) -> int:
    """Number of operators in the first reference, each of which has to be right.

    0 where one can be mistaken without failing a test, or where what is right in one place is the mistake of another:
    the small model would carry what it learned at the end of a program over to its beginning, where it is wrong.
    """
    code = problem.references[0]
    right = {match.group() for match in OPERATOR.finditer(code)}
    if right & {SLIPS[operator] for operator in right}:
        return 0
    mistaken = single_slips(code)
    outcomes = codegym.score(problem, mistaken) if mistaken else []
    return len(mistaken) if all(outcome.verdict.name != "PASS" for outcome in outcomes) else 0


def start_model(folder: Path, problems: Sequence[Problem], slips: float) -> Path:
    """The folder of the start model: `tiny`, fine-tuned on mistaken references of the problems, where it is missing.

    `slips` is the probability of a mistake at each operator, drawn anew each time that a program is read.
    """
    target = folder / "model"
    if (target / "codegym.json").exists():  # written last
        return target
    lm = LanguageModel.load("tiny")
    repeats = -(-STEPS * BATCH // len(problems))
    examples, _ = reference_examples(lm, [*problems] * repeats, 0, slips=slips)
    tuner = FineTuner(lm.model, examples, FineTuning(steps=STEPS, batch_size=BATCH, learning_rate=LEARNING_RATE))
    config = {"slips": slips, "steps": STEPS, "problems": len(problems)}
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
