"""What a recipe fine-tunes on: the tiny models' corpus, or the references of a problem set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.sft import Example
from codegym.envs.errors import OptionError
from codegym.envs.problems.katas import corpus
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.statement import prompt


class CorpusExamples(Sequence[Example]):
    """Examples of the tiny models' corpus, each made when it is asked for."""

    def __init__(self, lm: LanguageModel, seed: int, length: int, rate: float) -> None:
        """The first `length` examples of the corpus of a seed; `rate` is its share of mistakes."""
        self.lm, self.seed, self.length, self.rate = lm, seed, length, rate

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.length))]
        return encoded(self.lm, *corpus.example(self.seed, index, self.rate))


def corpus_examples(lm: LanguageModel, seed: int, count: int, *, buggy: bool) -> Sequence[Example]:
    """`count` examples of the corpus of `tiny` or `tiny-buggy`."""
    return CorpusExamples(lm, seed, count, corpus.BUG_RATE if buggy else 0.0)


SLIPS = {
    ">=": ">", "<=": "<", ">": ">=", "<": "<=", "==": "!=", "!=": "==", "//": "/", "+": "-", "-": "+", "*": "+",
}  # fmt: skip
"""Operators, and what is written in their stead by mistake."""


OPERATOR = re.compile(r"(?<= )(>=|<=|==|!=|//|[<>*+-])(?= )")
"""A binary operator between spaces."""


def with_slips(code: str, rng: np.random.Generator, rate: float) -> str:
    """Python code in which each binary operator between spaces is mistaken with the probability `rate`."""
    return OPERATOR.sub(lambda match: SLIPS[match.group()] if rng.random() < rate else match.group(), code)


def single_slips(code: str) -> list[str]:
    """The code with one operator mistaken, once for each of its operators."""
    return [code[: m.start()] + SLIPS[m.group()] + code[m.end() :] for m in OPERATOR.finditer(code)]


def reference_examples(
    lm: LanguageModel, problems: Iterable[Problem], seed: int, *, slips: float = 0.0
) -> tuple[list[Example], int]:
    """The first reference of each problem after what the model will read, and how many have no room in the context.

    Args:
        lm: whose tokens to use.
        problems: those without a reference are passed over.
        seed: of the mistakes.
        slips: probability of a mistake at each operator (`with_slips`).

    Raises:
        OptionError: no problem has a reference.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    examples, left_out, without = [], 0, 0
    for problem in problems:
        if not problem.references or not problem.references[0].startswith(problem.given):
            without += 1
            continue
        completion = problem.references[0][len(problem.given) :]
        if slips:
            completion = with_slips(completion, rng, slips)
        example = encoded(lm, lm.few_shot + prompt(problem) + problem.given, completion)
        if len(example[0]) + len(example[1]) > lm.context:
            left_out += 1
        else:
            examples.append(example)
    if not examples:
        raise OptionError(
            f"There is nothing to fine-tune on: {without} problems have no reference, {left_out} no room."
        )
    return examples, left_out


def encoded(lm: LanguageModel, read: str, written: str) -> Example:
    """A text as ids: what is read, and what is written with the id that ends it."""
    return lm.encode_prompt(read), [*lm.vocabulary.encode(written), lm.eos_id]
