"""What two problem sets share: phrases of their statements, equal programs, and problems derived from one another.

The question is asked per problem of the first set (usually the test set): which problem of the second is nearest? A
match is one of

* **words**: the share of the statement's word n-grams that stand in the other statement. Phrases that more than
  `COMMON` problems of the second set use ("write a python function to find the ...") are nobody's and count for
  nothing, as in Brown et al. 2020, appendix C. A statement of fewer than n words is one n-gram;
* **program**: a reference that is equal but for names, comments, docstrings, annotations and imports (a hash of the
  syntax tree). Programs of fewer than `SMALLEST` nodes are equal by chance and do not count;
* **base**: both derive from one problem, or one from the other (HumanEval+/0 and HumanEval/0), as their sources say.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from codegym.envs.errors import OptionError
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.problems.statement import statement
from codegym.envs.problems.statistics import parse

N = 10
"""Words of an n-gram."""

COMMON = 10
"""An n-gram in more problems than this is a phrase of the set, no sign of a shared problem."""

SMALLEST = 20
"""Nodes (and names) of a syntax tree; smaller programs are not compared."""

SEARCHED = 128
"""Training problems that a run compares with its test problems before it begins: about a second."""

SAME = 0.5
"""Share of n-grams from which on two statements are called the same."""

_OTHERS_NAMES = (ast.Constant, ast.Attribute, ast.keyword)  # texts in them are not names of this program
_WORD = re.compile(r"[a-z0-9_]+")
_CPP_NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|#include[^\n]*|\s+", re.DOTALL)


@dataclass(frozen=True)
class Match:
    """A problem of the first set and the nearest of the second.

    Attributes:
        first: its uri.
        second: the other's.
        words: share of the first statement's n-grams that stand in the second, 0 to 1.
        program: they have an equal reference.
        base: they derive from the same problem.
    """

    first: str
    second: str
    words: float
    program: bool
    base: bool


@dataclass(frozen=True)
class Overlap:
    """What the first set shares with the second.

    Attributes:
        first: problems of the first set.
        second: problems of the second set.
        matches: one for each problem of the first set that shares anything, strongest first.
    """

    first: int
    second: int
    matches: tuple[Match, ...]

    def summary(self) -> dict[str, int]:
        """How many problems of the first set share what, as run.json has it."""
        return {
            "problems": self.first,
            "others": self.second,
            "any_words": sum(match.words > 0 for match in self.matches),
            "same_words": sum(match.words >= SAME for match in self.matches),
            "same_program": sum(match.program for match in self.matches),
            "same_base": sum(match.base for match in self.matches),
            "contaminated": sum(match.words >= SAME or match.program or match.base for match in self.matches),
        }

    def to_json(self) -> dict[str, Any]:
        """Summary and matches."""
        return {"summary": self.summary(), "matches": [asdict(match) for match in self.matches]}


def overlap(first: Iterable[Problem], second: Iterable[Problem], *, n: int = N) -> Overlap:
    """Compare two sets.

    Args:
        first: asked about, problem by problem.
        second: searched; its n-grams are kept in memory.
        n: words of an n-gram.
    """
    if n < 1:
        raise OptionError(f"An n-gram has at least one word, not {n}.")
    index = _Index(n)
    for problem in second:
        index.add(problem)
    index.forget_phrases()
    count, matches = 0, []
    for problem in first:
        count += 1
        match = index.nearest(problem)
        if match is not None:
            matches.append(match)
    matches.sort(key=lambda match: (-(match.base + match.program), -match.words, match.first))
    return Overlap(count, index.problems, tuple(matches))


def run_overlap(problems: ProblemSet, train: Sequence[str], test: Sequence[str]) -> dict[str, int]:
    """What the test problems of a run share with its training problems, short enough for run.json.

    Of a large training set `SEARCHED` problems, evenly spread, stand for it: "others" says how many were searched, "of"
    how many there are. `codegym problems overlap` searches them all.

    Args:
        problems: the set that holds both.
        train: uris trained on.
        test: uris evaluated on.
    """
    count = min(len(train), SEARCHED)
    spread = [train[place * len(train) // count] for place in range(count)]
    found = overlap((problems[uri] for uri in test), (problems[uri] for uri in spread))
    return {**found.summary(), "of": len(train)}


class _Index:
    """The second set, by n-gram, by program and by base."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.problems = 0
        self.by_words: dict[int, list[str]] = defaultdict(list)
        self.by_program: dict[str, list[str]] = defaultdict(list)
        self.by_base: dict[str, list[str]] = defaultdict(list)

    def add(self, problem: Problem) -> None:
        self.problems += 1
        for gram in n_grams(words_of(problem), self.n):
            self.by_words[gram].append(problem.uri)
        for program in programs_of(problem):
            self.by_program[program].append(problem.uri)
        for base in _bases(problem):
            self.by_base[base].append(problem.uri)

    def forget_phrases(self) -> None:
        self.by_words = {gram: uris for gram, uris in self.by_words.items() if len(uris) <= COMMON}

    def nearest(self, problem: Problem) -> Match | None:
        grams = n_grams(words_of(problem), self.n)
        shared = Counter(uri for gram in grams for uri in self.by_words.get(gram, ()))
        programs = {uri for program in programs_of(problem) for uri in self.by_program.get(program, ())}
        bases = {uri for base in _bases(problem) for uri in self.by_base.get(base, ())}
        candidates = sorted({*shared, *programs, *bases})
        if not candidates:
            return None
        best = max(candidates, key=lambda uri: ((uri in bases) + (uri in programs), shared[uri]))
        return Match(problem.uri, best, round(shared[best] / max(len(grams), 1), 4), best in programs, best in bases)


