"""`codegym bench generation`: our sampler beside transformers and llama.cpp."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Measure tokens a second beside transformers' generate (same weights) and llama.cpp (the 4-bit file).

    llama.cpp is installed into a virtual environment of its own in the cache on the first run. Leave the machine alone
    meanwhile.
    """

    json: Path | None = None
    """File for the result."""
    model: str = "smollm2"
    """Language model; llama.cpp takes part where it is smollm2 or a GGUF file."""
    batches: tuple[int, ...] = (1, 8, 32)
    """Numbers of samples of one prompt that are drawn together."""
    max_tokens: int = 64
    """Tokens of every sample."""
    rounds: int = 3
    """How often all take turns; the first is not counted where there are more."""
    threads: int = 2
    """Threads of each."""


def main(options: Options) -> int:
    """Measure, print a table, write the file."""
    from codegym.benchmarks.speed.generation import GenerationBenchmark, bench_generation
    from codegym.envs.files import write_json

    benchmark = GenerationBenchmark(**{k: v for k, v in vars(options).items() if k != "json"})
    result = bench_generation(benchmark, say=lambda text: print(text, file=sys.stderr, flush=True))
    for batch in map(str, options.batches):
        rates = "  ".join(f"{name} {by_batch[batch]:.1f}" for name, by_batch in result["tokens_per_second"].items())
        ratios = ", ".join(f"{by_batch[batch]:.2f}x {peer}" for peer, by_batch in result["ratios"].items())
        print(f"{batch:>3} samples  tokens/s: {rates}  (ours: {ratios})")
    if options.json is not None:
        write_json(options.json, result)
    return 0
