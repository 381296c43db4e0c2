"""Monte Carlo tree search as an agent: it searches for a program that passes the public tests, then plays it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from codegym.agents.search.export import TreeRecord, freeze
from codegym.agents.search.leaf_value import CompletionRollouts, LeafValue, ProcessRewardValue, ProgramDomain
from codegym.agents.search.mcts import MCTS, Budget, Tree
from codegym.agents.search.planning import Plan, PlanningAgent
from codegym.agents.search.policy import Children, LikeliestTokens, Planner, ProposerChildren, SampledPolicy
from codegym.agents.search.programs import Draft, Drafts, PublicTests
from codegym.agents.search.tree import PUCB, Node, reroot
from codegym.envs.mdp.process_reward import ProcessReward
from codegym.envs.mdp.scoring import RunsPrograms
from codegym.envs.mdp.state import MdpName, View
from codegym.envs.problems.problem import Problem
from codegym.envs.proposer import Proposer
from codegym.envs.vocabulary import Vocabulary

DEFAULT_SEARCH = MCTS(children=4, widening=0.5, in_flight=4, target=1.0)
"""UCT, mean back-up: where children are samples, each of them is worth a visit."""

TOKEN_SEARCH = MCTS(rule=PUCB(), children=3, backup="max", in_flight=4, target=1.0)
"""As PG-TD: where children are the likeliest tokens most of them are nonsense, and UCT, which visits every child of
every node, solved 28 points fewer of the held-out katas with 13 times the tokens."""

DEFAULT_BUDGET = Budget(rollouts=128, tokens=2048)


class SearchAgent(PlanningAgent):
    """Searches Line, Pseudocode or Token programs with a language model and the public tests.

    A tree per row, all rows searched together: each wave samples for all leaves of all trees in one batch and executes
    all new programs in one batch. The program played is the best one executed anywhere in the search (highest score,
    then likeliest). Hidden tests and references are out of reach: views hold none, and what runs is a problem from
    which they were removed.
    """

    def __init__(
        self,
        planner: Planner,
        problems: Callable[[str], Problem],
        *,
        search: MCTS | None = None,
        budget: Budget = DEFAULT_BUDGET,
        proposer: Proposer | None = None,
        process_reward: ProcessReward | None = None,
        alpha: float = 0.1,
        search_every_action: bool = False,
        keep: Callable[[TreeRecord], None] | None = None,
        vocabulary: Vocabulary | None = None,
        executor: RunsPrograms | None = None,
    ):
        """Takes the model, the problems that it will be asked about, and how to search.

        Args:
            planner: samples programs; a LanguageModelAgent.
            problems: from a uri to the problem, of which only the public tests are used.
            search: selection rule, widening, back-up, leaves in flight; by default TOKEN_SEARCH where children are the
                likeliest tokens, DEFAULT_SEARCH elsewhere.
            budget: per tree and search.
            proposer: names the children of a node. By default these are the first actions of the planner's samples,
                and in Token the likeliest tokens where the planner is a Proposer, as a LanguageModelAgent is.
            process_reward: values leaves instead of completions executed on public tests.
            alpha: weight of "compiles" in the score of a program.
            search_every_action: search again after each action, from its subtree (the tree is re-rooted), instead of
                once per program.
            keep: receives each tree, frozen, when its search is over.
            vocabulary: of the environment, needed for Token.
            executor: what runs programs; None for the shared one.
        """
        super().__init__()
        self._search = search
        self.budget = budget
        self._drafts = Drafts(vocabulary)
        self._policy = SampledPolicy(planner, self._drafts)
        scorer = PublicTests(problems, executor, alpha)
        self._completions = CompletionRollouts(self._policy, self._drafts, scorer)
        value: LeafValue = self._completions
        if process_reward is not None:
            value = ProcessRewardValue(process_reward, self._drafts)
        children: Children | None = None
        if proposer is not None:
            children = ProposerChildren(proposer, self._drafts)
        elif isinstance(planner, Proposer):
            children = LikeliestTokens(planner, self._policy, self._drafts)
        self._by_likeliest_tokens = isinstance(children, LikeliestTokens)
        self._domain = ProgramDomain(self._drafts, self._policy, scorer, value, children)
        self._every_action = search_every_action
        self._keep = keep
        self._trees: dict[int, Tree] = {}

    def identity(self) -> dict[str, Any]:
        """What a run's record says about this agent beyond its model."""
        searches = {name: _described(self.search(name)) for name in ("token", "line", "pseudocode")}
        return {"kind": "mcts", "budget": asdict(self.budget), "search": searches}

    def search(self, mdp: MdpName) -> MCTS:
        """The search used in a decision process."""
        if self._search is not None:
            return self._search
        return TOKEN_SEARCH if mdp == "token" and self._by_likeliest_tokens else DEFAULT_SEARCH

    def plan(self, rows: Sequence[int], views: Sequence[View], seeds: Sequence[int]) -> list[Plan]:
        """Search a tree per view, all in the same batches, and return the best programs found."""
        roots = [self._drafts.draft(view, seed) for view, seed in zip(views, seeds, strict=True)]
        trees = [self._tree(row, view, root) for row, view, root in zip(rows, views, roots, strict=True)]
        self.search(views[0].mdp).search(self._domain, trees, self.budget)
        self._answer([tree for tree in trees if tree.answer is None])
        plans = []
        for row, view, tree in zip(rows, views, trees, strict=True):
            assert tree.answer is not None
            made = len(view.actions)
            if self._keep is not None:
                self._keep(freeze(tree, view.problem, skip=made))
            left = tree.answer.actions[made:]
            plans.append(Plan(left[:1] if self._every_action else left, tree.cost))
            if self._every_action:
                self._trees[row] = tree
        self._policy.forget(keep={tree.root.state.seed for tree in self._trees.values()})
        return plans

    def _tree(self, row: int, view: View, root: Draft) -> Tree:
        """The subtree that the row's last action led to, or a new tree."""
        old = self._trees.pop(row, None)
        if old is not None and old.answer is not None and self._continues(old, view):
            node = reroot(old.root, view.actions[-1])
            if node is not None:
                return Tree(node, self._still_possible(old, view), nodes=sum(1 for _ in node.walk()))
        return Tree(Node(root))

    def _continues(self, tree: Tree, view: View) -> bool:
        state = tree.root.state.state
        before = (state.problem, state.start.text, state.actions)
        return bool(view.actions) and before == (view.problem, view.given, view.actions[:-1])

    def _still_possible(self, tree: Tree, view: View) -> Any:
        answer = tree.answer
        return answer if answer is not None and answer.actions[: len(view.actions)] == view.actions else None

    def _answer(self, trees: Sequence[Tree]) -> None:
        """Complete the most visited path of trees whose search came across no complete program."""
        if not trees:
            return
        leaves = []
        for tree in trees:
            node = tree.root
            while visited := [child for child in node.children if child.visits]:
                node = max(visited, key=lambda child: child.visits)
            leaves.append(node.state)
        for tree, evaluation in zip(trees, self._completions.evaluate(leaves), strict=True):
            tree.cost += evaluation.cost
            for answer in evaluation.answers:
                tree.offer(answer)


def _described(search: MCTS) -> dict[str, Any]:
    return {**asdict(search), "rule": {"name": type(search.rule).__name__, **vars(search.rule)}}
