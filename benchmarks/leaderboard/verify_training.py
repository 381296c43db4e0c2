"""Verify a training folder: the episodes of its evaluations by replay, and its summary from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codegym.agents.evaluate import Evaluation, evaluation_requests
from codegym.agents.statistics import paired_bootstrap
from codegym.benchmarks.leaderboard.metrics import pass_rates
from codegym.benchmarks.leaderboard.replay import Difference, Progress, episode_name, replay
from codegym.benchmarks.leaderboard.run_folder import EPISODES, RUN, SUMMARY, read_episodes, read_run
from codegym.benchmarks.leaderboard.verify import Verification, verify
from codegym.envs.errors import DataError
from codegym.envs.execution.executor import Executor
from codegym.envs.files import read_json
from codegym.envs.problems.catalog import load_problems

PARTS = ("before", "after")


def is_training(path: str | Path) -> bool:
    """Whether a folder holds evaluations before and after a training instead of one run."""
    folder = Path(path)
    return not (folder / EPISODES).is_file() and any(_runs(folder) + _evaluations(folder))


def verify_training(
    path: str | Path, *, regenerate: int = 0, executor: Executor | None = None, progress: Progress | None = None
) -> Verification:
    """Verify what a training folder says about the model before and after.

    Its evaluations are benchmark runs in folders of their own (`before/`, `after/`: each is verified as such), or files
    of episodes (`evaluation/before.jsonl`): then all of these are replayed, and their problems and seeds are held
    against `run.json`. In both cases pass@1 and the gain in `summary.json` are computed again.

    Args:
        path: training folder.
        regenerate: how many episodes of each benchmark run to sample again; files of episodes have none.
        executor: where programs run; None for the shared one.
        progress: called with (done, total, unchanged) after each batch of a part.

    Raises:
        DataError: something in the folder cannot be read.
        OptionError: an environment, problem set or model cannot be had here.
    """
    folder = Path(path)
    summary = read_json(folder / SUMMARY) if (folder / SUMMARY).is_file() else {}
    if not isinstance(summary, dict):
        raise DataError(f"{folder / SUMMARY}: not a JSON object.")
    found: list[Difference] = [] if summary else [Difference("differs", SUMMARY, "file", "missing", "unfinished")]
    episodes = again = 0
    rates: dict[str, Mapping[str, float]] = {}
    for part in PARTS:
        if part in _runs(folder):
            result = verify(folder / part, regenerate=regenerate, executor=executor, progress=progress)
            run = read_run(folder / part)
            rates[part], expected = pass_rates(run.episodes), dict(run.summary)
        elif part in _evaluations(folder):
            result, evaluation = _verify_evaluation(folder, part, executor, progress)
            rates[part], expected = evaluation.pass_rates, evaluation.to_json()
        else:
            found.append(Difference("differs", part, "evaluation", "missing", "one expected"))
            continue
        episodes, again = episodes + result.episodes, again + result.regenerated
        found += [Difference(d.kind, f"{part}: {d.where}", d.field, d.stored, d.replayed) for d in result.differences]
        found += _compared(summary.get(part, {}), expected, part)
    if summary and len(rates) == len(PARTS):
        shared = sorted(rates["before"].keys() & rates["after"].keys())
        gain = paired_bootstrap([rates["before"][uri] for uri in shared], [rates["after"][uri] for uri in shared])
        found += _compared(summary, {"gain": gain.to_json()}, "gain")
    return Verification(episodes, found, again)


def _runs(folder: Path) -> list[str]:
    return [part for part in PARTS if (folder / part / EPISODES).is_file()]


def _evaluations(folder: Path) -> list[str]:
    return [part for part in PARTS if (folder / "evaluation" / f"{part}.jsonl").is_file()]


def _verify_evaluation(
    folder: Path, part: str, executor: Executor | None, progress: Progress | None
) -> tuple[Verification, Evaluation]:
    """Replay a file of episodes, and hold it against the configuration of the training."""
    path = folder / "evaluation" / f"{part}.jsonl"
    episodes = list(read_episodes(path))
    config = read_json(folder / RUN).get("config", {}) if (folder / RUN).is_file() else {}
    missing = [name for name in ("problems", "problems_sha256", "seed", "eval_samples") if name not in config]
    if missing:
        raise DataError(f"{folder / RUN}: the configuration lacks {', '.join(missing)}.")
    found = []
    problems = load_problems(config["problems"])
    if problems.sha256 != config["problems_sha256"]:
        found.append(Difference("differs", RUN, "problem set hash", config["problems_sha256"], problems.sha256))
    uris = list(dict.fromkeys(episode.problem for episode in episodes))
    evaluation = Evaluation.of(episodes, dropped=int(read_json(path.with_suffix(".json"))["result"]["dropped"]))
    wanted = [key for group in evaluation_requests(uris, config["eval_samples"], config["seed"]) for key in group]
    if evaluation.dropped == 0:
        seeds = [(episode.problem, episode.sample, episode.seed) for episode in episodes]
        expected = [(request.problem, request.sample, request.seed) for request in wanted]
        if seeds != expected:
            found.append(Difference("differs", path.name, "problems, samples and seeds", len(seeds), len(expected)))
    settings: dict[str, Any] = {"env_id": episodes[0].env_id, "env_kwargs": episodes[0].env_kwargs}
    for episode in episodes:
        for name, value in settings.items():
            if getattr(episode, name) != value:
                found.append(Difference("differs", episode_name(episode), name, getattr(episode, name), value))
    found += replay(settings, episodes, executor=executor, progress=progress)
    return Verification(len(episodes), found), evaluation


def _compared(stored: Mapping[str, Any], expected: Mapping[str, Any], where: str) -> list[Difference]:
    """Where a summary says something else than its parts."""
    return [
        Difference("differs", f"{SUMMARY}: {where}", name, stored.get(name), value)
        for name, value in expected.items()
        if name != "seconds" and stored.get(name) != value
    ]
