"""`codegym problems curate`: the APPS+ cleaning recipe over a set, with the reason for each problem dropped."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro


@dataclass(frozen=True)
class Options:
    """Clean a problem set: drop what has no tests or solution, run every reference, repair what can be, say why.

    Writes `problems.jsonl` (load it as `jsonl:OUT/problems.jsonl`) and `report.json`, which holds ids and reasons and
    no text of the problems.
    """

    problems: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="IN")]
    """The set: a name or kind:PATH."""
    out: Path
    """Folder for the clean set and the report."""
    split: str | None = None
    """One of its splits; by default all."""
    limit: int | None = None
    """The first problems only."""
    runs: int = 3
    """How often each reference runs, each time with another random seed."""
    references: int = 5
    """How many references of a problem run; the others are left out."""
    most_seconds: float = 30.0
    """No reference gets more time than this."""
    report_only: bool = False
    """Write the report without the problems."""


def main(options: Options) -> int:
    """Curate the set, write both files, print the table of reasons."""
    import json

    from codegym.benchmarks.leaderboard.tables import progress_bar
    from codegym.envs.curation.curate import Settings, curate
    from codegym.envs.curation.findings import report
    from codegym.envs.errors import OptionError
    from codegym.envs.execution.executor import shared_executor
    from codegym.envs.files import require_writable_folder, write_atomically, write_json
    from codegym.envs.problems.catalog import load_problems
    from codegym.envs.problems.record import to_record

    if options.limit is not None and options.limit < 1:
        raise OptionError(f"--limit must be at least 1, not {options.limit}.")
    settings = Settings(options.runs, options.references, options.most_seconds)
    problems = load_problems(options.problems, options.split)
    folder = require_writable_folder(options.out)
    uris = problems.uris[: options.limit]
    with progress_bar("curate", rate="kept") as progress:
        found = curate(problems, shared_executor(), settings, uris=uris, progress=progress)
    if not options.report_only:
        lines = [json.dumps(to_record(problem), ensure_ascii=False) + "\n" for problem in found.kept]
        write_atomically(folder / "problems.jsonl", "".join(lines).encode("utf-8", "surrogatepass"))
    result = report(options.problems, problems.sha256, len(uris), len(found.kept), found.findings, asdict(settings))
    write_json(folder / "report.json", result)
    _print(result)
    return 0


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("action", "reason", "problems", "meaning"):
        table.add_column(name, justify="right" if name == "problems" else "left")
    for row in result["reasons"]:
        table.add_row(row["action"], row["reason"], str(row["problems"]), row["meaning"])
    console = Console(highlight=False)
    if result["reasons"]:
        console.print(table)
    print(
        f"{result['set']}: {result['problems']} problems, {result['kept']} kept, {result['dropped']} dropped, "
        f"{result['repaired']} repaired"
    )
