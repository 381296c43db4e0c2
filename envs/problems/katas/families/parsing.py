"""Reading text with structure: key-value pairs, durations, sums, brackets, lines of fields."""

from __future__ import annotations

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import Piece, combine, function_kata

_NAMES = ["a", "b", "size", "x", "color", "y2", "k"]

_READ_VALUES = {
    "int": ("int(value)", "as a whole number"),
    "length": ("len(value)", "replaced by the length of its text"),
    "digits": ("sum(map(int, value.strip('-')))", "replaced by the sum of its digits, without the sign"),
    "flipped": ("-int(value)", "as a whole number with the sign changed"),
    "twice": ("2 * int(value)", "as a whole number, doubled"),
}
_AGAIN = {
    "last": ("found[key] = {v}", "the last one counts"),
    "first": ("found.setdefault(key, {v})", "the first one counts"),
    "sum": ("found[key] = found.get(key, 0) + {v}", "the values are added up"),
    "max": ("found[key] = max(found.get(key, {v}), {v})", "the largest counts"),
}
_MARKS = (("=", ";"), (":", ","), ("=", "&"), (":", " "), ("->", "|"))


def _pairs(parameters: Parameters, draws: Draws) -> Kata:
    value, again, (equals, between) = parameters
    code, how = _READ_VALUES[value]
    act, rule = _AGAIN[again][0].format(v=code), _AGAIN[again][1]
    space = "a space" if between == " " else repr(between)

    def text(count: int, names: int = 7) -> str:
        return str.join(
            between, (f"{draws.choice(_NAMES[:names])}{equals}{draws.between(-40, 120)}" for _ in range(count))
        )

    inputs = [
        f"a{equals}5{between}b{equals}12",
        text(3, 2),
        "",
        f"x{equals}-7",
        text(2),
        text(4, 2),
        text(6, 3),
        text(5),
        text(8, 4),
    ]
    inputs += [
        f"k{equals}3{between}k{equals}11{between}k{equals}-2",
        f"k{equals}9{between}b{equals}0{between}k{equals}10",
    ]
    return function_kata(
        draws,
        (
            f"text is made of entries key{equals}number with {space} between them; it may be empty. Return a dictionary from key to value, "
            f"each number {how}. If a key comes more than once, {rule}.",
            f"Read entries of the form key{equals}number, separated by {space}, into a dictionary with each number {how}. For a repeated key "
            f"{rule}. Empty text gives an empty dictionary.",
        ),
        "read_pairs(text)",
        (
            f"found = {{}}\nif text:\n    for entry in text.split({between!r}):\n        key, value = entry.split({equals!r})\n        {act}\nreturn found",
            f"found = {{}}\nfor entry in text.split({between!r}):\n    key, sign, value = entry.partition({equals!r})\n    if sign:\n        {act}\nreturn found",
        ),
        [(item,) for item in inputs],
        plan=(
            "split the text into entries and fill a dictionary.",
            f"Split an entry at {equals!r}; the number is {how}.",
            f"For a repeated key {rule}.",
        ),
        difficulty="medium",
    )


_UNITS = {
    "time": {"d": 24, "h": 1, "w": 168},
    "clock": {"h": 3600, "m": 60, "s": 1},
    "weight": {"t": 1000, "k": 1, "c": 50},
    "length": {"y": 36, "f": 12, "i": 1},
    "count": {"g": 144, "d": 12, "p": 1, "s": 20},
    "money": {"e": 100, "c": 1, "q": 25},
}
_UNIT_RESULTS = {
    "total": ("total += int(number) * units[c]", "the total"),
    "largest": ("total = max(total, int(number) * units[c])", "the largest part (0 if there is none)"),
    "capped": ("total += min(int(number) * units[c], {limit})", "the total, in which no part counts more than {limit}"),
    "weighted": (
        "total = total * 2 + int(number) * units[c]",
        "the total, in which the sum so far is doubled before each part is added",
    ),
}


