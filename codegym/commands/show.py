"""`codegym show`: a program, coloured by credit, with the failing test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Show one program of a run, coloured by credit, with its verdict and the public test that it fails."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Run folder."""
    problem: str
    """Uri of the problem."""
    sample: int | None = None
    """Which sample; by default the first that failed, or the first."""
    json: bool = False
    """Print the episode as it is stored."""


def main(options: Options) -> int:
    """Print the program."""
    from codegym.benchmarks.leaderboard.run_folder import read_run
    from codegym.benchmarks.leaderboard.show import find_episode, print_episode

    run = read_run(options.run)
    episode = find_episode(run, options.problem, options.sample)
    if options.json:
        print(episode.to_json())
    else:
        print_episode(run, episode)
    return 0
