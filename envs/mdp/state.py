"""State: an unfinished program as a value. View: what an agent may see of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MdpName = Literal["token", "line", "pseudocode"]
Action = int | str
Phase = Literal["writing", "ended", "invalid", "spent"]


@dataclass(frozen=True)
class Start:
    """Where an episode began.

    Attributes:
        kind: "question" (the given text alone), "fraction", "conditional", "prefix" or "curriculum".
        text: the program text at the start, given text included; never ends in a newline.
        value: the fraction, the conditional's index, or the curriculum's stage; None for "question" and "prefix".
    """

    kind: str = "question"
    text: str = ""
    value: float | None = None


@dataclass(frozen=True)
class State:
    """An episode so far. Small, hashable, picklable; holds the problem's uri, never the Problem, and no RNG.

    Attributes:
        mdp: which of the three processes.
        version: of the environment ("v0"): a state from another version is refused.
        problem: uri.
        start: where the episode began.
        actions: what the agent did, in order: token ids, lines, or pseudocode steps.
        budget: the most actions an episode may have (tokens, lines or steps).
        phase: "writing", "ended" (terminated), "invalid" (ended by a malformed step) or "spent" (budget used up).
        used: how much of the budget is used (lines count inner newlines, so it can exceed len(actions)).
        vocabulary: identity hash of the Token environment's tokenizer, "" elsewhere.
        step_rewards: process rewards r_1..r_m of the actions so far; empty without a process reward.
    """

    mdp: MdpName
    problem: str
    start: Start
    actions: tuple[Action, ...] = ()
    budget: int = 256
    used: int = 0
    phase: Phase = "writing"
    version: str = "v0"
    vocabulary: str = ""
    step_rewards: tuple[float, ...] = ()

    @property
    def terminated(self) -> bool:
        """The agent ended the program itself."""
        return self.phase in ("ended", "invalid")

    @property
    def truncated(self) -> bool:
        """The budget was spent first."""
        return self.phase == "spent"

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self.phase != "writing"


def later(
    state: State,
    actions: tuple[Action, ...],
    used: int,
    phase: Phase,
    step_rewards: tuple[float, ...] = (),
) -> State:
    """The state of the same episode after other actions: `dataclasses.replace`, ten times as fast."""
    made = object.__new__(State)
    fields = made.__dict__
    fields.update(state.__dict__)
    fields["actions"], fields["used"], fields["phase"], fields["step_rewards"] = actions, used, phase, step_rewards
    return made


@dataclass(frozen=True)
class View:
    """What agents, proposers and search may see. No hidden test, no reference, no object that leads to one.

    Attributes:
        mdp: which process.
        problem: uri.
        statement: the task in English, with the public tests as examples.
        starter: code that the problem shows.
        entry_point: name of the function to write, or None.
        public_tests: the public tests, each rendered as one line of text.
        given: the text the program begins with (the start state's text).
        text: the program so far, `given` included (Token, Line); the steps so far joined by newlines (Pseudocode).
        prompt: what a completion-style language model reads before `text`. Where there is given text it is empty or
            ends in a newline, so that `prompt + text` ends without one; else it ends without one itself, and the
            program begins on the next line.
        actions: what the agent did so far.
        budget_left: actions left.
        phase: as in State.
        language: "python" or "cpp".
    """

    mdp: MdpName
    problem: str
    statement: str
    starter: str
    entry_point: str | None
    public_tests: tuple[str, ...]
    given: str
    text: str
    prompt: str
    actions: tuple[Action, ...] = ()
    budget_left: int = 0
    phase: str = "writing"
    language: str = "python"
    tags: tuple[str, ...] = field(default=())
