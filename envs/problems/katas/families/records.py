"""Lists of records, three sets at once, codes of letters and numbers, small classes with a limit."""

from __future__ import annotations

import textwrap

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import combine, function_kata

_JOINED = {"and": ("&", "also in"), "or": ("|", "or in"), "minus": ("-", "but not in")}
_SIZES = {"even": ("x % 2 == 0", " and are even"), "above": ("x > {c}", " and are greater than {c}"), "odd": ("x % 2 == 1", " and are odd"), "below": ("x < {c}", " and are less than {c}")}  # fmt: skip


def _three_sets(parameters: Parameters, draws: Draws) -> Kata:
    one, two, kept, c = parameters
    (first, said_first), (second, said_second) = _JOINED[one], _JOINED[two]
    test, which = (text.format(c=c) for text in _SIZES[kept])
    asks = {"and": "{a} and {b}", "or": "{a} or {b}", "minus": "{a} and not {b}"}
    inner = asks[one].format(a="x in xs", b="x in ys")
    asked = asks[two].format(a=f"({inner})", b="x in zs")
    near = [c - 1, c, c + 1, 1, 2, 3]
    inputs = [
        ([1, 2, 3, 8], [2, 3, 9], [3, 8, 5]),
        ([c, c + 1], [c + 1], [c - 1, c]),
        ([], [], []),
        ([7], [], []),
        ([], [7], []),
        ([], [], [7]),
    ]
    inputs += [([9, 11], [9, 11], [9]), ([5, 9], [9], []), ([9, 9], [5], [9, 5])]
    inputs += [tuple([*draws.sample(near, 3), *draws.numbers(4, 0, 12)] for _ in range(3)) for _ in range(6)]  # type: ignore[misc]
    return function_kata(
        draws,
        (
            f"Return the sorted list of the different numbers that are in xs {said_first} ys; of these, or beside these, take {{}} zs{which}.".format(
                {"and": "those also in", "or": "also all in", "minus": "those not in"}[two]
            ),
            f"Take the numbers in xs {said_first} ys, then of the result {said_second} zs (as sets, from left to right). Return, sorted, those that are there{which}.",
        ),
        "members(xs, ys, zs)",
        (
            f"found = (set(xs) {first} set(ys)) {second} set(zs)\nreturn sorted(x for x in found if {test})",
            f"found = []\nfor x in sorted(set(xs + ys + zs)):\n    if ({asked}) and {test}:\n        found.append(x)\nreturn found",
        ),
        inputs,
        plan=("make sets and join them from left to right.", f"Keep those that are there{which}, sorted."),
    )  # fmt: skip


_TOTALS = {
    "sum": ("found.get(key, 0) + value", "the sum of the values"),
    "count": ("found.get(key, 0) + 1", "the number of records"),
    "largest": ("max(found.get(key, value), value)", "the largest value"),
    "last": ("value", "the last value"),
}
_FIELDS = (("name", "city"), ("city", "name"))


def _totals(parameters: Parameters, draws: Draws) -> Kata:
    total, by, least = parameters
    code, said = _TOTALS[total]
    key, _ = _FIELDS[by]
    rows = [
        [("ann", "rome", 3), ("bob", "oslo", 5), ("ann", "oslo", least)],
        [("cy", "rome", least - 1)],
        [],
        [("cy", "bonn", least)],
    ]
    rows += [
        [
            ("ann", "rome", least + 1),
            ("ann", "rome", least - 1),
            ("bob", "rome", least),
            ("bob", "oslo", least + 3),
            ("bob", "oslo", least + 1),
        ]
    ]
    rows += [
        [(draws.choice(("ann", "bob", "cy")), draws.choice(("rome", "oslo")), draws.between(-2, 12)) for _ in range(n)]
        for n in (3, 4, 5, 6, 8)
    ]
    return function_kata(
        draws,
        (
            f"rows is a list of records (name, city, value). Of those with a value of at least {least}, return a dictionary from each {key} to {said}.",
            f"Group the records (name, city, value) by {key}, leaving out values below {least}, and return {said} of each group in a dictionary.",
        ),
        "totals(rows)",
        (
            f"found = {{}}\nfor name, city, value in rows:\n    if value >= {least}:\n        key = {key}\n        found[key] = {code}\nreturn found",
            f"found = {{}}\nfor row in rows:\n    key, value = row[{by}], row[2]\n    if not value < {least}:\n        found[key] = {code}\nreturn found",
        ),
        [(row,) for row in rows],
        plan=(f"keep a dictionary by {key}.", f"Skip values below {least}.", f"Return {said} for each."),
    )  # fmt: skip


_CODES = {
    "repeat": ("letter * number", "the letter, repeated that often"),
    "tag": ("letter.upper() + str(number + {c})", "the letter in upper case and the number plus {c}"),
    "times": ("letter + str(number * {c})", "the letter and {c} times the number"),
    "parity": ("(letter if number % 2 == 0 else letter.upper())", "the letter, in upper case if the number is odd"),
}
_SEPARATORS = {"comma": ",", "semicolon": ";", "dash": "-"}


