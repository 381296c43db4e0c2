"""Visible: the part of a problem that agents may see, worked out once."""

from __future__ import annotations

from dataclasses import dataclass

from codegym.envs.errors import StateError
from codegym.envs.mdp.state import State, View, later
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.statement import prompt, public_test_lines, statement


@dataclass(frozen=True)
class Visible:
    """What every View of a problem shares. Holds no hidden test, no reference and nothing that leads to one.

    Attributes are those of `View`.
    """

    problem: str
    statement: str
    starter: str
    entry_point: str | None
    public_tests: tuple[str, ...]
    prompt: str
    language: str
    tags: tuple[str, ...]


def visible(problem: Problem | Visible) -> Visible:
    """The part of a problem that agents may see."""
    if isinstance(problem, Visible):
        return problem
    return Visible(
        problem=problem.uri,
        statement=statement(problem),
        starter=problem.starter,
        entry_point=problem.entry_point,
        public_tests=tuple(public_test_lines(problem)),
        prompt=prompt(problem),
        language=problem.language,
        tags=problem.tags,
    )


def view_of(state: State, problem: Problem | Visible, text: str) -> View:
    """The view of a state whose text so far is known."""
    seen = visible(problem)
    if seen.problem != state.problem:
        raise StateError(f"The state belongs to {state.problem!r}, not to {seen.problem!r}.")
    return View(
        mdp=state.mdp,
        problem=seen.problem,
        statement=seen.statement,
        starter=seen.starter,
        entry_point=seen.entry_point,
        public_tests=seen.public_tests,
        given=state.start.text,
        text=text,
        prompt=seen.prompt,
        actions=state.actions,
        budget_left=max(state.budget - state.used, 0),
        phase=state.phase,
        language=seen.language,
        tags=seen.tags,
    )


def writing(state: State) -> State:
    """The state itself.

    Raises:
        StateError: if its episode is over.
    """
    if state.done:
        raise StateError(f"The episode of {state.problem!r} is over ({state.phase}); reset before the next step.")
    return state


def after(state: State, action: int | str, *, used: int, phase: str) -> State:
    """The state with one more action; "writing" becomes "spent" where the budget is used up."""
    if phase == "writing" and used >= state.budget:
        phase = "spent"
    return later(state, (*state.actions, action), used, phase, state.step_rewards)  # type: ignore[arg-type]
