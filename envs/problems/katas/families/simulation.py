"""Simulations: robots on a grid, accounts, stacks, rounds in a circle."""

from __future__ import annotations

import textwrap

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import combine, function_kata

_WALLS = {
    "free": ("", ""),
    "wall": ("x, y = min(max(x, {low}), {size}), min(max(y, {low}), {size})", "It cannot leave the field: x and y stay from {low} to {size}, and it stops at the edge."),
    "wrap": ("x, y = x % {size}, y % {size}", "x and y are always taken modulo {size}, so it comes back at the other side."),
}  # fmt: skip
_ROBOT_RESULTS = {
    "place": ("", "", "(x, y)", "its last place as a tuple (x, y)"),
    "distance": ("", "", "abs(x) + abs(y)", "the sum of the distances of its last x and y from 0"),
    "visited": (
        "seen = {(0, 0)}",
        "seen.add((x, y))",
        "len(seen)",
        "how many different places it has been at, the start included",
    ),
    "highest": (
        "best = 0",
        "best = max(best, x + 2 * y)",
        "best",
        "the largest x + 2 * y it has had, the start included",
    ),
    "returns": ("back = 0", "back += (x, y) == (0, 0)", "back", "after how many moves it was at (0, 0)"),
}


def _robot(parameters: Parameters, draws: Draws) -> Kata:
    result, walls, (up, right), size = parameters
    start, each, final, wanted = _ROBOT_RESULTS[result]
    fence, rule = (text.format(low=-1, size=size) for text in _WALLS[walls])
    lines = [
        f"if m == 'U':\n    y += {up}\nelif m == 'D':\n    y -= {up}\nelif m == 'R':\n    x += {right}\nelif m == 'L':\n    x -= {right}",
        fence,
        each,
    ]
    loop = textwrap.indent("\n".join(filter(None, lines)), "    ")
    table = f"moves_of = {{'U': (0, {up}), 'D': (0, -{up}), 'R': ({right}, 0), 'L': (-{right}, 0)}}\n"
    short = textwrap.indent(
        "\n".join(filter(None, ["dx, dy = moves_of.get(m, (0, 0))\nx, y = x + dx, y + dy", fence, each])), "    "
    )
    begin = f"x = y = 0\n{start}\n".replace("\n\n", "\n")
    inputs = [
        "URDL",
        draws.word("UDLR", 4),
        "",
        "U",
        "L",
        "DD",
        "RRRR",
        "UUUUUUU",
        "LLDDLL",
        "RULDRULD",
        draws.word("UDLR", 9),
        draws.word("UR", 8),
    ]
    inputs += [
        draws.word("UDLR-", 15),
        draws.word("DL", 7),
        "UDLR",
        "UDUDRLRLDULR",
        "U" * 24,
        "R" * 24,
        "D" * 24,
        "L" * 24,
        "RRRRRRRLLLLLLLL",
        "DDDDUUUUUUU",
    ]
    return function_kata(
        draws,
        (
            f"A robot starts at x = 0, y = 0. U raises y by {up}, D lowers it by {up}; R raises x by {right}, L lowers it by {right}; "
            f"other characters do nothing. {rule} Return {wanted}.".replace("  ", " "),
            f"The string moves steers a robot from (0, 0): 'U' and 'D' change y by +{up} and -{up}, 'R' and 'L' change x by +{right} and "
            f"-{right}, anything else is a move that changes nothing. {rule} Return {wanted}.".replace("  ", " "),
        ),
        "robot(moves)",
        (f"{begin}for m in moves:\n{loop}\nreturn {final}", f"{table}{begin}for m in moves:\n{short}\nreturn {final}"),
        [(text,) for text in inputs],
        plan=(
            "keep x and y and change them for every character.",
            f"U, D: {up} in y; R, L: {right} in x. {rule}".strip(),
            f"Return {wanted}.",
        ),
        difficulty="medium",
    )


_REFUSED = {
    "skip": ("continue", "is refused and nothing happens"),
    "fee": (
        "balance -= {fee}",
        "is refused, and a fee of {fee} is taken instead (the balance may go below zero by this)",
    ),
    "half": ("balance //= 2", "takes half of the balance instead (what is left is rounded down)"),
    "stop": ("break", "is refused and ends everything"),
}
_ACCOUNT_RESULTS = {
    "balance": ("", "balance", "the last balance"),
    "refused": ("refused", "refused", "how many withdrawals were larger than the balance"),
    "high": ("high", "high", "the highest balance there ever was, the first one included"),
}


