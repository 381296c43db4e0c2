"""Verdict, TestResult and Outcome: what the executor says about a program."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Literal

from codegym.envs.problems.problem import OracleTest, Problem, TestSelection


class Verdict(enum.StrEnum):
    """What happened to a program, or to one of its tests."""

    PASS = "PASS"
    WRONG = "WRONG"
    ERROR = "ERROR"
    COMPILE = "COMPILE"
    TIMEOUT = "TIMEOUT"
    MEMORY = "MEMORY"
    OUTPUT = "OUTPUT"
    POLICY = "POLICY"
    INFRA = "INFRA"


Span = tuple[int, int]
"""Half-open range of characters [start, end) of the program's text."""


@dataclass(frozen=True)
class TestResult:
    """What one test said.

    Attributes:
        verdict: of this test alone.
        message: one short line for people (the failing call, the exception); at most 500 characters. Never shown to
            agents where the test is hidden.
        executed: statement spans that ran in this test, or None if coverage was not asked for or is not known.
        seconds: wall time; left out of equality.
    """

    __test__ = False

    verdict: Verdict
    message: str = ""
    executed: tuple[Span, ...] | None = None
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Outcome:
    """What the tests of a problem said about a program.

    Attributes:
        verdict: of the program: PASS if every test passed; COMPILE if it does not compile; else the verdict of the
            first test that did not pass.
        tests: one result per test, in the order of `Problem.tests(selection)`; empty on COMPILE.
        tests_total: number of tests selected, also on COMPILE.
        message: one short line for people.
        statements: spans of all statements of the program (comments and docstrings left out), or None.
        executed: union over tests of the statement spans that ran, sorted, or None as in the tests.
        policy: a denied system call was seen.
        trust: "isolated", or "in-process" where a test had to share the interpreter.
        level: highest isolation layer in force (0 to 5) when this was obtained.
        seed: the seed that `random` and `numpy.random` had.
        reward: filled in by `codegym.score`, else None.
        seconds: wall time of the execution; left out of equality.
    """

    verdict: Verdict
    tests: tuple[TestResult, ...] = ()
    tests_total: int = 0
    message: str = ""
    statements: tuple[Span, ...] | None = None
    executed: tuple[Span, ...] | None = None
    policy: bool = False
    trust: Literal["isolated", "in-process"] = "isolated"
    level: int = 0
    seed: int = 0
    reward: float | None = None
    seconds: float = field(default=0.0, compare=False)

    @property
    def tests_passed(self) -> int:
        """Number of tests with verdict PASS."""
        return sum(t.verdict is Verdict.PASS for t in self.tests)

    @property
    def compiles(self) -> bool:
        """Whether the program was accepted by the compiler."""
        return self.verdict is not Verdict.COMPILE


@dataclass(frozen=True)
class Job:
    """One program to run against the tests of one problem.

    Attributes:
        problem: what it claims to solve.
        program: the whole source text, given text included.
        tests: which tests.
        coverage: whether to record executed statement spans.
        seed: run seed; mixed with the source to seed `random` in the child.
    """

    problem: Problem
    program: str
    tests: TestSelection = "all"
    coverage: bool = False
    seed: int = 0


def part_verdicts(problem: Problem, outcome: Outcome, selection: TestSelection = "all") -> dict[str, str]:
    """The verdict of each named part of a problem's tests (EvalPlus' "base" and "plus"); empty without parts."""
    names = [(number, t.name) for number, t in enumerate(problem.tests(selection)) if isinstance(t, OracleTest)]
    return {name: str(outcome.tests[n].verdict if outcome.tests else outcome.verdict) for n, name in names if name}


Report = dict[str, Any]
