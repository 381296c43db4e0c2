"""Equality of values and of printed output, outside the candidate's process."""

from __future__ import annotations

import math
from typing import Any


def equal_values(actual: Any, expected: Any, tolerance: float | None = None) -> bool:
    """Whether a returned value is the expected one: `==` between plain types, floats within the tolerance."""
    if tolerance is not None and isinstance(actual, float) and isinstance(expected, float):
        return math.isclose(actual, expected, rel_tol=tolerance, abs_tol=tolerance)
    return bool(actual == expected)


def equal_output(actual: str, expected: str, tolerance: float | None = None, exact_lines: bool = False) -> bool:
    """Whether printed output is the expected one, token by token."""
    return actual.split() == expected.split()
