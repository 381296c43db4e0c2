"""`codegym bench stress`: many programs on more workers than cores; is every verdict right, and does nothing grow?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Check many right programs, on more workers than cores, and then many programs that do nothing.

    The exit code is 1 if one verdict is wrong, or a process, a descriptor or a zombie is left.
    """

    programs: int = 100_000
    """HumanEval's canonical solutions, every copy textually distinct."""
    soak: int = 1_000_000
    """Programs that do nothing; memory, descriptors, processes and zombies are compared before and after."""
    workers: int = 0
    """Programs at the same time; 0: four times the cores that this process may use."""
    seconds: float = float("inf")
    """Stop each part after this time and say how far it came."""
    json: Path | None = None
    """Write the result to this file."""


def main(options: Options) -> int:
    """Run both parts and print what happened."""
    from rich.console import Console

    from codegym.benchmarks.leaderboard.provenance import git_commit, machine, versions
    from codegym.benchmarks.speed.stress import soak, stress
    from codegym.envs.errors import OptionError
    from codegym.envs.files import write_json

    if options.programs < 0 or options.soak < 0 or options.workers < 0 or options.seconds <= 0:
        raise OptionError("--programs, --soak and --workers are not negative, --seconds is positive.")
    console = Console(highlight=False)
    workers = options.workers or 4 * len(os.sched_getaffinity(0))
    result: dict[str, object] = {}
    good = True
    for name, part, programs in (("stress", stress, options.programs), ("soak", soak, options.soak)):
        if not programs:
            continue
        with console.status(name) as status:
            found = part(
                programs,
                workers=workers,
                seconds=options.seconds,
                progress=lambda done, speed: status.update(f"{done} programs, {speed:.0f} a second"),
            )
        result[name] = found
        closed = found["after_close"]
        good = good and not found["wrong"] and not closed["processes"] and not closed["zombies"]
        console.print(
            f"{name}: {found['programs']} of {found['asked']} programs on {workers} workers, {found['seconds']:.0f} s, "
            f"{found['wrong']} wrong verdicts\n  after the first batch {found['course'][0]}\n"
            f"  after the last batch  {found['after_last_batch']}\n  after close           {closed}"
        )
    result |= {
        "command": ["codegym", "bench", "stress", "--programs", str(options.programs), "--soak", str(options.soak)],
        "commit": git_commit(),
        "versions": versions(),
        "machine": machine(),
    }
    if options.json is not None:
        write_json(options.json, result)
    return 0 if good else 1
