"""The Pseudocode process (O1-CODER): an action is a reasoning step; `<Action 3>` writes the code and ends."""

from __future__ import annotations

import re

from codegym.envs.mdp.line import checked_text
from codegym.envs.mdp.state import Action, Start, State, View
from codegym.envs.mdp.visible import Visible, after, view_of, writing
from codegym.envs.problems.problem import Problem

_TAG = re.compile(r"\s*<Action ([123])>")
_OPEN = re.compile(r" {0,3}```(?!.*`).*")
_CLOSE = re.compile(r" {0,3}```\s*")


def initial(problem: Problem, start: Start, budget: int) -> State:
    """The state before the first step."""
    return State("pseudocode", problem.uri, start, budget=budget)


def transition(state: State, action: Action) -> State:
    """Append a step.

    `<Action 1>` defines the structure, `<Action 2>` refines it, `<Action 3>` with a complete code fence ends the
    episode. A step without one of these tags, or `<Action 3>` without a fence, ends it as "invalid".

    Raises:
        OptionError: if the action is no text that the action space contains.
        StateError: if the episode is over.
    """
    step = checked_text(action, "a step that begins with <Action 1>, <Action 2> or <Action 3>")
    kind = step_kind(step)
    phase = "writing"
    if kind == 0 or (kind == 3 and last_fence(step) is None):
        phase = "invalid"
    elif kind == 3:
        phase = "ended"
    return after(writing(state), step, used=state.used + 1, phase=phase)


def step_kind(step: str) -> int:
    """1, 2 or 3 by the tag that a step begins with; 0 without a known one."""
    match = _TAG.match(step)
    return int(match[1]) if match else 0


def last_fence(text: str) -> str | None:
    """The content of the last complete code fence, without its last newline; None if there is no fence."""
    found = None
    opened: list[str] | None = None
    for line in text.split("\n"):
        if opened is None:
            if _OPEN.fullmatch(line):
                opened = []
        elif _CLOSE.fullmatch(line):
            found, opened = "\n".join(opened), None
        else:
            opened.append(line)
    return found


def program(state: State) -> str | None:
    """The code of the last step, or None before `<Action 3>` and after a malformed step: that does not compile."""
    return last_fence(str(state.actions[-1])) if state.phase == "ended" else None


def text(state: State) -> str:
    """The steps so far."""
    return "\n".join(str(action) for action in state.actions)


def view(state: State, problem: Problem | Visible) -> View:
    """What an agent may see."""
    return view_of(state, problem, text(state))
