"""HumanEval-X (Zheng et al. 2023, Apache-2.0; built on HumanEval, MIT), the C++ part: `humaneval-x-cpp`.

164 tasks whose test is a C++ `main` full of asserts; `base` names the original. Program = prompt + canonical_solution.
The tasks 22 and 137 need `boost/any.hpp`, which no compiler brings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from codegym.envs.problems.problem import Limits, Problem, ScriptTest
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.reading import Hub, Place, read, source

PLACE = Place(
    ("humaneval-x/humaneval_cpp.jsonl.gz", "humaneval-x/humaneval_cpp.jsonl"),
    Hub("THUDM/humaneval-x", files={"test": "@refs%2Fconvert%2Fparquet/cpp/test/*.parquet"}),
    "Apache-2.0",
    "HumanEval-X, C++, THUDM",
)

_FUNCTION = re.compile(r"^\w[\w:<>, ]*[\s>](\w+)\s*\([^()]*\)\s*\{", re.MULTILINE)


def humaneval_x_cpp(argument: str = "") -> Source:
    """The 164 C++ problems, uris humaneval-x-cpp/0 to humaneval-x-cpp/163."""
    return source(
        "humaneval-x-cpp",
        argument,
        read("humaneval-x-cpp", argument, PLACE),
        from_record,
        place=PLACE,
        needs=("task_id", "prompt", "canonical_solution", "declaration", "test"),
        ids=("task_id",),
        identity=lambda task: task.rpartition("/")[2],
    )


def from_record(uri: str, record: Mapping[str, Any]) -> Problem:
    """A problem from a record: task_id ("CPP/0"), prompt, canonical_solution, test, declaration, example_test."""
    declared = _FUNCTION.findall(record["declaration"])
    if not declared:
        raise ValueError("its declaration holds no function")
    example = str(record.get("example_test") or "")
    return Problem(
        uri=uri,
        statement="",
        entry_point=declared[-1],
        references=(record["prompt"] + record["canonical_solution"],) if record["canonical_solution"] else (),
        public_tests=(ScriptTest(example),) if example.strip() else (),
        hidden_tests=(ScriptTest(record["test"]),),
        starter=record["prompt"],
        hidden_subsumes_public=True,
        language="cpp",
        limits=Limits(seconds=10.0),
        licence=PLACE.licence,
        base=f"humaneval/{uri.rpartition('/')[2]}",
    )
