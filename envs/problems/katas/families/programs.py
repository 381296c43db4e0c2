"""Whole programs: they read standard input and print."""

from __future__ import annotations

import textwrap

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import (
    NUMBERS_THAT_ARE,
    Piece,
    around,
    combine,
    program_kata,
    with_constants,
)

_TESTS = with_constants(NUMBERS_THAT_ARE)

_NUMBER_RESULTS = {
    "sum": Piece("print(sum(kept))", ("Print the sum of the numbers",)),
    "count": Piece("print(len(kept))", ("Print how many there are of the numbers",)),
    "max": Piece(
        "print(max(kept) if kept else 'none')",
        ("Print the largest, or the word none if there is none, of the numbers",),
    ),
    "row": Piece("print(*kept)", ("Print on one line, with spaces between and in the old order, the numbers",)),
    "rising": Piece(
        "print(*sorted(kept))", ("Print on one line, with spaces between and smallest first, the numbers",)
    ),
    "lines": Piece("for x in kept:\n    print(x)", ("Print, one a line and in the old order, the numbers",)),
}


def _numbers(parameters: Parameters, draws: Draws) -> Kata:
    result, layout, (test, c) = parameters
    condition = NUMBERS_THAT_ARE[test].code.format(x="x", c=c)
    which, wanted, final = (
        NUMBERS_THAT_ARE[test].say(draws, c=c),
        _NUMBER_RESULTS[result].say(draws),
        _NUMBER_RESULTS[result].code,
    )
    read, second, where = {
        "lines": (
            "xs = []\nfor _ in range(int(input())):\n    xs.append(int(input()))",
            "xs = list(map(int, sys.stdin.read().split()))[1:]",
            "The first line of the input is n; n lines with a number each follow.",
        ),
        "row": (
            "n = int(input())\nxs = list(map(int, input().split())) if n else []",
            "xs = list(map(int, sys.stdin.read().split()))[1:]",
            "The first line of the input is n; the second line has n numbers, separated by spaces (if n is 0 there is no second line).",
        ),
        "end": (
            "xs = []\nwhile True:\n    x = int(input())\n    if x == -1:\n        break\n    xs.append(x)",
            "xs = list(map(int, sys.stdin.read().split()))[:-1]",
            "Every line of the input has one number; the last line is -1 and does not count.",
        ),
    }[layout]

    def text(numbers: list[int]) -> str:
        if layout == "row":
            return f"{len(numbers)}\n" + (" ".join(map(str, numbers)) + "\n" if numbers else "")
        lines = [len(numbers), *numbers] if layout == "lines" else [*numbers, -1]
        return "".join(f"{number}\n" for number in lines)

    edge = c or 2
    lists = [
        around(draws, c, 0, 15, 1)[:4],
        [],
        [edge],
        [edge - 1],
        [edge + 1, edge],
        around(draws, c, 0),
        around(draws, c, 0),
        [0, 1, 2 * edge],
    ]
    lists += [draws.numbers(9, 0, 40), [edge + 2, 2 * edge + 1, edge, 3 * edge, edge - 1], draws.numbers(12, 0, 12)]
    return program_kata(
        draws,
        (
            f"Write a program. {where} {wanted} that are {which}.",
            f"Read numbers from standard input. {where} {wanted} that are {which}.",
        ),
        (
            f"{read}\nkept = [x for x in xs if {condition}]\n{final}",
            f"import sys\n{second}\nkept = list(filter(lambda x: {condition}, xs))\n{final}",
        ),
        [text(numbers) for numbers in lists],
        plan=(
            "Read the numbers into a list, keep some, print the answer.",
            f"Keep numbers that are {which}. {wanted}.",
        ),
    )


_LINE_CHANGES = {
    "reverse": Piece("line[::-1]", ("the line backwards",)),
    "upper": Piece("line.upper()", ("the line in upper case",)),
    "first": Piece("(line.split() or ['-'])[0]", ("its first word, or - if it has none",)),
    "length": Piece("len(line)", ("its number of characters",)),
    "words": Piece("len(line.split())", ("its number of words",)),
    "initials": Piece("''.join(w[0] for w in line.split())", ("the first letters of its words, joined",)),
    "sorted": Piece("' '.join(sorted(line.split()))", ("its words in alphabetical order, with one space between",)),
    "vowels": Piece("sum(c in 'aeiou' for c in line)", ("how many of a, e, i, o, u it has",)),
    "last": Piece("line[-{c}:]", ("its last {c} characters (all if it has fewer)",)),
    "cut": Piece("line[{c}:]", ("the line without its first {c} characters",)),
    "caps": Piece(
        "' '.join(w.capitalize() for w in line.split())",
        ("its words, each with a capital first letter, with one space between",),
    ),
}
_MARKINGS = {
    "plain": ("{v}", "", ""),
    "numbered": ("f'{{i}}: {{{v}}}'", "", ", after the line's number (from 1), a colon and a space"),
    "length-mark": ("f'{{{v}}} ({{len(line)}})'", "", ", followed by a space and the line's number of characters in round brackets"),
    "odd": ("{v}", "if i % 2 == 1", ". Only the lines 1, 3, 5 and so on are printed"),
    "long": ("{v}", "if len(line) > 5", ". Only lines with more than 5 characters are printed"),
}  # fmt: skip


