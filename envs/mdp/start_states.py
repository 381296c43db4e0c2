"""Start states: where an episode begins, and the curriculum that moves it (StepCoder's CCCS)."""

from __future__ import annotations

import ast
import functools
import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from codegym.envs.errors import OptionError, unknown
from codegym.envs.mdp.state import Start
from codegym.envs.problems.problem import Problem

CONDITIONAL_KINDS: dict[str, tuple[str, ...]] = {
    "If": ("If",),
    "For": ("For", "AsyncFor"),
    "While": ("While",),
    "Try": ("Try", "TryStar"),
    "Match": ("Match",),
}
"""What counts as a conditional statement, and the names of its AST nodes; an `elif` is an If."""


class Starts(Protocol):
    """Decides where episodes begin, and learns how they ended."""

    @property
    def spec(self) -> Any:
        """String or JSON form."""
        ...

    def start(self, problem: Problem) -> Start:
        """Where the next episode of a problem begins."""
        ...

    def record(self, problem: Problem, start: Start, success: bool) -> None:
        """Take note of how an episode ended."""
        ...


class Question:
    """Every episode begins with the given text alone."""

    spec = "question"

    def start(self, problem: Problem) -> Start:
        """The given text."""
        return Start("question", problem.given)

    def record(self, problem: Problem, start: Start, success: bool) -> None:
        """Nothing to learn."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Question:
        return self


class CCCS:
    """Curriculum of Code Completion Subtasks: episodes begin late in the reference and move towards its beginning.

    With E conditional statements in the part of the reference that is not given anyway, n = ceil(sqrt(E)) and
    stride s = ceil(E / n), stage c = n..1 gives the reference up to conditional s * (c - 1) and stage 0 gives nothing.
    A stage is passed when the success rate of its last `window` episodes exceeds `rho`.

    Progress is kept per problem, and for katas per family and stage. The object is shared by whatever environments it
    is given to, copies to itself, and pickles with its progress (a worker process has its own).

    Args:
        rho: the success rate to exceed, in 0..1.
        window: number of last episodes that the rate is taken over.
        kinds: which statements are conditionals: If, For, While, Try, Match.
    """

    def __init__(
        self, rho: float = 0.5, window: int = 16, kinds: Sequence[str] = ("If", "For", "While", "Try", "Match")
    ) -> None:
        if not 0.0 <= rho <= 1.0:
            raise OptionError(f"CCCS needs rho in 0..1, not {rho!r}.")
        if window < 1:
            raise OptionError(f"CCCS needs a window of at least 1 episode, not {window!r}.")
        for kind in kinds:
            if kind not in CONDITIONAL_KINDS:
                raise unknown("kind of conditional", kind, CONDITIONAL_KINDS)
        self.rho = rho
        self.window = window
        self.kinds = tuple(kinds)
        self._recent: dict[tuple[str, int], deque[bool]] = {}
        self._passed: set[tuple[str, int]] = set()

    @property
    def spec(self) -> Any:
        """The JSON form, without the progress: the start chosen is in each Episode."""
        parameters: dict[str, Any] = {"rho": self.rho, "window": self.window, "kinds": list(self.kinds)}
        changed = {name: value for name, value in parameters.items() if value != _CCCS_DEFAULTS[name]}
        return {"name": "curriculum", **changed} if changed else "curriculum"

    def start(self, problem: Problem) -> Start:
        """The start of the problem's present stage."""
        stage = self.stage(problem)
        if stage == 0:
            return Start("curriculum", problem.given, 0)
        cuts = conditional_cuts(problem, self.kinds)
        conditional = stages(len(cuts))[-stage - 1]
        return Start("curriculum", _kept(problem, None if conditional is None else cuts[conditional]), stage)

    def stage(self, problem: Problem) -> int:
        """The present stage c of a problem: the latest one that is not passed."""
        stage = len(stages(len(conditional_cuts(problem, self.kinds)))) - 1
        while stage > 0 and (self.key(problem), stage) in self._passed:
            stage -= 1
        return stage

    def record(self, problem: Problem, start: Start, success: bool) -> None:
        """Count an episode that began at a stage; passing a stage opens the one before it."""
        if start.kind != "curriculum" or start.value is None:
            return
        key = (self.key(problem), int(start.value))
        recent = self._recent.setdefault(key, deque(maxlen=self.window))
        recent.append(success)
        if len(recent) == self.window and sum(recent) / self.window > self.rho:
            self._passed.add(key)

    def progress(self) -> dict[str, Any]:
        """What was learned about the keys so far, JSON-able; `restore` reads it."""
        recent = [[key, stage, [int(success) for success in ends]] for (key, stage), ends in self._recent.items()]
        return {"recent": recent, "passed": sorted([key, stage] for key, stage in self._passed)}

    def restore(self, progress: Mapping[str, Any]) -> None:
        """Go on from a `progress` that was written before."""
        self._recent = {
            (key, stage): deque(map(bool, ends), maxlen=self.window) for key, stage, ends in progress["recent"]
        }
        self._passed = {(key, stage) for key, stage in progress["passed"]}

    def key(self, problem: Problem) -> str:
        """What progress is kept for: the family of a procedural problem (`katas/FAMILY/INDEX`), else the problem."""
        family, _, index = problem.uri.rpartition("/")
        return family if problem.set_name == "katas" and "/" in family and index.isdigit() else problem.uri

    def __deepcopy__(self, memo: dict[int, Any]) -> CCCS:
        return self

    def __repr__(self) -> str:
        return f"CCCS(rho={self.rho}, window={self.window}, kinds={self.kinds})"