def _codes(parameters: Parameters, draws: Draws) -> Kata:
    rule, separator, limit, c = parameters
    sign = _SEPARATORS[separator]
    code, said = (text.format(c=c) for text in _CODES[rule])
    texts = [
        ["a3", "b12"],
        ["x0"],
        [],
        [f"k{limit}", f"m{limit + 1}", f"n{limit - 1}"],
        ["z1", "z1"],
        ["a2", "b3", "c4", "d5"],
    ]
    texts += [[draws.choice("abcxyz") + str(draws.between(0, limit + 6)) for _ in range(n)] for n in (2, 3, 4, 5, 7)]
    return function_kata(
        draws,
        (
            f"text is made of parts like b12, a letter and a number, with {sign!r} between them ('' has no part). Return one string: for each part "
            f"{said}; parts with a number above {limit} are left out.",
            f"Read the parts between {sign!r} in text, each a letter followed by a number. Skip those with a number greater than {limit}; for the others "
            f"write {said}, one behind the other. The empty text gives ''.",
        ),
        "decode(text)",
        (
            f"result = ''\nif not text:\n    return result\nfor part in text.split({sign!r}):\n    letter, number = part[0], int(part[1:])\n"
            f"    if number <= {limit}:\n        result += {code}\nreturn result",
            f"parts = [(part[0], int(part[1:])) for part in text.split({sign!r}) if part]\n"
            f"return ''.join({code} for letter, number in parts if not number > {limit})",
        ),
        [(sign.join(parts),) for parts in texts],
        plan=(f"split the text at {sign!r}.", f"Leave out numbers above {limit}.", f"Write {said}."),
        difficulty="medium",
    )  # fmt: skip


_FULL = {
    "oldest": ("self.items.pop(0)\n                self.items.append(value)", "the oldest one goes and the value comes to the end"),
    "refuse": ("self.lost += 1", "it is refused"),
    "clear": ("self.items = [value]", "all of them go and the value is the only one"),
    "replace": ("self.items[-1] = value", "it takes the place of the newest one"),
}  # fmt: skip
_ASKED = {
    "items": ("self.items", "the list of the values in the buffer, oldest first"),
    "sum": ("sum(self.items) - self.lost", "the sum of the values in the buffer minus the number of values that were refused"),
    "ends": ("self.items[:1] + self.items[-1:] + [self.lost]", "a list of the oldest value, the newest one (neither if there is none), and the number of values that were refused"),
}  # fmt: skip


def _buffer(parameters: Parameters, draws: Draws) -> Kata:
    full, asked, size, least = parameters
    act, said = _FULL[full]
    answer, wanted = _ASKED[asked]
    starter = "class Solution:\n    def run(self, values):"
    rule = f"A value below {least} is ignored. If there are {size} values already, then for another one {said}."
    first = f"self.items = []\nself.lost = 0\nfor value in values:\n    if value >= {least}:\n        self.add(value)\nreturn {answer}"
    add = f"if len(self.items) < {size}:\n    self.items.append(value)\nelse:\n    {textwrap.dedent(act).replace('                ', '    ')}"
    second = (
        f"self.items, self.lost = [], 0\nfor value in values:\n    if value < {least}:\n        continue\n"
        f"    if len(self.items) == {size}:\n        {act.replace('                ', '        ')}\n    else:\n        self.items += [value]\nreturn {answer}"
    )
    indent = textwrap.indent
    lists = [
        [4, 5, 9],
        [least - 1, least, 7],
        [],
        [8] * size,
        [8, 6] * size,
        [least],
        [3, least - 1, 5, 6, 7, 8, 9, 10],
    ]
    lists += [draws.numbers(n, -2, 12) for n in (5, 7, 9, 12)] + [
        list(range(4, 4 + size + 1)),
        list(range(20, 14 - size, -1)),
    ]
    return Kata(
        statement=draws.choice(
            (
                f"Complete the class: run puts the values into a buffer, one after the other. {rule} It returns {wanted}.",
                f"The class keeps a buffer of at most {size} values. {rule} After all values, run returns {wanted}.",
            )
        ),
        references=(
            f"{starter}\n{indent(first, ' ' * 8)}\n\n    def add(self, value):\n{indent(add, ' ' * 8)}",
            f"{starter}\n{indent(second, ' ' * 8)}",
        ),
        inputs=tuple((values,) for values in lists),
        starter=starter,
        entry_point="Solution.run",
        plan=("Define the class Solution: run keeps a list and puts in the values.", rule, f"Return {wanted}."),
        public=2,
        difficulty="medium",
    )


FAMILIES = (
    Family("three-sets", lambda: [p for p in combine(_JOINED, _JOINED, _SIZES, range(3, 9)) if p[3] == 3 or p[2] in ("above", "below")], lambda p: p[:3], _three_sets, (80, 8, 8), ("sets",)),
    Family("record-totals", lambda: combine(_TOTALS, range(2), range(2, 9)), lambda p: p, _totals, (44, 6, 5), ("dicts",)),
    Family("letter-codes", lambda: [p for p in combine(_CODES, _SEPARATORS, range(4, 9), range(2, 5)) if p[3] == 2 or p[0] in ("tag", "times")], lambda p: p[:3], _codes, (90, 8, 8), ("parsing",)),
    Family("buffer-class", lambda: combine(_FULL, _ASKED, range(2, 6), range(1, 4)), lambda p: p[:3], _buffer, (100, 12, 12), ("classes", "simulation")),
)  # fmt: skip
