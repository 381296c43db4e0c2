"""From a whole program to the actions that write it: what agents that return programs do in an environment."""

from __future__ import annotations

from codegym import END
from codegym.envs.mdp.state import Action, View
from codegym.envs.vocabulary import Vocabulary


def actions_of(view: View, program: str | None, vocabulary: Vocabulary | None = None) -> tuple[Action, ...]:
    """The actions that make `program` out of the view's given text, and end the episode.

    Args:
        view: at the start of an episode.
        program: the whole text. One that does not begin with the given text is written after it, on new lines:
            a function defined again replaces the one that the given text began. None writes nothing.
        vocabulary: of the environment, needed for Token.
    """
    if view.mdp == "pseudocode":
        return (f"<Action 3>\n```{view.language}\n{program}\n```" if program is not None else "<Action 3>",)
    added = added_text(view.given, program or "")
    if view.mdp == "token":
        assert vocabulary is not None
        return (*vocabulary.encode(added), vocabulary.eos)
    if not added:
        return (END,)
    # A line owns the newline before it; where nothing is given the first line has none.
    lines = added.split("\n")
    return (*(lines[1:] if view.given else lines), END)


def added_text(given: str, program: str) -> str:
    """What comes after the given text; begins with a newline where both hold text."""
    program = program.rstrip("\n")
    if not given or program in ("", given):
        return program if not given else ""
    if program.startswith(given + "\n"):
        return program[len(given) :]
    return "\n" + program
