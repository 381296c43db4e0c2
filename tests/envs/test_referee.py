"""Script tests run verbatim in the referee: what a program can make of them, and what it cannot."""

from __future__ import annotations

import pytest

from codegym.envs.execution import stand_in
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Limits, Problem, ScriptTest

LIMITS = Limits(seconds=3.0, memory_mb=512)


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1, cache=False) as made:
        yield made


def judged(executor, source, program, *, reference="", setup="", prelude="", entry="f"):
    """The outcome of one program under one script test; without a reference every call is asked live."""
    problem = Problem(
        "mine/1", "", entry, references=(reference,) if reference else (), prelude=prelude, limits=LIMITS,
        hidden_tests=(ScriptTest(source, setup),),
    )  # fmt: skip
    return executor.run([Job(problem, program)])[0]


DOUBLE = "def f(x):\n    return 2 * x\n"
CHECK = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(x=3) == 6\n"


@pytest.mark.parametrize("reference", [DOUBLE, ""], ids=["replayed", "live"])
class TestEitherWay:
    def test_check_and_statements(self, executor, reference):
        for source in (CHECK, "assert f(2) == 4", "assert candidate(2) == 4\nassert f(-1) == -2"):
            assert judged(executor, source, DOUBLE, reference=reference).verdict is Verdict.PASS
            wrong = judged(executor, source, "def f(x): return x", reference=reference)
            assert wrong.verdict is Verdict.WRONG
            assert "(2) == 4" in wrong.message

    def test_what_a_test_prints_is_not_limited(self, executor, reference):
        source = "for n in range(30):\n    print('x' * 100_000)\n    assert f(n) == 2 * n"
        for _ in range(2):  # by one process, which has printed three million characters already
            assert judged(executor, source, DOUBLE, reference=reference).verdict is Verdict.PASS

    def test_an_exception_of_the_program_is_an_error(self, executor, reference):
        outcome = judged(executor, CHECK, "def f(x): raise AssertionError('mine')", reference=reference)
        assert outcome.verdict is Verdict.ERROR
        assert "mine" in outcome.message

    def test_a_test_may_expect_an_exception(self, executor, reference):
        source = (
            "try:\n    f('a')\n    assert False\nexcept ValueError as error:\n    assert 'bad' in str(error)\n"
            "assert f(1) == 2\n"
        )
        good = "class Bad(ValueError): pass\ndef f(x):\n    if x == 'a': raise Bad('bad x')\n    return 2 * x\n"
        reference = reference and good
        assert judged(executor, source, good, reference=reference).verdict is Verdict.PASS
        assert judged(executor, source, good.replace("(ValueError)", "(KeyError)"), reference=reference).verdict is (
            Verdict.ERROR
        )
        assert judged(executor, source, DOUBLE, reference=reference).verdict is Verdict.WRONG

    def test_arguments_changed_in_place_come_back(self, executor, reference):
        source = "x = [3, [1], {'a': 1}]\ny = x[1]\nf(x)\nassert x == [3, [1, 9], {'a': 2}, 4], x\nassert y is x[1]\n"
        good = "def f(x):\n    x[1].append(9); x[2]['a'] = 2; x.append(4)\n"
        reference = reference and good
        assert judged(executor, source, good, reference=reference).verdict is Verdict.PASS
        assert judged(executor, source, "def f(x): pass", reference=reference).verdict is Verdict.WRONG

    def test_an_argument_that_only_the_candidate_changes_is_seen(self, executor, reference):
        source = "x = [1, 2]\nassert f(x) == 3\nassert x == [1, 2]\n"
        good = "def f(x): return sum(x)\n"
        reference = reference and good
        assert judged(executor, source, good, reference=reference).verdict is Verdict.PASS
        assert (
            judged(executor, source, "def f(x): return x.pop() + x.pop()", reference=reference).verdict is Verdict.WRONG
        )

    def test_calls_that_depend_on_answers(self, executor, reference):
        source = "x = 1\nfor _ in range(5):\n    x = f(x)\nassert x == 32\n"
        assert judged(executor, source, DOUBLE, reference=reference).verdict is Verdict.PASS
        other = "def f(x):\n    return {1: 8, 8: 16, 16: 1, }.get(x, 32)\n"  # 8, 16, 1, 8, 16
        assert judged(executor, source, other, reference=reference).verdict is Verdict.WRONG

    def test_a_program_that_ends_itself(self, executor, reference):
        assert judged(executor, CHECK, "import os\ndef f(x): os._exit(0)", reference=reference).verdict is Verdict.ERROR
        assert (
            judged(executor, CHECK, "import sys\ndef f(x): sys.exit(0)", reference=reference).verdict is Verdict.ERROR
        )
        assert judged(executor, CHECK, "raise SystemExit", reference=reference).verdict is Verdict.ERROR

    def test_a_test_that_swallows_everything_does_not_pass_a_dead_program(self, executor, reference):
        source = "for _ in range(3):\n    try:\n        f(1)\n    except BaseException:\n        pass\n"
        assert judged(executor, source, DOUBLE, reference=reference).verdict is Verdict.PASS
        dead = judged(executor, source, "import os\ndef f(x): os._exit(0)", reference=reference)
        assert dead.verdict is Verdict.ERROR

    def test_a_value_that_makes_the_test_loop_is_a_timeout(self, executor, reference):
        source = "n = f(1)\nwhile n:\n    n -= 1\n"
        program = "def f(x): return -1"
        assert judged(executor, source, program, reference=reference).verdict is Verdict.TIMEOUT

    def test_a_value_that_makes_the_test_grow_costs_the_candidate(self, executor, reference):
        outcome = judged(executor, "assert len([0] * f(1)) == 2", "def f(x): return 1 << 40", reference=reference)
        assert outcome.verdict is Verdict.MEMORY
        assert judged(executor, CHECK, DOUBLE, reference=reference).verdict is Verdict.PASS

    def test_an_object_that_equals_everything_equals_nothing(self, executor, reference):
        program = (
            "class E:\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\n"
            "    def __lt__(self, o): return True\n    def __sub__(self, o): return 0\n"
            "    def __contains__(self, o): return True\n"
            "    def __hash__(self): return 4\n"
            "def f(x): return E()\n"
        )
        for source in ("assert f(2) == 4", "assert 4 == f(2)", "assert not f(2) != 4", "assert f(2) in (4, 5)",
                       "assert f(2) - 4 < 1", "assert abs(f(2) - 4) < 1", "assert f(2) < 5",
                       "assert {4: 1}[f(2)]"):  # fmt: skip
            assert judged(executor, source, program, reference=reference).verdict in (Verdict.WRONG, Verdict.ERROR), (
                source
            )

    def test_membership_compares_here(self, executor, reference):
        program = (
            "class E:\n    def __contains__(self, o): return True\n    def __iter__(self): return iter([1])\n"
            "def f(x): return E()\n"
        )
        assert judged(executor, "assert 4 in f(2)", program, reference=reference).verdict is Verdict.WRONG
        assert judged(executor, "assert 1 in f(2)", program, reference=reference).verdict is Verdict.PASS


