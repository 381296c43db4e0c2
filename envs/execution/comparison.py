"""Equality of values and of printed output, outside the candidate's process and bounded in time.

Values are what `codec` decodes: exact plain types, numpy scalars and arrays, and handles, which are equal to nothing.
"""

from __future__ import annotations

import cmath
import math
import re
import sys
from collections import Counter, OrderedDict, deque
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Final

OUTPUT_TOLERANCE: Final = 1e-6
"""Absolute or relative difference allowed between printed numbers where the expected one has a point or an exponent."""

_MAX_DEPTH: Final = 400
_EXACT: Final = frozenset({int, str, bool, type(None), bytes})
_NUMBERS: Final = (int, float, complex, Decimal, Fraction)  # bool is an int
_ATOMS: Final = (str, bytes, set, frozenset, range, Counter, type(None), type)

_MAX_DIGITS: Final = 400
_MAX_EXPONENT: Final = 400
_NUMBER: Final = re.compile(rb"[+-]?(?:\d+(\.\d*)?|(\.\d+))([eE][+-]?\d{1,4})?")
_CONTEXT: Final = Context(prec=60, Emin=-99999, Emax=99999)

_Tolerance = tuple[float, float] | None  # absolute and relative


def equal_values(actual: Any, expected: Any, tolerance: float | None = None, relative: float | None = None) -> bool:
    """Whether a returned value is the expected one.

    As Python's `==` between the plain types (1 == 1.0 == True; a list is no tuple), except that nan equals nan, arrays
    are equal if shape and all elements are, and numpy scalars equal the Python numbers of their value. A handle, or any
    object that is no plain value, equals nothing.

    Args:
        actual: decoded from the candidate's process.
        expected: from the test.
        tolerance: absolute or relative difference allowed where the expected number is a float or complex.
        relative: the relative difference, where it is another than the absolute one.
    """
    try:
        allowed = None if tolerance is None else (tolerance, tolerance if relative is None else relative)
        return _equal(actual, expected, allowed, 0)
    except (ArithmeticError, ValueError):  # a signalling Decimal, arrays that cannot be compared
        return False


