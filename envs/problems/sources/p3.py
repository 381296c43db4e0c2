"""Python Programming Puzzles (Schuster et al. 2021, MIT): find `sol` such that `sat(sol())` is True.

The checker is the puzzle: `sat` stands in the statement, in the given text (answers may call it) and, for the test, in
the prelude. Every right answer passes, so no puzzle has several answers in the sense of curation. Puzzles of one family
differ in numbers alone (`Study_1:0`, `Study_1:1`): the family is a tag, and the base of the module human_eval.py is the
HumanEval problem it reworks, so that training and test sets can be kept apart.

Known: 54 of the 1,715 puzzles have no solution; two solutions pass CPython's limit of 4,300 digits in a conversion
between integers and text (FivePowers:0, BoxVolume:1).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from codegym.envs.problems.problem import Limits, Problem, ScriptTest
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.reading import Place, read, source
from codegym.envs.problems.statistics import count_conditionals

P3 = Place(("p3/puzzles.json.gz", "p3/puzzles.json", "p3"), None, "MIT", "Python Programming Puzzles, Microsoft")

# Families whose answers are lists of long integers, up to 67 MB of them, and those that need long to find or to check.
_LARGE = {"Fibonacci": 16 << 20, "ExponentialCoinMoves": 80 << 20}
_LONG = {"Mastermind", "ExponentialCoinMoves"}

_IMPORTS = "from typing import List\n"


def p3(argument: str = "") -> Source:
    """The puzzles, uris p3/NAME:NUMBER; upstream's `puzzles.json`, gz or not."""
    return source(
        "p3",
        argument,
        read("p3", argument, P3),
        from_record,
        place=P3,
        needs=("name", "sat", "sol_header"),
        ids=("name",),
    )


def from_record(uri: str, record: Mapping[str, Any]) -> Problem:
    """A problem from a puzzle: name, sat, sol_header, sol_docstring, sol_bodies, module, notes."""
    family = str(record["name"]).split(":")[0]
    module = str(record.get("module") or "").removesuffix(".py")
    sat, header = record["sat"].strip("\n"), record["sol_header"].strip("\n")
    starter = f"{_IMPORTS}\n\n{sat}\n\n\n{header}\n"
    references = tuple(f"{starter}{body.rstrip()}\n" for body in record.get("sol_bodies") or ())
    task = textwrap.dedent(record.get("sol_docstring") or "").strip().strip('"').strip()
    reworked = re.search(r"#(\d+)", record.get("notes") or "") if module == "human_eval" else None
    return Problem(
        uri=uri,
        statement=f"{task}\n\nWrite `sol` so that `sat(sol())` is True:\n\n{sat}".strip(),
        entry_point="sol",
        references=references,
        public_tests=(ScriptTest("assert sat(sol()) is True"),),
        starter=starter,
        prelude=f"{_IMPORTS}\n\n{sat}\n",
        limits=Limits(
            seconds=30.0 if family in _LONG else 10.0,
            output_bytes=_LARGE.get(family, Limits().output_bytes),
        ),
        conditionals=count_conditionals(header + "\n" + record["sol_bodies"][0]) if references else None,
        tags=tuple(filter(None, (family, module))),
        licence=P3.licence,
        base=f"humaneval/{reworked[1]}" if reworked else "",
    )
