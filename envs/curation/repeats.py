"""Katas that are the same problem twice, and which of the two goes.

Two katas are the same if their first references are equal but for names and their arguments are of the same kinds
(`normal_form`), or, across splits, if any of their references are equal as `overlap` compares programs: what solves a
training problem must not solve a held-out one. Of a pair the one goes that ranks lower: problems of the tiny families,
which models were trained on, stay before those written by hand, these before all others; then held-out ones before
training ones; then the earlier one.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterable

from codegym.envs.curation.overlap import programs_of
from codegym.envs.problems.problem import CallTest, Problem


def repeats(problems: Iterable[tuple[str, Problem]]) -> list[tuple[str, str]]:
    """The katas that repeat another: (uri of the one that goes, uri of the one that stays).

    Args:
        problems: split and problem, in the order of the set.
    """
    forms: dict[str, list[tuple[str, Problem]]] = defaultdict(list)
    programs: dict[str, list[tuple[str, Problem]]] = defaultdict(list)
    ordered = sorted(problems, key=lambda item: _rank(*item))
    for split, problem in ordered:
        forms[normal_form(problem)].append((split, problem))
        for program in programs_of(problem):
            programs[program].append((split, problem))
    gone: dict[str, str] = {}
    for same, any_split in [(group, True) for group in forms.values()] + [
        (group, False) for group in programs.values()
    ]:
        kept: list[tuple[str, Problem]] = []
        for split, problem in same:
            if problem.uri in gone:
                continue
            twin = next((other for at, other in kept if any_split or at != split), None)
            if twin is None:
                kept.append((split, problem))
            else:
                gone[problem.uri] = twin.uri
    return sorted(gone.items())


def _rank(split: str, problem: Problem) -> tuple[int, bool]:
    place = 0 if "tiny" in problem.tags else 1 if "written" in problem.tags else 2
    return place, split == "train"


def normal_form(problem: Problem) -> str:
    """What two problems that are the same share: the solution but for names, and the kinds of argument it is given.

    The same text can solve two tasks, `x[::-1]` reverses strings and lists: hence the kinds.
    """
    kinds = max((_kind(test.args) for test in problem.tests() if isinstance(test, CallTest)), key=len, default="")
    if problem.language != "python":
        return f"{problem.language} {' '.join(problem.references[0].split())}"
    return f"{kinds} {ast.unparse(_Renamed().visit(ast.parse(problem.references[0])))}"


def _kind(value: object) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return f"{type(value).__name__}[{','.join(sorted({_kind(item) for item in value}))}]"
    return type(value).__name__


class _Renamed(ast.NodeTransformer):
    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def _name(self, name: str) -> str:
        return name if hasattr(builtins, name) else self._names.setdefault(name, f"v{len(self._names)}")

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._name(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._name(node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._name(node.name)
        return self.generic_visit(node)
