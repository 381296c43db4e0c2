"""`codegym problems verify`: proof that every reference passes, and for katas of all that is claimed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from codegym.envs.curation.journal import Journal
    from codegym.envs.problems.problem import Problem
    from codegym.envs.problems.problem_set import ProblemSet

_BATCH = 256


@dataclass(frozen=True)
class Options:
    """Run every reference solution of a set; lists the broken problems and exits with 1 if there is one.

    Of katas it also proves, on a few problems of each family, that the tests kill at least 90 % of the mutants and all
    wrong but plausible programs, and on every problem that no two are the same, that what agents read holds neither
    solutions nor hidden tests, that each is complete and can be said in several ways, and that the splits share
    nothing. What a run that was stopped had found is kept in the cache folder: the same command resumes.
    """

    problems: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SET")]
    """The set: humaneval, katas, mbpp, jsonl:PATH and so on."""
    split: str | None = None
    """One of its splits; by default all."""
    limit: int | None = None
    """The first problems only."""
    first: bool = False
    """Run the first reference of each problem only (APPS has many)."""
    mutants: int = 3
    """Katas: prove the tests of so many problems of each family (of those written by hand: all); 0 leaves it out."""
    json: Path | None = None
    """Write the result to this file as JSON."""


def main(options: Options) -> int:
    """Verify the set and print what is broken."""
    from codegym.benchmarks.leaderboard.tables import progress_bar
    from codegym.envs.curation.claims import set_faults
    from codegym.envs.curation.journal import Journal
    from codegym.envs.errors import OptionError
    from codegym.envs.execution.cpp_toolchain import why_missing
    from codegym.envs.files import require_writable_folder, write_json
    from codegym.envs.problems.catalog import load_problems

    if options.mutants < 0:
        raise OptionError(f"--mutants must be at least 0, not {options.mutants}.")
    if options.limit is not None and options.limit < 1:
        raise OptionError(f"--limit must be at least 1, not {options.limit}.")
    problems = load_problems(options.problems, options.split)
    if options.json is not None:
        require_writable_folder(options.json.parent)
    uris = problems.uris[: options.limit]
    batches = [(problems, uris[start : start + _BATCH]) for start in range(0, len(uris), _BATCH)]
    whole = problems.spec == "katas" and options.limit is None
    missing = why_missing()
    if whole and missing:
        print(f"left out  katas:cpp: {missing}")
    elif whole:  # the tier in C++ is claimed with them, though it is no part of the set
        cpp = load_problems("katas:cpp")
        batches.append((cpp, cpp.uris))
    total = sum(len(batch) for _, batch in batches)
    broken: list[dict[str, Any]] = []
    references = done = 0
    journal = Journal(problems.sha256, options.limit, options.first, options.mutants)
    with progress_bar("references") as progress:
        for part, batch in batches:
            count, faults = journal.once(batch[0], partial(_check, part, batch, options.first))
            references += count
            broken += faults
            done += len(batch)
            progress(done, total, done - len({item["problem"] for item in broken}))
    for item in broken:
        print(f"broken  {item['problem']}: {item['reason']}")
    names = {item["problem"] for item in broken}
    tier = " with those in C++" if whole and not missing else ""
    print(f"{problems.spec}{tier}: {total} problems, {references} references, {len(names)} broken")
    facts: dict[str, Any] = {"set": problems.spec, "sha256": problems.sha256}
    facts |= {"problems": total, "references": references, "broken": broken}
    if problems.name == "katas":
        claims = set_faults(None if missing else sum(uri not in names for uri in batches[-1][1])) if whole else []
        facts |= _prove(problems, uris, options.mutants, journal, claims)
    if options.json is not None:
        write_json(options.json, facts)
    journal.close()
    return 1 if broken or facts.get("faults") else 0


def _prove(
    problems: ProblemSet, uris: Sequence[str], count: int, journal: Journal, faults: list[str]
) -> dict[str, Any]:
    """Print the table of the proofs of the families in a set of katas, and what is not as claimed."""
    from codegym.benchmarks.leaderboard.tables import progress_bar
    from codegym.envs.curation.kata_proofs import prove_set, table
    from codegym.envs.execution.executor import shared_executor

    splits = {uri: split for split in problems.splits for uri in problems.split(split).uris}
    of_split = [(splits.get(uri, problems.split_name or ""), problems[uri]) for uri in uris]
    with progress_bar("families") as progress:
        proofs, found = prove_set(of_split, shared_executor(), count, progress, journal)
    faults = faults + found
    if proofs:
        print(table(proofs))
    for text in faults:
        print(f"fault  {text}")
    print(f"{problems.spec}: {len(proofs)} families, {len(faults)} faults")
    return {"families": [proof.as_json() for proof in proofs], "faults": faults}


def _check(problems: ProblemSet, uris: Sequence[str], first: bool) -> tuple[int, list[dict[str, Any]]]:
    """How many references of some problems ran, and a fault for each that is broken or cannot be read."""
    from codegym.envs.curation.references import check_references, fault
    from codegym.envs.errors import DataError
    from codegym.envs.execution.executor import shared_executor

    built: list[Problem] = []
    unreadable = []
    for uri in uris:
        try:
            built.append(problems[uri])
        except DataError as error:
            unreadable.append(fault(uri, str(error).removeprefix(f"{uri}: ")))
    count, faults = check_references(built, shared_executor(), first=first)
    return count, unreadable + faults
