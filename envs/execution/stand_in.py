"""What a test holds instead of the candidate's own objects: every use of it is a message to the candidate's process.

A stand-in never decides anything by itself and never shows the candidate what it is compared with: it is equal only to
itself, and arithmetic, ordering and membership do not exist (`in` walks over the items and compares them here).

Runs inside the zygote: standard library only.
"""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

Operate = Callable[[str, int, list[Any]], Any]
"""Ask the candidate's process for an operation on an object: (operation, handle, operands) -> value or stand-in."""

_MAX_NAME: Final = 60


class StandIn:
    """An object in the candidate's process, used from here by messages.

    Args:
        operate: how to ask for an operation.
        number: of the object's handle.
        name: of its class, as the candidate says.
    """

    __slots__ = ("_name", "_number", "_operate")

    def __init__(self, operate: Operate, number: int, name: str) -> None:
        object.__setattr__(self, "_operate", operate)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):  # copy, pickle and inspect probe for these
            raise AttributeError(name)
        return self._operate("attribute", self._number, [name])

    def __setattr__(self, name: str, value: Any) -> None:
        self._operate("set_attribute", self._number, [name, value])

    def __iter__(self) -> Iterator[Any]:
        iterator = self._operate("iter", self._number, [])
        if not isinstance(iterator, StandIn):
            raise TypeError("not an iterator")
        return iterator

    def __next__(self) -> Any:
        return self._operate("next", self._number, [])

    def __len__(self) -> int:
        size = self._operate("len", self._number, [])
        if type(size) is not int:
            raise TypeError("the length is no integer")
        return size

    def __bool__(self) -> bool:
        return self._operate("unary", self._number, ["bool"]) is True

    def __getitem__(self, key: Any) -> Any:
        return self._operate("index", self._number, [key])

    def __contains__(self, thing: Any) -> bool:
        return any(item is thing or item == thing for item in self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return self._operate("call", self._number, [list(args), kwargs])

    def __str__(self) -> str:
        text = self._operate("unary", self._number, ["str"])
        if type(text) is not str:
            raise TypeError("the text is no string")
        return text

    def __repr__(self) -> str:
        return f"<{self._name[:_MAX_NAME]} object of the program>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StandIn) and other._number == self._number

    def __hash__(self) -> int:
        return hash(("codegym stand-in", self._number))

    def __copy__(self) -> StandIn:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StandIn:
        return self


def number_of(thing: Any) -> int:
    """The handle of a stand-in, for encoding it; a TypeError for anything else, which cannot go to the candidate."""
    if type(thing) is not StandIn:
        raise TypeError(f"a test cannot hand an object of class {type(thing).__name__} to the program")
    return int(thing._number)


def exception(name: Any, message: Any, bases: Any) -> BaseException:
    """What a test catches when the candidate raised: the same builtin class, or a new one under its nearest builtin.

    Args:
        name: of the exception's class.
        message: its text.
        bases: names of its class and the bases, nearest first.
    """
    names = [base for base in (name, *bases) if type(base) is str] if isinstance(bases, list) else [name]
    known = next((kind for kind in map(_builtin_exception, names) if kind is not None), Exception)
    if known.__name__ != name:
        title = name if type(name) is str and name.isidentifier() else "Error"
        known = type(title[:_MAX_NAME], (known,), {})
    error = known.__new__(known)
    error.args = (message if type(message) is str else "",)
    return error


def _builtin_exception(name: str) -> type[BaseException] | None:
    kind = getattr(builtins, name, None) if name.isidentifier() else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseException) else None


def apply(old: Any, new: Any) -> None:
    """Make the containers that a test passed look as the candidate has left them, in place where it changed them."""
    if type(old) is not type(new):
        return
    if isinstance(old, list | tuple):
        for before, after in zip(old, new, strict=False):
            apply(before, after)
        if isinstance(old, list):
            kept = [b if type(b) is type(a) and _is_mutable(b) else a for b, a in zip(old, new, strict=False)]
            old[:] = kept + new[len(kept) :]
    elif isinstance(old, dict):
        for key in old.keys() & new.keys():
            apply(old[key], new[key])
        kept_pairs = {
            k: old[k] if k in old and type(old[k]) is type(v) and _is_mutable(v) else v for k, v in new.items()
        }
        old.clear()
        old.update(kept_pairs)
    elif isinstance(old, set):
        old.clear()
        old.update(new)
    elif isinstance(old, deque):
        old.clear()
        old.extend(new)


def _is_mutable(value: Any) -> bool:
    return isinstance(value, list | dict | set | deque)


def holds_mutable(value: Any) -> bool:
    """Whether a candidate could change an argument in place; nothing is looked into: lists of lists are mutable too."""
    return _is_mutable(value) or (isinstance(value, tuple) and any(map(holds_mutable, value)))
