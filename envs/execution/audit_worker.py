"""The judge under attack: `python -m codegym.envs.execution.audit_worker` runs programs as its parent tells it.

A process of its own, so that an attack that kills the judge loses only this one. One JSON line in, one out; the first
line is the configuration {"layers", "seconds", "attacks", "honest"}, then the index of a program, one a line.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import Any

from codegym.envs.execution.attacks import RECORDED_TASKS
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import InProcessTest, Limits, Problem, ScriptTest, StdioTest

_CPP_START = """#include <vector>
#include <cmath>
using namespace std;
bool close_elements(vector<double> numbers, double threshold) {
"""
_CPP_TEST = """#include <cassert>
#include <stdexcept>
int main() {
    assert(close_elements({1.0, 2.0, 3.9, 4.0, 5.0, 2.2}, 0.3));
    assert(!close_elements({1.0, 2.0, 3.9, 4.0, 5.0, 2.2}, 0.05));
    if (!close_elements({1.0, 2.8, 3.0}, 0.3)) throw std::runtime_error("not close");
    return 0;
}
"""
_STDIO = {
    "stdin": (("3\n1 2 3\n", "6\n"), ("2\n5 6\n", "11\n")),
    "stdin2": (("3\n1 2 3\n", "6\nsecond line\n"),),
    "stdinsort": (("3\n3 1 2\n", "1 2 3\n"),),
    "stdinbig": (("2\n1000000000000 1000000000000\n", "2000000000000\n"),),
}


def tasks(seconds: float) -> dict[str, Problem]:
    """The problems of the corpus, by task."""
    limits = Limits(seconds=seconds, memory_mb=256)
    found = {"func": dataclasses.replace(load_problems("humaneval")["humaneval/0"], limits=limits)}
    found |= dict.fromkeys(RECORDED_TASKS, found["func"])
    for name, cases in _STDIO.items():
        pairs = tuple(StdioTest(stdin, stdout) for stdin, stdout in cases)
        found[name] = Problem(f"attacks/{name}", name, None, hidden_tests=pairs, limits=limits)
    for name, kind in (("cpp", ScriptTest), ("cpp-linked", InProcessTest)):
        found[name] = Problem(
            f"attacks/{name}", name, "close_elements", hidden_tests=(kind(_CPP_TEST),), starter=_CPP_START,
            language="cpp", limits=limits,
        )  # fmt: skip
    found["cpp-stdin"] = dataclasses.replace(found["stdin"], uri="attacks/cpp-stdin", language="cpp")
    return found


def main() -> None:
    """Serve one audit."""
    config = json.loads(sys.stdin.readline())
    problems = tasks(config["seconds"])
    honest = [Job(problems[task], code) for task, code in config["honest"]]
    with Executor(workers=1, layers=config["layers"], cache=False) as executor:
        warm = executor.run(honest * 2)
        _say({"report": executor.report(), "honest": [str(outcome.verdict) for outcome in warm]})
        for line in sys.stdin:
            task, code = config["attacks"][int(line)]
            started = time.monotonic()
            outcome = executor.run([Job(problems[task], code, coverage=task in RECORDED_TASKS)])[0]
            seconds = time.monotonic() - started
            same = [job for job in honest if job.problem.language == problems[task].language]
            after = executor.run(same[: 1 if task in ("func", "cpp", *RECORDED_TASKS) else 2])
            good = all(outcome.verdict is Verdict.PASS for outcome in after)
            _say({**_told(outcome), "seconds": seconds, "next": good, "processes": executor.processes()})


def _told(outcome: Outcome) -> dict[str, Any]:
    return {"verdict": str(outcome.verdict), "policy": outcome.policy, "message": outcome.message[:200]}


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
