"""Functions that call themselves: recurrences, trees of lists, halves of lists, ways to climb."""

from __future__ import annotations

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import combine, function_kata


def _recurrence(parameters: Parameters, draws: Draws) -> Kata:
    a, b, c, first, second = parameters
    rule = f"{a} * f(n - 1) + {b} * f(n - 2) + {c}"
    said = f"{a} times the term before plus {b} times the one before that plus {c}"
    return function_kata(
        draws,
        (
            f"Term 0 is {first}, term 1 is {second}, and every later term is {said}. Return term n (n >= 0).",
            f"A sequence begins with {first}, {second}; then each term is {said}. Counting from 0, return term n.",
        ),
        "f(n)",
        (
            f"if n == 0:\n    return {first}\nif n == 1:\n    return {second}\nreturn {rule}",
            f"x, y = {first}, {second}\nfor _ in range(n):\n    x, y = y, {a} * y + {b} * x + {c}\nreturn x",
        ),
        [(n,) for n in (2, 3, 0, 1, 4, 5, 6, 7, 9, 11)],
        plan=("give the first two terms, else call f for the two before.", f"A later term is {said}."),
    )


_LEAVES = {
    "sum": ("item", "0", "total + {v}", "the sum of {w}", "all its numbers"),
    "count": ("1", "0", "total + {v}", "how many numbers there are", ""),
    "largest": ("item", "0", "max(total, {v})", "the largest of {w}, 0 if that is negative or there is none", "all its numbers"),
    "squares": ("item * item", "0", "total + {v}", "the sum of the squares of {w}", "all its numbers"),
}  # fmt: skip
_KEPT = {
    "odd": ("item % 2 == 1", " that are odd"),
    "even": ("item % 2 == 0", " that are even"),
    "above": ("item > {c}", " that are greater than {c}"),
    "deep": ("depth > {d}", ", lists within {d} or more lists alone counting"),
}


def _tree(parameters: Parameters, draws: Draws) -> Kata:
    leaf, kept, c = parameters
    value, start, join, said, _ = _LEAVES[leaf]
    test, which = (text.format(c=c, d=c % 3 + 1) for text in _KEPT[kept])
    if kept == "deep":
        which = f" that stand in at least {c % 3 + 1} lists within items"
    wanted = said.format(w=f"all numbers in items{which}") if "{w}" in said else f"{said} in items{which}"
    inner = "max(total, tree(item, depth + 1))" if leaf == "largest" else "total + tree(item, depth + 1)"
    first = (
        f"total = {start}\nfor item in items:\n    if isinstance(item, list):\n        total = {inner}\n"
        f"    elif {test}:\n        total = {join.format(v=value)}\nreturn total"
    )
    second = (
        f"total = {start}\nstack = [(item, depth) for item in items]\nwhile stack:\n    item, depth = stack.pop()\n"
        f"    if isinstance(item, list):\n        stack += [(inner, depth + 1) for inner in item]\n"
        f"    elif {test}:\n        total = {join.format(v=value)}\nreturn total"
    )

    def items(depth: int) -> list[object]:
        size = draws.between(1, 4)
        return [items(depth - 1) if depth and draws.chance(0.4) else draws.between(-3, 12) for _ in range(size)]

    fixed: list[object] = [
        [1, [2, [3, [4, [6]]]]],
        [5, [c, c + 1], 8],
        [],
        [[]],
        [c],
        [[[c + 1, -2], c - 1]],
        [[7], 4, [[9]]],
    ]
    return function_kata(
        draws,
        (
            f"items is a list of numbers and of lists, which hold numbers and lists again. Return {wanted}. Call tree with items alone.",
            f"Return {wanted}; items is a list that nests numbers in lists to any depth. The parameter depth begins as 0.",
        ),
        "tree(items, depth=0)",
        (first, second),
        [(item,) for item in [*fixed, *(items(3) for _ in range(7))]],
        plan=("go through items; call tree for a list, one level deeper.", f"Return {wanted}."),
        difficulty="medium",
    )  # fmt: skip


