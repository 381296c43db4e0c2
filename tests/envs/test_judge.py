"""What the judge makes of what comes out of a process: every verdict, every kind of script, and hostile channels."""
# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.execution.recording import foreseen_calls, leaves_nothing
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Limits, Problem, ScriptTest, StdioTest

LIMITS = Limits(seconds=2.0, memory_mb=512, output_bytes=1 << 16)


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(workers=2, cache=False) as found:
        yield found


def script(*sources: str, reference: str = "", prelude: str = "", setup: str = "", entry: str = "f") -> Problem:
    tests = tuple(ScriptTest(source, setup) for source in sources)
    references = (reference,) if reference else ()
    return Problem("t/script", "", entry, references, hidden_tests=tests, prelude=prelude, limits=LIMITS)


def judged(executor: Executor, problem: Problem, program: str) -> Outcome:
    return executor.run([Job(problem, program)])[0]


CHECK = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 3\n"


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("def f(x): return x + 1", Verdict.PASS),
        ("def f(x): return 2", Verdict.WRONG),
        ("def f(x): raise ValueError(x)", Verdict.ERROR),
        ("def f(x): raise AssertionError", Verdict.ERROR),
        ("def f(x): return [0] * 10 ** 11", Verdict.MEMORY),
        ("def f(x): return 'x' * 10 ** 6", Verdict.OUTPUT),
        ("def f(x):\n  while True: pass", Verdict.TIMEOUT),
        ("import os\ndef f(x): os._exit(0)", Verdict.ERROR),
        ("import os\ndef f(x): os.fork()", Verdict.POLICY),
        ("def f(x", Verdict.COMPILE),
        ("class E:\n  __eq__ = lambda s, o: True\ndef f(x): return E()", Verdict.WRONG),
        ("def check(candidate): pass\ndef f(x): return 0", Verdict.WRONG),
    ],
)
def test_a_check_function_judges_in_the_referee(executor: Executor, program: str, verdict: Verdict) -> None:
    problem = script(CHECK)
    if verdict is not Verdict.TIMEOUT:
        problem = replace(problem, limits=replace(LIMITS, seconds=30.0))  # the machine may be busy
    found = judged(executor, problem, program)
    assert found.verdict is verdict, found.message
    assert found.trust == "isolated"


def test_each_script_has_its_own_verdict(executor: Executor) -> None:
    problem = script("assert f(1) == 1", "assert f(2) == 2", "assert f(3) == 3", "assert f(4) == 4")
    program = "def f(x):\n  if x == 2: return 0\n  if x == 3: raise ValueError\n  if x == 4:\n    while True: pass\n  return x"
    found = judged(executor, problem, program)
    assert [test.verdict for test in found.tests] == [Verdict.PASS, Verdict.WRONG, Verdict.ERROR, Verdict.TIMEOUT]
    assert found.verdict is Verdict.WRONG


LIVE = {
    "loop, without a reference": ("for i in range(5):\n    assert f(i) == i * i", "def f(x): return x * x"),
    "depends on the answer": ("x = f(3)\nassert f(x) == 81", "def f(x): return x * x"),
    "random inputs": ("import random\nx = random.random()\nassert f(x) == x * x", "def f(x): return x * x"),
    "handle: iterator": ("assert list(f(3)) == [0, 1, 2]", "def f(n): yield from range(n)"),
    "handle: attributes": (
        "p = f(3)\nassert p.x == 3 and p.double() == 6",
        "class P:\n  def __init__(self, x): self.x = x\n  def double(self): return 2 * self.x\ndef f(x): return P(x)",
    ),
    "a class of the program": (
        "assert f(Pair(1, 2)) == 3",
        "class Pair:\n  def __init__(self, a, b): self.a, self.b = a, b\ndef f(p): return p.a + p.b",
    ),
    "changed in place": ("x = [3, 1, 2]\nf(x)\nassert x == [1, 2, 3]", "def f(x): x.sort()"),
    "an expected exception": (
        "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False",
        "def f(x): raise ValueError(x)",
    ),
    "a tolerance": ("assert abs(f(2) - 2 ** 0.5) < 1e-6", "def f(x): return x ** 0.5"),
    "a name of the prelude": ("assert f(2) == helper(2)", "def f(x): return x + 1"),
}


@pytest.mark.parametrize("name", LIVE)
@pytest.mark.parametrize("with_reference", [False, True])
def test_scripts_that_need_more_than_recorded_calls(executor: Executor, name: str, with_reference: bool) -> None:
    source, program = LIVE[name]
    problem = script(source, reference=program if with_reference else "", prelude="def helper(x): return x + 1")
    found = judged(executor, problem, program)
    assert found.verdict is Verdict.PASS, found.message
    wrong = judged(executor, problem, "class Pair:\n  def __init__(self, *a): pass\ndef f(x): return None")
    assert wrong.verdict in (Verdict.WRONG, Verdict.ERROR)


def test_a_program_that_dies_in_a_dialogue_gives_its_own_verdict(executor: Executor) -> None:
    problem = script("for i in range(3):\n    assert f(i) == i")
    patient = replace(problem, limits=Limits(seconds=60.0))  # a busy machine is not what this is about
    assert judged(executor, patient, "import os\ndef f(x):\n  if x: os._exit(0)\n  return x").verdict is Verdict.ERROR
    assert judged(executor, problem, "def f(x):\n  while x: pass\n  return x").verdict is Verdict.TIMEOUT
    assert judged(executor, patient, "def f(x): return 'x' * 10 ** 7").verdict is Verdict.OUTPUT


