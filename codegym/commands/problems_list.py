"""`codegym problems list`: the problem sets on this machine, with counts, hashes and statistics."""

from __future__ import annotations

import contextlib
import json as json_module
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from rich.console import Console

    from codegym.envs.problems.problem_set import ProblemSet


@dataclass(frozen=True)
class Options:
    """List the problem sets: problems per split, licence and hash; with --statistics also lengths and difficulty.

    Without names it lists all that have one and the tiers of katas, and downloads nothing. Sets in files are KIND:PATH.
    """

    sets: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[SET ...]")] = ()
    """The sets to list, also in files, each also with [SPLIT] after it."""
    statistics: bool = False
    """Build every problem and show lengths, tests, references, conditionals and difficulty."""
    json: bool = False
    """Print a JSON list instead of a table."""


def main(options: Options) -> int:
    """Print the table."""
    from codegym.envs.errors import DataError
    from codegym.envs.problems.catalog import load_problems, set_names
    from codegym.envs.problems.sources.reading import offline

    rows: list[dict[str, Any]] = []
    for spec in options.sets or _every(set_names()):
        try:
            with contextlib.nullcontext() if options.sets else offline():
                rows.append(_row(spec, load_problems(spec), options.statistics))
        except DataError as error:
            if options.sets:
                raise
            rows.append({"set": spec, "problems": 0, "splits": {}, "licence": "", "sha256": "", "note": str(error)})
    if options.json:
        print(json_module.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    _print_table(rows)
    if options.statistics:
        _print_statistics([row for row in rows if "statistics" in row])
    return 0


def _every(names: Sequence[str]) -> list[str]:
    """The sets with a name, and after the katas their tiers."""
    return [spec for name in names for spec in (name, *(f"katas:{tier}" for tier in _TIERS if name == "katas"))]


_TIERS = ("easy", "branches", "cpp")


def _row(spec: str, problems: ProblemSet, statistics: bool) -> dict[str, Any]:
    from codegym.envs.problems.statistics import describe

    row = {
        "set": spec,
        "problems": len(problems),
        "splits": {split: len(problems.split(split)) for split in problems.splits},
        "licence": problems.licence,
        "sha256": problems.sha256,
        "note": problems.note,
    }
    return row | ({"statistics": describe(problems)} if statistics else {})


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("set", "problems", "splits", "licence", "sha256", "note"):
        table.add_column(name, justify="right" if name == "problems" else "left", overflow="fold")
    for row in rows:
        if row["sha256"]:
            splits = ", ".join(f"{split} {count}" for split, count in row["splits"].items())
            cells = (
                row["set"],
                str(row["problems"]),
                splits,
                row["licence"],
                row["sha256"][:12],
                row["note"].partition(";")[0],
            )
            table.add_row(*map(escape, cells))
    console = _console()
    console.print(table)
    absent = [row["set"] for row in rows if not row["sha256"]]
    if absent:
        console.print(
            f"Not on this machine: {', '.join(absent)}. `codegym problems list NAME` says where one is looked for."
        )


def _print_statistics(rows: list[dict[str, Any]]) -> None:
    """Lowest, median and highest of each (JSON has the quartiles too), then how many of each difficulty."""
    from rich.table import Table

    columns = ("statement_words", "solution_lines", "conditionals", "tests", "references")
    table = Table(box=None, pad_edge=False, title="lowest median highest", title_justify="left")
    for name in ("set", *columns, "without reference", "without tests"):
        table.add_column(name.replace("_", " "), justify="left" if name == "set" else "right", overflow="fold")
    for row in rows:
        found = row["statistics"]
        spreads = (" ".join(map(str, found[name][::2])) or "-" for name in columns)
        table.add_row(row["set"], *spreads, str(found["without_reference"]), str(found["without_tests"]))
    console = _console()
    console.print()
    console.print(table)
    for row in rows:
        levels = ", ".join(f"{level or '(none)'} {count}" for level, count in row["statistics"]["difficulty"].items())
        if levels:
            console.print(f"{row['set']}: {levels}", soft_wrap=True)


def _console() -> Console:
    """As wide as the terminal; in a file or a pipe as wide as the table needs."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)
