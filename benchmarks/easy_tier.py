"""The tier `easy` of the katas, measured: which small problems does SmolLM2-135M-Instruct solve now and then?

`python -m codegym.benchmarks.easy_tier --out benchmarks/results/katas/easy.csv` samples every candidate at T = 0.8,
runs the programs against all tests, and keeps a row for each: uri, function, samples, passed. It goes on where it was
stopped. With `--tier FILE` it also writes the uris that are solved in 5 to 60 % of the samples.
"""

from __future__ import annotations

import csv
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from codegym.agents.language_model.agent import LanguageModelAgent
from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.sampling import Sampling
from codegym.envs.execution.executor import shared_executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.files import write_atomically
from codegym.envs.mdp import line
from codegym.envs.mdp.start_states import start_of
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem

LOW, HIGH = 0.05, 0.6
"""The share of solved samples, both ends included."""
CANDIDATES = (
    "katas:easy-numbers,easy-strings,easy-lists,one-line-numbers,one-line-strings,one-line-lists,one-line-collections,"
    "common-numbers,common-strings,common-lists"
)
_HEAD = ("uri", "function", "samples", "passed")


@dataclass(frozen=True)
class Options:
    """Measure the pass rate of every candidate for the tier `easy`."""

    out: Path
    """The table; its rows are not measured again."""
    problems: str = CANDIDATES
    """The candidates."""
    model: str = "smollm2"
    """A language model by name, folder or hub id."""
    samples: int = 10
    """Programs of each problem."""
    temperature: float = 0.8
    """Of sampling."""
    max_tokens: int = 40
    """Of each program; 98 % of the programs that passed with 64 had no more."""
    dtype: str = "bfloat16"
    """Of the weights: about three times as fast as float32 on processors that know it."""
    rows: int = 240
    """Samples that are drawn together."""
    tier: Path | None = None
    """Write the uris of the tier to this file."""


def main(options: Options) -> int:
    """Measure what the table lacks, then write the tier."""
    measured = read(options.out) if options.out.exists() else {}
    katas = load_problems(options.problems)
    todo = [uri for uri in katas.uris if uri not in measured]
    if todo:
        lm = LanguageModel.load(options.model, dtype=getattr(torch, options.dtype))
        agent = LanguageModelAgent(lm, sampling=Sampling(options.temperature), max_tokens=options.max_tokens)
    each = max(1, options.rows // options.samples)
    for start in range(0, len(todo), each):
        problems = [katas[uri] for uri in todo[start : start + each]]
        for problem, passed in zip(problems, passes(agent, problems, options.samples), strict=True):
            measured[problem.uri] = (problem.entry_point or "", options.samples, passed)
        write(options.out, measured)
        solved = sum(passed for _, _, passed in measured.values()) / sum(count for _, count, _ in measured.values())
        found = len(tier(measured))
        print(f"{len(measured)} measured, {solved:.1%} solved, {found} in the tier", file=sys.stderr, flush=True)
    if options.tier is not None:
        write_atomically(options.tier, "".join(f"{uri}\n" for uri in tier(measured)))
    return 0


def passes(agent: LanguageModelAgent, problems: Sequence[Problem], samples: int) -> list[int]:
    """How many of the samples of each problem pass all of its tests."""
    states = [line.initial(problem, start_of(problem, "question"), 64) for problem in problems]
    views = [line.view(state, problem) for state, problem in zip(states, problems, strict=True) for _ in range(samples)]
    seeds = [zlib.crc32(f"{problem.uri} {sample}".encode()) for problem in problems for sample in range(samples)]
    jobs = []
    for place, plan in enumerate(agent.plan(views, seeds)):
        state = states[place // samples]
        for decision in plan:
            if state.phase == "writing":
                state = line.transition(state, decision.action)
        jobs.append(Job(problems[place // samples], line.program(state)))
    outcomes = [outcome.verdict is Verdict.PASS for outcome in shared_executor().run(jobs)]
    return [sum(outcomes[start : start + samples]) for start in range(0, len(jobs), samples)]


def tier(measured: dict[str, tuple[str, int, int]]) -> list[str]:
    """The uris that are solved neither too rarely nor too often."""
    return [uri for uri, (_, samples, passed) in measured.items() if LOW <= passed / samples <= HIGH]


def read(path: Path) -> dict[str, tuple[str, int, int]]:
    """Function, samples and passes of each uri of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["uri"]: (row["function"], int(row["samples"]), int(row["passed"])) for row in csv.DictReader(file)}


def write(path: Path, measured: dict[str, tuple[str, int, int]]) -> None:
    """Write the table in alphabetical order."""
    lines = [",".join(_HEAD), *(f"{uri},{','.join(map(str, measured[uri]))}" for uri in sorted(measured))]
    write_atomically(path, "\n".join(lines) + "\n")


if __name__ == "__main__":
    import tyro

    sys.exit(main(tyro.cli(Options)))
