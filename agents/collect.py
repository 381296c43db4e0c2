"""Collect exact episodes, one per (problem, sample), through a vector environment, with the traces of the agent."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from codegym.agents.agent import Agent, Decision
from codegym.envs.episode import Episode
from codegym.envs.errors import PromptTooLong
from codegym.envs.execution.outcome import Verdict


@dataclass(frozen=True)
class Request:
    """One episode to play.

    Attributes:
        problem: uri.
        sample: index of the sample for this problem.
        seed: of the agent in this episode; nothing else decides its randomness.
        start: where the episode begins, as the reset option `start` has it; None leaves that to the environment.
    """

    problem: str
    sample: int
    seed: int
    start: Any = None


def requests(problems: Sequence[str], samples: int, *, seed: int, iteration: int = 0) -> list[Request]:
    """`samples` requests for each problem, siblings side by side, each with a seed of its own.

    The seed of an episode comes from (run seed, iteration, problem, sample) alone: neither the other episodes nor what
    was played before change it.

    Args:
        problems: uris.
        samples: per problem.
        seed: of the run.
        iteration: of training; other streams (evaluation) take numbers of their own.
    """
    return [
        Request(uri, sample, _number([seed, iteration, zlib.crc32(uri.encode()), sample]))
        for uri in problems
        for sample in range(samples)
    ]


def collect(
    agent: Agent,
    vector_env: Any,
    wanted: Sequence[Request],
    *,
    deterministic: bool = False,
    name: str = "",
    too_long: Callable[[PromptTooLong], None] | None = None,
) -> list[Episode]:
    """Play the wanted episodes to their end.

    Args:
        agent: plays; one with `observes = "view"` is given Views instead of observations.
        vector_env: of one of our environments, made with `autoreset_mode="Disabled"`; its rows are filled again and
            again until all is played. With `overlap=True` programs are executed while the agent goes on.
        wanted: what to play.
        deterministic: ask the agent for its most likely actions.
        name: of the agent, written into the episodes.
        too_long: told of each problem that does not fit into the agent's context, whose episodes are then left out;
            without it the first such problem is an error.

    Returns:
        The episodes in the order of `wanted`, with traces where the agent gave any. An episode that the machine failed
        to judge is left out; the difference in number says how many were.
    """
    rows = int(vector_env.num_envs)
    played: list[Episode] = []
    for begin in range(0, len(wanted), rows):
        wave = wanted[begin : begin + rows]
        while wave:
            try:
                played += _play(agent, vector_env, wave, deterministic, name)
                break
            except PromptTooLong as error:
                if too_long is None or not error.problem:
                    raise
                too_long(error)
                wave = [request for request in wave if request.problem != error.problem]
    return played


def _play(agent: Agent, vector_env: Any, wave: Sequence[Request], deterministic: bool, name: str) -> list[Episode]:
    """Play one episode in each of the first rows; the rows beyond stand still."""
    rows = int(vector_env.num_envs)
    env = vector_env.unwrapped
    asked = [wave[min(row, len(wave) - 1)] for row in range(rows)]
    observations, info = vector_env.reset(
        options={"problem": [request.problem for request in asked], "start": [request.start for request in asked]}
    )
    views = getattr(agent, "observes", "observation") == "view"
    decisions: list[list[Decision]] = [[] for _ in wave]
    running = list(range(len(wave)))
    env.pop_episodes()
    while running:
        seen = env.views() if views else _rows(observations, rows)
        chosen = agent.act(
            [seen[row] for row in running],
            [{"row": row, **_row_info(info, row)} for row in running],
            seeds=[_number([wave[row].seed, len(decisions[row])]) for row in running],
            deterministic=deterministic,
        )
        actions = env.idle_actions()
        for row, decision in zip(running, chosen, strict=True):
            decisions[row].append(decision)
            actions[row] = decision.action
        observations, _, terminated, truncated, info = vector_env.step(actions)
        running = [row for row in running if not (terminated[row] or truncated[row])]
    episodes = dict(env.pop_episodes())
    return [
        _finished(episodes[row], request, decisions[row], name)
        for row, request in enumerate(wave)
        if row in episodes and episodes[row].verdict != Verdict.INFRA
    ]


def _finished(episode: Episode, request: Request, decisions: Sequence[Decision], name: str) -> Episode:
    traces = tuple(decision.trace for decision in decisions if decision.trace is not None)
    return replace(
        episode,
        seed=request.seed,
        sample=request.sample,
        agent=name,
        trace=traces if len(traces) == len(decisions) else None,
        tokens=sum(decision.tokens for decision in decisions) or episode.tokens,
    )


def _rows(observations: Any, count: int) -> list[Any]:
    """A batched observation as a list with one entry per environment."""
    if isinstance(observations, dict):
        return [{key: value[row] for key, value in observations.items()} for row in range(count)]
    return [observations[row] for row in range(count)]


def _row_info(info: dict[str, Any], row: int) -> dict[str, Any]:
    """One environment's info out of Gymnasium's vector form, where `_key` says which rows have `key`; and its place.

    Rows leave the list that an agent is asked about as they finish; `row` tells an agent with plans whose turn it is.
    """
    return {"row": row} | {
        key: value[row]
        for key, value in info.items()
        if not key.startswith("_") and (f"_{key}" not in info or info[f"_{key}"][row])
    }


def _number(words: Sequence[int]) -> int:
    return int(np.random.SeedSequence(list(words)).generate_state(1, np.uint64)[0])
