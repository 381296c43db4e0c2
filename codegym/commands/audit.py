"""`codegym audit`: run the attack corpus against the executor."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """Run the attack corpus against the executor, in every isolation setting that this machine offers.

    The exit code is 1 if a wrong program passes, escapes, hangs, takes the judge down or leaves a process behind, or if
    an honest program fails.
    """

    attacks: Path | None = None
    """A corpus to run instead of the shipped one: a JSON list of {name, category, task, code, expected, why}."""

    json: Path | None = None
    """Write the result to this file."""


def main(options: Options) -> int:
    """Run the audit; returns the exit code."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from codegym.envs.execution import audit
    from codegym.envs.execution.attacks import load_attacks
    from codegym.envs.files import write_atomically

    attacks = load_attacks(options.attacks)
    console = Console()
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        shown = {s.name: bars.add_task(s.name, total=len(attacks)) for s in audit.settings()}
        result = audit.audit(attacks, progress=lambda s, done, _: bars.update(shown[s.name], completed=done))
    console.print(_table(result))
    for name, setting in result["levels"].items():
        for note in setting["notes"]:
            console.print(f"[red]{name}[/red] {note}", highlight=False)
    if options.json is not None:
        write_atomically(options.json, json.dumps(result, indent=2) + "\n")
    good = audit.clean(result)
    console.print(
        f"[green]{len(attacks)} programs, nothing got through.[/green]" if good else "[red]The audit failed.[/red]"
    )
    return 0 if good else 1


def _table(result: dict[str, Any]) -> Any:
    from rich.table import Table

    from codegym.envs.execution.audit import LISTS

    table = Table(title=f"{result['attacks']} programs a setting")
    for heading in ("setting", "level", *(kind.replace("_", " ") for kind in LISTS)):
        table.add_column(heading, justify="left" if heading == "setting" else "right")
    for name, setting in result["levels"].items():
        counts = [len(setting.get(kind, ())) for kind in LISTS]
        table.add_row(name, str(setting["level"]), *(f"[red]{n}[/red]" if n else "0" for n in counts))
    return table
