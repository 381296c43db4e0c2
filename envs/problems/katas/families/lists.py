"""Lists: neighbours, slices, two lists at once, positions, running results."""

from __future__ import annotations

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import (
    NUMBERS_THAT_ARE,
    Piece,
    around,
    combine,
    function_kata,
    with_constants,
)

_TESTS = with_constants(NUMBERS_THAT_ARE)

_PAIR_VALUES = {
    "rise": Piece("b - a", ("the second minus the first",)),
    "gap": Piece("abs(a - b)", ("the distance of the two",)),
    "sum": Piece("a + b", ("the sum of the two",)),
    "product": Piece("a * b", ("the product of the two",)),
    "larger": Piece("max(a, b)", ("the larger of the two",)),
    "weighted": Piece("a + {c} * b", ("the first plus {c} times the second",)),
    "remainder": Piece("(a + b) % {c}", ("the sum of the two modulo {c}",)),
}
_PAIR_RESULTS = {
    "list": Piece("{values}", ("the list of", "in order, as a list,")),
    "sum": Piece("sum({values})", ("the sum of", "the total of")),
    "max": Piece("max({values}, default=0)", ("the largest (0 if there is no pair) of", "the maximum (or 0) of")),
    "min": Piece("min({values}, default=0)", ("the smallest (0 if there is no pair) of", "the minimum (or 0) of")),
    "positive": Piece("sum(v > 0 for v in {values})", ("how many are positive of", "the number of positive ones of")),
    "distinct": Piece("len(set({values}))", ("how many different ones there are of",)),
}
_PAIRINGS = {
    "neighbours": ("zip(xs, xs[1:])", "every two neighbours in xs", "range(len(xs) - 1)", "xs[i], xs[i + 1]"),
    "next-but-one": ("zip(xs, xs[2:])", "every two elements of xs that are two places apart", "range(len(xs) - 2)", "xs[i], xs[i + 2]"),
    "blocks": ("zip(xs[::2], xs[1::2])", "the 1st and 2nd, the 3rd and 4th element of xs and so on (a last single one is left out)", "range(0, len(xs) - 1, 2)", "xs[i], xs[i + 1]"),
    "mirror": ("zip(xs, xs[::-1])", "every element of xs with the one at the same place from the end", "range(len(xs))", "xs[i], xs[-i - 1]"),
}  # fmt: skip


def _pairs(parameters: Parameters, draws: Draws) -> Kata:
    result, pairing, (value, c) = parameters
    source, which, indices, elements = _PAIRINGS[pairing]
    code, words = _PAIR_VALUES[value].code.format(c=c), _PAIR_VALUES[value].say(draws, c=c)
    wanted = _PAIR_RESULTS[result].say(draws)
    return function_kata(
        draws,
        (
            f"For {which} take {words}. Return {wanted} these values.",
            f"Return {wanted} the values that you get by taking {words} for {which}.",
        ),
        "pairs(xs)",
        (
            f"values = [{code} for a, b in {source}]\nreturn {_PAIR_RESULTS[result].code.format(values='values')}",
            f"values = []\nfor i in {indices}:\n    a, b = {elements}\n    values.append({code})\n"
            f"return {_PAIR_RESULTS[result].code.format(values='values')}",
        ),
        [
            (xs,)
            for xs in (
                [3, 5, 4, 9], draws.numbers(4, 0, 9), [], [7], [2, 6], [8, 1, 5], draws.numbers(6, -9, 9), [-4, -2, -7, -7, -9],
                draws.numbers(9, -20, 20), draws.numbers(5, 10, 99), [0, 0, 1, 1, 0], [5, 5, 5, 5],
            )
        ],
        plan=(f"pair up {which}, compute a value for each pair, return {wanted} the values.", f"A pair's value is {words}."),
    )  # fmt: skip


