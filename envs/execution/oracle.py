"""Oracle tests: inputs whose expected values are what the problem's own reference returns, in a jailed run of its own.

The reference's answers are kept as the bytes that crossed the wall: an answer of the same bytes is right, without being
read; only another one is decoded and compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from codegym.envs.execution import codec
from codegym.envs.execution.comparison import equal_values
from codegym.envs.execution.outcome import Verdict
from codegym.envs.execution.work import Ended, Run
from codegym.envs.problems.problem import OracleTest

FLOAT_TOLERANCE: Final = 1e-6
"""Absolute difference allowed between floats where the problem sets none."""

RELATIVE_TOLERANCE: Final = 1e-7
"""Relative difference allowed between floats, as in EvalPlus (`numpy.testing.assert_allclose`'s default)."""

_ANY_SIZE: Final = 1 << 28
_LONGER: Final = 4
_LARGE: Final = b'["large"'
_SLACK: Final = 1 << 16
_HANDLE: Final = b'{"handle":'


@dataclass
class Oracle:
    """An oracle test and what its reference answered.

    Attributes:
        index: place among the problem's tests.
        test: the test.
        packed: its calls, for a candidate.
        numbers: which of the test's inputs these are. An input whose right answer is too large for the wall (one of
            MBPP+/255: 128 million strings) is left out.
        row: first row of its calls among all calls of the problem.
        answers: frames of the reference, and of each alternative; empty before `record_oracles`.
        seconds: processor time that the reference took for the inputs of all tests, in the first of them.
        size: bytes of the reference's answers: 147 million for HumanEval+/15.
        fault: why the reference does not answer, or "".
    """

    index: int
    test: OracleTest
    packed: list[bytes]
    numbers: list[int] = field(default_factory=list)
    row: int = 0
    answers: list[list[bytes]] = field(default_factory=list)
    seconds: float = 0.0
    size: int = 0
    fault: str = ""


def record_oracles(
    oracles: Sequence[Oracle], make_run: Callable[[str, list[bytes]], Run], reference: str | None
) -> Any:
    """Let the reference, and what is right beside it, answer all inputs; a generator for `Engine.drive`.

    Args:
        oracles: tests of one problem.
        make_run: the run of a program on some calls.
        reference: the program that knows the answers, or None.
    """
    calls = [call for oracle in oracles for call in oracle.packed]
    for oracle in oracles:
        oracle.fault = "" if reference is not None else "the problem has no reference to ask"
    if reference is None or not calls:
        return
    programs = [reference, *(oracles[0].test.alternatives)]
    ends: list[Ended] = yield [make_run(program, calls) for program in programs]
    oracles[0].seconds = ends[0].cpu
    for end in ends:
        frames = [frame for frame in end.frames if frame.startswith(b'["')]
        first = 0
        for oracle in oracles:
            mine = frames[first : first + len(oracle.packed)]
            first += len(oracle.packed)
            oracle.answers.append(mine)
            oracle.fault = oracle.fault or _fault(oracle, mine, end)
    for oracle in oracles:
        oracle.numbers = [n for n in range(len(oracle.packed)) if not _too_large(oracle, n)]
        oracle.packed = [oracle.packed[n] for n in oracle.numbers]
        oracle.answers = [[frames[n] for n in oracle.numbers if n < len(frames)] for frames in oracle.answers]
        oracle.size = sum(map(len, oracle.answers[0]))


def _too_large(oracle: Oracle, number: int) -> bool:
    return any(number < len(frames) and frames[number].startswith(_LARGE) for frames in oracle.answers)


def _fault(oracle: Oracle, answers: Sequence[bytes], end: Ended) -> str:
    if len(answers) < len(oracle.packed):
        why = "in time" if end.timed_out else f"(status {end.status})"
        return f"the reference does not answer input {len(answers)} of {oracle.test.name} {why}"
    for number, answer in enumerate(answers):
        if not answer.startswith((b'["value"', _LARGE)):
            return f"the reference does not answer input {number} of {oracle.test.name}: {answer[:100]!r}"
        if _HANDLE in answer and oracle.test.rule not in ("not-none", "anything"):
            return f"the reference's answer to input {number} of {oracle.test.name} is no plain value"
    return ""


def oracle_verdict(
    oracle: Oracle,
    answers: Sequence[bytes],
    tolerance: float | None,
    read: Callable[[bytes], tuple[Verdict, str] | list[Any]],
    death: Callable[[], tuple[Verdict, str]],
) -> tuple[Verdict, str]:
    """What an oracle test says about a program's answers: PASS, or the verdict of the first input that it fails.

    Args:
        oracle: with the reference's answers.
        answers: of the program, fewer than inputs where it died on the way.
        tolerance: of the problem.
        read: decodes an answer, to a one-item list or the verdict of an answer that is no value.
        death: says why the program died.
    """
    if oracle.fault:
        return Verdict.ERROR, oracle.fault
    rule = RULES[oracle.test.rule]
    for place, (answer, known) in enumerate(zip(answers, oracle.answers[0], strict=False)):
        if answer == known and _HANDLE not in known:
            continue
        number = oracle.numbers[place]
        if len(answer) > _LONGER * len(known) + _SLACK:  # not worth reading, which could take gigabytes
            return Verdict.WRONG, f"input {number} of {oracle.test.name} has a far longer answer"
        found = read(answer)
        if isinstance(found, tuple):
            return found[0], f"input {number} of {oracle.test.name}: {found[1]}"
        expected = [codec.decode(frames[place], max_bytes=_ANY_SIZE)[1] for frames in oracle.answers]
        if not any(rule(found[0], value, oracle.test.inputs[number], tolerance) for value in expected):
            return Verdict.WRONG, f"input {number} of {oracle.test.name} has another answer"
    if len(answers) < len(oracle.packed):
        return death()
    return Verdict.PASS, ""


def _equal(actual: Any, expected: Any, args: Sequence[Any], tolerance: float | None) -> bool:
    if tolerance is None and not _is_float(expected):
        return equal_values(actual, expected)
    return equal_values(actual, expected, tolerance or FLOAT_TOLERANCE, RELATIVE_TOLERANCE)


def _is_float(expected: Any) -> bool:
    """Whether EvalPlus compares such a value with a tolerance: a float, a flat sequence or an array of floats."""
    if isinstance(expected, list | tuple):
        return bool(expected) and all(isinstance(item, float) for item in expected)
    return isinstance(expected, float) or getattr(getattr(expected, "dtype", None), "kind", "") == "f"


def _as_set(actual: Any, expected: Any, args: Sequence[Any], tolerance: float | None) -> bool:
    """The same members, in any order and number. No set is made of the candidate's values: their hashes are its own."""
    if not isinstance(actual, list | tuple | set | frozenset | dict | str):
        return False
    wanted = set(expected)
    try:
        return all(item in wanted for item in actual) and len({item for item in actual if item in wanted}) == len(
            wanted
        )
    except TypeError:  # an unhashable member
        return False


def _not_none(actual: Any, expected: Any, args: Sequence[Any], tolerance: float | None) -> bool:
    """A bool that agrees with whether the reference found something, or something where it did."""
    wanted = expected is not None
    return actual is wanted if isinstance(actual, bool) else (actual is not None) == wanted


def _root(actual: Any, expected: Any, args: Sequence[Any], tolerance: float | None) -> bool:
    """A root of the polynomial whose coefficients, lowest first, are the first argument."""
    if not isinstance(actual, int | float):
        return False
    try:
        x = float(actual)
        return abs(math.fsum(factor * x**power for power, factor in enumerate(args[0]))) <= (
            tolerance or FLOAT_TOLERANCE
        )
    except (ArithmeticError, ValueError):
        return False


def _anything(actual: Any, expected: Any, args: Sequence[Any], tolerance: float | None) -> bool:
    return True


RULES: Final[dict[str, Callable[[Any, Any, Sequence[Any], float | None], bool]]] = {
    "equal": _equal,
    "set": _as_set,
    "not-none": _not_none,
    "root": _root,
    "anything": _anything,
}
"""What makes an answer right: called with the answer, the reference's, the arguments and the problem's tolerance."""
