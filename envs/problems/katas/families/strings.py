"""Text: characters, words, runs, palindromes, shifted alphabets."""

from __future__ import annotations

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import Piece, combine, function_kata, with_constants

CHARACTERS_THAT_ARE = {
    "vowels": Piece("{x} in 'aeiou'", ("lower-case vowels (a, e, i, o, u)",)),
    "consonants": Piece("{x}.islower() and {x} not in 'aeiou'", ("lower-case consonants",)),
    "capitals": Piece("{x}.isupper()", ("upper-case letters",)),
    "small": Piece("{x}.islower()", ("lower-case letters",)),
    "digits": Piece("{x}.isdigit()", ("digits",)),
    "others": Piece("not {x}.isalnum()", ("neither letters nor digits",)),
    "early": Piece("'a' <= {x} <= 'f'", ("letters from a to f, lower case",)),
    "late": Piece("{x} > 'm'", ("later than 'm' in the order of character codes",)),
}
_PARTS = {
    "all": ("s", "s"),
    "odd": ("s[1::2]", "the characters of s at positions 1, 3, 5 and so on (the first is 0)"),
    "rest": ("s[1:]", "s without its first character"),
    "body": ("s[:-1]", "s without its last character"),
    "half": ("s[:len(s) // 2]", "the first half of s (the shorter one if its length is odd)"),
    "thirds": ("s[::3]", "every third character of s, the first one included"),
}
_PICKS = {
    "count": Piece("len([{items}])", ("how many characters there are", "the number of characters")),
    "keep": Piece(
        "''.join({items})",
        ("a string of just the characters", "the text that is left after keeping only the characters"),
    ),
    "upper": Piece("''.join({items}).upper()", ("in upper case the characters", "in capitals, joined, the characters")),
    "set": Piece("len({{{items}}})", ("how many different characters there are", "the number of distinct characters")),
}
_LETTERS = "abefgimnouzAEKZ059 -,"


def texts(draws: Draws, letters: str = _LETTERS) -> list[str]:
    """Strings with every sort of character, short and long, and the empty one."""
    made = ["".join(draws.shuffled("aBe7-mnz")), draws.word(letters, 5), "", "a", "Z", "f", "gm", "n7", "E0 ,u"]
    return made + [draws.word(letters, length) for length in (9, 14, 20)] + ["7abbccf-gg0099zz", "-HELLO, world 2024!"]


def _characters(parameters: Parameters, draws: Draws) -> Kata:
    pick, part, test = parameters
    condition = CHARACTERS_THAT_ARE[test].code.format(x="c")
    source, where = _PARTS[part]
    wanted, which = _PICKS[pick].say(draws), CHARACTERS_THAT_ARE[test].say(draws)
    final = {"count": "len(found)", "keep": "found", "upper": "found.upper()", "set": "len(set(found))"}[pick]
    return function_kata(
        draws,
        (
            f"Return {wanted} in {where} that are {which}.",
            f"Look at {where}. Return {wanted} that are {which}.",
        ),
        "characters(s)",
        (
            "return " + _PICKS[pick].code.format(items=f"c for c in {source} if {condition}"),
            f"found = ''\nfor c in {source}:\n    if {condition}:\n        found += c\nreturn {final}",
        ),
        [(text,) for text in texts(draws)],
        plan=(f"go through {where}, return {wanted} that fit.", f"A character fits if it is among {which}."),
    )


_CHANGES = {
    "drop": Piece("''.join(c for c in s if c not in 'aeiouAEIOU')", ("remove all vowels, of either case",)),
    "star": Piece("''.join('*' if c.isdigit() else c for c in s)", ("replace every digit by a star",)),
    "double": Piece("''.join(c * {c} for c in s)", ("repeat every character {c} times",)),
    "reverse": Piece("s[::-1]", ("reverse the text",)),
    "swap": Piece("s.swapcase()", ("turn upper into lower case and the other way round",)),
    "sort": Piece("''.join(sorted(s))", ("sort the characters by their code",)),
    "rotate": Piece(
        "s[{c}:] + s[:{c}]", ("move the first {c} characters to the end (if it is shorter, nothing changes)",)
    ),
    "cut": Piece("s[:{c}]", ("keep the first {c} characters",)),
    "skip": Piece("s[{c}:]", ("remove the first {c} characters",)),
    "every": Piece("s[::{c}]", ("keep every character whose position, from 0, is divisible by {c}",)),
    "spaces": Piece("s.replace(' ', '-')", ("replace every space by a hyphen",)),
    "edge": Piece("s.strip()", ("remove spaces at both ends",)),
}


