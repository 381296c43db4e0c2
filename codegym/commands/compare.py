"""`codegym compare`: who is better, by how much, and is it noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Compare runs with the first of them, problem by problem.

    The difference in pass@k is over the problems that both runs tried, with a paired bootstrap interval over problems.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR DIR...")]
    """Run folders; the first is the baseline."""
    k: int = 1
    """Compare pass@k."""
    part: str | None = None
    """Compare on one part of the tests: base, of HumanEval+ and MBPP+."""
    json: bool = False
    """Print JSON instead of tables."""


def main(options: Options) -> int:
    """Print one comparison a run after the first."""
    from codegym.benchmarks.leaderboard.compare import compare_runs
    from codegym.benchmarks.leaderboard.run_folder import read_run
    from codegym.benchmarks.leaderboard.tables import print_comparisons
    from codegym.envs.errors import OptionError

    if len(options.runs) < 2:
        raise OptionError("compare needs at least two run folders.")
    if options.k < 1:
        raise OptionError(f"--k is {options.k}; it must be at least 1.")
    comparisons = compare_runs([read_run(path) for path in options.runs], k=options.k, part=options.part)
    if options.json:
        import json

        print(json.dumps([comparison.to_json() for comparison in comparisons], indent=2))
    else:
        print_comparisons(comparisons)
    return 0
