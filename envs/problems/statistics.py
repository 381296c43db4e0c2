"""What can be counted: conditionals of a solution, which decide how hard it is to explore (StepCoder); a whole set."""

from __future__ import annotations

import ast
import statistics
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from codegym.envs.problems.problem import Problem

CONDITIONALS = (ast.If, ast.For, ast.While, ast.Try, ast.Match)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def count_conditionals(source: str) -> int | None:
    """Number of If, For, While, Try and Match statements of a Python program; None if it is not Python 3."""
    tree = parse(source)
    if tree is None:
        return None
    found, waiting = 0, [*tree.body]
    while waiting:  # statements only, for expressions hold none
        node = waiting.pop()
        found += isinstance(node, CONDITIONALS)
        for name in _BLOCKS:
            waiting += getattr(node, name, ())
    return found


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a program, or None if it is not Python 3."""
    with warnings.catch_warnings():
        # Third-party solutions hold `1or 2` and the like; what the compiler thinks of their style is not our concern.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):  # ValueError: null bytes
            return None


def describe(problems: Iterable[Problem]) -> dict[str, Any]:
    """Statistics of a set, JSON-able.

    Returns:
        `statement_words`, `solution_lines` and `conditionals` (of the first reference, without what is given; problems
        without one are left out), `tests` and `references`, each as (lowest, lower quartile, median, upper quartile,
        highest); `by_conditionals`, `difficulty` and `language`: how many problems of each; `without_reference` and
        `without_tests`: how many.
    """
    words: list[int] = []
    lines: list[int] = []
    conditionals: list[int] = []
    tests: list[int] = []
    references: list[int] = []
    difficulty: Counter[str] = Counter()
    language: Counter[str] = Counter()
    for problem in problems:
        words.append(len((problem.statement or problem.starter).split()))
        tests.append(len(problem.tests()))
        references.append(len(problem.references))
        difficulty[problem.difficulty] += 1
        language[problem.language] += 1
        if problem.references:
            lines.append(solution_lines(problem))
        if problem.conditionals is not None:
            conditionals.append(problem.conditionals)
    return {
        "statement_words": spread(words),
        "solution_lines": spread(lines),
        "conditionals": spread(conditionals),
        "tests": spread(tests),
        "references": spread(references),
        "by_conditionals": {str(count): found for count, found in sorted(Counter(conditionals).items())},
        "difficulty": dict(sorted(difficulty.items())) if set(difficulty) != {""} else {},
        "language": dict(sorted(language.items())),
        "without_reference": references.count(0),
        "without_tests": tests.count(0),
    }


def solution_lines(problem: Problem) -> int:
    """Lines of the first reference after what is given, without blank lines and comment lines."""
    mark = "#" if problem.language == "python" else "//"
    text = problem.references[0].removeprefix(problem.given)
    return sum(bool(line.strip()) and not line.strip().startswith(mark) for line in text.split("\n"))


def spread(values: Sequence[int]) -> tuple[int, ...]:
    """Lowest, lower quartile, median, upper quartile and highest value; nothing of nothing."""
    if not values:
        return ()
    if len(values) == 1:
        return tuple(values) * 5
    return (min(values), *map(round, statistics.quantiles(values, n=4, method="inclusive")), max(values))