def _change(parameters: Parameters, draws: Draws) -> Kata:
    (one, c), (two, d) = parameters
    first, second = _CHANGES[one], _CHANGES[two]
    inputs = [draws.word("abeiXYO37", 6), draws.word("abcdeAE 19", 8), "", "a", " Ab 1 ", "  hello World 42 ", "zebra"]
    inputs += ["AEIOU aeiou", "0123456789", draws.word("xyzABC aei", 13), draws.word("qwertyUIOP 12", 17)]
    return function_kata(
        draws,
        (
            f"Return s after two changes: first {first.say(draws, c=c)}; then {second.say(draws, c=d)}.",
            f"Change the text s: {first.say(draws, c=c)}. After that, {second.say(draws, c=d)}. Return the result.",
        ),
        "change(s)",
        (
            f"s = {first.code.format(c=c)}\nreturn {second.code.format(c=d)}",
            f"t = {first.code.format(c=c)}\nreturn (lambda s: {second.code.format(c=d)})(t)",
        ),
        [(text,) for text in inputs],
        plan=(
            "make one text from another, two times.",
            f"First {first.say(draws, c=c)}.",
            f"Then {second.say(draws, c=d)}.",
        ),
    )


_KINDS = {
    "small": ("c.islower()", "lower-case letters", (("islower", "a"),)),
    "capital": ("c.isupper()", "upper-case letters", (("isupper", "A"),)),
    "both": ("c.isalpha()", "letters (which keep their case)", (("islower", "a"), ("isupper", "A"))),
    "digits": ("c.isdigit()", "digits", (("isdigit", "0"),)),
}


