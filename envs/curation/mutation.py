"""Mutants of a Python program: each differs from it by one small change of a fixed list of operators."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
}
_WRAPPERS = ("sorted", "set", "abs", "list", "reversed", "int", "str")
_METHODS = ("strip", "lower", "upper", "rstrip", "lstrip", "copy")

OPERATORS = {
    "comparison": "a comparison becomes its neighbour (> to >=) or its opposite (> to <, == to !=, in to not in)",
    "arithmetic": "+ and - change places; * to +; // and / to *; % to //; ** to *; | and & change places",
    "boolean": "and and or change places; a `not` goes",
    "integer": "a whole number becomes one more or one less",
    "string": "a string constant gets one more character",
    "truth": "True and False change places",
    "condition": "the condition of an if or of a conditional expression is always true, or always false",
    "statement": "an assignment, a call, a break or a continue goes",
    "result": "a returned value becomes None",
    "call": "sorted(x), set(x), abs(x), x.strip() and the like become x",
    "keyword": "a keyword argument (reverse=True, key=...) goes",
    "bound": "one bound of a slice goes",
}
"""Names of the operators, and what each does."""


@dataclass(frozen=True)
class Mutant:
    """A changed program.

    Attributes:
        operator: a name of `OPERATORS`.
        line: of the change.
        source: the whole program.
    """

    operator: str
    line: int
    source: str


def mutants(source: str) -> list[Mutant]:
    """All different programs that one application of one operator makes of a program, in order of position."""
    tree = ast.parse(source)
    found = {ast.unparse(tree): Mutant("", 0, source)}
    for position, node in enumerate(ast.walk(tree)):
        for operator, change in _changes(node):
            changed = copy.deepcopy(tree)
            target = next(other for at, other in enumerate(ast.walk(changed)) if at == position)
            _replace(changed, target, change)
            ast.fix_missing_locations(changed)
            text = ast.unparse(changed)
            found.setdefault(text, Mutant(operator, getattr(node, "lineno", 0), text))
    return list(found.values())[1:]


Change = Callable[[ast.AST], ast.AST]


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be done to one node; each change gets a copy of it and returns what takes its place."""
    if isinstance(node, ast.Compare):
        for other in _COMPARISONS[type(node.ops[0])]:
            yield "comparison", _set("ops", [other(), *node.ops[1:]])
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield "arithmetic", _set("op", _ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        yield "boolean", _set("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "boolean", lambda copied: copied.operand  # type: ignore[attr-defined]
    elif isinstance(node, ast.Constant):
        yield from _constants(node.value)
    elif isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            yield "condition", _set("test", ast.Constant(value))
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "result", _set("value", ast.Constant(None))
    elif isinstance(node, ast.Slice):
        for bound in ("lower", "upper"):
            if getattr(node, bound) is not None:
                yield "bound", _set(bound, None)
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    if isinstance(node, ast.AugAssign | ast.Break | ast.Continue) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield "statement", lambda copied: ast.Pass()


def _constants(value: object) -> Iterator[tuple[str, Change]]:
    if isinstance(value, bool):
        yield "truth", _set("value", not value)
    elif isinstance(value, int):
        for change in (1, -1):
            yield "integer", _set("value", value + change)
    elif isinstance(value, str):
        yield "string", _set("value", value + "a")


def _calls(node: ast.Call) -> Iterator[tuple[str, Change]]:
    for place in range(len(node.keywords)):
        yield "keyword", _set("keywords", node.keywords[:place] + node.keywords[place + 1 :])
    if isinstance(node.func, ast.Name) and node.func.id in _WRAPPERS and len(node.args) == 1:
        yield "call", lambda copied: copied.args[0]  # type: ignore[attr-defined]
    if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
        yield "call", lambda copied: copied.func.value  # type: ignore[attr-defined]


def _set(name: str, value: object) -> Change:
    def change(copied: ast.AST) -> ast.AST:
        setattr(copied, name, value)
        return copied

    return change


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _replace(tree: ast.AST, target: ast.AST, change: Change) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, name, change(target))
                return
            if isinstance(value, list):
                for place, item in enumerate(value):
                    if item is target:
                        value[place] = change(target)
                        return
