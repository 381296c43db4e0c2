"""StepCoder's ablation: what its curriculum and its mask are worth, at equal budget, over paired seeds.

`python -m codegym.benchmarks.stepcoder_ablation --out FOLDER` trains one start model, trains it by every arm with every
seed on two tasks, and writes `results.json`, `curves.json`, the plots and `table.md`. It goes on where it was stopped;
what is finished is reported, seed by seed, whatever is missing. Started twice, it shares the runs out.

The tasks are made to need what is ablated: a few problems of several conditionals, and a model that has read their
references with half of the operators mistaken (`stepcoder_start`). It writes the right shape with operators by chance:
seldom a whole problem right, more often the end of one. What is measured is whether training finds the right programs,
so the problems that are trained on are those that are evaluated, always from the question.

The task `deep` is what the curriculum was invented for: ten operators, each right with a probability of about 0.35, and
no reward before all of them are. From the question about one sample in 36,000 passes, so that PPO has nothing to learn
from; from before the last conditional three operators are left, which one sample in 23 has right.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codegym.agents.recipes.stepcoder_options import TrainStepCoderOptions

ARMS: dict[str, dict[str, Any]] = {
    "PPO": {"curriculum": False, "credit": "none"},
    "PPO + CCCS": {"curriculum": True, "credit": "none"},
    "StepCoder": {"curriculum": True, "credit": "coverage"},
    "CCCS + random mask": {"curriculum": True, "credit": "random"},
    "CCCS + Ochiai": {"curriculum": True, "credit": "ochiai"},
    "PPO + FGO": {"curriculum": False, "credit": "coverage"},
}
"""Arm -> its options; all else is equal. The seventh arm is the start model that they begin with."""


@dataclass(frozen=True)
class Task:
    """What is trained on, by which arms.

    Attributes:
        families: of katas, of the tier `branches`.
        count: problems of each.
        arms: names in ARMS; the first is the one that the others are compared with.
        seeds: at most so many.
        iterations: rollouts of each run, 32 episodes each.
        max_tokens: of a program.
        solved: pass rate that the number of episodes is counted to.
        samples: of each of the PROMPTS problems of a rollout.
        start: name of the model to begin with; tasks that share one are fine-tuned on together.
        slips: probability that an operator is mistaken in that fine-tuning.
        operators: take problems with at least so many operators, each of which has to be right (`decisions`).
        epochs: passes over a rollout.
        minibatches: optimiser steps of a pass.
        look: iterations between two points of the learning curve.
        look_samples: of each problem at a point.
    """

    families: tuple[str, ...]
    count: int
    arms: tuple[str, ...]
    seeds: int
    iterations: int
    max_tokens: int
    solved: float
    samples: int = 8
    start: str = "start"
    slips: float = 0.5
    operators: int = 0
    epochs: int = 1
    minibatches: int = 4
    look: int = 2
    look_samples: int = 1

    @property
    def episodes(self) -> int:
        """Of one rollout."""
        return PROMPTS * self.samples


PROMPTS = 4

TASKS: dict[str, Task] = {
    "short": Task(("rules-chain-2", "rules-chain-3"), 4, tuple(ARMS), 99, 24, 56, 0.5),
    "long": Task(("rules-chain-5",), 4, ("PPO", "PPO + CCCS"), 3, 40, 80, 0.5),
    "deep": Task(
        families=("rules-chain-5",),
        count=4,
        arms=("PPO", "PPO + CCCS"),
        seeds=5,
        iterations=30,
        max_tokens=80,
        solved=0.5,
        samples=16,
        start="start-deep",
        slips=0.65,
        operators=10,
        epochs=2,
        minibatches=1,
        look=5,
        look_samples=4,
    ),
}
"""Two or three rules and a default, asked in order, for all arms; five rules; and five that PPO cannot begin with."""


@dataclass(frozen=True)
class Options:
    """Run StepCoder's ablation; the same command goes on."""

    out: Path
    """Folder of the tables; the runs go to its subfolder `runs`."""
    runs: Path | None = None
    """Folder of the runs, where they should not lie in `out`."""
    seeds: int = 5
    """Paired seeds."""
    tasks: tuple[Literal["short", "long", "deep"], ...] = ("short", "long", "deep")
    """Tasks to run; whatever is finished is reported."""
    minutes: float | None = None
    """Begin no run later than this; a run under way is finished."""


