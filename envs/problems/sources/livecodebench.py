"""LiveCodeBench (Jain et al. 2024), code generation: contest problems dated after the models' training data.

Fields: `question_id`, `question_content`, `platform`, `contest_date`, `starter_code`, `difficulty`,
`public_test_cases` and `private_test_cases` (JSON text of `{input, output, testtype}`), `metadata` (JSON text, with
`func_name` for problems that are calls). Private tests come packed in most releases: base64 of zlib of a pickled text,
which is read without letting pickle make any object. The release has no solutions.

The tags are the platform and the contest's date: `contest_date` is what decides whether a model may have seen it.
"""

from __future__ import annotations

import base64
import binascii
import io
import pickle
import zlib
from collections.abc import Mapping
from typing import Any

from codegym.envs.problems.problem import CallTest, Limits, Problem, StdioTest, Test
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.reading import Hub, Place, json_value, read, source

LIVECODEBENCH = Place(
    ("livecodebench", "livecodebench.jsonl.gz", "livecodebench.jsonl"),
    Hub("livecodebench/code_generation_lite", files={"test": "test*.jsonl"}),
    "CC (see the data set's card)",
    "LiveCodeBench, code generation",
)


def livecodebench(argument: str = "") -> Source:
    """The problems, uris livecodebench/QUESTION_ID; of a question that several releases hold, the first."""
    return source(
        "livecodebench",
        argument,
        read("livecodebench", argument, LIVECODEBENCH),
        from_record,
        place=LIVECODEBENCH,
        needs=("question_id", "question_content", "public_test_cases", "private_test_cases"),
        ids=("question_id",),
        repeats=True,
    )


def from_record(uri: str, record: Mapping[str, Any]) -> Problem:
    """A problem from a record of the release."""
    metadata = json_value(record.get("metadata") or {})
    name = metadata.get("func_name")
    starter = record.get("starter_code") or ""
    entry_point = (f"Solution.{name}" if "class Solution" in starter else name) if name else None
    date = str(record.get("contest_date") or "")[:10]
    return Problem(
        uri=uri,
        statement=record["question_content"],
        entry_point=entry_point,
        public_tests=tuple(map(_test, json_value(record["public_test_cases"] or "[]"))),
        hidden_tests=tuple(map(_test, unpacked(record["private_test_cases"] or "[]"))),
        starter=starter,
        limits=Limits(seconds=6.0),
        difficulty=str(record.get("difficulty") or ""),
        tags=tuple(filter(None, (str(record.get("platform") or ""), date))),
        licence=LIVECODEBENCH.licence,
    )


def unpacked(text: Any) -> Any:
    """The tests of a text: plain JSON, or JSON pickled, compressed and written in base64.

    Raises:
        ValueError: it is neither.
    """
    try:
        return json_value(text)
    except ValueError:
        pass
    try:
        return json_value(_Text(io.BytesIO(zlib.decompress(base64.b64decode(text, validate=True)))).load())
    except (binascii.Error, zlib.error, pickle.UnpicklingError, EOFError, TypeError) as error:
        raise ValueError(f"its private tests cannot be unpacked: {error}") from None


class _Text(pickle.Unpickler):
    """Reads pickled texts and refuses to look up any class or function: a download must not run code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"only a text is allowed, not {module}.{name}")


def _test(case: Mapping[str, Any]) -> Test:
    if case["testtype"] == "functional":  # one JSON value a line and argument
        arguments = tuple(json_value(line) for line in case["input"].split("\n") if line.strip())
        return CallTest(arguments, json_value(case["output"]))
    return StdioTest(case["input"], case["output"])
