"""Short programs with two to eight conditionals, for research on curricula: rules for one number or for each of many.

They are made of the maps and filters of `list_filters`, so a model of the size of `tiny` that is trained on the train
split solves a part of them: the more conditionals, the fewer. Every branch of every program is taken by some input.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.families.list_filters import FILTERS, MAPS
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import Piece, function_kata

Rule = tuple[str, int | None, str, int | None]
"""Filter, its constant, map, its constant: what happens to which x."""

_REACH = range(-16, 48)
_ENOUGH = 2
"""Numbers of `_REACH` that a rule must catch before the next one is asked."""


@dataclass(frozen=True)
class Words:
    """Code and phrasing of one rule's filter and map."""

    test: str
    which: str
    value: str
    said: str


def words_of(rule: Rule, draws: Draws, wrong: Callable[[Piece], bool] = lambda piece: False) -> Words:
    """A rule in code and in words; `wrong` says which fragile pieces are written with their typical mistake."""
    f, d, m, c = rule
    filter_piece, map_piece = FILTERS[f], MAPS[m]
    test, value = (
        piece.mistake if piece.mistake and wrong(piece) else piece.code for piece in (filter_piece, map_piece)
    )
    which, said = filter_piece.say(draws, c=d), map_piece.say(draws, c=c)
    return Words(test.format(c=d), which, value.format(c=c), said)


def rules(draws: Draws, count: int) -> tuple[Rule, ...]:
    """Rules to be asked in order, each of which some numbers reach, the end after the last one too."""
    drawn: list[Rule] = []
    left = frozenset(_REACH)
    tries = 0
    while len(drawn) < count:
        tries += 1
        if tries % (30 if count < 6 else 400) == 0:
            drawn, left = [], frozenset(_REACH)
        rule = _rule(draws)
        caught = left & _caught(*rule[:2])
        if min(len(caught), len(left) - len(caught)) >= _ENOUGH and all(rule[2:] != other[2:] for other in drawn):
            drawn.append(rule)
            left -= caught
    return tuple(drawn)


@functools.cache
def _caught(f: str, d: int | None) -> frozenset[int]:
    test = eval("lambda x: " + FILTERS[f].code.format(c=d))  # code of this package's pieces
    return frozenset(filter(test, _REACH))


def _rule(draws: Draws) -> Rule:
    f, m = draws.choice(list(FILTERS)), draws.choice(list(MAPS))
    return (f, _constant(draws, FILTERS[f], 3 if f == "multiple" else 2), m, _constant(draws, MAPS[m], 2))


def _constant(draws: Draws, piece: Piece, low: int) -> int | None:
    return draws.between(low, 9) if "{c}" in piece.code else None


def _edges(rules: Sequence[Rule], draws: Draws) -> list[int]:
    """Numbers at which a rule begins or ends to hold, some others, all in random order."""
    near = {number for _, d, _, _ in rules for number in ((d or 0) - 1, d or 0, (d or 0) + 1, 2 * (d or 1))}
    caught = []
    left = list(_REACH)
    for f, d, _, _ in rules:
        caught += draws.sample([x for x in left if x in _caught(f, d)], 3)
        left = [x for x in left if x not in _caught(f, d)]
    return draws.shuffled(list(dict.fromkeys([*caught, *draws.sample(left, 3), *sorted(near), 0, 1, -1, 17])))


def _lists(rules: Sequence[Rule], draws: Draws) -> list[tuple[list[int]]]:
    edges = _edges(rules, draws)
    some = [[x] for x in edges[:14]]
    return [([*edges[:2]],), ([edges[2], edges[0]],), ([],), *((xs,) for xs in some), (edges,), (edges[::-1],)] + [
        (draws.sample(edges, 5) + draws.numbers(3, -5, 30),) for _ in range(4)
    ]


def _chain(parameters: Parameters, draws: Draws) -> Kata:
    *asked, otherwise = [words_of(rule, draws) for rule in parameters]
    said = ", else ".join(f"{w.said} for {w.which}" for w in asked)
    body = "".join(f"if {w.test}:\n    return {w.value}\n" for w in asked) + f"return {otherwise.value}"
    other = "".join(f"{'el' if i else ''}if {w.test}:\n    r = {w.value}\n" for i, w in enumerate(asked))
    return function_kata(
        draws,
        (f"{said}, else {otherwise.said}", f"{said}; {otherwise.said} for any other x"),
        "f(x)",
        (body, f"{other}else:\n    r = {otherwise.value}\nreturn r"),
        [(x,) for x in _edges(parameters[:-1], draws)],
        plan=("ask for one kind of x after the other and return at the first that fits.", f"{said}."),
    )