def _units(parameters: Parameters, draws: Draws) -> Kata:
    unit, (result, limit), factor = parameters
    units = {name: value * factor for name, value in _UNITS[unit].items()}
    act, wanted = (text.format(limit=limit) for text in _UNIT_RESULTS[result])
    names = ", ".join(f"{name} is {value}" for name, value in units.items())
    names_in = list(units)

    def text(count: int, high: int = 30) -> str:
        return "".join(f"{draws.between(0, high)}{draws.choice(names_in)}" for _ in range(count))

    inputs = [
        f"2{names_in[0]}15{names_in[1]}",
        text(3),
        "",
        f"1{names_in[-1]}",
        text(2, 9),
        text(4, 120),
        text(5),
        f"10{names_in[1]}9{names_in[0]}8{names_in[2]}",
    ]
    inputs += ["".join(f"1{name}" for name in names_in), "".join(f"0{name}2{name}" for name in names_in), text(7, 5)]
    inputs += [f"{limit // value}{name}{limit // value + 1}{name}" for name, value in units.items()]
    body = "for c in text:\n    if c.isdigit():\n        number += c\n    else:\n"
    return function_kata(
        draws,
        (
            f"text is a row of parts without spaces, each a number and a unit letter: {names}. Return {wanted}.",
            f"Each part of the text is a whole number followed by one letter, worth the number times the letter's value ({names}). Return {wanted}.",
        ),
        "measure(text)",
        (
            f"units = {units!r}\ntotal = 0\nnumber = ''\n{body}        {act}\n        number = ''\nreturn total",
            f"import re\nunits = {units!r}\ntotal = 0\nfor number, c in re.findall('([0-9]+)([a-z])', text):\n    {act}\nreturn total",
        ),
        [(item,) for item in inputs],
        plan=(
            "go through the characters and collect digits until a letter comes.",
            f"At a letter use its value: {names}.",
            f"Return {wanted}.",
        ),
        difficulty="medium",
    )


_SIGNS = {
    "+": ("total + n", "adds the number"),
    "-": ("total - n", "subtracts the number"),
    "*": ("total * n", "multiplies by the number"),
    "/": ("total // n if n else 0", "divides by the number, rounded down (0 if the number is 0)"),
    "^": ("max(total, n)", "takes the larger of the result so far and the number"),
    "%": ("total % n if n else total", "takes the remainder by the number (nothing changes if that is 0)"),
    "~": ("n - total", "subtracts the result so far from the number"),
}


def _formula(parameters: Parameters, draws: Draws) -> Kata:
    signs, start = parameters
    arms = "".join(
        f"    {'el' if i else ''}if sign == {sign!r}:\n        total = {_SIGNS[sign][0]}\n"
        for i, sign in enumerate(signs)
    )
    table = "{" + ", ".join(f"{sign!r}: lambda total, n: {_SIGNS[sign][0]}" for sign in signs) + "}"
    words = "; ".join(f"{sign} {_SIGNS[sign][1]}" for sign in signs)

    def text(count: int, low: int = 0) -> str:
        return " ".join(f"{draws.choice(signs)} {draws.between(low, 12)}" for _ in range(count))

    inputs = [
        f"{signs[0]} 5 {signs[1]} 3",
        text(3),
        "",
        *(f"{sign} {n}" for sign in signs for n in (7, 0)),
        " ".join(f"{sign} 4" for sign in signs),
    ]
    inputs += [
        text(2),
        text(5, 1),
        text(6, 1),
        text(8, 1),
        f"{signs[0]} 9 {signs[-1]} 0 {signs[1]} 2",
        f"{signs[1]} 20 {signs[-1]} 6 {signs[0]} 11",
    ]
    return function_kata(
        draws,
        (
            f"text alternates signs and numbers, separated by spaces. The result begins as {start}, and from left to right {words}. Return the result.",
            f"Work from left to right, starting with {start}: text holds pairs of a sign and a number with spaces between; {words}. Return what results.",
        ),
        "compute(text)",
        (
            f"parts = text.split()\ntotal = {start}\nfor i in range(0, len(parts), 2):\n    sign, n = parts[i], int(parts[i + 1])\n{arms}return total",
            f"rules = {table}\nparts = text.split()\ntotal = {start}\nfor sign, n in zip(parts[::2], parts[1::2]):\n    total = rules[sign](total, int(n))\nreturn total",
        ),
        [(item,) for item in inputs],
        plan=("split the text and take a sign and a number at a time.", f"{words}.", "Return the result."),
        difficulty="medium",
    )


