"""Outcomes remembered in memory, least recently used first out."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections import OrderedDict
from collections.abc import Hashable

from codegym.envs.execution.outcome import Job, Outcome, Verdict

_NEVER = frozenset({Verdict.TIMEOUT, Verdict.MEMORY, Verdict.INFRA})


class OutcomeCache:
    """Outcomes by everything that decides them; verdicts that depend on the machine's load are never kept.

    Args:
        size: most entries.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[Hashable, Outcome] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Outcome | None:
        """Return the outcome of a key, or None."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: Hashable, outcome: Outcome) -> None:
        """Keep an outcome, unless it could be another one tomorrow."""
        if outcome.verdict in _NEVER or any(test.verdict in _NEVER for test in outcome.tests):
            return
        with self._lock:
            self._entries[key] = outcome
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


class ProblemKeys:
    """Digests of what a problem contributes to a key: tests, comparison, limits, names; computed once per problem."""

    def __init__(self) -> None:
        self._digests: dict[tuple[int, str], tuple[object, str]] = {}

    def digest(self, job: Job) -> str:
        """Return the digest of a job's problem and choice of tests."""
        problem = job.problem
        key = (id(problem), job.tests)
        found = self._digests.get(key)
        if found is None or found[0] is not problem:
            parts = (
                problem.uri, problem.entry_point, problem.tests(job.tests), problem.language, problem.prelude,
                problem.given, problem.limits, problem.tolerance, problem.exact_lines, problem.references[:1],
            )  # fmt: skip
            digest = hashlib.sha256(pickle.dumps(parts)).hexdigest()
            if len(self._digests) > 10_000:
                self._digests.clear()
            self._digests[key] = found = (problem, digest)
        return found[1]
