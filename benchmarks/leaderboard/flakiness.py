"""Verdicts that another run would change: programs that guess, read the clock, or sit at a limit.

A program is run more than once, each time with another seed of its random numbers, where that was asked for (`--runs`)
or where it passed and its text names a source of chance or time. It has passed if it passed each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict

_WORDS = (
    "random", "randint", "shuffle", "secrets", "uuid", "urandom", "time", "datetime", "perf_counter", "monotonic", "id",
    "hash",
)  # fmt: skip
_CHANCE = re.compile(rf"\b({'|'.join(_WORDS)})\b")


@dataclass(frozen=True)
class Repeated:
    """The outcomes of one program, one per run.

    Attributes:
        outcomes: in the order of the runs; the first one has the run's own seed.
    """

    outcomes: tuple[Outcome, ...]

    @property
    def outcome(self) -> Outcome:
        """The first one that is no pass, else the first."""
        return next((outcome for outcome in self.outcomes if outcome.verdict is not Verdict.PASS), self.outcomes[0])

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdict of each run where they differ, else nothing."""
        found = tuple(str(outcome.verdict) for outcome in self.outcomes)
        return found if len(set(found)) > 1 else ()


def names_chance(program: str) -> bool:
    """Whether the text of a program names a source of chance or time."""
    return any(word in program for word in _WORDS) and _CHANCE.search(program) is not None


def run_repeatedly(
    jobs: Sequence[Job], executor: Executor, runs: int = 1, each: Callable[[int, Outcome], None] | None = None
) -> list[Repeated]:
    """Run each job so many times, and once more where it passed only once and may owe that to chance.

    Args:
        jobs: the programs.
        executor: runs them.
        runs: how often, at least once.
        each: called with the place and the outcome of each first run as it comes, in any order.
    """
    doubtful = set()

    def first(place: int, outcome: Outcome) -> None:  # while others run
        if outcome.verdict is Verdict.PASS and names_chance(jobs[place].program):
            doubtful.add(place)
        if each:
            each(place, outcome)

    outcomes = [[outcome] for outcome in executor.run(jobs, first)]
    for run in range(1, max(runs, 2)):
        again = [*range(len(jobs))] if run < runs else sorted(doubtful)
        seeded = [Job(j.problem, j.program, j.tests, j.coverage, j.seed + run) for j in (jobs[n] for n in again)]
        for n, outcome in zip(again, executor.run(seeded) if seeded else (), strict=True):
            outcomes[n].append(outcome)
    return [Repeated(tuple(found)) for found in outcomes]
