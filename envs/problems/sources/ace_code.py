"""AceCode-87K and AceCodePair-300K (Zeng et al. 2025, AceCoder, MIT): questions with a model's tests, and pairs.

AceCode-87K: `id`, `source`, `question`, `test_cases` (asserts), `inferences` (`completion`, `pass_rate`, ...). Every
assert is a hidden test of its own: the paper's prompt is the question alone. Tests come from a model, so they run only
in the referee. References are completions that passed every test, at most five, one a model.

AceCodePair-300K: `instruction`, `input`, `chosen`, `rejected`, `id`. Preference pairs hold no tests. `preference_pairs`
reads them for a reward model; as a set of problems (`acecodepair`) they can be listed, shown and compared with other
sets for contamination, and nothing can be run.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codegym.envs.problems.problem import Limits, Problem, ScriptTest
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.apps import json_or_literal
from codegym.envs.problems.sources.reading import Hub, Place, read, source
from codegym.envs.problems.statistics import count_conditionals, parse

ACE_CODE = Place(("acecode", "acecode.jsonl.gz", "acecode.jsonl"), Hub("TIGER-Lab/AceCode-87K"), "MIT", "AceCode-87K")
ACE_CODE_PAIR = Place(
    ("acecodepair", "acecodepair.jsonl.gz", "acecodepair.jsonl"),
    Hub("TIGER-Lab/AceCodePair-300K", "default"),
    "MIT",
    "AceCodePair-300K: pairs, no tests",
)

_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL)
_MOST_REFERENCES = 5
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class PreferencePair:
    """Two answers to one instruction, one better than the other.

    Attributes:
        uri: acecodepair/ID.
        instruction: what was asked.
        chosen: the better answer, as the model wrote it.
        rejected: the other one.
    """

    uri: str
    instruction: str
    chosen: str
    rejected: str


def ace_code(argument: str = "") -> Source:
    """The questions with their tests, uris acecode/ID."""
    table = read("acecode", argument, ACE_CODE)
    return source(
        "acecode", argument, table, from_record, place=ACE_CODE, needs=("question", "test_cases"), ids=("id",)
    )


def ace_code_pair(argument: str = "") -> Source:
    """The instructions with the chosen answer as reference and no tests, uris acecodepair/ID."""
    return source(
        "acecodepair",
        argument,
        read("acecodepair", argument, ACE_CODE_PAIR),
        lambda uri, record: _pair_problem(_pair(uri, record)),
        place=ACE_CODE_PAIR,
        needs=("instruction", "chosen", "rejected"),
        ids=("id",),
    )


def preference_pairs(argument: str = "") -> Iterator[PreferencePair]:
    """The pairs of AceCodePair-300K, or of a file in its format, one at a time.

    Raises:
        DataError: the file cannot be read, or a record lacks a field.
    """
    table = read("acecodepair", argument, ACE_CODE_PAIR)
    number = 0
    for rows in table.splits.values():
        for row in range(len(rows)):
            record = rows.record(row)
            yield _pair(f"acecodepair/{record.get('id', number)}", record)
            number += 1


def _pair(uri: str, record: Mapping[str, Any]) -> PreferencePair:
    asked = "\n\n".join(filter(None, (record["instruction"], record.get("input"))))
    return PreferencePair(uri, asked, record["chosen"], record["rejected"])


def _pair_problem(pair: PreferencePair) -> Problem:
    code = program_in(pair.chosen)
    return Problem(
        uri=pair.uri,
        statement=pair.instruction,
        entry_point=None,
        references=(code,),
        conditionals=count_conditionals(code),
        licence=ACE_CODE_PAIR.licence,
    )


def from_record(uri: str, record: Mapping[str, Any]) -> Problem:
    """A problem from a record of AceCode-87K."""
    asserts = [str(test) for test in json_or_literal(record["test_cases"])]
    references = _references(record.get("inferences") or ())
    return Problem(
        uri=uri,
        statement=record["question"],
        entry_point=entry_point(asserts),
        references=references,
        hidden_tests=tuple(map(ScriptTest, asserts)),
        limits=Limits(seconds=5.0),
        conditionals=count_conditionals(references[0]) if references else None,
        tags=tuple(filter(None, (str(record.get("source") or ""),))),
        licence=ACE_CODE.licence,
    )


def program_in(completion: str) -> str:
    """The code of a model's answer: its last fence, or the whole text."""
    fences: list[str] = _FENCE.findall(completion)
    return fences[-1] if fences else completion


def _references(inferences: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    perfect: dict[str, str] = {}
    for inference in inferences:
        if inference.get("pass_rate") == 1.0:
            perfect.setdefault(str(inference.get("model_name")), program_in(inference["completion"]))
    return tuple(dict.fromkeys(perfect.values()))[:_MOST_REFERENCES]


def entry_point(asserts: Sequence[str]) -> str | None:
    """The function that the tests call: the name called first in most asserts that is no builtin.

    `assert sorted(f(x)) == [1]` calls `sorted` and `f`; `f` is meant.
    """
    called: Counter[str] = Counter()
    for text in asserts:
        tree = parse(text)
        names = [
            node.func.id
            for node in ast.walk(tree or ast.Module([], []))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in _BUILTINS
        ]
        called.update(dict.fromkeys(names, 1))
    return called.most_common(1)[0][0] if called else None
