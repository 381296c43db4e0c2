"""Rules with many cases: thresholds, prices, decisions, small classes; two to eight conditionals a solution."""

from __future__ import annotations

import textwrap

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import Piece, combine, function_kata

_LABELS = {
    "letters": ("A", "B", "C", "D", "E", "F"),
    "sizes": ("huge", "large", "medium", "small", "tiny", "none"),
    "colours": ("red", "orange", "yellow", "green", "blue", "grey"),
    "numbers": (5, 4, 3, 2, 1, 0),
}


def _grades(parameters: Parameters, draws: Draws) -> Kata:
    labels, cases, step, special = parameters
    names = _LABELS[labels][-cases:]
    bounds = [step * (cases - 1 - i) for i in range(cases - 1)]
    wrong = {"none": "", "negative": "score < 0", "range": f"score < 0 or score > {step * cases}"}[special]
    rule = {
        "none": "",
        "negative": " A negative score gives None.",
        "range": f" A score below 0 or above {step * cases} gives None.",
    }[special]
    lines = [f"if {wrong}:\n    return None"] if wrong else []
    lines += [f"if score >= {bound}:\n    return {name!r}" for bound, name in zip(bounds, names, strict=False)]
    table = ", ".join(f"({bound}, {name!r})" for bound, name in zip(bounds, names, strict=False))
    ladder = f"for bound, label in [{table}]:\n    if score >= bound:\n        return label\nreturn {names[-1]!r}"
    said = ", ".join(f"{name!r} from {bound}" for bound, name in zip(bounds, names, strict=False))
    scores = [
        bounds[0],
        bounds[-1] - 1,
        *(bound - 1 for bound in bounds),
        *bounds,
        bounds[0] + 1,
        0,
        -1,
        step * cases,
        step * cases + 1,
    ]
    return function_kata(
        draws,
        (
            f"A score is labelled by the first of these that it reaches: {said}; lower ones are {names[-1]!r}.{rule} Return the label.",
            f"Return the label of a whole number score: {said}, and {names[-1]!r} below that.{rule}",
        ),
        "label(score)",
        ("\n".join([*lines, f"return {names[-1]!r}"]), "\n".join([*lines[: bool(wrong)], ladder])),
        [(score,) for score in scores],
        plan=("compare the score with one bound after the other, from the top.", f"{said}.{rule}"),
    )


_AGES = {
    "child": ("age < {a}", "is halved (rounded down) for people younger than {a}", "price //= 2"),
    "baby": ("age < {a}", "is 0 for people younger than {a}", "price = 0"),
    "senior": ("age >= {a} * 10", "is 3 less for people of {a} * 10 or older", "price -= 3"),
    "teen": ("{a} <= age < 20", "is 4 less for people from {a} to 19", "price -= 4"),
}
_DAYS = {
    "weekend": ("day in ('sat', 'sun')", "on 'sat' and 'sun' it is {b} more", "price += {b}"),
    "tuesday": ("day == 'tue'", "on 'tue' it is doubled and then {b} less", "price = 2 * price - {b}"),
    "not-monday": ("day != 'mon'", "on all days but 'mon' it is {b} more", "price += {b}"),
    "friday": ("day == 'fri'", "on 'fri' it is at least {b} * 5", "price = max(price, {b} * 5)"),
}
_MEMBERS = {
    "less": ("member", "members pay {c} less, but not below 0", "price = max(price - {c}, 0)"),
    "cap": ("member", "members pay at most {c}", "price = min(price, {c})"),
    "others": ("not member", "people who are no members pay {c} more", "price += {c}"),
}


def _price(parameters: Parameters, draws: Draws) -> Kata:
    age, day, member, (a, b, c), base = parameters
    rules = [tuple(text.format(a=a, b=b, c=c) for text in rule) for rule in (_AGES[age], _DAYS[day], _MEMBERS[member])]
    said = (
        "; then ".join(words for _, words, _ in rules).replace(f"{a} * 10", str(10 * a)).replace(f"{b} * 5", str(5 * b))
    )
    conditions = [
        (test.replace(f"{a} * 10", str(10 * a)), act.replace(f"{b} * 5", str(5 * b))) for test, _, act in rules
    ]
    body = "".join(f"if {test}:\n    {act}\n" for test, act in conditions)
    chained = "".join(
        f"price = {act.split(' = ')[1] if ' = ' in act else 'price ' + act.split(' ')[1].rstrip('=') + ' ' + act.split(' ')[2]} if {test} else price\n"
        for test, act in conditions
    )
    days = ["mon", "tue", "fri", "sat", "sun"]
    ages = [a - 1, a, 10 * a - 1, 10 * a, 19, 20, 30]
    inputs = [(30, "mon", False), (a - 1, "sat", True), *((n, draws.choice(days), draws.chance(0.5)) for n in ages)]
    inputs += [
        (n, d, m) for n, d, m in zip(draws.shuffled([*ages, 45, 8, 70]), days * 2, [True, False] * 5, strict=True)
    ]
    inputs += [
        (25, "tue", False),
        (25, "fri", False),
        (a, "fri", True),
        (10 * a, "tue", True),
        (25, "wed", False),
        (25, "sun", False),
        (25, "wed", True),
    ]
    return function_kata(
        draws,
        (
            f"A ticket costs {base}. This changes in order: the price {said}. Return the price for an age, a day and whether the person is a member.",
            f"Return what a person pays. The price begins as {base}; it {said}. day is one of 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'.",
        ),
        "price(age, day, member)",
        (f"price = {base}\n{body}return price", f"price = {base}\n{chained}return price"),
        inputs,
        plan=(
            "begin with the base price and apply one rule after the other.",
            *(f"It {words}." for _, words, _ in rules),
        ),
    )


