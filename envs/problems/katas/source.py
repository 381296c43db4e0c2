"""The set `katas`, or the part of it that some families and tags name: `katas:tiny`, `katas:list-filter-sum,easy`."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files

from codegym.envs.errors import OptionError, unknown
from codegym.envs.problems.katas import cpp, written
from codegym.envs.problems.katas import phrasings as one_line
from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import GENERATOR_VERSION, SPLITS, Family, build
from codegym.envs.problems.katas.registry import FAMILIES, TAGS, VOLUME_OF, VOLUMES
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import Source

REVISION = 4
"""Part of the set's hash: raise it with any change to the problems that are generated. `GENERATOR_VERSION` stays: it is
in a file that names the cached models, which only a change of their own families and corpus may rename."""


def katas(selection: str = "") -> Source:
    """All katas in Python, or those of the families, tags and tiers that a comma-separated selection names.

    Raises:
        OptionError: for a name that is none of them.
    """
    names = [name.strip() for name in selection.split(",") if name.strip()]
    chosen = [name for name in names if name not in TIERS]
    families = select(",".join(chosen)) if chosen or not names else ()
    splits = {split: list(uris(families, split)) for split in SPLITS}
    for name in names:
        for split, found in TIERS[name]().items() if name in TIERS else ():
            splits[split] += [uri for uri in found if uri not in splits[split]]
    spec = f"katas:{selection}" if selection else "katas"
    members = {uri.split("/")[1].removeprefix("cpp-") for part in splits.values() for uri in part}
    by_hand = sum("written" in FAMILIES[member].tags for member in members)
    listing = f"katas {GENERATOR_VERSION}.{REVISION} " + " ".join(f"{f.name}={f.counts}" for f in families)
    return Source(
        name="katas",
        spec=spec,
        splits={split: tuple(found) for split, found in splits.items()},
        build=problem,
        digest=lambda: hashlib.sha256(listing.encode()).hexdigest(),
        licence="MIT",
        note=f"{len(members)} families" + (f", {by_hand} of them written by hand" if by_hand else ""),
    )


def select(selection: str) -> tuple[Family, ...]:
    """The families that a comma-separated list of family names and tags stands for, in the registry's order.

    An empty list stands for all but those tagged "grammar".
    """
    names = [name.strip() for name in selection.split(",") if name.strip()]
    for name in names:
        if name not in FAMILIES and name not in TAGS:
            raise unknown("family, tag or tier of katas", name, [*TIERS, *FAMILIES, *TAGS])
    if not names:  # the grammar's programs are few, most of them those of other families
        return tuple(f for f in FAMILIES.values() if "grammar" not in f.tags)
    return tuple(f for f in FAMILIES.values() if f.name in names or set(names) & set(f.tags))


def uris(families: Sequence[Family], split: str) -> tuple[str, ...]:
    """The uris of a split, volume after volume, where the families take turns; last come those held out besides."""
    gone, moved = left_out(), _listed("held_out.txt")
    found: list[str] = []
    for volume in range(len(VOLUMES)):
        rows = []
        for family in families:
            if VOLUME_OF[family.name] == volume:
                own = (f"katas/{family.name}/{index}" for index in indices(family)[split])
                rows.append([uri for uri in own if uri not in gone and uri not in moved])
        turns = max(map(len, rows), default=0)
        found += (row[turn] for turn in range(turns) for row in rows if turn < len(row))
    names = {family.name for family in families}
    found += (uri for uri, part in moved.items() if part == split and uri.split("/")[1] in names and uri not in gone)
    return tuple(found)


@functools.cache
def indices(family: Family) -> dict[str, tuple[int, ...]]:
    """The indices of a family per split.

    They are parted as the family says, but some training problems are held out (`held_out.txt`): functions of one line,
    with all their constants and all that have the same program, drawn so that the measured tier `easy` has enough to
    validate and test on.
    """
    found: dict[str, list[int]] = {split: [] for split in SPLITS}
    for index in range(len(family)):
        found[split_of(f"katas/{family.name}/{index}")].append(index)
    return {split: tuple(numbers) for split, numbers in found.items()}


def split_of(uri: str) -> str:
    """The split of a kata.

    Raises:
        OptionError: if it is no kata.
    """
    family, index = locate(uri)
    return _listed("held_out.txt").get(uri) or family.split_of(index)


def left_out() -> frozenset[str]:
    """Katas that repeat another (see `curation.repeats`): they can be made, but are in no set."""
    return frozenset(_listed("left_out.txt"))


@functools.cache
def _listed(name: str) -> dict[str, str]:
    """The uris in a file beside this one, in order, with what else their lines say."""
    text = files("codegym.envs.problems.katas").joinpath(name).read_text(encoding="utf-8")
    return {uri: said for uri, _, said in (line.partition(" ") for line in text.splitlines())}


def locate(uri: str) -> tuple[Family, int]:
    """The family and the index of a uri.

    Raises:
        OptionError: if it is no kata.
    """
    parts = uri.split("/")
    if len(parts) == 3 and parts[0] == "katas" and parts[1] in FAMILIES and parts[2].isdecimal():
        family, index = FAMILIES[parts[1]], int(parts[2])
        if index < len(family):
            return family, index
    raise OptionError(f"No kata {uri!r}; a kata is katas/FAMILY/INDEX.")


def problem(uri: str) -> Problem:
    """The kata of a uri."""
    if uri.startswith("katas/cpp-"):
        return cpp.twin(uri, problem)
    family, index = locate(uri)
    made = build(family, index)
    more = one_line.more(family.name, made.entry_point, family.parameters_of(index)[-1])
    if more:
        made = replace(made, statement=one_line.said(uri, made.statement, more))
    if uri in _listed("easy.txt"):
        made = replace(made, tags=(*made.tags, "easy"))
    if made.public_tests:
        return made
    tests = written.tests("programs", *family.parameters_of(index))
    return replace(made, public_tests=tests[:1], hidden_tests=tests[1:])


def phrasings(uri: str) -> tuple[str, ...]:
    """Ways to say what a kata asks for, its own statement first: the others its family has for the same parameters.

    Problems with another of them are made by `dataclasses.replace(problem, statement=...)`.

    Raises:
        OptionError: if it is no kata.
    """
    family, index = locate(uri.replace("katas/cpp-", "katas/", 1))
    parameters, made = family.parameters_of(index), problem(uri)
    drawn = [family.make(parameters, Draws("phrasings", uri, turn)).statement for turn in range(_TURNS)]
    more = one_line.more(family.name, made.entry_point, parameters[-1])
    return tuple(dict.fromkeys((made.statement, *drawn, *more)))


_TURNS = 16


def easy() -> dict[str, list[str]]:
    """The tier `easy` by split: problems of which SmolLM2-135M-Instruct solves 5 to 60 % of 20 samples at T = 0.8.

    The list comes from a measurement: `benchmarks/easy_tier.py` makes it of `benchmarks/results/katas/easy.csv`.
    """
    gone = left_out()
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    for uri in _listed("easy.txt"):
        if uri not in gone:
            found[split_of(uri)].append(uri)
    return found


TIERS: dict[str, Callable[[], dict[str, list[str]]]] = {"cpp": cpp.tier, "easy": easy}
"""Lists of single problems that can be selected like a tag: their uris per split."""
