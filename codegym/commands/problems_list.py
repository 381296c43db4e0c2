"""`codegym problems list`: the problem sets on this machine."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass
from typing import Annotated, Any

import tyro


@dataclass(frozen=True)
class Options:
    """List the problem sets: problems per split, licence and hash. Sets in files are `jsonl:PATH` and `apps:PATH`."""

    sets: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[SET ...]")] = ()
    """The sets to list, also in files; by default all those with a name of their own."""
    json: bool = False
    """Print a JSON list instead of a table."""


def main(options: Options) -> int:
    """Print the table."""
    from codegym.envs.errors import DataError
    from codegym.envs.problems.catalog import load_problems, set_names

    rows: list[dict[str, Any]] = []
    for spec in options.sets or set_names():
        try:
            problems = load_problems(spec)
        except DataError as error:
            if options.sets:
                raise
            rows.append({"set": spec, "problems": 0, "splits": {}, "licence": "", "sha256": "", "note": str(error)})
            continue
        splits = {split: len(problems.split(split)) for split in problems.splits}
        rows.append(
            {
                "set": spec,
                "problems": len(problems),
                "splits": splits,
                "licence": problems.licence,
                "sha256": problems.sha256,
                "note": problems.note,
            }
        )
    if options.json:
        print(json_module.dumps(rows, indent=2))
    else:
        _print_table(rows)
    return 0


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("set", "problems", "splits", "licence", "sha256", "note"):
        table.add_column(name, justify="right" if name == "problems" else "left", overflow="fold")
    for row in rows:
        splits = ", ".join(f"{split} {count}" for split, count in row["splits"].items())
        table.add_row(
            row["set"],
            str(row["problems"]) if row["sha256"] else "-",
            splits,
            row["licence"],
            row["sha256"][:12],
            row["note"],
        )
    Console(highlight=False).print(table)