_QUESTIONS = {
    "larger": Piece("a > b", ("a is greater than b",)),
    "even": Piece("a % 2 == 0", ("a is even",)),
    "near": Piece("abs(a - b) < {n}", ("a and b are less than {n} apart",)),
    "sum": Piece("a + b >= {m}", ("a + b is at least {m}",)),
    "multiple": Piece("b % {n} == 0", ("b is divisible by {n}",)),
    "negative": Piece("b < 0", ("b is negative",)),
}
_ANSWERS = (
    ("a + b", "a plus b"),
    ("a - b", "a minus b"),
    ("a * b", "a times b"),
    ("b - a", "b minus a"),
    ("a * a", "a squared"),
    ("max(a, b)", "the larger of a and b"),
    ("2 * b", "twice b"),
    ("-a", "minus a"),
)


def _decision(parameters: Parameters, draws: Draws) -> Kata:
    (first, second, third), depth, n, order = parameters
    m = 3 * n + 1
    answers = [_ANSWERS[(order + 3 * i) % len(_ANSWERS)] for i in range(2**depth)]
    tests = [_QUESTIONS[name].code.format(n=n, m=m) for name in (first, second, third)[:depth]]
    said = [_QUESTIONS[name].say(draws, n=n, m=m) for name in (first, second, third)[:depth]]

    def code(level: int, choices: list[tuple[str, str]]) -> str:
        if level == depth:
            return f"return {choices[0][0]}"
        half = len(choices) // 2
        yes, no = (textwrap.indent(code(level + 1, part), "    ") for part in (choices[:half], choices[half:]))
        return f"if {tests[level]}:\n{yes}\nelse:\n{no}"

    def words(level: int, choices: list[tuple[str, str]]) -> str:
        if level == depth:
            return choices[0][1]
        half = len(choices) // 2
        yes, no = words(level + 1, choices[:half]), words(level + 1, choices[half:])
        return (
            f"if {said[level]}: {yes}; else: {no}" if level + 1 == depth else f"if {said[level]}: ({yes}); else: ({no})"
        )

    cases = "".join(
        f"if {' and '.join(test if i >> (depth - 1 - level) & 1 == 0 else f'not {test}' for level, test in enumerate(tests))}:\n    return {answer}\n"
        for i, (answer, _) in enumerate(answers)
    )
    inputs = [(4, 2), (3, 8), *((a, b) for a in (0, 1, 5, 6) for b in (-n, 0, n + 1))]
    inputs += [
        (m - 4, 4),
        (m - 5, 4),
        (4, 4 + n),
        (4, 4 - n),
        (5 + n, 5),
        (4, 5 - n),
        (4 + n, 4),
        (7, 7),
        (-3, n),
        (-2, 2 * n),
        (9, -n - 1),
        (-4, -2),
        (-7, -9),
    ]
    inputs += [
        (m, n - 1),
        (m + 1, 2 * n),
        (2 * n, 3 * n),
        (2, -1),
        (3, -1),
        (8, 8 + n),
        (9, 9 - n),
        (8 - n, 8),
        (7, 8 - n),
    ]
    return function_kata(
        draws,
        (f"Return, for whole numbers a and b, {words(0, answers)}.", f"Decide what to return: {words(0, answers)}."),
        "decide(a, b)",
        (code(0, answers), cases.rstrip()),
        inputs,
        plan=("ask one question after the other and return what the answers lead to.", f"{words(0, answers)}."),
        difficulty=("medium", "hard")[depth - 2],
    )


def _decisions() -> list[Parameters]:
    """Three different questions, of which `depth` are asked; what is not used does not vary."""
    kept: dict[Parameters, Parameters] = {}
    for parameters in combine(combine(*3 * [_QUESTIONS]), (2, 3), (3, 4, 5), range(4)):
        questions, depth, n, order = parameters
        if len(set(questions)) == 3:
            asked = questions[:depth]
            constant = n if any("{" in _QUESTIONS[name].code for name in asked) else None
            kept.setdefault((asked, depth, constant, order), parameters)
    return list(kept.values())


