"""Dictionaries and sets: counting, grouping, changing and merging, set algebra."""

from __future__ import annotations

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import (
    NUMBERS_THAT_ARE,
    Piece,
    combine,
    function_kata,
    with_constants,
)

_NAMES = ["ann", "bob", "cy", "dora", "eve", "finn", "gus", "hal"]

_OFTEN = {
    "at-least": Piece("n >= {c}", ("at least {c} times",)),
    "more": Piece("n > {c}", ("more than {c} times",)),
    "exactly": Piece("n == {c}", ("exactly {c} times",)),
    "less": Piece("n < {c}", ("fewer than {c} times",)),
    "even": Piece("n % 2 == 0", ("an even number of times",)),
    "not": Piece("n != {c}", ("any number of times but {c}",)),
}
_COUNT_RESULTS = {
    "keys": Piece("sorted({d})", ("the list, sorted, of the items",)),
    "dict": Piece("{d}", ("a dictionary from item to how often it occurs, for the items",)),
    "number": Piece("len({d})", ("how many different items there are",)),
    "total": Piece("sum({d}.values())", ("how many elements of the list are items",)),
    "inverse": Piece(
        "[x for x in items if x in {d}]", ("the list, in the old order and with repetitions, of the items",)
    ),
    "first": Piece("next(iter({d}), '')", ("the first item (the empty string if there is none) of those",)),
}


def _count(parameters: Parameters, draws: Draws) -> Kata:
    result, (often, c) = parameters
    condition, words = _OFTEN[often].code.format(c=c), _OFTEN[often].say(draws, c=c)
    wanted, final = _COUNT_RESULTS[result].say(draws), _COUNT_RESULTS[result].code.format(d="kept")
    c = c or 2
    fixed = [
        "ba" * 2 + "c",
        draws.word("abc", 6),
        "",
        "a",
        "a" * c + "b",
        "b" + "a" * (c + 1),
        "c" * (c - 1) + "d" * c + "a",
    ]
    fixed += [
        draws.word("abc", 9),
        draws.word("abcd", 14),
        "x" * 2 * c + "y" * c + "z" * (c - 1) + "y",
        draws.word("ab", 11),
    ]
    return function_kata(
        draws,
        (
            f"items is a list of strings. Return {wanted} that occur {words}.",
            f"Count how often each string occurs in the list items. Return {wanted} that occur {words}.",
        ),
        "count(items)",
        (
            "counts = {}\nfor x in items:\n    counts[x] = counts.get(x, 0) + 1\n"
            f"kept = {{x: n for x, n in counts.items() if {condition}}}\nreturn {final}",
            "kept = {}\nfor x in dict.fromkeys(items):\n    n = items.count(x)\n"
            f"    if {condition}:\n        kept[x] = n\nreturn {final}",
        ),
        [(list(text),) for text in fixed],
        plan=("count the items in a dictionary, keep some, return the answer.", f"Keep those that occur {words}."),
    )


_KEYS = {
    "length": ("len(w)", "their length"),
    "initial": ("w[0]", "their first letter"),
    "final": ("w[-1]", "their last letter"),
    "vowels": ("sum(c in 'aeiou' for c in w)", "how many vowels (a, e, i, o, u) they have"),
    "parity": ("len(w) % 2", "the remainder of their length by 2"),
    "thirds": ("len(w) % 3", "the remainder of their length by 3"),
    "smallest": ("min(w)", "their alphabetically smallest letter"),
    "variety": ("len(set(w))", "how many different letters they have"),
}
_GROUP_VALUES = {
    "list": Piece("{g}", ("the list of its words in order",)),
    "count": Piece("len({g})", ("the number of its words",)),
    "letters": Piece("sum(map(len, {g}))", ("the number of letters in its words",)),
    "first": Piece("{g}[0]", ("its first word",)),
    "last": Piece("{g}[-1]", ("its last word",)),
    "longest": Piece("max(map(len, {g}))", ("the length of its longest word",)),
    "joined": Piece("'+'.join({g})", ("its words joined by '+'",)),
    "least": Piece("min({g})", ("its word that is first in alphabetical order",)),
}


