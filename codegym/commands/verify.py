"""`codegym verify`: replay every episode of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Replay every episode of a run through its environment and compare program, verdict, tests, rewards and credit.

    Also checks the problem set's hash, that no episode is missing, repeated or out of order, and the summary. Exit
    code 1 on any difference. A program that runs out of time or memory on one side only is called machine-limited.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Run folder, or training folder: then its evaluations before and after."""
    strict: bool = False
    """Exit with 1 also where a difference is machine-limited."""
    regenerate: int = 0
    """Sample so many episodes again from the run's own agent, by their seeds."""
    json: bool = False
    """Print the differences as JSON."""


def main(options: Options) -> int:
    """Print every difference; 0 if there is none."""
    from codegym.benchmarks.leaderboard.tables import print_verification, progress_bar
    from codegym.benchmarks.leaderboard.verify import verify
    from codegym.benchmarks.leaderboard.verify_training import is_training, verify_training
    from codegym.envs.errors import OptionError

    if options.regenerate < 0:
        raise OptionError(f"--regenerate is {options.regenerate}; it must be 0 or more.")
    with progress_bar("verify", rate="same") as progress:
        check = verify_training if is_training(options.run) else verify
        result = check(options.run, regenerate=options.regenerate, progress=progress)
    passed = result.passed(strict=options.strict)
    if options.json:
        import json
        from dataclasses import asdict

        print(json.dumps({"passed": passed, **asdict(result)}, indent=2, default=str))
    else:
        print_verification(str(options.run), result, passed)
    return 0 if passed else 1