_CCCS_DEFAULTS: dict[str, Any] = {"rho": 0.5, "window": 16, "kinds": ["If", "For", "While", "Try", "Match"]}


def resolve_starts(option: str | Mapping[str, Any] | Starts) -> Starts:
    """What the environment argument `start` stands for: "question", "curriculum", a CCCS, or the JSON form of one.

    Raises:
        OptionError: for anything else.
    """
    if option == "question":
        return Question()
    if option == "curriculum":
        return CCCS()
    if isinstance(option, Mapping):
        parameters = dict(option)
        if parameters.pop("name", None) != "curriculum" or not parameters.keys() <= _CCCS_DEFAULTS.keys():
            raise OptionError(
                f"The JSON form of a curriculum has name='curriculum' and any of {', '.join(_CCCS_DEFAULTS)}, "
                f"not {dict(option)!r}."
            )
        return CCCS(**parameters)
    if hasattr(option, "start") and hasattr(option, "record") and not isinstance(option, str):
        return option
    raise unknown("start", option, ["question", "curriculum", "CCCS(...)"])


@functools.cache
def stages(conditionals: int) -> tuple[int | None, ...]:
    """The conditional before which each stage cuts, from stage n down to stage 0, which gives nothing.

    E = 0: none. E = 1: 0, none. E = 2: 1, 0, none. E = 5: 4, 2, 0, none. E = 9: 6, 3, 0, none.
    """
    if conditionals == 0:
        return (None,)
    root = math.isqrt(conditionals)
    n = root + (root * root < conditionals)
    stride = -(-conditionals // n)
    return (*(stride * (c - 1) for c in range(n, 0, -1)), None)


def start_of(problem: Problem, option: Any) -> Start:
    """The start that a reset option stands for.

    Args:
        problem: whose episode begins.
        option: "question", a fraction of the solution's lines in 0..1, `{"conditional": k}`, `{"prefix": code}`, or
            the form that Episodes store, `{"kind", "text", "value"}`.

    Raises:
        OptionError: for anything else, or where the problem has no reference to cut.
    """
    if option == "question":
        return Start("question", problem.given)
    if isinstance(option, Start):
        return option
    if isinstance(option, int | float) and not isinstance(option, bool):
        return Start("fraction", fraction_text(problem, float(option)), float(option))
    if isinstance(option, Mapping):
        keys = set(option)
        if keys == {"conditional"}:
            return Start("conditional", conditional_text(problem, option["conditional"]), int(option["conditional"]))
        if keys == {"prefix"} and isinstance(option["prefix"], str):
            return Start("prefix", option["prefix"].rstrip("\n"))
        if keys == {"kind", "text", "value"} and isinstance(option["text"], str):
            return Start(str(option["kind"]), option["text"].rstrip("\n"), option["value"])
    raise OptionError(
        f"Unknown start {option!r}. Known: 'question', a fraction of the solution's lines in 0..1, "
        "{'conditional': k}, {'prefix': code}."
    )


def start_form(start: Start) -> dict[str, Any]:
    """The start as Episodes store it."""
    return {"kind": start.kind, "text": start.text, "value": start.value}


def start_label(start: Start) -> str:
    """The start as `info["start"]` has it: compact JSON without the text."""
    return _label(start.kind, start.value)


@functools.lru_cache(maxsize=4096, typed=True)
def _label(kind: str, value: float | None) -> str:
    return json.dumps({"kind": kind, "value": value}, separators=(",", ":"))


def fraction_text(problem: Problem, fraction: float) -> str:
    """The given text and the first floor(fraction * lines) lines of the solution after it; no newline at the end."""
    if not 0.0 <= fraction <= 1.0:
        raise OptionError(f"A start fraction is a number in 0..1, not {fraction!r}.")
    solution = _reference(problem)
    given = len(problem.given)
    rest = solution[given:]
    own_line = rest.startswith("\n")
    lines = rest[own_line:].split("\n") if rest else []
    kept = math.floor(fraction * len(lines) + 1e-9)
    return _kept(problem, given + own_line * bool(kept) + len("\n".join(lines[:kept])))


def conditional_text(problem: Problem, index: Any) -> str:
    """The solution up to the newline that begins the line of its k-th conditional, counted from 0."""
    cuts = conditional_cuts(problem)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(cuts):
        known = f"0..{len(cuts) - 1}" if cuts else "none"
        raise OptionError(f"The solution of {problem.uri!r} has no conditional {index!r}; it has {known}.")
    return _kept(problem, cuts[index])


def conditional_cuts(problem: Problem, kinds: Sequence[str] = tuple(CONDITIONAL_KINDS)) -> tuple[int, ...]:
    """For each conditional of the first reference, in order, where the newline before its line begins.

    Conditionals inside the given text are left out. Empty without a reference and for languages other than Python.
    """
    if problem.language != "python" or not problem.references:
        return ()
    return _cuts(_reference(problem), len(problem.given), tuple(kinds))


@functools.lru_cache(maxsize=4096)
def _cuts(solution: str, given: int, kinds: tuple[str, ...]) -> tuple[int, ...]:
    names = {name for kind in kinds for name in CONDITIONAL_KINDS[kind]}
    line_starts = [0]
    for line in solution.split("\n"):
        line_starts.append(line_starts[-1] + len(line) + 1)
    found = {
        max(line_starts[node.lineno - 1] - 1, 0)
        for node in ast.walk(ast.parse(solution))
        if isinstance(node, ast.stmt) and type(node).__name__ in names
    }
    return tuple(sorted(cut for cut in found if cut >= given))


def _kept(problem: Problem, end: int | None) -> str:
    """The reference up to a cut, never less than the given text, and never with a newline at its end."""
    return _reference(problem)[: max(end or 0, len(problem.given))].rstrip("\n")


def _reference(problem: Problem) -> str:
    if not problem.references:
        raise OptionError(f"{problem.uri!r} has no reference solution, so an episode cannot begin inside one.")
    return problem.references[0].rstrip("\n")
