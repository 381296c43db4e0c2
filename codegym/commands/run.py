"""`codegym run`: a benchmark run; the same command resumes."""

from __future__ import annotations

import sys

from codegym.benchmarks.leaderboard.options import RunOptions as Options

__all__ = ["Options", "main"]


def main(options: Options) -> int:
    """Play the run and print pass@k."""
    from codegym.benchmarks.leaderboard.run import run_benchmark
    from codegym.benchmarks.leaderboard.tables import print_summary, progress_bar

    with progress_bar(options.agent) as progress:
        run = run_benchmark(options, argv=sys.argv[1:], progress=progress, watch=progress.tokens)
    if options.json:
        import json

        print(json.dumps(run.summary, indent=2))
    else:
        print_summary(f"{options.problems}: {options.agent} in {options.env}", run.summary)
        print(f"wrote {options.out}")
    return 0
