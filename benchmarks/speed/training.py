"""Speed and memory of our PPO and GRPO beside TRL's: same model, prompts, batch, lengths and reward; in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from codegym.benchmarks.speed.peer_environments import peer_python
from codegym.envs.errors import InfrastructureError, OptionError

PEERS = {"trl_ppo": ("ppo", "trl==1.12.0"), "trl_grpo": ("grpo", "trl==1.16.0")}
"""Peer -> algorithm and release: 1.12.0 is the newest that has a PPO."""


@dataclass(frozen=True)
class TrainingBenchmark:
    """What is run.

    Attributes:
        model: a name that `LanguageModel.load` knows.
        problems: problem set; the first `prompts` problems of its train split are used.
        prompts: per rollout.
        samples: per prompt.
        max_tokens: of a program.
        steps: rollouts with their updates (2 epochs of 2 minibatches); the first is not counted.
        rounds: how often ours and each peer take turns.
        threads: of torch.
        device: cpu or cuda.
    """

    model: str = "tiny-buggy"
    problems: str = "katas:tiny"
    prompts: int = 16
    samples: int = 8
    max_tokens: int = 32
    steps: int = 5
    rounds: int = 2
    threads: int = 2
    device: str = "cpu"


def bench_training(benchmark: TrainingBenchmark, *, say: Any = lambda text: None) -> dict[str, Any]:
    """Run ours and the peers in turn.

    Returns:
        `ratios`: our samples per second over the peer's. `processor_ratios`: the peer's processor time per sample over
        ours, which says more on a busy machine. `memory_ratios`: our peak memory over the peer's, each net of
        what its imports take. `seconds`: per rollout and update, median over rounds and steps; ours by phase.

    Raises:
        OptionError: the benchmark makes no sense.
        InfrastructureError: a peer cannot be installed or does not run.
    """
    if benchmark.steps < 2 or benchmark.rounds < 1 or benchmark.samples < 2 or benchmark.prompts < 2:
        raise OptionError("bench training needs at least 2 steps, 1 round, 2 prompts and 2 samples.")
    spec = _spec(benchmark)
    pythons = {peer: peer_python(peer, (release,)) for peer, (_, release) in PEERS.items()}
    runs: dict[str, list[dict[str, Any]]] = {}
    for number in range(benchmark.rounds):
        for peer, (algorithm, _) in PEERS.items():
            for name, python in ((f"ours_{algorithm}", Path(sys.executable)), (peer, pythons[peer])):
                say(f"round {number + 1} of {benchmark.rounds}: {name}")
                script = "training_trl.py" if name == peer else "training_ours.py"
                runs.setdefault(name, []).append(_run(name, python, script, {**spec, "algorithm": algorithm}))
    return _result(benchmark, runs)


def _spec(benchmark: TrainingBenchmark) -> dict[str, Any]:
    """What both sides are told, with the problems for the side that knows none of ours."""
    from codegym.agents.language_model.load import LanguageModel, folder_of
    from codegym.envs.problems.catalog import load_problems
    from codegym.envs.problems.problem import CallTest
    from codegym.envs.problems.statement import prompt

    LanguageModel.load(benchmark.model, device="cpu")  # trains or converts a built-in model where it is not cached yet
    problems = load_problems(benchmark.problems).default_split("train")
    items = []
    for problem in problems:
        tests = [test for test in problem.tests("all") if isinstance(test, CallTest) and not test.kwargs]
        if len(tests) != len(problem.tests("all")):
            raise OptionError(f"{problem.uri}: bench training needs problems whose tests are plain calls.")
        items.append(
            {
                "prompt": prompt(problem) + problem.given,
                "given": problem.given,
                "entry": problem.entry_point,
                "tests": [(repr(tuple(test.args)), repr(test.expected)) for test in tests],
            }
        )
        if len(items) == benchmark.prompts:
            break
    return {
        "model": str(folder_of(benchmark.model)),
        "problems": benchmark.problems,
        "items": items,
        **{
            name: getattr(benchmark, name)
            for name in ("prompts", "samples", "max_tokens", "steps", "threads", "device")
        },
    }


def _run(name: str, python: Path, script: str, spec: dict[str, Any]) -> dict[str, Any]:
    """One run in a process of its own; the last line it prints is its result."""
    if script == "training_ours.py":
        spec = {key: value for key, value in spec.items() if key != "items"}
    environment = {**os.environ, "OMP_NUM_THREADS": str(spec["threads"])}
    command = [str(python), str(Path(__file__).with_name(script)), json.dumps(spec)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise InfrastructureError(f"{name} failed: {(done.stderr.strip() or 'no output').splitlines()[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _result(benchmark: TrainingBenchmark, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    seconds = {name: median(s for run in found for s in run["steps"][1:]) for name, found in runs.items()}
    processor = {name: median(s for run in found for s in run["processor"]) for name, found in runs.items()}
    memory = {name: median(run["memory"] for run in found) for name, found in runs.items()}
    rows = benchmark.prompts * benchmark.samples
    phases = [phase for run in runs["ours_ppo"] for phase in run["phases"][1:]]
    return {
        "ratios": {peer: round(seconds[peer] / seconds[f"ours_{a}"], 3) for peer, (a, _) in PEERS.items()},
        "processor_ratios": {
            peer: round(processor[peer] / processor[f"ours_{a}"], 3) for peer, (a, _) in PEERS.items()
        },
        "memory_ratios": {peer: round(memory[f"ours_{a}"] / memory[peer], 3) for peer, (a, _) in PEERS.items()},
        "seconds": {
            "ours": {name: round(median(phase[name] for phase in phases), 4) for name in phases[0]},
            **{name: round(value, 4) for name, value in seconds.items()},
        },
        "processor_seconds": {name: round(value, 4) for name, value in processor.items()},
        "samples_per_second": {name: round(rows / value, 1) for name, value in seconds.items()},
        "peak_megabytes_net_of_imports": {name: round(value / 2**20) for name, value in memory.items()},
        "benchmark": {**benchmark.__dict__, "peers": {peer: release for peer, (_, release) in PEERS.items()}},
    }
