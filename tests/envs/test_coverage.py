"""Executed statement spans: exact on hand-made cases, equal to coverage.py by lines, and no trace in behaviour."""
# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import builtins
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegym.envs.errors import OptionError
from codegym.envs.execution.coverage import PROBE, SEEN, Recorder
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.execution.statements import Span, choose, layout, most_statements, statements
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Limits, Problem, StdioTest

SPANS = '''"""No statement."""
from __future__ import annotations
import os; x = 1  # nor this
@decorate
# nor this: here
@decorate(3)
def f(a: int = 3,  # c: d
      b={1: 2},
      ) -> "x:y":
    """Nor this."""
    global g
    for i in (lambda: [1])():
        if i: continue
        elif i == "é:" : break
        else:
            y = "é"; z = (1,
               2)
    try: pass
    except ValueError as e: raise
    else:
        del y
    finally:
        return x[1:2]
class A(B, m=C):
    "Nor this."
    q: int
while(x  # a: b
  ) :
    x -= 1
match x:
    case [1, *_] if x:
        a = 1
async def h():
    async with a as b, c: await d
'''
EXPECTED = [
    "from __future__ import annotations", "import os", "x = 1",
    '@decorate\n# nor this: here\n@decorate(3)\ndef f(a: int = 3,  # c: d\n      b={1: 2},\n      ) -> "x:y":', "global g",
    "for i in (lambda: [1])():", "if i:", "continue", 'elif i == "é:" :', "break", 'y = "é"', "z = (1,\n               2)",
    "try:", "pass", "raise", "del y", "return x[1:2]", "class A(B, m=C):", "q: int", "while(x  # a: b\n  ) :", "x -= 1",
    "match x:", "a = 1", "async def h():", "async with a as b, c:", "await d",
]  # fmt: skip


def texts(program: str, spans: Any) -> list[str]:
    return [program[start:end] for start, end in spans]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_spans_are_statements_and_headers(line_end: str) -> None:
    program = SPANS.replace("\n", line_end)
    assert texts(program, statements(program)) == [text.replace("\n", line_end) for text in EXPECTED]
    assert len(EXPECTED) <= most_statements(program)


@given(
    st.lists(st.sampled_from(["x = 1", "if x: pass", "if x:\n  y = 2\nelse:\n  z = 3", "def f(): 'd'", "x = 1; y = 2"]))
)
def test_the_bound_on_statements_holds(parts: list[str]) -> None:
    program = "\n".join(parts)
    assert len(statements(program)) <= most_statements(program)


def test_a_layout_has_a_slot_for_each_line_and_a_mark_where_statements_share_one() -> None:
    found = layout("x = 1\nif x: y = (2,\n  3)\nelse: pass\nwhile 0: é = 'é'; z = 1\n")
    assert found is not None
    assert found.marks == ((2, 0), (2, 6), (5, 0), (5, 9), (5, 20))
    first = found.width - 5
    assert found.slots == ((1,), (first,), (3, first + 1), (4,), (first + 2,), (first + 3,), (first + 4,))
    assert found.pads == (4,)  # the constant test of the loop
    row = bytearray(found.width)
    row[1] = row[first + 1] = 1
    assert found.executed(bytes(row)) == (found.spans[0], found.spans[2])
    assert found.executed(b"") == ()


@pytest.mark.parametrize(
    ("program", "shared"),
    [
        ("try:\n  f()\nexcept A: x = 1", 1),
        ("try:\n  f()\nexcept A:\n  x = 1", 0),
        ("match x:\n  case 1: y = 1\n  case 2:\n    y = 2", 1),
        ("@d\ndef f(x,\n y):\n  return 1", 0),
    ],
)
def test_a_handler_or_case_shares_its_line_with_what_follows_the_colon(program: str, shared: int) -> None:
    found = layout(program)
    assert found is not None and len(found.marks) == shared


@pytest.mark.parametrize(
    "program", ["x = (", "-" * 5000 + "1", "a if b else " * 20000 + "c", "x = 1\n" * 40_000, "x = '\0'", "\ud800"]
)
def test_what_cannot_be_laid_out_gets_probes(program: str) -> None:
    assert choose("fast", program, monitors=True) == ("probes", None)


