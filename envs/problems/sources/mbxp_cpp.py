"""MBXP, C++ (Athiwaratkun et al. 2023, Amazon, CC BY 4.0): `mbxp-cpp`, 848 of MBPP's tasks in C++.

The test is a C++ `main` that throws on the first wrong answer; 75 tasks have no solution. `base` names MBPP's task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegym.envs.problems.problem import Limits, Problem, ScriptTest
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.reading import Hub, Place, read, source

PLACE = Place(
    ("mbcpp/mbcpp_release_v1.2.jsonl.gz", "mbcpp/mbcpp_release_v1.2.jsonl"),
    Hub("mxeval/mbxp", files={"test": "@refs%2Fconvert%2Fparquet/cpp/test/*.parquet"}),
    "CC-BY-4.0",
    "MBXP, C++, Amazon",
)


def mbxp_cpp(argument: str = "") -> Source:
    """The 848 problems, uris mbxp-cpp/N with MBPP's numbers."""
    return source(
        "mbxp-cpp",
        argument,
        read("mbxp-cpp", argument, PLACE),
        from_record,
        place=PLACE,
        needs=("task_id", "prompt", "entry_point", "test"),
        ids=("task_id",),
        identity=lambda task: task.rpartition("/")[2],
    )


def from_record(uri: str, record: Mapping[str, Any]) -> Problem:
    """A problem from a record: task_id ("MBCPP/1"), prompt, entry_point, test, canonical_solution (may be null)."""
    first = _first_case(record["test"])
    return Problem(
        uri=uri,
        statement="",
        entry_point=record["entry_point"],
        references=(record["prompt"] + record["canonical_solution"],) if record.get("canonical_solution") else (),
        public_tests=(ScriptTest(first),) if first else (),
        hidden_tests=(ScriptTest(record["test"]),),
        starter=record["prompt"],
        hidden_subsumes_public=True,
        language="cpp",
        limits=Limits(seconds=10.0),
        licence=PLACE.licence,
        base=f"mbpp/{uri.rpartition('/')[2]}",
    )


def _first_case(test: str) -> str:
    """The test with the first of its cases alone: the public one, as MBPP's first assert is."""
    end = test.find("}", test.find("test case 0 did not pass"))
    return f"{test[: end + 1]}\n    return 0;\n}}\n" if "test case 0 did not pass" in test and end >= 0 else ""
