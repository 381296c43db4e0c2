"""pass@1 of an agent on a list of problems: sampled and greedy, with confidence intervals over problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from codegym.agents.agent import Agent
from codegym.agents.collect import Request, collect, requests
from codegym.agents.statistics import Estimate, mean_pass_at_k
from codegym.envs.episode import Episode
from codegym.envs.errors import InfrastructureError, PromptTooLong

STREAM = 1 << 31
"""Takes the place of the iteration in the seeds of evaluation episodes, so that training never repeats them."""

GREEDY = " (greedy)"
"""Ends the agent's name in greedy episodes."""


@dataclass(frozen=True)
class Evaluation:
    """What an agent achieved.

    Attributes:
        sampled: pass@1 by the unbiased estimate from several samples per problem.
        greedy: share of problems that the most likely program solves.
        pass_rates: problem -> share of its samples that pass.
        episodes: the sampled ones, then the greedy ones.
        dropped: episodes that the machine failed to judge.
    """

    sampled: Estimate
    greedy: Estimate
    pass_rates: dict[str, float]
    episodes: list[Episode]
    dropped: int

    @classmethod
    def of(cls, episodes: Sequence[Episode], *, dropped: int = 0) -> Evaluation:
        """What stored episodes say; the greedy ones are those whose agent's name says so.

        Raises:
            InfrastructureError: there are no sampled or no greedy episodes.
        """
        greedy = [episode for episode in episodes if episode.agent.endswith(GREEDY)]
        sampled = [episode for episode in episodes if not episode.agent.endswith(GREEDY)]
        if not sampled or not greedy:
            raise InfrastructureError("No episode of the evaluation could be judged; see `codegym doctor`.")
        counts = _counts(sampled)
        return cls(
            sampled=mean_pass_at_k(list(counts.values()), 1),
            greedy=mean_pass_at_k(list(_counts(greedy).values()), 1),
            pass_rates={uri: passed / played for uri, (played, passed) in counts.items()},
            episodes=[*sampled, *greedy],
            dropped=dropped,
        )

    def to_json(self) -> dict[str, Any]:
        """`pass@1` and `greedy_pass@1`, each with value, low and high; problems and samples."""
        return {
            "pass@1": self.sampled.to_json(),
            "greedy_pass@1": self.greedy.to_json(),
            "problems": len(self.pass_rates),
            "dropped": self.dropped,
        }


def evaluate(
    agent: Agent,
    vector_env: Any,
    problems: Sequence[str],
    *,
    samples: int,
    seed: int,
    name: str = "",
    too_long: Callable[[PromptTooLong], None] | None = None,
) -> Evaluation:
    """Play `samples` sampled episodes and a greedy one for each problem.

    Args:
        agent: to evaluate.
        vector_env: as `collect` wants it.
        problems: uris.
        samples: per problem.
        seed: of the run; the same seed gives every agent the same random numbers.
        name: of the agent, written into the episodes.
        too_long: as `collect` has it; such episodes count as dropped.
    """
    sampled, greedy = evaluation_requests(problems, samples, seed)
    episodes = collect(agent, vector_env, sampled, name=name, too_long=too_long)
    episodes += collect(agent, vector_env, greedy, deterministic=True, name=name + GREEDY, too_long=too_long)
    return Evaluation.of(episodes, dropped=len(sampled) + len(greedy) - len(episodes))


def evaluation_requests(problems: Sequence[str], samples: int, seed: int) -> tuple[list[Request], list[Request]]:
    """The episodes of an evaluation: `samples` sampled ones for each problem, and a greedy one."""
    sampled = requests(problems, samples, seed=seed, iteration=STREAM)
    return sampled, requests(problems, 1, seed=seed, iteration=STREAM + 1)


def _counts(episodes: Sequence[Episode]) -> dict[str, tuple[int, int]]:
    """Problem -> (episodes played, episodes passed)."""
    counts: dict[str, tuple[int, int]] = {}
    for episode in episodes:
        played, passed = counts.get(episode.problem, (0, 0))
        counts[episode.problem] = (played + 1, passed + (episode.verdict == "PASS"))
    return counts