_CUTS = {
    "drop": Piece("xs[{c}:]", ("leave out the first {c} elements",)),
    "drop-last": Piece("xs[:-{c}]", ("leave out the last {c} elements",)),
    "take": Piece("xs[:{c}]", ("keep the first {c} elements",)),
    "take-last": Piece("xs[-{c}:]", ("keep the last {c} elements",)),
    "every": Piece("xs[::{c}]", ("keep the elements at positions 0, {c}, 2 * {c} and so on",)),
    "rotate": Piece("xs[{c}:] + xs[:{c}]", ("move the first {c} elements to the end",)),
    "reverse": Piece("xs[::-1]", ("reverse the order",)),
    "sort": Piece("sorted(xs)", ("sort by size, smallest first",)),
    "mirror": Piece("xs + xs[::-1]", ("put the reversed list behind it",)),
    "unique": Piece("list(dict.fromkeys(xs))", ("keep the first of equal elements only",)),
    "above": Piece("[x for x in xs if x > {c}]", ("keep the elements greater than {c}",)),
    "plus": Piece("[x + {c} for x in xs]", ("add {c} to every element",)),
}


def _cuts(parameters: Parameters, draws: Draws) -> Kata:
    (one, c), (two, d) = parameters
    first, second = _CUTS[one], _CUTS[two]
    lists = [
        draws.numbers(6, 0, 9),
        draws.numbers(8, -5, 12),
        [],
        [4],
        [2, 1],
        [3, 3, 5],
        list(range(12, 0, -1)),
        list(range(11)),
    ]
    lists += [draws.numbers(10, -9, 9), draws.numbers(13, 0, 5), draws.numbers(4, 0, 7), draws.numbers(15, 0, 99)]
    say = first.say(draws, c=c), second.say(draws, c=d)
    return function_kata(
        draws,
        (
            f"Change the list xs in two steps: {say[0]}; then {say[1]}. Return the new list.",
            f"Take the list xs and {say[0]}. Of the result, {say[1]}, and return that. Lists may be short or empty.",
        ),
        "cut(xs)",
        (
            f"xs = {first.code.format(c=c)}\nreturn {second.code.format(c=d)}",
            f"step = lambda xs: {first.code.format(c=c)}\nlast = lambda xs: {second.code.format(c=d)}\nreturn last(step(xs))",
        ),
        [(xs,) for xs in lists],
        plan=("make a new list two times.", f"First {say[0]}.", f"Then {say[1]}."),
    )


_ENDS = {
    "stop": ("zip(xs, ys)", "Stop at the end of the shorter list."),
    "fill": (
        "zip(xs + [{c}] * (len(ys) - len(xs)), ys + [{c}] * (len(xs) - len(ys)))",
        "Where one list is shorter, use {c} for what is missing.",
    ),
    "wrap": (
        "[(x, ys[i % len(ys)]) for i, x in enumerate(xs) if ys]",
        "There is one pair for each element of xs; begin again with the first element of ys when ys is used up (no pairs if ys is empty). Ignore the number {c}.",
    ),
    "back": ("zip(xs, ys[::-1])", "Go through ys from its end, and stop when the shorter list ends."),
}  # fmt: skip
_TWO_VALUES = {
    "sum": Piece("x + y", ("x + y",)),
    "difference": Piece("x - y", ("x - y",)),
    "product": Piece("x * y", ("x * y",)),
    "larger": Piece("max(x, y)", ("the larger of x and y",)),
    "smaller": Piece("min(x, y)", ("the smaller of x and y",)),
    "same": Piece("int(x == y)", ("1 if x equals y and 0 if not",)),
    "order": Piece("(x > y) - (x < y)", ("1 if x is greater than y, -1 if it is less, and 0 if they are equal",)),
}