def _group(parameters: Parameters, draws: Draws) -> Kata:
    (key, value), least = parameters
    code, by = _KEYS[key]
    final, words = _GROUP_VALUES[value].code.format(g="group"), _GROUP_VALUES[value].say(draws)
    only = f" Leave out groups with fewer than {least} words." if least > 1 else ""
    condition = f" if len(group) >= {least}" if least > 1 else ""
    some = [
        "apple",
        "ant",
        "bee",
        "bear",
        "cow",
        "eel",
        "tree",
        "toe",
        "book",
        "noon",
        "area",
        "level",
        "ebb",
        "at",
        "tot",
        "bat",
    ]
    lists = [
        draws.sample(some, 4),
        draws.sample(some, 5),
        [],
        ["ant"],
        ["bee", "bat", "bear"],
        some,
        ["toe", "toe", "tot"],
    ]
    lists += [draws.sample(some, n) for n in (6, 8, 10, 12)] + [some[::-1], ["ant", "apple", "at", "area"]]
    return function_kata(
        draws,
        (
            f"Group the words by {by}. Return a dictionary from that to, for each group, {words}.{only}",
            f"Return a dictionary: the keys are what words are grouped by, {by}; the value of a group is {words}.{only}",
        ),
        "group(words)",
        (
            f"groups = {{}}\nfor w in words:\n    groups.setdefault({code}, []).append(w)\n"
            f"return {{key: {final} for key, group in groups.items(){condition}}}",
            f"found = {{}}\nfor key in [{code} for w in words]:\n    group = [w for w in words if {code} == key]\n"
            f"    if len(group) >= {least}:\n        found[key] = {final}\nreturn found",
        ),
        [(words_,) for words_ in lists],
        plan=(f"collect the words in a dictionary by {by}, then make a value of each group.", f"The value is {words}."),
        difficulty="medium",
    )


_DICT_RESULTS = {
    "sum": Piece("sum({d}.values())", ("the sum of the values",)),
    "values": Piece("sorted({d}.values())", ("the sorted list of the values",)),
    "dict": Piece("{d}", ("the dictionary",)),
    "best": Piece("max({d}, key=lambda k: ({d}[k], k), default='')", ("the name with the largest value (of equal ones the last in the alphabet, '' if there is none)",)),
    "pairs": Piece("sorted((v, k) for k, v in {d}.items())", ("the sorted list of (value, name) tuples",)),
    "weighted": Piece("sum(v * len(k) for k, v in {d}.items())", ("the sum of each value times the length of its name, for the entries",)),
}  # fmt: skip
_DICT_CHANGES = {
    "plus": Piece("v + {c}", ("raised by {c}",)),
    "times": Piece("v * {c}", ("multiplied by {c}",)),
    "cap": Piece("min(v, {c})", ("lowered to {c} where they are larger",)),
    "gap": Piece("abs(v - {c})", ("replaced by their distance from {c}",)),
    "rest": Piece("v % {c}", ("replaced by their remainder by {c}",)),
}


