"""All families of katas, by name."""

from __future__ import annotations

from codegym.envs.problems.katas.families import (
    arithmetic,
    branches,
    collections,
    easy,
    list_filters,
    lists,
    nesting,
    numbers,
    one_operation,
    parsing,
    programs,
    simulation,
    strings,
)
from codegym.envs.problems.katas.family import Family

MODULES = (
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
)

FAMILIES: dict[str, Family] = {family.name: family for module in MODULES for family in module.FAMILIES}
TAGS: tuple[str, ...] = tuple(sorted({tag for family in FAMILIES.values() for tag in family.tags}))