def _shift(parameters: Parameters, draws: Draws) -> Kata:
    kind, rest, k, back = parameters
    _, which, alphabets = _KINDS[kind]
    size = 10 if kind == "digits" else 26
    sign = "-" if back else "+"
    keep = {"keep": "c", "drop": "''", "dash": "'-'"}[rest]
    others = {"keep": "stay as they are", "drop": "are left out", "dash": "become '-'"}[rest]
    branches = "".join(
        f"    {'el' if number else ''}if c.{method}():\n        out += chr((ord(c) - {ord(base)} {sign} {k}) % {size} + {ord(base)})\n"
        for number, (method, base) in enumerate(alphabets)
    )
    alphabet = {"a": "abcdefghijklmnopqrstuvwxyz", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0": "0123456789"}
    rows = "".join(
        f"table = {{**table, **{{a: b for a, b in zip({alphabet[base]!r}, {alphabet[base]!r}[{(-k if back else k) % size}:] + "
        f"{alphabet[base]!r}[:{(-k if back else k) % size}])}}}}\n"
        for _, base in alphabets
    )
    default = {"keep": "c", "drop": "''", "dash": "'-'"}[rest]
    inputs = [
        draws.word("abXyz Z9", 6),
        draws.word("mnOPq 05", 7),
        "",
        "az",
        "AZ",
        "09",
        "Hello, World!",
        "The quick 123 fox.",
    ]
    inputs += ["abcdefghijklmnopqrstuvwxyz", "ZYXWVUTSRQPONMLKJIHGFEDCBA", "9876543210", draws.word("aAzZ09 -", 12)]
    where = "back" if back else "forward"
    turn = "from the first on to the last" if back else "from the last on to the first"
    return function_kata(
        draws,
        (
            f"Move the {which} of s by {k} places {where} in their alphabet (0 to 9 for digits), going {turn}. Other "
            f"characters {others}.",
            f"Shift {which} in s {where} by {k}; the alphabet, or 0 to 9 for digits, wraps around. All other characters {others}.",
        ),
        "shift(s)",
        (
            f"out = ''\nfor c in s:\n{branches}    else:\n        out += {keep}\nreturn out",
            f"table = {{}}\n{rows}return ''.join(table.get(c, {default}) for c in s)",
        ),
        [(text,) for text in inputs],
        plan=("build the answer character by character.", f"Shift {which} by {k}; the others {others}."),
        difficulty="medium",
    )


_WORDS_THAT = {
    "longer": Piece("len(w) > {c}", ("have more than {c} letters",)),
    "shorter": Piece("len(w) < {c}", ("have fewer than {c} letters",)),
    "length": Piece("len(w) == {c}", ("have exactly {c} letters",)),
    "vowel": Piece("w[0] in 'aeiou'", ("begin with a, e, i, o or u",)),
    "even": Piece("len(w) % 2 == 0", ("have an even number of letters",)),
    "mirror": Piece("w == w[::-1]", ("read the same backwards",)),
    "repeat": Piece("len(set(w)) < len(w)", ("contain some letter twice or more often",)),
    "ordered": Piece("list(w) == sorted(w)", ("have their letters in alphabetical order",)),
}
_WORD_RESULTS = {
    "count": Piece("len({found})", ("count the words that {f}",)),
    "join": Piece("'-'.join({found})", ("join with hyphens the words that {f}",)),
    "list": Piece("{found}", ("list, in order, the words that {f}",)),
    "sorted": Piece("sorted({found})", ("list in alphabetical order the words that {f}",)),
    "letters": Piece("sum(len(w) for w in {found})", ("count the letters in all words that {f}",)),
    "first": Piece("({found} + [''])[0]", ("give the first word ('' if there is none) of those that {f}",)),
    "longest": Piece(
        "max({found}, key=len, default='')",
        ("give the longest word (the first of equal ones, '' if none) of those that {f}",),
    ),
    "capital": Piece("[w.upper() for w in {found}]", ("list in upper case, in order, the words that {f}",)),
}


def _words(parameters: Parameters, draws: Draws) -> Kata:
    result, (test, c) = parameters
    piece = _WORDS_THAT[test]
    task = _WORD_RESULTS[result].say(draws, f=piece.say(draws, c=c))
    condition = piece.code.format(c=c)
    some = [
        "level",
        "at",
        "apple",
        "sky",
        "bee",
        "noon",
        "all",
        "first",
        "orange",
        "banana",
        "i",
        "biopsy",
        "zoo",
        "tree",
        "umbrella",
        "cot",
    ]
    lengths = ["a", "be", "cat", "deep", "enter", "friend", "glasses"]
    texts = [
        " ".join(draws.sample(some, 4)),
        " ".join(draws.sample(lengths, 4)),
        "",
        "noon",
        " ".join(lengths),
        " ".join(some),
    ]
    texts += [" ".join(draws.sample(some + lengths, n)) for n in (3, 6, 8, 10)] + ["xyz  wwww", " ".join(lengths[::-1])]
    return function_kata(
        draws,
        (
            f"The text is made of lower-case words and spaces: {task}.",
            f"Split the text at its spaces and {task}. All letters are lower case.",
        ),
        "words(text)",
        (
            f"found = [w for w in text.split() if {condition}]\nreturn {_WORD_RESULTS[result].code.format(found='found')}",
            f"found = []\nfor w in text.split():\n    if {condition}:\n        found.append(w)\n"
            f"return {_WORD_RESULTS[result].code.format(found='found')}",
        ),
        [(text,) for text in texts],
        plan=(
            "split the text into words, keep some, then make the answer.",
            f"Keep words that {piece.say(draws, c=c)}.",
        ),
    )


_RUN_FORMS = {
    "count-first": Piece("f'{{n}}{{c}}'", ("its length followed by the character",)),
    "letter-first": Piece("f'{{c}}{{n}}'", ("the character followed by its length",)),
    "brackets": Piece("f'{{c}}[{{n}}]'", ("the character and its length in square brackets",)),
    "single": Piece("c", ("the character once",)),
    "short": Piece("c if n == 1 else f'{{c}}{{n}}'", ("the character, followed by its length unless that is 1",)),
}


def _runs(parameters: Parameters, draws: Draws) -> Kata:
    form, separator, least = parameters
    code, words = _RUN_FORMS[form].code.format(), _RUN_FORMS[form].say(draws)
    joined = f"joined by {separator!r}" if separator else "joined without anything between them"
    only = f" Runs shorter than {least} are left out." if least > 1 else ""
    condition = f"if n >= {least}" if least > 1 else ""
    inputs = [
        "aaabcc",
        draws.word("ab", 7),
        "",
        "a",
        "aa",
        "bbb",
        "cccc",
        "aabbaa",
        "xyzzy",
        "aaaaaaaaaaaab",
        draws.word("xy ", 12),
    ]
    inputs += [draws.word("pq", 16), "aaabbbbccccc", "dddddeeeefffgg", "hhhhh ii jjj k", "llllll"]
    return function_kata(
        draws,
        (
            f"A run is a longest stretch of one repeated character. Describe each run of s by {words}, {joined}.{only}",
            f"Replace every stretch of equal neighbouring characters in s by {words}, {joined}.{only}",
        ),
        "runs(s)",
        (
            "found = []\nfor c in s:\n    if found and found[-1][0] == c:\n        found[-1][1] += 1\n    else:\n"
            f"        found.append([c, 1])\nreturn {separator!r}.join({code} for c, n in found {condition})".replace(
                " )", ")"
            ),
            "import itertools\nfound = [(c, len(list(group))) for c, group in itertools.groupby(s)]\n"
            f"return {separator!r}.join({code} for c, n in found {condition})".replace(" )", ")"),
        ),
        [(text,) for text in inputs],
        plan=("collect the runs of s with their lengths, then write each of them.", f"Write {words}, {joined}."),
        difficulty="medium",
    )


_STRING_TESTS = {
    "mirror": Piece("s == s[::-1]", ("s reads the same backwards",)),
    "longer": Piece("len(s) > {c}", ("s has more than {c} characters",)),
    "digit": Piece("any(c.isdigit() for c in s)", ("s contains a digit",)),
    "letters": Piece("s.isalpha()", ("s is not empty and has nothing but letters",)),
    "ends": Piece("s[:1] == s[-1:]", ("s begins and ends with the same character (true if it is empty)",)),
    "distinct": Piece("len(set(s)) == len(s)", ("no character occurs twice in s",)),
    "many": Piece("s.count('a') >= {c}", ("the letter a occurs at least {c} times in s",)),
    "even": Piece("len(s) % 2 == 0", ("the length of s is even",)),
    "small": Piece("s == s.lower()", ("s has no upper-case letter",)),
    "sorted": Piece("list(s) == sorted(s)", ("the characters of s are in the order of their codes",)),
}
_JOINTS = {
    "and": ("{p} and {q}", "both of these hold: {p}; {q}"),
    "or": ("{p} or {q}", "at least one of these holds: {p}; {q}"),
    "xor": ("({p}) != ({q})", "exactly one of these holds: {p}; {q}"),
    "but": ("{p} and not ({q})", "the first of these holds and the second does not: {p}; {q}"),
}


def _check(parameters: Parameters, draws: Draws) -> Kata:
    joint, (one, c), (two, d) = parameters
    p, q = _STRING_TESTS[one], _STRING_TESTS[two]
    code, words = _JOINTS[joint]
    words = words.format(p=p.say(draws, c=c), q=q.say(draws, c=d))
    joined = code.format(p=p.code.format(c=c), q=q.code.format(c=d))
    n, m = c or 3, d or 4
    inputs = [
        "level",
        draws.word("abA1", 4),
        "",
        "a",
        "ab",
        "abba",
        "aaa",
        "aaaa",
        "Abc",
        "a1a",
        "xyz",
        "12",
        "abcdefghi",
        "zyx1",
    ]
    inputs += [
        "a" * n,
        "b" * (n + 1),
        "a" * (m - 1),
        "b" * m,
        "abcdefghijkl"[:n],
        "abcdefghijkl"[: m + 1],
        "a" * n + "B",
    ]
    for size in sorted({n - 1, n, n + 1, m - 1, m, m + 1}):
        inputs += [(part * 12)[:size] for part in ("a", "abcdefghijkl", "ba1", "aB", "zyxxyz", "1A")]
    return function_kata(
        draws,
        (f"Return whether {words}.", f"Return True if {words}. Otherwise return False."),
        "check(s)",
        (f"return {joined}", f"p = {p.code.format(c=c)}\nq = {q.code.format(c=d)}\nreturn {code.format(p='p', q='q')}"),
        [(text,) for text in inputs],
        plan=("answer two questions about s and join the answers.", f"True if {words}."),
    )


FAMILIES = (
    Family(
        "pick-characters",
        lambda: combine(_PICKS, _PARTS, CHARACTERS_THAT_ARE),
        lambda p: p,
        _characters,
        (150, 15, 15),
        ("strings",),
    ),
    Family(
        "change-text",
        lambda: [p for p in combine(*2 * [with_constants(_CHANGES, range(2, 6))]) if p[0][0] != p[1][0]],
        lambda p: (p[0][0], p[1][0]),
        _change,
        (240, 24, 24),
        ("strings",),
    ),
    Family(
        "shift-alphabet",
        lambda: combine(_KINDS, ("keep", "drop", "dash"), range(1, 10), (False, True)),
        lambda p: p[:3],
        _shift,
        (140, 14, 14),
        ("strings", "branches"),
    ),
    Family(
        "pick-words",
        lambda: combine(_WORD_RESULTS, with_constants(_WORDS_THAT, range(2, 6))),
        lambda p: (p[0], p[1][0]),
        _words,
        (100, 12, 12),
        ("strings",),
    ),
    Family(
        "runs",
        lambda: combine(_RUN_FORMS, ("", "-", ",", " ", "."), range(1, 5)),
        lambda p: p[:2],
        _runs,
        (76, 8, 8),
        ("strings",),
    ),
    Family(
        "check-text",
        lambda: [p for p in combine(_JOINTS, *2 * [with_constants(_STRING_TESTS, range(2, 6))]) if p[1][0] < p[2][0]],
        lambda p: (p[0], p[1][0], p[2][0]),
        _check,
        (200, 20, 20),
        ("strings",),
    ),
)
