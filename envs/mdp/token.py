"""The Token process: an action is a token id, the program is the given text and the ids' bytes read as UTF-8."""

from __future__ import annotations

import codecs
import operator

from codegym.envs.errors import OptionError
from codegym.envs.mdp.state import Action, Start, State, View
from codegym.envs.mdp.visible import Visible, after, view_of, writing
from codegym.envs.problems.problem import Problem
from codegym.envs.vocabulary import Vocabulary


def initial(problem: Problem, start: Start, budget: int, vocabulary: Vocabulary) -> State:
    """The state before the first token."""
    return State("token", problem.uri, start, budget=budget, vocabulary=vocabulary.sha)


def transition(state: State, action: Action, vocabulary: Vocabulary) -> State:
    """Append one token; the end-of-sequence token ends the episode, the last token of the budget truncates it.

    Raises:
        OptionError: if the action is no token id.
        StateError: if the episode is over.
    """
    token = token_id(action, vocabulary)
    phase = "ended" if token == vocabulary.eos else "writing"
    return after(writing(state), token, used=state.used + 1, phase=phase)


def token_id(action: object, vocabulary: Vocabulary) -> int:
    """The action as a token id.

    Raises:
        OptionError: if it is none of the vocabulary.
    """
    try:
        token = operator.index(action)  # type: ignore[arg-type]  # the TypeError is the check
    except TypeError:
        token = -1
    if isinstance(action, bool) or not 0 <= token < vocabulary.size:
        raise OptionError(
            f"An action of a Token environment is a token id in 0..{vocabulary.size - 1}, not {action!r}."
        )
    return token


def written(state: State, vocabulary: Vocabulary) -> bytes:
    """The bytes of the tokens so far."""
    table = vocabulary.token_bytes
    return b"".join([table[token] for token in state.actions])  # type: ignore[index]  # ids are int


def program(state: State, vocabulary: Vocabulary) -> str | None:
    """The program so far, or None where its bytes are no UTF-8: it then counts as not compiling."""
    readable, whole = ending(state, vocabulary)
    return readable if whole else None


def text(state: State, vocabulary: Vocabulary) -> str:
    """The text so far for people and agents: wrong bytes as U+FFFD, an unfinished character left out."""
    return ending(state, vocabulary)[0]


def ending(state: State, vocabulary: Vocabulary) -> tuple[str, bool]:
    """The text so far as people read it, and whether its bytes are all of it: else it is no program."""
    return read(state.start, written(state, vocabulary))


def read(start: Start, data: bytes | memoryview) -> tuple[str, bool]:
    """A start and the bytes written after it as `ending` gives them."""
    readable, consumed = codecs.utf_8_decode(data, "replace", False)
    whole = consumed == len(data) and ("\ufffd" not in readable or readable.encode() == data)
    return start.text + readable, whole


def view(state: State, problem: Problem | Visible, vocabulary: Vocabulary) -> View:
    """What an agent may see."""
    return view_of(state, problem, text(state, vocabulary))


def character_ranges(state: State, vocabulary: Vocabulary) -> list[tuple[int, int]]:
    """For each token the characters of the program that it wrote a part of; empty for a token without bytes."""
    of_byte: list[int] = []
    char = len(state.start.text) - 1
    for byte in written(state, vocabulary):
        char += byte & 0xC0 != 0x80
        of_byte.append(char)
    ranges = []
    end = 0
    for token in state.actions:
        begin, end = end, end + len(vocabulary.token_bytes[int(token)])
        ranges.append((of_byte[begin], of_byte[end - 1] + 1) if end > begin else (0, 0))
    return ranges
