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
            seeds: one per row, read where a row is planned; without them, or if `deterministic`, the row's place.
            deterministic: use the same seeds each time.
        """
        if seeds is None or deterministic:
            seeds = range(len(observations))
        places = [int(infos[i].get("row", i)) if infos else i for i in range(len(observations))]
        stale = [i for i, view in enumerate(observations) if not self._expects(places[i], view)]
        tokens = dict.fromkeys(range(len(observations)), 0)
        if stale:
            rows = [places[i] for i in stale]
            plans = self.plan(rows, [observations[i] for i in stale], [seeds[i] for i in stale])
            for i, plan in zip(stale, plans, strict=True):
                view = observations[i]
                self._rows[places[i]] = _Row(view.problem, view.given, view.actions, plan.actions)
                tokens[i] = plan.tokens
        decisions = []
        for i, place in enumerate(places):
            row = self._rows[place]
            action, *left = row.left
            row.done, row.left = (*row.done, action), tuple(left)
            decisions.append(Decision(action, other_tokens=tokens[i]))
        return decisions

    def _expects(self, place: int, view: View) -> bool:
        return place in self._rows and self._rows[place].expects(view)
