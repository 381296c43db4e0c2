"""The parts of a search tree: formulas against hand-computed numbers, marks that cancel, records that read back."""

from __future__ import annotations

import math
import re

import pytest

from codegym.agents.search.export import FORMAT, freeze, from_jsonl, save, to_html, to_jsonl
from codegym.agents.search.mcts import Answer, Tree
from codegym.agents.search.tree import (
    PUCB,
    PUCT,
    UCT,
    Node,
    add_children,
    back_up,
    best_child,
    release,
    reroot,
    select,
)
from codegym.envs.errors import DataError


def grown(priors: dict[str, float]) -> Node:
    root = Node("")
    add_children(root, list(priors.items()), lambda state, action: Node(state + action))
    return root


def visit(node: Node, *values: float) -> None:
    for value in values:
        back_up(node, value, discount=1.0)


def test_uct_is_the_formula_of_rstar_and_takes_unvisited_children_first():
    assert UCT(2.0)(value=0.5, prior=0.1, visits=4, parent_visits=9) == 0.5 + 2.0 * math.sqrt(math.log(9) / 4)
    assert UCT(2.0)(value=0.0, prior=0.1, visits=0, parent_visits=1) == math.inf
    assert UCT(0.0)(value=0.25, prior=0.9, visits=3, parent_visits=7) == 0.25


def test_puct_and_pucb_are_the_published_formulas():
    assert PUCT(1.5)(value=0.5, prior=0.2, visits=3, parent_visits=16) == 0.5 + 1.5 * 0.2 * 4 / 4
    c = math.log((16 + 10 + 1) / 10) + 4
    expected = 0.5 + c * 0.2 * math.sqrt(math.log(16)) / 4
    assert PUCB()(value=0.5, prior=0.2, visits=3, parent_visits=16) == expected


@pytest.mark.parametrize("rule", [PUCT(), PUCB()])
def test_priors_decide_early_and_values_late(rule):
    def score(value, prior, visits):
        return rule(value=value, prior=prior, visits=visits, parent_visits=visits * 2 + 1)

    assert score(0.4, 0.9, 1) > score(0.6, 0.1, 1)
    assert score(0.4, 0.9, 10**6) < score(0.6, 0.1, 10**6)
    assert rule(value=0.3, prior=0.0, visits=0, parent_visits=50) == 0.3, "no prior, no exploration"


def test_ties_go_to_the_prior_then_to_the_order_of_proposal():
    root = grown({"a": 0.2, "b": 0.4, "c": 0.4})
    assert best_child(root, UCT(), "mean", 0.0).action == "b"


def test_back_up_adds_mean_and_max_and_honours_the_discount():
    root = grown({"a": 1.0})
    (a,) = root.children
    add_children(a, [("b", 1.0)], lambda state, action: Node(state + action))
    (b,) = a.children
    back_up(b, 1.0, discount=0.5)
    back_up(a, 0.2, discount=0.5)
    assert (b.value(), a.value("mean"), a.value("max")) == (1.0, (0.5 + 0.2) / 2, 0.5)
    assert root.value("mean") == pytest.approx((0.25 + 0.1) / 2) and root.value("max") == 0.25
    assert (root.visits, a.visits, b.visits) == (2, 2, 1)


def test_a_leaf_in_flight_counts_as_a_visit_with_the_virtual_loss_and_leaves_no_trace():
    root = grown({"a": 0.5, "b": 0.5})
    a, b = root.children
    visit(a, 0.9)
    visit(b, 0.8)
    before = [(n.visits, n.total, n.best) for n in root.walk()]
    first = select(root, UCT(0.5), "mean", 0.0, lambda node: False)
    second = select(root, UCT(0.5), "mean", 0.0, lambda node: False)
    assert [first.action, second.action] == ["a", "b"], "the mark sends the second leaf elsewhere"
    assert [n.pending for n in root.walk()] == [2, 1, 1]
    release(second)
    release(first)
    assert [n.pending for n in root.walk()] == [0, 0, 0]
    assert [(n.visits, n.total, n.best) for n in root.walk()] == before


def test_an_unvisited_child_is_worth_what_its_parent_is_worth():
    root = grown({"known": 0.0, "new": 0.0})
    known, _ = root.children
    visit(known, 0.2)
    visit(root, 0.8)  # the root's own evaluation: its mean is 0.5
    assert best_child(root, PUCT(), "mean", 0.0).action == "new"


