"""Why a program failed, as far as the public tests tell: they are run again, hidden tests stay hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codegym.benchmarks.leaderboard.metrics import PASS
from codegym.benchmarks.leaderboard.run_folder import Run
from codegym.envs.episode import Episode
from codegym.envs.errors import CodegymError
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.problems.statement import statement


@dataclass(frozen=True)
class Explanation:
    """What people want to know about an episode besides its program.

    Attributes:
        statement: what was to be done, or "" where the problem is not at hand.
        message: what the program does wrong in a public test, or that only hidden tests fail it; "" if it passed.
    """

    statement: str = ""
    message: str = ""


def explained(run: Run, episodes: Sequence[Episode], executor: Executor | None = None) -> list[Explanation]:
    """Explain episodes of a run; where its problem set is not on this machine, with a message that says so."""
    spec = run.settings.get("problems", {}).get("spec", "")
    try:
        problems = load_problems(str(spec))
    except CodegymError as error:
        return [Explanation(message="" if episode.verdict == PASS else str(error)) for episode in episodes]
    uris = frozenset(problems.uris)
    messages = public_failures(episodes, problems, executor)
    return [
        Explanation(statement(problems[episode.problem]) if episode.problem in uris else "", message)
        for episode, message in zip(episodes, messages, strict=True)
    ]


def public_failures(episodes: Sequence[Episode], problems: ProblemSet, executor: Executor | None = None) -> list[str]:
    """One line for each episode: what its program does wrong in a public test, or that only hidden tests fail it.

    Empty for a program that passed, and for problems that this set does not hold.
    """
    lines = [""] * len(episodes)
    uris = frozenset(problems.uris)
    failed = [i for i, e in enumerate(episodes) if e.verdict != PASS and e.problem in uris]
    jobs = [Job(problems[episodes[i].problem], episodes[i].program, "public") for i in failed]
    outcomes = (executor or shared_executor()).run(jobs) if jobs else []
    for i, job, outcome in zip(failed, jobs, outcomes, strict=True):
        if outcome.verdict is Verdict.PASS:
            lines[i] = "Every public test passes; a hidden test does not." if job.problem.public_tests else ""
            continue
        number = next((n for n, test in enumerate(outcome.tests, 1) if test.verdict is not Verdict.PASS), None)
        message = outcome.tests[number - 1].message or outcome.message if number else outcome.message
        place = f"public test {number} of {outcome.tests_total}: " if number else ""
        lines[i] = f"{place}{outcome.verdict} {message}".strip()
    return lines