def _scores(parameters: Parameters, draws: Draws) -> Kata:
    result, (change, c), (test, d) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="v", c=d)
    new, changed = _DICT_CHANGES[change].code.format(c=c), _DICT_CHANGES[change].say(draws, c=c)
    which, wanted = NUMBERS_THAT_ARE[test].say(draws, c=d), _DICT_RESULTS[result].say(draws)
    final = _DICT_RESULTS[result].code.format(d="kept")
    d = d or 4

    def some(count: int, low: int = 0, high: int = 12) -> dict[str, int]:
        return dict(zip(draws.sample(_NAMES, count), draws.numbers(count, low, high), strict=True))

    edges = {"bob": d, "ann": d + 1, "cy": d - 1, "eve": 2 * d, "gus": c, "dora": c + 1, "hal": c - 1}
    inputs = [
        some(3),
        some(4),
        {},
        {"ann": d},
        {"eve": d - 1},
        {"cy": d + 1, "bob": d},
        edges,
        some(6),
        some(8, -9, 20),
        some(7, 0, 6),
    ]
    inputs += [{"hal": c, "finn": c + 1, "bob": c}, some(5, 5, 40)]
    return function_kata(
        draws,
        (
            f"scores maps names to whole numbers. Keep the entries whose values are {which}; the kept values are then {changed}. "
            f"Of the result, return {wanted}.",
            f"Of the dictionary scores use only the entries with values that are {which}, with values {changed}. Return {wanted} of these.",
        ),
        "scores(scores)",
        (
            f"kept = {{k: {new} for k, v in scores.items() if {condition}}}\nreturn {final}",
            f"kept = {{}}\nfor k, v in scores.items():\n    if {condition}:\n        kept[k] = {new}\nreturn {final}",
        ),
        [(item,) for item in inputs],
        plan=("make a new dictionary and return the answer from it.", f"Keep values that are {which}, {changed}."),
    )


_CLASHES = {
    "sum": ("a[k] + b[k]", "the sum of both values"),
    "max": ("max(a[k], b[k])", "the larger value"),
    "first": ("a[k]", "the value in a"),
    "second": ("b[k]", "the value in b"),
    "difference": ("a[k] - b[k]", "the value in a minus the value in b"),
    "product": ("a[k] * b[k]", "the product of the values"),
}
_LONE = {
    "keep": ("{v}", "keep their value"),
    "drop": ("", "are left out"),
    "negate": ("-{v}", "get minus their value"),
    "zero": ("0", "get the value 0"),
    "double": ("2 * {v}", "get twice their value"),
}


def _merge(parameters: Parameters, draws: Draws) -> Kata:
    clash, lone_a, lone_b = parameters
    both, words = _CLASHES[clash]
    (code_a, words_a), (code_b, words_b) = _LONE[lone_a], _LONE[lone_b]
    arms = f"    if k in a and k in b:\n        merged[k] = {both}\n"
    arms += f"    elif k in a:\n        merged[k] = {code_a.format(v='a[k]')}\n" if code_a else ""
    arms += (f"    elif k not in a:\n        merged[k] = {code_b.format(v='b[k]')}\n") if code_b else ""
    updates = f"merged = {{k: {both} for k in a if k in b}}\n"
    updates += f"merged.update({{k: {code_a.format(v='a[k]')} for k in a if k not in b}})\n" if code_a else ""
    updates += f"merged.update({{k: {code_b.format(v='b[k]')} for k in b if k not in a}})\n" if code_b else ""

    def some(count: int) -> dict[str, int]:
        return dict(zip(draws.sample(_NAMES, count), draws.numbers(count, -5, 20), strict=True))

    inputs = [
        ({"ann": 3, "bob": 5}, {"bob": 2, "cy": 4}),
        (some(3), some(3)),
        ({}, {}),
        ({"ann": 1}, {}),
        ({}, {"bob": 6}),
    ]
    inputs += [
        ({"ann": 0}, {"ann": 7}),
        (some(5), some(5)),
        (some(8), some(2)),
        (some(2), some(8)),
        (some(6), some(6)),
        ({"cy": -4}, {"cy": -4}),
    ]
    return function_kata(
        draws,
        (
            f"Merge the dictionaries a and b. Keys of both get {words}; keys of a alone {words_a}; keys of b alone {words_b}.",
            f"Return one dictionary made of a and b: where both have a key, {words}; keys that only a has {words_a}, and those that "
            f"only b has {words_b}.",
        ),
        "merge(a, b)",
        (f"merged = {{}}\nfor k in list(a) + list(b):\n{arms}return merged", f"{updates}return merged"),
        inputs,
        plan=("go through all keys and decide where each is.", f"In both: {words}. In a: {words_a}. In b: {words_b}."),
        difficulty="medium",
    )


