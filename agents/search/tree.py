"""The search tree: nodes, selection rules, back-up and virtual loss. Knows nothing of environments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Backup = Literal["mean", "max"]


@dataclass(eq=False, slots=True)
class Node:
    """One state in the tree, with the statistics of the edge that leads to it.

    Attributes:
        state: whatever the domain calls a state.
        action: the action that led here from the parent; None at a root.
        prior: prior probability of that action.
        parent: None at a root.
        children: in the order in which they were proposed.
        visits: N, finished visits.
        total: W, sum of the (discounted) values backed up through this node.
        best: largest of those values; -inf before the first.
        pending: leaves in flight below or at this node; 0 between waves.
        evaluation: the value of this state alone, None before its first visit.
        terminal: no action is possible here.
        asked: how many children the domain was last asked for; 0 before the first expansion.
    """

    state: Any
    action: Any = None
    prior: float = 1.0
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    visits: int = 0
    total: float = 0.0
    best: float = -math.inf
    pending: int = 0
    evaluation: float | None = None
    terminal: bool = False
    asked: int = 0

    def value(self, backup: Backup = "mean") -> float:
        """Q: the mean, or the largest, of the values backed up here; 0 before the first visit."""
        if not self.visits:
            return 0.0
        return self.total / self.visits if backup == "mean" else self.best

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents before children, siblings in order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def path(self) -> list[Node]:
        """The nodes from the root to this one."""
        nodes = [self]
        while nodes[-1].parent is not None:
            nodes.append(nodes[-1].parent)
        return nodes[::-1]

    def actions(self) -> tuple[Any, ...]:
        """The actions from the root to this node."""
        return tuple(node.action for node in self.path()[1:])


class Rule(Protocol):
    """A formula for how much a child deserves the next visit."""

    def __call__(self, *, value: float, prior: float, visits: int, parent_visits: int) -> float:
        """The score of one child.

        Args:
            value: Q of the child; of its parent where the child has no visit yet.
            prior: P, prior probability of the child's action.
            visits: N(child), leaves in flight counted.
            parent_visits: N(parent), leaves in flight counted.
        """
        ...


@dataclass(frozen=True)
class UCT:
    """Upper confidence bounds for trees: Q + w sqrt(ln N(parent) / N(child)); unvisited children first.

    Kocsis and Szepesvari 2006. w = 2 and the form are those of rStar and O1-CODER's released code, which picks among
    unvisited children at random; here they are taken in the order of their priors.
    """

    weight: float = 2.0

    def __call__(self, *, value: float, prior: float, visits: int, parent_visits: int) -> float:
        """The score of one child; infinite before its first visit."""
        if visits == 0:
            return math.inf
        return value + self.weight * math.sqrt(math.log(max(parent_visits, 1)) / visits)


@dataclass(frozen=True)
class PUCT:
    """Predictor UCT as AlphaZero has it: Q + w P sqrt(N(parent)) / (1 + N(child))."""

    weight: float = 1.25

    def __call__(self, *, value: float, prior: float, visits: int, parent_visits: int) -> float:
        """The score of one child."""
        return value + self.weight * prior * math.sqrt(parent_visits) / (1 + visits)


@dataclass(frozen=True)
class PUCB:
    """P-UCB as PG-TD has it: Q + c P sqrt(ln N(parent)) / (1 + N(child)), c = ln((N(parent) + b + 1) / b) + w.

    Zhang et al. 2023 (Planning with Large Language Models for Code Generation), with b = 10 and w = 4; there Q is the
    largest value seen (`backup="max"`).
    """

    weight: float = 4.0
    base: float = 10.0

    def __call__(self, *, value: float, prior: float, visits: int, parent_visits: int) -> float:
        """The score of one child."""
        c = math.log((parent_visits + self.base + 1) / self.base) + self.weight
        return value + c * prior * math.sqrt(math.log(max(parent_visits, 1))) / (1 + visits)


def best_child(node: Node, rule: Rule, backup: Backup, virtual_loss: float) -> Node:
    """The child with the highest score; ties go to the higher prior, then to the one proposed first.

    A leaf in flight below a child counts as a visit that returned `virtual_loss`.
    """
    parent_visits = node.visits + node.pending
    parent_value = _hopeful(node, backup, virtual_loss)

    def rank(child: Node) -> tuple[float, float]:
        visits = child.visits + child.pending
        value = _hopeful(child, backup, virtual_loss) if visits else parent_value
        score = rule(value=value, prior=child.prior, visits=visits, parent_visits=parent_visits)
        return score, child.prior

    return max(node.children, key=rank)


def _hopeful(node: Node, backup: Backup, virtual_loss: float) -> float:
    visits = node.visits + node.pending
    if not visits:
        return 0.0
    return (node.visits * node.value(backup) + node.pending * virtual_loss) / visits


def select(root: Node, rule: Rule, backup: Backup, virtual_loss: float, stop: Callable[[Node], bool]) -> Node:
    """Walk from the root to the best leaf (or the first node at which `stop` holds), marking the path as in flight."""
    node = root
    node.pending += 1
    while node.children and not stop(node):
        node = best_child(node, rule, backup, virtual_loss)
        node.pending += 1
    return node


def release(leaf: Node) -> None:
    """Take back the mark that `select` left on the path to a leaf."""
    for node in leaf.path():
        node.pending -= 1


def back_up(leaf: Node, value: float, discount: float) -> None:
    """Add a leaf's value to every node from it to the root, multiplied by `discount` once per edge."""
    node: Node | None = leaf
    while node is not None:
        node.visits += 1
        node.total += value
        node.best = max(node.best, value)
        value *= discount
        node = node.parent


def add_children(node: Node, proposals: Sequence[tuple[Any, float]], make: Callable[[Any, Any], Node]) -> int:
    """Append the proposed actions that are not children yet, renew the priors of the others; returns how many are new.

    Args:
        node: the parent.
        proposals: (action, prior) pairs.
        make: builds the child from (parent's state, action).
    """
    known = {child.action: child for child in node.children}
    new = 0
    for action, prior in proposals:
        if action in known:
            known[action].prior = prior
            continue
        child = make(node.state, action)
        child.action, child.prior, child.parent = action, prior, node
        node.children.append(child)
        known[action] = child
        new += 1
    return new


def reroot(root: Node, action: Any) -> Node | None:
    """The child that an action leads to, made a root with all its statistics; None where it is not in the tree."""
    for child in root.children:
        if child.action == action:
            child.parent, child.action, child.prior = None, None, 1.0
            return child
    return None
