"""load_problems: from the name of a set, or kind:PATH, to a ProblemSet."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from codegym.envs.errors import OptionError, unknown
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import ProblemSet, Source

_SPLIT = re.compile(r"(?P<spec>.+)\[(?P<split>[a-z]+)\]", re.DOTALL)


def _lazily(module: str, function: str, **fixed: Any) -> Callable[[str], Source]:
    """A maker that imports its source when it is asked for: `import codegym` and one set stay quick."""

    def make(argument: str) -> Source:
        found = getattr(importlib.import_module(f"codegym.envs.problems.{module}"), function)
        made: Source = found(*([argument] if argument else []), **fixed)
        return made

    return make


_KINDS: dict[str, tuple[Callable[[str], Source], str]] = {
    "katas": (_lazily("katas.source", "katas"), "optional"),
    "humaneval": (_lazily("sources.human_eval", "human_eval"), "none"),
    "humanevalplus": (_lazily("sources.evalplus", "human_eval_plus"), "optional"),
    "humanevalplus-mini": (_lazily("sources.evalplus", "human_eval_plus_mini"), "optional"),
    "mbppplus": (_lazily("sources.evalplus", "mbpp_plus"), "optional"),
    "humaneval-x": (_lazily("sources.humaneval_x", "humaneval_x"), "optional"),
    "humaneval-x-cpp": (_lazily("sources.humaneval_x_cpp", "humaneval_x_cpp"), "optional"),
    "mbxp-cpp": (_lazily("sources.mbxp_cpp", "mbxp_cpp"), "optional"),
    "mbpp": (_lazily("sources.mbpp", "mbpp"), "optional"),
    "sanitized-mbpp": (_lazily("sources.mbpp", "sanitized_mbpp"), "optional"),
    "p3": (_lazily("sources.p3", "p3"), "optional"),
    "apps": (_lazily("sources.apps", "apps"), "optional"),
    "apps-plus": (_lazily("sources.apps", "apps_plus"), "optional"),
    "taco": (_lazily("sources.apps", "taco"), "optional"),
    "code-contests": (_lazily("sources.code_contests", "code_contests"), "optional"),
    "livecodebench": (_lazily("sources.livecodebench", "livecodebench"), "optional"),
    "bigcodebench": (_lazily("sources.bigcodebench", "bigcodebench"), "optional"),
    "bigcodebench-instruct": (_lazily("sources.bigcodebench", "bigcodebench", instruct=True), "optional"),
    "acecode": (_lazily("sources.ace_code", "ace_code"), "optional"),
    "acecodepair": (_lazily("sources.ace_code", "ace_code_pair"), "optional"),
    "jsonl": (_lazily("sources.jsonl", "jsonl"), "needed"),
}
"""Per kind: what makes its source of the text after the colon, and whether there may be such a text."""

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
        OptionError: for an unknown name or split, or what is none of these.
        DataError: for a file that cannot be read as problems.
    """
    if isinstance(spec, ProblemSet):
        problems = spec
    elif isinstance(spec, str):
        problems = _named(spec)
    else:
        listed = list(spec) if isinstance(spec, Iterable) else [spec]
        wrong = [one for one in listed if not isinstance(one, Problem)]
        if wrong:
            raise OptionError(
                f"Problems are a name, kind:PATH, a ProblemSet or a list of Problem, not {wrong[0]!r:.80}."
            )
        problems = ProblemSet.of(listed)
    return problems if split is None else problems.split(split)


def find_problem(uri: str) -> Problem:
    """The problem of a uri of a set with a name of its own; of katas also those that only their tier or family lists.

    Raises:
        OptionError: if there is none.
    """
    name, _, rest = uri.partition("/")
    family = rest.partition("/")[0]
    if name == "katas" and family.startswith("cpp-"):
        name = "katas:cpp"
    elif name == "katas" and family == "one-operation":
        name = "katas:one-operation"
    problem: Problem = load_problems(name)[uri]
    return problem


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
