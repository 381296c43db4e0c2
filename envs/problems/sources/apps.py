"""APPS (Hendrycks et al. 2021), APPS+ (Dou et al. 2024) and TACO (Li et al. 2023): one format, three names.

`apps:PATH`, `apps-plus:PATH` and `taco:PATH` read a file with one problem a line, a JSON list, parquet, or a folder of
them; `apps:PATH` also the upstream folders (`NNNN/question.txt`, `input_output.json`, `solutions.json`,
`metadata.json`, `starter_code.py`), with or without `train/` and `test/` above them.

Fields: `question`, `input_output` (an object, or its JSON text: `inputs`, `outputs`, and `fn_name` for problems that
are calls), `solutions` (a list, or its JSON text), `starter_code`, `difficulty`, `problem_id`; of TACO also
`time_limit`, `memory_limit` and `tags`. Calls become call tests, the others runs on standard input; all of them are
hidden, the question's own examples are part of its text. A problem may have no tests or no solutions (upstream has
both): it loads, and `problems verify` and `problems curate` say so.

APPS+ has never been published in full. Its README names the fields without spelling them; both the names of APPS and
those of the README (`problem`, `canonical_solution`, `function_name`, `unit_tests`) are read.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codegym.envs.errors import DataError
from codegym.envs.problems.problem import CallTest, Limits, Problem, StdioTest, Test
from codegym.envs.problems.problem_set import NO_SPLIT, Source
from codegym.envs.problems.sources.files import read_bytes
from codegym.envs.problems.sources.reading import SPLITS, Hub, Place, Rows, Table, json_value, read, source
from codegym.envs.problems.statistics import count_conditionals

_CONVERTED = "@refs%2Fconvert%2Fparquet"

APPS = Place(
    ("apps", "apps.jsonl.gz", "apps.jsonl"),
    Hub("codeparrot/apps", files={split: f"{_CONVERTED}/all/{split}/*.parquet" for split in ("train", "test")}),
    "MIT",
    "APPS, Hendrycks et al.; texts from contest sites",
)
APPS_PLUS = Place(("apps-plus", "apps-plus.json", "apps-plus.jsonl"), None, "MIT", "APPS+, Dou et al.")
TACO = Place(
    ("taco", "taco.jsonl.gz", "taco.jsonl"),
    Hub("BAAI/TACO", files={split: f"{_CONVERTED}/ALL/{split}/*.parquet" for split in ("train", "test")}),
    "Apache-2.0",
    "TACO, Li et al.; parts MIT and CC BY 4.0",
)

_FOLDER_FILES = {"question": "question.txt", "input_output": "input_output.json", "solutions": "solutions.json"}
_README_NAMES = {"question": "problem", "solutions": "canonical_solution", "input_output": "unit_tests"}
_UNITS = {"bytes": 1, "kilobytes": 1 << 10, "megabytes": 1 << 20, "gigabytes": 1 << 30}
_SECONDS = 10.0  # for programs whose record states no limit: 5 of 915 real ones need more than 5 s
_MOST_SECONDS = 20.0  # a site's limit for C++ never asks for more, and a file's may be a slip


def apps(argument: str = "") -> Source:
    """The problems of APPS, or of a file or folder in its format."""
    return _source("apps", argument, APPS)


def apps_plus(argument: str = "") -> Source:
    """The problems of APPS+."""
    return _source("apps-plus", argument, APPS_PLUS)


def taco(argument: str = "") -> Source:
    """The problems of TACO."""
    return _source("taco", argument, TACO)


def _source(kind: str, argument: str, place: Place) -> Source:
    table = read(kind, argument, place, _folders)
    return source(
        kind,
        argument,
        table,
        lambda uri, record: from_record(uri, record, licence=place.licence if not table.name else ""),
        place=place if not table.name else Place(),
        needs=("question", "input_output") if kind != "apps-plus" else (),
        ids=("problem_id", "id"),
        name=table.name or kind,
    )


def from_record(uri: str, record: Mapping[str, Any], *, licence: str = "") -> Problem:
    """A problem from a record of APPS' format.

    Raises:
        DataError: if its tests or solutions are not what the format says.
    """
    try:
        return _problem(uri, record, licence)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{uri}: not a problem of APPS' format ({error}).") from None


def _problem(uri: str, record: Mapping[str, Any], licence: str) -> Problem:
    def value(name: str) -> Any:
        return record.get(name, record.get(_README_NAMES.get(name, ""), ""))

    tests = json_value(
        value("input_output") or {"inputs": record.get("inputs", []), "outputs": record.get("outputs", [])}
    )
    found = value("solutions")
    solutions = tuple(text.replace("\r\n", "\n") for text in _solutions(found) if isinstance(text, str))
    starter = record.get("starter_code") or ""
    name = tests.get("fn_name") or record.get("function_name") or record.get("fn_name")
    pairs = list(zip(tests["inputs"], tests["outputs"], strict=True))
    hidden = _calls(pairs) if name else tuple(StdioTest(_text(given), _text(wanted)) for given, wanted in pairs)
    tags = json_or_literal(record.get("tags") or [])
    return Problem(
        uri=uri,
        statement=value("question"),
        entry_point=_entry_point(name, starter, solutions) if name else None,
        references=solutions,
        hidden_tests=hidden,
        starter=starter,
        limits=_limits(record),
        difficulty=str(record.get("difficulty") or ""),
        conditionals=count_conditionals(solutions[0]) if solutions else None,
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
        licence=licence,
    )


def _solutions(found: Any) -> Sequence[Any]:
    """A list, its JSON text, or one program as it is (APPS+)."""
    if isinstance(found, str):
        if not found.strip():
            return ()
        try:
            found = json_value(found)
        except ValueError:
            return (found,)
    return found if isinstance(found, list) else (found,)


def json_or_literal(value: Any) -> Any:
    """The value of a field that some releases hold as JSON and others as Python text."""
    if not isinstance(value, str):
        return value
    for parse in (json_value, ast.literal_eval):
        try:
            return parse(value)
        except (ValueError, SyntaxError):
            continue
    return value


def _limits(record: Mapping[str, Any]) -> Limits:
    """TACO's limits: "2.0 seconds", "256.0 megabytes"; the sites' limits are for C++, so none is below our default."""
    default = Limits(seconds=_SECONDS)
    seconds, memory = str(record.get("time_limit") or ""), str(record.get("memory_limit") or "")
    allowed = default.seconds
    if match := re.match(r"([\d.]+)\s*sec", seconds):
        allowed = min(max(allowed, float(match[1])), _MOST_SECONDS)
    megabytes = default.memory_mb
    if (match := re.match(r"([\d.]+)\s*(\w+)", memory)) and match[2] in _UNITS:
        megabytes = max(megabytes, int(float(match[1]) * _UNITS[match[2]]) >> 20)
    return Limits(seconds=allowed, memory_mb=megabytes)


def _text(value: Any) -> str:
    """Standard input or output: text, or a list of its lines."""
    return value if isinstance(value, str) else "".join(f"{line}\n" for line in value)


def _calls(pairs: list[tuple[Any, Any]]) -> tuple[Test, ...]:
    # Some sites' outputs are wrapped, [answer]; upstream's checker accepts an answer or its wrapping, we unwrap where
    # every output of the problem is such a list.
    wrapped = all(isinstance(wanted, list) and len(wanted) == 1 for _, wanted in pairs)
    return tuple(CallTest(tuple(given), wanted[0] if wrapped else wanted) for given, wanted in pairs)


def _entry_point(name: str, starter: str, solutions: tuple[str, ...]) -> str:
    in_class = any("class Solution" in text for text in (starter, *solutions[:1]))
    return f"Solution.{name}" if in_class else name


# The upstream folders


def _folders(path: Path) -> Table:
    parts = {SPLITS[child.name]: child for child in sorted(path.iterdir()) if child.is_dir() and child.name in SPLITS}
    rows: dict[str, Rows] = {split: _Folders(folder) for split, folder in parts.items()} or {NO_SPLIT: _Folders(path)}

    def digest() -> str:
        content = hashlib.sha256()
        for found in rows.values():
            for row in range(len(found)):
                content.update(json.dumps(found.record(row), sort_keys=True).encode())
        return content.hexdigest()

    return Table(rows, str(path), digest, path.resolve().name)


class _Folders:
    """One problem a folder, read when it is asked for; the id is the folder's name."""

    def __init__(self, path: Path) -> None:
        self.folders = [folder for folder in sorted(path.iterdir()) if folder.is_dir()]

    def __len__(self) -> int:
        return len(self.folders)

    def where(self, row: int) -> str:
        return str(self.folders[row])

    def record(self, row: int) -> dict[str, Any]:
        folder = self.folders[row]
        try:
            record: dict[str, Any] = {"problem_id": folder.name, "question": _read(folder, "question.txt")}
            for name in ("input_output", "solutions"):  # upstream leaves them out where a problem has none
                file = folder / _FOLDER_FILES[name]
                record[name] = _read(folder, file.name) if file.is_file() else ""
            if (folder / "starter_code.py").is_file():
                record["starter_code"] = _read(folder, "starter_code.py")
            if (folder / "metadata.json").is_file():
                record["difficulty"] = json.loads(_read(folder, "metadata.json")).get("difficulty", "")
            return record
        except (ValueError, AttributeError) as error:
            raise DataError(f"{folder}: not a problem of APPS' format ({error}).") from None


def _read(folder: Path, name: str) -> str:
    return read_bytes(folder / name).decode()
