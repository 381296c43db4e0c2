"""Aggregates of filtered and mapped lists: `agg(map(x) for x in xs if filter(x))`, what the tiny model learns from.

Seven aggregates (a family each), eight maps and nine filters with constants 2 to 9. One fifth of each family's
(map, filter) pairs is held out. Some pieces are fragile: they have a typical mistake, which the corpus of `tiny-buggy`
makes at a stated rate (see `corpus`).
"""

from __future__ import annotations

import functools

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import CONSTANTS, Piece, constants

AGGREGATES = {
    "sum": Piece("sum({items})", ("sum of {m} for {f}", "add up {m} over {f}", "total of {m} for {f}")),
    "max": Piece("max([{items}], default=0)", ("largest {m} for {f}, or 0", "maximum of {m} over {f}, or 0")),
    "min": Piece("min([{items}], default=0)", ("smallest {m} for {f}, or 0", "minimum of {m} over {f}, or 0")),
    "set": Piece("{{{items}}}", ("set of {m} for {f}", "set of every {m} over {f}")),
    "list": Piece("[{items}]", ("list of {m} for {f}", "list {m} for {f}, in order")),
    "sort": Piece("sorted({items})", ("sorted {m} for {f}", "{m} for {f}, in rising order")),
    "descending": Piece(
        "sorted([{items}], reverse=True)",
        ("sorted down {m} for {f}", "{m} for {f}, in falling order"),
        mistake="sorted({items})",
    ),
}
MAPS = {
    "same": Piece("x", ("x",)),
    "plus": Piece("x + {c}", ("x plus {c}", "{c} more than x")),
    "minus": Piece("x - {c}", ("x minus {c}", "{c} less than x")),
    "times": Piece("x * {c}", ("x times {c}", "{c} times x")),
    "squared": Piece("x * x", ("x squared", "the square of x")),
    "quotient": Piece("x // {c}", ("x divided by {c}, rounded down", "whole {c}s in x"), mistake="x / {c}"),
    "remainder": Piece("x % {c}", ("x modulo {c}", "the remainder of x by {c}")),
    "from": Piece("{c} - x", ("{c} minus x", "x taken from {c}"), mistake="x - {c}"),
}
FILTERS = {
    "above": Piece("x > {c}", ("x above {c}", "x greater than {c}")),
    "below": Piece("x < {c}", ("x below {c}", "x less than {c}")),
    "at-least": Piece("x >= {c}", ("x at least {c}", "x not below {c}"), mistake="x > {c}"),
    "at-most": Piece("x <= {c}", ("x at most {c}", "x not above {c}"), mistake="x < {c}"),
    "even": Piece("x % 2 == 0", ("even x", "x that is even")),
    "odd": Piece("x % 2 == 1", ("odd x", "x that is odd"), mistake="x % 2 == 0"),
    "multiple": Piece("x % {c} == 0", ("x divisible by {c}", "x in the {c} times table")),
    "unlike": Piece("x != {c}", ("x other than {c}", "x unlike {c}")),
    "positive": Piece("x > 0", ("positive x", "x above zero")),
}


def parameters() -> list[Parameters]:
    """Every (map, its constant, filter, its constant)."""
    return [
        (m, c, f, d)
        for m, map_piece in MAPS.items()
        for c in constants(map_piece)
        for f, filter_piece in FILTERS.items()
        for d in constants(filter_piece, CONSTANTS[f == "multiple" :])
    ]


def program(aggregate: Piece, map_piece: Piece, c: int | None, filter_piece: Piece, d: int | None) -> str:
    """The program of three pieces of code and their constants."""
    expression = map_piece.code.format(c=c)
    items = f"{expression} for x in xs if {filter_piece.code.format(c=d)}"
    return "def f(xs):\n    return " + aggregate.code.format(items=items)


def make(name: str, parameters: Parameters, draws: Draws) -> Kata:
    """The kata of an aggregate and its parameters."""
    m, c, f, d = parameters
    aggregate, map_piece, filter_piece = AGGREGATES[name], MAPS[m], FILTERS[f]
    map_words = draws.choice(map_piece.phrases).format(c=c)
    filter_words = draws.choice(filter_piece.phrases).format(c=d)
    return Kata(
        statement=draws.choice(aggregate.phrases).format(m=map_words, f=filter_words),
        references=(program(aggregate, map_piece, c, filter_piece, d), _loop(name, parameters)),
        inputs=_inputs(parameters, draws),
        starter="def f(xs):",
        entry_point="f",
        plan=(
            "Define f(xs): go through xs, keep some x, map each of them, and combine the results.",
            f"Keep {filter_words}; map to {map_words}; combine: {aggregate.phrases[0].format(m='them', f='those')}.",
        ),
    )


def _loop(name: str, parameters: Parameters) -> str:
    """The same in another style: a loop that collects, then one expression."""
    m, c, f, d = parameters
    final = {
        "sum": "sum(found)",
        "max": "max(found) if found else 0",
        "min": "min(found) if found else 0",
        "set": "set(found)",
        "list": "found",
        "sort": "sorted(found)",
        "descending": "sorted(found)[::-1]",
    }[name]
    return (
        "def f(xs):\n    found = []\n    for x in xs:\n"
        f"        if {FILTERS[f].code.format(c=d)}:\n            found.append({MAPS[m].code.format(c=c)})\n"
        f"    return {final}"
    )


def _inputs(parameters: Parameters, draws: Draws) -> tuple[tuple[list[int]], ...]:
    _, c, f, d = parameters
    c, d = c or 3, d or {"positive": 0}.get(f, 4)
    step = d if f == "multiple" else 2
    hit = {"above": d + 1, "below": d - 1, "multiple": d, "unlike": d + 1, "odd": 3}.get(f, d or 1)
    public = [hit, draws.between(1, 9)]
    near = [d - 1, d, d + 1, c, c + 1, d]
    spread = [-d, -c - 1, -1, 0, 1, c * d, c * d + 1, step * c]
    return (
        (public,),
        ([],),
        ([d],),
        (near,),
        (spread,),
        (draws.shuffled([*draws.numbers(6, -20, 40), d, d + 1]),),
        (draws.shuffled([*draws.numbers(7, 0, 12), d, d, d - 1]),),
        (draws.numbers(5, -30, -1),),
        (draws.shuffled([*draws.numbers(6, 10, 99), -d, 0, step]),),
    )


FAMILIES = tuple(
    Family(
        name=f"list-filter-{name}",
        parameters=parameters,
        structure=lambda parameters: (parameters[0], parameters[2]),
        make=functools.partial(make, name),
        counts=(600, 30, 30),
        tags=("tiny", "lists", "short"),
    )
    for name in AGGREGATES
)
