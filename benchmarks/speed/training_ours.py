"""One run of our PPO or GRPO for `codegym bench training`, in a process of its own; prints one JSON line."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any


def main(spec: dict[str, Any]) -> dict[str, Any]:
    """Train for the given number of iterations; returns seconds per iteration by phase, and memory in bytes."""
    import torch

    from codegym.agents.language_model.agent import LanguageModelAgent  # noqa: F401  what training imports
    from codegym.agents.language_model.load import LanguageModel  # noqa: F401
    from codegym.agents.learning.options import TrainPPOOptions
    from codegym.agents.learning.train import train_ppo
    from codegym.benchmarks.speed.training_trl import peak_memory, present_memory

    torch.set_num_threads(spec["threads"])
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
        "phases": [line["seconds"] for line in lines],
        "steps": [sum(line["seconds"].values()) for line in lines],
        "tokens": [line["length"] for line in lines],
        "memory": peak_memory() - imported,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
