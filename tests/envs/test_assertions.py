"""Plain assertions are read as they are written, and say what a referee says of the same answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codegym.envs.execution import codec
from codegym.envs.execution import plan as plans
from codegym.envs.execution.assertions import FirstFailure, plain_assertions
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.execution.work import framed
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Limits, Problem, ScriptTest

CHECK = """METADATA = {'a': 1}


def check(candidate):
    '''Doc.'''
    assert True
    assert candidate(1) == 2, 'no'
"""


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("assert f(1) == 2", [["f", [1], {}, False]]),
        ("assert 2 == candidate([1], k='x')", [["f", [[1]], {"k": "x"}, False]]),
        ("assert f(1)\nassert not f(-2)\nassert f(3) is None", [["f", [n], {}, False] for n in (1, -2, 3)]),
        (CHECK, [["f", [1], {}, False]]),
        (CHECK + "\ncheck(f)\n", [["f", [1], {}, False]]),
        ("assert f(1) == 2, 'got ' + str(5)", [["f", [1], {}, False]]),
        ("assert f(1) == 2, 'got ' + str(f(1))", [["f", [1], {}, False]]),
        ("assert abs(f(1) - 2) < 1e-6", [["f", [1], {}, False]]),
        ("assert f(3 * 5 - 1) == [2.0 / 4, (1 + 1,)]", [["f", [14], {}, False]]),
        ("assert abs(2 - f(1)) < 1e-6", None),
        ("assert f(1) < 2", None),
        ("assert f('a' * 9) == 2", None),
        ("assert f(1 / 0) == 2", None),
        ("assert f(f(1)) == 2", None),
        ("assert f(1) == f(2)", None),
        ("assert f(1) != 2", None),
        ("assert f(1) is 5", None),
        ("assert 1 < f(1) == 2", None),
        ("x = [1]\nassert f(x) == 2", None),
        ("for n in [1]:\n    assert f(n) == 2", None),
        ("assert f(*[1]) == 2", None),
        ("def check(candidate, n=1):\n    assert candidate(1) == 2", None),
        (CHECK + "\ncheck(g)\n", None),
        ("assert True", None),
        ("assert f(", None),
    ],
)  # fmt: skip
def test_what_is_read_off(source: str, calls: object) -> None:
    found = plain_assertions(source, "f")
    assert (found and [assertion.call for assertion in found]) == calls


def test_a_message_that_asks_the_program_again_is_not_worked_out() -> None:
    test = ScriptTest("assert f(1) == 2, 'got ' + str(f(1))\nassert f(2) == 3, 'got ' + str(f(2))")
    problem = Problem("t/asks", "", "f", hidden_tests=(test,), limits=Limits(seconds=20.0))
    programs = ["def f(x): return x + 1", "def f(x): return 2", "def f(x, c=[]): return 0 if c else c.append(1)"]
    with Executor(workers=1) as executor:
        found = executor.run([Job(problem, program) for program in programs])
    assert [one.verdict for one in found] == [Verdict.PASS, Verdict.WRONG, Verdict.WRONG]
    assert found[1].message == "assert f(2) == 3, 'got ' + str(f(2))"


def test_most_tests_of_the_public_sets_are_plain() -> None:
    problems = list(load_problems("humaneval"))
    plain = [plain_assertions(problem.tests()[0].source, problem.entry_point or "") for problem in problems]  # type: ignore[union-attr]
    assert sum(found is not None for found in plain) > 0.85 * len(problems)


PROBLEM = Problem(
    "t/plain", "", "f", limits=Limits(seconds=20.0),
    hidden_tests=(
        ScriptTest("assert f(1) == [1, 2.0]\nassert f(2)\nassert f(3) is None\nassert not f([4]), 'a' + 'b'"),
        ScriptTest("def check(candidate):\n    assert candidate(5) == {'a': (1, {2})}\n"),
        ScriptTest("assert abs(f(6) - 2.0 / 3) < 1e-6\nassert abs(f(7) - 3) <= 1"),
    ),
)  # fmt: skip
RIGHT = (
    "def f(x): return {1: [1, 2.0], 2: 'yes', 3: None, 5: {'a': (1, {2})}, 6: 0.6666667, 7: 4.0}[x] if x != [4] else 0"
)
PROGRAMS = {
    "right": RIGHT,
    "equal, not the same": RIGHT.replace("[1, 2.0]", "[True, 2]"),
    "wrong value": RIGHT.replace("2.0", "2.5"),
    "wrong type": RIGHT.replace("[1, 2.0]", "(1, 2.0)"),
    "false": RIGHT.replace("'yes'", "''"),
    "no singleton": RIGHT.replace("None", "0"),
    "not false": RIGHT.replace("else 0", "else 7"),
    "far": RIGHT.replace("0.6666667", "0.667"),
    "just near enough": RIGHT.replace("4.0", "2"),
    "no number": RIGHT.replace("4.0", "'4'"),
    "nan": RIGHT.replace("0.6666667", "float('nan')"),
    "raises": RIGHT.replace("'yes'", "1 / 0"),
    "dies": "import os\n" + RIGHT.replace("'yes'", "os._exit(3)"),
    "an object": RIGHT.replace("'yes'", "object()"),
    "equal to everything": "class E:\n  def __eq__(self, other): return True\ndef f(x): return E()",
    "an array": "import numpy\n" + RIGHT.replace("[1, 2.0]", "numpy.array([1, 2])"),
    "a number of numpy": "import numpy\n" + RIGHT.replace("'yes'", "numpy.float64(3)"),
    "too large": RIGHT.replace("'yes'", "'x' * 3_000_000"),
}  # fmt: skip


def test_they_say_what_a_referee_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def judged() -> dict[str, Outcome]:
        with Executor(workers=1, cache=False) as executor:
            return dict(zip(PROGRAMS, executor.run([Job(PROBLEM, p) for p in PROGRAMS.values()]), strict=True))

    mine = judged()
    monkeypatch.setattr(plans, "plain_assertions", lambda source, entry: None)
    theirs = judged()
    for name in PROGRAMS:
        assert [(test.verdict, test.message) for test in mine[name].tests] == [
            (test.verdict, test.message) for test in theirs[name].tests
        ], name


THREE = "assert f(1) == 1\nassert f(2)\nassert abs(f(3) - 3) < 0.5"


def said(*answers: object) -> bytes:
    return b"".join(framed(codec.encode(answer)) for answer in answers)


def read(data: bytes) -> tuple[Verdict, str] | list[object]:
    kind, *rest = codec.decode(data)
    return (Verdict.ERROR, "") if kind == "error" else rest


@pytest.mark.parametrize(
    ("answers", "decides"),
    [
        ([["value", 1], ["value", 2], ["value", 3.0]], None),
        ([["statements", []], ["value", 1], ["value", 0]], 2),
        ([["value", 2], ["value", 2]], 0),
        ([["value", 1], ["value", True], ["value", 4.0], ["value", 3.0]], 2),
        ([["value", 1], ["error", "ValueError", "", []]], 1),
        ([["value", 1], ["value", 2], ["value", 3.0], ["value", 5]], None),  # more answers than questions
        ([["failed", "load", "ValueError", "no"], ["value", 0]], 1),
    ],
)
def test_the_first_failure_is_known_as_soon_as_it_is_said(answers: list[object], decides: int | None) -> None:
    assertions = plain_assertions(THREE, "f")
    assert assertions is not None
    settles = FirstFailure(assertions, read)
    for _ in range(2):  # it may run again, where its process was lost
        received, known = bytearray(), []
        for number, answer in enumerate(answers):
            for byte in said(answer):
                received.append(byte)
                if settles(received):
                    known.append(number)
                    break
            if known:
                break
        assert known == ([] if decides is None else [decides])


def test_what_only_a_referee_can_judge_does_not_decide() -> None:
    settles = FirstFailure(plain_assertions(THREE, "f") or [], read)
    array = framed(b'["value",{"numpy":["int64","AQAAAAAAAAA="]}]')
    assert not settles(bytearray(array + said(["value", 0])))


def test_a_program_that_has_failed_does_not_run_on() -> None:
    test = ScriptTest("assert f(1) == 1\nassert f(2) == 2\nassert f(3) == 3")
    problem = replace(PROBLEM, hidden_tests=(test,), limits=Limits(seconds=3.0))
    endless = "def f(x):\n    while x == 3: pass\n    return {}"
    with Executor(workers=2, cache=False) as executor:
        wrong, raising, right = executor.run([Job(problem, endless.format(v)) for v in ("1", "1 // (2 - x)", "x")])
    assert (wrong.verdict, wrong.message) == (Verdict.WRONG, "assert f(2) == 2")
    assert raising.verdict is Verdict.ERROR
    assert right.verdict is Verdict.TIMEOUT
    assert max(wrong.seconds, raising.seconds) < 0.5 * right.seconds
