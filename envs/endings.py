"""Episodes of a vector environment that are done, taken out of its rows so that those can go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codegym.envs.mdp.process import Process
from codegym.envs.mdp.scoring import Endings, FinishedStates
from codegym.envs.mdp.state import Phase, Start, State, later
from codegym.envs.mdp.token import read


class RowEndings(Endings, Protocol):
    """Finished episodes of some rows."""

    @property
    def starts(self) -> Sequence[Start]:
        """Where each began."""
        ...

    @property
    def terminated(self) -> Sequence[bool]:
        """Which ended by themselves; the budgets of the others are spent."""
        ...


class TextEndings(FinishedStates):
    """Finished Line and Pseudocode episodes."""

    def __init__(self, process: Process, states: Sequence[State]) -> None:
        super().__init__(process, states)
        self.starts = [state.start for state in states]
        self.terminated = [state.terminated for state in states]


class TokenEndings:
    """Finished Token episodes: ids and bytes of all, one after the other.

    Args:
        begun: the state with which each began.
        used: how many ids each has.
        ids: [sum of used].
        spelled: the bytes of these ids.
        ends: where in the bytes each episode ends.
        terminated: which end with the end of the program.
        rewards: process rewards of each; None without any.
    """

    def __init__(
        self,
        begun: Sequence[State],
        used: list[int],
        ids: NDArray[np.int32],
        spelled: bytes | memoryview,
        ends: Sequence[int],
        terminated: list[bool],
        rewards: Sequence[tuple[float, ...]] | None,
    ) -> None:
        self._begun = begun
        self._used = used
        self._ids = ids
        self._spelled: bytes | memoryview | None = spelled
        self._ends = ends
        self._rewards = rewards
        self.starts = [state.start for state in begun]
        self.terminated = terminated

    def texts(self) -> list[tuple[str, bool]]:
        """The programs; asked for once, since the bytes are let go then."""
        assert self._spelled is not None
        spelled, self._spelled = memoryview(self._spelled), None
        before = 0
        found = []
        for start, end in zip(self.starts, self._ends, strict=True):
            found.append(read(start, spelled[before:end]))
            before = end
        return found

    def given_chars(self) -> list[int]:
        """How much of them was given."""
        return [len(start.text) for start in self.starts]

    def lengths(self) -> list[int]:
        """How many actions each has."""
        return self._used

    def step_rewards(self, at: int) -> tuple[float, ...]:
        """The process rewards of one."""
        return self._rewards[at] if self._rewards else ()

    def state(self, at: int) -> State:
        """One of them."""
        first = sum(self._used[:at])
        actions = tuple(self._ids[first : first + self._used[at]].tolist())
        phase: Phase = "ended" if self.terminated[at] else "spent"
        return later(self._begun[at], actions, len(actions), phase, self.step_rewards(at))

    def __len__(self) -> int:
        return len(self._used)
