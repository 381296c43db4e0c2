"""Easy one-to-three-liners with speaking names: where a small general model succeeds now and then."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import function_kata

Task = tuple[str, str, tuple[str, ...], tuple[int | None, ...]]
"""Signature, body with {c} for a constant, phrasings, and the constants."""

_NONE = (None,)
_FEW = (2, 3, 4, 5)
_HUNDRED = (10, 20, 50, 100)

NUMBERS: dict[str, Task] = {
    "square": ("square(n)", "return n * n", ("Return the square of n.",), _NONE),
    "cube": ("cube(n)", "return n * n * n", ("Return n to the power of three.",), _NONE),
    "is-even": ("is_even(n)", "return n % 2 == 0", ("Return True if n is even, else False.",), _NONE),
    "is-odd": ("is_odd(n)", "return n % 2 == 1", ("Return True if n is odd, else False.",), _NONE),
    "is-multiple": (
        "is_multiple_of_{c}(n)",
        "return n % {c} == 0",
        ("Return whether n is divisible by {c}.",),
        (3, 4, 5, 6, 7),
    ),
    "is-positive": ("is_positive(n)", "return n > 0", ("Return True if n is greater than zero, else False.",), _NONE),
    "plus": (
        "add_{c}(n)",
        "return n + {c}",
        ("Return n plus {c}.", "Add {c} to n and return the result."),
        (3, 5, 8, 10),
    ),
    "times": ("times_{c}(n)", "return n * {c}", ("Return {c} times n.", "Multiply n by {c}."), (2, 3, 4, 10)),
    "last-digit": (
        "last_digit(n)",
        "return n % 10",
        ("Return the last decimal digit of n, which is not negative.",),
        _NONE,
    ),
    "larger": ("larger(a, b)", "return a if a > b else b", ("Return the larger of the two numbers.",), _NONE),
    "smallest-of": ("smallest(a, b, c)", "return min(a, b, c)", ("Return the smallest of the three numbers.",), _NONE),
    "absolute": ("absolute(n)", "return n if n >= 0 else -n", ("Return the absolute value of n.",), _NONE),
    "sum-to": (
        "sum_to(n)",
        "return n * (n + 1) // 2",
        ("Return the sum of the numbers from 1 to n; n is 0 or more.",),
        _NONE,
    ),
    "factorial": (
        "factorial(n)",
        "result = 1\nfor i in range(2, n + 1):\n    result *= i\nreturn result",
        ("Return the factorial of n (n >= 0).",),
        _NONE,
    ),
    "is-prime": (
        "is_prime(n)",
        "return n > 1 and all(n % i for i in range(2, n))",
        ("Return whether n is a prime number.",),
        _NONE,
    ),
    "clamp": ("clamp_to_{c}(n)", "return min(n, {c})", ("Return n, but {c} if n is greater than {c}.",), _HUNDRED),
    "sign": (
        "sign(n)",
        "if n > 0:\n    return 1\nif n < 0:\n    return -1\nreturn 0",
        ("Return 1 if n is positive, -1 if it is negative and 0 if it is zero.",),
        _NONE,
    ),
    "average": ("average(a, b)", "return (a + b) / 2", ("Return the mean of a and b as a float.",), _NONE),
    "digits": (
        "count_digits(n)",
        "return len(str(n))",
        ("Return how many decimal digits n has; n is not negative.",),
        _NONE,
    ),
    "perimeter": (
        "perimeter(width, height)",
        "return 2 * (width + height)",
        ("Return the perimeter of a rectangle.",),
        _NONE,
    ),
    "area": (
        "triangle_area(base, height)",
        "return base * height / 2",
        ("Return the area of a triangle with this base and height as a float.",),
        _NONE,
    ),
    "minutes": (
        "to_minutes(hours, minutes)",
        "return hours * 60 + minutes",
        ("Return how many minutes these hours and minutes are together.",),
        _NONE,
    ),
    "power": ("power_of_{c}(n)", "return {c} ** n", ("Return {c} to the power of n (n >= 0).",), (2, 3, 5, 10)),
    "between": (
        "is_below_{c}(n)",
        "return 0 <= n < {c}",
        ("Return whether n is at least 0 and less than {c}.",),
        _HUNDRED,
    ),
    "round-down": (
        "round_down_to_{c}(n)",
        "return n // {c} * {c}",
        ("Return the largest multiple of {c} that is not greater than n.",),
        (5, 10, 25),
    ),
}
STRINGS: dict[str, Task] = {
    "reverse": ("reverse(s)", "return s[::-1]", ("Return the string s backwards.",), _NONE),
    "length": ("length(s)", "return len(s)", ("Return the number of characters in s.",), _NONE),
    "upper": (
        "shout(s)",
        "return s.upper() + '!'",
        ("Return s in upper case with an exclamation mark behind it.",),
        _NONE,
    ),
    "lower": ("to_lower(s)", "return s.lower()", ("Return s in lower case.",), _NONE),
    "first": ("first_letters_{c}(s)", "return s[:{c}]", ("Return the first {c} characters of s.",), _FEW),
    "last": (
        "last_letters_{c}(s)",
        "return s[-{c}:]",
        ("Return the last {c} characters of s (all of s if it is shorter).",),
        _FEW,
    ),
    "without": ("drop_{c}(s)", "return s[{c}:]", ("Return s without its first {c} characters.",), _FEW),
    "vowels": (
        "count_vowels(s)",
        "return sum(c in 'aeiouAEIOU' for c in s)",
        ("Return how many vowels (a, e, i, o, u in either case) s has.",),
        _NONE,
    ),
    "spaces": ("count_spaces(s)", "return s.count(' ')", ("Return how many spaces s has.",), _NONE),
    "palindrome": ("is_palindrome(s)", "return s == s[::-1]", ("Return whether s reads the same backwards.",), _NONE),
    "words": (
        "words(s)",
        "return s.split()",
        ("Return the list of the words in s; words are separated by spaces.",),
        _NONE,
    ),
    "count-words": (
        "count_words(s)",
        "return len(s.split())",
        ("Return the number of words in s, which are separated by spaces.",),
        _NONE,
    ),
    "repeat": ("repeat_{c}(s)", "return s * {c}", ("Return s written {c} times in a row.",), _FEW),
    "join": (
        "join_dashes(words)",
        "return '-'.join(words)",
        ("Return the words of the list joined by dashes.",),
        _NONE,
    ),
    "greet": (
        "greet(name)",
        "return 'Hello, ' + name + '!'",
        ("Return the text Hello, name! with the given name.",),
        _NONE,
    ),
    "no-spaces": ("remove_spaces(s)", "return s.replace(' ', '')", ("Return s without its spaces.",), _NONE),
    "starts": ("starts_with_a(s)", "return s.startswith('a')", ("Return whether s begins with the letter a.",), _NONE),
    "capital": (
        "capitalize_words(s)",
        "return ' '.join(w.capitalize() for w in s.split())",
        (
            "Return s with each word beginning with a capital and going on in lower case; words are joined by one space.",
        ),
        _NONE,
    ),
    "longer-than": (
        "is_longer_than_{c}(s)",
        "return len(s) > {c}",
        ("Return whether s has more than {c} characters.",),
        (3, 5, 8),
    ),
    "letters": (
        "letters(s)",
        "return sorted(set(s))",
        ("Return the sorted list of the different characters of s.",),
        _NONE,
    ),
    "swap": (
        "swap_ends(s)",
        "return s[-1:] + s[1:-1] + s[:1] if len(s) > 1 else s",
        ("Return s with its first and last character exchanged.",),
        _NONE,
    ),
    "every": (
        "every_{c}(s)",
        "return s[::{c}]",
        ("Return the characters of s at positions 0, {c}, two times {c} and so on.",),
        _FEW,
    ),
    "index": (
        "find_x(s)",
        "return s.find('x')",
        ("Return the position of the first x in s, or -1 if there is none.",),
        _NONE,
    ),
    "pad": (
        "pad_{c}(s)",
        "return s.ljust({c}, '.')",
        ("Return s with dots added behind it until it has {c} characters.",),
        (4, 6, 8),
    ),
}
LISTS: dict[str, Task] = {
    "sum": ("total(xs)", "return sum(xs)", ("Return the sum of the list.",), _NONE),
    "double": ("multiply_all_{c}(xs)", "return [x * {c} for x in xs]", ("Return a list with every number times {c}.",), (2, 3, 5, 10)),
    "plus": ("add_all_{c}(xs)", "return [x + {c} for x in xs]", ("Return a list with {c} added to every number.",), (4, 2, 5, 10)),
    "largest": ("largest(xs)", "return max(xs) if xs else None", ("Return the largest number of the list, None if it is empty.",), _NONE),
    "last": ("last(xs)", "return xs[-1] if xs else None", ("Return the last element of the list, None if it is empty.",), _NONE),
    "above": ("above_{c}(xs)", "return [x for x in xs if x > {c}]", ("Return the numbers of the list that are greater than {c}.",), (1, 10, 12, 20)),
    "squares": ("sum_of_squares(xs)", "return sum(x * x for x in xs)", ("Return the sum of the squares of the numbers.",), _NONE),
    "reverse": ("reversed_list(xs)", "return xs[::-1]", ("Return the list in reverse order.",), _NONE),
    "unique": ("unique(xs)", "return sorted(set(xs))", ("Return the sorted list of the different numbers.",), _NONE),
    "first": ("first_{c}(xs)", "return xs[:{c}]", ("Return the first {c} elements.",), _FEW),
    "without": ("without_first_{c}(xs)", "return xs[{c}:]", ("Return the list without its first {c} elements.",), _FEW),
    "count": ("count_{c}(xs)", "return xs.count({c})", ("Return how often {c} occurs in the list.",), (2, 1, 3, 5)),
    "contains": ("contains_{c}(xs)", "return {c} in xs", ("Return whether {c} is in the list.",), (0, 1, 3, 5)),
    "mean": ("mean(xs)", "return sum(xs) / len(xs) if xs else 0.0", ("Return the mean of the numbers as a float, 0.0 for an empty list.",), _NONE),
    "ends": ("first_and_last(xs)", "return [xs[0], xs[-1]] if xs else []", ("Return a list of the first and the last element, an empty list if there is none.",), _NONE),
    "sorted": ("sort_down(xs)", "return sorted(xs, reverse=True)", ("Return the list sorted from large to small.",), _NONE),
    "range": ("spread(xs)", "return max(xs) - min(xs) if xs else 0", ("Return the largest minus the smallest number, 0 for an empty list.",), _NONE),
    "negatives": ("count_negative(xs)", "return sum(x < 0 for x in xs)", ("Return how many numbers are negative.",), _NONE),
    "product": ("product(xs)", "result = 1\nfor x in xs:\n    result *= x\nreturn result", ("Return the product of the numbers, 1 for an empty list.",), _NONE),
    "twice": ("repeat_list_{c}(xs)", "return xs * {c}", ("Return the list repeated {c} times.",), (2, 3, 4)),
    "lengths": ("pairs_with_index(xs)", "return list(enumerate(xs))", ("Return a list of tuples: the position (from 0) and the element.",), _NONE),
    "ascending": ("is_sorted(xs)", "return xs == sorted(xs)", ("Return whether the list is in ascending order.",), _NONE),
    "strings": ("to_strings(xs)", "return [str(x) for x in xs]", ("Return a list of the numbers as strings.",), _NONE),
    "second": ("second_largest(xs)", "return sorted(xs)[-2] if len(xs) > 1 else None", ("Return the second number from the end of the sorted list, None if there are fewer than two.",), _NONE),
    "remove": ("remove_{c}(xs)", "return [x for x in xs if x != {c}]", ("Return the list without any {c}.",), (0, 1, 10, 12)),
}  # fmt: skip


def _make(
    tasks: dict[str, Task], inputs: Callable[[str, int | None, Draws], list[Any]], parameters: Parameters, draws: Draws
) -> Kata:
    task, c = parameters
    signature, body, phrases, _ = tasks[task]
    signature, body = signature.format(c=c), body.format(c=c)
    return function_kata(
        draws,
        [phrase.format(c=c) for phrase in phrases],
        signature,
        (body,),
        inputs(signature, c, draws),
        plan=("return what is asked.", draws.choice(phrases).format(c=c)),
        public=2,
    )


def _number_inputs(signature: str, c: int | None, draws: Draws) -> list[Any]:
    count = signature.count(",") + 1
    edge = c or 4
    if any(word in signature for word in ("power", "factorial", "sum_to", "count_digits", "last_digit")):
        numbers = [3, 5, 0, 1, 2, 4, 6, 10, 12, 9]
    else:
        numbers = [
            draws.between(2, 9),
            draws.between(10, 30),
            0,
            1,
            edge,
            edge - 1,
            edge + 1,
            -3,
            -edge,
            7,
            9,
            2,
            25,
            49,
            2 * edge,
            100,
        ]
    if count == 1:
        return [(n,) for n in numbers]
    return [tuple(draws.choice(numbers) if turn else n for turn in range(count)) for n in numbers] + [
        (5,) * count,
        tuple(range(count, 0, -1)),
    ]


def _string_inputs(signature: str, c: int | None, draws: Draws) -> list[Any]:
    if signature.startswith("join"):
        return [
            (["red", "green"],),
            (["a"],),
            ([],),
            (["x", "y", "z"],),
            (["", "b"],),
            (draws.sample(["tea", "bus", "cup"], 2),),
            (["A-b", "c"],),
        ]
    texts = [
        "hello",
        "Ab 12",
        "",
        "x",
        "level",
        "a b",
        "apple pie",
        "Hello World",
        "noon 7 x",
        "abcdefghij",
        "zz",
        "aab",
        "  two  ",
        "AEIOU",
    ]
    return [
        (text,) for text in [*texts, "abcdefghijkl"[: c or 3], "mnopqrstuv"[: (c or 3) + 1], draws.word("abc XY1", 6)]
    ]


def _list_inputs(signature: str, c: int | None, draws: Draws) -> list[Any]:
    edge = 3 if c is None else c
    lists = [
        [3, 1, 2],
        draws.numbers(4, 0, 9),
        [],
        [edge],
        [edge + 1, edge, edge - 1, edge],
        [-2, -7, 4],
        [5, 5, 1, 5],
        [1, 2, 4, 8],
        [0, 0],
    ]
    return [(xs,) for xs in [*lists, draws.numbers(6, -9, 20), draws.numbers(8, 0, 6), [9, 7, 7, 2], [2, 9]]]


def _family(
    name: str,
    tasks: dict[str, Task],
    inputs: Callable[[str, int | None, Draws], list[Any]],
    counts: tuple[int, int, int],
    topic: str,
) -> Family:
    return Family(
        name,
        lambda: [(task, c) for task, (_, _, _, values) in tasks.items() for c in values],
        lambda parameters: parameters[0],
        partial(_make, tasks, inputs),
        counts,
        ("short", topic),
    )


FAMILIES = (
    _family("easy-numbers", NUMBERS, _number_inputs, (34, 3, 9), "numbers"),
    _family("easy-strings", STRINGS, _string_inputs, (34, 5, 4), "strings"),
    _family("easy-lists", LISTS, _list_inputs, (43, 6, 2), "lists"),
)