def main(options: Options) -> int:
    """Run what is missing, then write the tables."""
    from codegym.benchmarks.stepcoder_report import report
    from codegym.benchmarks.stepcoder_start import problem_file, start_model
    from codegym.envs.problems.catalog import load_problems

    runs = options.runs or options.out / "runs"
    begun = time.monotonic()
    models = {}
    with _held(runs / "start.lock", wait=True):
        files = {
            name: problem_file(runs / f"{name}.jsonl", task.families, task.count, task.operators)
            for name, task in TASKS.items()
        }
        for start in dict.fromkeys(TASKS[name].start for name in options.tasks):
            sharing = {name: task for name, task in TASKS.items() if task.start == start}
            problems = [problem for name in sharing for problem in load_problems(f"jsonl:{files[name]}")]
            models[start] = start_model(runs / start, problems, next(iter(sharing.values())).slips)
    for seed in range(options.seeds):
        for name in options.tasks:
            task = TASKS[name]
            for arm in task.arms if seed < task.seeds else ():
                late = options.minutes is not None and time.monotonic() - begun > 60 * options.minutes
                if not late and not finished(runs, name, arm, seed):
                    _run_arm(name, arm, seed, models[task.start], runs)
        report(options.out, runs, options.seeds)
    return 0


def arm_options(task: str, arm: str, seed: int, model: Path, runs: Path) -> TrainStepCoderOptions:
    """The options of one run."""
    return TrainStepCoderOptions(
        out=folder(runs, task, arm, seed),
        model=str(model),
        problems=f"jsonl:{runs / task}.jsonl",
        sft="none",
        seed=seed,
        iterations=TASKS[task].iterations,
        prompts=PROMPTS,
        samples=TASKS[task].samples,
        max_tokens=TASKS[task].max_tokens,
        lr=5e-4,
        epochs=TASKS[task].epochs,
        minibatches=TASKS[task].minibatches,
        value_warmup=1,
        eval_problems=8,
        eval_samples=16,
        eval_every=TASKS[task].look,
        look_samples=TASKS[task].look_samples,
        checkpoint_every=10,
        **ARMS[arm],
    )


def _run_arm(task: str, arm: str, seed: int, model: Path, runs: Path) -> None:
    """Train one arm with one seed, unless another process does; the evaluation before is that of the first arm."""
    from codegym.agents.recipes.stepcoder import train_stepcoder

    with _held(runs / f"{folder(runs, task, arm, seed).relative_to(runs)}.lock".replace("/", "-")) as mine:
        if not mine or finished(runs, task, arm, seed):
            return
        print(f"{task}: {arm}, seed {seed}", file=sys.stderr, flush=True)
        first = folder(runs, task, TASKS[task].arms[0], seed) / "evaluation"
        here = folder(runs, task, arm, seed) / "evaluation"
        if (first / "before.json").exists() and not here.exists():
            here.mkdir(parents=True)
            for name in ("before.jsonl", "before.json"):
                shutil.copy(first / name, here / name)
        begun = time.process_time()
        train_stepcoder(arm_options(task, arm, seed, model, runs))
        print(f"{time.process_time() - begun:.0f} s of processor time", file=sys.stderr, flush=True)


def folder(runs: Path, task: str, arm: str, seed: int) -> Path:
    """Of one run."""
    return runs / task / arm.lower().replace(" + ", "-").replace(" ", "-") / str(seed)


def finished(runs: Path, task: str, arm: str, seed: int) -> bool:
    """Whether a run came to its end."""
    return (folder(runs, task, arm, seed) / "summary.json").exists()


def configuration() -> dict[str, Any]:
    """All that the runs share, for `results.json`."""
    options = arm_options("short", "PPO", 0, Path("start/model"), Path("runs"))
    shared = {name: value for name, value in vars(options).items() if name not in ("out", "seed", "model")}
    plain: dict[str, Any] = json.loads(json.dumps(shared, default=str))
    return {"tasks": {name: dataclasses.asdict(task) for name, task in TASKS.items()}, "arms": ARMS, "shared": plain}


@contextmanager
def _held(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Whether this process holds the lock of a path; it goes with the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


if __name__ == "__main__":
    import tyro

    sys.exit(main(tyro.cli(Options)))
