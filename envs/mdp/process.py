"""Process: one of the three decision processes with what it needs bound to it; still nothing but pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from codegym.envs.mdp import line, pseudocode, token
from codegym.envs.mdp.state import Action, MdpName, Start, State, View
from codegym.envs.mdp.visible import Visible, view_of
from codegym.envs.problems.problem import Problem
from codegym.envs.vocabulary import Vocabulary


@dataclass(frozen=True)
class Process:
    """The functions of codegym.envs.mdp.{token, line, pseudocode} behind one interface.

    Attributes:
        name: which process.
        vocabulary: of the Token process; the other two do not use it.
    """

    name: MdpName
    vocabulary: Vocabulary

    def initial(self, problem: Problem, start: Start, budget: int) -> State:
        """The state before the first action."""
        if self.name == "token":
            return token.initial(problem, start, budget, self.vocabulary)
        if self.name == "line":
            return line.initial(problem, start, budget)
        return pseudocode.initial(problem, start, budget)

    def transition(self, state: State, action: Action) -> State:
        """The state after an action."""
        if self.name == "token":
            return token.transition(state, action, self.vocabulary)
        if self.name == "line":
            return line.transition(state, action)
        return pseudocode.transition(state, action)

    def program(self, state: State) -> str | None:
        """The program to execute, or None where there is none: it counts as not compiling."""
        if self.name == "token":
            return token.program(state, self.vocabulary)
        if self.name == "line":
            return line.program(state)
        return pseudocode.program(state)

    def ending(self, state: State) -> tuple[str, bool]:
        """The program to execute and True; or what people can read of one that there is not, and False."""
        if self.name == "token":
            return token.ending(state, self.vocabulary)
        program = self.program(state)
        return program or "", program is not None

    def text(self, state: State) -> str:
        """The text so far: of the program, or in Pseudocode the steps."""
        if self.name == "token":
            return token.text(state, self.vocabulary)
        if self.name == "line":
            return line.program(state)
        return pseudocode.text(state)

    def given_chars(self, state: State) -> int:
        """How many characters of the program no action wrote."""
        return 0 if self.name == "pseudocode" else len(state.start.text)

    def view(self, state: State, problem: Problem | Visible) -> View:
        """What an agent may see."""
        return view_of(state, problem, self.text(state))