def _two_lists(parameters: Parameters, draws: Draws) -> Kata:
    result, ends, value, c = parameters
    source, rule = _ENDS[ends]
    source, rule = source.format(c=c), rule.format(c=c).replace(f" Ignore the number {c}.", "")
    code, words = _TWO_VALUES[value].code, _TWO_VALUES[value].say(draws)
    final = {"list": "values", "sum": "sum(values)", "max": "max(values, default=0)"}[result]
    wanted = {
        "list": "the list of the values",
        "sum": "the sum of the values",
        "max": "the largest value, 0 if there is none",
    }[result]
    some = draws.numbers(5, -9, 9)
    inputs = [
        (draws.numbers(3, 0, 9), draws.numbers(3, 0, 9)),
        (draws.numbers(4, 1, 9), draws.numbers(2, 1, 9)),
        ([], []),
        ([3], []),
        ([], [4, -1]),
    ]
    inputs += [
        ([5, 2, c, 7], [5, 3]),
        ([1], [6, 2, -8, c]),
        (some, some),
        (draws.numbers(6, -9, 20), draws.numbers(4, -9, 20)),
        ([-3, -5], [-4, -9, -2]),
    ]
    inputs += [(draws.numbers(2, 0, 9), draws.numbers(7, -5, 9)), (draws.numbers(7, 0, 9), draws.numbers(7, 0, 9))]
    return function_kata(
        draws,
        (
            f"Go through xs and ys together; a pair x, y has the value: {words}. {rule} Return {wanted}.",
            f"Pair the elements x of xs with the elements y of ys in order. {rule} Each pair gives {words}. Return {wanted}.",
        ),
        "combine(xs, ys)",
        (
            f"values = [{code} for x, y in {source}]\nreturn {final}",
            f"values = []\nfor x, y in {source}:\n    values.append({code})\nreturn {final}",
        ),
        inputs,
        plan=(
            "pair up the lists, compute a value for each pair, and return the answer.",
            f"A pair gives {words}. {rule}",
        ),
        difficulty="medium",
    )


_PLACES = {
    "first": Piece("found[0] if found else -1", ("the position of the first element (-1 if there is none)",)),
    "last": Piece("found[-1] if found else -1", ("the position of the last element (-1 if there is none)",)),
    "all": Piece("found", ("the list of the positions of all elements",)),
    "second": Piece(
        "found[1] if len(found) > 1 else -1", ("the position of the second element (-1 if there are fewer than two)",)
    ),
    "span": Piece(
        "found[-1] - found[0] if found else 0",
        ("the distance from the first to the last position of elements (0 if there is none)",),
    ),
    "sum": Piece("sum(found)", ("the sum of the positions of all elements",)),
}


def _positions(parameters: Parameters, draws: Draws) -> Kata:
    place, (test, c) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="x", c=c)
    which, wanted = NUMBERS_THAT_ARE[test].say(draws, c=c), _PLACES[place].say(draws)
    final = _PLACES[place].code
    c = c or 2
    lists = [
        around(draws, c, 0, 12, 2)[:5],
        around(draws, c)[:4],
        [],
        [c],
        [c - 1, c],
        [c + 1, c, c + 1],
        [2 * c - 1, 2 * c, 1],
    ]
    lists += (
        [[c - 1], [c, c - 1]] + [around(draws, c) for _ in range(2)] + [draws.numbers(8, 0, 30), [-5, -c, -c - 1, 3]]
    )
    return function_kata(
        draws,
        (
            f"Positions count from 0. Return {wanted} of xs that are {which}.",
            f"Among the elements of xs look at those that are {which}. Return {wanted} of this kind, counting from 0.",
        ),
        "positions(xs)",
        (
            f"found = [i for i, x in enumerate(xs) if {condition}]\nreturn {final}",
            f"found = []\ni = 0\nwhile i < len(xs):\n    x = xs[i]\n    if {condition}:\n        found.append(i)\n    i += 1\nreturn {final}",
        ),
        [(xs,) for xs in lists],
        plan=(f"collect positions in a list, then return {wanted}.", f"Collect i if xs[i] is one of those {which}."),
    )


