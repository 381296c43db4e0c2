"""The search itself, on toy domains whose optimum and values are known by enumeration."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from codegym.agents.search.export import freeze, to_jsonl
from codegym.agents.search.mcts import MCTS, Answer, Budget, Evaluation, Proposals, Tree
from codegym.agents.search.tree import PUCB, PUCT, UCT, Node, reroot


@dataclass
class Toy:
    """All words over an alphabet up to a depth; a whole word is worth what `worth` says, a part of one the mean."""

    worth: dict[str, float]
    alphabet: str = "ab"
    depth: int = 3
    batches: list[int] = field(default_factory=list)

    def transition(self, state: str, action: str) -> str:
        return state + action

    def is_terminal(self, state: str) -> bool:
        return len(state) == self.depth

    def propose(self, states: Sequence[str], counts: Sequence[int]) -> list[Proposals]:
        assert all(len(s) < self.depth for s in states)
        return [
            Proposals(tuple((a, 1 / len(self.alphabet)) for a in self.alphabet[:count]), cost=count) for count in counts
        ]

    def evaluate(self, states: Sequence[str]) -> list[Evaluation]:
        self.batches.append(len(states))
        assert len(set(states)) == len(states)
        found = []
        for state in states:
            words = [w for w in self.worth if w.startswith(state)]
            answers = (Answer(tuple(state), self.worth[state]),) if self.is_terminal(state) else ()
            found.append(Evaluation(float(np.mean([self.worth[w] for w in words])), answers, cost=3))
        return found


def toy(seed: int = 0, alphabet: str = "ab", depth: int = 3) -> Toy:
    """Random worths below 0.6 and one word worth 1."""
    rng = np.random.default_rng(seed)
    words = ["".join(w) for w in itertools.product(alphabet, repeat=depth)]
    worth = dict(zip(words, 0.6 * rng.random(len(words)), strict=True))
    worth[words[rng.integers(len(words))]] = 1.0
    return Toy(worth, alphabet, depth)


def grow(domain: Toy, search: MCTS, budget: Budget, root: str = "") -> Tree:
    tree = Tree(Node(root))
    search.search(domain, [tree], budget)
    assert all(node.pending == 0 for node in tree.root.walk()), "virtual loss cancels"
    return tree


def most_visited(node: Node) -> str:
    while node.children:
        node = max(node.children, key=lambda child: child.visits)
    return str(node.state)


def test_three_rollouts_by_hand():
    """Rollout 1 values the root; 2 expands it and values a; 3 values b, the only child without a visit."""
    domain = Toy({"a": 0.25, "b": 1.0}, depth=1)
    search = MCTS(in_flight=1, children=2)
    tree = grow(domain, search, Budget(rollouts=1))
    assert (tree.root.visits, tree.root.total, tree.root.children) == (1, 0.625, [])
    search.search(domain, [tree], Budget(rollouts=2))
    a, b = tree.root.children
    assert (tree.root.visits, tree.root.total, a.visits, a.total, b.visits) == (2, 0.875, 1, 0.25, 0)
    search.search(domain, [tree], Budget(rollouts=3))
    assert (tree.root.visits, tree.root.total, b.visits, b.total) == (3, 1.875, 1, 1.0)
    assert tree.answer == Answer(("b",), 1.0)
    assert (tree.rollouts, tree.nodes, tree.cost) == (3, 3, 3 * 3 + 2)


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize("rule", [UCT(0.5), PUCT(), PUCB(weight=1.0)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_visits_converge_to_the_optimum(rule, in_flight, seed):
    domain = toy(seed, alphabet="abc")
    backup = "max" if isinstance(rule, PUCB) else "mean"
    search = MCTS(rule=rule, children=3, in_flight=in_flight, backup=backup)
    tree = grow(domain, search, Budget(rollouts=3000))
    best = max(domain.worth, key=domain.worth.__getitem__)
    assert most_visited(tree.root) == best
    assert tree.answer == Answer(tuple(best), domain.worth[best])


def test_q_is_the_brute_force_mean_of_what_was_backed_up():
    """Each visit ends at one node, so W is the sum over the nodes below of (visits that ended there) x evaluation."""
    domain = toy(3)
    gamma = 0.9
    tree = grow(domain, MCTS(children=2, in_flight=4, discount=gamma), Budget(rollouts=200))

    def ended(node: Node) -> int:
        return node.visits - sum(child.visits for child in node.children)

    for node in tree.root.walk():
        below = [(n, len(n.state) - len(node.state)) for n in node.walk() if n.visits]
        total = sum(ended(n) * n.evaluation * gamma**distance for n, distance in below)
        assert node.total == pytest.approx(total, rel=1e-12)
        assert node.visits == sum(ended(n) for n, _ in below)
        if node.visits:
            assert node.best == pytest.approx(max(n.evaluation * gamma**d for n, d in below))


def test_the_mean_prefers_the_safe_branch_and_the_max_the_branch_with_the_best_leaf():
    worth = {"aa": 0.7, "ab": 0.7, "ba": 0.0, "bb": 1.0}
    greedy = {backup: MCTS(rule=UCT(0.0), children=2, in_flight=1, backup=backup) for backup in ("mean", "max")}
    trees = {backup: grow(Toy(worth, depth=2), search, Budget(rollouts=40)) for backup, search in greedy.items()}
    favourite = {b: max(t.root.children, key=lambda c: c.visits).action for b, t in trees.items()}
    assert favourite["mean"] == "a"
    full = MCTS(rule=UCT(0.5), children=2, in_flight=1, backup="max")
    assert max(grow(Toy(worth, depth=2), full, Budget(rollouts=60)).root.children, key=lambda c: c.visits).action == "b"


def test_a_discount_prefers_the_shorter_way():
    class Early(Toy):
        def is_terminal(self, state: str) -> bool:
            return state == "b" or len(state) == self.depth

    domain = Early({"aaa": 1.0, "aab": 1.0, "aba": 1.0, "abb": 1.0, "b": 0.9})

    def favourite(discount: float) -> str:
        search = MCTS(rule=UCT(0.2), children=2, in_flight=1, discount=discount)
        return max(grow(domain, search, Budget(rollouts=400)).root.children, key=lambda c: c.visits).action

    assert (favourite(1.0), favourite(0.8)) == ("a", "b")


def test_leaves_in_flight_are_evaluated_in_batches_and_no_state_twice():
    serial, batched = toy(4, "abcd"), toy(4, "abcd")
    grow(serial, MCTS(in_flight=1), Budget(rollouts=64))
    tree = grow(batched, MCTS(in_flight=8), Budget(rollouts=64))
    assert set(serial.batches) == {1} and max(batched.batches) == 8
    assert len(batched.batches) < len(serial.batches) / 3
    assert tree.rollouts == 64, "the last wave is cut to the budget"


def test_many_trees_share_the_batches_and_do_not_change_each_other():
    domain = toy(5, "abc")
    search = MCTS(children=3, in_flight=2)
    together = [Tree(Node(root)) for root in ("", "a", "b")]
    search.search(domain, together, Budget(rollouts=30))
    assert max(domain.batches) > 2
    for tree, root in zip(together, ("", "a", "b"), strict=True):
        assert to_jsonl(freeze(tree)) == to_jsonl(freeze(grow(toy(5, "abc"), search, Budget(rollouts=30), root)))


def test_the_golden_tree():
    """The whole tree after 12 rollouts, two leaves in flight: any change of the search's order shows here."""
    domain = Toy({"aa": 0.0, "ab": 0.25, "ba": 0.5, "bb": 1.0}, depth=2)
    tree = grow(domain, MCTS(children=2, in_flight=2), Budget(rollouts=12))
    assert [(n.state, n.visits, n.total, n.evaluation) for n in tree.root.walk()] == [
        ("", 12, 6.8125, 0.4375),
        ("a", 4, 0.625, 0.125),
        ("aa", 1, 0.0, 0.0),
        ("ab", 2, 0.5, 0.25),
        ("b", 7, 5.75, 0.75),
        ("ba", 2, 1.0, 0.5),
        ("bb", 4, 4.0, 1.0),
    ]


