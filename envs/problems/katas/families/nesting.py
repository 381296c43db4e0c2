"""Lists in lists: recursion over nested lists, rows and columns of a table."""

from __future__ import annotations

from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import (
    NUMBERS_THAT_ARE,
    Piece,
    combine,
    function_kata,
    with_constants,
)

_TESTS = with_constants(NUMBERS_THAT_ARE, range(2, 8))

_NESTED = {
    "sum": ("0", "{t} += x", "{t} += nested(x)", "the sum of the numbers"),
    "count": ("0", "{t} += 1", "{t} += nested(x)", "how many numbers there are"),
    "list": ("[]", "{t}.append(x)", "{t} += nested(x)", "one flat list, in order, of the numbers"),
    "squares": ("0", "{t} += x * x", "{t} += nested(x)", "the sum of the squares of the numbers"),
    "doubled": ("0", "{t} += x", "{t} += 2 * nested(x)", "the sum of the numbers, where each counts twice as much for every list deeper that it is,"),
    "signed": ("0", "{t} += x", "{t} -= nested(x)", "the sum of the numbers, where the sign changes with every list deeper,"),
    "reversed": ("[]", "{t}.insert(0, x)", "{t} = nested(x) + {t}", "one flat list, in reverse order, of the numbers"),
    "product": ("1", "{t} *= x", "{t} *= nested(x)", "the product (1 if there is none) of the numbers"),
}  # fmt: skip


def _nested(parameters: Parameters, draws: Draws) -> Kata:
    result, (test, c) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="x", c=c)
    which = NUMBERS_THAT_ARE[test].say(draws, c=c)
    start, leaf, branch, wanted = _NESTED[result]
    c = c or 4

    def tree(depth: int) -> list[Any]:
        inner = [tree(depth - 1) for _ in range(draws.between(1, 2))] if depth else []
        return draws.shuffled([*draws.numbers(draws.between(1, 3), 0, 9), *inner])

    inputs: list[Any] = [
        [c + 1, [2, [c - 1, 3]]],
        tree(1),
        [],
        [[], [[]]],
        [c],
        [[[c]]],
        [c - 1, [c + 1]],
        tree(2),
        tree(2),
        tree(3),
    ]
    inputs += [[1, [2, [3, [4, [5, [6]]]]]], [[7, 8], [9, c, [c, 0]], 2 * c]]
    return function_kata(
        draws,
        (
            f"xs holds numbers and lists, which may hold numbers and lists again. Return {wanted} that are {which}, at any depth.",
            f"In a list nested to any depth, find {wanted} that are {which}. Return it.",
        ),
        "nested(xs)",
        (
            f"total = {start}\nfor x in xs:\n    if isinstance(x, list):\n        {branch.format(t='total')}\n"
            f"    elif {condition}:\n        {leaf.format(t='total')}\nreturn total",
            f"total = {start}\nfor x in xs:\n    if type(x) is not list:\n        if {condition}:\n            {leaf.format(t='total')}\n"
            f"        continue\n    {branch.format(t='total')}\nreturn total",
        ),
        [(item,) for item in inputs],
        plan=(
            "go through xs; for a list in it call nested again.",
            f"A number counts if it is {which}; return {wanted}.",
        ),
        difficulty="medium",
    )


_ROW_VALUES = {
    "sum": Piece("sum(row)", ("sum",)),
    "max": Piece("max(row)", ("largest number",)),
    "min": Piece("min(row)", ("smallest number",)),
    "spread": Piece("max(row) - min(row)", ("difference of the largest and the smallest number",)),
    "zeros": Piece("row.count(0)", ("number of zeros",)),
    "last": Piece("row[-1]", ("last number",)),
    "distinct": Piece("len(set(row))", ("number of different numbers",)),
    "evens": Piece("sum(x % 2 == 0 for x in row)", ("number of even numbers",)),
}
_LINES = {
    "rows": ("table", "row"),
    "columns": ("zip(*table)", "column, from top to bottom,"),
    "odd-rows": ("table[1::2]", "second, fourth, sixth (and so on) row"),
    "upward": ("table[::-1]", "row, from the bottom row to the top,"),
}
_TABLE_RESULTS = {
    "list": Piece("values", ("Return the list of the results in order.",)),
    "sum": Piece("sum(values)", ("Return the sum of the results.",)),
    "max": Piece("max(values, default=0)", ("Return the largest result, 0 if there is none.",)),
    "index": Piece("values.index(max(values)) if values else -1", ("Return the position, from 0, of the first largest result, -1 if there is none.",)),
    "above": Piece("sum(v > {c} for v in values)", ("Return how many results are greater than {c}.",)),
}  # fmt: skip


def _table(parameters: Parameters, draws: Draws) -> Kata:
    lines, value, (result, c) = parameters
    source, line = _LINES[lines]
    code, words = _ROW_VALUES[value].code, _ROW_VALUES[value].say(draws)
    wanted, final = _TABLE_RESULTS[result].say(draws, c=c), _TABLE_RESULTS[result].code.format(c=c)
    c = c or 3

    def table(rows: int, columns: int, low: int = 0, high: int = 5) -> list[list[int]]:
        return [draws.numbers(columns, low, high) for _ in range(rows)]

    inputs = [
        table(2, 2),
        table(3, 2),
        [],
        [[c]],
        [[0]],
        [[c, 0], [c + 1, 1], [c - 1, 1]],
        table(3, 3),
        table(4, 5, -4, 4),
        table(5, 3, 0, 9),
    ]
    inputs += [[[0] * i + list(range(1, 8 - i)) for i in range(7)], [[i] * 7 for i in range(8)], [list(range(8))] * 7]
    inputs += [table(1, 6, 0, 9), table(6, 1, 0, 9), [[c + 1] * 3] * 4, table(6, 4, -9, 9)]
    return function_kata(
        draws,
        (
            f"table is a list of rows of equal length (none of them empty). For each {line} find the {words}. {wanted}",
            f"Given a table of numbers as a list of rows, compute for each {line} its {words}. {wanted}",
        ),
        "table_values(table)",
        (
            f"values = [{code} for row in {source}]\nreturn {final}",
            f"values = []\nfor row in {source}:\n    row = list(row)\n    values.append({code})\nreturn {final}",
        ),
        [(item,) for item in inputs],
        plan=(f"compute a result for each {line} of the table, then the answer.", f"A result is the {words}. {wanted}"),
    )


FAMILIES = (
    Family(
        "nested-lists",
        lambda: combine(_NESTED, _TESTS),
        lambda p: (p[0], p[1][0]),
        _nested,
        (200, 20, 20),
        ("nesting", "recursion"),
    ),
    Family(
        "table-values",
        lambda: combine(_LINES, _ROW_VALUES, with_constants(_TABLE_RESULTS, range(1, 7))),
        lambda p: (p[0], p[1], p[2][0]),
        _table,
        (200, 20, 20),
        ("nesting",),
    ),
)
