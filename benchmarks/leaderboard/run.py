"""A benchmark run: episodes in the order of (problem, sample), written batch by batch, so that a killed run goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

from codegym.agents.collect import Request, collect, requests
from codegym.benchmarks.leaderboard.agents_by_name import (
    AgentContext,
    NamedAgent,
    check_agent_name,
    load_model,
    make_agent,
)
from codegym.benchmarks.leaderboard.broken import broken_problems
from codegym.benchmarks.leaderboard.metrics import PASS, summarise
from codegym.benchmarks.leaderboard.options import RunOptions
from codegym.benchmarks.leaderboard.provenance import git_commit, machine, versions
from codegym.benchmarks.leaderboard.run_folder import (
    EPISODES,
    PROGRESS,
    SUMMARY,
    Run,
    elapsed,
    keep_episodes,
    open_run,
    read_episodes,
)
from codegym.envs.episode import Episode
from codegym.envs.errors import InfrastructureError, OptionError, unknown
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.files import append_line, append_lines, require_writable_folder, write_json
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.registration import ENVIRONMENTS


@dataclass(frozen=True)
class Benchmark:
    """A run that was asked for, checked and loaded: all that is left is to play it.

    Attributes:
        options: what was asked for.
        env_id: id of the environment.
        env_kwargs: its arguments.
        problems: the set (a split of it).
        uris: the problems of the run, in order.
        player: the agent.
        settings: what decides the result, as `run.json` holds it.
    """

    options: RunOptions
    env_id: str
    env_kwargs: Mapping[str, Any]
    problems: ProblemSet
    uris: Sequence[str]
    player: NamedAgent
    settings: Mapping[str, Any]

    @property
    def grid(self) -> list[Request]:
        """Every episode of the run, in order."""
        return requests(self.uris, self.options.samples, seed=self.options.seed)

    def environment(self, rows: int) -> Any:
        """A vector environment of so many rows."""
        return make_environment(self.env_id, rows, self.env_kwargs)


def make_environment(env_id: str, rows: int, env_kwargs: Mapping[str, Any]) -> Any:
    """A native vector environment whose rows stand still when their episode is over."""
    return gym.make_vec(env_id, num_envs=rows, autoreset_mode="Disabled", **env_kwargs)


def full_id(env: str) -> str:
    """The registered id of `Line-v0`, `codegym/Line-v0` or `codegym:codegym/Line-v0`."""
    env_id = env.removeprefix("codegym:")
    env_id = env_id if "/" in env_id else f"codegym/{env_id}"
    if env_id not in ENVIRONMENTS:
        raise unknown("environment", env, ENVIRONMENTS)
    return env_id


def chosen_uris(problems: ProblemSet, tags: Sequence[str], limit: int | None) -> list[str]:
    """The first `limit` problems that carry one of the tags.

    Raises:
        OptionError: if there is none.
    """
    uris = [p.uri for p in problems if set(tags) & set(p.tags)] if tags else list(problems.uris)
    if not uris and tags:
        known = sorted({tag for problem in problems for tag in problem.tags})
        raise unknown(f"tag in {problems.spec}:", ", ".join(tags), known or ("(it has none)",))
    if not uris:
        raise OptionError(f"{problems.spec} has no problems.")
    return uris[:limit]


def prepare(options: RunOptions) -> Benchmark:
    """Check everything that was asked for, then load the agent. Writes nothing.

    Raises:
        OptionError: an option, name or value that does not exist, or a folder that cannot be written.
    """
    for name in ("samples", "batch", "limit"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise OptionError(f"--{name} is {value}; it must be at least 1.")
    env_id = full_id(options.env)
    check_agent_name(options.agent)
    problems = load_problems(options.problems, options.split)
    if options.split is None:
        problems = problems.default_split("test")
    require_writable_folder(options.out, make=False)
    uris = chosen_uris(problems, options.tags, options.limit)
    env_kwargs = _env_kwargs(options, env_id, problems)
    make_environment(env_id, 1, env_kwargs).close()  # a wrong option is found before a model is loaded
    model = load_model(options.agent, options.dtype)
    if model is not None and "/Token" in env_id and options.tokenizer is None:
        env_kwargs["tokenizer"] = model.vocabulary
    probe = make_environment(env_id, 1, env_kwargs)
    context = AgentContext(
        problems,
        probe.single_action_space,
        probe.settings.vocabulary,
        model,
        {k: v for k in ("temperature", "top_p") if (v := getattr(options, k)) is not None},
        None if "/Token" in env_id else options.max_tokens,
    )
    player = make_agent(options.agent, context)
    stored_kwargs = json.loads(json.dumps(dict(probe.settings.options)))
    probe.close()
    settings = {
        "env_id": env_id,
        "env_kwargs": stored_kwargs,
        "problems": {
            "spec": problems.spec,
            "tags": list(options.tags),
            "limit": options.limit,
            "count": len(uris),
            "sha256": problems.sha256,
        },
        "tests": options.tests,
        "agent": options.agent,
        "samples": options.samples,
        "seed": options.seed,
        "batch": options.batch,
    }
    return Benchmark(options, env_id, env_kwargs, problems, uris, player, settings)


def run_benchmark(
    options: RunOptions,
    *,
    argv: Sequence[str] = (),
    executor: Executor | None = None,
    progress: Callable[[int, int, int], None] | None = None,
    watch: Callable[[int], None] | None = None,
) -> Run:
    """Play a run to its end, or go on with it where its folder holds a part.

    Args:
        options: what to play.
        argv: the command line, for the record.
        executor: checks the references; None for the shared one.
        progress: called with (done, total, passed) after each batch.
        watch: told of a language model's new tokens after each step of its sampling, which may be long before that.

    Raises:
        OptionError: an option that does not exist, or a folder that holds another run.
        InfrastructureError: the machine could not judge a program; the run goes on from there when asked again.
    """
    benchmark = prepare(options)
    if (model := benchmark.player.model) is not None:
        model.watch = watch
    executor = executor or shared_executor()
    record = {
        "kind": "run",
        "settings": benchmark.settings,
        "agent": benchmark.player.identity,
        "options": json.loads(json.dumps(asdict(options), default=str)),
        "argv": list(argv),
        "commit": git_commit(),
        "versions": versions(),
        "isolation": executor.report(),
        "machine": machine(),
    }
    place = open_run(options.out, record)
    episodes = _play(benchmark, place, progress)
    started = time.perf_counter()
    played = options.agent == "canonical" and options.credit != "none"
    problems = [benchmark.problems[uri] for uri in benchmark.uris]
    broken = broken_problems(problems, executor, options.tests, coverage=played)
    summary = summarise(episodes, broken=broken, count_broken=options.agent == "canonical")
    summary["seconds"] = round(elapsed(place) + time.perf_counter() - started, 3)
    write_json(place / SUMMARY, summary)
    return Run(place, record, episodes, summary)


def _play(benchmark: Benchmark, place: Path, progress: Callable[[int, int, int], None] | None) -> list[Episode]:
    """Play the batches that are not in the folder yet; returns all episodes.

    A batch that was written in part is played again: batches are then the same as in a run that was never stopped.
    """
    path, size = place / EPISODES, benchmark.options.batch
    grid = benchmark.grid
    episodes = list(read_episodes(path)) if path.exists() else []
    if len(episodes) < len(grid):
        episodes = episodes[: len(episodes) // size * size]
        keep_episodes(place, len(episodes))
    passed = sum(episode.verdict == PASS for episode in episodes)
    if progress:
        progress(len(episodes), len(grid), passed)
    before, started = elapsed(place), time.perf_counter()
    environments: dict[int, Any] = {}
    for begin in range(len(episodes), len(grid), size):
        batch = grid[begin : begin + size]
        if len(batch) not in environments:
            environments[len(batch)] = benchmark.environment(len(batch))
        played = collect(benchmark.player.agent, environments[len(batch)], batch, name=benchmark.options.agent)
        if len(played) < len(batch):
            raise InfrastructureError(
                f"{len(batch) - len(played)} programs could not be judged; see `codegym doctor`. "
                "The same command goes on from here."
            )
        append_lines(path, (episode.to_json() for episode in played))
        episodes += played
        passed += sum(episode.verdict == PASS for episode in played)
        seconds = round(before + time.perf_counter() - started, 3)
        append_line(place / PROGRESS, json.dumps({"episodes": len(episodes), "passed": passed, "seconds": seconds}))
        if progress:
            progress(len(episodes), len(grid), passed)
    for environment in environments.values():
        environment.close()
    return episodes


def _env_kwargs(options: RunOptions, env_id: str, problems: ProblemSet) -> dict[str, Any]:
    given: dict[str, Any] = {
        "problems": problems,
        "tests": options.tests,
        "reward": options.reward,
        "credit": None if options.credit == "none" else options.credit,
        "observation": options.observation,
    }
    others = {"max_lines": options.max_lines, "max_steps": options.max_steps, "tokenizer": options.tokenizer}
    if "/Token" in env_id:
        others["max_tokens"] = options.max_tokens
    return given | {name: value for name, value in others.items() if value is not None}
