"""`codegym bench coverage`: what recording the executed statements costs, under one or more interpreters."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Measure what recording executed statements costs: processor time of HumanEval's canonical solutions.

    Compile, load and calls, each tracer in turn; 1.00 is the same without coverage.
    """

    python: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """An interpreter, as in `Executor(python=...)`; may be repeated. Default: this one."""
    rounds: int = 5
    """Rounds of all tracers."""
    json: Path | None = None
    """Write the result to this file."""


def main(options: Options) -> int:
    """Measure and print."""
    import subprocess

    from rich.console import Console
    from rich.table import Table

    from codegym.benchmarks.leaderboard.provenance import git_commit, machine
    from codegym.benchmarks.speed.coverage_overhead import TRACERS, measure
    from codegym.envs.errors import OptionError
    from codegym.envs.files import write_json

    if options.rounds < 1:
        raise OptionError("--rounds is at least 1.")
    found = []
    for python in options.python or (sys.executable,):
        try:
            found.append(measure(python, options.rounds))
        except (OSError, subprocess.CalledProcessError) as error:
            raise OptionError(
                f"{python} is no interpreter that can run the programs ({type(error).__name__})."
            ) from None
    table = Table(title="processor time of a program, over that without coverage")
    for heading in ("Python", "without", *TRACERS[1:]):
        table.add_column(heading, justify="right")
    for row in found:
        shown = [f"{row['overhead'][name]:.2f}x" if name in row["overhead"] else "" for name in TRACERS[1:]]
        table.add_row(row["python"], f"{row['milliseconds']['none']:.2f} ms", *shown)
    Console().print(table)
    if options.json is not None:
        command = [
            "codegym",
            "bench",
            "coverage",
            *(w for row in found for w in ("--python", f"python{row['python']}")),
        ]
        settings = {"command": [*command, "--rounds", str(options.rounds)], "commit": git_commit()}
        write_json(options.json, {"interpreters": found, **settings, "machine": machine()})
    return 0
