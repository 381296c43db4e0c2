"""What can be counted in a solution: conditionals, which decide how hard it is to explore (StepCoder)."""

from __future__ import annotations

import ast
import warnings

CONDITIONALS = (ast.If, ast.For, ast.While, ast.Try, ast.Match)


def count_conditionals(source: str) -> int | None:
    """Number of If, For, While, Try and Match statements of a Python program; None if it is not Python 3."""
    tree = parse(source)
    return None if tree is None else sum(isinstance(node, CONDITIONALS) for node in ast.walk(tree))


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a program, or None if it is not Python 3."""
    with warnings.catch_warnings():
        # Third-party solutions hold `1or 2` and the like; what the compiler thinks of their style is not our concern.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):  # ValueError: null bytes
            return None
