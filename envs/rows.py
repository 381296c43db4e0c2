"""The episodes of a vector environment: Token's as arrays, the others' as states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codegym.envs.errors import OptionError
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.state import Action, Phase, State, later
from codegym.envs.token_rows import Kernel
from codegym.envs.vocabulary import Vocabulary

Rows = NDArray[np.intp]


class EpisodeRows(Protocol):
    """One unfinished or finished episode per row."""

    used: NDArray[np.int64]
    """[rows] budget used."""

    def restart(self, rows: Sequence[int], states: Sequence[State]) -> None:
        """Put some rows into states."""
        ...

    def step(self, rows: Rows, actions: Sequence[Action]) -> NDArray[np.bool_]:
        """Do the actions of some rows (one action per row of the environment); returns which of all rows are done.

        Raises:
            OptionError: if an action is not in the action space; then no row has moved.
        """
        ...

    def state(self, row: int) -> State:
        """The state of a row."""
        ...

    def states(self, rows: Rows) -> list[State]:
        """The states of some rows."""
        ...

    def reward(self, row: int, reward: float) -> None:
        """Note a process reward for the row's last action."""
        ...


class TextRows:
    """Rows of Line and Pseudocode episodes: the pure transition, row by row."""

    def __init__(self, process: Process, rows: int) -> None:
        self._process = process
        self._states: list[State | None] = [None] * rows
        self.used = np.zeros(rows, dtype=np.int64)

    def restart(self, rows: Sequence[int], states: Sequence[State]) -> None:
        """Put some rows into states."""
        for row, state in zip(rows, states, strict=True):
            self._states[row] = state
            self.used[row] = state.used

    def step(self, rows: Rows, actions: Sequence[Action]) -> NDArray[np.bool_]:
        """Do the actions of some rows; returns which of all rows are done."""
        after = [self._process.transition(self.state(row), actions[row]) for row in rows.tolist()]
        done = np.zeros(len(self._states), dtype=np.bool_)
        for row, state in zip(rows.tolist(), after, strict=True):
            self._states[row] = state
            self.used[row] = state.used
            done[row] = state.done
        return done

    def state(self, row: int) -> State:
        """The state of a row."""
        state = self._states[row]
        assert state is not None
        return state

    def states(self, rows: Rows) -> list[State]:
        """The states of some rows."""
        return [self.state(row) for row in rows.tolist()]

    def reward(self, row: int, reward: float) -> None:
        """Note a process reward for the row's last action."""
        state = self.state(row)
        self._states[row] = replace(state, step_rewards=(*state.step_rewards, reward))


class TokenRows:
    """Rows of Token episodes: a matrix of ids and their number, moved all at once."""

    def __init__(self, vocabulary: Vocabulary, rows: int) -> None:
        self._vocabulary = vocabulary
        self._starts: list[State | None] = [None] * rows
        self._rewards: list[list[float]] = [[] for _ in range(rows)]
        self._ids = np.zeros((rows, 0), dtype=np.int64)
        self._first = np.zeros(rows, dtype=np.intp)  # where each row begins in the flat array of ids
        self._budgets = np.zeros(rows, dtype=np.int64)
        self._ended = np.zeros(rows, dtype=np.bool_)
        self.used = np.zeros(rows, dtype=np.int64)

    def restart(self, rows: Sequence[int], states: Sequence[State]) -> None:
        """Put some rows into states."""
        budgets = [state.budget for state in states]
        if max(budgets) >= self._ids.shape[1]:
            wider = np.zeros((len(self._starts), max(budgets) + 1), dtype=np.int64)
            wider[:, : self._ids.shape[1]] = self._ids
            self._ids = wider
            self._first = np.arange(len(wider)) * wider.shape[1]
        at = np.array(rows, dtype=np.intp)
        self._budgets[at] = budgets
        self._ended[at] = [state.phase == "ended" for state in states]
        self.used[at] = [state.used for state in states]
        for row, state in zip(rows, states, strict=True):
            self._starts[row] = state
            if self._rewards[row] or state.step_rewards:
                self._rewards[row] = list(state.step_rewards)
            if state.used:
                self._ids[row, : state.used] = state.actions

    def step(self, rows: Rows, actions: Sequence[Action]) -> NDArray[np.bool_]:
        """Do the actions of some rows; returns which of all rows are done."""
        return self.step_ids(rows, self.checked(rows, actions)[rows])

    def step_ids(self, rows: Rows | slice, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Do checked actions of some rows; returns which of all rows are done."""
        used = self.used[rows]
        self._ids.reshape(-1)[self._first[rows] + used] = ids
        self.used[rows] = used + 1
        self._ended[rows] = ids == self._vocabulary.eos
        done: NDArray[np.bool_] = self._ended | (self.used >= self._budgets)
        return done

    def step_by(
        self, kernel: Kernel, actions: Sequence[Action], resting: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Do the actions of all rows but those that rest, observations included; returns who is done now, and the ids.

        Raises:
            OptionError: if an action is not in the action space; then no row has moved.
        """
        ids = np.ascontiguousarray(self._integers(actions))
        wrong, done = kernel.step(self._ids, self.used, self._budgets, self._ended, ids, resting)
        if wrong >= 0:
            raise self._no_token(ids[wrong])
        return done, ids

    def checked(self, rows: Rows, actions: Sequence[Action]) -> NDArray[np.int64]:
        """The actions of all rows as ids; those of `rows` must be in the action space."""
        ids = self._integers(actions)
        asked = ids if len(rows) == len(ids) else ids[rows]
        if len(asked) and (asked.min() < 0 or asked.max() >= self._vocabulary.size):
            raise self._no_token(asked[(asked < 0) | (asked >= self._vocabulary.size)][0])
        return ids

    def _integers(self, actions: Sequence[Action]) -> NDArray[np.int64]:
        ids = np.asarray(actions)
        if ids.shape != self.used.shape or ids.dtype.kind not in "iu":
            raise OptionError(
                f"Actions of {len(self.used)} Token environments are that many token ids, not {actions!r}."
            )
        return ids.astype(np.int64, copy=False)

    def _no_token(self, wrong: object) -> OptionError:
        return OptionError(
            f"An action of a Token environment is a token id in 0..{self._vocabulary.size - 1}, not {wrong}."
        )

    def state(self, row: int) -> State:
        """The state of a row."""
        return self.states(np.array([row]))[0]

    def states(self, rows: Rows) -> list[State]:
        """The states of some rows."""
        states = []
        for row, used, ended in zip(rows.tolist(), self.used[rows].tolist(), self._ended[rows].tolist(), strict=True):
            start = self._starts[row]
            assert start is not None
            if used != start.used:
                phase: Phase = "ended" if ended else "spent" if used >= start.budget else "writing"
                start = later(start, tuple(self._ids[row, :used].tolist()), used, phase, tuple(self._rewards[row]))
            states.append(start)
        return states

    def reward(self, row: int, reward: float) -> None:
        """Note a process reward for the row's last action."""
        self._rewards[row].append(reward)
