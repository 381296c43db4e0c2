"""Programs run while others are still being sampled: the environment then finds their outcomes ready, or nearly."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome

Key = tuple[str, str, str, bool, int]


class ExecutionAhead:
    """The executor of an environment, to which whoever samples hands programs before they are played.

    An outcome is the executor's own, so what an episode is worth does not depend on when its program ran; a program
    that was begun early and is never asked for costs its time and nothing else.

    Attributes:
        statistics: "jobs" begun early, and the "seconds" that `run` was waited for; what ran in the meantime is not
            among them.

    Args:
        executor: runs the programs.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lock = threading.Lock()
        self._begun: dict[Key, Future[Outcome]] = {}
        self._queue: list[tuple[Job, Future[Outcome]]] = []
        self._thread: ThreadPoolExecutor | None = None
        self.statistics: dict[str, float] = {"jobs": 0, "seconds": 0.0}

    def begin(self, job: Job) -> None:
        """Run a program as soon as the executor is free, together with whatever else waits by then."""
        with self._lock:
            if _key(job) in self._begun:
                return
            if self._thread is None:
                self._executor.report()  # its processes belong to the thread that starts them: this one lives longer
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="codegym-ahead")
            future = self._begun[_key(job)] = Future()
            self._queue.append((job, future))
            self.statistics["jobs"] += 1
            self._thread.submit(self._work)

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of some jobs, in order: of those begun early as they come, of the others now.

        Raises:
            CodegymError: what the executor raised.
        """
        started = time.perf_counter()
        with self._lock:
            begun = [self._begun.get(_key(job)) for job in jobs]
        others = [job for job, future in zip(jobs, begun, strict=True) if future is None]
        found = iter(self._executor.run(others) if others else [])
        outcomes = [next(found) if future is None else future.result() for future in begun]
        self.statistics["seconds"] += time.perf_counter() - started
        return outcomes

    def forget(self) -> None:
        """Let go of the outcomes; programs that are still waiting are left out."""
        with self._lock:
            self._queue.clear()
            self._begun.clear()

    def close(self) -> None:
        """End the thread; the executor stays open."""
        self.forget()
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            self._thread = None

    def _work(self) -> None:
        with self._lock:
            taken, self._queue = self._queue, []
        if not taken:
            return
        try:
            outcomes = self._executor.run([job for job, _ in taken])
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
            return
        for (_, future), outcome in zip(taken, outcomes, strict=True):
            future.set_result(outcome)


def _key(job: Job) -> Key:
    return job.problem.uri, job.program, str(job.tests), job.coverage, job.seed