def _lines(parameters: Parameters, draws: Draws) -> Kata:
    (change, c), marking = parameters
    code, words = _LINE_CHANGES[change].code.format(c=c), _LINE_CHANGES[change].say(draws, c=c)
    shown, condition, rule = _MARKINGS[marking]
    shown = "value" if shown == "{v}" else shown.format(v="value")
    body = f"    value = {code}\n" + (
        f"    {condition}:\n        print({shown})" if condition else f"    print({shown})"
    )
    some = [
        "hello world",
        "a",
        "",
        "bee tea zoo",
        "oak",
        "the quick brown fox",
        "apple pie",
        "abcde",
        "abcdef",
        "uno",
        "x y z",
        "level up now",
    ]

    def text(lines: list[str]) -> str:
        return f"{len(lines)}\n" + "".join(f"{line}\n" for line in lines)

    lists = [
        draws.sample(some[:2] + some[3:], 2),
        some,
        [],
        [""],
        ["abcde", "abcdef"],
        ["abcdef"],
        *(draws.sample(some, n) for n in (3, 4, 5, 7)),
        some[::-1],
    ]
    return program_kata(
        draws,
        (
            f"The first line of the input is n, and n lines of text follow. For each print {words}{rule}.",
            f"Write a program that reads n and then n lines. For every one of these lines it prints {words}{rule}.",
        ),
        (
            f"for i in range(1, int(input()) + 1):\n    line = input()\n{body}",
            f"import sys\nlines = sys.stdin.read().split('\\n')[1:-1]\nfor i, line in enumerate(lines, 1):\n{body}",
        ),
        [text(lines) for lines in lists],
        plan=("Read n, then n lines, and print something about each.", f"Print {words}{rule}."),
    )


_FIGURES = {
    "square": ("n", "n", "n lines of n signs each"),
    "triangle": ("n", "i", "n lines, with 1 sign in the first, 2 in the second, up to n"),
    "fall": ("n", "n - i + 1", "n lines, with n signs in the first, n - 1 in the second, down to 1"),
    "stairs": ("n", "2 * i - 1", "n lines, with 1 sign in the first, 3 in the second, 5 in the third and so on"),
    "band": ("2", "n + i", "two lines, with n + 1 signs in the first and n + 2 in the second"),
    "alternate": ("n", "n if i % 2 else 1", "n lines: n signs in the first, third and every odd one, 1 in the others"),
}
_EDGES = {
    "plain": ("{s}", ""),
    "bar": ("'|' + {s} + '|'", " Every line has a | before and after its signs."),
    "number": ("str(i) + {s}", " Every line begins with its own number, from 1, followed at once by its signs."),
    "tail": ("{s} + '.' * (i - 1)", " Behind its signs, line i has i - 1 dots."),
    "dots": ("'.' * (n - i + 2) + {s}", " Before its signs, line i (from 1) has n - i + 2 dots."),
}


def _figures(parameters: Parameters, draws: Draws) -> Kata:
    figure, edge, sign = parameters
    rows, width, words = _FIGURES[figure]
    shown, rule = _EDGES[edge]
    line = shown.format(s=f"{sign!r} * ({width})")
    again = shown.format(s="signs")
    return program_kata(
        draws,
        (
            f"Read n, a number from 0 to 20, and print {words}; the sign is {sign}.{rule}",
            f"The input is a number n (0 to 20). Draw a figure of {sign} signs: {words}.{rule}",
        ),
        (
            f"n = int(input())\nfor i in range(1, {rows} + 1):\n    print({line})",
            f"n = int(input())\ni = 1\nwhile i <= {rows}:\n    signs = ''.join({sign!r} for _ in range({width}))\n    print({again})\n    i += 1",
        ),
        [f"{n}\n" for n in (3, 1, 2, 4, 5, 7, 10, 0, 13)],
        plan=("Read n and print line by line.", f"Print {words}.{rule}"),
    )


