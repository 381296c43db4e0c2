"""load_problems: from the name of a set, or kind:PATH, to a ProblemSet."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

from codegym.envs.errors import OptionError, unknown
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import ProblemSet, Source

_SPLIT = re.compile(r"(?P<spec>.+)\[(?P<split>[a-z]+)\]", re.DOTALL)


# Each imports its source when it is asked for: `import codegym` and one set stay quick.


def _katas(argument: str) -> Source:
    from codegym.envs.problems.katas.source import katas

    return katas(argument)


def _human_eval(argument: str) -> Source:
    from codegym.envs.problems.sources.human_eval import human_eval

    return human_eval()


def _mbpp(argument: str) -> Source:
    from codegym.envs.problems.sources.mbpp import mbpp

    return mbpp(argument)


def _sanitized_mbpp(argument: str) -> Source:
    from codegym.envs.problems.sources.mbpp import sanitized_mbpp

    return sanitized_mbpp(argument)


def _jsonl(argument: str) -> Source:
    from codegym.envs.problems.sources.jsonl import jsonl

    return jsonl(argument)


def _apps(argument: str) -> Source:
    from codegym.envs.problems.sources.apps import apps

    return apps(argument)


_KINDS: dict[str, tuple[Callable[[str], Source], str]] = {
    "katas": (_katas, "optional"),
    "humaneval": (_human_eval, "none"),
    "mbpp": (_mbpp, "optional"),
    "sanitized-mbpp": (_sanitized_mbpp, "optional"),
    "jsonl": (_jsonl, "needed"),
    "apps": (_apps, "needed"),
}
"""Per kind: what makes its source, and whether it takes an argument after the colon."""

_PACKAGED = ("katas", "humaneval")
"""Kinds that cannot change while this process runs: made once. Files are read again, since they may be edited."""


def set_names() -> tuple[str, ...]:
    """The sets that have a name of their own; the rest are kind:PATH."""
    return tuple(name for name, (_, argument) in _KINDS.items() if argument != "needed")


def load_problems(spec: str | ProblemSet | Sequence[Problem], split: str | None = None) -> ProblemSet:
    """The set of problems that a name, `kind:PATH`, or a list of problems stands for.

    Args:
        spec: "humaneval", "katas", "katas:FAMILY,TAG,...", "mbpp", "jsonl:PATH" and so on, each also as
            "SPEC[SPLIT]"; or a set, or problems.
        split: keep one split alone.

    Raises:
        OptionError: for an unknown name or split.
        DataError: for a file that cannot be read as problems.
    """
    if isinstance(spec, ProblemSet):
        problems = spec
    elif isinstance(spec, str):
        problems = _named(spec)
    else:
        problems = ProblemSet.of(spec)
    return problems if split is None else problems.split(split)


def _named(spec: str) -> ProblemSet:
    match = _SPLIT.fullmatch(spec)
    if match:
        return _named(match["spec"]).split(match["split"])
    kind, colon, argument = spec.partition(":")
    if kind not in _KINDS:
        raise unknown("problem set", spec, (_usage(name) for name in _KINDS))
    _, takes = _KINDS[kind]
    if (colon and takes == "none") or (not argument and (colon or takes == "needed")):
        raise OptionError(f"{spec!r} is no problem set; write {_usage(kind)}.")
    return _packaged(kind, argument) if kind in _PACKAGED else ProblemSet(_KINDS[kind][0](argument))


@functools.lru_cache(maxsize=64)
def _packaged(kind: str, argument: str) -> ProblemSet:
    return ProblemSet(_KINDS[kind][0](argument))


def _usage(kind: str) -> str:
    return kind + {"none": "", "optional": "", "needed": ":PATH"}[_KINDS[kind][1]]
