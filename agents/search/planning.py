"""An agent that decides on a whole program when it is first asked, and then plays it action by action."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codegym.agents.agent import Decision
from codegym.envs.mdp.state import Action, View


@dataclass(frozen=True)
class Plan:
    """What an agent means to do in one row.

    Attributes:
        actions: still to be made, in order.
        tokens: sampled to find them.
    """

    actions: tuple[Action, ...]
    tokens: int = 0


@dataclass
class _Row:
    problem: str
    given: str
    done: tuple[Action, ...]
    left: tuple[Action, ...]

    def expects(self, view: View) -> bool:
        return bool(self.left) and (self.problem, self.given, self.done) == (view.problem, view.given, view.actions)

    def next(self) -> Action:
        action, *left = self.left
        self.done, self.left = (*self.done, action), tuple(left)
        return action


class PlanningAgent(ABC):
    """Plays plans: the base of search and best-of-n. Acts on Views (`env.unwrapped.view()`).

    A row, known by `row` of its info or else by its place in the list, is planned when it is first asked, and again
    whenever its view is not the one that its plan led to. Traces are left out: the actions of a searched program were
    not sampled from the policy, so these episodes train SFT, rankers and process rewards, never PPO.
    """

    observes = "view"

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    @abstractmethod
    def plan(self, rows: Sequence[int], views: Sequence[View], seeds: Sequence[int]) -> list[Plan]:
        """One plan per view, none empty; plan i depends on views[i] and seeds[i] alone."""

    def act(
        self,
        observations: Sequence[View],
        infos: Sequence[Mapping[str, Any]],
        *,
        seeds: Sequence[int] | None = None,
        deterministic: bool = False,
    ) -> list[Decision]:
        """The next action of each row's plan; its tokens are counted with the first.

        Args:
            observations: Views.
            infos: `row`, where there is one, tells rows apart when finished ones leave the list.
            seeds: one per row, read where a row is planned; without them the row's place in the list.
            deterministic: plan every row with seed 0.
        """
        if deterministic:
            seeds = [0] * len(observations)
        elif seeds is None:
            seeds = range(len(observations))
        rows = [info.get("row", place) for place, info in enumerate(infos)]
        stale = [
            i for i, row in enumerate(rows) if row not in self._rows or not self._rows[row].expects(observations[i])
        ]
        tokens = dict.fromkeys(rows, 0)
        if stale:
            plans = self.plan([rows[i] for i in stale], [observations[i] for i in stale], [seeds[i] for i in stale])
            for i, plan in zip(stale, plans, strict=True):
                view = observations[i]
                self._rows[rows[i]] = _Row(view.problem, view.given, view.actions, plan.actions)
                tokens[rows[i]] = plan.tokens
        return [Decision(self._rows[row].next(), other_tokens=tokens[row]) for row in rows]
