"""HumanEval-X (Zheng et al. 2023, Apache-2.0; built on HumanEval, MIT), the Python part: `humaneval-x`.

The same 164 tasks as HumanEval under other texts of test; `base` names the original. Program = prompt +
canonical_solution, and the test ends in its own call of `check`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources import human_eval
from codegym.envs.problems.sources.reading import Hub, Place, read, source

PYTHON = Place(
    ("humaneval-x/humaneval_python.jsonl.gz", "humaneval-x/humaneval_python.jsonl"),
    Hub("THUDM/humaneval-x", files={"test": "@refs%2Fconvert%2Fparquet/python/test/*.parquet"}),
    "Apache-2.0",
    "HumanEval-X, Python, THUDM",
)

_LAST_CALL = re.compile(r"^check\((\w+)\)\s*\Z", re.MULTILINE)


def humaneval_x(argument: str = "") -> Source:
    """The 164 Python problems, uris humaneval-x/0 to humaneval-x/163."""
    return source(
        "humaneval-x",
        argument,
        read("humaneval-x", argument, PYTHON),
        from_record,
        place=PYTHON,
        needs=("task_id", "prompt", "canonical_solution", "test"),
        ids=("task_id",),
        identity=lambda task: task.rpartition("/")[2],
    )


def from_record(uri: str, record: Mapping[str, Any]) -> Problem:
    """A problem from a record: task_id ("Python/0"), prompt, canonical_solution, test, declaration, example_test."""
    task = str(record["task_id"]).rpartition("/")[2]
    called = _LAST_CALL.search(record["test"])
    if called is None:
        raise ValueError("its test does not end in check(NAME)")
    original = {**record, "task_id": f"HumanEval/{task}", "entry_point": called[1]}
    return human_eval.from_record(uri, original, licence=PYTHON.licence)
