"""The problems of a split as columns: what every row needs that begins an episode where its problem's question ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegym.envs.beginnings import Beginnings
from codegym.envs.mdp.start_states import start_label
from codegym.envs.settings import Settings

MOST = 16_384


class Openings:
    """What episodes begin with, looked up by the number of their problem in the split, and filled in as it is met.

    Args:
        settings: of the environment, whose `start` is "question".

    Attributes (one entry per problem, None or -1 until `meet`):
        problems: the problems.
        states: the states with which their episodes begin.
        uris: of the problems.
        labels: what `info` calls the start.
        numbers: the rows of the table of beginnings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chosen = settings.chosen
        self._forget()

    def _forget(self) -> None:
        size = len(self._chosen)
        self.problems, self.states, self.uris, self.labels = (np.full(size, None, dtype=object) for _ in range(4))
        self.numbers = np.full(size, -1, dtype=np.intp)
        self._known = 0
        self._generation = -1

    def __deepcopy__(self, memo: dict[int, Any]) -> Openings:
        return Openings(self._settings)

    def meet(self, asked: NDArray[np.intp], table: Beginnings) -> None:
        """Fill in the entries of some problems.

        Args:
            asked: their numbers in the split.
            table: whose rows `numbers` then holds, until the next call.
        """
        if self._generation != table.generation:
            self.numbers[:] = -1
            self._generation = table.generation
        if self.numbers[asked].min() >= 0:
            return
        if self._known > MOST:
            self._forget()
        settings = self._settings
        for number in asked.tolist():
            if self.problems[number] is None:
                problem = self.problems[number] = self._chosen[number]
                state = self.states[number] = settings.begin(problem)
                self.uris[number], self.labels[number] = problem.uri, start_label(state.start)
                self._known += 1
        states = self.states[asked].tolist()
        seen = [settings.seen(problem) for problem in self.problems[asked].tolist()]
        found = table.numbers(seen, [state.start.text for state in states])
        if self._generation != table.generation:
            self.numbers[:] = -1
            self._generation = table.generation
        self.numbers[asked] = found
