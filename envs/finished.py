"""The episodes of a vector environment that ended: scored in the step that ended them, or while the next ones run."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from codegym.envs.episode import Episode
from codegym.envs.execution.outcome import Verdict
from codegym.envs.mdp.scoring import Score, score_states
from codegym.envs.mdp.state import State
from codegym.envs.opening import episode_of
from codegym.envs.problems.problem import Problem
from codegym.envs.settings import Settings

KEPT = 65_536


class Ended(NamedTuple):
    """An episode at its end.

    Attributes:
        row: of the vector environment.
        problem: that it was about.
        state: its last.
        seed: of the row.
        settings: in force when it ended.
    """

    row: int
    problem: Problem
    state: State
    seed: int
    settings: Settings


def scores(ended: Sequence[Ended]) -> list[Score]:
    """Execute the programs of some episodes of one environment in one batch and score them."""
    if not ended:
        return []
    settings = ended[0].settings
    states, problems = [one.state for one in ended], [one.problem for one in ended]
    return score_states(settings.process, states, problems, settings.scoring, settings.run_programs())


class Finished:
    """Keeps what ended until it is asked for: the last 65,536 episodes, and the batches that are still executed."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Ended, Score]] = deque(maxlen=KEPT)
        self._waiting: deque[tuple[Sequence[Ended], Future[list[Score]]]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def keep(self, ended: Ended, score: Score) -> None:
        """Tell the curriculum and keep the episode; what the machine could not judge is no episode."""
        verdict = score.outcome.verdict
        if verdict is not Verdict.INFRA:
            ended.settings.starts.record(ended.problem, ended.state.start, verdict is Verdict.PASS)
            self._kept.append((ended, score))

    def score_later(self, ended: Sequence[Ended]) -> None:
        """Execute the programs of some episodes while the caller goes on; batches are executed one after the other."""
        if not ended:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="codegym-programs")
        self._waiting.append((ended, self._thread.submit(scores, ended)))

    def pop(self, env_id: str) -> list[tuple[int, Episode]]:
        """(row, Episode) of all that ended since the last call, in the order in which they ended; waits for programs.

        Raises:
            CodegymError: what the executor raised in the meantime.
        """
        while self._waiting:
            batch, future = self._waiting.popleft()
            for ended, score in zip(batch, future.result(), strict=True):
                self.keep(ended, score)
        popped = [(one.row, episode_of(one.settings, env_id, one.seed, one.state, score)) for one, score in self._kept]
        self._kept.clear()
        return popped

    def close(self) -> None:
        """Leave what was not begun, and wait for what was."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
            self._thread = None
        self._waiting.clear()
