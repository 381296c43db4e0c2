"""What programs find without importing it, and what is ready for what they import and write.

Runs inside the zygote: standard library only, Python 3.11 to 3.13.
"""

from __future__ import annotations

import builtins
import typing
from typing import Any, Final

from codegym.envs.execution import coverage

_MODULES: Final = (
    "bisect", "collections", "copy", "datetime", "decimal", "fractions", "functools", "heapq", "itertools", "json",
    "math", "operator", "random", "re", "statistics", "string", "sys", "time", "typing",
)  # fmt: skip
_STARS: Final = ("typing", "collections", "heapq", "bisect", "itertools", "functools", "math")
_usual: dict[str, Any] = {}
builtins_with_usual: dict[str, Any] = {}
"""The builtins and them: a program's `__builtins__`, once `usual_imports` was called."""

coverage.probed_builtins.append(builtins_with_usual)


def usual_imports() -> dict[str, Any]:
    """The names that call-based problems of the APPS line take for granted.

    Programs find them behind their globals, beside the builtins: filling each program's globals would write to the
    memory of every one of these objects, which a child of the zygote pays for page by page.
    """
    if not _usual:
        for name in _STARS:
            module = __import__(name)
            public = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
            _usual.update({n: getattr(module, n) for n in public if not hasattr(builtins, n)})
        _usual.update({name: __import__(name) for name in _MODULES})
        builtins_with_usual.update(vars(builtins))
        builtins_with_usual.update(_usual)
        _write_annotations()
    return _usual


def _write_annotations() -> None:
    """Have `typing` remember the annotations that most programs write: to make one takes a third of a small program."""

    def write(name: str, arguments: list[Any]) -> list[Any]:
        generic = getattr(typing, name)
        return [generic[argument] for argument in arguments]

    plain = [int, float, str, bool, Any]
    pairs = [(first, second) for first in plain for second in plain]
    lists = write("List", plain)
    write("List", [*lists, *write("Tuple", pairs)])
    write("Dict", pairs)
    write("Optional", [*plain, *lists])
    for name in ("Set", "Iterable", "Sequence"):
        write(name, plain)
