"""StepCoder's ablation: what its curriculum and its mask are worth, at equal budget, over paired seeds.

`python -m codegym.benchmarks.stepcoder_ablation --out FOLDER` makes one fine-tuned model, trains it by every arm with
every seed, and writes `results.json`, `curves.json` and `README.md`. It goes on where it was stopped; what is finished
is reported, seed by seed, whatever is missing.

The task is made to need what is ablated: programs of two and three conditionals, and a model that was fine-tuned on
references in which more than half of the operators are mistaken. It writes the right shape with wrong operators, so
that it hardly ever solves a whole problem by chance, and more often the end of one.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codegym.agents.recipes.stepcoder_options import TrainStepCoderOptions
from codegym.agents.statistics import Estimate, bootstrap
from codegym.envs.files import read_json, write_atomically, write_json

PROBLEMS = "katas:rules-chain-2,rules-chain-3"
"""Two or three rules and a default, asked in order: of the tier `branches`."""

FINE_TUNINGS: tuple[dict[str, Any], ...] = (
    {"problems": "katas:rules-chain-3,rules-chain-5", "sft_slips": 0.5, "sft_steps": 250, "sft_batch": 32},
    {"problems": PROBLEMS, "sft_slips": 0.6, "sft_steps": 120, "sft_batch": 16},
)
"""One after the other, from tiny-buggy on: first the shape of such programs, then what to write in them, half wrong."""
ARMS: dict[str, dict[str, Any]] = {
    "ppo": {"curriculum": False, "credit": "none"},
    "stepcoder": {"curriculum": True, "credit": "coverage"},
    "ppo+cccs": {"curriculum": True, "credit": "none"},
    "ochiai": {"curriculum": True, "credit": "ochiai"},
    "ppo+fgo": {"curriculum": False, "credit": "coverage"},
    "random mask": {"curriculum": True, "credit": "random"},
}
"""Arm -> its options; all else is equal. The seventh arm is the fine-tuned model that they begin with."""

SOLVED = 0.2
"""Held-out pass rate that the number of episodes is counted to."""


@dataclass(frozen=True)
class Options:
    """Run StepCoder's ablation; the same command goes on."""

    out: Path
    """Folder of the tables; the runs go to its subfolder `runs`."""
    runs: Path | None = None
    """Folder of the runs, where they should not lie in `out`."""
    seeds: int = 5
    """Paired seeds."""
    iterations: int = 16
    """Rollouts of each run."""
    prompts: int = 8
    """Problems per rollout, 8 samples each."""
    minutes: float | None = None
    """Begin no run later than this; a run under way is finished."""


def main(options: Options) -> int:
    """Run what is missing, then write the tables."""
    runs = options.runs or options.out / "runs"
    begun = time.monotonic()
    model = fine_tuned_model(runs)
    for seed in range(options.seeds):
        for arm in ARMS:
            late = options.minutes is not None and time.monotonic() - begun > 60 * options.minutes
            if not late and not (folder(runs, arm, seed) / "summary.json").exists():
                run_arm(arm, seed, model, runs, options)
        report(options.out, runs, options)
    return 0


def fine_tuned_model(runs: Path) -> Path:
    """The folder of the model that every arm begins with: tiny-buggy, fine-tuned on references with slips."""
    from codegym.agents.recipes.stepcoder import train_stepcoder

    model = "tiny-buggy"
    for number, tuning in enumerate(FINE_TUNINGS):
        out = runs / f"sft-{number}"
        if not (out / "summary.json").exists():
            train_stepcoder(
                TrainStepCoderOptions(
                    out=out,
                    model=model,
                    sft="references",
                    sft_lr=1e-3,
                    iterations=1,
                    prompts=1,
                    samples=2,
                    max_tokens=8,
                    eval_problems=0,
                    **tuning,
                )
            )
        model = str(out / "sft" / "model")
    return Path(model)


def arm_options(arm: str, seed: int, model: Path, runs: Path, options: Options) -> TrainStepCoderOptions:
    """The options of one run."""
    return TrainStepCoderOptions(
        out=folder(runs, arm, seed),
        model=str(model),
        problems=PROBLEMS,
        sft="none",
        seed=seed,
        iterations=options.iterations,
        prompts=options.prompts,
        max_tokens=56,
        lr=5e-4,
        value_warmup=2,
        eval_problems=40,
        eval_samples=2,
        eval_every=4,
        checkpoint_every=10,
        **ARMS[arm],
    )


