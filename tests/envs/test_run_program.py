"""The C helper runs programs as candidate.py does: the same answers to the byte, and the same failures."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegym.envs.execution import codec, fork_server
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.judge import Setting, _Trial
from codegym.envs.execution.outcome import Job
from codegym.envs.execution.work import Ended
from codegym.envs.problems.problem import CallTest, Limits, Problem, ScriptTest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.integers() | st.text(), inner)
        | st.sets(st.integers(-5, 5) | st.text())
    ),
    max_leaves=30,
)


@pytest.fixture(scope="module")
def written() -> Callable[[Any], bytes | None]:
    """The bytes of a value by run_program.c, or None where it leaves the value to Python."""
    if not fork_server.library():
        pytest.skip(fork_server.examine()[1])
    helper = ctypes.PyDLL(fork_server.library())
    helper.codegym_written.argtypes, helper.codegym_written.restype = [ctypes.py_object], ctypes.c_void_p
    helper.codegym_forget.argtypes, helper.codegym_forget.restype = [ctypes.c_void_p], None

    def write(value: Any) -> bytes | None:
        place = helper.codegym_written(value)
        if place is None:
            return None
        found = ctypes.string_at(place)
        helper.codegym_forget(place)
        return found

    return write


@given(value=PLAIN)
def test_it_writes_plain_values_as_the_codec_does(written: Callable[[Any], bytes | None], value: Any) -> None:
    found = written(value)
    if found is not None:
        assert found == codec.encode(value)
    else:
        assert any(0xD800 <= ord(c) < 0xE000 or not -(2**63) <= n < 2**63 for c, n in _leaves(value))


def _leaves(value: Any) -> list[tuple[str, int]]:
    """Every character and integer inside a value, paired with a harmless one of the other kind."""
    if isinstance(value, str):
        return [(c, 0) for c in value]
    if isinstance(value, int):
        return [("a", value)]
    if isinstance(value, dict):
        return [leaf for pair in value.items() for part in pair for leaf in _leaves(part)]
    return [leaf for part in value for leaf in _leaves(part)] if isinstance(value, list | tuple | set) else []


@pytest.mark.parametrize(
    "value",
    [
        2**63, -(2**63) - 1, "\ud800", 1j, b"x", frozenset({1}), object(), int, range(3),
        type("List", (list,), {})([1]), type("Text", (str,), {})("x"), [[type("Number", (int,), {})(1)]],
    ],
    ids=repr,
)  # fmt: skip
def test_it_leaves_what_is_not_plain_to_python(written: Callable[[Any], bytes | None], value: Any) -> None:
    assert written(value) is None


def test_it_leaves_what_is_too_deep_or_too_large_to_python(written: Callable[[Any], bytes | None]) -> None:
    deep: list[Any] = []
    for _ in range(99):
        deep = [deep]
    assert written(deep) == codec.encode(deep)
    assert written([deep]) is None
    endless: list[Any] = []
    endless.append(endless)
    assert written(endless) is None
    assert written(list(range(1 << 19))) is None


ONE = Problem("t/one", "", "f", hidden_tests=(CallTest((1,), 1), CallTest(([2, 3],), 1)), limits=Limits(seconds=20.0))
USUAL = Problem("t/usual", "", "f", hidden_tests=(CallTest((4,), 2.0),))
METHOD = Problem("t/method", "", "Solution.f", hidden_tests=(CallTest((1,), 1),))
PROGRAMS = {
    "plain": "def f(x): return {'a': (x, [1.5, None, True])}",
    "not plain": "class A: pass\ndef f(x): return [A(), A]",
    "raises": "def f(x): raise KeyError('no')",
    "exits": "import sys\ndef f(x): sys.exit(3)",
    "does not compile": "def f(x) return",
    "does not load": "1 / 0",
    "lacks the function": "g = 1",
    "too large": "def f(x): return 'x' * 3_000_000",
    "prints too much": "def f(x):\n  while True: print('x' * 100)",
    "prints a little": "print('loaded')\ndef f(x): print(x)",
    "recurses": "def f(x): return f(x)",
    "a long integer": "def f(x): return 1 << 500",
    "random": "import random\ndef f(x): return [random.random(), random.randrange(10 ** 6)]",
    "looks around": "import sys\ndef f(x): return [__name__, sys.argv, sys.modules['__main__'].f is f]",
    "changes its argument": "def f(x):\n  if isinstance(x, list): x.append(4)\n  return x",
    "closes its channel": "import os\ndef f(x): os.close(3)",
}  # fmt: skip


def frames_of(problem: Problem, program: str, executor: Executor) -> tuple[list[bytes], int]:
    """What a program's process says, and how it ends."""
    executor.report()
    engine, job = executor._engine, Job(problem, program)
    assert engine is not None

    def work() -> Any:
        plan = executor._plan(job)
        if plan.recording is not None:
            yield plan.recording
        ends: list[Ended] = yield _Trial(plan, job, Setting("fast", 4)).runs()
        return ends[0].frames, ends[0].status

    found: list[tuple[list[bytes], int]] = []
    engine.drive([work()], lambda place, value: found.append(value))
    return found[0]


def test_programs_say_the_same_with_and_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if not fork_server.library():
        pytest.skip(fork_server.examine()[1])
    said = {}
    for helper in (fork_server.library(), ""):
        monkeypatch.setattr(fork_server, "library", lambda helper=helper: helper)
        with Executor(workers=1, cache=False) as executor:
            cases = [(ONE, program) for program in PROGRAMS.values()]
            cases += [(USUAL, "def f(x): return sqrt(x)"), (METHOD, "class Solution:\n  def f(self, x): return x")]
            said[helper] = [frames_of(problem, program, executor) for problem, program in cases]
    with_it, without = said.values()
    for name, mine, theirs in zip([*PROGRAMS, "usual imports", "method"], with_it, without, strict=True):
        assert mine == theirs, name


def test_arguments_come_back_where_a_test_looks_at_them() -> None:
    changed = Problem(
        "t/changed", "", "f", references=("def f(x):\n  x.sort()",),
        hidden_tests=(ScriptTest("x = [3, 1]\nf(x)\nassert x == [1, 3]"),), limits=Limits(seconds=20.0),
    )  # fmt: skip
    with Executor(workers=1, cache=False) as executor:
        programs = ["def f(x): x.sort()", "def f(x): sorted(x)", "def f(x): x[:] = [1, 3]"]
        found = executor.run([Job(changed, program) for program in programs])
    assert [outcome.verdict.value for outcome in found] == ["PASS", "WRONG", "PASS"]
