"""More ways to say what the one-line functions do, which the tables of their families say in one way or two.

`phrasings.txt` has a block per family, in it a line per function: name | phrasing / phrasing. The tier `easy` was
measured with the statements of the tables, so a problem that was measured keeps its own (`measured.txt`, the uris of
`benchmarks/results/katas/easy.csv`); every other is said in one of all its ways, chosen by its uri.
"""

from __future__ import annotations

import functools
from importlib.resources import files

from codegym.envs.problems.katas.draws import Draws


def said(uri: str, statement: str, more: tuple[str, ...]) -> str:
    """The statement of a kata: the one that its family gave it, or one of `more` unless it was measured."""
    return statement if uri in measured() else Draws("phrasing", uri).choice((statement, *more))


def more(family: str, function: str | None, constant: object) -> tuple[str, ...]:
    """The phrasings of a function besides those of its table, with its constant (None without) put in."""
    for name, phrases in table().get(family, {}).items():
        if name.replace("{c}", str(constant)) == function:
            return tuple(phrase.replace("{c}", str(constant)) for phrase in phrases)
    return ()


@functools.cache
def measured() -> frozenset[str]:
    """The uris whose statement may not change: it was measured how often a model solves them."""
    return frozenset(_read("measured.txt").split())


@functools.cache
def table() -> dict[str, dict[str, tuple[str, ...]]]:
    """Per family, per function the phrasings of the file, with `{c}` for constants."""
    found = {}
    for block in _read("phrasings.txt").removeprefix("== ").split("\n== "):
        family, *lines = block.strip().split("\n")
        rows = (line.split(" | ") for line in lines)
        found[family] = {function: tuple(phrases.split(" / ")) for function, phrases in rows}
    return found


def _read(name: str) -> str:
    return files("codegym.envs.problems.katas").joinpath(name).read_text(encoding="utf-8")