def test_generators_and_classes_are_handles(executor):
    generator = "def f(n):\n    for i in range(n): yield i\n"
    assert judged(executor, "assert list(f(3)) == [0, 1, 2]\nassert next(f(1)) == 0", generator).verdict is Verdict.PASS
    pair = (
        "class Pair:\n    def __init__(self, a, b): self.a, self.b = a, b\n"
        "    def total(self): return self.a + self.b\n"
    )
    program = pair + "def f(p): return p.a\ndef g(p): return p\n"
    source = (
        "p = Pair(5, 24)\nassert f(p) == 5\np.a = 7\nassert f(p) == 7\nassert p.total() == 31\n"
        "assert f(Pair(1, 2)) == 1\n"
    )
    assert judged(executor, source, program, reference=program).verdict is Verdict.PASS
    assert judged(executor, source, program.replace("return p.a", "return 5")).verdict is Verdict.WRONG
    subclass = "class Q(list): pass\ndef f(x): return Q([x, 2])"
    swapped = judged(executor, "q = f(1)\nassert q is not None\nassert len(q) == 2\nassert q[0] == 1", subclass)
    assert swapped.verdict is Verdict.PASS


def test_names_of_the_test_never_come_from_the_program(executor):
    cheat = (
        "class math:\n    isclose = staticmethod(lambda *a, **k: True)\ndef close(a, b): return True\n"
        "def f(x): return 9.0\n"
    )
    assert judged(executor, "assert math.isclose(f(1), 2.0)", cheat).verdict is Verdict.WRONG
    assert judged(executor, "assert close(f(1), 2.0)", cheat).verdict is Verdict.ERROR  # no function of the program's
    honest = "def close(a, b): return abs(a - b) < 1e-9\n"
    assert judged(executor, "assert close(f(1), 2.0)", cheat, prelude=honest).verdict is Verdict.WRONG
    assert judged(executor, "assert close(f(1), 9.0)", cheat, prelude=honest).verdict is Verdict.PASS


