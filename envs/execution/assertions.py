"""Tests that are plain assertions about single calls, such as `assert candidate([1, 2]) == 3`, decided by the judge.

Most tests of HumanEval and MBPP say nothing else. What they expect is a literal, so no test source has to run: the
answer, decoded to plain values, is compared as the assertion says. Everything else goes to a referee.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from codegym.envs.execution import codec
from codegym.envs.execution.answers import is_answer
from codegym.envs.execution.outcome import Verdict
from codegym.envs.execution.work import complete_frames

_NO_LIMIT = 1 << 28
_SINGLETONS = (None, True, False)
_FOREIGN = (b'{"handle":', b'{"numpy":', b'{"ndarray":')  # answers that only a referee can put to a test

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_LARGE = 1 << 64

Said = tuple[Verdict, str]


@dataclass(frozen=True)
class Assertion:
    """One call and what its value must be.

    Attributes:
        call: as in the protocol: [function, args, kwargs, want_args].
        holds: whether a value is as asserted; None where a referee has to say.
        frame: the answer that is surely right, byte for byte, or b"" where there is no such.
        line: of the test, for people; "" where a failed assertion says something that has to be worked out.
    """

    call: list[Any]
    holds: Callable[[Any], bool | None]
    frame: bytes
    line: str


def plain_assertions(source: str, entry: str) -> list[Assertion] | None:
    """Read a test that consists of plain assertions, in the order in which they are made; None for any other test.

    Args:
        source: the test: assertions, or a function `check(candidate)` of assertions with or without a call of it.
        entry: the entry point's name; `candidate` means it too.
    """
    try:
        body = _without_remarks(ast.parse(source).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if body and isinstance(body[0], ast.FunctionDef):
        check, calls = body[0], body[1:]
        if not _is_check(check) or len(calls) > 1 or not all(_calls_check(call, entry) for call in calls):
            return None
        body = _without_remarks(check.body)
    lines = source.splitlines()
    found = [_assertion(statement, entry, lines) for statement in body]
    return [one for one in found if one is not None] if found and None not in found else None


def assertions_verdict(
    assertions: Sequence[Assertion],
    answers: Sequence[bytes],
    read: Callable[[bytes], Said | list[Any]],
    death: Callable[[], Said],
) -> Said | None:
    """What plain assertions say of a program's answers; None where a referee has to be asked.

    Args:
        assertions: of the test.
        answers: of the program, in order; fewer where it died on the way.
        read: gives the value of an answer, in a list, or the verdict on one that is none.
        death: says why the program ended.
    """
    for place, assertion in enumerate(assertions):
        if place >= len(answers):
            return death()
        answer = answers[place]
        if answer == assertion.frame:
            continue
        if any(tag in answer for tag in _FOREIGN):
            return None
        value = read(answer)
        if isinstance(value, tuple):
            return value
        holds = assertion.holds(value[0])
        if not holds:
            return (Verdict.WRONG, assertion.line) if assertion.line and holds is False else None
    return Verdict.PASS, ""


class FirstFailure:
    """Finds the failed assertion that decides a test while the program still runs.

    The rest of its answers, which may never come, cannot change the verdict.

    Args:
        assertions: of the test.
        read: as in `assertions_verdict`.
    """

    def __init__(self, assertions: Sequence[Assertion], read: Callable[[bytes], Said | list[Any]]) -> None:
        self._assertions, self._read = assertions, read
        self._of: bytearray | None = None
        self._start = 0  # of what has not been looked at
        self._place = 0  # of the assertion that comes next

    def __call__(self, received: bytearray) -> bool:
        """Whether an assertion has failed by what a program has said so far; `received` only grows."""
        if received is not self._of:  # the program runs once more
            self._of, self._start, self._place = received, 0, 0
        frames, self._start = complete_frames(received, self._start)
        for answer in filter(is_answer, frames):
            assertion = self._assertions[self._place : self._place + 1]
            said = assertions_verdict(assertion, [answer], self._read, lambda: (Verdict.ERROR, ""))
            if said is None:  # a referee will say, when the program has ended
                self._place = len(self._assertions)
            elif said[0] is not Verdict.PASS:
                return True
            self._place += 1
        return False


def _without_remarks(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements without what has no effect: docstrings, `pass`, `assert True`, and HumanEval's table of METADATA."""
    return [node for node in body if not _is_remark(node)]


def _is_remark(node: ast.stmt) -> bool:
    if isinstance(node, ast.Pass):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Constant) and node.test.value is True
    if isinstance(node, ast.Assign):
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return names == ["METADATA"] and len(node.targets) == 1 and _literal(node.value) is not None
    return False


def _is_check(node: ast.FunctionDef) -> bool:
    if node.name != "check" or node.decorator_list:
        return False
    arguments = node.args
    others = (*arguments.posonlyargs, *arguments.kwonlyargs, *arguments.defaults, arguments.vararg, arguments.kwarg)
    return [argument.arg for argument in arguments.args] == ["candidate"] and not any(others)