def test_children_are_distinct_and_keep_their_statistics_when_a_node_is_widened():
    root = grown({"a": 1.0})
    visit(root.children[0], 0.7)
    new = add_children(root, [("a", 0.6), ("b", 0.4), ("b", 0.4)], lambda state, action: Node(state + action))
    assert new == 1 and [(c.action, c.prior, c.visits) for c in root.children] == [("a", 0.6, 1), ("b", 0.4, 0)]


def test_reroot_keeps_the_subtree_and_its_statistics():
    root = grown({"a": 0.5, "b": 0.5})
    a, _ = root.children
    add_children(a, [("c", 1.0)], lambda state, action: Node(state + action))
    visit(a.children[0], 1.0)
    assert reroot(root, "z") is None
    new = reroot(root, "a")
    assert new is a and new.parent is None and new.actions() == ()
    visit(new.children[0], 0.0)
    assert (new.visits, new.value(), root.visits) == (2, 0.5, 1), "the old root hears nothing any more"


def example_tree() -> Tree:
    root = grown({"    return x\n<b>": 0.75, "<END>": 0.25})
    code, end = root.children
    end.terminal = True
    visit(code, 0.5)
    visit(end, 1.0)
    return Tree(root, Answer(("<END>",), 1.0), rollouts=2, nodes=3, cost=40)


def test_the_golden_tree_in_json_lines():
    assert to_jsonl(freeze(example_tree(), "katas/x/0")).splitlines() == [
        f'{{"format": "{FORMAT}", "title": "katas/x/0", "answer": ["<END>"], "score": 1.0, "rollouts": 2, "cost": 40}}',
        '{"id": 0, "parent": null, "depth": 0, "action": null, "prior": 1.0, "visits": 2, "value": 0.75, "best": 1.0, '
        '"evaluation": null, "terminal": false}',
        '{"id": 1, "parent": 0, "depth": 1, "action": "    return x\\n<b>", "prior": 0.75, "visits": 1, "value": 0.5, '
        '"best": 0.5, "evaluation": null, "terminal": false}',
        '{"id": 2, "parent": 0, "depth": 1, "action": "<END>", "prior": 0.25, "visits": 1, "value": 1.0, "best": 1.0, '
        '"evaluation": null, "terminal": true}',
    ]


def test_a_frozen_tree_reads_back_and_hears_of_no_later_visit(tmp_path):
    tree = example_tree()
    record = freeze(tree, "t")
    visit(tree.root.children[0], 0.0)
    save(record, tmp_path / "tree.jsonl")
    assert from_jsonl((tmp_path / "tree.jsonl").read_text()) == record
    assert record.nodes[0].visits == 2


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda text: text.replace(FORMAT, "other"), 1),
        (lambda text: text.replace('"cost": 40', '"price": 40'), 1),
        (lambda text: text.replace('"parent": 0, "depth": 1, "action": "<', '"depth": 1, "action": "<'), 4),
        (lambda text: text[:-9], 4),
    ],
)
def test_a_damaged_file_names_the_line(damage, line):
    text = damage(to_jsonl(freeze(example_tree())))
    with pytest.raises(DataError, match=re.escape(f"tree.jsonl:{line}:")):
        from_jsonl(text, where="tree.jsonl")


def test_the_page_is_self_contained_escaped_and_opens_the_way_to_the_answer(tmp_path):
    tree = example_tree()
    add_children(tree.root.children[0], [("x", 1.0)], lambda state, action: Node(state + action))
    tree.answer = Answer(("    return x\n<b>", "x"), 1.0)
    save(freeze(tree, "a<b"), tmp_path / "tree.html")
    page = (tmp_path / "tree.html").read_text()
    assert "<title>a&lt;b</title>" in page and "return x\n&lt;b&gt;" in page
    assert page.count("<details open>") == 2 and page.count("<details") == page.count("</details>")
    assert not re.search(r"<script|src=|href=|https?://", page)


def test_a_tree_deeper_than_the_recursion_limit_is_drawn():
    root = node = Node(0)
    for i in range(3000):
        add_children(node, [(i, 1.0)], lambda state, action: Node(state + 1))
        node = node.children[0]
    assert to_html(freeze(Tree(root))).count("<details") == 3000