def test_endless_objects_are_bounded(executor):
    endless = "import itertools\ndef f(x): return itertools.count()\n"
    outcome = judged(executor, "for i in f(1):\n    pass\n", endless)
    assert outcome.verdict in (Verdict.OUTPUT, Verdict.TIMEOUT)


HOSTILE = {
    "length": (
        "class E:\n    def __len__(self): return -1\n    def __iter__(self): return self\n"
        "    def __next__(self): return self\n"
    ),
    "text length": "class E:\n    def __len__(self): return 10**30\n",
    "attributes": "class E:\n    def __getattribute__(self, n): raise SystemExit(n)\n",
    "class": "class E:\n    __class__ = property(lambda s: list)\n",
    "loop": (
        "class E:\n    def __len__(self):\n        while True: pass\n"
        "    __iter__ = __getattr__ = __bool__ = __len__\n"
    ),
    "deep": (
        "class E:\n    def __iter__(self):\n        x = []\n        for _ in range(90): x = [x]\n"
        "        return iter([x] * 3)\n"
    ),
    "name": "E = type('x' * 100000, (), {})\n",
    "exception": (
        "class X(Exception):\n    def __str__(self): raise self\n    args = property(lambda s: 1/0)\n"
        "class E:\n    def __bool__(self): raise X\n    __len__ = __iter__ = __bool__\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_objects_never_pass(executor, name):
    program = HOSTILE[name] + "def f(x): return E()\n"
    source = "q = f(1)\nassert len(q) == 3\nassert list(q) == [1, 2, 3]\nassert q.a == 1\nassert bool(q) is True"
    assert judged(executor, source, program).verdict is not Verdict.PASS
    assert judged(executor, CHECK, DOUBLE).verdict is Verdict.PASS


def test_every_test_has_its_result(executor):
    tests = tuple(ScriptTest(f"assert f({x}) == {2 * x}") for x in range(4))
    problem = Problem("mine/2", "", "f", references=(DOUBLE,), hidden_tests=tests, limits=LIMITS)
    outcome = executor.run([Job(problem, "def f(x): return 2 * x if x != 2 else 0")])[0]
    assert [str(test.verdict) for test in outcome.tests] == ["PASS", "PASS", "WRONG", "PASS"]


def test_a_test_that_does_not_compile_says_so(executor):
    outcome = judged(executor, "assert f(1) ==", DOUBLE)
    assert outcome.verdict is Verdict.ERROR
    assert "does not compile" in outcome.message


def test_human_eval_references_pass(executor):
    problems = list(load_problems("humaneval"))
    outcomes = executor.run([Job(problem, problem.references[0]) for problem in problems])
    assert [p.uri for p, o in zip(problems, outcomes, strict=True) if o.verdict is not Verdict.PASS] == []


def test_exceptions_keep_their_builtin_class():
    assert type(stand_in.exception("ValueError", "m", ["ValueError"])) is ValueError
    mine = stand_in.exception("Mine", "m", ["Mine", "KeyError", "LookupError"])
    assert isinstance(mine, KeyError) and type(mine).__name__ == "Mine"
    assert type(stand_in.exception("not a name", 3, "nothing")) is not None
    assert isinstance(stand_in.exception("UnicodeDecodeError", "m", []), UnicodeDecodeError)
    assert not isinstance(stand_in.exception("int", "m", ["int"]), int)


def test_apply_changes_in_place_and_keeps_inner_identity():
    inner = [1]
    old = [inner, {"k": inner}, {1, 2}, 3]
    stand_in.apply(old, [[1, 2], {"k": [5], "n": 1}, {9}, 4, 5])
    assert old == [[5], {"k": [5], "n": 1}, {9}, 4, 5]
    assert old[0] is inner and old[1]["k"] is inner
