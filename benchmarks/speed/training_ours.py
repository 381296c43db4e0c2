"""One run of our PPO or GRPO for `codegym bench training`, in a process of its own; prints one JSON line."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main(spec: dict[str, Any]) -> dict[str, Any]:
    """Train for the given number of iterations; returns seconds per iteration by phase, and memory in bytes.

    The processor's seconds are from the second iteration on; programs run in other processes, whose seconds by the
    clock are added, those that pass while others are sampled too.
    """
    import torch

    from codegym.agents.language_model.agent import LanguageModelAgent  # noqa: F401  what training imports
    from codegym.agents.language_model.load import LanguageModel  # noqa: F401
    from codegym.agents.learning.options import TrainPPOOptions
    from codegym.agents.learning.ppo import PPO
    from codegym.agents.learning.train import train_ppo
    from codegym.benchmarks.speed.training_trl import peak_memory, present_memory
    from codegym.envs.execution.executor import shared_executor

    torch.set_num_threads(spec["threads"])
    processor: list[float] = []
    executor = shared_executor()
    update = PPO.update

    def timed(self: PPO, *arguments: Any, **options: Any) -> dict[str, float]:
        metrics = update(self, *arguments, **options)
        processor.append(time.process_time() + executor.statistics["seconds"])
        return metrics

    PPO.update = timed  # type: ignore[method-assign]
    imported = present_memory()
    with tempfile.TemporaryDirectory() as out:
        train_ppo(
            TrainPPOOptions(
                out=Path(out),
                model=spec["model"],
                problems=spec["problems"],
                advantage="gae" if spec["algorithm"] == "ppo" else "grpo",
                iterations=spec["steps"],
                prompts=spec["prompts"],
                samples=spec["samples"],
                max_tokens=spec["max_tokens"],
                value_warmup=0,
                eval_problems=0,
                anneal=False,
                checkpoint_every=spec["steps"],
                device=spec["device"],
            )
        )
        lines = [json.loads(line) for line in (Path(out) / "metrics.jsonl").read_text().splitlines()]
    return {
        "processor": [end - begin for begin, end in itertools.pairwise(processor)],
        "phases": [line["seconds"] for line in lines],
        "steps": [sum(line["seconds"].values()) for line in lines],
        "tokens": [line["length"] for line in lines],
        "memory": peak_memory() - imported,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
