"""Whole numbers: digits, divisors, ranges, bases, sequences."""

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

_RESULTS = {
    "sum": Piece("sum({items})", ("the sum of", "the total of")),
    "count": Piece("len([{items}])", ("how many there are of", "the count of")),
    "largest": Piece("max([{items}], default=0)", ("the largest (0 if there is none) of", "the maximum, or 0, of")),
    "smallest": Piece("min([{items}], default=0)", ("the smallest (0 if there is none) of", "the minimum, or 0, of")),
    "list": Piece("[{items}]", ("the list, in order, of", "a list, in order, of")),
}


_TRUE_OF_ONE = ("odd", "below", "at-most", "unlike")


def _loop(source: str, condition: str, name: str) -> str:
    finish = {
        "sum": "sum(found)",
        "count": "len(found)",
        "largest": "max(found) if found else 0",
        "smallest": "min(found) if found else 0",
        "list": "found",
    }[name]
    return f"found = []\nfor x in {source}:\n    if {condition}:\n        found.append(x)\nreturn {finish}"


def _digits(parameters: Parameters, draws: Draws) -> Kata:
    result, (test, c) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="x", c=c)
    which = NUMBERS_THAT_ARE[test].say(draws, c=c)
    wanted = _RESULTS[result].say(draws)
    items = f"x for x in map(int, str(n)) if {condition}"
    low, edge = max(0, (c or 4) - 1), c or 4
    numbers = [draws.between(100, 999), draws.between(1000, 9999), 0, 10 * edge + low, 9876543210, edge, 11111]
    numbers += [9999, draws.between(10**6, 10**7), min(9, edge + 1) * 1001 + 20, 1357924680, 2222, 2468]
    return function_kata(
        draws,
        (
            f"Given a number n that is not negative, return {wanted} the decimal digits of n that are {which}.",
            f"Return {wanted} those digits of the non-negative number n that are {which}.",
        ),
        "digits(n)",
        ("return " + _RESULTS[result].code.format(items=items), _loop("map(int, str(n))", condition, result)),
        [(n,) for n in numbers],
        plan=(f"go through the digits of n, keep some, return {wanted} them.", f"Keep a digit if it is {which}."),
    )


def _divisors(parameters: Parameters, draws: Draws) -> Kata:
    result, (test, c) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="x", c=c)
    which = NUMBERS_THAT_ARE[test].say(draws, c=c)
    wanted = _RESULTS[result].say(draws)
    c = c or 2
    items = f"x for x in range(1, n + 1) if n % x == 0 and {condition}"
    numbers = [draws.choice([12, 18, 20, 24]), draws.choice([15, 28, 30]), 1, c, c + 1, c - 1, c * (c + 1), 60, 97]
    numbers += [
        draws.choice([36, 48, 72]),
        3 * c * (c - 1),
        45,
        (c - 1) * c * (c + 1),
        2 * (c + 1),
        2 * (c - 1),
        64,
        25,
    ]
    return function_kata(
        draws,
        (
            f"Return {wanted} the positive divisors of n (1 and n count) that are {which}; n is at least 1.",
            f"Among the numbers from 1 to n that divide n, return {wanted} those that are {which}.",
        ),
        "divisors(n)",
        (
            "return " + _RESULTS[result].code.format(items=items),
            _loop("range(1, n + 1)", f"not n % x and {condition}", result),
        ),
        [(n,) for n in numbers],
        plan=(f"try every number from 1 to n as a divisor, return {wanted} the right ones.", f"Keep those {which}."),
    )


_BOUNDS = {
    "both": ("range(a, b + 1)", "from a to b, both included,"),
    "first": ("range(a, b)", "from a up to but not including b"),
    "last": ("range(a + 1, b + 1)", "after a up to and including b"),
    "inner": ("range(a + 1, b)", "strictly between a and b"),
}