@pytest.mark.parametrize("branches", [500, 1500, 2500])
def test_a_long_chain_of_elif_is_no_nesting_of_ours(branches: int) -> None:
    program = "x = 1\nif x == 0:\n  y = 0\n" + "".join(f"elif x == {n}:\n  y = {n}\n" for n in range(1, branches))
    found = layout(program)
    assert found is not None and len(found.spans) == 2 * branches + 1 and not found.marks
    with Executor(workers=1, tracer="probes", cache=False) as executor:
        outcome = run(executor, Problem("t/elif", "", None, hidden_tests=(StdioTest("", ""),)), program)
    assert outcome.verdict is Verdict.PASS, outcome.message
    if outcome.executed is not None:  # too deep for probes: unknown
        assert texts(program, outcome.executed) == ["x = 1", "if x == 0:", "elif x == 1:", "y = 1"]


def test_the_tracer_is_chosen_by_what_the_interpreter_has() -> None:
    assert choose("fast", "x = 1", monitors=True) == ("monitoring", layout("x = 1"))
    assert choose("fast", "x = 1", monitors=False) == choose("probes", "x = 1", monitors=True) == ("probes", None)
    assert choose("coverage", "x = 1", monitors=True) == ("coverage", None)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this interpreter has sys.monitoring")
def test_monitoring_is_refused_where_there_is_none() -> None:
    with pytest.raises(OptionError, match="needs Python 3"):
        Executor(tracer="monitoring")


# What ran


def record(program: str, tracer: str = "probes") -> list[str]:
    """Run a program in this process, and return the statements that ran."""
    memory = bytearray(most_statements(program))
    recorder = Recorder(memory, tracer)
    code, spans = recorder.compile(program, "<program>")
    assert spans is not None
    recorder.turn(0)
    try:
        exec(code, {"__name__": "program"})
    except Exception as error:
        traceback.clear_frames(error.__traceback__)
    finally:
        for name in (PROBE, SEEN):
            vars(builtins).pop(name, None)
    return texts(program, [span for span, ran in zip(spans, memory, strict=False) if ran])