_VERBS = (("add", "+"), ("subtract", "-"))


def _loop(parameters: Parameters, draws: Draws) -> Kata:
    signs, asked_rules = parameters
    asked = [words_of(rule, draws) for rule in asked_rules]
    said = ", else ".join(f"{_VERBS[sign][0]} {w.said} for {w.which}" for sign, w in zip(signs, asked, strict=True))
    arms = "".join(
        f"    {'el' if i else ''}if {w.test}:\n        t {_VERBS[sign][1]}= {w.value}\n"
        for i, (sign, w) in enumerate(zip(signs, asked, strict=True))
    )
    skipping = "".join(
        f"    if {w.test}:\n        t {_VERBS[sign][1]}= {w.value}\n        continue\n"
        for sign, w in zip(signs, asked, strict=True)
    )
    return function_kata(
        draws,
        (f"from 0, each x of xs: {said}", f"start at 0 and go through xs: {said}"),
        "f(xs)",
        (f"t = 0\nfor x in xs:\n{arms}return t", f"t = 0\nfor x in xs:\n{skipping}return t"),
        _lists(asked_rules, draws),
        plan=("keep a number that begins as 0 and go through xs.", f"{said}.", "Return the number."),
    )


def _collect(parameters: Parameters, draws: Draws) -> Kata:
    ends, (stop, *kept_rules) = parameters
    last = words_of(stop, draws)
    kept = [words_of(rule, draws) for rule in kept_rules]
    word, code = (("stop at", "break"), ("skip", "continue"))[ends]
    said = ", else ".join(f"{w.said} for {w.which}" for w in kept)
    arms = "".join(f"    {'el' if i else ''}if {w.test}:\n        r.append({w.value})\n" for i, w in enumerate(kept))
    first = f"r = []\nfor x in xs:\n    if {last.test}:\n        {code}\n{arms}return r"
    adding = "".join(f"{'el' if i else ''}if {w.test}:\n    r += [{w.value}]\n" for i, w in enumerate(kept))
    if code == "break":
        second = (
            f"r = []\nfor x in xs:\n    if {last.test}:\n        return r\n{textwrap.indent(adding, '    ')}return r"
        )
    else:
        inside = textwrap.indent(adding, "        ")
        second = f"r = []\nfor x in xs:\n    if not ({last.test}):\n{inside}return r"
    return function_kata(
        draws,
        (f"list for xs, {word} {last.which}: {said}", f"go through xs, {word} {last.which}, and list {said}"),
        "f(xs)",
        (first, second),
        _lists([stop, *kept_rules], draws),
        plan=(f"go through xs and build a list; {word} {last.which}.", f"{said}.", "Return the list."),
    )


def _repeat(parameters: Parameters, draws: Draws) -> Kata:
    times, asked_rules = parameters
    *asked, otherwise = [words_of(rule, draws) for rule in asked_rules]
    said = ", else ".join(f"{w.said} for {w.which}" for w in asked)
    arms = "".join(f"    {'el' if i else ''}if {w.test}:\n        x = {w.value}\n" for i, w in enumerate(asked))
    chosen = " else ".join(f"{w.value} if {w.test}" for w in asked)
    return function_kata(
        draws,
        (
            f"{times} times make x: {said}, else {otherwise.said}",
            f"replace x {times} times: {said}, else {otherwise.said}",
        ),
        "f(x)",
        (
            f"for i in range({times}):\n{arms}    else:\n        x = {otherwise.value}\nreturn x",
            f"i = 0\nwhile i < {times}:\n    x = {chosen} else {otherwise.value}\n    i += 1\nreturn x",
        ),
        [(x,) for x in _edges(asked_rules[:-1], draws)],
        plan=(f"change x {times} times and return it.", f"{said}, else {otherwise.said}."),
    )


