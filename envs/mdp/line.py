"""The Line process: an action is a line, which owns the newline before it; `<END>` ends the program."""

from __future__ import annotations

from codegym import END
from codegym.envs.errors import OptionError
from codegym.envs.mdp.state import Action, Start, State, View
from codegym.envs.mdp.visible import Visible, after, view_of, writing
from codegym.envs.problems.problem import Problem

MAX_ACTION_CHARS = 16_384


def initial(problem: Problem, start: Start, budget: int) -> State:
    """The state before the first line."""
    return State("line", problem.uri, start, budget=budget)


def transition(state: State, action: Action) -> State:
    """Append a line, or several where the action has newlines inside, each of which counts; END ends the episode.

    An action is never cut: one with more lines than the budget has left is the last one.

    Raises:
        OptionError: if the action is no text that the action space contains.
        StateError: if the episode is over.
    """
    line = checked_text(action, "a line")
    if line == END:
        return after(writing(state), line, used=state.used, phase="ended")
    return after(writing(state), line, used=state.used + 1 + line.count("\n"), phase="writing")


def checked_text(action: object, what: str) -> str:
    """The action as text.

    Raises:
        OptionError: if it is no str, too long, or holds surrogates.
    """
    if not isinstance(action, str):
        raise OptionError(f"An action is {what}, a str, not {type(action).__name__}.")
    if len(action) > MAX_ACTION_CHARS:
        raise OptionError(f"An action has at most {MAX_ACTION_CHARS} characters, not {len(action)}.")
    if not action.isascii():
        try:
            action.encode()
        except UnicodeEncodeError:
            raise OptionError("An action is text without surrogates; this one cannot be written as UTF-8.") from None
    return str(action)


def program(state: State) -> str:
    """The start text and the lines so far, joined by newlines."""
    lines = [str(action) for action in (state.actions[:-1] if state.phase == "ended" else state.actions)]
    return "\n".join([state.start.text, *lines] if state.start.text else lines)


def view(state: State, problem: Problem | Visible) -> View:
    """What an agent may see."""
    return view_of(state, problem, program(state))
