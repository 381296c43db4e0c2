"""`codegym report`: one static HTML page about runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Write one self-contained HTML page about runs and training runs.

    It holds results with confidence intervals, learning curves, a comparison with the first run, verdicts, and
    programs coloured by credit. Failing programs are run again on the public tests, to say what they do wrong.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR...")]
    """Run folders and training folders."""
    out: Path = Path("report.html")
    """The page."""
    programs: int = 400
    """The most programs on the page, shared out among the runs."""
    title: str = "codegym report"
    """Heading of the page."""


def main(options: Options) -> int:
    """Read the folders, write the page."""
    from codegym.benchmarks.leaderboard.report import write_report
    from codegym.envs.errors import OptionError

    if not options.runs:
        raise OptionError("report needs at least one run folder.")
    if options.programs < 0:
        raise OptionError(f"--programs is {options.programs}; it must be 0 or more.")
    write_report(options.runs, options.out, programs=options.programs, title=options.title)
    print(f"wrote {options.out}")
    return 0
