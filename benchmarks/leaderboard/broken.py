"""Broken problems: those whose own reference solution does not pass their tests."""

from __future__ import annotations

from collections.abc import Sequence

from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.problem import Problem, TestSelection


def broken_problems(
    problems: Sequence[Problem], executor: Executor, tests: TestSelection = "all", *, coverage: bool = False
) -> dict[str, str]:
    """Run the first reference of each problem; returns uri -> reason for those that do not pass.

    A problem without a reference cannot be checked and is not called broken; one without any test is, for every
    program would pass it.

    Args:
        problems: to check.
        executor: where the references run.
        tests: which tests.
        coverage: whether to record executed statements: nobody reads them here, but the executor then remembers the
            references that an agent has just played with coverage.
    """
    checkable = [problem for problem in problems if problem.references]
    outcomes = executor.run([Job(problem, problem.references[0], tests, coverage=coverage) for problem in checkable])
    untested = {problem.uri: "it has no test" for problem in problems if not problem.tests()}
    return untested | {
        problem.uri: f"the reference gets {outcome.verdict}" + (f": {outcome.message}" if outcome.message else "")
        for problem, outcome in zip(checkable, outcomes, strict=True)
        if outcome.verdict is not Verdict.PASS
    }