_BRACKETS = {
    "depth": ("deepest", "the deepest level reached"),
    "balanced": ("balanced and not stack", "whether every bracket is closed by its own kind in the right order"),
    "open": ("len(stack)", "how many brackets are still open at the end"),
    "wrong": ("wrong", "how many closing brackets had no open bracket of their kind to close"),
    "pairs": ("pairs", "how many pairs were closed rightly"),
}


def _brackets(parameters: Parameters, draws: Draws) -> Kata:
    result, kinds, limit = parameters
    final, wanted = _BRACKETS[result]
    opens = {kind[1]: kind[0] for kind in kinds}
    stop = f" Brackets that open when {limit} are open already are ignored." if limit else ""
    enter = f"if c in {''.join(opens.values())!r}" + (f" and len(stack) < {limit}" if limit else "")
    wanted_lines = {
        "depth": ("deepest = 0\n", "        deepest = max(deepest, len(stack))\n", "", ""),
        "balanced": ("balanced = True\n", "", "", "        balanced = False\n"),
        "open": ("", "", "", ""),
        "wrong": ("wrong = 0\n", "", "", "        wrong += 1\n"),
        "pairs": ("pairs = 0\n", "", "            pairs += 1\n", ""),
    }[result]
    begin, opened, closed, failed = wanted_lines
    body = f"for c in text:\n    {enter}:\n        stack.append(c)\n{opened}    elif c in closing:\n        if stack and stack[-1] == closing[c]:\n            stack.pop()\n{closed}"
    if failed:
        body += f"        else:\n    {failed}"
    other = f"for c in text:\n    if c in closing and stack[-1:] == [closing[c]]:\n        del stack[-1]\n{closed.replace('            ', '        ')}"
    if failed:
        other += f"    elif c in closing:\n{failed}"
    other += f"    el{enter}:\n        stack += [c]\n{opened}"
    a, b = kinds[0], kinds[-1]
    letters = "".join(kinds)
    inputs = [
        f"{a[0]}{b}{a[1]}{a}",
        draws.word(letters, 5),
        "",
        a[0],
        a[1],
        f"{a[0]}{b[0]}{a[1]}{b[1]}",
        f"x{a}y{b}z",
        b[1] + a + a[0],
    ]
    inputs += [
        a[0] * 5 + a[1] * 5,
        b * 3,
        f"{a[0]}{b[0]}{b}{b[1]}{a[1]}",
        draws.word(letters + "-", 9),
        draws.word(letters, 14),
        a[0] * 2 + b + a[1] * 3,
    ]
    return function_kata(
        draws,
        (
            f"text has brackets of the kinds {' '.join(kinds)}; other characters do not matter. A closing bracket closes the last open one if it is of its "
            f"kind; otherwise it changes nothing.{stop} Return {wanted}.",
            f"Go through text. An opening bracket ({' '.join(opens.values())}) is opened; a closing one ({' '.join(opens)}) closes the last open bracket if "
            f"the kinds agree, and else nothing happens.{stop} Return {wanted}.",
        ),
        "brackets(text)",
        (
            f"closing = {opens!r}\nstack = []\n{begin}{body}return {final}",
            f"closing = {opens!r}\nstack = []\n{begin}{other}return {final}",
        ),
        [(item,) for item in inputs],
        plan=(
            "keep the open brackets on a stack.",
            "A closing bracket removes the top if the kinds agree.",
            f"Return {wanted}.",
        ),
        difficulty="hard",
    )