_HALVES = {
    "difference": ("left - right", "the result for the first half minus that for the second"),
    "double": ("2 * left + right", "twice the result for the first half plus that for the second"),
    "largest": ("max(left, right) + 1", "one more than the larger of the results for both halves"),
    "product": ("left * right", "the product of the results for both halves"),
    "smaller": ("min(left, right + 2)", "the smaller of the result for the first half and that for the second plus 2"),
}


def _halves(parameters: Parameters, draws: Draws) -> Kata:
    name, empty, plus = parameters
    code, said = _HALVES[name]
    more = f" plus {plus}" if plus else ""
    one = f"xs[0] + {plus}" if plus else "xs[0]"
    rule = f"For an empty list it is {empty}, for one number that number{more}; else it is {said}. The first half is the shorter one if the length is odd."
    lists = [[4, 1], [3, 1, 2], [], [7], [2, 5, 1, 3], [1, 2, 3, 4, 5], [0, 0, 6], [-3, 4], [9, -1, -1, 9, 2, 2]]
    return function_kata(
        draws,
        (f"Return the result for the list xs. {rule}", f"fold cuts xs into two halves and joins their results. {rule} Return it."),
        "fold(xs)",
        (
            f"if not xs:\n    return {empty}\nif len(xs) == 1:\n    return {one}\nmiddle = len(xs) // 2\n"
            f"left = fold(xs[:middle])\nright = fold(xs[middle:])\nreturn {code}",
            f"def part(low, high):\n    if high - low < 2:\n        return {one.replace('0', 'low')} if high > low else {empty}\n"
            f"    middle = (low + high) // 2\n    left, right = part(low, middle), part(middle, high)\n    return {code}\n"
            "return part(0, len(xs))",
        ),
        [(xs,) for xs in [*lists, draws.numbers(7, -4, 9), draws.numbers(8, 0, 5), draws.numbers(6, -9, 3)]],
        plan=("answer for no and for one number; else call fold for both halves.", rule),
        difficulty="medium",
    )  # fmt: skip


def _ways(parameters: Parameters, draws: Draws) -> Kata:
    (one, two), bad = parameters
    rule = f"Steps go {one} or {two} places on, and places divisible by {bad} must not be stepped on (0, the start, is no step)."
    return function_kata(
        draws,
        (
            f"In how many ways can one go from place 0 to place n (n >= 0)? {rule} Return the number; it is 1 for n = 0.",
            f"Return the number of ways from 0 to n >= 0; for n = 0 there is one. {rule}",
        ),
        "ways(n)",
        (
            f"if n == 0:\n    return 1\nif n < 0 or n % {bad} == 0:\n    return 0\nreturn ways(n - {one}) + ways(n - {two})",
            f"found = [1]\nfor place in range(1, n + 1):\n    before = sum(found[place - step] for step in ({one}, {two}) if step <= place)\n"
            f"    found.append(0 if place % {bad} == 0 else before)\nreturn found[n]",
        ),
        [(n,) for n in (3, 5, 0, 1, 2, 4, 6, 7, 8, 9, 10, 11, 13, 14)],
        plan=("count backwards from n: the last step came from two places.", rule),
        difficulty="medium",
    )


FAMILIES = (
    Family("recurrence", lambda: combine(range(1, 4), range(1, 4), range(3), range(1, 4), range(2, 5)), lambda p: p[:3], _recurrence, (160, 16, 16), ("recursion", "numbers")),
    Family("tree-walk", lambda: [p for p in combine(_LEAVES, _KEPT, range(2, 8)) if (p[1] == "above" or p[2] < 5) and (p[1] in ("above", "deep") or p[2] == 2)], lambda p: p, _tree, (26, 4, 4), ("recursion", "nesting")),
    Family("halves", lambda: combine(_HALVES, range(4), range(5)), lambda p: p[:2], _halves, (70, 8, 8), ("recursion", "lists")),
    Family("ways", lambda: combine([(1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (2, 5)], range(4, 12)), lambda p: p, _ways, (36, 5, 5), ("recursion", "numbers")),
)  # fmt: skip
