"""Monte Carlo tree search over any domain: select, expand, evaluate, back up. Knows nothing of environments.

A wave keeps up to `in_flight` leaves of every tree in flight: they are selected one after the other, each marked with
a virtual loss so that the next goes elsewhere; what has to be expanded is expanded in one batch, what has to be
evaluated is evaluated in one batch, and every mark is taken back exactly. A state is evaluated at its first visit and
expanded at its second, so a leaf that nobody returns to costs no proposals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from codegym.agents.search.tree import (
    UCT,
    Backup,
    Node,
    Rule,
    add_children,
    back_up,
    release,
    select,
)


@dataclass(frozen=True)
class Answer:
    """A complete solution that the search came across.

    Attributes:
        actions: all of the solution's, in the domain's own form.
        score: how good it is; the search returns the answer with the highest score.
        logp: log-probability under the model; decides between equal scores.
    """

    actions: tuple[Any, ...]
    score: float
    logp: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """What the domain says about one state: a value, the solutions seen on the way, and the cost in tokens."""

    value: float
    answers: tuple[Answer, ...] = ()
    cost: int = 0


@dataclass(frozen=True)
class Proposals:
    """The sparse children of one state: (action, prior) pairs, and the cost in tokens."""

    actions: tuple[tuple[Any, float], ...]
    cost: int = 0


class Domain(Protocol):
    """What is searched. States are values; both batched functions answer in the order of their arguments."""

    def transition(self, state: Any, action: Any) -> Any:
        """The state after an action."""
        ...

    def is_terminal(self, state: Any) -> bool:
        """Whether no action is possible in a state."""
        ...

    def propose(self, states: Sequence[Any], counts: Sequence[int]) -> list[Proposals]:
        """Up to counts[i] distinct actions of states[i]; no action at all makes it a dead end."""
        ...

    def evaluate(self, states: Sequence[Any]) -> list[Evaluation]:
        """The value of each state: exact where it is terminal, an estimate elsewhere."""
        ...


@dataclass(frozen=True)
class Budget:
    """When a tree is done: after so many visits, nodes or tokens, whichever comes first.

    It is read between waves, so the last wave may exceed it; `Tree.cost` has what was really spent.
    """

    rollouts: int = 64
    nodes: int | None = None
    tokens: int | None = None


@dataclass(eq=False)
class Tree:
    """A tree that grows: its root, the best answer so far, and what it cost.

    Attributes:
        root: first node.
        answer: the answer with the highest (score, logp); the first of equals.
        rollouts: finished visits in this search.
        nodes: nodes in the tree.
        cost: tokens spent.
    """

    root: Node
    answer: Answer | None = None
    rollouts: int = 0
    nodes: int = 1
    cost: int = 0

    def offer(self, answer: Answer) -> None:
        """Keep an answer if it beats the one we have."""
        kept = self.answer
        if kept is None or (answer.score, answer.logp) > (kept.score, kept.logp):
            self.answer = answer


@dataclass(frozen=True)
class MCTS:
    """The search: what is chosen, how values travel, how much is done at once.

    Deterministic: the same domain, roots and settings grow the same trees, and a tree does not depend on the others
    that are searched in the same call. It does depend on `in_flight`, since leaves in flight cannot see each other's
    values.

    Attributes:
        rule: UCT(), PUCT() or PUCB(); see codegym.agents.search.tree for the formulas.
        children: k, how many children the domain is asked for at a node's first expansion.
        widening: alpha of progressive widening (Coulom 2007): k N^alpha children at a node with N visits; 0 never
            widens.
        backup: "mean" (O1-CODER) or "max" (PG-TD).
        discount: gamma; a value counts gamma^d at the ancestor d edges above.
        in_flight: leaves of one tree evaluated together.
        virtual_loss: the value that a leaf in flight counts as.
        target: a tree is done once it has an answer with this score; None never stops early.
    """

    rule: Rule = field(default_factory=UCT)
    children: int = 4
    widening: float = 0.0
    backup: Backup = "mean"
    discount: float = 1.0
    in_flight: int = 8
    virtual_loss: float = 0.0
    target: float | None = None

    def search(self, domain: Domain, trees: Sequence[Tree], budget: Budget) -> None:
        """Grow every tree in place until its budget is spent or its target is reached."""
        active = [tree for tree in trees if not self._done(tree, budget)]
        while active:
            self._wave(domain, active, budget)
            active = [tree for tree in active if not self._done(tree, budget)]

    def _done(self, tree: Tree, budget: Budget) -> bool:
        return (
            tree.rollouts >= budget.rollouts
            or (budget.nodes is not None and tree.nodes >= budget.nodes)
            or (budget.tokens is not None and tree.cost >= budget.tokens)
            or (self.target is not None and tree.answer is not None and tree.answer.score >= self.target)
        )

    def _wave(self, domain: Domain, trees: Sequence[Tree], budget: Budget) -> None:
        """One round: select leaves of all trees, expand and evaluate them in batches, back up."""
        leaves: dict[int, list[Node]] = {i: [] for i in range(len(trees))}
        growing = list(range(len(trees)))
        while growing:
            growing = self._expand(domain, trees, {i: self._select(trees[i], leaves[i], budget) for i in growing})
        self._evaluate(domain, [(trees[i], leaf) for i in leaves for leaf in leaves[i]])

    def _select(self, tree: Tree, leaves: list[Node], budget: Budget) -> list[Node]:
        """Fill up a tree's leaves in flight; returns the nodes met that have to be expanded first."""
        waiting: list[Node] = []
        room = min(self.in_flight, budget.rollouts - tree.rollouts)
        while len(leaves) + len(waiting) < room:
            leaf = select(tree.root, self.rule, self.backup, self.virtual_loss, self._wants_children)
            expand = self._wants_children(leaf)
            if leaf in waiting or (leaf.evaluation is None and leaf.pending > 1):
                release(leaf)  # already in flight: nothing else to do before its value is known
                break
            (waiting if expand else leaves).append(leaf)
        return waiting

    def _wants_children(self, node: Node) -> bool:
        """Whether a node is due for its first expansion, or for a wider one."""
        if node.terminal or node.evaluation is None:
            return False
        return node.asked < self._width(node)

    def _width(self, node: Node) -> int:
        return math.ceil(self.children * math.pow(max(node.visits, 1), self.widening))

    def _expand(self, domain: Domain, trees: Sequence[Tree], waiting: dict[int, list[Node]]) -> list[int]:
        """Expand nodes in one batch and let go of the paths to them; returns the trees to select from again."""
        requests = [(i, node) for i, nodes in waiting.items() for node in nodes]
        if not requests:
            return []
        counts = [self._width(node) for _, node in requests]
        found = domain.propose([node.state for _, node in requests], counts)

        def make(state: Any, action: Any) -> Node:
            after = domain.transition(state, action)
            return Node(after, terminal=domain.is_terminal(after))

        for (i, node), count, proposals in zip(requests, counts, found, strict=True):
            node.asked = count
            trees[i].nodes += add_children(node, proposals.actions, make)
            trees[i].cost += proposals.cost
            release(node)
        return [i for i, nodes in waiting.items() if nodes]

    def _evaluate(self, domain: Domain, leaves: Sequence[tuple[Tree, Node]]) -> None:
        """Evaluate new leaves in one batch, back up every leaf in flight."""
        fresh = [(tree, leaf) for tree, leaf in leaves if leaf.evaluation is None]
        evaluations = domain.evaluate([leaf.state for _, leaf in fresh]) if fresh else []
        for (tree, leaf), evaluation in zip(fresh, evaluations, strict=True):
            leaf.evaluation = evaluation.value
            tree.cost += evaluation.cost
            for answer in evaluation.answers:
                tree.offer(answer)
        for tree, leaf in leaves:
            release(leaf)
            back_up(leaf, leaf.evaluation or 0.0, self.discount)
            tree.rollouts += 1
