"""What a report is about: run folders, and training folders with their runs before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codegym.benchmarks.leaderboard.run_folder import EPISODES, METRICS, RUN, SUMMARY, Run, read_episodes, read_run
from codegym.envs.errors import DataError
from codegym.envs.files import read_json


@dataclass(frozen=True)
class Source:
    """One folder given to a report.

    Attributes:
        name: the folder's name.
        runs: (label, run) of the benchmark runs in it: the folder itself, or its `before` and `after`.
        summary: its `summary.json`.
        metrics: the lines of its `metrics.jsonl`; empty for a benchmark run.
    """

    name: str
    runs: Sequence[tuple[str, Run]]
    summary: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def trained(self) -> bool:
        """Whether this is a training run with a value before and after."""
        return "before" in self.summary and "after" in self.summary


def read_source(path: str | Path, name: str | None = None) -> Source:
    """Read a run folder or a training folder, under its own name or another; a DataError says what is missing."""
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"No run folder {folder}.")
    name = name or folder.resolve().name
    summary = read_json(folder / SUMMARY) if (folder / SUMMARY).is_file() else {}
    metrics = _lines(folder / METRICS) if (folder / METRICS).is_file() else []
    runs = [(name, read_run(folder))] if (folder / EPISODES).is_file() and (folder / RUN).is_file() else []
    for part in ("before", "after"):
        if (folder / part / EPISODES).is_file():
            runs.append((f"{name}: {part}", read_run(folder / part)))
        elif (folder / "evaluation" / f"{part}.jsonl").is_file():
            runs.append((f"{name}: {part}", _evaluation(folder / "evaluation" / f"{part}.jsonl")))
    if not runs and not summary and not metrics:
        raise DataError(f"{folder} is not a run folder: no {EPISODES}, {SUMMARY} or {METRICS} in it.")
    return Source(name, runs, summary if isinstance(summary, dict) else {}, metrics)


def _evaluation(path: Path) -> Run:
    """The sampled episodes that a training run kept of an evaluation, as a run."""
    episodes = [episode for episode in read_episodes(path) if not episode.agent.endswith("greedy)")]
    settings: dict[str, Any] = {}
    if episodes:
        first = episodes[0]
        problems = {"spec": first.env_kwargs.get("problems", "")}
        settings = {"env_id": first.env_id, "env_kwargs": first.env_kwargs, "problems": problems, "agent": first.agent}
    return Run(path, {"settings": settings}, episodes, {})


def _lines(path: Path) -> list[Mapping[str, Any]]:
    """The complete lines of a metrics file; a training run that still writes may have an incomplete last one."""
    records: list[Mapping[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}:{number}: not a JSON line ({error.msg}).") from None
        if isinstance(record, dict):
            records.append(record)
    return records
