"""Plain values as bounded bytes, and back: the only thing that crosses the wall to a candidate's process. Never pickle.

The text is JSON, so that both directions run in C for lists of numbers and strings. What JSON cannot say is a
one-member object {tag: content}: `{"tuple": [1, 2]}`, `{"dict": [key, value, key, value]}`, `{"int": "-ff"}` for long
integers (hex: decimal is quadratic and bounded by the interpreter), `{"type": "int"}` for builtin classes. Only
exact types are values; everything else, also a subclass (its `__eq__` would be the candidate's), becomes
`{"handle": [id, type name]}`: it stays where it is.

`decode` is for hostile bytes: it bounds their number, nesting and number length before parsing, and refuses colliding
hashes, so that neither time nor memory nor the C stack can be taken from the judge.

Runs inside the zygote as well: standard library only, Python 3.11 to 3.13.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

MAX_BYTES = 1 << 20
MAX_DEPTH = 100
MAX_ITEMS = 1 << 20
MAX_INT_BITS = 4_000_000  # HumanEval+/83 answers 18 * 10**999998
MAX_SCALE = 10_000  # largest exponent of a Decimal


class CodecError(ValueError):
    """Bytes that are no value, or a value that has no bytes."""


class TooLarge(CodecError):
    """A value beyond the bounds on bytes, depth or count."""


class Handle:
    """An object that lives in the candidate's process: never equal to a value, and equal to another only by identity.

    Attributes:
        id: its number in that process.
        type_name: name of its class, for messages.
    """

    __slots__ = ("id", "type_name")

    def __init__(self, id: int, type_name: str) -> None:
        self.id = id
        self.type_name = type_name

    def __repr__(self) -> str:
        return f"<{self.type_name} object in the candidate's process>"


Register = Callable[[Any], int]
Resolve = Callable[[int, str], Any]

_SMALL = 1 << 256  # integers below are written in decimal
_LEAVES = frozenset({int, float, str, bool, type(None)})
_LEAVES_BUT_INT = _LEAVES - {int}
_FACTORIES: dict[str, Callable[[], Any]] = {
    "int": int, "float": float, "str": str, "list": list, "dict": dict, "set": set, "tuple": tuple, "bool": bool,
}  # fmt: skip
_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (int, float, str, bool, complex, bytes, list, tuple, dict, set, frozenset, range, object, type(None))
}
_TYPE_NAMES = {kind: name for name, kind in _TYPES.items()}
_FACTORY_NAMES = {factory: name for name, factory in _FACTORIES.items()}
_NUMPY_KINDS = frozenset("biufcUSMm")

_dumps = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def encode(value: Any, register: Register | None = None, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a value.

    Args:
        value: any nesting of the plain types.
        register: gets every object that is not plain and returns the number of its handle; without it such an object
            raises CodecError. A `Handle` is written as itself.
        max_bytes: bound on the result.

    Raises:
        TooLarge: the value is too deep, has too many items or too many bytes.
        CodecError: it holds an object that is no plain value and `register` is None.
    """
    data = _dumps(_Encoder(register).convert(value, 0)).encode("utf-8", "surrogatepass")
    if len(data) > max_bytes:
        raise TooLarge(f"a value of {len(data)} bytes, more than {max_bytes}")
    return data