_ROW_TESTS = {
    "old": Piece("int(age) > {c}", ("whose age is over {c}",)),
    "young": Piece("int(age) <= {c}", ("whose age is {c} or less",)),
    "short": Piece("len(name) < {d}", ("whose name has fewer than {d} letters",)),
    "city": Piece("city == 'rome'", ("who live in rome",)),
    "abroad": Piece("city != 'oslo'", ("who do not live in oslo",)),
    "even": Piece("int(age) % 2 == 0", ("whose age is even",)),
}
_ROW_RESULTS = {
    "names": Piece("[name for name, age, city in kept]", ("the names, in order, of the people",)),
    "sum": Piece("sum(int(age) for name, age, city in kept)", ("the sum of the ages of the people",)),
    "cities": Piece(
        "sorted({city for name, age, city in kept})", ("the sorted list of the different cities of people",)
    ),
    "oldest": Piece(
        "max((int(age) for name, age, city in kept), default=-1)", ("the highest age (-1 if there is none) of people",)
    ),
    "labels": Piece(
        "[name + '@' + city for name, age, city in kept]", ("a list of name@city, in order, for the people",)
    ),
}


def _records(parameters: Parameters, draws: Draws) -> Kata:
    result, (test, c), separator = parameters
    d = c // 10 if c else 0
    condition, which = _ROW_TESTS[test].code.format(c=c, d=d), _ROW_TESTS[test].say(draws, c=c, d=d)
    wanted, final = _ROW_RESULTS[result].say(draws), _ROW_RESULTS[result].code
    c = c or 30

    def row(age: int | None = None) -> str:
        name = draws.choice(["al", "bo", "cleo", "diana", "egon", "fritzi", "ida", "max"])
        age = draws.choice([c - 1, c, c + 1, draws.between(5, 90)]) if age is None else age
        return str.join(separator, ([name, str(age), draws.choice(["rome", "oslo", "bonn"])]))

    def text(count: int) -> str:
        return "\n".join(row() for _ in range(count))

    inputs = [
        text(2),
        text(3),
        "",
        row(c),
        row(c + 1),
        "\n".join([row(c), row(c - 1)]),
        text(4),
        text(6),
        text(9),
        text(7),
        text(12),
    ]
    return function_kata(
        draws,
        (
            f"Every line of text is name{separator}age{separator}city. Return {wanted} {which}. The text may be empty.",
            f"text has one person a line, with {separator!r} between name, age and city. Return {wanted} {which}. No text means no people.",
        ),
        "people(text)",
        (
            f"kept = []\nfor line in text.splitlines():\n    name, age, city = line.split({separator!r})\n    if {condition}:\n"
            f"        kept.append((name, age, city))\nreturn {final}",
            f"rows = [line.split({separator!r}) for line in text.split('\\n') if line]\nkept = [(name, age, city) for name, age, city in rows if {condition}]\nreturn {final}",
        ),
        [(item,) for item in inputs],
        plan=("split the text into lines and lines into fields.", f"Keep people {which}.", f"Return {wanted}."),
        difficulty="medium",
    )


FAMILIES = (
    Family(
        "read-pairs",
        lambda: combine(_READ_VALUES, _AGAIN, _MARKS),
        lambda p: p,
        _pairs,
        (78, 10, 10),
        ("parsing", "dicts"),
    ),
    Family(
        "units",
        lambda: combine(
            _UNITS, [(r, n) for r in _UNIT_RESULTS for n in ((50, 100, 400) if r == "capped" else (1,))], (1, 2, 3)
        ),
        lambda p: (p[0], p[1][0]),
        _units,
        (80, 6, 6),
        ("parsing",),
    ),
    Family(
        "left-to-right",
        lambda: combine([(a, b, c) for a in _SIGNS for b in _SIGNS for c in _SIGNS if a < b < c], range(6)),
        lambda p: p[0],
        _formula,
        (150, 16, 16),
        ("parsing", "branches"),
    ),
    Family(
        "brackets",
        lambda: combine(
            _BRACKETS,
            (("()",), ("()", "[]"), ("{}", "<>"), ("()", "{}"), ("[]", "<>"), ("<>",), ("[]", "{}", "()")),
            (0, 2, 3),
        ),
        lambda p: p[:2],
        _brackets,
        (80, 8, 8),
        ("parsing", "branches"),
    ),
    Family(
        "people",
        lambda: combine(
            _ROW_RESULTS,
            [(n, c) for n, p in _ROW_TESTS.items() for c in ((18, 30, 40, 65) if "{" in p.code else (None,))],
            (",", ";", " ", "|"),
        ),
        lambda p: (p[0], p[1][0]),
        _records,
        (200, 20, 20),
        ("parsing",),
    ),
)