FORGERIES = {
    "answers": b'["value",3]',
    "verdict": b'["verdict","PASS","",null]',
    "passed": b'["passed",""]',
    "task": b'["referee",{"dict":["kind","live","source","","setup","","prelude","","entry","f","answers",0]}]',
    "marshal": b"\xfb\xff\xff\xff\x7f" * 100,
    "nothing": b"",
}


@pytest.mark.parametrize("frame", FORGERIES.values(), ids=FORGERIES.keys())
@pytest.mark.parametrize("times", [1, 50])
def test_what_a_program_writes_on_its_channel_is_no_verdict(executor: Executor, frame: bytes, times: int) -> None:
    data = len(frame).to_bytes(4, "little") + frame
    program = f"import os\ndef f(*x):\n  for _ in range({times}): os.write(3, {data!r})\n  return None"
    calls = Problem("t/calls", "", "f", hidden_tests=(CallTest((1, 2), 5), CallTest((4, 4), 8)), limits=LIMITS)
    live = script("for i in range(3):\n    assert f(i) == i + 100")
    stdio = Problem("t/stdio", "", None, hidden_tests=(StdioTest("", "6"),), limits=LIMITS)
    jobs = [
        Job(calls, program),
        Job(live, program),
        Job(script("assert f(1) == 4"), program),
        Job(stdio, program + "\nf()"),
    ]
    for found in executor.run(jobs):
        assert found.verdict is not Verdict.PASS and found.verdict is not Verdict.INFRA
    # A referee that heard them still judges the next program by its own test.
    right = "def f(x): return x + 100"
    assert judged(executor, live, right).verdict is Verdict.PASS
    assert judged(executor, live, "def f(x): return x").verdict is Verdict.WRONG


def test_an_endless_frame_is_bounded(executor: Executor) -> None:
    problem = Problem("t/flood", "", "f", hidden_tests=(CallTest((), 1),), limits=LIMITS)
    program = "import os\ndef f():\n  os.write(3, b'\\xff\\xff\\xff\\x0f')\n  while True: os.write(3, b'x' * 65536)"
    assert judged(executor, problem, program).verdict is Verdict.OUTPUT


def test_forged_statements_mask_nothing_but_their_own_credit(executor: Executor) -> None:
    frame = b'["statements",[0,999999,"x",1]]'
    data = len(frame).to_bytes(4, "little") + frame
    program = f"import os\nos.write(3, {data!r})\ndef f(): return 1"
    problem = Problem("t/spans", "", "f", hidden_tests=(CallTest((), 1),), limits=LIMITS)
    found = executor.run([Job(problem, program, coverage=True)])[0]
    assert found.statements is not None and all(0 <= a < b <= len(program) for a, b in found.statements)


def test_messages_are_short_whatever_is_returned(executor: Executor) -> None:
    problem = Problem("t/long", "", "f", hidden_tests=(CallTest((), 1),), limits=Limits(output_bytes=1 << 20))
    for result in (
        "10 ** 5000",
        "[10 ** 5000]",
        "'x' * 10 ** 5",
        "list(range(10 ** 4))",
        "'\\ud800'",
        "{'a': ['b' * 999] * 40}",
    ):
        found = judged(executor, problem, f"def f(): return {result}")
        assert found.verdict is Verdict.WRONG and len(found.message) <= 500


def test_every_canonical_solution_passes_and_every_empty_one_fails(executor: Executor) -> None:
    problems = list(load_problems("humaneval"))
    right = executor.run([Job(problem, problem.references[0]) for problem in problems])
    assert [
        (p.uri, o.verdict, o.message) for p, o in zip(problems, right, strict=True) if o.verdict is not Verdict.PASS
    ] == []
    wrong = executor.run([Job(problem, f"{problem.given}\n    return object()") for problem in problems])
    assert {outcome.verdict for outcome in wrong} <= {Verdict.WRONG, Verdict.ERROR}
    assert len(problems) == 164


# Reading calls off a test


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("assert f(1) == 2", [["f", [1], {}, False]]),
        ("assert f(1) == f(-2, k='a')", [["f", [1], {}, False], ["f", [-2], {"k": "a"}, False]]),
        ("def check(candidate):\n  assert candidate([1]) == 2\n  assert True", [["f", [[1]], {}, True]]),
        ("assert g(1) == 2", None),
        ("assert f(x) == 2", None),
        ("assert f(f(1)) == 2", None),
        ("assert f(*[1]) == 2", None),
        ("assert f(**{}) == 2", None),
        ("for i in (1,):\n  assert f(1)", None),
        ("assert [f(1) for _ in (1,)]", None),
        ("def check(candidate):\n  def g(): return candidate(1)\n  assert g()", None),
        ("assert f(1", None),
    ],
)
def test_calls_are_read_off_only_where_they_are_plain(source: str, calls: object) -> None:
    assert foreseen_calls(source, "f") == calls


@pytest.mark.parametrize(
    ("source", "clean"),
    [
        ("import math\nassert math.isclose(f(1), 2)", True),
        ("def check(candidate):\n  assert candidate(1) == sorted([1])[0]", True),
        ("import os", False),
        ("from os import path", False),
        ("import math\nmath.pi = 3", False),
        ("setattr(list, 'x', 1)", False),
        ("().__class__", False),
        ("del x", False),
        ("__builtins__", False),
        ("x = ", False),
    ],
)
def test_a_referee_is_shared_only_by_tests_that_leave_nothing(source: str, clean: bool) -> None:
    assert leaves_nothing(source) is clean
