"""Verify a run: its problems, its grid of episodes, every episode by replay, its summary."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegym.agents.collect import collect, requests
from codegym.benchmarks.leaderboard.broken import broken_problems
from codegym.benchmarks.leaderboard.metrics import summarise
from codegym.benchmarks.leaderboard.options import RunOptions
from codegym.benchmarks.leaderboard.replay import LIMITED, Difference, Progress, episode_name, replay
from codegym.benchmarks.leaderboard.replay_mark import write_mark
from codegym.benchmarks.leaderboard.run import chosen_uris, prepare
from codegym.benchmarks.leaderboard.run_folder import RUN, SUMMARY, Run, differences, read_run
from codegym.benchmarks.leaderboard.score import with_limits
from codegym.envs.episode import Episode
from codegym.envs.errors import DataError, OptionError
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem_set import ProblemSet

Grid = dict[tuple[str, int], int | None]
"""(problem, sample) -> the seed that the episode must have (None where it has none), in order."""


@dataclass(frozen=True)
class Verification:
    """What verifying a run found.

    Attributes:
        episodes: how many were replayed.
        differences: everything that is not what it should be.
        regenerated: how many were sampled again.
    """

    episodes: int
    differences: Sequence[Difference]
    regenerated: int = 0

    def passed(self, *, strict: bool = False) -> bool:
        """Whether nothing differs; under `strict` also nothing machine-limited."""
        return not [d for d in self.differences if strict or d.kind == "differs"]


def verify(
    path: str | Path,
    *,
    regenerate: int = 0,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify a run folder; a run without a difference is marked so (`verified.json`) where the folder can be written.

    Args:
        path: run folder.
        regenerate: how many episodes to sample again from the run's own agent.
        executor: where programs run; None for the shared one.
        progress: called with (done, total, unchanged) after each batch.

    Raises:
        DataError: the folder does not hold a run that can be read.
        OptionError: its environment or problems cannot be had here.
    """
    run = read_run(path)
    _require_settings(run)
    executor = executor or shared_executor()
    problems, uris, grid, found = _problems_of(run)
    found += _grid(run, grid)
    found += _records(run, grid)
    known = [episode for episode in run.episodes if (episode.problem, episode.sample) in grid]
    found += replay(run.settings, known, executor=executor, progress=progress)
    found += _summary(run, problems, uris, executor)
    again = 0
    if regenerate:
        again, changed = _regenerated(run, regenerate)
        found += changed
    result = Verification(len(known), found, again)
    if result.passed(strict=True) and run.summary:
        with contextlib.suppress(OptionError):  # a folder that cannot be written can still be verified
            write_mark(run.path, "regenerated" if again else "replayed")
    return result


def _require_settings(run: Run) -> None:
    needed = ("env_id", "env_kwargs", "problems", "tests", "samples", "agent")
    missing = [name for name in needed if name not in run.settings]
    if missing:
        raise DataError(f"{run.path / RUN}: the settings lack {', '.join(missing)}.")


def _problems_of(run: Run) -> tuple[ProblemSet, list[str], Grid, list[Difference]]:
    """The problem set, the run's problems, the episodes it must have, and whether the set is still the same."""
    stored = run.settings["problems"]
    problems = load_problems(stored["spec"], stored.get("split"))
    found = []
    if problems.sha256 != stored["sha256"]:
        found.append(Difference("differs", RUN, "problem set hash", stored["sha256"], problems.sha256))
    samples = run.settings["samples"]
    grid: Grid
    if isinstance(samples, Mapping):
        grid = {(uri, n): 0 for uri in problems.uris for n in range(samples.get(uri, 0))}
        return problems, list(problems.uris), grid, found
    uris = chosen_uris(problems, stored.get("tags", ()), stored.get("limit"))
    if len(uris) != stored["count"]:
        found.append(Difference("differs", RUN, "number of problems", stored["count"], len(uris)))
    wanted = requests(uris, int(samples), seed=int(run.settings["seed"]))
    return problems, uris, {(request.problem, request.sample): request.seed for request in wanted}, found


