"""What is special about Python programs: which sources are refused unread, and which zygote they need."""

from __future__ import annotations

import re

from codegym.envs.problems.problem import Problem

MAX_SOURCE = 1 << 20
"""Characters; longer programs do not compile here, whatever they are."""

_NUMPY = re.compile(r"\bnumpy\b")


def refusal(source: str) -> str | None:
    """Return why a source cannot be a program, found without parsing it, or None."""
    if len(source) > MAX_SOURCE:
        return f"the source has {len(source)} characters, more than {MAX_SOURCE}"
    if "\0" in source:
        return "the source holds a null character"
    if not source.isascii():
        try:
            source.encode()
        except UnicodeEncodeError:
            return "the source holds a surrogate, which no file can"
    return None


def profile(source: str) -> str:
    """Return the profile of zygote for a program: "numpy" where the word occurs, for imports can be dynamic."""
    return "numpy" if "numpy" in source and _NUMPY.search(source) else "plain"


def usual_imports(problem: Problem) -> bool:
    """Whether call tests run with the usual imports in scope: problems of the APPS line, where nothing is given."""
    return not problem.given
