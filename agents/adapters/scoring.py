"""Scores for texts of many problems in one batch: what the adapters of other trainers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from codegym.envs.errors import OptionError
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem, TestSelection
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.problems.statement import prompt
from codegym.envs.rewards.outcome_reward import RewardOption, resolve_reward
from codegym.envs.score import extract_code


class Scorer:
    """Runs what models wrote against the tests of their problems.

    Args:
        problems: a set, its name or `kind:PATH`, or a list of problems.
        reward: a name ("ladder", "binary", "fraction", ...) or any function of an Outcome.
        tests: "all" or "public".
        executor: runs the programs; by default one shared by the whole process.

    Raises:
        OptionError: for an unknown set, reward or selection of tests.
    """

    def __init__(
        self,
        problems: str | ProblemSet | Sequence[Problem] = "katas",
        reward: RewardOption = "ladder",
        *,
        tests: TestSelection = "all",
        executor: Executor | Any | None = None,
    ) -> None:
        if tests not in ("all", "public"):
            raise OptionError(f'tests is "all" or "public", not {tests!r}.')
        self.problems = load_problems(problems)
        self.reward = resolve_reward(reward)
        self.tests = tests
        self.executor = executor

    def __call__(self, uris: Sequence[str], texts: Sequence[str]) -> list[Outcome]:
        """The outcome of each text, with its `reward`; None as reward where the machine failed (verdict INFRA).

        Code is taken out of a text by the rule of `codegym.score`, and continues the given text where it does not
        begin with it.

        Raises:
            OptionError: for a uri that is not in the set, or lists of different lengths.
        """
        if len(uris) != len(texts):
            raise OptionError(f"{len(texts)} texts need as many problems, not {len(uris)}.")
        asked = [self.problems[str(uri)] for uri in uris]
        jobs = [
            Job(problem, extract_code(text, problem), self.tests) for problem, text in zip(asked, texts, strict=True)
        ]
        outcomes = (self.executor or shared_executor()).run(jobs) if jobs else []
        return [
            outcome if outcome.verdict is Verdict.INFRA else replace(outcome, reward=float(self.reward(outcome)))
            for outcome in outcomes
        ]


def prompt_rows(
    problems: str | ProblemSet | Sequence[Problem] = "katas", split: str | None = None, limit: int | None = None
) -> list[dict[str, str]]:
    """Rows of a data set for trainers of language models: `prompt`, to be continued, and `problem`, its uri.

    The prompt is what our own agents read: statement and public tests as comments, then the given text; it does not
    end in a newline.

    Args:
        problems: a set, its name or `kind:PATH`.
        split: by default the training split, where there is one.
        limit: the most rows.
    """
    loaded = load_problems(problems)
    chosen = loaded.default_split("train") if split is None else loaded.split(split)
    count = len(chosen) if limit is None else min(limit, len(chosen))
    rows = (chosen[number] for number in range(count))
    return [{"prompt": prompt(problem) + problem.given, "problem": problem.uri} for problem in rows]
