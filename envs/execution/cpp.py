"""C++ programs against the tests of their problems: compiled, run and judged, many at a time.

A ScriptTest runs as two processes: the test, which holds the expected values, and the program, which answers calls over
a channel of its own (languages/cpp.py). A StdioTest runs the program alone, and its output is compared here. Where the
types of the entry point cannot travel, or a test asks for it, both are linked together: trust "in-process".
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

from codegym.envs.errors import IsolationError, OptionError
from codegym.envs.execution import isolation
from codegym.envs.execution.cpp_compiler import Compiler, default_cache
from codegym.envs.execution.cpp_jail import Jail
from codegym.envs.execution.cpp_toolchain import find_toolchain
from codegym.envs.execution.cpp_trial import Lost, Trial
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.execution.timing import Clock
from codegym.envs.problems.problem import CallTest, StdioTest

_ATTEMPTS: Final = 2


class CppEngine:
    """Compiles, runs and judges C++ programs.

    Args:
        workers: programs at a time.
        layers: isolation layers to try.
        min_layers: refuse to run with fewer isolation layers than this.

    Raises:
        OptionError: this machine has no C++ compiler.
    """

    def __init__(self, workers: int, layers: Sequence[str], min_layers: int = 0) -> None:
        self.toolchain = find_toolchain()
        self._workers, self._layers, self._min_layers = workers, tuple(layers), min_layers
        self._compiler = Compiler(self.toolchain, layers, default_cache())
        self._lock = threading.Lock()
        self._jail: Jail | None = None
        self._reference_seconds: dict[tuple[str, str], float] = {}

    def run(self, jobs: Sequence[Job], done: Callable[[int, Outcome], None]) -> None:
        """Run jobs; `done` is called with the place and the outcome of each, in order.

        Raises:
            OptionError: a test of a kind that C++ problems cannot have.
            IsolationError: the machine offers fewer layers than `min_layers`.
            InfrastructureError: the processes that compile or run programs do not start.
        """
        for job in jobs:
            _check(job)
        if self.level() < self._min_layers:
            raise IsolationError(
                f"This machine reaches isolation layer {self.level()} for C++ programs, "
                f"{self._min_layers} are asked for."
            )
        with ThreadPoolExecutor(self._workers, thread_name_prefix="cpp") as pool:
            for place, outcome in enumerate(pool.map(self._judge, jobs)):
                done(place, outcome)

    def layers(self) -> list[dict[str, Any]]:
        """The isolation layers of the programs."""
        return self._started().layers

    def level(self) -> int:
        """The highest isolation layer in force for programs."""
        return isolation.level(self.layers())

    def processes(self) -> int:
        """How many processes there should be while nothing runs."""
        return self._compiler.processes() + (self._jail.processes() if self._jail is not None else 0)

    @property
    def statistics(self) -> dict[str, float]:
        """Texts compiled, texts found in the cache, and seconds of compiling."""
        return dict(self._compiler.statistics)

    def close(self) -> None:
        """End every process."""
        self._compiler.close()
        with self._lock:
            if self._jail is not None:
                self._jail.close()
                self._jail = None

    # One job

    def _judge(self, job: Job) -> Outcome:
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(Lost):
                return self._trial(job).outcome()
        return Outcome(Verdict.INFRA, tests_total=len(job.problem.tests(job.tests)), message="the machine failed twice")

    def _trial(self, job: Job) -> Trial:
        return Trial(job, self._compiler, self._started(), self.level(), lambda: self._reference(job))

    def _reference(self, job: Job) -> float:
        """Processor seconds that the reference of a job's problem needs on this machine, for its slowest test."""
        problem = job.problem
        if not problem.references:
            return 0.0
        key = (problem.uri, problem.references[0])
        if key not in self._reference_seconds:
            trial = Trial(replace(job, program=problem.references[0]), self._compiler, self._started(), self.level())
            most = max(problem.limits.seconds, problem.limits.most_seconds)
            trial.clock = Clock(most, 2 * most)
            trial.outcome()
            self._reference_seconds[key] = trial.used
        return self._reference_seconds[key]

    def _started(self) -> Jail:
        with self._lock:
            if self._jail is not None and not self._jail.alive:
                self._jail.close()
                self._jail = None
            if self._jail is None:
                self._jail = Jail(self._layers, isolation.Files(execute=(self.toolchain.loader,)))
            return self._jail


def _check(job: Job) -> None:
    tests = job.problem.tests(job.tests)
    if any(isinstance(test, CallTest) for test in tests):
        raise OptionError(f"{job.problem.uri}: a C++ problem takes script, stdio and in-process tests, no call tests.")
    if job.problem.entry_point is None and not all(isinstance(test, StdioTest) for test in tests):
        raise OptionError(f"{job.problem.uri}: tests that call a C++ program need an entry point.")
