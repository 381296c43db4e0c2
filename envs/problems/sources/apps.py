"""APPS (Hendrycks et al. 2021), APPS+ and TACO: `apps:PATH`, a file with one problem a line, or the upstream folders.

Fields: `question`, `input_output` (an object, or its JSON text: `inputs`, `outputs`, and `fn_name` for problems that
are calls), `solutions` (a list, or its JSON text), `starter_code`, `difficulty`, `problem_id`. Calls become call
tests, the others runs on standard input; all of them are hidden, the question's own examples are part of its text.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from codegym.envs.errors import DataError
from codegym.envs.problems.problem import CallTest, Problem, StdioTest, Test
from codegym.envs.problems.problem_set import NO_SPLIT, Source
from codegym.envs.problems.sources.files import json_lines, read_bytes, stem
from codegym.envs.problems.statistics import count_conditionals

_FOLDER_FILES = {"question": "question.txt", "input_output": "input_output.json", "solutions": "solutions.json"}


def apps(argument: str) -> Source:
    """The problems of a file or folder; they are read in full when they are built.

    Raises:
        DataError: naming the file and the line that is no problem.
    """
    path = Path(argument)
    if path.is_dir():
        rows = {
            f"{stem(path)}/{folder.name}": _read_folder(folder) for folder in sorted(path.iterdir()) if folder.is_dir()
        }
        data = json.dumps(rows, sort_keys=True).encode()
    else:
        data = read_bytes(path)
        rows = {}
        for row, (number, record) in enumerate(json_lines(path, data)):
            for name in ("question", "input_output"):
                if name not in record:
                    raise DataError(f"{path}, line {number}: the field {name!r} is missing.")
            rows[f"{stem(path)}/{record.get('problem_id', record.get('id', row))}"] = record
    if not rows:
        raise DataError(f"{path} holds no problem.")
    return Source(
        name=stem(path),
        spec=f"apps:{argument}",
        splits={NO_SPLIT: tuple(rows)},
        build=lambda uri: from_record(uri, rows[uri]),
        digest=lambda: hashlib.sha256(data).hexdigest(),
        note=str(path),
    )


def from_record(uri: str, record: dict[str, Any]) -> Problem:
    """A problem from a record of APPS' format.

    Raises:
        DataError: if its tests or solutions are not what the format says.
    """
    try:
        tests = _unpacked(record["input_output"])
        solutions = tuple(text.replace("\r\n", "\n") for text in _unpacked(record.get("solutions") or []))
        starter = record.get("starter_code") or ""
        name = tests.get("fn_name")
        pairs = list(zip(tests["inputs"], tests["outputs"], strict=True))
        hidden = _calls(pairs) if name else tuple(StdioTest(_text(given), _text(wanted)) for given, wanted in pairs)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{uri}: not a problem of APPS' format ({error}).") from None
    return Problem(
        uri=uri,
        statement=record["question"],
        entry_point=_entry_point(name, starter, solutions) if name else None,
        references=solutions,
        hidden_tests=hidden,
        starter=starter,
        difficulty=str(record.get("difficulty") or ""),
        conditionals=count_conditionals(solutions[0]) if solutions else None,
    )


def _read_folder(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = {name: read_bytes(folder / file).decode() for name, file in _FOLDER_FILES.items()}
        if (folder / "starter_code.py").is_file():
            record["starter_code"] = read_bytes(folder / "starter_code.py").decode()
        if (folder / "metadata.json").is_file():
            record["difficulty"] = json.loads(read_bytes(folder / "metadata.json")).get("difficulty", "")
        return record
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError) as error:
        raise DataError(f"{folder}: not a problem of APPS' format ({error}).") from None


def _unpacked(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


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
