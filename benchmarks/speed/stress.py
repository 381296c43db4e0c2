"""Many programs on more workers than cores: is every verdict right, and does nothing grow?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from codegym.benchmarks.speed.execution import NOOP
from codegym.benchmarks.speed.processor_time import descendants
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.catalog import load_problems

Progress = Callable[[int, float], None]
"""Told after each batch: (programs done, programs per second)."""

_SHOWN = 20
_POINTS = 20  # of the course, about


def stress(programs: int, *, workers: int, seconds: float, progress: Progress = lambda *_: None) -> dict[str, Any]:
    """Check textually distinct canonical HumanEval solutions, a batch of 10 copies after the other.

    Returns:
        "programs", "wrong" (verdicts other than PASS, all of them ours to explain), "programs_per_second", "restarts"
        of fork servers, and what there was (see `footprint`) in the "course" of it, "after_last_batch" and
        "after_close".
    """
    problems = list(load_problems("humaneval"))

    def batches() -> Iterator[list[Job]]:
        copy = 0
        while True:
            jobs = []
            for _ in range(10):
                copy += 1
                jobs += [Job(problem, f"{problem.references[0]}\n# copy {copy}\n") for problem in problems]
            yield jobs

    return _run(batches(), programs, workers=workers, seconds=seconds, progress=progress)


def soak(programs: int, *, workers: int, seconds: float, progress: Progress = lambda *_: None) -> dict[str, Any]:
    """Run textually distinct programs that do nothing, in batches of 2,000; returns as `stress`."""

    def batches() -> Iterator[list[Job]]:
        number = 0
        while True:
            yield [Job(NOOP, f"def f(): pass  # {number + one}") for one in range(2000)]
            number += 2000

    return _run(batches(), programs, workers=workers, seconds=seconds, progress=progress)


def _run(
    batches: Iterator[list[Job]], programs: int, *, workers: int, seconds: float, progress: Progress
) -> dict[str, Any]:
    wrong: list[list[str]] = []
    done, number_wrong = 0, 0
    course: list[dict[str, int]] = []
    with Executor(workers, cache=False) as executor:
        started = time.perf_counter()
        while done < programs and time.perf_counter() - started < seconds:
            jobs = next(batches)[: programs - done]
            for job, outcome in zip(jobs, executor.run(jobs), strict=True):
                if outcome.verdict is not Verdict.PASS:
                    number_wrong += 1
                    wrong += [[job.problem.uri, f"{outcome.verdict}: {outcome.message}"]] * (len(wrong) < _SHOWN)
            done += len(jobs)
            if done >= len(course) * programs / _POINTS:
                course.append({"programs": done, **footprint()})
            progress(done, done / (time.perf_counter() - started))
        used = time.perf_counter() - started
        last, restarts = footprint(), executor.statistics["restarts"]
    return {
        "programs": done, "asked": programs, "workers": workers, "wrong": number_wrong, "examples": wrong,
        "seconds": round(used, 1), "programs_per_second": round(done / used, 1), "restarts": restarts,
        "course": course, "after_last_batch": last, "after_close": footprint(),
    }  # fmt: skip


def footprint() -> dict[str, int]:
    """What this process and those under it hold now: KiB resident, descriptors, processes, zombies."""
    below = descendants(os.getpid())
    states = [_status(pid) for pid in below]
    alive = [state for state in states if state]
    return {
        "judge_kib": int(_status(os.getpid()).get("VmRSS", "0").split()[0]),
        "fork_servers_kib": max([int(state.get("VmRSS", "0").split()[0]) for state in alive], default=0),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "processes": sum(not state["State"].startswith("Z") for state in alive),
        "zombies": sum(state["State"].startswith("Z") for state in alive),
    }


def _status(pid: int) -> dict[str, str]:
    try:
        lines: Sequence[str] = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
