"""BigCodeBench (Zhuo et al. 2024, Apache-2.0): tasks over 139 libraries, tested by unittest classes.

`bigcodebench` is the Complete variant (the program goes on from a docstring), `bigcodebench-instruct` the Instruct one
(a text, and the first lines of the program). Fields: `task_id`, `complete_prompt`, `instruct_prompt`, `code_prompt`,
`canonical_solution`, `test`, `entry_point`, `libs`.

Its tests patch modules and look at objects, so they share the interpreter with the program: every result says
trust="in-process", and a program that is out to cheat can. A task needs its libraries beside the interpreter that runs
programs; where one is missing the reference fails and the problem is listed as broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegym.envs.problems.problem import InProcessTest, Limits, Problem
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.apps import json_or_literal
from codegym.envs.problems.sources.reading import Hub, Place, read, source
from codegym.envs.problems.statistics import count_conditionals

BIGCODEBENCH = Place(
    ("bigcodebench", "BigCodeBench.jsonl.gz", "bigcodebench.jsonl"),
    Hub("bigcode/bigcodebench", split="v0.1.4"),
    "Apache-2.0",
    "BigCodeBench",
)


def bigcodebench(argument: str = "", *, instruct: bool = False) -> Source:
    """The 1,140 tasks, uris bigcodebench/0 to bigcodebench/1139 (or bigcodebench-instruct/...)."""
    kind = "bigcodebench-instruct" if instruct else "bigcodebench"
    return source(
        kind,
        argument,
        read(kind, argument, BIGCODEBENCH),
        lambda uri, record: from_record(uri, record, instruct=instruct),
        place=BIGCODEBENCH,
        needs=("task_id", "complete_prompt", "instruct_prompt", "code_prompt", "test", "entry_point"),
        ids=("task_id",),
        identity=lambda task: task.rpartition("/")[2],
    )


def from_record(uri: str, record: Mapping[str, Any], *, instruct: bool = False) -> Problem:
    """A problem from a record of the release."""
    starter = record["code_prompt" if instruct else "complete_prompt"]
    solution = record.get("canonical_solution") or ""
    reference = starter.rstrip("\n") + "\n" + solution
    libraries = json_or_literal(record.get("libs") or [])
    return Problem(
        uri=uri,
        statement=record["instruct_prompt"] if instruct else "",
        entry_point=record["entry_point"],
        references=(reference,) if solution else (),
        hidden_tests=(InProcessTest(record["test"]),),
        starter=starter,
        limits=Limits(seconds=30.0, memory_mb=4096),
        conditionals=count_conditionals(reference) if solution else None,
        tags=tuple(map(str, libraries)) if isinstance(libraries, list) else (),
        licence=BIGCODEBENCH.licence,
        base=f"bigcodebench/{str(record['task_id']).rpartition('/')[2]}" if instruct else "",
    )
