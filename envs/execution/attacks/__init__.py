"""The attack corpus: programs that try to pass unsolved, to escape or to break the judge, and honest controls."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from codegym.envs.errors import DataError, unknown
from codegym.envs.execution.cpp_toolchain import why_missing

EXPECTED: Final = ("pass", "fail", "fail:timeout", "fail:memory")
CPP_TASKS: Final = ("cpp", "cpp-linked", "cpp-stdin")
RECORDED_TASKS: Final = ("func-coverage",)
"""Whose programs run with coverage; otherwise as the task before the hyphen."""
TASKS: Final = ("func", *RECORDED_TASKS, "stdin", "stdin2", "stdinsort", "stdinbig", *CPP_TASKS)

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Attack:
    """One program of the corpus.

    Attributes:
        name: unique.
        category: what it tries.
        task: the problem that it pretends to solve, one of `TASKS`.
        code: the program.
        expected: the verdict wanted, one of `EXPECTED`; "fail" is anything but a pass.
        why: what it shows.
    """

    name: str
    category: str
    task: str
    code: str
    expected: str
    why: str


def load_attacks(path: str | Path | None = None) -> list[Attack]:
    """Read a corpus file; by default the shared corpus, our own programs, and, where there is a compiler, C++ ones.

    Raises:
        DataError: the file cannot be read, or an entry lacks a field or has an unknown task or verdict.
    """
    if path is None:
        names = ["attacks.json", "own.json"] + ([] if why_missing() else ["cpp.json"])
        return [attack for name in names for attack in load_attacks(_HERE / name)]
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no attack corpus: {error}") from error
    if not isinstance(entries, list):
        raise DataError(f"{path} is no attack corpus: it must hold a list of programs.")
    return [_attack(entry, f"{path}, entry {number}") for number, entry in enumerate(entries)]


def _attack(entry: object, where: str) -> Attack:
    names = [field.name for field in fields(Attack)]
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in names if name != "why"):
        raise DataError(f"{where}: an attack needs the texts {', '.join(names)}.")
    for name, known in (("task", TASKS), ("expected", EXPECTED)):
        if entry[name] not in known:
            raise DataError(f"{where}: {unknown(name, entry[name], known)}")
    return Attack(**{name: str(entry.get(name, "")) for name in names})