def _calls_check(node: ast.stmt, entry: str) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "check"
        and not call.keywords
        and [argument.id for argument in call.args if isinstance(argument, ast.Name)] in ([entry], ["candidate"])
        and len(call.args) == 1
    )


def _assertion(node: ast.stmt, entry: str, lines: list[str]) -> Assertion | None:
    if not isinstance(node, ast.Assert):
        return None
    # A message that asks the program again, which HumanEval has, is not worked out: the assertion has failed.
    is_said = node.msg is None or isinstance(node.msg, ast.Constant) or any(_asks(n, entry) for n in ast.walk(node.msg))
    line = lines[node.lineno - 1].strip() if is_said else ""
    test = node.test
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        call = _call(test.operand, entry)
        return Assertion(call, operator.not_, b"", line) if call else None
    if not isinstance(test, ast.Compare):
        call = _call(test, entry)
        return Assertion(call, bool, b"", line) if call else None
    if len(test.ops) != 1:
        return None
    sides, comparison = [test.left, test.comparators[0]], test.ops[0]
    if isinstance(comparison, ast.Lt | ast.LtE):
        return _closeness(test.left, comparison, sides[1], entry, line)
    asked = [_call(side, entry) for side in sides]
    if (asked[0] is None) == (asked[1] is None):
        return None
    call, other = (asked[0], sides[1]) if asked[0] is not None else (asked[1], sides[0])
    assert call is not None
    literal = _literal(other)
    if literal is None:
        return None
    (expected,) = literal
    if isinstance(comparison, ast.Is) and any(expected is one for one in _SINGLETONS):
        return Assertion(call, lambda value: value is expected, b"", line)
    if not isinstance(comparison, ast.Eq):
        return None
    frame = codec.encode(["value", expected], max_bytes=_NO_LIMIT)
    return Assertion(call, lambda value: bool(value == expected), frame, line)


def _closeness(left: ast.expr, comparison: ast.cmpop, bound: ast.expr, entry: str, line: str) -> Assertion | None:
    """Read `abs(f(1.5) - 0.5) < 1e-6`."""
    if not isinstance(left, ast.Call) or not isinstance(left.func, ast.Name) or left.func.id != "abs":
        return None
    inside = left.args[0] if len(left.args) == 1 and not left.keywords else None
    if not isinstance(inside, ast.BinOp) or not isinstance(inside.op, ast.Sub):
        return None
    call = _call(inside.left, entry)
    literals = _literals([inside.right, bound])
    if call is None or literals is None:
        return None
    wanted, most = literals
    if not {type(wanted), type(most)} <= {int, float}:
        return None
    below = operator.lt if isinstance(comparison, ast.Lt) else operator.le

    def holds(value: Any) -> bool | None:
        return below(abs(value - wanted), most) if type(value) is float else None

    return Assertion(call, holds, b"", line)


def _asks(node: ast.AST, entry: str) -> bool:
    return isinstance(node, ast.Name) and node.id in (entry, "candidate")


def _call(node: ast.expr, entry: str) -> list[Any] | None:
    """The call that an expression is, with literal arguments; they are nobody else's, so they need not come back."""
    if (
        not isinstance(node, ast.Call)
        or not isinstance(node.func, ast.Name)
        or node.func.id not in (entry, "candidate")
    ):
        return None
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    literals = _literals([*node.args, *named.values()])
    if literals is None or None in named or len(named) < len(node.keywords):
        return None
    count = len(node.args)
    return [entry, literals[:count], dict(zip(map(str, named), literals[count:], strict=True)), False]


def _literals(nodes: Sequence[ast.expr]) -> list[Any] | None:
    """The values of literals; None where one is none."""
    found = [_literal(node) for node in nodes]
    return [one[0] for one in found if one is not None] if None not in found else None


def _literal(node: ast.expr) -> tuple[Any] | None:
    """The value of a literal, alone in a tuple; None where it is none."""
    try:
        return (_value(node),)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, ArithmeticError):
        return None


def _value(node: ast.expr) -> Any:
    """The value of a literal, in which numbers may be worked out: `3 * 5 * 7`, `2.0 / 3.0`.

    Raises:
        ValueError, TypeError, SyntaxError, RecursionError, MemoryError, ArithmeticError: it is none.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = _value(node.left), _value(node.right)
        if {type(left), type(right)} <= {int, float} and max(abs(left), abs(right)) < _LARGE:
            return _ARITHMETIC[type(node.op)](left, right)
        raise ValueError("numbers are worked out, and nothing else")
    if isinstance(node, ast.Tuple):
        return tuple([_value(item) for item in node.elts])
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    return ast.literal_eval(node)
