"""`codegym bench training`: our PPO and GRPO beside TRL's."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Measure our PPO and GRPO beside TRL's, each in a process and, for TRL, a virtual environment of its own.

    The environments are made in the cache on the first run. Ratios are from one run on one machine, taken in turns;
    leave the machine alone meanwhile.
    """

    json: Path | None = None
    """File for the result."""
    model: str = "tiny-buggy"
    """Language model that all train."""
    problems: str = "katas:tiny"
    """Problems whose prompts and tests all use; their tests must be plain calls."""
    prompts: int = 16
    """Prompts per rollout."""
    samples: int = 8
    """Programs per prompt."""
    max_tokens: int = 32
    """Budget of a program."""
    steps: int = 5
    """Rollouts with their updates in each run; the first is not counted."""
    rounds: int = 2
    """How often all take turns."""
    threads: int = 2
    """Threads of torch."""
    device: str = "cpu"
    """Where the models live."""


def main(options: Options) -> int:
    """Measure, print a table, write the file."""
    from codegym.benchmarks.speed.training import PEERS, TrainingBenchmark, bench_training
    from codegym.envs.files import write_json

    benchmark = TrainingBenchmark(**{k: v for k, v in vars(options).items() if k != "json"})
    result = bench_training(benchmark, say=lambda text: print(text, file=sys.stderr, flush=True))
    for peer, (algorithm, release) in PEERS.items():
        ours = f"ours_{algorithm}"
        print(
            f"{algorithm:<5} ours {result['samples_per_second'][ours]:7.1f} samples/s, {release} "
            f"{result['samples_per_second'][peer]:7.1f}: {result['ratios'][peer]:.2f}x the speed "
            f"({result['processor_ratios'][peer]:.2f}x by processor time) at "
            f"{result['memory_ratios'][peer]:.2f}x the memory"
        )
    total = sum(result["seconds"]["ours"].values())
    print("ours  " + "  ".join(f"{name} {value / total:.0%}" for name, value in result["seconds"]["ours"].items()))
    if options.json is not None:
        write_json(options.json, result)
    return 0