CASES = {
    "early return": (
        "def f(x):\n  if x:\n    return 1\n  y = 2\n  return y\nf(1)",
        ["def f(x):", "if x:", "return 1", "f(1)"],
    ),
    "one line": ("if 0: a = 1\nelse: b = 2", ["if 0:", "b = 2"]),
    "semicolons": ("x = 0; 1 / x; y = 1", ["x = 0", "1 / x"]),
    "exception in the middle": ("try:\n  int('x')\n  a = 1\nexcept ValueError:\n  b = 2\nfinally:\n  c = 3",
                                ["try:", "int('x')", "b = 2", "c = 3"]),
    "short circuit": ("x = 0 and (1 / 0)\nassert x == 0", ["x = 0 and (1 / 0)", "assert x == 0"]),
    "generator never started": ("def g():\n  yield 1\n  yield 2\ng()", ["def g():", "g()"]),
    "generator half run": ("def g():\n  yield 1\n  x = 2\n  yield x\nnext(g())", ["def g():", "yield 1", "next(g())"]),
    "comprehension": ("x = [i for i in range(3) if i]", ["x = [i for i in range(3) if i]"]),
    "nested function": ("def f():\n  def g():\n    return 1\n  return 2\nf()", ["def f():", "def g():", "return 2", "f()"]),
    "class body": ("class A:\n  x = 1\n  def f(self):\n    return 1", ["class A:", "x = 1", "def f(self):"]),
    "loop else": ("for i in []:\n  a = 1\nelse:\n  b = 2", ["for i in []:", "b = 2"]),
    "match": ("match 2:\n  case 1:\n    a = 1\n  case _:\n    b = 2", ["match 2:", "b = 2"]),
    "global": ("def f():\n  global x\n  x = 1\nf()", ["def f():", "global x", "x = 1", "f()"]),
    "future import": ("'d'\nfrom __future__ import annotations\nx: y = 1", ["from __future__ import annotations", "x: y = 1"]),
    "docstring only": ("def f():\n  'd'\nf()", ["def f():", "f()"]),
    "while": ("i = 0\nwhile i < 2:\n  i += 1\n  if i == 1: continue\n  break",
              ["i = 0", "while i < 2:", "i += 1", "if i == 1:", "continue", "break"]),
    "recursion error": ("def f(): return f()\nf()\nx = 1", ["def f():", "return f()", "f()"]),
    "async": ("async def f():\n  return 1\nc = f()\nc.close()", ["async def f():", "c = f()", "c.close()"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_statements_that_ran(name: str) -> None:
    program, expected = CASES[name]
    assert record(program) == expected


BEHAVIOUR = [
    "def f():\n    'doc'\n    x = 1\nseen = (f.__doc__, f.__code__.co_varnames, f.__code__.co_firstlineno, f.__annotations__)",
    "'module doc'\nfrom __future__ import annotations\nseen = (__doc__, sorted(globals()))",
    "class A:\n    'doc'\n    x = 1\n    y = [i for i in (1,)]\nseen = (A.__doc__, sorted(vars(A)))",
    "class M(type):\n    def __prepare__(name, bases): return __import__('collections').defaultdict(int)\n"
    "class A(metaclass=M):\n    y = z\nseen = A.y",
    "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n        return n\n    return g() + g()\nseen = f()",
    "seen = [(last := i) for i in range(3)], last",
    "def f():\n    try:\n        return 1\n    finally:\n        seen.append(locals())\nseen = []\nf()",
    "def f(n):\n    if n == 0:\n        return 0\n    return 1 + f(n - 1)\nseen = f(200)",
    "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\ndef deepest(n=1):\n    try:\n        f(n)\n    except RecursionError:\n"
    "        return n\n    return deepest.__wrapped__(n + 1) if 0 else None\nn = 1\nwhile deepest(n) is None:\n    n += 1\nseen = n",
    "import traceback\ndef f():\n    x = 1\n    return (\n        1 /\n        0)\ntry:\n    f()\nexcept ZeroDivisionError as e:\n"
    "    seen = [(s.lineno, s.name) for s in traceback.extract_tb(e.__traceback__)]",
    "import sys\ndef f():\n    a = 1\n    return sys._getframe().f_lineno\nseen = f()",
    "def f(x):\n    match x:\n        case [a, *b] if b:\n            return a, b\n        case {'k': v}:\n            return v\nseen = f([1, 2]), f({'k': 3})",
    "def d(f):\n    return lambda: f() + 1\n@d\n@d\ndef f():\n    return 1\nseen = f()",
    "import asyncio\nasync def g():\n    yield 1\nasync def f():\n    async for x in g():\n        return x\nseen = asyncio.run(f())",
    "del __name__\nseen = '__name__' in globals()",
    "x = 5\ndel x\ntry:\n    x\nexcept NameError as e:\n    seen = str(e)",
    "def f():\n    pass\nseen = [f.__code__.co_consts, f.__code__.co_flags]",
    "exec('y = 1\\nz = y')\nseen = z",
]


@pytest.mark.parametrize("program", BEHAVIOUR)
def test_probes_leave_no_trace(program: str) -> None:
    plain: dict[str, Any] = {"__name__": "program"}
    exec(compile(program, "<program>", "exec", dont_inherit=True), plain)
    memory = bytearray(most_statements(program))
    recorder = Recorder(memory, "probes")
    probed: dict[str, Any] = {"__name__": "program"}
    code, _ = recorder.compile(program, "<program>")
    recorder.turn(0)
    try:
        exec(code, probed)
    finally:
        for name in (PROBE, SEEN):
            vars(builtins).pop(name, None)
    if "co_consts" in program:  # probes have constants of their own; the first one is the docstring's place
        plain["seen"][0], probed["seen"][0] = plain["seen"][0][0], probed["seen"][0][0]
    assert probed["seen"] == plain["seen"]
    assert any(memory)


# Through the executor


@pytest.fixture(scope="module")
def probes() -> Iterator[Executor]:
    with Executor(workers=2, tracer="probes", cache=False) as executor:
        yield executor


def lines(program: str, spans: tuple[Span, ...] | None) -> set[int]:
    assert spans is not None
    return {program.count("\n", 0, start) for start, _ in spans}


def patient(problem: Problem) -> Problem:
    """The problem with time enough for coverage.py, which is fifty times as slow, on a busy machine too."""
    return replace(problem, limits=replace(problem.limits, seconds=60.0))


def test_probes_agree_with_coverage_py_on_every_canonical_solution(probes: Executor) -> None:
    problems = list(load_problems("humaneval"))
    jobs = [Job(patient(problem), problem.references[0], coverage=True) for problem in problems]
    with Executor(workers=2, tracer="coverage", cache=False) as reference:
        expected = reference.run(jobs)
    assert len(problems) == 164
    for job, fast, slow in zip(jobs, probes.run(jobs), expected, strict=True):
        assert fast.verdict is slow.verdict is Verdict.PASS, (job.problem.uri, fast.message, slow.message)
        assert fast.statements == slow.statements == tuple(statements(job.program))
        assert lines(job.program, fast.executed) == lines(job.program, slow.executed), job.problem.uri


def run(executor: Executor, problem: Problem, program: str) -> Outcome:
    return executor.run([Job(problem, program, coverage=True)])[0]


LIMITS = Limits(seconds=0.7)


def test_each_test_has_its_own_record(probes: Executor) -> None:
    problem = Problem(
        "t/sign", "", "f", hidden_tests=(CallTest((1,), 1), CallTest((-1,), 1), CallTest((2,), 2, fresh=True))
    )
    program = "def f(x):\n  if x > 0:\n    return x\n  return 0"
    found = run(probes, problem, program)
    positive, negative = ["def f(x):", "if x > 0:", "return x"], ["def f(x):", "if x > 0:", "return 0"]
    assert [texts(program, test.executed) for test in found.tests] == [positive, negative, positive]
    assert texts(program, found.executed) == ["def f(x):", "if x > 0:", "return x", "return 0"]


def test_a_killed_program_keeps_its_record(probes: Executor) -> None:
    problem = Problem("t/loop", "", "f", hidden_tests=(CallTest((), 1),), limits=LIMITS)
    found = run(probes, problem, "def f():\n  x = 1\n  while True: pass\n  return 2")
    assert found.verdict is Verdict.TIMEOUT
    assert texts("def f():\n  x = 1\n  while True: pass\n  return 2", found.executed) == [
        "def f():",
        "x = 1",
        "while True:",
        "pass",
    ]


def test_a_crashed_program_keeps_its_record(probes: Executor) -> None:
    problem = Problem("t/crash", "", None, hidden_tests=(StdioTest("", ""),), limits=LIMITS)
    program = "import os\nx = 1\nos._exit(3)\ny = 2"
    assert texts(program, run(probes, problem, program).executed) == ["import os", "x = 1", "os._exit(3)"]


def test_without_asking_there_is_no_record(probes: Executor) -> None:
    problem = Problem("t/none", "", "f", hidden_tests=(CallTest((), 1),))
    found = probes.run([Job(problem, "def f(): return 1")])[0]
    assert found.statements is found.executed is found.tests[0].executed is None
    broken = run(probes, problem, "def f(:")
    assert broken.verdict is Verdict.COMPILE and broken.statements is None


ONE_LINERS = [
    "for i in range(3):\n  if i == 1: continue\n  if i == 2: break\n  x = i",
    "for i in range(2):\n  if i: pass\n  else: continue",
    "while True: break",
    "while 1:\n  break",
    "if 0: x = 1\nelse: y = 2",
    "if 1: pass",
    "try: x = 1\nexcept ValueError: y = 2",
    "try: int('x')\nexcept KeyError: y = 1\nexcept ValueError: z = 2\nfinally: pass",
    "match 2:\n  case 1: a = 1\n  case 2: pass",
    "def f(n): return 1 if n < 2 else f(n - 1)\nf(3)",
    "def f(n):\n  if n < 2: return 1\n  return f(n - 1)\nf(3)",
    "class A: x = 1; y = 2",
    "class A:\n  def f(self): pass\n  def g(self): return\nA().f()",
    "x = 1; assert x; 5; 'text'; y = [\n 1,\n 2]; z = 3",
    "é = 'é'; x = 'é'; raise ValueError; y = 1",
    "with open('/dev/null') as f: x = 1",
    "import os; x = os; del x",
    "def f():\n  global a, b; a = b = 1\n  return\n  c = 1\nf()",
    "def f():\n  x: int\n  yield; yield\nnext(f())",
    "x = lambda: 1; y = [i for i in (1, 2) if i]; x()",
    "async def f(): await g(); return 1\nasync def g(): return 2\ntry: f().send(None)\nexcept StopIteration: pass",
    "if (x :=\n    1): y = 2; z = 3",
    "for i in []: pass\nelse: x = 1",
    "while []:\n  pass\nelse:\n  pass",
    "def f(x):\n  if x: return\n  elif x is None: return 1\n  else: raise KeyError\nf(None)",
    "x = 1 ;\\\ny = 2",
    "",
    "# nothing",
]


def newer_interpreters() -> list[Path]:
    return sorted(Path.home().glob(".pyenv/versions/3.1[234]*/bin/python"))


def test_monitoring_agrees_with_probes_where_python_has_it() -> None:
    places = newer_interpreters()
    if not places:
        pytest.skip("no Python 3.12 or 3.13 is installed")
    problem = Problem("t/case", "", None, hidden_tests=(StdioTest("", ""),))
    programs = [program for program, _ in CASES.values()] + BEHAVIOUR + ONE_LINERS
    for place in places:
        found = []
        for tracer in ("monitoring", "probes"):
            with Executor(workers=2, python=str(place), tracer=tracer) as executor:
                found.append(executor.run([Job(problem, program, coverage=True) for program in programs]))
        for program, fast, slow in zip(programs, *found, strict=True):
            assert fast.statements == slow.statements, (place, program)
            assert texts(program, fast.executed) == texts(program, slow.executed), (place, program)


def test_monitoring_keeps_the_record_of_a_killed_program_and_of_each_test() -> None:
    places = newer_interpreters()
    if not places:
        pytest.skip("no Python 3.12 or 3.13 is installed")
    program = "def f(x):\n  if x > 0: return x\n  y = 2\n  while True: pass\n  return 2"
    tests = (CallTest((1,), 1), CallTest((-1,), 1), CallTest((2,), 2, fresh=True))
    with Executor(workers=1, python=str(places[0])) as executor:
        found = run(executor, Problem("t/loop", "", "f", hidden_tests=tests, limits=LIMITS), program)
    assert found.verdict is Verdict.TIMEOUT
    first, second, third = (texts(program, test.executed) for test in found.tests)
    assert first == third == ["def f(x):", "if x > 0:", "return x"]
    assert second == ["def f(x):", "if x > 0:", "y = 2", "while True:", "pass"]


def test_a_program_that_only_the_newer_interpreter_can_parse_has_its_record() -> None:
    places = newer_interpreters()
    if not places or sys.version_info >= (3, 12):
        pytest.skip("needs Python 3.11, and 3.12 or 3.13 beside it")
    program = "def f[T](x: T) -> T:\n  if x: return x\n  return 0"
    problem = Problem("t/generic", "", "f", hidden_tests=(CallTest((1,), 1),))
    with Executor(workers=1, python=str(places[0])) as executor:
        assert texts(program, run(executor, problem, program).executed) == [
            "def f[T](x: T) -> T:", "if x:", "return x",
        ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_each_fast_tracer_agrees_with_coverage_py_on_every_solution(name: str, data_folder: Path) -> None:
    jobs = [Job(patient(problem), problem.references[0], coverage=True) for problem in load_problems(name)]
    with Executor(workers=2, tracer="coverage", cache=False) as executor:
        expected = executor.run(jobs)
    for python, tracer in ((None, "probes"), *((str(place), "monitoring") for place in newer_interpreters())):
        with Executor(workers=2, python=python, tracer=tracer, cache=False) as executor:
            for job, fast, slow in zip(jobs, executor.run(jobs), expected, strict=True):
                assert fast.verdict is slow.verdict is Verdict.PASS, (job.problem.uri, python, fast.message)
                assert lines(job.program, fast.executed) == lines(job.program, slow.executed), (job.problem.uri, python)
