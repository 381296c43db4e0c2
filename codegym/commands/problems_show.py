"""`codegym problems show`: one problem as an agent sees it."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass
from typing import Annotated, Any

import tyro


@dataclass(frozen=True)
class Options:
    """Show one problem as an agent sees it: statement, public tests, starter code. Never hidden tests or solutions."""

    uri: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="URI")]
    """The problem, for example humaneval/0 or katas/list-filter-sum/17."""
    problems: str | None = None
    """The set it belongs to, for sets in files (`jsonl:PATH`); by default what the uri begins with."""
    json: bool = False
    """Print a JSON object instead."""


def main(options: Options) -> int:
    """Print the problem."""
    from codegym.envs.problems.catalog import find_problem, load_problems
    from codegym.envs.problems.katas.source import phrasings
    from codegym.envs.problems.statement import prompt, public_test_lines, statement
    from codegym.envs.problems.statistics import solution_lines

    problem = load_problems(options.problems)[options.uri] if options.problems else find_problem(options.uri)
    seen: dict[str, Any] = {
        "uri": problem.uri,
        "statement": statement(problem),
        "public_tests": public_test_lines(problem),
        "hidden_tests": len(problem.hidden_tests),
        "starter": problem.starter,
        "given": problem.given,
        "prompt": prompt(problem),
        "entry_point": problem.entry_point,
        "language": problem.language,
        "difficulty": problem.difficulty,
        "conditionals": problem.conditionals,
        "references": len(problem.references),
        "solution_lines": solution_lines(problem) if problem.references else None,
        "seconds": problem.limits.seconds,
        "memory_mb": problem.limits.memory_mb,
        "base": problem.base,
        "tags": list(problem.tags),
        "licence": problem.licence,
    }
    if problem.uri.startswith("katas/"):
        seen["phrasings"] = phrasings(problem.uri)
    if options.json:
        print(json_module.dumps(seen, indent=2, ensure_ascii=False))
    else:
        _print(seen)
    return 0


def _print(seen: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.text import Text

    def code(text: str) -> Syntax:
        return Syntax(text, seen["language"], background_color="default", word_wrap=True)

    console = Console(highlight=False)
    facts = [seen["difficulty"], ", ".join(seen["tags"]), seen["licence"]]
    console.print(Text(seen["uri"], style="bold"), Text("  ".join(filter(None, facts)), style="dim"))
    console.print()
    examples = "Examples:\n" + "\n".join("    " + line for line in seen["public_tests"])
    console.print(Text(seen["statement"].removesuffix(examples).rstrip()))
    if seen["public_tests"]:
        console.print("\nPublic tests", style="bold")
        console.print(code("\n".join(seen["public_tests"])))
    counted = (
        ", ".join((_many(seen["hidden_tests"], "hidden test"), _many(seen["references"], "reference")))
        + (
            f" ({_many(seen['solution_lines'], 'line')}, {_many(seen['conditionals'], 'conditional')})"
            if seen["references"]
            else ""
        )
        + f", {seen['seconds']:g} s, {seen['memory_mb']} MiB"
        + (f", {len(seen['phrasings'])} phrasings (--json shows them)" if "phrasings" in seen else "")
    )
    console.print("\n" + counted, style="dim", soft_wrap=True)
    if seen["given"]:
        console.print("\nThe program begins with", style="bold")
        console.print(code(seen["given"]))


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
