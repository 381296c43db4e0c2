"""`codegym train ppo`: train a language model by PPO against unit tests."""

from __future__ import annotations

from codegym.agents.learning.options import TrainPPOOptions as Options


def main(options: Options) -> int:
    """Train, then print pass@1 before and after."""
    from codegym.agents.learning.train import train_ppo
    from codegym.agents.statistics import Estimate

    summary = train_ppo(options)
    if not summary:  # one of several processes, and not the one that reports
        return 0
    for name in ("before", "after"):
        if name in summary:
            print(f"{name:<7} pass@1 {Estimate(**summary[name]['pass@1'])}")
    print(f"{summary['iterations']} iterations, {summary['seconds']:.0f} s, results in {options.out}")
    return 0
