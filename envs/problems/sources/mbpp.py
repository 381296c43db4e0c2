"""MBPP (Austin et al. 2021, CC BY 4.0): 974 short tasks, three asserts each; the first one is public.

The file is not part of the package: it is looked for as a given path, in $CODEGYM_DATA, in ../shared/data beside the
checkout, and then on the hub through the library `datasets` if that is installed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codegym.envs.errors import DataError
from codegym.envs.problems.problem import Limits, Problem, ScriptTest
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.files import json_lines, outside_file, read_bytes
from codegym.envs.problems.statistics import count_conditionals, parse

LICENCE = "CC-BY-4.0"
SPLITS = {"train": (601, 974), "validation": (511, 600), "test": (11, 510), "prompt": (1, 10)}
"""The official splits, by task_id, both ends included."""

_FILES = {"mbpp": "mbpp/mbpp.jsonl", "sanitized-mbpp": "mbpp/sanitized-mbpp.json"}
_LIMITS = Limits(seconds=10.0)
_LONG: dict[int | None, Limits] = {
    123: Limits(seconds=30.0)
}  # its solution adds up divisors for seconds on a fast machine
_HUB = {"mbpp": "full", "sanitized-mbpp": "sanitized"}


def mbpp(path: str = "") -> Source:
    """The full set, uris mbpp/1 to mbpp/974."""
    return _source("mbpp", path)


def sanitized_mbpp(path: str = "") -> Source:
    """The 427 hand-checked tasks, under the task_ids of the full set."""
    return _source("sanitized-mbpp", path)


def _source(name: str, given: str) -> Source:
    path = Path(given) if given else outside_file(_FILES[name])
    records, data = _from_file(path) if path else _from_hub(name)
    rows: dict[str, dict[str, Any]] = {}
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    for number, record in records:
        task = record.get("task_id")
        split = next((s for s, (low, high) in SPLITS.items() if isinstance(task, int) and low <= task <= high), None)
        if split is None:
            raise DataError(f"{path}, line {number}: 'task_id' must be a number from 1 to 974, not {task!r}.")
        check_record(record, f"{path}, line {number}")
        rows[f"{name}/{task}"] = record
        splits[split].append(f"{name}/{task}")
    return Source(
        name=name,
        spec=f"{name}:{given}" if given else name,
        splits={split: tuple(uris) for split, uris in splits.items()},
        build=lambda uri: from_record(uri, rows[uri], licence=LICENCE),
        digest=lambda: hashlib.sha256(data).hexdigest(),
        licence=LICENCE,
        note="MBPP, Google Research",
    )


def _from_file(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], bytes]:
    data = read_bytes(path)
    if not data.lstrip().startswith(b"["):
        return list(json_lines(path, data)), data
    try:
        records = json.loads(data)
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}).") from None
    if not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path}: a list of JSON objects is needed.")
    return list(enumerate(records, 1)), data


def _from_hub(name: str) -> tuple[list[tuple[int, dict[str, Any]]], bytes]:
    if importlib.util.find_spec("datasets") is None:
        raise DataError(
            f"{name} is not on this machine: set CODEGYM_DATA to a folder with {_FILES[name]}, load {name}:PATH, "
            "or `pip install datasets` to read it from the hub."
        )
    load: Callable[..., Any] = importlib.import_module("datasets").load_dataset
    try:
        parts = load("google-research-datasets/mbpp", _HUB[name])
    except Exception as error:  # the library raises errors of many kinds when the hub cannot be reached
        raise DataError(f"{name} cannot be read from the hub: {str(error).splitlines()[0]}") from error
    records = sorted((dict(row) for part in parts.values() for row in part), key=lambda row: int(row["task_id"]))
    return list(enumerate(records, 1)), json.dumps(records, sort_keys=True).encode()


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
        conditionals=count_conditionals(code),
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