_SET_OPERATIONS = {
    "union": ("set(xs) | set(ys)", "in xs or in ys"),
    "both": ("set(xs) & set(ys)", "in xs and in ys"),
    "only": ("set(xs) - set(ys)", "in xs but not in ys"),
    "either": ("set(xs) ^ set(ys)", "in exactly one of xs and ys"),
    "other": ("set(ys) - set(xs)", "in ys but not in xs"),
}
_SET_RESULTS = {
    "sorted": Piece("sorted({s})", ("the sorted list of",)),
    "count": Piece("len({s})", ("the number of",)),
    "sum": Piece("sum({s})", ("the sum of",)),
    "set": Piece("{s}", ("the set of",)),
    "max": Piece("max({s}, default=0)", ("the largest (0 if there is none) of",)),
}


def _sets(parameters: Parameters, draws: Draws) -> Kata:
    result, operation, (test, c) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="x", c=c)
    which, wanted = NUMBERS_THAT_ARE[test].say(draws, c=c), _SET_RESULTS[result].say(draws)
    code, where = _SET_OPERATIONS[operation]
    final = _SET_RESULTS[result].code.format(s="kept")
    c = c or 4
    edges = [c - 1, c, c + 1, 2 * c, 1]
    inputs = [
        ([1, 2, c, 5], [2, c + 1, 5, 8]),
        (draws.numbers(5, 0, 9), draws.numbers(5, 0, 9)),
        ([], []),
        (edges, []),
        ([], edges),
        (edges, edges),
    ]
    inputs += [
        ([c, c, c - 1], [c + 1, 3]),
        ([c + 1], [c, c - 1]),
        (draws.numbers(9, 0, 12), draws.numbers(9, 0, 12)),
        (draws.numbers(8, -9, 9), edges),
    ]
    inputs += [(edges, draws.numbers(8, -9, 9)), (draws.numbers(12, 0, 30), draws.numbers(12, 0, 30))]
    return function_kata(
        draws,
        (
            f"Return {wanted} the different numbers that are {where} and are {which}.",
            f"xs and ys are lists of numbers. Take the distinct numbers {where}, keep those that are {which}, and return {wanted} them.",
        ),
        "members(xs, ys)",
        (
            f"kept = {{x for x in {code} if {condition}}}\nreturn {final}",
            f"kept = set()\nfor x in {code}:\n    if {condition}:\n        kept.add(x)\nreturn {final}",
        ),
        inputs,
        plan=(
            f"make the set of the numbers {where}, keep some, return {wanted} them.",
            f"Keep those that are {which}.",
        ),
    )


_TESTS = with_constants(NUMBERS_THAT_ARE)

FAMILIES = (
    Family(
        "count-items",
        lambda: combine(_COUNT_RESULTS, with_constants(_OFTEN, range(2, 7))),
        lambda p: (p[0], p[1][0]),
        _count,
        (110, 10, 10),
        ("dicts",),
    ),
    Family(
        "group-words",
        lambda: combine(combine(_KEYS, _GROUP_VALUES), range(1, 4)),
        lambda p: p[0],
        _group,
        (130, 15, 15),
        ("dicts",),
    ),
    Family(
        "change-scores",
        lambda: combine(_DICT_RESULTS, with_constants(_DICT_CHANGES, range(2, 7)), _TESTS),
        lambda p: (p[0], p[1][0], p[2][0]),
        _scores,
        (240, 24, 24),
        ("dicts",),
    ),
    Family(
        "merge-dicts",
        lambda: combine(_CLASHES, _LONE, _LONE),
        lambda p: p,
        _merge,
        (110, 14, 14),
        ("dicts", "branches"),
    ),
    Family(
        "set-members",
        lambda: combine(_SET_RESULTS, _SET_OPERATIONS, _TESTS),
        lambda p: (p[0], p[1], p[2][0]),
        _sets,
        (200, 20, 20),
        ("sets",),
    ),
)
