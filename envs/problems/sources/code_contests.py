"""CodeContests (Li et al. 2022, AlphaCode; CC BY 4.0): programs on standard input and output.

Fields: `name`, `description`, `public_tests`, `private_tests` and `generated_tests` (each `input` and `output`, lists
of equal length, or a list of such pairs), `solutions` (`language`, `solution`; 3 is Python 3), `difficulty`,
`time_limit` (`seconds`, `nanos`), `memory_limit_bytes`, `cf_tags`. Public tests are the statement's examples; private
and generated ones are hidden. Only Python 3 solutions become references. Problems that accept any of several
answers are in it, with one of them as the expected output: see `problems curate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codegym.envs.problems.problem import Limits, Problem, StdioTest
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.reading import Hub, Place, read, source
from codegym.envs.problems.statistics import count_conditionals

CODE_CONTESTS = Place(
    ("code-contests", "code_contests", "code_contests.jsonl.gz"),
    Hub("deepmind/code_contests"),
    "CC-BY-4.0",
    "CodeContests, DeepMind",
)

_PYTHON3 = 3
_DIFFICULTIES = ("", "easy", "medium", "hard", "harder", "hardest", "external", *"ABCDEFGHIJKLMNOPQRSTUV")
_MOST_REFERENCES = 25
_LEAST_SECONDS, _MOST_SECONDS = 5.0, 20.0


def code_contests(argument: str = "") -> Source:
    """The problems, uris code-contests/NAME with the official splits."""
    return source(
        "code-contests",
        argument,
        read("code-contests", argument, CODE_CONTESTS),
        from_record,
        place=CODE_CONTESTS,
        needs=("name", "description", "public_tests"),
        ids=("name",),
        identity=lambda name: name.replace("/", "-"),
    )


def from_record(uri: str, record: Mapping[str, Any]) -> Problem:
    """A problem from a record of the release."""
    found = [text for language, text in _pairs(record.get("solutions"), "language", "solution") if language == _PYTHON3]
    references = tuple(text.replace("\r\n", "\n") for text in found[:_MOST_REFERENCES])
    level: Any = record.get("difficulty")
    named = isinstance(level, int) and 0 <= level < len(_DIFFICULTIES)
    return Problem(
        uri=uri,
        statement=record["description"],
        entry_point=None,
        references=references,
        public_tests=_tests(record.get("public_tests")),
        hidden_tests=_tests(record.get("private_tests")) + _tests(record.get("generated_tests")),
        limits=_limits(record),
        difficulty=_DIFFICULTIES[level] if named else str(level or ""),
        conditionals=count_conditionals(references[0]) if references else None,
        tags=tuple(filter(None, record.get("cf_tags") or ())),
        licence=CODE_CONTESTS.licence,
    )


def _tests(value: Any) -> tuple[StdioTest, ...]:
    return tuple(StdioTest(given, wanted) for given, wanted in _pairs(value, "input", "output"))


def _pairs(value: Any, first: str, second: str) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from zip(value[first], value[second], strict=True)
    else:
        yield from ((item[first], item[second]) for item in value or ())


def _limits(record: Mapping[str, Any]) -> Limits:
    """The site's limits, never below what a Python program needs where they were made for C++."""
    time = record.get("time_limit") or {}
    seconds = float(time.get("seconds") or 0) + float(time.get("nanos") or 0) / 1e9
    megabytes = int(record.get("memory_limit_bytes") or 0) >> 20
    return Limits(min(max(2 * seconds, _LEAST_SECONDS), _MOST_SECONDS), max(megabytes, Limits().memory_mb))
