"""The episodes of a vector environment that ended: scored in the step that ended them, or while the next ones run."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from codegym.envs.endings import RowEndings
from codegym.envs.episode import Episode
from codegym.envs.execution.outcome import Verdict
from codegym.envs.mdp.scoring import Scores, score_endings
from codegym.envs.opening import episode_of
from codegym.envs.problems.problem import Problem
from codegym.envs.settings import Settings

KEPT = 65_536


class Ended(NamedTuple):
    """The episodes that ended in a step.

    Attributes:
        rows: of the vector environment.
        problems: that they were about.
        endings: how they ended.
        seeds: of the rows.
        settings: in force when they ended.
    """

    rows: list[int]
    problems: Sequence[Problem]
    endings: RowEndings
    seeds: Sequence[int]
    settings: Settings

    def scores(self) -> Scores:
        """Execute the programs in one batch and score them."""
        settings = self.settings
        return score_endings(settings.process, self.endings, self.problems, settings.scoring, settings.run_programs())

    def record(self, at: int, scores: Scores) -> None:
        """Tell the curriculum of one episode, unless the machine could not judge it."""
        verdict = scores.outcomes[at].verdict
        if verdict is not Verdict.INFRA:
            self.settings.starts.record(self.problems[at], self.endings.starts[at], verdict is Verdict.PASS)


class Finished:
    """Keeps what ended until it is asked for: the last 65,536 episodes, and the batches that are still executed."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Ended, Scores]] = deque()
        self._number = 0
        self._waiting: deque[tuple[Ended, Future[Scores]]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def keep(self, ended: Ended, scores: Scores) -> None:
        """Keep the episodes that ended in a step."""
        if not ended.rows:
            return
        self._kept.append((ended, scores))
        self._number += len(ended.rows)
        while self._number - len(self._kept[0][0].rows) >= KEPT:
            self._number -= len(self._kept.popleft()[0].rows)

    def score_later(self, ended: Ended) -> None:
        """Execute the programs of some episodes while the caller goes on; batches are executed one after the other."""
        if not ended.rows:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="codegym-programs")
        self._waiting.append((ended, self._thread.submit(ended.scores)))

    def pop(self, env_id: str) -> list[tuple[int, Episode]]:
        """(row, Episode) of all that ended since the last call, in the order in which they ended; waits for programs.

        What the machine could not judge is no episode.

        Raises:
            CodegymError: what the executor raised in the meantime.
        """
        while self._waiting:
            ended, future = self._waiting.popleft()
            scores = future.result()
            for at in range(len(ended.rows)):
                ended.record(at, scores)
            self.keep(ended, scores)
        popped = [
            (row, episode_of(ended.settings, env_id, ended.seeds[at], ended.endings.state(at), scores[at]))
            for ended, scores in self._kept
            for at, row in enumerate(ended.rows)
            if scores.outcomes[at].verdict is not Verdict.INFRA
        ]
        self._kept.clear()
        self._number = 0
        return popped[-KEPT:]

    def close(self) -> None:
        """Leave what was not begun, and wait for what was."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
            self._thread = None
        self._waiting.clear()