def _between(parameters: Parameters, draws: Draws) -> Kata:
    result, bounds, (test, c) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="x", c=c)
    which = NUMBERS_THAT_ARE[test].say(draws, c=c)
    wanted = _RESULTS[result].say(draws)
    source, where = _BOUNDS[bounds]
    c = c or 4
    pairs = [(draws.between(-3, 3), draws.between(6, 14)), (c - 1, c + 1), (c, c), (c - 2, c), (c, 2 * c), (5, 2)]
    pairs += [(-c, c), (0, 3 * c), (2, 9), (1, 4), (draws.between(-9, 0), draws.between(15, 25)), (c + 1, c + 6)]
    return function_kata(
        draws,
        (
            f"Return {wanted} the whole numbers {where} that are {which}. There may be none, also when a > b.",
            f"Of all integers {where} take those that are {which} and return {wanted} them. None if a > b.",
        ),
        "between(a, b)",
        (
            "return " + _RESULTS[result].code.format(items=f"x for x in {source} if {condition}"),
            _loop(source, condition, result),
        ),
        pairs,
        plan=(f"go through the numbers {where} return {wanted} some of them.", f"Keep those that are {which}."),
    )


_DIGIT_TEXTS = {
    "text": Piece("text", ("as text, most significant digit first",)),
    "reversed": Piece("text[::-1]", ("as text, least significant digit first",)),
    "sum": Piece("sum(map(int, text))", ("and return the sum of its digits",)),
    "length": Piece("len(text)", ("and return how many digits it has",)),
    "zeros": Piece("text.count('0')", ("and return how many of its digits are 0",)),
    "list": Piece("[int(digit) for digit in text]", ("as a list of digits, most significant first",)),
    "padded": Piece("text.zfill({c})", ("as text, filled with zeros on the left to {c} digits",)),
    "last": Piece("text[-{c}:]", ("and return its last {c} digits as text (all of them if it has fewer)",)),
}


def _base(parameters: Parameters, draws: Draws) -> Kata:
    (form, c), base = parameters
    piece = _DIGIT_TEXTS[form]
    words = piece.say(draws, c=c)
    final = piece.code.format(c=c)
    numbers = [draws.between(20, 90), draws.between(100, 400), 0, 1, base, base - 1, base * base, 10 * base**3 + 7]
    numbers += [base**4 - 1, draws.between(1000, 9999), base**3 + 1]
    return function_kata(
        draws,
        (
            f"Write the non-negative number n in base {base} {words}. Zero is the single digit 0.",
            f"Convert n (0 or more) to base {base} {words}; 0 has one digit.",
        ),
        "in_base(n)",
        (
            f"text = '' if n else '0'\nwhile n > 0:\n    text = str(n % {base}) + text\n    n //= {base}\nreturn {final}",
            f"digits = [n % {base}]\nwhile n >= {base}:\n    n //= {base}\n    digits.append(n % {base})\n"
            f"text = ''.join(map(str, digits[::-1]))\nreturn {final}",
        ),
        [(n,) for n in numbers],
        plan=(
            f"take the last digit in base {base} again and again, and put the digits together.",
            f"While n is left, take n modulo {base} as a digit and divide; zero gives '0'.",
        ),
        difficulty="medium",
    )


_RULES = {
    "plain": Piece(
        "{p} * term(n - 1) + {q} * term(n - 2)", ("{p} times the one before plus {q} times the one before that",)
    ),
    "minus": Piece(
        "{p} * term(n - 1) - {q} * term(n - 2)", ("{p} times the one before minus {q} times the one before that",)
    ),
    "index": Piece("{p} * term(n - 1) + {q} * n", ("{p} times the one before plus {q} times n",)),
    "skip": Piece("{p} * term(n - 2) + {q}", ("{p} times the one two places before, plus {q}",)),
    "parity": Piece(
        "term(n - 1) + {p} if n % 2 == 0 else term(n - 1) * {q}",
        ("the one before plus {p} if n is even, and the one before times {q} if n is odd",),
    ),
}


def _sequence(parameters: Parameters, draws: Draws) -> Kata:
    rule, (p, q), (first, second) = parameters
    step = _RULES[rule].code.format(p=p, q=q)
    words = _RULES[rule].say(draws, p=p, q=q)
    loop = step.replace("term(n - 1)", "b").replace("term(n - 2)", "a").replace("n % 2", "i % 2").replace("* n", "* i")
    return function_kata(
        draws,
        (
            f"A sequence begins with term(0) = {first} and term(1) = {second}. From then on term n is {words}. Return term(n).",
            f"Return term n of the sequence with terms {first} (n = 0) and {second} (n = 1), where every later term is {words}.",
        ),
        "term(n)",
        (
            f"if n == 0:\n    return {first}\nif n == 1:\n    return {second}\nreturn {step}",
            f"a, b = {first}, {second}\nfor i in range(2, n + 1):\n    a, b = b, {loop}\nreturn a if n == 0 else b",
        ),
        [(n,) for n in (2, 3, 0, 1, 4, 5, 6, 7, 9, 10)],
        plan=("answer the first two terms directly and the others by recursion.", f"Term n is {words}."),
        difficulty="medium",
    )


