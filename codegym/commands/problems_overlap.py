"""`codegym problems overlap`: what two problem sets share, for keeping training and test apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """For each problem of A, the nearest of B: shared word n-grams, equal programs, a common origin.

    A is usually the test set, B what was trained on.
    """

    first: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="A")]
    """A set: a name, kind:PATH, or either with [SPLIT] after it."""
    second: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="B")]
    """The other set."""
    n: int = 10
    """Words of an n-gram."""
    show: int = 20
    """How many matches to print, strongest first."""
    json: Path | None = None
    """Write the summary and every match to this file as JSON."""


def main(options: Options) -> int:
    """Compare the sets and print the strongest matches and the counts."""
    from rich.console import Console
    from rich.table import Table

    from codegym.envs.curation.overlap import SAME, overlap
    from codegym.envs.errors import OptionError
    from codegym.envs.files import require_writable_folder, write_json
    from codegym.envs.problems.catalog import load_problems

    if options.show < 0:
        raise OptionError(f"--show must be at least 0, not {options.show}.")
    first, second = load_problems(options.first), load_problems(options.second)
    if options.json is not None:
        require_writable_folder(options.json.parent)
    found = overlap(first, second, n=options.n)
    if options.json is not None:
        facts = {
            "first": first.spec,
            "second": second.spec,
            "first_sha256": first.sha256,
            "second_sha256": second.sha256,
        }
        write_json(options.json, {**facts, "n": options.n, **found.to_json()})
    table = Table(box=None, pad_edge=False)
    for name in ("problem", "nearest", "words", "program", "base"):
        table.add_column(name, justify="right" if name == "words" else "left", overflow="fold")
    for match in found.matches[: options.show]:
        marks = ("equal" if match.program else "", "same" if match.base else "")
        table.add_row(match.first, match.second, f"{match.words:.0%}", *marks)
    if found.matches and options.show:
        Console(highlight=False).print(table)
    counts = found.summary()
    print(
        f"{first.spec} ({counts['problems']} problems) against {second.spec} ({counts['others']}): "
        f"{counts['contaminated']} shared, of them {counts['same_words']} with at least {SAME:.0%} of their "
        f"{options.n}-grams, {counts['same_program']} with an equal program, {counts['same_base']} by origin; "
        f"{counts['any_words']} share any {options.n}-gram"
    )
    return 0
