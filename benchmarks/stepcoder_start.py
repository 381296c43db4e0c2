"""The model that the arms of StepCoder's ablation begin with: it knows the programs, and mistakes their operators."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.sft import Example, FineTuner, FineTuning
from codegym.agents.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from codegym.agents.recipes.supervised_data import encoded, with_slips
from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.families import rules
from codegym.envs.problems.katas.family import Family, Parameters, build_from, parameters_of_split
from codegym.envs.problems.statement import prompt

SLIPS = 0.6
"""Probability that an operator of a training program is mistaken."""

STEPS = 500
LEARNING_RATE = 2e-3
LENGTHS = (1, 2, 3, 4, 5)
"""Numbers of conditionals of the training programs, each as frequent as any."""

SAVE_EVERY = 50

_CHAINS: tuple[Family, ...] = tuple(family for family in rules.FAMILIES if family.name.startswith("rules-chain-"))


class ChainExamples(Sequence[Example]):
    """Fresh rules, each made when it is asked for; none begins with two rules of a validation or test problem."""

    def __init__(self, lm: LanguageModel, seed: int, length: int, slips: float) -> None:
        """The first `length` examples of a seed; `slips` is the share of mistaken operators."""
        self.lm, self.seed, self.length, self.slips = lm, seed, length, slips
        self.held_out = {
            family.structure(parameters)
            for family in _CHAINS
            for split in ("validation", "test")
            for parameters in parameters_of_split(family, split)
        }

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.length))]
        draws = Draws("stepcoder-ablation", self.seed, index)
        problem = build_from(_CHAINS[0], self._parameters(draws), draws, "katas/chain/fresh", only_public=True)
        code = problem.references[0][len(problem.given) :]
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, index]))
        return encoded(self.lm, prompt(problem) + problem.given, with_slips(code, rng, self.slips))

    def _parameters(self, draws: Draws) -> Parameters:
        while True:
            drawn = (*rules.rules(draws, draws.choice(LENGTHS)), *rules.rules(draws, 1))
            if _CHAINS[0].structure(drawn) not in self.held_out:
                return drawn


def start_model(folder: Path, *, slips: float = SLIPS, steps: int = STEPS, seed: int = 0) -> Path:
    """The folder of the start model: `tiny`, trained on, or as much of that as is missing."""
    target = folder / "model"
    if (target / "codegym.json").exists():  # written last
        return target
    lm = LanguageModel.load("tiny")
    recipe = FineTuning(steps=steps, learning_rate=LEARNING_RATE, seed=seed)
    tuner = FineTuner(lm.model, ChainExamples(lm, seed, steps * recipe.batch_size, slips), recipe)
    checkpoint = load_checkpoint(folder / "checkpoints", {"slips": slips, "steps": steps})
    if checkpoint is not None:
        tuner.load_state(checkpoint.tensors)
    begun, first = time.perf_counter(), tuner.step
    while tuner.step < recipe.steps:
        loss = tuner.advance()
        if tuner.step % SAVE_EVERY == 0 or tuner.step == steps:
            left = (time.perf_counter() - begun) / (tuner.step - first) * (steps - tuner.step)
            print(f"start model: step {tuner.step}/{steps}, loss {loss:.3f}, {left:.0f} s left", file=sys.stderr)
            config = {"slips": slips, "steps": steps}
            save_checkpoint(folder / "checkpoints", Checkpoint(tuner.step, tuner.state(), config, {}))
    lm.save(target)
    return target
