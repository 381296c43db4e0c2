"""Best-of-n: sample n programs, keep the one that does best on the public tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from codegym.agents.search.leaf_value import CompletionRollouts
from codegym.agents.search.mcts import Evaluation, Tree
from codegym.agents.search.planning import Plan, PlanningAgent
from codegym.agents.search.policy import Planner, SampledPolicy
from codegym.agents.search.programs import Drafts, PublicTests
from codegym.agents.search.tree import Node
from codegym.envs.errors import OptionError
from codegym.envs.mdp.scoring import RunsPrograms
from codegym.envs.mdp.state import View
from codegym.envs.problems.problem import Problem
from codegym.envs.vocabulary import Vocabulary


class BestOfNAgent(PlanningAgent):
    """Samples n whole programs in one batch and plays the first of those with the highest score.

    The score is that of the public tests (PublicTests): a program that passes them all beats any that does not.
    Equal scores are decided by log-probability. Where a problem has no public tests the likeliest program is played.
    """

    def __init__(
        self,
        planner: Planner,
        problems: Callable[[str], Problem],
        n: int = 16,
        *,
        vocabulary: Vocabulary | None = None,
        executor: RunsPrograms | None = None,
    ):
        """Takes the model and the problems that it will be asked about.

        Args:
            planner: samples programs; a LanguageModelAgent.
            problems: from a uri to the problem, of which only the public tests are used.
            n: programs per plan, 1 or more.
            vocabulary: of the environment, needed for Token.
            executor: what runs programs; None for the shared one.
        """
        super().__init__()
        if n < 1:
            raise OptionError(f"best-of-n needs n of at least 1, not {n}.")
        self.n = n
        self._drafts = Drafts(vocabulary)
        self._policy = SampledPolicy(planner, self._drafts)
        self._value = CompletionRollouts(self._policy, self._drafts, PublicTests(problems, executor), rollouts=n)

    def identity(self) -> dict[str, Any]:
        """What a run's record says about this agent beyond its model."""
        return {"kind": "best-of-n", "n": self.n}

    def plan(self, rows: Sequence[int], views: Sequence[View], seeds: Sequence[int]) -> list[Plan]:
        """The best of n samples for each view; all views are sampled and executed together."""
        drafts = [self._drafts.draft(view, seed) for view, seed in zip(views, seeds, strict=True)]
        evaluations = self._value.evaluate(drafts)
        self._policy.forget()
        return [_best(view, found) for view, found in zip(views, evaluations, strict=True)]


def _best(view: View, evaluation: Evaluation) -> Plan:
    tree = Tree(Node(None))
    for answer in evaluation.answers:
        tree.offer(answer)
    assert tree.answer is not None  # n is at least 1
    return Plan(tree.answer.actions[len(view.actions) :], evaluation.cost)
