"""Family: a parametrised kind of problem, its splits, and how one Kata of it becomes a Problem."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.problem import CallTest, Problem, StdioTest, Test
from codegym.envs.problems.statement import literal
from codegym.envs.problems.statistics import count_conditionals

GENERATOR_VERSION = 1
"""Part of the set's hash: raise it with any change to the problems that are generated."""

SPLITS = ("train", "validation", "test")
HELD_OUT = 0.2
"""Share of a family's structures that are held out: half for validation, half for test."""

Parameters = tuple[Any, ...]


@dataclass(frozen=True)
class Kata:
    """What a family makes of its parameters; the expected values come from running the first reference.

    Attributes:
        statement: the task in plain English.
        references: complete programs, best first.
        inputs: argument tuples, or texts on standard input; the first `public` ones are shown to agents.
        starter: first line of a function, or of a class and its method; "" for a program.
        entry_point: what the tests call; None for a program on standard input and output.
        plan: the steps of the solution in English: the structure first, then refinements.
        public: number of public tests.
        difficulty: "easy", "medium" or "hard".
    """

    statement: str
    references: tuple[str, ...]
    inputs: tuple[Any, ...]
    starter: str = ""
    entry_point: str | None = None
    plan: tuple[str, ...] = ()
    public: int = 1
    difficulty: str = "easy"


@dataclass(frozen=True)
class Family:
    """A kind of problem.

    Attributes:
        name: the middle of its uris, words joined by dashes.
        parameters: every different parameter tuple; their order does not matter.
        structure: the part of a parameter tuple that no two splits share.
        make: parameters and a source of random choices (phrasing, inputs) to a Kata; nothing else decides it.
        counts: number of problems in train, validation and test.
        tags: labels of its problems, besides its name.
    """

    name: str
    parameters: Callable[[], Iterable[Parameters]]
    structure: Callable[[Parameters], Hashable]
    make: Callable[[Parameters, Draws], Kata]
    counts: tuple[int, int, int]
    tags: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(self.counts)

    def split_of(self, index: int) -> str:
        """The split of a problem: train comes first, then validation, then test."""
        train, validation, _ = self.counts
        return SPLITS[(index >= train) + (index >= train + validation)]

    def parameters_of(self, index: int) -> Parameters:
        """The parameters of problem `index`; no two problems of a family share them."""
        return _drawn(self)[index]


@functools.cache
def _drawn(family: Family) -> tuple[Parameters, ...]:
    drawn: list[Parameters] = []
    for split, count in zip(SPLITS, family.counts, strict=True):
        found = parameters_of_split(family, split)
        if len(found) < count:
            raise ValueError(f"family {family.name!r} has {len(found)} {split} parameters, {count} are asked")
        drawn += found[:count]
    return tuple(drawn)


@functools.cache
def parameters_of_split(family: Family, split: str) -> tuple[Parameters, ...]:
    """All parameters whose structure belongs to a split, every structure before any of them a second time."""
    everything = list(family.parameters())
    structures = Draws("structures", family.name).shuffled(list(dict.fromkeys(map(family.structure, everything))))
    held_out = max(2, round(HELD_OUT * len(structures)))
    bounds = {"test": (0, held_out // 2), "validation": (held_out // 2, held_out), "train": (held_out, None)}
    low, high = bounds[split]
    order = {structure: [] for structure in structures[low:high]}  # type: dict[Hashable, list[Parameters]]
    for parameters in Draws("parameters", family.name).shuffled(everything):
        if family.structure(parameters) in order:
            order[family.structure(parameters)].append(parameters)
    deepest = max(map(len, order.values()))
    return tuple(ps[turn] for turn in range(deepest) for ps in order.values() if turn < len(ps))


def build(family: Family, index: int) -> Problem:
    """The Problem of a family's index."""
    return build_from(
        family, family.parameters_of(index), Draws("kata", family.name, index), f"katas/{family.name}/{index}"
    )


def build_from(family: Family, parameters: Parameters, draws: Draws, uri: str, *, only_public: bool = False) -> Problem:
    """The Problem that a family makes of given parameters; `only_public` leaves the hidden tests out."""
    kata = family.make(parameters, draws)
    tests = _tests(kata, kata.public if only_public else None)
    return Problem(
        uri=uri,
        statement=kata.statement,
        entry_point=kata.entry_point,
        references=kata.references,
        public_tests=tests[: kata.public],
        hidden_tests=tests[kata.public :],
        starter=kata.starter,
        pseudocode=_pseudocode(kata),
        difficulty=kata.difficulty,
        conditionals=count_conditionals(kata.references[0]),
        tags=(family.name, *family.tags),
        licence="MIT",
    )


def _pseudocode(kata: Kata) -> tuple[str, ...]:
    """O1-CODER's three actions: define the structure, refine it, write the code."""
    if not kata.plan:
        return ()
    head, *refinements = kata.plan
    return (
        f"<Action 1> {head}",
        *(f"<Action 2> {step}" for step in refinements),
        f"<Action 3>\n```python\n{kata.references[0]}\n```",
    )


def _tests(kata: Kata, count: int | None = None) -> tuple[Test, ...]:
    ordered = list({literal(item): item for item in kata.inputs}.values())[:count]
    program = compile(kata.references[0], "<reference>", "exec")
    if kata.entry_point is None:
        return tuple(StdioTest(text, _printed(program, text)) for text in ordered)
    function = _function(program, kata.entry_point)
    return tuple(CallTest(args, function(*copy.deepcopy(args))) for args in ordered)


def _function(program: CodeType, entry_point: str) -> Callable[..., Any]:
    # Runs only references of the families in this package: trusted code, so no jail is needed.
    namespace: dict[str, Any] = {"__name__": "kata"}
    exec(program, namespace)
    owner, _, method = entry_point.rpartition(".")
    return getattr(namespace[owner](), method) if owner else namespace[method]  # type: ignore[no-any-return]


def _printed(program: CodeType, text: str) -> str:
    """What a reference that reads with `input` and writes with `print(values...)` prints."""
    lines = iter(text.splitlines())
    written: list[str] = []

    def read(_: object = "") -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    exec(
        program,
        {"__name__": "__main__", "input": read, "print": lambda *values: written.append(" ".join(map(str, values)))},
    )
    return "".join(line + "\n" for line in written)