class _Encoder:
    """One walk over a value: exact types to JSON, with the count of items so far."""

    def __init__(self, register: Register | None) -> None:
        self.register = register
        self.room = MAX_ITEMS

    def convert(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _LEAVES_BUT_INT:
            if kind is str:
                self.take(len(value) >> 4)
            return value
        if kind is int:
            return value if -_SMALL < value < _SMALL else {"int": _hex(value)}
        if depth >= MAX_DEPTH:
            raise TooLarge(f"a value nested deeper than {MAX_DEPTH}")
        if kind is list:
            return self.items(value, depth)
        if kind is tuple:
            return {"tuple": self.items(value, depth)}
        if kind is dict:
            return {"dict": self.pairs(value, depth)}
        if kind is type and value in _TYPE_NAMES:
            return {"type": _TYPE_NAMES[value]}
        writer = _WRITERS.get(kind)
        if writer is not None:
            return writer(self, value, depth)
        if kind is Handle:
            return {"handle": [value.id, value.type_name]}
        if kind.__module__ == "numpy":
            written = _write_numpy(self, value)
            if written is not None:
                return written
        if self.register is None:
            raise CodecError(f"an object of class {kind.__name__} is no plain value")
        return {"handle": [self.register(value), str(kind.__name__)[:100]]}

    def take(self, count: int) -> None:
        self.room -= count
        if self.room < 0:
            raise TooLarge(f"a value of more than {MAX_ITEMS} items")

    def items(self, values: Iterable[Any], depth: int) -> list[Any]:
        found = values if type(values) is list else list(values)
        self.take(len(found))
        kinds = set(map(type, found))
        if kinds <= _LEAVES_BUT_INT:
            if str in kinds:
                self.take(sum([len(item) for item in found if type(item) is str]) >> 4)
            return found
        if kinds == {int} and max(found) < _SMALL and min(found) > -_SMALL:
            return found
        convert = self.convert
        return [convert(item, depth + 1) for item in found]

    def pairs(self, mapping: Any, depth: int) -> list[Any]:
        return self.items([part for pair in dict.items(mapping) for part in pair], depth)


def _hex(value: int) -> str:
    if value.bit_length() > MAX_INT_BITS:
        raise TooLarge(f"an integer of {value.bit_length()} bits")
    return format(value, "x")


def _write_numpy(encoder: _Encoder, value: Any) -> Any:
    numpy = sys.modules["numpy"]
    if type(value) is numpy.ndarray:
        if value.dtype.kind not in _NUMPY_KINDS:
            return None
        encoder.take(value.nbytes >> 1)
        return {"ndarray": [value.dtype.str, list(value.shape), value.tobytes().hex()]}
    if isinstance(value, numpy.generic) and value.dtype.kind in _NUMPY_KINDS:
        encoder.take(value.nbytes >> 1)
        return {"numpy": [value.dtype.str, value.tobytes().hex()]}
    return None


def _write_bytes(encoder: _Encoder, value: bytes, depth: int) -> Any:
    encoder.take(len(value) >> 4)
    return {"bytes": value.hex()}


def _write_decimal(encoder: _Encoder, value: Decimal, depth: int) -> Any:
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and abs(exponent) > MAX_SCALE:
        raise TooLarge("a Decimal with a huge exponent")
    return {"Decimal": str(value)}


_WRITERS: dict[type, Callable[[_Encoder, Any, int], Any]] = {
    complex: lambda e, v, d: {"complex": [v.real, v.imag]},
    bytes: _write_bytes,
    set: lambda e, v, d: {"set": e.items(v, d)},
    frozenset: lambda e, v, d: {"frozenset": e.items(v, d)},
    range: lambda e, v, d: {"range": e.items((v.start, v.stop, v.step), d)},
    Counter: lambda e, v, d: {"Counter": e.pairs(v, d)},
    OrderedDict: lambda e, v, d: {"OrderedDict": e.pairs(v, d)},
    defaultdict: lambda e, v, d: {"defaultdict": [_factory_name(v), e.pairs(v, d)]},
    deque: lambda e, v, d: {"deque": [v.maxlen, e.items(v, d)]},
    Decimal: _write_decimal,
    Fraction: lambda e, v, d: {"Fraction": e.items((v.numerator, v.denominator), d)},
}


def _factory_name(value: defaultdict[Any, Any]) -> str | None:
    try:
        return _FACTORY_NAMES.get(value.default_factory)  # type: ignore[arg-type]
    except TypeError:  # an unhashable factory
        return None


_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_LONG_NUMBER = re.compile(r"\d{80}")
_DIGITS = 400
_decode_untagged = json.JSONDecoder().decode  # a decoder of its own for each answer would take longer than the answer


def decode(data: bytes | memoryview, resolve: Resolve | None = None, max_bytes: int = MAX_BYTES) -> Any:
    """Return the value of bytes that may be hostile.

    Args:
        data: what `encode` gave, or anything.
        resolve: gets a handle's number and type name and returns what stands for it; by default a `Handle`.
        max_bytes: bound on the length of `data`.

    Raises:
        TooLarge: more bytes, nesting or digits than allowed.
        CodecError: not a value.
    """
    if len(data) > max_bytes:
        raise TooLarge(f"a value of {len(data)} bytes, more than {max_bytes}")
    try:
        text = str(data, "utf-8", "surrogatepass")
        _check_depth(text)
        has_long = _LONG_NUMBER.search(text) is not None
        if not has_long and "{" not in text:
            return _decode_untagged(text)
        options: dict[str, Any] = {"parse_int": _parse_int} if has_long else {}
        reader = _Reader(resolve or Handle)
        return json.loads(text, object_pairs_hook=reader.read, **options)
    except CodecError:
        raise
    except (ValueError, TypeError, ArithmeticError, RecursionError, KeyError, AttributeError) as error:
        raise CodecError(f"not a value: {type(error).__name__}") from None


def _check_depth(text: str) -> None:
    # A tag costs a second bracket, so twice the depth and a little more is what `encode` can produce.
    limit = 3 * MAX_DEPTH + 8
    if text.count("[") + text.count("{") <= limit:
        return
    depth = 0
    for bracket in re.sub(r"[^\[\]{}]+", "", _STRING.sub("", text)):
        if bracket in "[{":
            depth += 1
            if depth > limit:
                raise TooLarge(f"a value nested deeper than {MAX_DEPTH}")
        else:
            depth -= 1


def _parse_int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise TooLarge("a decimal integer that is too long")
    return int(digits)


class _Reader:
    """Turns the tagged objects of a JSON text into values."""

    def __init__(self, resolve: Resolve) -> None:
        self.resolve = resolve

    def read(self, pairs: list[tuple[str, Any]]) -> Any:
        if len(pairs) != 1:
            raise CodecError("an object with other than one tag")
        tag, content = pairs[0]
        if tag == "tuple":
            return tuple(_list(content))
        if tag == "handle":
            number, name = content
            if type(number) is not int or type(name) is not str:
                raise CodecError("a malformed handle")
            return self.resolve(number, name)
        return _READERS[tag](content)


def _list(content: Any) -> list[Any]:
    if type(content) is not list:
        raise CodecError("a tag without its list")
    return content


def _keys(keys: list[Any]) -> list[Any]:
    """Return the keys, or refuse many that share a hash: a table of them takes quadratic time."""
    if len(keys) > 64:
        commonest = Counter(map(hash, keys)).most_common(1)[0][1]
        if commonest > 64:
            raise CodecError("colliding keys")
    return keys


def _pairs(content: Any) -> list[tuple[Any, Any]]:
    flat = _list(content)
    if len(flat) % 2:
        raise CodecError("a key without its value")
    return list(zip(_keys(flat[::2]), flat[1::2], strict=True))


def _read_int(content: Any) -> int:
    if type(content) is not str or len(content) > MAX_INT_BITS // 4 + 2:
        raise TooLarge("an integer that is too long")
    return int(content, 16)


def _read_decimal(content: Any) -> Decimal:
    value = Decimal(content if type(content) is str else None)  # type: ignore[arg-type]
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and abs(exponent) > MAX_SCALE:
        raise TooLarge("a Decimal with a huge exponent")
    return value


def _read_fraction(content: Any) -> Fraction:
    numerator, denominator = map(_int, content)
    return Fraction(numerator, denominator)


def _read_complex(content: Any) -> complex:
    real, imag = content
    if type(real) is not float or type(imag) is not float:
        raise CodecError("a malformed complex")
    return complex(real, imag)


def _int(value: Any) -> int:
    if type(value) is not int:
        raise CodecError("not an integer")
    return value


def _read_defaultdict(content: Any) -> defaultdict[Any, Any]:
    name, pairs = content
    return defaultdict(None if name is None else _FACTORIES[name], _pairs(pairs))


def _read_deque(content: Any) -> deque[Any]:
    length, items = content
    return deque(_list(items), None if length is None else _int(length))


def _read_ndarray(content: Any) -> Any:
    import numpy

    dtype, shape, data = content
    if len(shape) > 32:
        raise CodecError("too many dimensions")
    raw, dimensions = bytes.fromhex(data), [_int(n) for n in shape]
    if not raw:
        if 0 not in dimensions:
            raise CodecError("an array without its content")
        return numpy.zeros(dimensions, _dtype(dtype))
    return numpy.frombuffer(raw, _dtype(dtype)).reshape(dimensions).copy()


def _read_numpy(content: Any) -> Any:
    import numpy

    dtype, data = content
    kind, raw = _dtype(dtype), bytes.fromhex(data)
    return (numpy.frombuffer(raw, kind) if kind.itemsize else numpy.zeros(1, kind))[0]


def _dtype(name: Any) -> Any:
    import numpy

    if type(name) is not str or not re.fullmatch(r"[<>|=]?[biufcUSMm]\d{1,6}(\[\w{1,4}\])?", name):
        raise CodecError("not a numpy type")
    return numpy.dtype(name)


_READERS: dict[str, Callable[[Any], Any]] = {
    "dict": lambda c: dict(_pairs(c)),
    "int": _read_int,
    "type": lambda c: _TYPES[c],
    "bytes": bytes.fromhex,
    "complex": _read_complex,
    "set": lambda c: set(_keys(_list(c))),
    "frozenset": lambda c: frozenset(_keys(_list(c))),
    "range": lambda c: range(*map(_int, c)),
    "Counter": lambda c: Counter(dict(_pairs(c))),
    "OrderedDict": lambda c: OrderedDict(_pairs(c)),
    "defaultdict": _read_defaultdict,
    "deque": _read_deque,
    "Decimal": _read_decimal,
    "Fraction": _read_fraction,
    "ndarray": _read_ndarray,
    "numpy": _read_numpy,
}
