"""A policy whose every probability is known: a table of complete programs, sampled like a language model would."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from codegym.agents.agent import Decision, TokenTrace
from codegym.envs.mdp.state import Action, View
from codegym.envs.problems.problem import CallTest, Problem

GIVEN = "def f(xs):"
EVEN = "    kept = [x for x in xs if x % 2 == 0]"
ODD = "    kept = [x for x in xs if x % 2 == 1]"
SUM = "    return sum(kept)"
MAX = "    return max(kept)"


def even_sum(uri: str = "toy/0", public: bool = True) -> Problem:
    """The sum of the even numbers, with two public and two hidden tests."""
    return Problem(
        uri=uri,
        statement="Return the sum of the even numbers of a list.",
        entry_point="f",
        starter=GIVEN,
        references=(f"{GIVEN}\n{EVEN}\n{SUM}",),
        public_tests=(CallTest(([1, 2, 4],), 6), CallTest(([3, 8, 3],), 8)) if public else (),
        hidden_tests=(CallTest(([],), 0), CallTest(([5],), 0)),
    )


class ScriptedPlanner:
    """Samples complete programs (tuples of actions) with the given probabilities, conditioned on what is written.

    An action costs as many tokens as it has words; its first token carries its log-probability.
    """

    def __init__(self, programs: Mapping[tuple[Action, ...], float]):
        self.programs = dict(programs)
        self.tokens = 0
        self.batches: list[int] = []
        self.plans: list[tuple[Action, ...]] = []

    def plan(self, views: Sequence[View], seeds: Sequence[int], deterministic: bool = False) -> list[list[Decision]]:
        assert all(view.phase == "writing" for view in views)
        self.batches.append(len(views))
        return [self._sample(view, seed) for view, seed in zip(views, seeds, strict=True)]

    def _mass(self, prefix: tuple[Action, ...]) -> float:
        return sum(p for program, p in self.programs.items() if program[: len(prefix)] == prefix)

    def _sample(self, view: View, seed: int) -> list[Decision]:
        made = len(view.actions)
        fitting = [program for program in self.programs if program[:made] == view.actions]
        weights = np.array([self.programs[program] for program in fitting])
        program = fitting[np.random.default_rng(seed).choice(len(fitting), p=weights / weights.sum())]
        decisions = []
        for end in range(made + 1, len(program) + 1):
            logp = math.log(self._mass(program[:end]) / self._mass(program[: end - 1]))
            words = len(str(program[end - 1]).split())
            self.tokens += words
            decisions.append(Decision(program[end - 1], TokenTrace((7,) * words, (logp,) + (0.0,) * (words - 1))))
        self.plans.append(program)
        return decisions


def line_programs() -> dict[tuple[Action, ...], float]:
    """Four programs of two lines: the right one has probability 0.12."""
    first = {EVEN: 0.3, ODD: 0.7}
    second = {SUM: 0.4, MAX: 0.6}
    return {(a, b, "<END>"): p * q for a, p in first.items() for b, q in second.items()}
