"""Options read without tyro, for a command that is done in about the time that tyro takes to be imported.

Only what is plain is read, in the way in which tyro reads it. For anything else (a cry for help, an unknown name, a
value that does not fit or is missing, an option given twice) the answer is None: then tyro reads it all, or says what
is wrong. So there is one definition of a command's options, its dataclass, and one voice that complains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

Options = TypeVar("Options")

_READ: Final[dict[str, Callable[[str], Any]]] = {"str": str, "Path": Path, "int": int, "float": float}
_TYPE: Final = re.compile(r"(?:Optional\[)?(\w+)\]?")
_POSITIONAL: Final = re.compile(r"Annotated\[(\w+), tyro\.conf\.Positional\b")


def plain_options(options: type[Options], words: Sequence[str]) -> Options | None:
    """What `tyro.cli(options, args=words)` would return, or None where that takes tyro to tell.

    Args:
        options: a dataclass whose annotations are text (`from __future__ import annotations`).
        words: of the command line, after the command.
    """
    places: list[Field[Any]] = []
    named: dict[str, Field[Any]] = {}
    for field in fields(options):  # type: ignore[arg-type]
        if _POSITIONAL.match(field.type):
            places.append(field)
        else:
            named["--" + field.name.replace("_", "-")] = field
    given: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        if not word.startswith("-") and places:
            field, text = places.pop(0), word
        elif word in named:
            field = named.pop(word)
            if field.type == "bool" and field.default is False:
                given[field.name] = True
                continue
            text = next(left, "")
        else:
            return None
        read = _READ.get((_POSITIONAL.match(field.type) or _TYPE.fullmatch(field.type) or [""])[1])
        if read is None or not text or text.startswith("-") or text == "None":
            return None
        try:
            given[field.name] = read(text)
        except ValueError:
            return None
    if any(field.default is MISSING for field in places):
        return None
    return options(**given)
