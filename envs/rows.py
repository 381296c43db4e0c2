"""The episodes of a vector environment: Token's as arrays, the others' as states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from codegym.envs.endings import RowEndings, TextEndings, TokenEndings
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

    def endings(self, rows: Rows, kernel: Kernel | None) -> RowEndings:
        """The episodes of some rows, which are done, as they are now: what these rows do later does not change them."""
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

    def endings(self, rows: Rows, kernel: Kernel | None) -> TextEndings:
        """The episodes of some rows, which are done."""
        return TextEndings(self._process, self.states(rows))

    def reward(self, row: int, reward: float) -> None:
        """Note a process reward for the row's last action."""
        state = self.state(row)
        self._states[row] = replace(state, step_rewards=(*state.step_rewards, reward))


class TokenRows:
    """Rows of Token episodes: a matrix of ids and their number, moved all at once."""

    def __init__(self, vocabulary: Vocabulary, rows: int) -> None:
        self._vocabulary = vocabulary
        self._begun = np.full(rows, None, dtype=object)
        self._rewards: list[list[float]] = [[] for _ in range(rows)]
        self._rewarded = False  # whether any row ever had one
        self._ids = np.zeros((rows, 0), dtype=np.int64)
        self._first = np.zeros(rows, dtype=np.intp)  # where each row begins in the flat array of ids
        self._budgets = np.zeros(rows, dtype=np.int64)
        self._ended = np.zeros(rows, dtype=np.bool_)
        self.used = np.zeros(rows, dtype=np.int64)

    def _widen(self, budget: int) -> None:
        if budget >= self._ids.shape[1]:
            wider = np.zeros((len(self.used), budget + 1), dtype=np.int64)
            wider[:, : self._ids.shape[1]] = self._ids
            self._ids = wider
            self._first = np.arange(len(wider)) * wider.shape[1]

    def restart(self, rows: Sequence[int], states: Sequence[State]) -> None:
        """Put some rows into states."""
        self.begin(np.array(rows, dtype=np.intp), states, max(state.budget for state in states))
        for row, state in zip(rows, states, strict=True):
            self._budgets[row], self.used[row], self._ended[row] = state.budget, state.used, state.phase == "ended"
            self._rewards[row] = list(state.step_rewards)
            self._rewarded = self._rewarded or bool(state.step_rewards)
            self._ids[row, : state.used] = state.actions

    def begin(self, rows: Rows, states: Any, budget: int) -> None:
        """Put some rows into states in which nothing is done yet, all of one budget."""
        self._widen(budget)
        self._budgets[rows] = budget
        self._ended[rows] = False
        self.used[rows] = 0
        self._begun[rows] = states
        if self._rewarded:
            for row in rows.tolist():
                self._rewards[row] = []

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
        kernel.episodes(self._ids, self.used, self._budgets, self._ended)
        wrong, done = kernel.step(ids, resting)
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
            start: State = self._begun[row]
            if used != start.used:
                phase: Phase = "ended" if ended else "spent" if used >= start.budget else "writing"
                start = later(start, tuple(self._ids[row, :used].tolist()), used, phase, tuple(self._rewards[row]))
            states.append(start)
        return states

    def endings(self, rows: Rows, kernel: Kernel | None) -> TokenEndings:
        """The episodes of some rows, which are done."""
        used: list[int] = self.used[rows].tolist()
        spelled: bytes | memoryview
        if kernel is not None:
            ids, spelled, ends = kernel.spell(rows, sum(used))
        else:
            table = self._vocabulary.token_bytes
            parts = [self._ids[row, :own] for row, own in zip(rows.tolist(), used, strict=True)]
            written = [b"".join([table[token] for token in part.tolist()]) for part in parts]
            ids = np.concatenate(parts).astype(np.int32) if parts else np.zeros(0, dtype=np.int32)
            spelled, ends = b"".join(written), np.cumsum([len(own) for own in written]).tolist()
        return TokenEndings(
            self._begun[rows].tolist(), used, ids, spelled, ends, self._ended[rows].tolist(),
            [tuple(self._rewards[row]) for row in rows.tolist()] if self._rewarded else None,
        )  # fmt: skip

    def reward(self, row: int, reward: float) -> None:
        """Note a process reward for the row's last action."""
        self._rewards[row].append(reward)
        self._rewarded = True
