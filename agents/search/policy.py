"""A language model as search uses it: every token it samples belongs to a complete program that can be executed."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from codegym.agents.agent import Decision
from codegym.agents.search.mcts import Proposals
from codegym.agents.search.programs import Draft, Drafts
from codegym.envs.mdp.state import View
from codegym.envs.proposer import Proposer


class Children(Protocol):
    """Where the children of a draft come from."""

    def propose(self, drafts: Sequence[Draft], counts: Sequence[int]) -> list[Proposals]:
        """Up to counts[i] distinct actions of drafts[i] with priors, and the tokens they cost."""
        ...


class ProposerChildren:
    """Children from any Proposer, such as a model's k likeliest next tokens (PG-TD).

    A Proposer says nothing of its cost: each call counts as one token per draft, which is what a distribution over
    next tokens costs.
    """

    def __init__(self, proposer: Proposer, drafts: Drafts):
        """Asks `proposer` about views."""
        self._proposer = proposer
        self._drafts = drafts

    def propose(self, drafts: Sequence[Draft], counts: Sequence[int]) -> list[Proposals]:
        """The proposer's actions."""
        found = self._proposer.propose([self._drafts.view(draft) for draft in drafts], max(counts))
        return [Proposals(tuple(actions[:count]), cost=1) for actions, count in zip(found, counts, strict=True)]


class LikeliestTokens:
    """Children of Token drafts from a Proposer, of others from samples.

    A distribution over next tokens names every child at the price of one token. Lines and steps have no such
    distribution: a Proposer would have to sample them, and samples that end with them complete no program.
    """

    def __init__(self, proposer: Proposer, policy: SampledPolicy, drafts: Drafts):
        """Asks `proposer` about Token drafts and `policy` about others."""
        self._tokens = ProposerChildren(proposer, drafts)
        self._policy = policy

    def propose(self, drafts: Sequence[Draft], counts: Sequence[int]) -> list[Proposals]:
        """The likeliest next tokens, or the distinct first actions of samples."""
        if all(draft.state.mdp == "token" for draft in drafts):
            return self._tokens.propose(drafts, counts)
        return self._policy.propose(drafts, counts)


class Planner(Protocol):
    """What can write the rest of a program; a LanguageModelAgent is one."""

    def plan(self, views: Sequence[View], seeds: Sequence[int], deterministic: bool = False) -> list[list[Decision]]:
        """For each view the decisions to the end of its episode, sampled in one batch; row i depends on seeds[i]."""
        ...


@dataclass(frozen=True)
class Likelihood:
    """Log-probability of some tokens, and how many they are."""

    logp: float = 0.0
    tokens: int = 0

    def plus(self, decision: Decision) -> Likelihood:
        """With the tokens of one more action."""
        if decision.trace is None:
            return self
        return Likelihood(self.logp + sum(decision.trace.logps), self.tokens + len(decision.trace.ids))


class SampledPolicy:
    """Proposes actions and completes programs by sampling, and forgets no sample.

    A completion sampled at a draft is one at every draft that it passes through, distributed as the policy there. So
    the first actions of a draft's completions are its children, their shares are the priors, and the rest of each is a
    rollout of that child that costs nothing more.
    """

    def __init__(self, planner: Planner, drafts: Drafts):
        """Samples from `planner`."""
        self._planner = planner
        self._drafts = drafts
        self._completions: dict[Draft, list[tuple[Decision, ...]]] = {}
        self._so_far: dict[Draft, Likelihood] = {}
        self._drawn: Counter[Draft] = Counter()

    def likelihood(self, draft: Draft) -> Likelihood:
        """Of the actions since the root of the tree."""
        return self._so_far.get(draft, Likelihood())

    def completions(
        self, drafts: Sequence[Draft], counts: Sequence[int]
    ) -> tuple[list[list[tuple[Decision, ...]]], list[int]]:
        """At least counts[i] completions of each draft, those known and as many new ones as that takes.

        Returns:
            The completions, and the number of tokens newly sampled for each draft.
        """
        known = [self._completions.setdefault(draft, []) for draft in drafts]
        missing = [(i, draft) for i, draft in enumerate(drafts) for _ in range(counts[i] - len(known[i]))]
        costs = [0] * len(drafts)
        if missing:
            views = [self._drafts.view(draft) for _, draft in missing]
            plans = self._planner.plan(views, [self._next_seed(draft) for _, draft in missing])
            for (i, draft), plan in zip(missing, plans, strict=True):
                costs[i] += sum(len(decision.trace.ids) for decision in plan if decision.trace is not None)
                self._remember(draft, tuple(plan))
        return known, costs

    def propose(self, drafts: Sequence[Draft], counts: Sequence[int]) -> list[Proposals]:
        """The distinct first actions among counts[i] completions of each draft, with their shares as priors."""
        found, costs = self.completions(drafts, counts)
        return [Proposals(_shares(rests), cost) for rests, cost in zip(found, costs, strict=True)]

    def forget(self, keep: Collection[int] = ()) -> None:
        """Drop the samples of all trees but those with these seeds; drawing again would give the same samples."""
        for memory in (self._completions, self._so_far, self._drawn):
            for draft in [draft for draft in memory if draft.seed not in keep]:
                del memory[draft]

    def _next_seed(self, draft: Draft) -> int:
        """A number that depends on the tree's seed, the draft, and how often it was sampled; on nothing else."""
        self._drawn[draft] += 1
        place = zlib.crc32(repr((draft.state.problem, draft.state.actions)).encode())
        words = np.random.SeedSequence([draft.seed, place, self._drawn[draft]]).generate_state(1, np.uint32)
        return int(words[0])

    def _remember(self, draft: Draft, plan: tuple[Decision, ...]) -> None:
        """Store a completion at the draft and at every unfinished draft that it passes through."""
        while plan:
            self._completions.setdefault(draft, []).append(plan)
            likelihood = self.likelihood(draft).plus(plan[0])
            draft = self._drafts.transition(draft, plan[0].action)
            self._so_far.setdefault(draft, likelihood)
            plan = () if draft.state.done else plan[1:]


def _shares(completions: Iterable[tuple[Decision, ...]]) -> tuple[tuple[object, float], ...]:
    counts = Counter(rest[0].action for rest in completions)
    return tuple((action, count / counts.total()) for action, count in counts.items())
