"""A field of a dataclass whose value may be made when it is first asked for: what most users never need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class WhenAsked(Generic[Value]):
    """A descriptor-typed field: given as a value, or as a function without arguments that makes it, once.

    Comparing, hashing, printing, copying and pickling an object ask for it, so that none of them can tell.

    Args:
        default: the field's value where none is given.
    """

    def __init__(self, default: Value) -> None:
        self.default = default
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Value: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> Value:
        if instance is None:
            return self.default
        values = vars(instance)
        found = values[self.name]
        if callable(found):
            found = values[self.name] = found()
        return found  # type: ignore[no-any-return]

    def __set__(self, instance: object, value: Value | Callable[[], Value]) -> None:
        vars(instance)[self.name] = value


def state_of(instance: Any) -> dict[str, Any]:
    """The values of an object's fields for `__getstate__`: all of them made, for functions cannot be pickled."""
    return {name: getattr(instance, name) for name in vars(instance)}