_STEPS = {
    "sum": Piece("total + x", ("the total plus x",)),
    "difference": Piece("x - total", ("x minus the total",)),
    "product": Piece("total * x", ("the total times x",)),
    "max": Piece("max(total, x)", ("the larger of the total and x",)),
    "decay": Piece("total // 2 + x", ("half of the total, rounded down, plus x",)),
    "clip": Piece("min(total + x, 20)", ("the total plus x, but at most 20",)),
    "floor": Piece("max(total - x, 0)", ("the total minus x, but at least 0",)),
    "digits": Piece("(total * 10 + x) % 97", ("ten times the total plus x, modulo 97",)),
}


def _running(parameters: Parameters, draws: Draws) -> Kata:
    step, result, c, (test, d) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="x", c=d)
    code, words, which = _STEPS[step].code, _STEPS[step].say(draws), NUMBERS_THAT_ARE[test].say(draws, c=d)
    final = {"list": "totals", "last": "totals[-1] if totals else 0", "high": "max(totals, default=0)"}[result]
    wanted = {
        "list": "the list of all totals, one after each step",
        "last": "the last total, or 0 if there was no step",
        "high": "the largest total after any step, or 0 if there was no step",
    }[result]
    d = d or 2
    lists = [
        around(draws, d, 0, 9, 2)[:4],
        around(draws, d, -5, 12, 2)[:5],
        [],
        [d],
        [d - 1],
        [d + 1, d],
        [1, 2, 3, 4, 5],
        [9, 7, 8, 20],
    ]
    lists += [around(draws, d) for _ in range(3)] + [draws.numbers(7, -20, -1), [6, 30, 12, 18, 24]]
    return function_kata(
        draws,
        (
            f"The total is {c} at first. For all x in xs that are {which}, one after the other, it becomes {words}. Return {wanted}.",
            f"Begin with a total of {c}. Each number x of xs makes the total {words}; numbers that are not {which} are passed over. "
            f"Return {wanted}.",
        ),
        "running(xs)",
        (
            f"total = {c}\ntotals = []\nfor x in xs:\n    if {condition}:\n        total = {code}\n        totals.append(total)\nreturn {final}",
            f"totals = [{c}]\nfor x in xs:\n    if not ({condition}):\n        continue\n    totals.append({code.replace('total', 'totals[-1]')})\n"
            f"totals = totals[1:]\nreturn {final}",
        ),
        [(xs,) for xs in lists],
        plan=(
            "go through xs with a running total.",
            f"The total becomes {words}.",
            f"Pass over numbers that are not {which}.",
        ),
        difficulty="medium",
    )


FAMILIES = (
    Family(
        "pairs",
        lambda: combine(_PAIR_RESULTS, _PAIRINGS, with_constants(_PAIR_VALUES, range(2, 8))),
        lambda p: (p[0], p[1], p[2][0]),
        _pairs,
        (200, 20, 20),
        ("lists",),
    ),
    Family(
        "cut-lists",
        lambda: [p for p in combine(*2 * [with_constants(_CUTS, range(2, 6))]) if p[0][0] != p[1][0]],
        lambda p: (p[0][0], p[1][0]),
        _cuts,
        (240, 24, 24),
        ("lists",),
    ),
    Family(
        "two-lists",
        lambda: [
            p for p in combine(("list", "sum", "max"), _ENDS, _TWO_VALUES, range(1, 7)) if p[1] == "fill" or p[3] == 1
        ],
        lambda p: p[:3],
        _two_lists,
        (120, 8, 8),
        ("lists",),
    ),
    Family(
        "positions", lambda: combine(_PLACES, _TESTS), lambda p: (p[0], p[1][0]), _positions, (140, 14, 14), ("lists",)
    ),
    Family(
        "running-total",
        lambda: combine(_STEPS, ("list", "last", "high"), range(1, 4), _TESTS),
        lambda p: (p[0], p[1], p[3][0]),
        _running,
        (240, 24, 24),
        ("lists", "branches"),
    ),
)
