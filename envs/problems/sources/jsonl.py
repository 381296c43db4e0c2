r"""Your own problems: `jsonl:PATH`, one JSON object a line, gz or not, in any of three formats.

* human-eval's: `task_id`, `prompt`, `entry_point`, `test` (defines `check(candidate)`), `canonical_solution` if any;
* MBPP's: `task_id`, `text` or `prompt`, `code`, `test_list`, `test_setup_code` or `test_imports` if any;
* our own: a `Problem` as JSON, see `codegym.envs.problems.record`. The smallest one:

      {"id": "double", "statement": "Return twice x.", "entry_point": "f",
       "references": ["def f(x):\n    return 2 * x"],
       "public_tests": [{"kind": "call", "args": [2], "expected": 4}],
       "hidden_tests": [{"kind": "call", "args": [0], "expected": 0}]}

A problem's uri is its own id (`uri`, `id` or `task_id`; the row number, from 0, where it has none), after the file's
name and a slash unless it contains a slash itself.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any

from codegym.envs.errors import DataError
from codegym.envs.problems import record as own
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import NO_SPLIT, Source
from codegym.envs.problems.sources import human_eval, mbpp
from codegym.envs.problems.sources.files import json_lines, read_bytes, stem
from codegym.envs.problems.sources.reading import located


def jsonl(argument: str) -> Source:
    """The problems of a file.

    Raises:
        DataError: naming the file and the line that is no problem.
    """
    path = located(argument)
    data = read_bytes(path)
    makers: dict[str, Callable[[], Problem]] = {}
    for row, (number, record) in enumerate(json_lines(path, data)):
        where = f"{path}, line {number}"
        identity = str(record.get("uri", record.get("id", record.get("task_id", row))))
        uri = identity if "/" in identity else f"{stem(path)}/{identity}"
        if uri in makers:
            raise DataError(f"{where}: a second problem with the id {identity!r}.")
        makers[uri] = _maker(record, uri, where)
    if not makers:
        raise DataError(f"{path} holds no problem.")
    return Source(
        name=stem(path),
        spec=f"jsonl:{argument}",
        splits={NO_SPLIT: tuple(makers)},
        build=lambda uri: makers[uri](),
        digest=lambda: hashlib.sha256(data).hexdigest(),
        note=str(path),
    )


def _maker(record: dict[str, Any], uri: str, where: str) -> Callable[[], Problem]:
    if "test_list" in record:
        mbpp.check_record(record, where)
        return functools.partial(mbpp.from_record, uri, record)
    if "test" in record and "prompt" in record:
        for name in ("prompt", "entry_point", "test"):
            if not isinstance(record.get(name), str):
                raise DataError(f"{where}: the field {name!r} must be a text.")
        return functools.partial(human_eval.from_record, uri, {"task_id": uri, **record}, licence="")
    try:
        problem = own.from_record(record, uri)
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: {error}.") from None
    return lambda: problem