def run_arm(arm: str, seed: int, model: Path, runs: Path, options: Options) -> None:
    """Train one arm with one seed; the evaluation before it is that of the seed's first arm."""
    from codegym.agents.recipes.stepcoder import train_stepcoder

    print(f"{arm}, seed {seed}", file=sys.stderr, flush=True)
    first = folder(runs, next(iter(ARMS)), seed) / "evaluation"
    here = folder(runs, arm, seed) / "evaluation"
    if (first / "before.json").exists() and not here.exists():
        here.mkdir(parents=True)
        for name in ("before.jsonl", "before.json"):
            shutil.copy(first / name, here / name)
    train_stepcoder(arm_options(arm, seed, model, runs, options))


def folder(runs: Path, arm: str, seed: int) -> Path:
    """Of one run."""
    return runs / arm.replace(" ", "-") / str(seed)


def report(out: Path, runs: Path, options: Options) -> None:
    """Write the tables from what is finished."""
    rows: dict[str, Any] = {}
    curves: dict[str, Any] = {}
    finished = {
        arm: [s for s in range(options.seeds) if (folder(runs, arm, s) / "summary.json").exists()] for arm in ARMS
    }
    if not any(finished.values()):
        return
    baseline = {seed: _rates(folder(runs, "ppo", seed), "after") for seed in finished["ppo"]}
    rows["sft"] = _row([_rates(folder(runs, "ppo", seed), "before") for seed in finished["ppo"]], [])
    for arm, seeds in finished.items():
        if not seeds:
            continue
        after = {seed: _rates(folder(runs, arm, seed), "after") for seed in seeds}
        pairs = [(baseline[seed], after[seed]) for seed in seeds if seed in baseline and arm != "ppo"]
        curves[arm] = {str(seed): _curve(folder(runs, arm, seed), options) for seed in seeds}
        rows[arm] = _row(list(after.values()), pairs) | {
            "episodes": [_episodes_to(curve) for curve in curves[arm].values()],
            "seconds": round(
                float(np.mean([read_json(folder(runs, arm, s) / "summary.json")["seconds"] for s in seeds]))
            ),
        }
    record = {"problems": PROBLEMS, "options": dataclasses.asdict(options), "arms": ARMS, "rows": rows}
    write_json(out / "results.json", json.loads(json.dumps(record, default=str)))
    write_json(out / "curves.json", curves)
    write_atomically(out / "table.md", _table(rows))


def _rates(run: Path, when: str) -> dict[str, float]:
    rates: dict[str, float] = read_json(run / "evaluation" / f"{when}.json")["pass_rates"]
    return rates


def _row(
    runs: Sequence[dict[str, float]], pairs: Sequence[tuple[dict[str, float], dict[str, float]]]
) -> dict[str, Any]:
    """pass@1 over all problems of all seeds, by family, and the paired difference to plain PPO, by problem and seed."""
    flat = [rate for run in runs for rate in run.values()]
    row: dict[str, Any] = {"seeds": len(runs), "pass@1": bootstrap(flat).to_json()}
    row["by seed"] = [float(np.mean(list(run.values()))) for run in runs]
    families = sorted({uri.split("/")[1] for run in runs for uri in run})
    row["families"] = {
        family: float(np.mean([rate for run in runs for uri, rate in run.items() if uri.split("/")[1] == family]))
        for family in families
    }
    if pairs:
        row["over ppo"] = bootstrap(
            [b[uri] - a[uri] for a, b in pairs for uri in sorted(a.keys() & b.keys())]
        ).to_json()
    return row


def _curve(run: Path, options: Options) -> list[tuple[int, float]]:
    """(episodes, held-out pass rate) along a run."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [(r["iteration"] * options.prompts * 8, r["held_out"]) for r in lines if "held_out" in r]


def _episodes_to(curve: Sequence[tuple[int, float]]) -> int | None:
    return next((episodes for episodes, rate in curve if rate >= SOLVED), None)


def _table(rows: dict[str, Any]) -> str:
    families = list(rows["sft"]["families"])
    heads = ["arm", "seeds", "pass@1", *families, "over PPO", f"episodes to {SOLVED:.0%}"]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for arm, row in rows.items():
        over = str(Estimate(**row["over ppo"])) if "over ppo" in row else ""
        episodes = ", ".join("-" if n is None else str(n) for n in row.get("episodes", []))
        cells = [arm, str(row["seeds"]), str(Estimate(**row["pass@1"]))]
        cells += [f"{row['families'][family]:.1%}" for family in families]
        lines.append("| " + " | ".join([*cells, over, episodes]) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import tyro

    sys.exit(main(tyro.cli(Options)))