def _account(parameters: Parameters, draws: Draws) -> Kata:
    result, refusal, first, fee, bonus = parameters
    act, words = (text.format(fee=fee) for text in _REFUSED[refusal])
    _, final, wanted = _ACCOUNT_RESULTS[result]
    begin = f"balance = {first}\n" + {"refused": "refused = 0\n", "high": "high = balance\n", "balance": ""}[result]
    count = "            refused += 1\n" if result == "refused" else ""
    high = "    high = max(high, balance)\n" if result == "high" else ""
    over = f"balance += amount + {bonus} if amount >= 10 else amount - (amount >= 0)"
    body = (
        f"{begin}for amount in amounts:\n    if amount >= 10:\n        balance += amount + {bonus}\n    elif amount >= 0:\n        balance += amount - 1\n"
        f"    else:\n        if -amount > balance:\n{count}            {act}\n        else:\n            balance += amount\n{high}return {final}"
    )
    other = (
        f"{begin}for amount in amounts:\n    if amount < 0 and balance + amount < 0:\n{count.replace('            ', '        ')}        {act}\n"
        f"    else:\n        {over}\n{high}return {final}"
    )
    lists = [
        [5, -3, 12],
        [4, -20, 9],
        [],
        [10],
        [9],
        [-first],
        [-first - 1],
        [-first - 1, 7, -2],
        [3, -50, 11, -2, -90, 10],
        [-1] * 6,
    ]
    paid = first + 10 + bonus
    lists += [[10, -paid, 30], [10, -paid - 1, 30], [10, 1 - paid, -1, -1], [9, -first - 8, 30], [9, -first - 9, 30]]
    lists += [[0, 15], [9, 15], [-first, 15], [-first - 1, 15], [0, 0, 12], [3, 0, -2, 0, -first - 9, -1]]
    lists += [
        draws.numbers(6, -15, 15),
        draws.numbers(9, -20, 20),
        [10, -12 - first - bonus, -11, 10, 0],
        draws.numbers(12, -30, 25),
    ]
    return function_kata(
        draws,
        (
            f"An account begins with {first}. Go through amounts: one of 10 or more is paid in with a bonus of {bonus}, one from 0 to 9 is "
            f"paid in less a charge of 1, a negative one is a withdrawal. A withdrawal larger than the balance {words}. Return {wanted}.",
            f"Balance at first: {first}. Amounts of at least 10 add themselves and {bonus} more, smaller ones that are not negative add "
            f"themselves less 1, negative ones take out. If more is to be taken out than the balance, it {words}. Return {wanted}.",
        ),
        "account(amounts)",
        (body, other),
        [(amounts,) for amounts in lists],
        plan=(
            "keep the balance and treat the amounts one by one.",
            f"Ten or more: add it and {bonus}.",
            f"Too large a withdrawal {words}.",
            f"Return {wanted}.",
        ),
        difficulty="medium",
    )


_WORDS = {
    "add": ("b + a", "replaces the two top numbers by their sum"),
    "sub": ("b - a", "takes a and then b from the top and puts b - a there"),
    "mul": ("b * a", "replaces the two top numbers by their product"),
    "max": ("max(b, a)", "replaces the two top numbers by the larger"),
    "mod": ("b % a if a else 0", "takes a and then b from the top and puts b modulo a there (0 if a is 0)"),
    "gap": ("abs(b - a)", "replaces the two top numbers by their distance"),
}
_ONE = {
    "dup": ("stack.append(a)\n        stack.append(a)", "puts the top number on the stack once more"),
    "drop": ("pass", "removes the top number"),
    "neg": ("stack.append(-a)", "changes the sign of the top number"),
    "inc": ("stack.append(a + 1)", "adds 1 to the top number"),
    "double": ("stack.append(2 * a)", "doubles the top number"),
}
_STACK_RESULTS = {
    "top": ("stack[-1] if stack else 0", "the top number, 0 if the stack is empty"),
    "stack": ("stack", "the stack as a list, bottom first"),
    "sum": ("sum(stack)", "the sum of the stack"),
}


