"""What crosses the wall comes back exactly; what is hostile does not come back at all, and quickly."""
# ruff: noqa: E501  (values in one line)

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegym.envs.execution import codec
from codegym.envs.execution.codec import CodecError, Handle, TooLarge, decode, encode

VALUES: list[Any] = [
    None, True, False, 0, -1, 2**63, 2**300, -(2**5000), 1.5, -0.0, 1e-320, math.inf, 1j, complex(-0.0, math.inf),
    "", "é", "\ud83d\ude00", "😀", "\0\n\"\\", b"", b"\0\xff", [], [1, "a", None], [1, 2.0, True], (), (1, (2, [3])), ((),),
    set(), {1, "a"}, frozenset({(1, 2), 3}), {}, {1: 2, "a": [1], (1, 2): {}, None: None}, range(1, 10, 2), range(2**70),
    Counter("aab"), defaultdict(int, a=1), OrderedDict([(2, 1), (1, 2)]), deque([1, 2], maxlen=3), deque([[]]),
    Decimal("1.50"), Decimal("-Infinity"), Fraction(1, 3), Fraction(10**400), [[[[[]]]]], {"tuple": [1]}, {"handle": [1, "x"]},
    int, [str, type(None)], list,
]  # fmt: skip


def same(one: Any, other: Any) -> bool:
    exact = isinstance(one, set | frozenset) or repr(one) == repr(other)  # repr tells 1 from True; sets have no order
    return type(one) is type(other) and one == other and exact


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_with_its_exact_type(value: Any) -> None:
    assert same(decode(encode(value)), value)


def test_nan_comes_back_as_nan() -> None:
    assert math.isnan(decode(encode(math.nan)))


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()) | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner)
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(plain)
def test_any_nesting_comes_back(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        np.float64(1.5), np.int8(-3), np.bool_(True), np.complex64(1j), np.str_("é"), np.datetime64("2020-01-02"),
        np.arange(6).reshape(2, 3), np.zeros((0, 3)), np.array(["a", "bc"]), np.array(7.0), np.array([True, False]),
        np.arange(12, dtype=">i2").reshape(3, 4).T,
    ],
    ids=repr,
)  # fmt: skip
def test_numpy_comes_back_as_numpy(value: Any) -> None:
    back = decode(encode(value))
    assert type(back) is type(value)
    assert back.dtype == value.dtype and back.shape == value.shape
    assert np.array_equal(back, value)


class Small(int):
    pass


class Colour(IntEnum):
    RED = 1


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "thing", [Small(1), Colour.RED, Point(1, 2), object(), len, (i for i in ()), bytearray(b"x"), Small]
)
def test_subclasses_and_other_objects_are_handles(thing: Any) -> None:
    met: list[Any] = []

    def register(found: Any) -> int:
        met.append(found)
        return len(met)

    back = decode(encode([thing], register))[0]
    assert type(back) is Handle and back.id == 1 and met == [thing]
    assert back.type_name == type(thing).__name__
    assert decode(encode(back), lambda number, name: [number, name]) == [1, type(thing).__name__]
    with pytest.raises(CodecError, match="no plain value"):
        encode(thing)


def test_a_handle_equals_nothing_but_itself() -> None:
    one, other = Handle(1, "E"), Handle(1, "E")
    assert one == one and one != other and one != 1


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def loop() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        nested(200_000),
        loop(),
        [0] * (codec.MAX_ITEMS + 1),
        "x" * (codec.MAX_BYTES + 1),
        1 << (1 << 27),
        Decimal("1e99999999"),
    ],
    ids=["deep", "cycle", "many", "long", "integer", "exponent"],
)
def test_what_is_too_large_is_refused_when_written(value: Any) -> None:
    with pytest.raises(TooLarge):
        encode(value)


P = (1 << 61) - 1  # the modulus of hash(int)
HOSTILE = {
    "deep": b"[" * 400_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "deep tags": b'{"tuple":[' * 500 + b"]}" * 500,
    "colliding set": b'{"set":[' + b",".join(str(i * P).encode() for i in range(40_000)) + b"]}",
    "colliding tuples": b'{"dict":[' + b",".join(b'{"tuple":[%d]},0' % (i * P) for i in range(20_000)) + b"]}",
    "decimal digits": b"1" * 1_000_000,
    "hexadecimal": b'{"int":"' + b"f" * 1_040_000 + b'"}',
    "exponent": b'{"Decimal":"1E+999999999"}',
    "unknown tag": b'{"exec":["print"]}',
    "two tags": b'{"set":[],"tuple":[]}',
    "no tag": b"{}",
    "unhashable": b'{"set":[[1]]}',
    "odd": b'{"dict":[1]}',
    "zero": b'{"Fraction":[1,0]}',
    "range": b'{"range":[0,1,0]}',
    "factory": b'{"defaultdict":["eval",[]]}',
    "object array": b'{"ndarray":["|O",[1],"0000000000000000"]}',
    "huge array": b'{"ndarray":["<f8",[4611686018427387904],""]}',
    "not a type": b'{"numpy":["__import__(\'os\')",""]}',
    "cut": b"[1, 2",
    "marshal": b"\xfb\xff\xff\xff\x7f" * 1000,
    "pickle": b"\x80\x04\x95",
    "empty": b"",
    "too many bytes": b" " * (codec.MAX_BYTES + 1),
}


@pytest.mark.timeout(30)  # quadratic time would be minutes
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_refused_in_linear_time(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode(data)


def test_an_honest_set_of_many_integers_is_no_attack() -> None:
    value = set(range(20_000))
    assert decode(encode(value)) == value
