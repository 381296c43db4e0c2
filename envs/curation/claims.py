"""What is said of the katas as a whole: that every problem is complete, and how much there is of what."""

from __future__ import annotations

from collections.abc import Iterable

from codegym.envs.problems.katas.phrasings import measured
from codegym.envs.problems.katas.registry import FAMILIES
from codegym.envs.problems.katas.source import easy, phrasings
from codegym.envs.problems.problem import Problem

LEAST = {"procedural families": 80, "problems written by hand": 150, "problems of the tier easy": 200}
CPP = 60
CONDITIONALS = range(2, 9)
"""Of a solution in the tier `branches`."""


def problem_faults(problem: Problem) -> list[str]:
    """What a kata lacks: statement, signature, references, tests, pseudocode, conditionals where they are claimed."""
    steps = problem.pseudocode
    has = {
        "statement": bool(problem.statement.strip()),
        "signature": problem.entry_point is None or bool(problem.starter),
        "reference": bool(problem.references) and problem.conditionals is not None,
        "public test": bool(problem.public_tests),
        "hidden test": bool(problem.hidden_tests),
        "pseudocode in three actions": len(steps) > 1
        and steps[0].startswith("<Action 1>")
        and all(step.startswith("<Action 2>") for step in steps[1:-1])
        and steps[-1].startswith("<Action 3>")
        and any(reference in steps[-1] for reference in problem.references),
        "2 to 8 conditionals": "branches" not in problem.tags or problem.conditionals in CONDITIONALS,
    }
    return [f"{problem.uri}: it has no {what}" for what, there in has.items() if not there]


def set_faults(cpp: int | None) -> list[str]:
    """What there is too little of in the whole set.

    Args:
        cpp: problems of the tier in C++ whose references passed; None where nothing can compile them.
    """
    written = [family for family in FAMILIES.values() if "written" in family.tags]
    found = {
        "procedural families": len(FAMILIES) - len(written),
        "problems written by hand": sum(map(len, written)),
        "problems of the tier easy": sum(map(len, easy().values())),
    }
    faults = [
        f"{found[what]} {what}, at least {least} are claimed" for what, least in LEAST.items() if found[what] < least
    ]
    faults += [
        f"{uri} is in the tier easy and was not measured"
        for uri in unmeasured(uri for part in easy().values() for uri in part)
    ]
    return faults + ([] if cpp in (None, CPP) else [f"{cpp} problems of the tier in C++, {CPP} are claimed"])


def phrasing_faults(uri: str) -> list[str]:
    """A kata that can be said in one way only."""
    return [] if len(phrasings(uri)) > 1 else [f"{uri}: it has one phrasing"]


def unmeasured(uris: Iterable[str]) -> list[str]:
    """Those of some uris that no model was measured on."""
    return [uri for uri in uris if uri not in measured()]
