"""Which calls a test will make, known before any program runs: so that a program answers them all in one message.

Most tests can be read: `assert candidate([1, 2]) == 3` says its call. What cannot be read is recorded by running the
reference once. Neither has to be right: a test that asks for another call than the one foreseen is asked live.
"""

from __future__ import annotations

import ast
from typing import Any, TypeGuard

from codegym.envs.execution.stand_in import holds_mutable

_UNCERTAIN = (
    ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.If,
    ast.Try, ast.With, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef,
)  # fmt: skip
_LEAVES = {ast.Constant, ast.Name, ast.Load, ast.Store, *ast.operator.__subclasses__(), *ast.cmpop.__subclasses__()}
_HARMLESS_MODULES = {
    "math", "cmath", "collections", "itertools", "functools", "re", "string", "datetime", "typing", "copy", "random",
    "numpy",
}  # fmt: skip
_HARMFUL_NAMES = {
    "setattr", "getattr", "delattr", "exec", "eval", "compile", "globals", "locals", "vars", "open", "input",
    "breakpoint",
}  # fmt: skip


def foreseen_calls(source: str, entry: str) -> list[list[Any]] | None:
    """Return the calls that a test's text makes, in order, or None where they cannot be read off.

    Args:
        source: the test.
        entry: the entry point's name; `candidate` means it too.

    Returns:
        Calls as in the protocol: [function, args, kwargs, want_args].
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    asked: list[ast.Call] = []
    for node in body:
        for statement in node.body if isinstance(node, ast.FunctionDef) and node.name == "check" else [node]:
            if not _collect(statement, entry, asked):
                return None
    asked.sort(key=lambda call: (call.lineno, call.col_offset))
    found = [_literal_call(call, entry) for call in asked]
    return [call for call in found if call is not None] if found and None not in found else None


def _collect(statement: ast.AST, entry: str, asked: list[ast.Call]) -> bool:
    """Add the calls in a statement; returns False where one is made in a loop or under a condition."""
    waiting: list[tuple[ast.AST, bool]] = [(statement, False)]
    while waiting:
        node, uncertain = waiting.pop()
        if _asks(node, entry):
            if uncertain:
                return False
            asked.append(node)
        uncertain = uncertain or isinstance(node, _UNCERTAIN)
        for name in node._fields:
            child = getattr(node, name, None)
            if isinstance(child, list):
                waiting += [
                    (item, uncertain) for item in child if isinstance(item, ast.AST) and type(item) not in _LEAVES
                ]
            elif isinstance(child, ast.AST) and type(child) not in _LEAVES:
                waiting.append((child, uncertain))
    return True


def _asks(node: ast.AST, entry: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (entry, "candidate")


def _literal_call(node: ast.Call, entry: str) -> list[Any] | None:
    if any(keyword.arg is None for keyword in node.keywords):
        return None
    try:
        args = [ast.literal_eval(arg) for arg in node.args]
        kwargs = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return [entry, args, kwargs, any(map(holds_mutable, [*args, *kwargs.values()]))]


def leaves_nothing(text: str) -> bool:
    """Whether a test plainly leaves no trace in its process, so that the next test may run there.

    Args:
        text: everything that the referee runs for it.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is ast.Name:
            if node.id in _HARMFUL_NAMES or node.id.startswith("__"):  # type: ignore[attr-defined]
                return False
            continue
        if isinstance(node, ast.Import):
            if any(alias.name not in _HARMLESS_MODULES for alias in node.names):
                return False
        elif isinstance(node, ast.ImportFrom):
            if node.module not in _HARMLESS_MODULES:
                return False
        elif isinstance(node, ast.Attribute):
            if not isinstance(node.ctx, ast.Load) or node.attr.startswith("_"):
                return False
        elif isinstance(node, ast.AsyncFunctionDef | ast.ClassDef | ast.Delete):
            return False
        for name in kind._fields:
            child = getattr(node, name, None)
            if isinstance(child, list):
                waiting += [item for item in child if isinstance(item, ast.AST) and type(item) is not ast.Constant]
            elif isinstance(child, ast.AST) and type(child) is not ast.Constant:
                waiting.append(child)
    return True
