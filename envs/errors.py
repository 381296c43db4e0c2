"""The exceptions that users can catch: one small tree under CodegymError."""

from __future__ import annotations

from collections.abc import Iterable


class CodegymError(Exception):
    """Base class of every error codegym raises on purpose; its text is one line: what was wrong, what to do."""


class OptionError(CodegymError, ValueError):
    """An option, name or value that codegym does not know; the message names the known ones."""


class DataError(CodegymError, ValueError):
    """A file or record that cannot be read as what it should be; the message names the file and the line."""


class InfrastructureError(CodegymError, RuntimeError):
    """The machine failed, not the program under test; never turned into a reward."""


class IsolationError(CodegymError, RuntimeError):
    """The machine offers fewer isolation layers than `min_layers` asks for."""


class StateError(CodegymError, RuntimeError):
    """A step before reset or after the end, or a state from another environment or version."""


class TrainingError(CodegymError, RuntimeError):
    """Training cannot go on: NaN in a loss or reward, or log-probabilities that do not belong to the policy."""


class PromptTooLong(CodegymError, ValueError):
    """A prompt does not fit into the context of a language model; the message names the problem's uri.

    Attributes:
        problem: the uri, "" where the prompt is of no problem.
    """

    def __init__(self, message: str, problem: str = "") -> None:
        super().__init__(message)
        self.problem = problem


def unknown(kind: str, given: object, known: Iterable[str]) -> OptionError:
    """Return an OptionError that names the fault, the nearest known name and all the known ones."""
    names = sorted(known)
    import difflib  # for those who need it

    near = difflib.get_close_matches(str(given), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return OptionError(f"Unknown {kind} {given!r}.{hint} Known: {', '.join(names)}.")