def _stack(parameters: Parameters, draws: Draws) -> Kata:
    (two, one), result = parameters
    (code, words), (act, words_one), (final, wanted) = _WORDS[two], _ONE[one], _STACK_RESULTS[result]
    inputs = [
        f"3 4 {two} {one}",
        f"2 {one} 9 5 {two}",
        "",
        "7",
        one,
        two,
        f"5 {two}",
        f"1 {one}",
        f"8 {one} {one}",
        f"6 0 {two}",
    ]
    for _ in range(5):
        size = draws.between(6, 12)
        inputs.append(
            " ".join(draws.choice([two, one, str(draws.between(0, 9)), str(draws.between(0, 9))]) for _ in range(size))
        )
    return function_kata(
        draws,
        (
            f"A stack machine reads words separated by spaces. A number goes on the stack. '{two}' {words}; it does nothing if there are fewer "
            f"than two numbers. '{one}' {words_one}; nothing if the stack is empty. Return {wanted}.",
            f"Run the program, words with spaces between: numbers are pushed on a stack, '{two}' {words} (ignored with fewer than two numbers "
            f"there), '{one}' {words_one} (ignored on an empty stack). At the end return {wanted}.",
        ),
        "machine(program)",
        (
            "stack = []\nfor word in program.split():\n"
            f"    if word == {two!r}:\n        if len(stack) > 1:\n            a = stack.pop()\n            b = stack.pop()\n"
            f"            stack.append({code})\n    elif word == {one!r}:\n        if stack:\n            a = stack.pop()\n"
            f"            {act}\n    else:\n        stack.append(int(word))\nreturn {final}".replace(
                "\n        stack.append(a)\n    el", "\n            stack.append(a)\n    el"
            ),
            "stack = []\nfor word in program.split():\n    if word.isdigit():\n        stack.append(int(word))\n"
            f"    elif word == {two!r} and len(stack) >= 2:\n        *stack, b, a = stack\n        stack.append({code})\n"
            f"    elif word == {one!r} and stack:\n        *stack, a = stack\n        {act}\nreturn {final}",
        ),
        [(text,) for text in inputs],
        plan=(
            "keep a list as a stack and go through the words.",
            f"{two}: {words}.",
            f"{one}: {words_one}.",
            f"Return {wanted}.",
        ),
        difficulty="hard",
    )


def _circle(parameters: Parameters, draws: Draws) -> Kata:
    result, k, left, back = parameters
    wanted = {
        "left": f"the list, in order of number, of the last {left} people",
        "order": "the list of the removed people in the order in which they went",
        "last": "the person removed last, 0 if nobody was removed",
    }[result]
    final = {"left": "sorted(people)", "order": "gone", "last": "gone[-1] if gone else 0"}[result]
    step = f"place = (place - {k}) % len(people)" if back else f"place = (place + {k - 1}) % len(people)"
    first = "place = 0\n"
    way = (
        f"Counting starts at person 1 and goes downwards: from there go {k} places back (from 1 to n), and that person goes; after that, go "
        f"{k} places back from the place of the one who went"
        if back
        else f"Counting starts with person 1 as 1, and whoever is counted as {k} goes; counting goes on with the next person as 1"
    )
    rotate = (
        f"    people = people[-{k} % len(people):] + people[:-{k} % len(people)]\n    gone.append(people.pop(0))\n"
        if back
        else f"    people = people[{k - 1} % len(people):] + people[:{k - 1} % len(people)]\n    gone.append(people.pop(0))\n"
    )
    numbers = [5, 7, 0, 1, left, left + 1, left + 2, 10, 12, draws.between(13, 20), 25, k, k + 1, 9]
    return function_kata(
        draws,
        (
            f"The people 1 to n stand in a circle. {way}, until only {left} are left. Return {wanted}.",
            f"n people, numbered from 1, form a circle that closes after every removal. {way}; this ends as soon as at most {left} are left. "
            f"Return {wanted}.",
        ),
        "circle(n)",
        (
            f"people = list(range(1, n + 1))\ngone = []\n{first}while len(people) > {left}:\n    {step}\n    gone.append(people.pop(place))\nreturn {final}",
            f"people = list(range(1, n + 1))\ngone = []\nwhile len(people) > {left}:\n{rotate}return {final}",
        ),
        [(n,) for n in numbers],
        plan=("keep a list of people and remove them one by one.", f"{way}.", f"Return {wanted}."),
        difficulty="hard",
    )


FAMILIES = (
    Family(
        "robot",
        lambda: [
            p
            for p in combine(_ROBOT_RESULTS, _WALLS, combine(range(1, 4), range(1, 4)), range(3, 7))
            if p[1] != "free" or p[3] == 3
        ],
        lambda p: (p[0], p[1], p[2]),
        _robot,
        (220, 24, 24),
        ("simulation", "branches"),
    ),
    Family(
        "account",
        lambda: [
            p
            for p in combine(_ACCOUNT_RESULTS, _REFUSED, (0, 5, 10, 20), range(1, 4), range(1, 4))
            if p[1] == "fee" or p[3] == 1
        ],
        lambda p: p[:3],
        _account,
        (140, 8, 8),
        ("simulation", "branches"),
    ),
    Family(
        "stack-machine",
        lambda: combine(combine(_WORDS, _ONE), _STACK_RESULTS),
        lambda p: p[0],
        _stack,
        (70, 9, 9),
        ("simulation", "branches"),
    ),
    Family(
        "circle",
        lambda: combine(("left", "order", "last"), range(2, 9), range(1, 5), (False, True)),
        lambda p: (p[0], p[1], p[3]),
        _circle,
        (120, 12, 12),
        ("simulation",),
    ),
)
