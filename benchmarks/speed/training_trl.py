"""One run of TRL's PPO or GRPO for `codegym bench training`; a plain script for an environment without codegym.

Settings that TRL would be slower with are off (gradient checkpointing, logging, saving), and its reward is the program
run in this very process, with no jail around it: both are in its favour.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import resource
import sys
import tempfile
import time
from typing import Any


def present_memory() -> int:
    """Bytes of this process that are in memory now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def peak_memory() -> int:
    """The most bytes of this process that were in memory at a time."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def reward(problem: dict[str, Any], completion: str) -> float:
    """The ladder reward of a program, executed in this process."""
    names: dict[str, Any] = {}
    try:
        exec(compile(problem["given"] + completion, "candidate", "exec"), names)
    except SyntaxError:
        return -1.0
    except Exception:
        return -0.6
    try:
        for arguments, expected in problem["tests"]:
            if names[problem["entry"]](*ast.literal_eval(arguments)) != ast.literal_eval(expected):
                return -0.3
    except Exception:
        return -0.6
    return 1.0


def main(spec: dict[str, Any]) -> dict[str, Any]:
    """Train for the given number of rollouts; returns seconds per rollout with its update, and memory in bytes.

    The processor's seconds are from the second rollout on.
    """
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

    torch.set_num_threads(spec["threads"])
    tokenizer = AutoTokenizer.from_pretrained(spec["model"], padding_side="left")
    problems = {problem["prompt"]: problem for problem in spec["items"]}
    rows = spec["prompts"] * spec["samples"]
    times: list[float] = []
    processor: list[float] = []
    updates = 1 if spec["algorithm"] == "ppo" else 4

    class Clock(TrainerCallback):
        """Notes the time after each rollout's last update."""

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            nonlocal steps
            steps += 1
            if steps % updates == 0:
                times.append(time.perf_counter())
                processor.append(time.process_time())

    steps = 0
    common = {
        "output_dir": tempfile.mkdtemp(), "gradient_accumulation_steps": 1,
        "learning_rate": 3e-4, "bf16": False, "gradient_checkpointing": False, "report_to": "none",
        "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True, "use_cpu": spec["device"] == "cpu",
    }  # fmt: skip
    if spec["algorithm"] == "ppo":
        from transformers import AutoModelForSequenceClassification
        from trl.experimental.ppo import PPOConfig, PPOTrainer

        class Backbone(torch.nn.Module):
            """Hands the ids through as hidden states, since PPOTrainer wants a reward *model*."""

            def forward(self, input_ids: Any, **others: Any) -> Any:
                states = input_ids.float().unsqueeze(-1)
                return type("Output", (), {"hidden_states": (states,), "last_hidden_state": states})()

        class Reward(torch.nn.Module):
            """Decodes the ids and runs the programs."""

            base_model_prefix = "backbone"

            def __init__(self) -> None:
                super().__init__()
                self.backbone = Backbone()

            def score(self, states: Any) -> Any:
                """[rows, time, 1], the reward at every place; PPOTrainer takes the one at the end."""
                scores = []
                for row in tokenizer.batch_decode(states.squeeze(-1).long(), skip_special_tokens=True):
                    prompt = next((text for text in problems if row.startswith(text)), None)
                    scores.append(reward(problems[prompt], row[len(prompt) :]) if prompt else -1.0)
                return torch.tensor(scores)[:, None, None].expand(*states.shape[:2], 1)

        def make() -> Any:
            return AutoModelForCausalLM.from_pretrained(spec["model"])

        imported = present_memory()
        data = Dataset.from_dict({"input_ids": [tokenizer(text).input_ids for text in problems] * spec["samples"]})
        config = PPOConfig(
            **common, per_device_train_batch_size=rows, num_ppo_epochs=2,
            num_mini_batches=2, total_episodes=rows * spec["steps"], kl_coef=0.05,
            local_rollout_forward_batch_size=rows, response_length=spec["max_tokens"], temperature=1.0,
            stop_token="eos", num_sample_generations=0, lam=1.0,
        )  # fmt: skip
        value = AutoModelForSequenceClassification.from_pretrained(spec["model"], num_labels=1)
        trainer = PPOTrainer(
            args=config, processing_class=tokenizer, model=make(), ref_model=make(), reward_model=Reward(),
            value_model=value, train_dataset=data, callbacks=[Clock()],
        )  # fmt: skip
    else:
        from trl import GRPOConfig, GRPOTrainer

        def rewards(prompts: list[str], completions: list[str], **others: Any) -> list[float]:
            return [reward(problems[p], c) for p, c in zip(prompts, completions, strict=True)]

        imported = present_memory()
        config = GRPOConfig(
            **common, per_device_train_batch_size=rows // 2, num_generations=spec["samples"],
            generation_batch_size=rows, num_iterations=2, beta=0.05,
            max_completion_length=spec["max_tokens"], temperature=1.0, max_steps=updates * spec["steps"],
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=spec["model"], reward_funcs=rewards, args=config,
            train_dataset=Dataset.from_dict({"prompt": list(problems) * 4}), callbacks=[Clock()],
        )  # fmt: skip
    begun = time.perf_counter()
    trainer.train()
    ends = [begun, *times]
    return {
        "steps": [end - begin for begin, end in itertools.pairwise(ends)],
        "processor": [end - begin for begin, end in itertools.pairwise(processor)],
        "memory": peak_memory() - imported,
    }


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = os.environ["TOKENIZERS_PARALLELISM"] = "0"
    result = main(json.loads(sys.argv[1]))
    print(json.dumps(result))