def _equal(actual: Any, expected: Any, tolerance: _Tolerance, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        return False
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(actual, numpy.ndarray) or isinstance(expected, numpy.ndarray):
            return type(actual) is type(expected) and _equal_arrays(actual, expected, tolerance)
        actual, expected = _plain(numpy, actual), _plain(numpy, expected)
    if isinstance(expected, _NUMBERS):
        return isinstance(actual, _NUMBERS) and _equal_numbers(actual, expected, tolerance)
    if isinstance(expected, list | tuple | deque):
        same_kind = any(isinstance(actual, kind) and isinstance(expected, kind) for kind in (list, tuple, deque))
        return same_kind and _equal_sequences(actual, expected, tolerance, depth)
    if isinstance(expected, Counter) and isinstance(actual, Counter):
        return bool(actual == expected)
    if isinstance(expected, dict):
        return isinstance(actual, dict) and _equal_dicts(actual, expected, tolerance, depth)
    if isinstance(expected, _ATOMS):
        return isinstance(actual, _ATOMS) and bool(actual == expected)
    return numpy is not None and isinstance(expected, numpy.generic) and bool(actual == expected)


def _plain(numpy: Any, value: Any) -> Any:
    """The Python value of a numpy scalar; dates and durations stay as they are."""
    if not isinstance(value, numpy.generic) or value.dtype.kind in "Mm":
        return value
    item = value.item()
    return item if not isinstance(item, numpy.generic) else complex(item) if value.dtype.kind == "c" else float(item)


def _equal_numbers(actual: Any, expected: Any, tolerance: _Tolerance) -> bool:
    if actual == expected:
        return True
    if not isinstance(expected, float | complex):
        return _is_nan(expected) and _is_nan(actual)
    if _is_nan(expected) or _is_nan(actual):
        return _is_nan(expected) and _is_nan(actual)
    if tolerance is None:
        return False
    if isinstance(actual, complex) or isinstance(expected, complex):
        return cmath.isclose(complex(actual), expected, abs_tol=tolerance[0], rel_tol=tolerance[1])
    return math.isclose(float(actual), expected, abs_tol=tolerance[0], rel_tol=tolerance[1])


def _is_nan(value: Any) -> bool:
    return bool(value != value)


def _equal_sequences(actual: Any, expected: Any, tolerance: _Tolerance, depth: int) -> bool:
    if len(actual) != len(expected):
        return False
    kinds = set(map(type, actual)) | set(map(type, expected))
    if kinds <= _EXACT:
        return bool(actual == expected)
    if kinds <= _EXACT | {float} and actual == expected:
        return True
    return all(_equal(a, e, tolerance, depth + 1) for a, e in zip(actual, expected, strict=True))


def _equal_dicts(actual: Any, expected: Any, tolerance: _Tolerance, depth: int) -> bool:
    if len(actual) != len(expected):
        return False
    if isinstance(actual, OrderedDict) and isinstance(expected, OrderedDict) and list(actual) != list(expected):
        return False
    return all(key in actual and _equal(actual[key], value, tolerance, depth + 1) for key, value in expected.items())


def _equal_arrays(actual: Any, expected: Any, tolerance: _Tolerance) -> bool:
    numpy = sys.modules["numpy"]
    if actual.shape != expected.shape:
        return False
    kinds = actual.dtype.kind + expected.dtype.kind
    inexact = expected.dtype.kind in "fc"
    if inexact and tolerance is not None and not set(kinds) - set("biufc"):
        return bool(numpy.all(numpy.isclose(actual, expected, atol=tolerance[0], rtol=tolerance[1], equal_nan=True)))
    return bool(numpy.array_equal(actual, expected, equal_nan=not set(kinds) - set("fcMm")))


def equal_output(actual: str | bytes, expected: str, tolerance: float | None = None, exact_lines: bool = False) -> bool:
    """Whether printed output is the expected one.

    Both are split into tokens at ASCII white space; there must be as many, and in this order each equal to its partner:
    as text, as the same decimal number, or, where the expected token has a decimal point or an exponent, within the
    tolerance. Numbers are plain ASCII digits, of at most 400 characters and powers of ten; nan and inf are text.
    An expected integer is never tolerant.

    Args:
        actual: the whole standard output.
        expected: the whole expected output.
        tolerance: absolute or relative; None for 1e-6.
        exact_lines: compare line by line instead; only the kind of line ends and empty lines at the end do not matter.
    """
    said = actual if isinstance(actual, bytes) else actual.encode("utf-8", "surrogatepass")
    wanted = expected.encode("utf-8", "surrogatepass")
    if exact_lines:
        return _lines(said) == _lines(wanted)
    said_tokens, wanted_tokens = said.split(), wanted.split()
    if said_tokens == wanted_tokens:
        return True
    if len(said_tokens) != len(wanted_tokens):
        return False
    allowed = Decimal(repr(OUTPUT_TOLERANCE if tolerance is None else tolerance))
    return all(a == e or _equal_tokens(a, e, allowed) for a, e in zip(said_tokens, wanted_tokens, strict=True))


def _lines(output: bytes) -> list[bytes]:
    return output.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")


def _equal_tokens(actual: bytes, expected: bytes, tolerance: Decimal) -> bool:
    wanted, said = _number(expected), _number(actual)
    if wanted is None or said is None:
        return False
    if said == wanted:
        return True
    if not re.search(rb"[.eE]", expected):
        return False
    difference = _CONTEXT.abs(_CONTEXT.subtract(said, wanted))
    return difference <= max(tolerance, _CONTEXT.multiply(tolerance, abs(wanted)))


def _number(token: bytes) -> Decimal | None:
    if len(token) > _MAX_DIGITS or not _NUMBER.fullmatch(token):
        return None
    value = Decimal(token.decode("ascii"))
    return value if abs(value.as_tuple().exponent) <= 2 * _MAX_EXPONENT else None  # type: ignore[arg-type]
