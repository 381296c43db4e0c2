"""`codegym demo`: the main job. A small language model that learned from buggy code repairs itself by PPO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROBLEMS = "katas:tiny"
"""Katas of the families that `tiny-buggy` learned from: list comprehensions and arithmetic."""

ENVIRONMENT = "codegym/Token-v0"


@dataclass(frozen=True)
class Options:
    """Let a small language model that learned from buggy code repair itself by PPO against unit tests.

    It is scored before and after on problems whose combinations it never saw; look at `report.html`. The same command
    goes on where a killed one stopped.
    """

    out: Path = Path("runs/demo")
    """Folder of the demo: run.json, metrics.jsonl, summary.json, before/, after/, report.html."""
    model: str = "tiny-buggy"
    """Language model to begin with."""
    seed: int = 0
    """Of everything that is random."""
    iterations: int = 60
    """Rollouts of PPO, 128 programs each."""
    problems: int = 150
    """Held-out problems to score on."""
    samples: int = 4
    """Programs per held-out problem."""


def main(options: Options) -> int:
    """Score, train, score, show."""
    from codegym.agents.learning.options import TrainPPOOptions
    from codegym.agents.learning.train import train_ppo
    from codegym.agents.statistics import paired_bootstrap
    from codegym.benchmarks.leaderboard.metrics import pass_rates
    from codegym.benchmarks.leaderboard.options import RunOptions
    from codegym.benchmarks.leaderboard.report import write_report
    from codegym.benchmarks.leaderboard.run import run_benchmark
    from codegym.benchmarks.leaderboard.run_folder import Run
    from codegym.benchmarks.leaderboard.tables import progress_bar
    from codegym.envs.files import write_json

    command = ("demo", "--seed", str(options.seed), "--out", str(options.out))

    def measure(model: str, name: str) -> Run:
        with progress_bar(f"score {name}") as progress:
            return run_benchmark(
                RunOptions(
                    env=ENVIRONMENT,
                    problems=PROBLEMS,
                    split="test",
                    agent=f"lm:{model}",
                    samples=options.samples,
                    limit=options.problems,
                    seed=options.seed,
                    batch=128,
                    out=options.out / name,
                ),
                argv=command,
                progress=progress,
            )

    before = measure(options.model, "before")
    options_of_training = TrainPPOOptions(
        out=options.out,
        env=ENVIRONMENT,
        model=options.model,
        problems=PROBLEMS,
        iterations=options.iterations,
        seed=options.seed,
        eval_problems=0,
    )
    training = train_ppo(options_of_training)
    after = measure(str(options.out / "model"), "after")
    first, second = pass_rates(before.episodes), pass_rates(after.episodes)
    shared = sorted(first.keys() & second.keys())
    gain = paired_bootstrap([first[uri] for uri in shared], [second[uri] for uri in shared])
    summary = training | {
        "before": before.summary,
        "after": after.summary,
        "gain": gain.to_json(),
        "seconds": round(before.summary["seconds"] + training["seconds"] + after.summary["seconds"], 1),
    }
    write_json(options.out / "summary.json", summary)
    write_report([options.out], options.out / "report.html", programs=200, title="A model repairs itself")
    _print_table(options, summary)
    return 0


def _print_table(options: Options, summary: dict) -> None:  # type: ignore[type-arg]
    """pass@1 before and after, with 95 % confidence intervals over problems."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for heading in ("", "pass@1", "low", "high"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, style in (("before", ""), ("after", "bold"), ("gain", "green")):
        estimate = summary[name] if name == "gain" else summary[name]["pass@1"]
        cells = [f"{100 * estimate[key]:{'+' if name == 'gain' else ''}.1f} %" for key in ("value", "low", "high")]
        table.add_row(name, *cells, style=style)
    console = Console()
    console.print("pass@1 on held-out katas, with 95 % confidence intervals over problems")
    console.print(table)
    console.print(
        f"{summary['episodes']:,} programs were written and run in training. Look at "
        f"{options.out / 'report.html'}; check the numbers: codegym verify {options.out}",
        highlight=False,
    )
