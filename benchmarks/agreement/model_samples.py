"""Completions that a language model really writes, for judges to agree or disagree on."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.sampling import Sampling
from codegym.agents.language_model.stopping import FunctionEnd
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.statement import prompt

_PROMPTS_AT_ONCE = 8


def model_samples(
    model: LanguageModel,
    problems: Sequence[Problem],
    *,
    samples: int,
    temperature: float = 0.8,
    max_tokens: int = 160,
    seed: int = 0,
) -> Iterator[tuple[str, str]]:
    """Sample whole programs; yields (uri, program), problem by problem.

    Args:
        model: writes them, after the solved examples that it needs.
        problems: what they are meant to solve.
        samples: per problem.
        temperature: of the sampling.
        max_tokens: a program may have; what is longer is cut there, as real samples are.
        seed: of the run.
    """
    for start in range(0, len(problems), _PROMPTS_AT_ONCE):
        batch = problems[start : start + _PROMPTS_AT_ONCE]
        openings = [_opening(problem) for problem in batch]
        texts = [model.few_shot + prompt(p) + begun for p, begun in zip(batch, openings, strict=True)]
        found = model.generate(
            [model.encode_prompt(text) for text in texts],
            n=samples,
            max_tokens=max_tokens,
            sampling=Sampling(temperature=temperature),
            stop=[FunctionEnd(before=begun.encode()) for begun in openings],
            seeds=[zlib.crc32(f"{seed} {problem.uri}".encode()) for problem in batch],
        )
        for problem, begun, rows in zip(batch, openings, found, strict=True):
            for generated in rows:
                text = b"".join(model.token_bytes[token] for token in generated.ids)[: generated.cut]
                yield problem.uri, begun + text.decode(errors="replace")


def _opening(problem: Problem) -> str:
    """What the program begins with: the given text, else the line that names the function (MBPP shows no signature)."""
    return problem.given or f"def {problem.entry_point}("
