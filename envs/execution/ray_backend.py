"""The executor over a Ray cluster: one actor a node, which owns a local executor there; jobs travel in batches.

A lost node or a killed actor loses no job: its batches go to another node, and an actor that died on a node which lives
is made anew. Only where no node is left do jobs end as INFRA. Programs run exactly as on one machine, behind the same
walls; between the driver and the actors Ray's own serialisation is used, for both are trusted.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from codegym.envs.errors import InfrastructureError, OptionError
from codegym.envs.execution.outcome import Job, Outcome, Report, Verdict

LARGEST_BATCH: Final = 256
_DEPTH: Final = 2  # batches given to a node: one runs, one waits there
_BATCHES_A_NODE: Final = 4  # of one call, so that a slow node does not keep all waiting
_ATTEMPTS: Final = 3  # actors that one batch may see die before it is what kills them
_START_SECONDS: Final = 120.0


class _Node:
    """What runs on each node, as a Ray actor."""

    def __init__(self, options: dict[str, Any]) -> None:
        from codegym.envs.execution.executor import Executor

        self.executor = Executor(**options)

    def run(self, jobs: list[Job]) -> list[Outcome]:
        """Run a batch."""
        return self.executor.run(jobs)

    def report(self) -> Report:
        """What this node runs programs with."""
        return self.executor.report()


@dataclass(eq=False)
class _Batch:
    """Jobs that travel together.

    Attributes:
        places: of the jobs in the call.
        jobs: themselves.
        attempts: actors that died with it.
    """

    places: Sequence[int]
    jobs: list[Job]
    attempts: int = 0


@dataclass(eq=False)
class _Actor:
    """An actor on a node, and the batches it has, oldest first."""

    node: str
    handle: Any
    batches: dict[Any, _Batch] = field(default_factory=dict)


class RayCluster:
    """The nodes of a Ray cluster as one executor. Not thread-safe: one `run` at a time.

    Args:
        address: of a running cluster ("auto", "HOST:PORT", "ray://..."); None joins the one this process is connected
            to, or starts one on this machine.
        options: keyword arguments of the executors on the nodes. With "workers" an actor reserves as many of its node's
            processors; without, it uses all of them and reserves none.

    Raises:
        OptionError: Ray is not installed.
        InfrastructureError: the cluster cannot be reached.
    """

    def __init__(self, address: str | None, options: dict[str, Any]) -> None:
        if importlib.util.find_spec("ray") is None:
            raise OptionError("The backend 'ray' needs Ray: pip install 'codegym[ray]'.")
        self._ray: Any = importlib.import_module("ray")
        self._options = options
        self._actors: dict[str, _Actor] = {}
        self._unfit: dict[str, str] = {}  # nodes where no executor starts, and why
        self._ours = not self._ray.is_initialized()
        self.restarts = 0
        if self._ours:
            try:
                self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise InfrastructureError(f"Cannot reach a Ray cluster at {address!r}: {error}.") from error

    def run(self, jobs: Sequence[Job], done: Callable[[int, Outcome], None]) -> None:
        """Run jobs; `done` is called with the place and the outcome of each: INFRA where no node was left to run one.

        Raises:
            CodegymError: what an executor raised on a node about the jobs themselves.
        """
        left = set(range(len(jobs)))
        waiting = collections.deque(self._batches(jobs))
        while waiting or any(actor.batches for actor in self._actors.values()):
            if waiting and not self._hand_out(waiting):
                break  # nobody is left
            running = {reference: actor for actor in self._actors.values() for reference in actor.batches}
            for reference in self._ray.wait([*running], num_returns=1)[0]:
                actor = running[reference]
                found = self._result(actor, reference, waiting)
                if found is not None:
                    batch = actor.batches.pop(reference)
                    for place, outcome in zip(batch.places, found, strict=True):
                        left.remove(place)
                        done(place, outcome)
        for place in sorted(left):
            done(place, Outcome(Verdict.INFRA, message="no node of the cluster is left to run it"))

    def report(self) -> Report:
        """What the weakest node runs programs with; "nodes" and "workers" count all of them.

        Raises:
            InfrastructureError: no node is left.
        """
        self._refresh()
        reports = []
        for actor in list(self._actors.values()):
            with contextlib.suppress(self._ray.exceptions.RayActorError):
                reports.append(self._ray.get(actor.handle.report.remote(), timeout=_START_SECONDS))
        if not reports:
            raise InfrastructureError("No node of the cluster runs programs.")
        weakest = min(reports, key=lambda report: int(report["level"]))
        return {**weakest, "backend": "ray", "nodes": len(reports), "workers": sum(r["workers"] for r in reports)}

    def close(self) -> None:
        """End the actors, and Ray itself if it was started here."""
        for actor in self._actors.values():
            self._ray.kill(actor.handle)
        self._actors.clear()
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()

    # Batches

    def _batches(self, jobs: Sequence[Job]) -> list[_Batch]:
        nodes = max(1, len(self._alive()))
        size = max(1, min(LARGEST_BATCH, -(-len(jobs) // (_BATCHES_A_NODE * nodes))))
        places = range(len(jobs))
        return [_Batch(p, [jobs[place] for place in p]) for p in (places[i : i + size] for i in places[::size])]

    def _hand_out(self, waiting: collections.deque[_Batch]) -> bool:
        """Give every node something to do; returns whether any node has."""
        self._refresh()
        for depth in range(_DEPTH):
            for actor in self._actors.values():
                if waiting and len(actor.batches) <= depth:
                    batch = waiting.popleft()
                    actor.batches[actor.handle.run.remote(batch.jobs)] = batch
        return any(actor.batches for actor in self._actors.values())

    def _result(self, actor: _Actor, reference: Any, waiting: collections.deque[_Batch]) -> list[Outcome] | None:
        """The outcomes of a batch; None where they are to come from another actor."""
        exceptions = self._ray.exceptions
        try:
            found: list[Outcome] = self._ray.get(reference)
            return found
        except exceptions.RayTaskError as error:
            if not isinstance(error.cause, InfrastructureError):  # about the jobs, or a defect of ours
                raise error.cause from None
            self._unfit[actor.node] = str(error.cause)  # no executor starts there
            self._bury(actor, waiting)
        except exceptions.RayError:
            self._bury(actor, waiting)
        return None

    def _bury(self, actor: _Actor, waiting: collections.deque[_Batch]) -> None:
        """Forget a dead actor; its batches go first to whoever is next."""
        self._actors.pop(actor.node, None)
        self.restarts += 1
        for number, batch in enumerate(actor.batches.values()):
            batch.attempts += number == 0  # the others had not begun
        for batch in reversed([*actor.batches.values()]):
            if batch.attempts < _ATTEMPTS:
                waiting.appendleft(batch)
        actor.batches.clear()
        with contextlib.suppress(Exception):  # it is dead, or of a node that is
            self._ray.kill(actor.handle)

    # Nodes

    def _alive(self) -> dict[str, dict[str, Any]]:
        found = {node["NodeID"]: node for node in self._ray.nodes() if node["Alive"]}
        return {name: node for name, node in found.items() if name not in self._unfit and node["Resources"].get("CPU")}

    def _refresh(self) -> None:
        """Have an actor on every living node; a dead one is found out by its batches, or here if it has none."""
        alive = self._alive()
        for name in [name for name, actor in self._actors.items() if name not in alive and not actor.batches]:
            del self._actors[name]
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        for name, node in alive.items():
            if name not in self._actors:
                workers = self._options.get("workers")
                options = {**self._options, "workers": workers or max(1, int(node["Resources"]["CPU"]))}
                here = strategies.NodeAffinitySchedulingStrategy(node_id=name, soft=False)
                remote = self._ray.remote(_Node).options(num_cpus=workers or 0, scheduling_strategy=here)
                self._actors[name] = _Actor(name, remote.remote(options))