def _nested(parameters: Parameters, draws: Draws) -> Kata:
    outer, *inner = parameters
    first, yes, no = (words_of(rule, draws) for rule in parameters)
    ask, a, b = first.test, yes.test.replace("x", "y"), no.test.replace("x", "y")
    which_a, which_b = yes.which.replace("x", "y"), no.which.replace("x", "y")
    statements = tuple(
        f"for {first.which}: {yes.said} for {which_a}{other} x; for other x: {no.said} for {which_b}{other} {first.said}"
        for other in (", else", ", otherwise")
    )
    code = (
        f"if {ask}:\n    if {a}:\n        return {yes.value}\n    return x\n"
        f"if {b}:\n    return {no.value}\nreturn {first.value}"
    )
    other = (
        f"if {ask}:\n    r = {yes.value} if {a} else x\nelif {b}:\n    r = {no.value}\n"
        f"else:\n    r = {first.value}\nreturn r"
    )
    numbers = _edges([outer], draws)
    seconds = _edges(inner[:1], draws)[:9] + _edges(inner[1:], draws)[:9]
    pairs = [(x, y) for x in numbers[:7] for y in draws.sample(seconds, 5)]
    return function_kata(
        draws,
        statements,
        "f(x, y)",
        (code, other),
        [*pairs, *zip(numbers, seconds, strict=False)],
        plan=("ask about x, then about y, and return what fits.", f"{statements[0]}."),
        difficulty="medium",
    )


_COMPARED = (("a > b", "more"), ("a < b", "fewer"), ("a == b", "as many"))


def _count(parameters: Parameters, draws: Draws) -> Kata:
    compared, (one, two) = parameters
    first, second = words_of(one, draws), words_of(two, draws)
    test, said = _COMPARED[compared]
    than = "as" if said == "as many" else "than"
    loop = f"a = b = 0\nfor x in xs:\n    if {first.test}:\n        a += 1\n    if {second.test}:\n        b += 1\n"
    return function_kata(
        draws,
        (
            f"count a: {first.which}, b: {second.which}, over xs; a - b if {test}, else a * b",
            f"xs with a of {first.which} and b of {second.which}: a - b if {said} a {than} b, else a * b",
        ),
        "f(xs)",
        (
            f"{loop}if {test}:\n    return a - b\nreturn a * b",
            f"a = sum(1 for x in xs if {first.test})\nb = sum(1 for x in xs if {second.test})\n"
            f"return a - b if {test} else a * b",
        ),
        [*_lists((one, two), draws), *_balanced(one, two, draws)],
        plan=(
            "count two kinds of x in one loop.",
            f"a counts {first.which}, b counts {second.which}.",
            f"Return a - b if {test}, else a * b.",
        ),
    )


def _balanced(one: Rule, two: Rule, draws: Draws) -> Iterator[tuple[list[int]]]:
    """Lists in which both kinds occur about equally often."""
    caught = [_caught(f, d) for f, d, _, _ in (one, two)]
    kinds = [
        [x for x in _REACH if (x in caught[0]) == a and (x in caught[1]) == b] for a, b in ((1, 0), (0, 1), (1, 1))
    ]
    for counts in ((1, 1, 0), (2, 1, 0), (1, 2, 0), (2, 2, 0), (3, 1, 0), (1, 1, 2), (0, 1, 1), (1, 0, 1), (3, 3, 1)):
        yield (draws.shuffled([x for kind, n in zip(kinds, counts, strict=True) for x in draws.sample(kind, n)]),)


def _pick(parameters: Parameters, draws: Draws) -> Kata:
    largest, asked_rules = parameters
    first, second = (words_of(rule, draws) for rule in asked_rules)
    word, sign, better = (("largest", ">", "max"), ("smallest", "<", "min"))[largest]
    code = (
        f"r = None\nfor x in xs:\n    if {first.test}:\n        v = {first.value}\n    elif {second.test}:\n"
        f"        v = {second.value}\n    else:\n        continue\n    if r is None or v {sign} r:\n        r = v\nreturn r"
    )
    other = (
        f"found = [{first.value} if {first.test} else {second.value} for x in xs if {first.test} or {second.test}]\n"
        f"return {better}(found, default=None)"
    )
    said = f"{first.said} for {first.which}, else {second.said} for {second.which}"
    return function_kata(
        draws,
        (f"{word} over xs, or None: {said}", f"{better} over xs (None if empty) of {said}"),
        "f(xs)",
        (code, other),
        _lists(asked_rules, draws),
        plan=(f"go through xs and remember the {word} value.", f"{said}; skip the others.", "Return it, or None."),
        difficulty="medium",
    )


_PARSED = (("skip it", "continue"), ("add 1", "t += 1\n        continue"), ("stop", "break"))