def _bases(problem: Problem) -> set[str]:
    return {problem.uri, problem.base} - {""}


def words_of(problem: Problem) -> list[str]:
    """The words of a problem's statement, without its examples where they are tests."""
    return _WORD.findall((problem.statement or statement(problem)).lower())


def n_grams(words: list[str], n: int) -> set[int]:
    """Hashes of the runs of n words; of all words where there are fewer; none where there is no word."""
    if not words:
        return set()
    runs = (words[start : start + n] for start in range(max(len(words) - n + 1, 1)))
    return {int.from_bytes(hashlib.blake2b(" ".join(run).encode(), digest_size=8).digest(), "little") for run in runs}


def programs_of(problem: Problem) -> set[str]:
    """Hashes of the references that are large enough to compare."""
    return set(filter(None, (program_hash(text, problem.language) for text in problem.references)))


def program_hash(program: str, language: str = "python") -> str:
    """A hash that is equal for programs that differ in names, comments, docstrings, annotations and imports alone.

    Empty for a program that is too small, or no program. C++ is compared as text without white space, comments and
    includes.
    """
    if language != "python":
        text = _CPP_NOISE.sub("", program)
        return hashlib.sha256(text.encode()).hexdigest() if len(text) >= 3 * SMALLEST else ""
    tree = parse(program)
    if tree is None:
        return ""
    shape = list(_shape(tree, _own_names(tree), {}))
    if sum(not line.startswith(".") for line in shape) < SMALLEST:
        return ""
    return hashlib.sha256("\n".join(shape).encode("utf-8", "surrogatepass")).hexdigest()


def _own_names(tree: ast.AST) -> set[str]:
    """The names that a program makes; the others (`max`, `math`) say what it does."""
    own: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            own.add(node.id)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler) and node.name:
            own.add(node.name)
    return own


def _shape(node: ast.AST, own: set[str], names: dict[str, str]) -> Iterator[str]:
    """One line a node in order, the program's own names by the order of their first use."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment", "type_params", "ctx", "kind", "type_ignores"):
            continue
        if name == "body" and isinstance(value, list):
            value = _without_docstring(value)
        if value == [] or (value is None and not isinstance(node, ast.Constant)):
            continue
        yield f".{name}"  # s[2:] is not s[:2], nor what follows `else` what follows `if`
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                yield from _shape(item, own, names)
            elif isinstance(item, str) and item in own and not isinstance(node, _OTHERS_NAMES):
                yield names.setdefault(item, f"name {len(names)}")
            elif item is not None or isinstance(node, ast.Constant):
                yield f"{type(item).__name__} {item!r}"
    yield "end"


def _without_docstring(body: list[Any]) -> list[Any]:
    first = body[0] if body else None
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return body[1:] if documented else body