def _grid(run: Run, grid: Grid) -> list[Difference]:
    """Missing, repeated and unknown episodes, and whether they are in order."""
    counts = Counter((episode.problem, episode.sample) for episode in run.episodes)
    found = [
        Difference("differs", f"{uri} sample {sample}", "episode", "missing", "one expected")
        for uri, sample in grid
        if (uri, sample) not in counts
    ]
    for (uri, sample), count in counts.items():
        where = f"{uri} sample {sample}"
        if (uri, sample) not in grid:
            found.append(Difference("differs", where, "episode", "present", "not part of this run"))
        elif count > 1:
            found.append(Difference("differs", where, "episode", f"{count} times", "one expected"))
    if not found and [(e.problem, e.sample) for e in run.episodes] != list(grid):
        first = next(e for e, key in zip(run.episodes, grid, strict=True) if (e.problem, e.sample) != key)
        found.append(Difference("differs", episode_name(first), "order", "out of order", "by problem and sample"))
    return found


def _records(run: Run, grid: Grid) -> list[Difference]:
    """Fields that every episode has from the run: environment, agent, seed."""
    found = []
    for episode in run.episodes:
        expected: dict[str, Any] = {
            "env_id": run.settings["env_id"],
            "env_kwargs": run.settings["env_kwargs"],
            "agent": run.settings["agent"],
            "seed": grid.get((episode.problem, episode.sample), episode.seed),
        }
        for name, value in expected.items():
            if getattr(episode, name) != value:
                where = episode_name(episode)
                found.append(Difference("differs", where, name, getattr(episode, name), value))
    return found


def _summary(run: Run, problems: ProblemSet, uris: Sequence[str], executor: Executor) -> list[Difference]:
    """The summary, computed again from the stored episodes, with the references run again."""
    if not run.summary:
        return [Difference("differs", SUMMARY, "file", "missing", "the run is unfinished")]
    scored = isinstance(run.settings["samples"], Mapping)
    tried = {episode.problem for episode in run.episodes}
    problems = with_limits(problems, run.settings.get("limits", {}))
    checked = [problems[uri] for uri in uris if not scored or uri in tried]
    played = run.counts_broken and run.settings["env_kwargs"].get("credit", "coverage") is not None
    broken = broken_problems(checked, executor, run.settings["tests"], coverage=played)
    found = []
    for uri in sorted({*broken, *run.broken}):
        if (uri in broken) != (uri in run.broken):
            limited = any(verdict in broken.get(uri, "") + run.broken.get(uri, "") for verdict in LIMITED)
            kind = "machine-limited" if limited else "differs"
            found.append(
                Difference(kind, SUMMARY, f"broken {uri}", run.broken.get(uri, "not broken"), broken.get(uri, "passes"))
            )
    missing = [uri for uri in uris if uri not in tried] if scored else []
    expected = summarise(run.episodes, broken=run.broken, count_broken=run.counts_broken, not_attempted=missing)
    for name in dict.fromkeys([*run.summary, *expected]):
        if name not in ("seconds", "flaky") and run.summary.get(name) != expected.get(name):
            found.append(Difference("differs", SUMMARY, name, run.summary.get(name), expected.get(name)))
    return found


def _regenerated(run: Run, count: int) -> tuple[int, list[Difference]]:
    """Sample some episodes again by their seeds, spread over the run, and compare what was written."""
    options = run.record.get("options")
    if not isinstance(options, Mapping):
        raise OptionError(f"{run.path} was not played by an agent, so there is nothing to sample again.")
    benchmark = prepare(RunOptions(**{**options, "out": run.path}))
    changed = [
        Difference("differs", RUN, line.split(" ")[0], "in run.json", line)
        for line in differences(dict(run.record.get("agent", {})), dict(benchmark.player.identity), "agent")
    ]
    grid = benchmark.grid
    count = min(count, len(grid))
    chosen = [grid[i * len(grid) // count] for i in range(count)]
    stored: dict[tuple[str, int], Episode] = {(e.problem, e.sample): e for e in run.episodes}
    size = benchmark.options.batch
    for begin in range(0, count, size):
        part = chosen[begin : begin + size]
        environment = benchmark.environment(len(part))
        for episode in collect(benchmark.player.agent, environment, part, name=benchmark.options.agent):
            old = stored.get((episode.problem, episode.sample))
            if old is not None and old.actions != episode.actions:
                where = f"{episode_name(episode)} (sampled again)"
                changed.append(Difference("differs", where, "actions", list(old.actions), list(episode.actions)))
    return count, changed
