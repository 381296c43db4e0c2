"""Score completions from elsewhere: every sample of a file through one executor, into a run folder."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegym.benchmarks.leaderboard.broken import broken_problems
from codegym.benchmarks.leaderboard.flakiness import run_repeatedly
from codegym.benchmarks.leaderboard.provenance import git_commit, machine, versions
from codegym.benchmarks.leaderboard.run_folder import (
    EPISODES,
    PROGRESS,
    SUMMARY,
    Run,
    check_run,
    elapsed,
    keep_episodes,
    open_run,
    read_episodes,
)
from codegym.benchmarks.leaderboard.samples import Sample, file_sha256, program_of, read_samples
from codegym.benchmarks.leaderboard.tables import is_drawn
from codegym.envs.episode import Episode
from codegym.envs.errors import OptionError
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict, part_verdicts
from codegym.envs.files import append_line, append_lines, require_writable_folder, write_json
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.rewards.outcome_reward import resolve_reward

ENV_ID = "codegym/score"
"""What stands for the environment in an episode that no environment produced."""

FIRST_BATCH, LEAST_BATCH, MOST_BATCH = 2048, 256, 1 << 16
BATCH_SECONDS = 30.0
"""What a kill can lose; at the end of a batch cores wait for its slowest program, so that it should be no less."""
TOLD_SECONDS = 0.1


def score_file(
    path: str | Path,
    problems: str,
    *,
    split: str | None = None,
    reward: str = "ladder",
    runs: int = 1,
    limits: Mapping[str, float] | None = None,
    out: str | Path | None = None,
    argv: Sequence[str] = (),
    executor: Executor | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> Run:
    """Score a sample file, or go on with it where its folder holds a part.

    Args:
        path: JSON lines, gzipped or not: `task_id` and `completion` or `solution`.
        problems: the problem set.
        split: one of its splits; by default all of it.
        reward: name of the reward, see `codegym.envs.rewards`.
        runs: how often each program is run, each time under another seed; verdicts that differ are listed as flaky.
        limits: what every problem's limits are replaced with: `seconds`, `reference_factor`, `most_seconds`.
        out: run folder to write; `verify`, `compare` and `report` read it.
        argv: the command line, for the record.
        executor: where programs run.
        progress: called with (done, total, passed) now and then.

    Raises:
        DataError: the file or one of its lines is not what it should be.
        OptionError: an unknown problem set, split or reward, or an unusable folder.
    """
    started = time.perf_counter()
    problem_set = load_problems(problems, split)
    resolve_reward(reward)
    samples = read_samples(path, problem_set)
    if out is not None:
        require_writable_folder(out, make=False)
    executor = executor or shared_executor()
    settings: dict[str, Any] = {
        "env_id": ENV_ID,
        "env_kwargs": {"problems": problems, "split": split, "tests": "all", "reward": reward},
        "problems": {"spec": problems, "split": split, "count": len(problem_set), "sha256": problem_set.sha256},
        "tests": "all",
        "agent": f"samples:{Path(path).name}",
        "samples": dict(Counter(sample.problem for sample in samples)),
        **({"runs": runs} if runs > 1 else {}),
        **({"limits": dict(limits)} if limits else {}),
    }
    limited = with_limits(problem_set, limits or {})
    record: dict[str, Any] = {
        "kind": "score",
        "settings": settings,
        "agent": {"name": f"samples:{Path(path).name}", "samples_sha256": file_sha256(path)},
        "argv": list(argv),
    }
    aside = _Aside()
    is_begun = out is not None and check_run(out, record)

    def opened() -> Path | None:
        record.update({"isolation": executor.report()} | aside.fetched())
        return open_run(out, record) if out is not None else None

    place = opened() if is_begun else None
    episodes, flaky, before = _scored_before(place)
    size = FIRST_BATCH
    while len(episodes) < len(samples):
        begun, start = time.perf_counter(), len(episodes)
        tell = _telling(progress, aside, start, len(samples), sum(e.verdict == Verdict.PASS for e in episodes))
        found = score_samples(samples[start : start + size], limited, settings, executor, tell)
        episodes += found.episodes
        flaky += found.flaky
        now = time.perf_counter()
        size = min(max(round(len(found.episodes) * BATCH_SECONDS / (now - begun)), LEAST_BATCH), MOST_BATCH)
        passed = sum(e.verdict == Verdict.PASS for e in episodes)
        place = place or opened()
        if place is not None:
            append_lines(place / EPISODES, found.lines)
            done = {"episodes": len(episodes), "passed": passed, "seconds": round(before + now - started, 3)}
            append_line(place / PROGRESS, json.dumps(done | ({"flaky": found.flaky} if found.flaky else {})))
        if progress:
            progress(len(episodes), len(samples), passed)
    from codegym.benchmarks.leaderboard.metrics import summarise

    tried = {sample.problem for sample in samples}
    broken = broken_problems([limited[uri] for uri in problem_set.uris if uri in tried], executor)
    missing = [uri for uri in problem_set.uris if uri not in tried]
    summary = summarise(episodes, broken=broken, not_attempted=missing)
    if flaky:
        summary["flaky"] = flaky
    summary["seconds"] = round(before + time.perf_counter() - started, 3)
    if place is not None:
        write_json(place / SUMMARY, summary)
    return Run(Path(out or "."), record, episodes, summary)


class _Aside:
    """What is needed only when programs have run, and takes as long as a hundred of them: fetched while they run."""

    def __init__(self) -> None:
        self._thread = threading.Thread(target=self._fetch, daemon=True)
        self._found: dict[str, Any] = {}

    def begin(self) -> None:
        """Fetch it, if that has not begun yet."""
        if self._thread.ident is None:
            self._thread.start()

    def fetched(self) -> dict[str, Any]:
        """Where the results come from, as `run.json` has it; numpy is imported as well."""
        self.begin()
        self._thread.join()
        return self._found or _provenance()  # which says why, where the thread could not

    def _fetch(self) -> None:
        self._found |= _provenance()
        importlib.import_module("codegym.benchmarks.leaderboard.metrics")
        if is_drawn(sys.stdout):
            importlib.import_module("rich.table")
            importlib.import_module("rich.console")


def _provenance() -> dict[str, Any]:
    return {"commit": git_commit(), "versions": versions(), "machine": machine()}


def _scored_before(place: Path | None) -> tuple[list[Episode], list[dict[str, Any]], float]:
    """Episodes, flaky samples and seconds of the batches that were finished before, if this run was stopped."""
    if place is None:
        return [], [], 0.0
    path = place / PROGRESS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    batches = [json.loads(line) for line in lines]
    keep_episodes(place, batches[-1]["episodes"] if batches else 0)  # the rest is of a batch that was cut short
    episodes = list(read_episodes(place / EPISODES)) if batches else []
    return episodes, [found for batch in batches for found in batch.get("flaky", ())], elapsed(place)


def _telling(
    progress: Callable[[int, int, int], None] | None, aside: _Aside, done: int, total: int, passed: int
) -> Callable[[int, Outcome], None]:
    """What tells of each outcome of a batch, from so many done and passed on, but not more often than one can see."""
    told = time.perf_counter()

    def tell(place: int, outcome: Outcome) -> None:
        nonlocal done, passed, told
        done, passed = done + 1, passed + (outcome.verdict is Verdict.PASS)
        aside.begin()
        if progress and (now := time.perf_counter()) - told >= TOLD_SECONDS:
            told = now
            progress(done, total, passed)

    return tell


def with_limits(problems: ProblemSet, limits: Mapping[str, float]) -> ProblemSet:
    """The same problems under other limits of time.

    Raises:
        OptionError: a limit that is not positive.
    """
    if not limits:
        return problems
    for name, value in limits.items():
        if not value > 0:
            raise OptionError(f"The limit {name} is {value}; it must be above 0.")
    return ProblemSet.of(
        [replace(problem, limits=replace(problem.limits, **limits)) for problem in problems], problems.name
    )


@dataclass(frozen=True)
class Scored:
    """Samples that have been scored, in their order.

    Attributes:
        episodes: one a sample.
        lines: the same as lines of JSON, written while programs ran.
        flaky: the samples whose verdict differs between runs. Such a sample has not passed.
    """

    episodes: list[Episode]
    lines: list[str]
    flaky: list[dict[str, Any]]


def score_samples(
    samples: Sequence[Sample],
    problems: ProblemSet,
    settings: dict[str, Any],
    executor: Executor,
    each: Callable[[int, Outcome], None] | None = None,
) -> Scored:
    """One episode a sample: its one action is the text as submitted, its program what was executed.

    Args:
        samples: to score.
        problems: that they belong to.
        settings: of the run.
        executor: where programs run.
        each: called with the place and the outcome of each sample as it comes, in any order.
    """
    reward = resolve_reward(settings["env_kwargs"]["reward"])
    tests = settings["tests"]
    programs = [program_of(problems[sample.problem], sample.kind, sample.text) for sample in samples]
    jobs = [Job(problems[s.problem], program, tests) for s, program in zip(samples, programs, strict=True)]
    episodes: dict[int, Episode] = {}
    lines: dict[int, str] = {}

    def keep(place: int, outcome: Outcome) -> None:
        episode = _episode(samples[place], jobs[place], outcome, float(reward(outcome)), settings)
        episodes[place], lines[place] = episode, episode.to_json()

    def done(place: int, outcome: Outcome) -> None:
        keep(place, outcome)
        if each:
            each(place, outcome)

    flaky = []
    for place, result in enumerate(run_repeatedly(jobs, executor, settings.get("runs", 1), done)):
        sample = samples[place]
        if result.verdicts:
            flaky.append({"problem": sample.problem, "sample": sample.sample, "verdicts": list(result.verdicts)})
        if result.outcome is not result.outcomes[0]:
            keep(place, result.outcome)
    places = range(len(samples))
    return Scored([episodes[place] for place in places], [lines[place] for place in places], flaky)


def _episode(sample: Sample, job: Job, outcome: Outcome, reward: float, settings: Mapping[str, Any]) -> Episode:
    return Episode(
        env_id=settings["env_id"],
        env_kwargs=settings["env_kwargs"],
        problem=sample.problem,
        start={"kind": sample.kind, "text": "", "value": None},
        seed=0,
        sample=sample.sample,
        actions=(sample.text,),
        program=job.program,
        reward=reward,
        reward_terms={"outcome": reward},
        verdict=str(outcome.verdict),
        tests_passed=outcome.tests_passed,
        tests_total=outcome.tests_total,
        terminated=True,
        agent=settings["agent"],
        parts=part_verdicts(job.problem, outcome, job.tests),
    )
