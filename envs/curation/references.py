"""Whether the references of problems pass their own tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.problem import Problem


def check_references(
    problems: Sequence[Problem], executor: Executor, *, first: bool = False
) -> tuple[int, list[dict[str, Any]]]:
    """Run the references of some problems as one batch.

    Args:
        problems: the problems.
        executor: runs the programs.
        first: run the first reference of each problem only.

    Returns:
        The number of programs that ran, and one entry (problem, reference, verdict, reason) for each that did not pass
        and for each problem that has none, or no test.
    """
    broken: list[dict[str, Any]] = [
        fault(problem.uri, f"it has no {what}")
        for problem in problems
        for what, there in (("reference", problem.references), ("test", problem.tests()))
        if not there
    ]
    jobs = [
        (number, Job(problem, program))
        for problem in problems
        if problem.tests()
        for number, program in enumerate(problem.references[: 1 if first else None])
    ]
    outcomes = executor.run([job for _, job in jobs])
    for (number, job), outcome in zip(jobs, outcomes, strict=True):
        if outcome.verdict is not Verdict.PASS:
            message = next(
                (test.message for test in outcome.tests if test.verdict is not Verdict.PASS), outcome.message
            )
            reason = f"reference {number} is {outcome.verdict}: {message or outcome.message}"
            broken.append(fault(job.problem.uri, reason, number, str(outcome.verdict)))
    return len(jobs), broken


def fault(uri: str, reason: str, reference: int | None = None, verdict: str | None = None) -> dict[str, Any]:
    """What is broken about a problem."""
    return {"problem": uri, "reference": reference, "verdict": verdict, "reason": reason}
