"""Executor: runs programs against the tests of their problems, many at a time, each in a jailed process of its own."""

from __future__ import annotations

import atexit
import os
import platform
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from codegym.envs.errors import IsolationError, OptionError, unknown
from codegym.envs.execution import early, isolation
from codegym.envs.execution.cache import OutcomeCache, ProblemKeys
from codegym.envs.execution.engine import Engine
from codegym.envs.execution.judge import Setting, judge
from codegym.envs.execution.outcome import Job, Outcome, Report
from codegym.envs.execution.plan import Plan, make_plan
from codegym.envs.execution.ray_backend import RayCluster
from codegym.envs.execution.server import ZygoteServer, interpreter, own_core

if TYPE_CHECKING:
    from codegym.envs.execution.cpp import CppEngine

TRACERS = ("fast", "probes", "monitoring", "coverage")
BACKENDS = ("local", "ray")
LANGUAGES = ("python", "cpp")
Done = Callable[[int, Outcome], None]
_PLANS = 4096


class Executor:
    """Runs jobs: programs with the problems they claim to solve.

    Processes start at the first `run` and end with `close`, or with this process. Safe to share between threads. After
    `os.fork` the child's first `run` starts processes of its own.

    Args:
        workers: programs that run at the same time; default: the cores this process may use.
        backend: "local", or "ray": the same on every node of a Ray cluster (`ray_backend`).
        python: interpreter that runs the programs, where it is not this one (a newer one has coverage for free).
        tracer: "fast", "probes", "monitoring" (Python 3.12 and later) or "coverage" (coverage.py, slow): how
            coverage is recorded where a job asks for it.
        min_layers: refuse to run with fewer isolation layers than this (0 to 5).
        layers: names of the layers to try, of `isolation.LAYERS`, or "all".
        cache: remember outcomes of equal jobs: True, False, or the number to remember.
        seed: mixed into the seed of every job.
        address: of the Ray cluster; None: the one this process is connected to, or a new one on this machine.

    Raises:
        OptionError: an unknown backend, tracer or layer.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        backend: Literal["local", "ray"] = "local",
        python: str | None = None,
        tracer: str = "fast",
        min_layers: int = 0,
        layers: Literal["all"] | Sequence[str] = "all",
        cache: bool | int = True,
        seed: int = 0,
        address: str | None = None,
    ) -> None:
        if backend not in BACKENDS:
            raise unknown("backend", backend, BACKENDS)
        if tracer not in TRACERS:
            raise unknown("tracer", tracer, TRACERS)
        if workers is not None and workers < 1:
            raise OptionError(f"An executor needs at least one worker, not {workers}.")
        self.layers = isolation.LAYERS if layers == "all" else tuple(layers)
        for layer in self.layers:
            if layer not in isolation.LAYERS:
                raise unknown("isolation layer", layer, isolation.LAYERS)
        self._asked_workers = workers
        self.workers = workers or len(os.sched_getaffinity(0))
        self.backend, self.python, self.tracer, self.min_layers, self.seed = backend, python, tracer, min_layers, seed
        self._interpreter = interpreter(python)
        self._version = _version(self._interpreter, python)
        self._monitors = tuple(map(int, self._version.split(".")[:2])) >= (3, 12)
        if tracer == "monitoring" and not self._monitors:
            raise OptionError(f"tracer='monitoring' needs Python 3.12 or later for programs, this is {self._version}.")
        self._cache = OutcomeCache(100_000 if cache is True else int(cache)) if cache else None
        self._keys = ProblemKeys()
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._lock = threading.RLock()
        self._engine: Engine | None = None
        self._cpp: CppEngine | None = None
        self.address = address
        self._cluster: RayCluster | None = None
        self._owner = os.getpid()
        self._level = 0
        self.statistics: dict[str, float] = {"jobs": 0, "executed": 0, "cache_hits": 0, "seconds": 0.0, "restarts": 0}

    @property
    def spec(self) -> str:
        """The executor as a string, for records."""
        parts = [f"workers={self.workers}", f"tracer={self.tracer}", f"layers={','.join(self.layers)}"]
        if self.python:
            parts.append(f"python={self._version}")
        return f"{self.backend}:{';'.join(parts)}"

    def run(self, jobs: Sequence[Job], each: Callable[[int, Outcome], None] | None = None) -> list[Outcome]:
        """Run jobs and return their outcomes in the same order.

        Equal jobs run once. The machine's own failures are retried once and then give the verdict INFRA.

        Args:
            jobs: programs and their problems.
            each: called with the place and the outcome of each job as soon as it is known, in any order. It holds up
                the others, and must not run jobs itself.

        Raises:
            OptionError: a program that is no text.
            IsolationError: the machine offers fewer layers than `min_layers`.
            InfrastructureError: the processes that run programs do not start.
        """
        for job in jobs:
            if not isinstance(job.program, str):
                raise OptionError(f"A program is a text, not {type(job.program).__name__} ({job.problem.uri}).")
        with self._lock:
            started = time.perf_counter()
            jobs = [self._seeded(job) for job in jobs]
            keys = [self._key(job) for job in jobs]
            found: dict[Hashable, Outcome] = {}
            places: dict[Hashable, list[int]] = {}  # of what has to run
            for place, key in enumerate(keys):
                known = found.get(key) or (self._cache.get(key) if self._cache is not None else None)
                if known is None:
                    places.setdefault(key, []).append(place)
                    continue
                found[key] = known
                if each:
                    each(place, known)
            missing = list(places)

            def done(number: int, outcome: Outcome) -> None:
                key = missing[number]
                found[key] = outcome
                if self._cache is not None:
                    self._cache.put(key, outcome)
                if each:
                    for place in places[key]:
                        each(place, outcome)

            if missing:
                self._execute([jobs[places[key][0]] for key in missing], done)
            self.statistics["jobs"] += len(jobs)
            self.statistics["executed"] += len(missing)
            self.statistics["cache_hits"] += len(jobs) - len(missing)
            self.statistics["seconds"] += time.perf_counter() - started
            return [found[key] for key in keys]

    def report(self) -> Report:
        """What this executor runs programs with: every isolation layer on or off and why, interpreter, workers."""
        with self._lock:
            if self.backend == "ray":
                return self._nodes().report()
            engine = self._started()
            return {
                "level": self._level,
                "layers": engine.layers(),
                "workers": self.workers,
                "backend": self.backend,
                "python": self._version,
                "tracer": self.tracer,
            }

    def processes(self) -> int:
        """How many processes this executor knows to be running; an audit counts whether there are more."""
        with self._lock:
            engines = (self._engine, self._cpp) if self._owner == os.getpid() else ()
            return sum(engine.processes() for engine in engines if engine is not None)

    def close(self) -> None:
        """End every process; a later `run` starts new ones."""
        with self._lock:
            for engine in (self._engine, self._cpp, self._cluster):
                if engine is not None and self._owner == os.getpid():
                    engine.close()
            self._engine = self._cpp = self._cluster = None

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Executor:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            {
                "workers": self.workers, "backend": self.backend, "python": self.python, "tracer": self.tracer,
                "min_layers": self.min_layers, "layers": self.layers, "seed": self.seed,
                "address": self.address,
            },
        )  # fmt: skip

    def _seeded(self, job: Job) -> Job:
        if not self.seed:
            return job
        return Job(job.problem, job.program, job.tests, job.coverage, job.seed ^ (self.seed << 64))

    def _key(self, job: Job) -> Hashable:
        tracer = self.tracer if job.coverage else ""
        return job.program, self._keys.digest(job), self._version, tracer, job.seed

    def _execute(self, jobs: list[Job], done: Done) -> None:
        """Run each language's jobs in its engine, or all on the cluster."""
        self._forget_after_fork()
        languages = [job.problem.language for job in jobs]
        for language in sorted({*languages} - {*LANGUAGES}):
            raise unknown("language", language, LANGUAGES)
        if self.backend == "ray":
            self._nodes().run(jobs, done)
            self.statistics["restarts"] = self._nodes().restarts
            return
        for language, run in (("python", self._execute_python), ("cpp", self._execute_cpp)):
            places = [place for place, name in enumerate(languages) if name == language]
            if places:
                run([jobs[place] for place in places], partial(_at, places, done))

    def _nodes(self) -> RayCluster:
        self._forget_after_fork()
        if self._cluster is None:
            options = {
                "workers": self._asked_workers, "python": self.python, "tracer": self.tracer,
                "min_layers": self.min_layers, "layers": self.layers, "cache": False,
            }  # fmt: skip
            self._cluster = RayCluster(self.address, options)
        return self._cluster

    def _execute_cpp(self, jobs: list[Job], done: Done) -> None:
        if self._cpp is None:
            from codegym.envs.execution.cpp import CppEngine  # only where there is C++: it takes a while to import

            self._cpp = CppEngine(self.workers, self.layers, self.min_layers)
        self._cpp.run(jobs, done)

    def _execute_python(self, jobs: list[Job], done: Done) -> None:
        engine = self._started()
        setting = Setting(self.tracer, self._level, self._monitors)
        try:
            engine.drive((judge(self._plan(job), job, setting) for job in jobs), done)
        except BaseException:
            self._engine = None  # it closed itself: nothing of this batch is running on
            self._plans.clear()  # some may have begun to record
            raise
        self.statistics["restarts"] = engine.restarts

    def _plan(self, job: Job) -> Plan:
        digest = self._keys.digest(job)
        plan = self._plans.get(digest)
        if plan is None:
            plan = self._plans[digest] = make_plan(job.problem, job.tests)
            while len(self._plans) > _PLANS:
                self._plans.popitem(last=False)
        return plan

    def _forget_after_fork(self) -> None:
        """In a forked child the engines are the parent's."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._engine = self._cpp = self._cluster = None

    def _new_engine(self) -> Engine:
        def start(profile: str, place: int) -> ZygoteServer:
            return early.zygote(profile, self._interpreter, self.layers, own_core(place, self.workers))

        return Engine(self.workers, start)

    def _started(self) -> Engine:
        self._forget_after_fork()
        if self._engine is None:
            engine = self._new_engine()
            try:
                layers = engine.layers()
            except BaseException:
                engine.close()  # the others, where one did not start
                raise
            self._level = isolation.level(layers)
            if self._level < self.min_layers:
                engine.close()
                off = next(layer for layer in layers if not layer["on"])
                raise IsolationError(
                    f"This machine reaches isolation layer {self._level}, {self.min_layers} are asked for: "
                    f"layer {off['number']} ({off['name']}) is off, {off['why']}."
                )
            self._engine = engine
        return self._engine


def _at(places: Sequence[int], done: Done, number: int, outcome: Outcome) -> None:
    done(places[number], outcome)


def _rebuild(arguments: dict[str, Any]) -> Executor:
    return Executor(**arguments)


def _version(path: str, python: str | None) -> str:
    if python is None:
        return platform.python_version()
    try:
        command = [path, "-I", "-c", "import platform; print(platform.python_version())"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise OptionError(f"Not a Python interpreter: {Path(path)} ({type(error).__name__}).") from None


_shared: Executor | None = None
_shared_lock = threading.Lock()


def shared_executor() -> Executor:
    """The default executor of this process: made at first use, closed at exit, made anew in a forked child."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Executor()
            atexit.register(_shared.close)
        return _shared