def test_a_node_is_widened_as_its_visits_grow():
    letters = "abcdefgh"
    domain = Toy({letter: 0.5 for letter in letters}, letters, depth=1)
    widths = []
    tree = Tree(Node(""))
    search = MCTS(children=2, widening=0.5, in_flight=1)
    for rollouts in (1, 2, 4, 9, 16):
        search.search(domain, [tree], Budget(rollouts=rollouts))
        widths.append(len(tree.root.children))
    assert widths == [0, 2, 4, 6, 8], "2 sqrt(N) children when visit N + 1 begins"


def test_a_dead_end_is_a_leaf_that_keeps_its_value():
    class DeadEnd(Toy):
        def propose(self, states, counts):
            found = super().propose(states, counts)
            return [Proposals(()) if s == "a" else p for s, p in zip(states, found, strict=True)]

    tree = grow(DeadEnd({"aa": 0.5, "ab": 0.5, "ba": 0.0, "bb": 0.0}, depth=2), MCTS(children=2), Budget(rollouts=50))
    a = tree.root.children[0]
    assert a.children == [] and a.visits > 10 and a.value() == 0.5


@pytest.mark.parametrize(
    ("budget", "holds"),
    [
        (Budget(rollouts=7), lambda tree: tree.rollouts == 7),
        (Budget(rollouts=10**6, nodes=9), lambda tree: 9 <= tree.nodes < 9 + 3),
        (Budget(rollouts=10**6, tokens=20), lambda tree: 20 <= tree.cost < 20 + 3 + 3),
    ],
)
def test_budgets_are_kept_to_one_wave(budget, holds):
    assert holds(grow(toy(6, "abc"), MCTS(children=3, in_flight=1), budget))


def test_a_target_stops_the_search():
    domain = toy(7)
    tree = grow(domain, MCTS(children=2, in_flight=1, target=0.0), Budget(rollouts=10**6))
    assert tree.answer is not None and tree.answer.score >= 0.0 and tree.rollouts < 10


def test_the_better_answer_is_kept_and_probability_decides_between_equals():
    tree = Tree(Node(""))
    for answer in (Answer("a", 0.5, -9.0), Answer("b", 0.5, -1.0), Answer("c", 0.5, -1.0), Answer("d", 0.2, 0.0)):
        tree.offer(answer)
    assert tree.answer == Answer("b", 0.5, -1.0)


def test_after_a_move_the_search_goes_on_from_the_subtree():
    domain = toy(8, "abc")
    search = MCTS(children=3, in_flight=1)
    tree = grow(domain, search, Budget(rollouts=60))
    move = max(tree.root.children, key=lambda c: c.visits)
    had, visits = sum(1 for _ in move.walk()), move.visits
    root = reroot(tree.root, move.action)
    after = Tree(root, nodes=had)
    search.search(domain, [after], Budget(rollouts=20))
    assert after.root.visits == visits + 20 and after.root.state == move.state