_COMMANDS = {
    "add": ("xs.append(v)", "put v at the end"),
    "front": ("xs.insert(0, v)", "put v at the front"),
    "drop": ("xs = [x for x in xs if x != v]", "remove every v"),
    "raise": ("xs = [x + v for x in xs]", "add v to every number"),
    "keep": ("xs = [x for x in xs if x >= v]", "remove the numbers less than v"),
    "cap": ("xs = [min(x, v) for x in xs]", "replace the numbers greater than v by v"),
    "turn": ("xs = xs[v:] + xs[:v]", "move the first v numbers to the end (if there are that many)"),
}
_REPORTS = {
    "sum": ("print(sum(xs))", "the sum of the list"),
    "size": ("print(len(xs), sum(xs))", "the length of the list and its sum"),
    "list": ("print(*xs, '.')", "the numbers and then a full stop, with spaces between"),
    "top": (
        "print(max(xs, default=0), min(xs, default=0))",
        "the largest and the smallest number (0 0 for an empty list)",
    ),
}


def _commands(parameters: Parameters, draws: Draws) -> Kata:
    pair, report = parameters
    names = ["add", *pair]
    shown, words = _REPORTS[report]
    arms = "".join(f"    elif word == {name!r}:\n        {_COMMANDS[name][0]}\n" for name in names)
    chosen = arms.replace("elif", "if", 1)
    rules = "; ".join(f"'{name} v': {_COMMANDS[name][1]}" for name in names)

    def text(count: int) -> str:
        lines = ["add 3", "add 7"] if count > 4 else ["add 5"]
        for _ in range(count):
            lines += [f"{draws.choice([*names, 'add'])} {draws.between(0, 9)}"] + (
                ["show"] if draws.chance(0.5) else []
            )
        return "\n".join([*lines, "show", "end", ""])

    fixed = [
        "add 2\nshow\nend\n",
        "show\nend\n",
        "end\n",
        f"add 4\nadd 6\nadd 5\n{pair[0]} 5\nshow\n{pair[1]} 5\nshow\nend\n",
    ]
    fixed += [f"add 1\nadd 2\nadd 3\n{pair[1]} 2\nshow\n{pair[0]} 2\nshow\nend\n"]
    return program_kata(
        draws,
        (
            f"A list is empty at first. Each line of the input is a command with a number v ({rules}), or 'show': print {words}; 'end' ends the program.",
            f"Write a program that keeps a list of numbers and obeys one command a line until 'end'. 'show' prints {words}. The others: {rules}.",
        ),
        (
            f"xs = []\nline = input()\nwhile line != 'end':\n    if line == 'show':\n        {shown}\n    else:\n"
            f"        word, number = line.split()\n        v = int(number)\n{textwrap.indent(chosen, '    ')}    line = input()",
            "import sys\nxs = []\nfor line in sys.stdin.read().split('\\n'):\n    word, _, rest = line.partition(' ')\n    v = int(rest or 0)\n"
            f"    if word == 'show':\n        {shown}\n" + arms,
        ),
        [fixed[3], *fixed[:3], fixed[4], *(text(n) for n in (4, 5, 6, 8, 10, 12, 14))],
        plan=("Keep a list and read commands until 'end'.", f"{rules}.", f"'show' prints {words}."),
        difficulty="hard",
    )


FAMILIES = (
    Family(
        "program-numbers",
        lambda: combine(_NUMBER_RESULTS, ("lines", "row", "end"), _TESTS),
        lambda p: (p[0], p[1], p[2][0]),
        _numbers,
        (200, 20, 20),
        ("programs",),
    ),
    Family(
        "program-lines",
        lambda: combine(with_constants(_LINE_CHANGES, range(2, 7)), _MARKINGS),
        lambda p: (p[0][0], p[1]),
        _lines,
        (58, 6, 6),
        ("programs", "strings"),
    ),
    Family(
        "program-figures",
        lambda: combine(_FIGURES, _EDGES, ("*", "#", "o", "x", "+")),
        lambda p: (p[0], p[1]),
        _figures,
        (115, 15, 15),
        ("programs",),
    ),
    Family(
        "program-commands",
        lambda: combine([(a, b) for a in _COMMANDS for b in _COMMANDS if a < b and "add" not in (a, b)], _REPORTS),
        lambda p: p,
        _commands,
        (48, 6, 6),
        ("programs", "branches", "simulation"),
    ),
)
