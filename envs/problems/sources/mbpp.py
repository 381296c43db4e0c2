"""MBPP (Austin et al. 2021, CC BY 4.0): 974 short tasks, three asserts each; the first one is public.

The file is not part of the package: see `reading` for where it is looked for.
"""

from __future__ import annotations

import ast
from typing import Any

from codegym.envs.errors import DataError
from codegym.envs.problems.problem import Limits, Problem, ScriptTest
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.reading import Hub, Place, read
from codegym.envs.problems.statistics import count_conditionals, parse

LICENCE = "CC-BY-4.0"
SPLITS = {"train": (601, 974), "validation": (511, 600), "test": (11, 510), "prompt": (1, 10)}
"""The official splits, by task_id, both ends included."""

_PLACES = {
    "mbpp": Place(("mbpp/mbpp.jsonl",), Hub("google-research-datasets/mbpp", "full")),
    "sanitized-mbpp": Place(("mbpp/sanitized-mbpp.json",), Hub("google-research-datasets/mbpp", "sanitized")),
}
_LIMITS = Limits(seconds=10.0)
_LONG: dict[int | None, Limits] = {
    123: Limits(seconds=30.0)
}  # its solution adds up divisors for seconds on a fast machine


def mbpp(path: str = "") -> Source:
    """The full set, uris mbpp/1 to mbpp/974."""
    return _source("mbpp", path)


def sanitized_mbpp(path: str = "") -> Source:
    """The 427 hand-checked tasks, under the task_ids of the full set."""
    return _source("sanitized-mbpp", path)


def _source(name: str, given: str) -> Source:
    table = read(name, given, _PLACES[name])
    rows: dict[str, dict[str, Any]] = {}
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    records = ((part, row, part.record(row)) for part in table.splits.values() for row in range(len(part)))
    for part, row, record in records:
        task = record.get("task_id")
        split = next((s for s, (low, high) in SPLITS.items() if isinstance(task, int) and low <= task <= high), None)
        if split is None:
            raise DataError(f"{part.where(row)}: 'task_id' must be a number from 1 to 974, not {task!r}.")
        check_record(record, part.where(row))
        rows[f"{name}/{task}"] = record
        splits[split].append(f"{name}/{task}")
    return Source(
        name=name,
        spec=f"{name}:{given}" if given else name,
        splits={split: tuple(uris) for split, uris in splits.items()},
        build=lambda uri: from_record(uri, rows[uri], licence=LICENCE),
        digest=table.digest,
        licence=LICENCE,
        note="MBPP, Google Research",
    )


def check_record(record: dict[str, Any], where: str) -> None:
    """Check the fields of a record of MBPP's format.

    Raises:
        DataError: naming the place and the field.
    """
    for name, kind in (("code", str), ("test_list", list)):
        if not isinstance(record.get(name), kind):
            raise DataError(f"{where}: the field {name!r} must be a {'text' if kind is str else 'list of asserts'}.")
    if not isinstance(record.get("text", record.get("prompt")), str):
        raise DataError(f"{where}: the field 'text' (or 'prompt') must be a text.")
    if not record["test_list"] or not all(isinstance(test, str) for test in record["test_list"]):
        raise DataError(f"{where}: 'test_list' must hold asserts as text, at least one.")


def from_record(uri: str, record: dict[str, Any], *, licence: str = "") -> Problem:
    """A problem from a record of MBPP's format: text (or prompt), code, test_list, test_setup_code or test_imports."""
    task = record.get("task_id") if isinstance(record.get("task_id"), int) else None
    code = record["code"].replace("\r", "")
    asserts = [test.strip().replace("\r", "") for test in record["test_list"]]
    setup = "\n".join([*record.get("test_imports", ()), record.get("test_setup_code") or ""]).replace("\r", "")
    setup = _missing_imports(code, asserts) + setup.strip("\n")
    tests = tuple(ScriptTest(source, setup) for source in asserts)
    return Problem(
        uri=uri,
        statement=record.get("text") or record["prompt"],
        entry_point=_entry_point(code, asserts[0]),
        references=(code,),
        public_tests=tests[:1],
        hidden_tests=tests[1:],
        limits=_LONG.get(task, _LIMITS),
        conditionals=lambda: count_conditionals(code),
        licence=licence,
        base=f"mbpp/{task}" if task is not None and uri.startswith(("mbpp/", "sanitized-mbpp/")) else "",
    )


def _entry_point(code: str, test: str) -> str | None:
    """The outermost function of the solution that a test calls."""
    defined = {node.name for node in _statements(code) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in (node for statement in _statements(test) for node in ast.walk(statement)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in defined:
            return node.func.id
    return None


def _missing_imports(code: str, tests: list[str]) -> str:
    """Imports of the solution that its asserts rely on (mbpp/596 calls `sys.getsizeof`)."""
    used = {
        node.id for test in tests for line in _statements(test) for node in ast.walk(line) if isinstance(node, ast.Name)
    }
    names = sorted(
        alias.name
        for node in _statements(code)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in used and alias.asname is None
    )
    return "".join(f"import {name}\n" for name in names)


def _statements(source: str) -> list[ast.stmt]:
    tree = parse(source)
    return tree.body if tree else []
