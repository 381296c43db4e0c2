"""What can be counted in a solution: conditionals, and how hard that makes it for exploration."""

from __future__ import annotations

import ast

CONDITIONALS = (ast.If, ast.For, ast.While, ast.Try, ast.Match)


def count_conditionals(source: str) -> int:
    """Number of If, For, While, Try and Match statements of a Python program (StepCoder's unit of difficulty).

    Raises:
        SyntaxError: if the source is not Python.
    """
    return sum(isinstance(node, CONDITIONALS) for node in ast.walk(ast.parse(source)))
