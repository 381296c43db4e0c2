"""Simple mutants of trusted programs, and a bounded way to run them: how sharp are the tests of a kata?"""

from __future__ import annotations

import ast
import copy
import io
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

from codegym.envs.problems.katas.family import _function
from codegym.envs.problems.problem import CallTest, Problem, StdioTest

_SWAPS: dict[type, tuple[type, ...]] = {
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.FloorDiv: (ast.Mult,),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
_MOST_LINES = 20_000


class TooLong(Exception):
    """The program ran more lines than it may."""


def mutants(source: str) -> Iterator[str]:
    """Programs that differ in one operator, one comparison or by one in one number."""
    for position in range(sum(1 for _ in ast.walk(ast.parse(source)))):
        for variant in range(2):
            tree = ast.parse(source)
            node = next(node for at, node in enumerate(ast.walk(tree)) if at == position)
            if isinstance(node, ast.Compare):
                changes = _SWAPS.get(type(node.ops[0]), ())
            elif isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp):
                changes = _SWAPS.get(type(node.op), ())
            elif isinstance(node, ast.Constant) and type(node.value) is int:
                changes = (int, int)
            else:
                continue
            if variant >= len(changes):
                continue
            if isinstance(node, ast.Compare):
                node.ops[0] = changes[variant]()
            elif isinstance(node, ast.Constant):
                node.value += (1, -1)[variant]
            else:
                node.op = changes[variant]()
            yield ast.unparse(tree)


def answers(program: str, problem: Problem, inputs: list[Any]) -> list[Any]:
    """What a program answers to inputs of a problem's kind: values, text, or the type of the exception."""
    code = compile(program, "<mutant>", "exec")
    return [_answer(code, problem.entry_point, item) for item in inputs]


def inputs_of(problem: Problem) -> list[Any]:
    """The arguments or the standard input of each test."""
    return [test.stdin if isinstance(test, StdioTest) else test.args for test in problem.tests()]


def expected(problem: Problem) -> list[Any]:
    """What each test wants, as `answers` gives it."""
    return [_frozen(test.expected) if isinstance(test, CallTest) else test.stdout.split() for test in problem.tests()]


def _answer(code: CodeType, entry_point: str | None, item: Any) -> Any:
    lines = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += 1
        if lines > _MOST_LINES:
            raise TooLong
        return count

    tracer = sys.gettrace()
    sys.settrace(count)
    try:
        if entry_point is None:
            return _printed(code, item).split()
        return _frozen(_function(code, entry_point)(*copy.deepcopy(item)))
    except Exception as error:
        return type(error)
    finally:
        sys.settrace(tracer)


def _printed(code: CodeType, text: str) -> str:
    stdin, stdout = sys.stdin, sys.stdout
    sys.stdin, sys.stdout = io.StringIO(text), io.StringIO()
    try:
        exec(code, {"__name__": "__main__"})
        return sys.stdout.getvalue()
    finally:
        sys.stdin, sys.stdout = stdin, stdout


def _frozen(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value
