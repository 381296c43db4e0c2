"""What an unfinished program is worth: completions run on public tests, or a process reward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from codegym.agents.agent import Decision
from codegym.agents.search.mcts import Answer, Evaluation, Proposals
from codegym.agents.search.policy import Children, SampledPolicy
from codegym.agents.search.programs import Draft, Drafts, Finished, PublicTests
from codegym.envs.mdp.process_reward import ProcessReward, step_rewards
from codegym.envs.mdp.state import Action


class LeafValue(Protocol):
    """The value of unfinished programs, all leaves in flight in one call."""

    def evaluate(self, drafts: Sequence[Draft]) -> list[Evaluation]:
        """One evaluation per draft, in order."""
        ...


class CompletionRollouts:
    """The mean score of a draft's completions on the public tests.

    Uses every completion the policy knows of the draft, sampling until there are `rollouts`: one batched generation
    and one batched execution for all leaves in flight.
    """

    def __init__(self, policy: SampledPolicy, drafts: Drafts, scorer: PublicTests, rollouts: int = 1):
        """Completes with `policy`, scores with `scorer`."""
        self._policy = policy
        self._drafts = drafts
        self._scorer = scorer
        self._rollouts = rollouts

    def evaluate(self, drafts: Sequence[Draft]) -> list[Evaluation]:
        """One evaluation per draft; the completions are its answers."""
        found, costs = self._policy.completions(drafts, [self._rollouts] * len(drafts))
        ends = [self._finish(draft, rest) for draft, rests in zip(drafts, found, strict=True) for rest in rests]
        scores = iter(self._scorer.score(ends))
        likelihoods = iter(ends)
        evaluations = []
        for draft, rests, cost in zip(drafts, found, costs, strict=True):
            answers = tuple(Answer(_actions(draft, rest), next(scores), next(likelihoods).logp) for rest in rests)
            value = sum(answer.score for answer in answers) / len(answers) if answers else 0.0
            evaluations.append(Evaluation(value, answers, cost))
        return evaluations

    def _finish(self, draft: Draft, rest: Sequence[Decision]) -> Finished:
        likelihood = self._policy.likelihood(draft)
        for decision in rest:
            draft = self._drafts.transition(draft, decision.action)
            likelihood = likelihood.plus(decision)
            if draft.state.done:
                break
        program = self._drafts.program(draft) if draft.state.done else None
        return Finished(draft.state.problem, program, likelihood.logp, likelihood.tokens)


class ProcessRewardValue:
    """What a process reward says about each draft: any callable from a View to a float, such as a trained model."""

    def __init__(self, process_reward: ProcessReward, drafts: Drafts):
        """Asks `process_reward` about views."""
        self._drafts_reward = process_reward
        self._drafts = drafts

    def evaluate(self, drafts: Sequence[Draft]) -> list[Evaluation]:
        """One evaluation per draft, without answers."""
        return [Evaluation(v) for v in step_rewards(self._drafts_reward, [self._drafts.view(d) for d in drafts])]


class ProgramDomain:
    """Unfinished programs as a Domain for MCTS: finished ones are worth their score, others what `leaf_value` says."""

    def __init__(
        self,
        drafts: Drafts,
        policy: SampledPolicy,
        scorer: PublicTests,
        leaf_value: LeafValue,
        children: Children | None = None,
    ):
        """Joins the decision process, the policy, the public tests, the value of leaves and where children come from.

        Args:
            drafts: the decision process.
            policy: knows how likely each draft is.
            scorer: scores finished drafts.
            leaf_value: values the others.
            children: proposes actions; None for the policy's own samples.
        """
        self._drafts = drafts
        self._policy = policy
        self._scorer = scorer
        self._leaf_value = leaf_value
        self._children: Children = children or policy

    def transition(self, state: Draft, action: Action) -> Draft:
        """The draft after one more action."""
        return self._drafts.transition(state, action)

    def is_terminal(self, state: Draft) -> bool:
        """Whether the program is finished."""
        return state.state.done

    def propose(self, states: Sequence[Draft], counts: Sequence[int]) -> list[Proposals]:
        """Actions with their priors."""
        return self._children.propose(states, counts)

    def evaluate(self, states: Sequence[Draft]) -> list[Evaluation]:
        """Scores of finished programs, values of the others."""
        ended = [draft for draft in states if draft.state.done]
        finished = [
            Finished(d.state.problem, self._drafts.program(d), seen.logp, seen.tokens)
            for d in ended
            for seen in [self._policy.likelihood(d)]
        ]
        scores = dict(zip(ended, self._scorer.score(finished), strict=True))
        values = iter(self._leaf_value.evaluate([draft for draft in states if not draft.state.done]))
        return [
            Evaluation(scores[d], (Answer(d.state.actions, scores[d], self._policy.likelihood(d).logp),))
            if d in scores
            else next(values)
            for d in states
        ]


def _actions(draft: Draft, rest: Sequence[Decision]) -> tuple[Action, ...]:
    return (*draft.state.actions, *(decision.action for decision in rest))
