"""A search tree as data: frozen records, a JSON-lines file that reads back, and one self-contained HTML page."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codegym.agents.search.mcts import Tree
from codegym.envs.errors import DataError
from codegym.envs.files import write_atomically

FORMAT = "codegym-search-tree-1"


@dataclass(frozen=True)
class NodeRecord:
    """One node when the tree was frozen.

    Attributes:
        id: position in the file; 0 is the root, parents come before their children.
        parent: id of the parent, None at the root.
        depth: edges from the root.
        action: token id, line or pseudocode step that leads here; None at the root.
        prior: P of that action.
        visits: N.
        value: mean of the values backed up (W / N), the step label of O1-CODER; 0 where N is 0.
        best: largest of them, None where N is 0.
        evaluation: value of this state alone, None where it was never visited.
        terminal: whether the program ends here.
    """

    id: int
    parent: int | None
    depth: int
    action: Any
    prior: float
    visits: int
    value: float
    best: float | None
    evaluation: float | None
    terminal: bool


@dataclass(frozen=True)
class TreeRecord:
    """A frozen tree: its nodes, what it found and what it cost.

    Attributes:
        nodes: parents before children, siblings in the order of their proposal.
        title: what was searched, for people: a problem's uri.
        answer: actions of the best answer from the root on, () if there was none.
        score: of that answer, None if there was none.
        rollouts: visits spent.
        cost: tokens spent.
    """

    nodes: tuple[NodeRecord, ...]
    title: str = ""
    answer: tuple[Any, ...] = ()
    score: float | None = None
    rollouts: int = 0
    cost: int = 0


def freeze(tree: Tree, title: str = "", skip: int = 0) -> TreeRecord:
    """Copy a tree into a value that no further search changes.

    Args:
        tree: what to copy.
        title: for people.
        skip: how many of the answer's actions were made before the root.
    """
    ids: dict[int, int] = {}
    records: list[NodeRecord] = []
    for node in tree.root.walk():
        ids[id(node)] = len(records)
        parent = ids.get(id(node.parent)) if node.parent is not None else None
        records.append(
            NodeRecord(
                id=len(records),
                parent=parent,
                depth=0 if parent is None else records[parent].depth + 1,
                action=node.action,
                prior=node.prior,
                visits=node.visits,
                value=node.value("mean"),
                best=node.best if node.visits else None,
                evaluation=node.evaluation,
                terminal=node.terminal,
            )
        )
    answer = tree.answer
    return TreeRecord(
        tuple(records),
        title,
        tuple(answer.actions[skip:]) if answer else (),
        answer.score if answer else None,
        tree.rollouts,
        tree.cost,
    )


def to_jsonl(record: TreeRecord) -> str:
    """A header line (format, title, answer, score, rollouts, cost), then one line a node."""
    header = {"format": FORMAT, **{k: v for k, v in vars(record).items() if k != "nodes"}}
    lines = [header, *(asdict(node) for node in record.nodes)]
    return "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines)


def from_jsonl(text: str, *, where: str = "tree") -> TreeRecord:
    """Read what `to_jsonl` wrote; raises DataError with the line number."""
    header: dict[str, Any] = {}
    nodes: list[NodeRecord] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if number == 1:
                header = json.loads(line)
                if header.pop("format") != FORMAT:
                    raise ValueError("another format")
                header["answer"] = tuple(header["answer"])
            else:
                nodes.append(NodeRecord(**json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise DataError(f"{where}:{number}: not a line of a search tree ({FORMAT}).") from None
    try:
        return TreeRecord(tuple(nodes), **header)
    except TypeError:
        raise DataError(f"{where}:1: not the first line of a search tree ({FORMAT}).") from None


def save(record: TreeRecord, path: Path | str) -> None:
    """Write a tree whole or not at all: a page where the name ends in .html, JSON lines otherwise."""
    path = Path(path)
    write_atomically(path, to_html(record) if path.suffix == ".html" else to_jsonl(record))


def to_html(record: TreeRecord) -> str:
    """One page without scripts or links to elsewhere: the tree as nested, collapsible lists."""
    below: dict[int | None, list[NodeRecord]] = {}
    for node in record.nodes:
        below.setdefault(node.parent, []).append(node)
    answer = "".join(_action(a) for a in record.answer) or "<i>none</i>"
    score = "" if record.score is None else f", score {record.score:.3f}"
    title = html.escape(record.title or "Search tree")
    body = "".join(_render(root, below, _on_answer(record)) for root in below.get(None, ()))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"</head><body><h1>{title}</h1><p>{len(record.nodes)} nodes, {record.rollouts} rollouts, {record.cost} tokens"
        f"{score}. N: visits, Q: mean value, P: prior; the way to the answer is open.</p>"
        f'<div class="answer">{answer}</div>{body}</body></html>\n'
    )


def _on_answer(record: TreeRecord) -> set[int]:
    """Ids of the nodes on the way to the answer, as far as it is in the tree."""
    steps = {(node.parent, node.action): node.id for node in record.nodes}
    found, at = {0}, 0
    for action in record.answer:
        if (at, action) not in steps:
            break
        at = steps[at, action]
        found.add(at)
    return found


def _render(node: NodeRecord, below: dict[int | None, list[NodeRecord]], opened: set[int]) -> str:
    """A node and all below it, written with a stack: a token tree may be deeper than Python's recursion allows."""
    out: list[str] = []
    stack: list[NodeRecord | str] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        numbers = f"N {item.visits} &middot; Q {item.value:.3f} &middot; P {item.prior:.3f}"
        hue = round(120 * min(max(item.value, 0.0), 1.0))
        label = _action(item.action) if item.depth else "<b>root</b>"
        summary = f'<span class="q" style="background:hsl({hue} 70% 80%)">{numbers}</span> {label}'
        children: Sequence[NodeRecord] = below.get(item.id, ())
        if not children:
            end = " &#9632;" if item.terminal else ""
            out.append(f'<div class="leaf">{summary}{end}</div>')
            continue
        state = " open" if item.id in opened else ""
        out.append(f"<details{state}><summary>{summary}</summary>")
        stack.append("</details>")
        stack.extend(reversed(children))
    return "".join(out)


def _action(action: Any) -> str:
    text = action if isinstance(action, str) else repr(action)
    return f"<code>{html.escape(text) or '&#9251;'}</code>"


_STYLE = (
    "body{font:14px sans-serif;margin:2em}details,.leaf{margin-left:1.2em}.leaf{padding-left:1em}"
    "code{white-space:pre-wrap;font-size:13px}.q{font-size:11px;padding:1px 4px;border-radius:3px}"
    "summary{cursor:pointer}.answer{background:#f4f4f4;padding:.6em;margin:1em 0}.answer code{display:block}"
)
