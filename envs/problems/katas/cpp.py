"""The tier `cpp`: sixty programs on standard input and output, to be written in C++17.

Each is the twin of a kata in Python, `katas/cpp-FAMILY/INDEX` of `katas/FAMILY/INDEX`: same statement, same tests, same
split. They are in the set `katas:cpp` and not in `katas`, which is for one language.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from codegym.envs.errors import OptionError
from codegym.envs.problems.katas import written
from codegym.envs.problems.katas.families import streams
from codegym.envs.problems.katas.family import SPLITS, Family
from codegym.envs.problems.problem import Problem

_EACH = (4, 2, 2)
"""Problems of each procedural family in train, validation and test."""
_WRITTEN = "written-programs"
_FAMILIES = {family.name: family for family in (*written.FAMILIES, *streams.FAMILIES)}


def tier() -> dict[str, list[str]]:
    """The uris of the tier by split."""
    return {split: [uri for uri, found in _splits().items() if found == split] for split in SPLITS}


@functools.cache
def _splits() -> dict[str, str]:
    found = {f"katas/cpp-{_WRITTEN}/{index}": _split(_WRITTEN, index) for index in range(len(_FAMILIES[_WRITTEN]))}
    for name in streams.CPP:
        counts = _FAMILIES[name].counts
        for split, each in enumerate(_EACH):
            start = sum(counts[:split])
            found |= {f"katas/cpp-{name}/{index}": SPLITS[split] for index in range(start, start + each)}
    return found


def _split(name: str, index: int) -> str:
    return _FAMILIES[name].split_of(index)


def twin(uri: str, original: Callable[[str], Problem]) -> Problem:
    """The problem of a uri of the tier, made of the Python kata that `original` gives.

    Raises:
        OptionError: if it is not in the tier.
    """
    if uri not in _splits():
        raise OptionError(f"No kata {uri!r}; those in C++ are listed by `codegym problems list katas:cpp`.")
    base = original(uri.replace("katas/cpp-", "katas/", 1))
    _, name, number = base.uri.split("/")
    family: Family = _FAMILIES[name]
    parameters = family.parameters_of(int(number))
    reference = written.table("programs")[parameters[0]].cpp if name == _WRITTEN else streams.CPP[name](parameters)
    return replace(
        base,
        uri=uri,
        language="cpp",
        references=(reference,),
        pseudocode=(*base.pseudocode[:-1], f"<Action 3>\n```cpp\n{reference}\n```"),
        tags=("cpp", *base.tags),
        base=base.uri,
    )
