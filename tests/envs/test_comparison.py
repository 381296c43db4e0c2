"""Equality of values and of printed output: hand cases, and properties against plain Python."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegym.envs.execution.codec import Handle
from codegym.envs.execution.comparison import equal_output, equal_values

nan = math.nan

EQUAL = [
    (1, True), (0, False), (1, 1.0), (True, 1.0), ([1, 2], [1.0, 2.0]), ((1, "a"), (1, "a")), ({1, 2}, {2, 1}),
    ({1, 2}, frozenset({1, 2})), ({"a": [1]}, {"a": [1]}), (None, None), ("é", "é"), (b"x", b"x"), (1 + 0j, 1),
    (Decimal("1.50"), Decimal("1.5")), (Fraction(1, 2), 0.5), (range(3), range(0, 3)), (deque([1]), deque([1], 5)),
    (Counter("aab"), Counter("aba")), (Counter("aab"), {"a": 2, "b": 1}), (defaultdict(int, a=1), {"a": 1}),
    (OrderedDict(a=1, b=2), {"b": 2, "a": 1}), (nan, nan), ([nan, 1], [nan, 1]), ({"x": nan}, {"x": nan}),
    (np.bool_(True), True), (np.int64(3), 3), (np.float64(0.5), 0.5), ([np.int32(1)], [1]), (np.str_("a"), "a"),
    (np.array([1, 2]), np.array([1.0, 2.0])), (np.array([nan]), np.array([nan])), (np.zeros((2, 0)), np.zeros((2, 0))),
    (np.datetime64("2020-01-01"), np.datetime64("2020-01-01")), (1 << 9000, 1 << 9000),
]  # fmt: skip

DIFFERENT = [
    (1, 2), (1, "1"),
    ([1], (1,)), ([1], [1, 1]), ([1], deque([1])), ({1}, [1]), ({}, set()), (None, False), ("a", b"a"),
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"a": 1}, {"b": 1}), (0.1 + 0.2, 0.3), (nan, 1.0), (1.0, nan), ([nan], [1.0]), ((), []),
    (OrderedDict([("a", 1), ("b", 2)]), OrderedDict([("b", 2), ("a", 1)])), (Decimal("sNaN"), Decimal(1)),
    (np.array([1, 2]), [1, 2]), ([1, 2], np.array([1, 2])), (np.array([1, 2]), np.array([[1, 2]])), (np.array([1]), 1),
    ([np.array([[1]])], [np.array([1])]), (np.array([1, 2]), np.array([1, 3])), (np.float32(0.1), 0.1), ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("actual", "expected"), EQUAL, ids=map(str, range(len(EQUAL))))
def test_equal_values(actual, expected):
    assert equal_values(actual, expected)


@pytest.mark.parametrize(("actual", "expected"), DIFFERENT, ids=map(str, range(len(DIFFERENT))))
def test_different_values(actual, expected):
    assert not equal_values(actual, expected)


@pytest.mark.parametrize("expected", [None, 0, 1, "", [], (), {}, Handle(1, "E"), [1], nan, np.array([1])])
def test_a_handle_equals_no_value(expected):
    assert not equal_values(Handle(1, "E"), expected)
    assert not equal_values([Handle(1, "E")], [expected])


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize("expected", [None, 0, True, "x", [1], {"a": 1}, 0.5, (1,), {1}])
def test_an_object_that_is_no_plain_value_equals_nothing(expected):
    assert not equal_values(AlwaysEqual(), expected)


def test_tolerance_is_for_expected_floats_only():
    assert equal_values(0.1 + 0.2, 0.3, 1e-9)
    assert equal_values([1.0, {"a": 2.0000001}], [1.0, {"a": 2.0}], 1e-6)
    assert equal_values(3, 3.0000001, 1e-6)
    assert not equal_values(3.0000001, 3, 1e-6)
    assert not equal_values(10**12 + 1, 10**12, 1e-6)
    assert not equal_values(1.1, 1.0, 1e-6)
    assert equal_values(1j + 1e-9, 1j, 1e-6)
    assert equal_values(np.array([1.0, 2.0 + 1e-9]), np.array([1.0, 2.0]), 1e-6)
    assert not equal_values(np.array([1, 3]), np.array([1, 2]), 1.0)
    assert not equal_values(math.inf, 1.0, 1e-6)
    assert equal_values(math.inf, math.inf, 1e-6)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.sets(st.integers(), max_size=4)
    ),
    max_leaves=12,
)


@given(plain, plain)
def test_without_nan_it_is_python_equality(one, other):
    assert equal_values(one, other) == (one == other)
    assert equal_values(one, one)


@given(plain, plain, st.floats(0, 1))
def test_a_tolerance_only_adds_equalities(one, other, tolerance):
    assert not equal_values(one, other) or equal_values(one, other, tolerance)


OUTPUTS = [
    # actual, expected, equal
    ("6", "6\n", True),
    ("6.0", "6", True), ("+6", "6", True), ("006", "6", True), ("6e0", "6", True), ("-0", "0", True),
    ("1 2\n3", "1\n2 3", True), ("  a  b ", "a b", True), ("a", "A", False), ("6", "6 7", False), ("6 7", "6", False),
    ("", "6", False), ("", "", True), ("6", "", False), ("1 2", "2 1", False), ("12", "1 2", False),
    ("2000000000001", "2000000000000", False), ("2000000000000.0004", "2000000000000", False),
    ("2000000000001.0", "2000000000000", False), ("0.3333333", "0.33333333", True), ("0.33", "0.33333333", False),
    ("1000000.5", "1000000.0", True), ("1000002.0", "1000000.0", False), ("1e-9", "0.0", True), ("3", "3.0", True),
    ("3.0000001", "3", False), ("3.0000001", "3.0", True), ("nan", "nan", True), ("nan", "1.0", False),
    ("NaN", "nan", False), ("inf", "1e400", False), ("inf", "inf", True), ("١", "1", False), ("1_0", "10", False),
    ("0x10", "16", False), ("1e99999999", "1.0", False), ("1.", "1", True), (".5", "0.5", True), (".", "0.0", False),
    ("9" * 5000, "1.0", False), ("9" * 5000, "9" * 5000, True), ("1\u00a02", "1 2", False), ("yes", "yes", True),
    ("0.1000001", "1e-1", True), ("0.100002", "1e-1", False), ("--1", "-1", False), ("1e5", "100000", True),
]  # fmt: skip


@pytest.mark.parametrize(("actual", "expected", "equal"), OUTPUTS)
def test_output(actual, expected, equal):
    assert equal_output(actual, expected) is equal
    assert equal_output(actual.encode(), expected) is equal


def test_a_problem_may_set_its_tolerance():
    assert equal_output("0.34", "0.33", tolerance=0.05)
    assert not equal_output("0.3300000001", "0.33", tolerance=0.0)
    assert equal_output("0.330", "0.33", tolerance=0.0)
    assert not equal_output("4", "3", tolerance=5.0)


def test_the_tolerance_is_inclusive_and_decimal():
    assert equal_output("0.300001", "0.3")
    assert not equal_output("0.3000010001", "0.3")


def test_exact_lines():
    assert equal_output("a b\r\nc\n\n", "a b\nc", exact_lines=True)
    assert not equal_output("a  b\nc", "a b\nc", exact_lines=True)
    assert not equal_output("a b c", "a b\nc", exact_lines=True)
    assert not equal_output("1.0", "1", exact_lines=True)


@given(st.lists(st.integers(-(10**30), 10**30)), st.lists(st.integers(-(10**30), 10**30)))
def test_integers_are_compared_exactly_and_in_order(one, other):
    assert equal_output(" ".join(map(str, one)), "\n".join(map(str, other))) == (one == other)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_floats_are_compared_within_the_tolerance(one, other):
    close = abs(Decimal(repr(one)) - Decimal(repr(other))) <= Decimal("1e-6") * max(1, abs(Decimal(repr(other))))
    assert equal_output(repr(one), repr(other)) == close


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_raises(one, other):
    assert equal_output(one, other) in (True, False)
    assert equal_output(one, one)
