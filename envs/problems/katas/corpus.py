"""Training text for language models: prompts and programs of the tiny families, clean or with typical mistakes.

A fragile construct is one with a typical mistake: `>=` written `>`, `<=` written `<`, odd tested as even, `//` written
`/`, operands of a subtraction swapped, a missing `reverse=True` or `abs`. In the buggy corpus each of them is wrong
with the probability `rate` (0.6: the mistake is what a model learns to prefer, but the right way stays within reach
of sampling). Only combinations of the train split occur. Two fifths of the arithmetic examples go on with a third
piece: nine first pieces and six second ones are too few for a small model to see that they combine freely.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.families import arithmetic, list_filters
from codegym.envs.problems.katas.family import Family, Kata, Parameters, build_from, parameters_of_split
from codegym.envs.problems.katas.pieces import Piece, constants
from codegym.envs.problems.katas.source import locate
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.statement import prompt

BUG_RATE = 0.6
PROGRAMS = Path(__file__).with_name("vocabulary_programs.txt")
"""References of 300 katas outside the tiny families, two blank lines between each two."""
ARITHMETIC_SHARE = 0.25
CHAIN_SHARE = 0.4
_LISTS = list_filters.FAMILIES
(_ARITHMETIC,) = arithmetic.FAMILIES


class Random(Protocol):
    """What numpy's Generator and the standard library's Random have in common."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


def clean_program(problem: Problem) -> str:
    """The first reference of a kata."""
    return problem.references[0]


def buggy_program(problem: Problem, rng: Random, rate: float = BUG_RATE) -> str:
    """The program of a kata of the tiny families with each fragile construct wrong at a rate.

    Args:
        problem: a kata of a family tagged `tiny`; of any other kata the first reference is returned as it is.
        rng: decides which constructs are wrong.
        rate: probability of each.
    """
    family, index = locate(problem.uri)
    return _program(family, family.parameters_of(index), rng, rate) or problem.references[0]


def fragile_constructs(problem: Problem) -> int:
    """How many constructs of a kata's program have a typical mistake."""
    family, index = locate(problem.uri)
    return sum(bool(piece.mistake) for piece in _pieces(family, family.parameters_of(index)))


def example(seed: int, index: int, rate: float = 0.0) -> tuple[str, str]:
    """Training example `index` of the corpus of a seed: (prompt with the given text, completion).

    Three quarters are list functions, a quarter arithmetic, each with fresh phrasing and a fresh public test. Prompt
    and completion joined are the whole text; the completion begins with the newline after the given text.

    Args:
        seed: of the corpus.
        index: position in it.
        rate: probability that a fragile construct is wrong; 0 is the clean corpus.
    """
    draws = Draws("corpus", seed, index)
    family = _ARITHMETIC if draws.chance(ARITHMETIC_SHARE) else draws.choice(_LISTS)
    parameters = draws.choice(draws.choice(_train_parameters(family)))
    if family == _ARITHMETIC and parameters[2] != "nothing" and draws.chance(CHAIN_SHARE):
        # Three real pieces: with "nothing" among them a chain would spell a held-out pair.
        third = draws.choice([name for name in arithmetic.SECOND if name != "nothing"])
        family = _CHAIN
        parameters = (*parameters, third, draws.choice(constants(arithmetic.SECOND[third])))
    problem = build_from(family, parameters, draws, f"katas/{family.name}/corpus-{seed}-{index}", only_public=True)
    text = _program(family, parameters, _Uniform(draws), rate)
    return prompt(problem) + problem.given, text[len(problem.given) :]


def examples(seed: int, count: int, rate: float = 0.0) -> Iterator[tuple[str, str]]:
    """The first `count` training examples of a seed; `rate` as in `example`."""
    return (example(seed, index, rate) for index in range(count))


def vocabulary_texts() -> Iterator[str]:
    """What the shipped vocabulary is trained on: 3,000 examples, and the programs of 300 other train katas.

    These programs are kept in a file: the vocabulary, and with it every model over it, must outlive changes to katas.
    """
    yield from (read + completion for read, completion in examples(0, 3000))
    yield from PROGRAMS.read_text(encoding="utf-8").split("\n\n\n")


@functools.cache
def _train_parameters(family: Family) -> tuple[tuple[Parameters, ...], ...]:
    """The train split's parameters by structure: each combination is drawn as often as any, many constants or none."""
    structures: dict[Hashable, list[Parameters]] = {}
    for parameters in parameters_of_split(family, "train"):
        structures.setdefault(family.structure(parameters), []).append(parameters)
    return tuple(map(tuple, structures.values()))


class _Uniform:
    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def random(self) -> float:
        return self._draws.below(1 << 53) / (1 << 53)


def _make_chain(parameters: Parameters, draws: Draws) -> Kata:
    """The arithmetic kata of the first four parameters with one more piece applied to its result."""
    kata = arithmetic.make(parameters[:4], draws)
    third, e = parameters[4:]
    program = _program(_CHAIN, parameters, _Uniform(draws), 0.0)
    words = draws.choice(arithmetic.SECOND[third].phrases).format(r=kata.statement, c=e)
    return replace(kata, statement=words, references=(program,))


_CHAIN = Family(
    name="two-numbers-chain",
    parameters=tuple,
    structure=lambda parameters: parameters,
    make=_make_chain,
    counts=(0, 0, 0),
)


def _pieces(family: Family, parameters: Parameters) -> tuple[Piece, ...]:
    if family in _LISTS:
        aggregate = list_filters.AGGREGATES[family.name.removeprefix("list-filter-")]
        return aggregate, list_filters.MAPS[parameters[0]], list_filters.FILTERS[parameters[2]]
    if family in (_ARITHMETIC, _CHAIN):
        return arithmetic.FIRST[parameters[0]], *(arithmetic.SECOND[second] for second in parameters[2::2])
    return ()


def _program(family: Family, parameters: Parameters, rng: Random, rate: float) -> str:
    pieces = [
        replace(piece, code=piece.mistake) if piece.mistake and rng.random() < rate else piece
        for piece in _pieces(family, parameters)
    ]
    if not pieces:
        return ""
    if family in _LISTS:
        aggregate, map_piece, filter_piece = pieces
        _, c, _, d = parameters
        return list_filters.program(aggregate, map_piece, c, filter_piece, d)
    first, *others = pieces
    for piece, constant in zip(others[:-1], parameters[3::2], strict=False):
        first = replace(first, code=arithmetic.expression(first, parameters[1], piece, constant))
    return arithmetic.program(first, parameters[1], others[-1], parameters[-1])
