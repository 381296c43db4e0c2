"""All families of katas, by name."""

from __future__ import annotations

from codegym.envs.problems.katas import written
from codegym.envs.problems.katas.families import (
    arithmetic,
    branches,
    collections,
    common_functions,
    easy,
    list_filters,
    lists,
    long_rules,
    nesting,
    numbers,
    one_liners,
    one_operation,
    parsing,
    programs,
    records,
    recursion,
    rules,
    simulation,
    streams,
    strings,
)
from codegym.envs.problems.katas.family import Family

VOLUMES = (
    (
        list_filters,
        arithmetic,
        numbers,
        strings,
        lists,
        collections,
        nesting,
        simulation,
        parsing,
        branches,
        programs,
        one_operation,
        easy,
    ),
    (rules, one_liners, written, recursion, streams, records),
    (common_functions, long_rules),
)
"""Modules in the order in which they were added: the set grows at its end, so what was early in it stays early."""

FAMILIES: dict[str, Family] = {
    family.name: family for volume in VOLUMES for module in volume for family in module.FAMILIES
}
VOLUME_OF: dict[str, int] = {
    family.name: number for number, volume in enumerate(VOLUMES) for module in volume for family in module.FAMILIES
}
TAGS: tuple[str, ...] = tuple(sorted({tag for family in FAMILIES.values() for tag in family.tags}))