def _parse(parameters: Parameters, draws: Draws) -> Kata:
    refused, asked_rules = parameters
    asked = [words_of(rule, draws) for rule in asked_rules]
    word, code = _PARSED[refused]
    said = ", else ".join(f"add {w.said} for {w.which}" for w in asked)
    arms = "".join(f"    {'el' if i else ''}if {w.test}:\n        t += {w.value}\n" for i, w in enumerate(asked))
    inputs = [
        ([*map(str, xs)],) if turn % 3 == 0 else ([*map(str, xs[:2]), draws.choice(("a", "-", "")), *map(str, xs[2:])],)
        for turn, (xs,) in enumerate(_lists(asked_rules, draws))
    ]
    return function_kata(
        draws,
        (
            f"from 0, each word of ws as int x: {said}; if it is no int, {word}",
            f"go through ws, x is int of the word; if that fails, {word}. Start at 0, {said}",
        ),
        "f(ws)",
        (
            f"t = 0\nfor w in ws:\n    try:\n        x = int(w)\n    except ValueError:\n        {code}\n{arms}return t",
            f"t = 0\nfor w in ws:\n    if not w.lstrip('-').isdigit():\n        {code}\n    x = int(w)\n{arms}return t",
        ),
        inputs,
        plan=(f"go through ws and read each word as a number; if it is none, {word}.", f"{said}.", "Return the sum."),
        difficulty="medium",
    )


def _drawn(name: str, count: int, draw: Callable[[Draws], Parameters]) -> Callable[[], list[Parameters]]:
    """Different parameters, `count` of them."""

    def parameters() -> list[Parameters]:
        draws = Draws("rules", name)
        kept: dict[Parameters, None] = {}
        while len(kept) < count:
            kept[draw(draws)] = None
        return list(kept)

    return parameters


def _kinds(rules: Sequence[Rule]) -> tuple[tuple[str, str], ...]:
    return tuple((f, m) for f, _, m, _ in rules)


def _signs(draws: Draws, count: int) -> tuple[int, ...]:
    return tuple(draws.below(2) for _ in range(count))


def _chained(count: int) -> Callable[[Draws], Parameters]:
    return lambda draws: (*rules(draws, count), _rule(draws))


def loop_family(name: str, rules_of: Callable[[Draws], int], drawn: int, counts: tuple[int, int, int]) -> Family:
    """The family of loops that add or subtract by the first of some rules that holds."""
    return Family(
        f"rules-{name}",
        _drawn(name, drawn, lambda draws: (lambda n: (_signs(draws, n), rules(draws, n)))(rules_of(draws))),
        lambda p: (p[0], _kinds(p[1][:2])),
        _loop,
        counts,
        ("branches", "rules", "lists"),
    )


FAMILIES = (
    *(
        Family(
            f"rules-chain-{count}",
            _drawn(f"chain-{count}", 700, _chained(count)),
            lambda p: _kinds(p[:2]),
            _chain,
            (400, 25, 25),
            ("branches", "rules", "numbers"),
        )
        for count in (2, 3, 4, 5)
    ),
    loop_family("loop", lambda draws: draws.between(1, 4), 1200, (500, 25, 25)),
    Family(
        "rules-collect",
        _drawn("collect", 900, lambda draws: (draws.below(2), rules(draws, draws.between(2, 5)))),
        lambda p: (p[0], _kinds(p[1][:2])),
        _collect,
        (500, 25, 25),
        ("branches", "rules", "lists"),
    ),
    Family(
        "rules-repeat",
        _drawn("repeat", 1200, lambda draws: (draws.between(2, 4), (*rules(draws, draws.between(1, 4)), _rule(draws)))),
        lambda p: (p[0], _kinds(p[1][:2])),
        _repeat,
        (500, 25, 25),
        ("branches", "rules", "simulation"),
    ),
    Family(
        "rules-nested",
        _drawn("nested", 1000, lambda draws: (rules(draws, 1)[0], rules(draws, 1)[0], rules(draws, 1)[0])),
        lambda p: _kinds(p[:2]),
        _nested,
        (400, 25, 25),
        ("branches", "rules", "numbers"),
    ),
    Family(
        "rules-count",
        _drawn("count", 1000, lambda draws: (draws.below(3), tuple((f, d, "same", None) for f, d, _, _ in rules(draws, 2)))),
        lambda p: (p[0], _kinds(p[1])),
        _count,
        (300, 25, 25),
        ("branches", "rules", "lists"),
    ),
    Family(
        "rules-pick",
        _drawn("pick", 1000, lambda draws: (draws.below(2), rules(draws, 2))),
        lambda p: (p[0], _kinds(p[1])),
        _pick,
        (400, 25, 25),
        ("branches", "rules", "lists"),
    ),
    Family(
        "rules-parse",
        _drawn("parse", 1000, lambda draws: (draws.below(3), rules(draws, draws.between(1, 3)))),
        lambda p: (p[0], _kinds(p[1][:2])),
        _parse,
        (400, 25, 25),
        ("branches", "rules", "parsing"),
    ),
)  # fmt: skip