def _countdown(parameters: Parameters, draws: Draws) -> Kata:
    result, divisor, drop, stop = parameters
    words = {
        "steps": "the number of steps",
        "largest-odd": "the largest odd number met (0 if there is none; n counts, the last number too)",
        "last": "the last number",
        "path": "the list of all numbers met, n first",
    }[result]
    start = {"steps": "steps = 0", "largest-odd": "best = n if n % 2 else 0", "last": "", "path": "path = [n]"}[result]
    each = {
        "steps": "steps += 1",
        "largest-odd": "if n % 2 and n > best:\n        best = n",
        "last": "",
        "path": "path.append(n)",
    }[result]
    final = {"steps": "steps", "largest-odd": "best", "last": "n", "path": "path"}[result]
    step = f"n = n // {divisor} if n % {divisor} == 0 else n - {drop}"
    tail = f"\n    {each}" if each else ""
    numbers = [draws.between(20, 60), divisor * stop + 1, stop, stop + 1, stop - 1, divisor**4, divisor**3 * 7 - 1, 0]
    numbers += [draws.between(100, 500), draws.between(500, 999), stop + drop, divisor * (stop + 1), 1000]
    body = f"{start}\nwhile n > {stop}:\n    {step}{tail}\nreturn {final}".lstrip()
    branch = f"if n % {divisor} == 0:\n        n //= {divisor}\n    else:\n        n -= {drop}"
    return function_kata(
        draws,
        (
            f"As long as n is greater than {stop}: divide it by {divisor} if that leaves no remainder, otherwise subtract "
            f"{drop}. Return {words}.",
            f"Repeat while n > {stop}: if n is divisible by {divisor}, n becomes n / {divisor}, else n becomes n - {drop}. "
            f"Return {words}.",
        ),
        "countdown(n)",
        (body, f"{start}\nwhile n > {stop}:\n    {branch}{tail}\nreturn {final}".lstrip()),
        [(n,) for n in numbers],
        plan=("change n step by step until it is small.", f"Divide by {divisor} where possible, else subtract {drop}."),
        difficulty="medium",
    )


_TESTS = with_constants(NUMBERS_THAT_ARE)
_ONE_DIGIT = with_constants(NUMBERS_THAT_ARE, range(2, 8))

FAMILIES = (
    Family(
        "digits", lambda: combine(_RESULTS, _ONE_DIGIT), lambda p: (p[0], p[1][0]), _digits, (120, 12, 12), ("numbers",)
    ),
    Family(
        "divisors",
        # The smallest divisor that is odd is always 1, and there always is a largest one: no task, or half of one.
        lambda: [
            p
            for p in combine(_RESULTS, _ONE_DIGIT)
            if p[0] not in ("smallest", "largest") or p[1][0] not in _TRUE_OF_ONE
        ],
        lambda p: (p[0], p[1][0]),
        _divisors,
        (116, 12, 16),
        ("numbers",),
    ),
    Family(
        "numbers-between",
        lambda: combine(_RESULTS, _BOUNDS, _TESTS),
        lambda p: (p[0], p[1], p[2][0]),
        _between,
        (200, 20, 20),
        ("numbers",),
    ),
    Family(
        "base-digits",
        lambda: combine(with_constants(_DIGIT_TEXTS, range(3, 9)), range(2, 10)),
        lambda p: (p[0][0], p[1]),
        _base,
        (90, 6, 6),
        ("numbers",),
    ),
    Family(
        "sequence-term",
        lambda: combine(_RULES, combine(range(2, 5), range(2, 5)), combine(range(1, 5), range(2, 6))),
        lambda p: (p[0], p[1]),
        _sequence,
        (200, 20, 20),
        ("numbers", "recursion"),
    ),
    Family(
        "countdown",
        lambda: combine(("steps", "largest-odd", "last", "path"), range(2, 6), range(1, 6), range(1, 8)),
        lambda p: (p[0], p[1], p[2]),
        _countdown,
        (160, 16, 16),
        ("numbers", "simulation"),
    ),
)
