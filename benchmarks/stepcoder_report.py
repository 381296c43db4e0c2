"""Tables and plots of StepCoder's ablation, from whatever runs are finished."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegym.agents.statistics import Estimate
from codegym.benchmarks.stepcoder_ablation import TASKS, Task, configuration, finished, folder
from codegym.envs.files import read_json, write_atomically, write_json

RESAMPLES = 10_000
START = "start model (SFT)"


def report(out: Path, runs: Path, seeds: int) -> None:
    """Write `results.json`, `curves.json`, `table.md` and a plot for each task."""
    results: dict[str, Any] = {}
    curves: dict[str, dict[str, dict[str, list[tuple[int, float]]]]] = {}
    tables = []
    for name, task in TASKS.items():
        done = {arm: [s for s in range(seeds) if finished(runs, name, arm, s)] for arm in task.arms}
        if not any(done.values()):
            continue
        curves[name] = {
            arm: {str(seed): curve(folder(runs, name, arm, seed), task.episodes) for seed in found}
            for arm, found in done.items()
            if found
        }
        results[name] = _rows(runs, name, task, done, curves[name])
        tables.append(
            f"**{name}** ({task.count} problems each of {', '.join(task.families)})\n\n{table(results[name], task)}"
        )
    if results:
        write_json(out / "results.json", {**configuration(), "results": results})
        write_json(out / "curves.json", curves)
        write_atomically(out / "table.md", "\n".join(tables))
        for name, by_arm in curves.items():
            plot(out / f"{name}.png", ", ".join(TASKS[name].families), by_arm)


def _rows(
    runs: Path, name: str, task: Task, done: Mapping[str, Sequence[int]], curves: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Arm -> its numbers; the start model first."""
    after = {arm: {s: _rates(folder(runs, name, arm, s), "after") for s in found} for arm, found in done.items()}
    first = next(arm for arm, found in done.items() if found)
    rows = {START: row({s: _rates(folder(runs, name, first, s), "before") for s in done[first]})}
    for arm, rates in after.items():
        if not rates:
            continue
        rows[arm] = row(rates)
        for other in ("PPO", "PPO + CCCS"):
            shared = [seed for seed in rates if seed in after.get(other, {})]
            if other != arm and shared:
                rows[arm][f"over {other}"] = difference(after[other], rates, shared).to_json()
        rows[arm]["episodes"] = [episodes_to(points, task.solved) for points in curves[arm].values()]
        seconds = [read_json(folder(runs, name, arm, seed) / "summary.json")["seconds"] for seed in rates]
        rows[arm]["seconds"] = round(float(np.mean(seconds)))
    return rows


def _rates(run: Path, when: str) -> dict[str, float]:
    rates: dict[str, float] = read_json(run / "evaluation" / f"{when}.json")["pass_rates"]
    return rates


def row(rates: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    """pass@1 over all problems and seeds with its interval, by seed, and by family."""
    seeds = sorted(rates)
    uris = sorted(set.intersection(*(set(rates[seed]) for seed in seeds)))
    grid = np.array([[rates[seed][uri] for uri in uris] for seed in seeds])
    families = sorted(set(map(family, uris)))
    return {
        "seeds": seeds,
        "pass@1": interval(grid).to_json(),
        "by seed": grid.mean(1).round(4).tolist(),
        "families": {f: float(grid[:, [family(uri) == f for uri in uris]].mean()) for f in families},
    }


def family(uri: str) -> str:
    """`rules-chain-2` of `short/rules-chain-2-17`."""
    return uri.partition("/")[2].rpartition("-")[0]


def difference(
    one: Mapping[int, Mapping[str, float]], other: Mapping[int, Mapping[str, float]], seeds: Sequence[int]
) -> Estimate:
    """How much higher the second passes, paired by problem and seed."""
    uris = sorted(set.intersection(*(set(rates[seed]) for rates in (one, other) for seed in seeds)))
    return interval(np.array([[other[seed][uri] - one[seed][uri] for uri in uris] for seed in seeds]))


def interval(grid: NDArray[np.float64]) -> Estimate:
    """The mean of [seeds, problems] with a 95 % bootstrap interval; seeds and problems are both drawn again."""
    rng = np.random.default_rng(0)
    seeds, problems = grid.shape
    by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    by_problem = rng.multinomial(problems, np.full(problems, 1 / problems), RESAMPLES) / problems
    means = ((by_seed @ grid) * by_problem).sum(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Estimate(float(grid.mean()), float(low), float(high))


def curve(run: Path, rollout: int) -> list[tuple[int, float]]:
    """(episodes, held-out pass rate) along a run of rollouts of so many episodes."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [(line["iteration"] * rollout, line["held_out"]) for line in lines if "held_out" in line]


def episodes_to(points: Sequence[tuple[int, float]], solved: float) -> int | None:
    """Episodes until the held-out pass rate first reached `solved`, or None."""
    return next((episodes for episodes, rate in points if rate >= solved), None)


def table(rows: Mapping[str, Any], task: Task) -> str:
    """The numbers of a task as Markdown."""
    families = list(rows[START]["families"])
    shown = families if len(families) > 1 else []
    heads = ["arm", "seeds", "pass@1", *shown, "over PPO", "over PPO + CCCS", f"episodes to {task.solved:.0%}"]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for arm, numbers in rows.items():
        over = [
            str(Estimate(**numbers[f"over {other}"])) if f"over {other}" in numbers else ""
            for other in ("PPO", "PPO + CCCS")
        ]
        episodes = ", ".join("-" if n is None else str(n) for n in numbers.get("episodes", []))
        cells = [arm, str(len(numbers["seeds"])), str(Estimate(**numbers["pass@1"]))]
        cells += [f"{100 * numbers['families'][family]:.1f} %" for family in shown]
        lines.append("| " + " | ".join([*cells, *over, episodes]) + " |")
    return "\n".join(lines) + "\n"


def plot(path: Path, title: str, curves: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]]) -> None:
    """Learning curves: the mean of each arm's seeds, and every seed faintly."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=110)
    for number, (arm, seeds) in enumerate(curves.items()):
        colour = f"C{number}"
        for points in seeds.values():
            axes.plot(*zip(*points, strict=True), color=colour, alpha=0.2, linewidth=0.8)
        common = set.intersection(*({episodes for episodes, _ in points} for points in seeds.values()))
        mean = [(at, float(np.mean([dict(points)[at] for points in seeds.values()]))) for at in sorted(common)]
        if mean:
            axes.plot(*zip(*mean, strict=True), color=colour, marker="o", markersize=3, label=f"{arm} ({len(seeds)})")
    axes.set(xlabel="episodes", ylabel="pass rate from the question", title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)