_OPERATIONS = {
    "push": ("self.items.append(value)", "'push' adds value at the end of the list"),
    "clear": ("self.items = [x for x in self.items if x != value]", "'clear' removes every element equal to value"),
    "bump": ("self.items = [x + value for x in self.items]", "'bump' adds value to every element"),
    "limit": ("self.items = self.items[-value:] if value else []", "'limit' keeps the last value elements only"),
    "swap": ("if len(self.items) > value:\n        self.items[0], self.items[value] = self.items[value], self.items[0]", "'swap' exchanges the first element with the one at position value (if there is one)"),
    "double": ("self.items += [2 * value, value]", "'double' adds twice value and then value at the end"),
}  # fmt: skip
_QUERIES = {
    "weighted": (
        "sum(i * x for i, x in enumerate(self.items))",
        "the sum of each element times its position, which counts from 0",
    ),
    "list": ("self.items", "the list"),
    "size": (
        "len(self.items) * 10 + len(set(self.items))",
        "ten times the length of the list plus its number of different elements",
    ),
    "range": (
        "max(self.items) - min(self.items) if self.items else 0",
        "the largest minus the smallest element (0 for an empty list)",
    ),
}


def _class(parameters: Parameters, draws: Draws) -> Kata:
    (one, two), query, first_items = parameters
    start = list(first_items)
    names = ["push", one, two]
    answer, wanted = _QUERIES[query]
    said = "; ".join(_OPERATIONS[name][1] for name in names)
    arms = "".join(
        f"{'el' if i else ''}if name == {name!r}:\n    {_OPERATIONS[name][0]}\n" for i, name in enumerate(names)
    )
    starter = "class Solution:\n    def run(self, commands):"
    first = (
        f"{starter}\n        self.items = {start!r}\n        for name, value in commands:\n"
        f"            self.apply(name, value)\n        return {answer}\n\n    def apply(self, name, value):\n"
        + textwrap.indent(arms.rstrip(), "        ")
    )
    second = (
        f"{starter}\n        self.items = list({first_items!r})\n        for name, value in commands:\n"
        + textwrap.indent(arms.rstrip(), "            ")
        + f"\n        return {answer}"
    )

    def commands(count: int) -> list[list[object]]:
        return [[draws.choice([*names, "push"]), draws.between(0, 5)] for _ in range(count)]

    inputs: list[list[list[object]]] = [
        [["push", 4], [one, 2], [two, 1]],
        commands(4),
        [],
        [[one, 1]],
        [[two, 1]],
        [["push", 3]],
    ]
    inputs += [
        [["push", n] for n in (5, 2, 5, 1)] + [[two, 2], [one, 2]],
        [["push", n] for n in (2, 2, 3)] + [[one, 3], [two, 3], [one, 2]],
    ]
    inputs += [
        [["push", n] for n in (1, 7)] + [[one, 0], [two, 0]],
        commands(5),
        commands(6),
        commands(8),
        commands(10),
        commands(14),
    ]
    inputs += [[[name, value]] for name in (one, two) for value in (0, 2, 3)]
    inputs += [[[name, 1], [name, 6]] for name in (one, two)] + [
        [*(["push", n] for n in (5, 2, 5, 1)), [two, 1], [one, 1]]
    ]
    statements = (
        f"Complete the class: run starts with the list {start} and obeys commands, [name, value] each: {said}. It returns {wanted}.",
        f"The method run keeps a list, {start} at first, and changes it by commands of a name and a value: {said}. At the end it returns {wanted}.",
    )
    return Kata(
        statement=draws.choice(statements),
        references=(first, second),
        inputs=tuple((item,) for item in inputs),
        starter=starter,
        entry_point="Solution.run",
        plan=(
            "Define the class Solution: run sets up the list and applies the commands in order.",
            f"{said}.",
            f"Return {wanted}.",
        ),
        public=2,
        difficulty="medium",
    )


FAMILIES = (
    Family(
        "labels",
        lambda: combine(_LABELS, range(3, 7), (5, 10, 15, 20), ("none", "negative", "range")),
        lambda p: p[:3],
        _grades,
        (140, 18, 18),
        ("branches",),
    ),
    Family(
        "ticket-price",
        lambda: combine(_AGES, _DAYS, _MEMBERS, combine((4, 5, 6), (2, 3), (3, 5)), (9, 14)),
        lambda p: p[:3],
        _price,
        (240, 24, 24),
        ("branches",),
    ),
    Family(
        "decisions",
        _decisions,
        lambda p: p[0][0:2],
        _decision,
        (240, 24, 24),
        ("branches",),
    ),
    Family(
        "command-class",
        lambda: combine(
            [(a, b) for a in _OPERATIONS for b in _OPERATIONS if a != b and "push" not in (a, b)],
            _QUERIES,
            ((), (3,), (1, 6)),
        ),
        lambda p: p[:2],
        _class,
        (180, 20, 20),
        ("branches", "classes"),
    ),
)
