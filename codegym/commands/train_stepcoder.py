"""`codegym train stepcoder`: fine-tuning, then PPO with a curriculum of start states and a mask of executed code."""

from __future__ import annotations

import sys

from codegym.agents.recipes.stepcoder_options import TrainStepCoderOptions as Options


def main(options: Options) -> int:
    """Train, then print pass@1 before and after, and the gain."""
    print(f"loading {options.model}", file=sys.stderr, flush=True)  # torch takes seconds
    from codegym.agents.recipes.stepcoder import train_stepcoder
    from codegym.agents.statistics import Estimate

    summary = train_stepcoder(options)
    if not summary:  # one of several processes, and not the one that reports
        return 0
    for name in ("before", "after"):
        if name in summary:
            print(f"{name:<7} pass@1 {Estimate(**summary[name]['pass@1'])}")
    if "gain" in summary:
        print(f"{'gain':<7}        {Estimate(**summary['gain'])}")
    print(f"{summary['iterations']} iterations, {summary['seconds']:.0f} s, results in {options.out}")
    return 0
