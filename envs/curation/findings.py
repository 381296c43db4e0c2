"""What curation says about a problem, and the report over a set: ids and reasons, never a problem's text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Action = Literal["dropped", "repaired", "noted"]

REASONS = {
    # dropped
    "unreadable": "its record is not what the format says",
    "no-tests": "it has no test",
    "no-reference": "it has no reference solution",
    "duplicate": "another problem has the same statement and the same tests or solution",
    "does-not-compile": "no reference compiles",
    "missing-library": "every reference imports a library that is not there",
    "too-slow": "no reference ends within the longest limit allowed",
    "flaky": "every reference passes some runs and fails others",
    "order-dependent": "the tests pass in their order alone",
    "several-answers": "it accepts any of several answers, and its tests know one",
    "references-disagree": "more references fail its tests than pass them",
    "reference-fails": "no reference passes, and dropping tests does not help",
    "vacuous-tests": "a program that does nothing passes",
    # repaired
    "normalised": "line ends, white space, null characters and byte-order marks were made uniform",
    "repeated-tests": "tests that repeat an earlier one were taken out",
    "references-dropped": "references that do not pass were taken out; others do",
    "tests-dropped": "tests that every reference fails were taken out; the others pass",
    "longer-limit": "the reference needs more time than the limit gave it",
    "fresh-calls": "calls depend on those before them: each has a process of its own now",
    "unwrapped": "expected values were taken out of lists of one",
    "tuples": "expected lists became tuples, as the references return",
    "entry-point": "the tested function is a method of the reference's class Solution",
    # noted
    "may-have-several-answers": "its statement speaks of several right answers, and nothing here could check that",
}
"""Every reason, in a sentence."""


@dataclass(frozen=True)
class Finding:
    """One thing found in one problem.

    Attributes:
        problem: its uri.
        action: what was done about it.
        reason: a key of `REASONS`.
        detail: numbers and names (of tests, references, verdicts, libraries), no text of the problem.
    """

    problem: str
    action: Action
    reason: str
    detail: str = ""


def report(
    name: str, sha256: str, problems: int, kept: int, findings: Sequence[Finding], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The report over a set, as JSON.

    Args:
        name: spec of the set.
        sha256: hash of the set as it came.
        problems: how many came.
        kept: how many stayed.
        findings: in the order of the set.
        settings: of the curation.
    """
    counts = Counter((finding.action, finding.reason) for finding in findings)
    return {
        "set": name,
        "sha256": sha256,
        "settings": dict(settings),
        "problems": problems,
        "kept": kept,
        "dropped": problems - kept,
        "repaired": len({finding.problem for finding in findings if finding.action == "repaired"}),
        "reasons": [
            {"action": action, "reason": reason, "problems": count, "meaning": REASONS[reason]}
            for (action, reason), count in sorted(counts.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
        ],
        "findings": [asdict(finding) for finding in findings],
    }
