"""Oracle tests: expected values are what the reference returns; HumanEval+ and MBPP+ are made of them."""

from dataclasses import replace

import pytest

from codegym.envs.execution.executor import Executor
from codegym.envs.execution.isolation import LAYERS
from codegym.envs.execution.oracle import RULES
from codegym.envs.execution.outcome import Job, Outcome, Verdict, part_verdicts
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Limits, OracleTest, Problem
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.problems.record import from_record, to_record

SQUARE = Problem(
    uri="t/square",
    statement="",
    entry_point="f",
    references=("def f(x): return x * x",),
    hidden_tests=(OracleTest("base", ((2,), (3,))), OracleTest("plus", ((-2,), (0.5,), (10**30,)))),
)


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1, cache=False) as found:
        yield found


def judged(executor: Executor, problem: Problem, program: str, **options) -> Outcome:
    return executor.run([Job(problem, program, **options)])[0]


@pytest.mark.parametrize(
    ("program", "base", "plus"),
    [
        ("def f(x): return x ** 2", "PASS", "PASS"),
        ("def f(x): return x * x + 1e-9 if x == 0.5 else x * x", "PASS", "PASS"),  # floats within 1e-6
        ("def f(x): return x * x + 1e-3 if x == 0.5 else x * x", "PASS", "WRONG"),
        ("def f(x): return x * x + (x == 10**30)", "PASS", "WRONG"),  # an integer is never tolerant
        ("def f(x): return x * abs(x)", "PASS", "WRONG"),
        ("def f(x): return [4, 9][x - 2] if x in (2, 3) else 1 / 0", "PASS", "ERROR"),
        ("def f(x): return 4", "WRONG", "WRONG"),
        ("import os\ndef f(x):\n  if x == -2: os._exit(0)\n  return x * x", "PASS", "ERROR"),
        ("class E(int):\n  __eq__ = lambda s, o: True\ndef f(x): return E()", "WRONG", "WRONG"),
        ("def f(x) return", "COMPILE", "COMPILE"),
    ],
)
def test_each_part_has_a_verdict_of_its_own(executor: Executor, program: str, base: str, plus: str) -> None:
    found = judged(executor, SQUARE, program)
    assert part_verdicts(SQUARE, found) == {"base": base, "plus": plus}, found.message
    assert found.verdict == (base if base != "PASS" else plus)


def test_a_problem_whose_reference_fails_says_so_whatever_the_program(executor: Executor) -> None:
    problem = replace(SQUARE, references=("def f(x): return [].pop() if x == 0.5 else x * x",))
    for program in (problem.references[0], "def f(x): return x * x"):
        found = judged(executor, problem, program)
        assert found.verdict is Verdict.ERROR and "the reference does not answer input 1 of plus" in found.message
    assert judged(executor, replace(problem, references=()), "def f(x): return x").verdict is Verdict.ERROR


def test_an_input_whose_answer_is_too_large_for_the_wall_is_left_out(executor: Executor) -> None:
    problem = replace(SQUARE, references=("def f(x): return [0] * (1 << 22) if x == -2 else x * x",))
    assert judged(executor, problem, "def f(x): return x * x").verdict is Verdict.PASS


def test_another_way_to_read_the_task_is_right_too(executor: Executor) -> None:
    test = OracleTest("base", ((3,), (4,)), alternatives=("def f(x): return 0",))
    problem = replace(SQUARE, hidden_tests=(test,))
    assert judged(executor, problem, "def f(x): return 0").verdict is Verdict.PASS
    assert judged(executor, problem, "def f(x): return x * x if x == 3 else 0").verdict is Verdict.PASS
    assert judged(executor, problem, "def f(x): return 1").verdict is Verdict.WRONG


def test_oracle_calls_stand_beside_others_and_have_coverage(executor: Executor) -> None:
    problem = replace(SQUARE, hidden_tests=(CallTest((5,), 25), *SQUARE.hidden_tests))
    program = "def f(x):\n  if x < 0:\n    return x * x\n  return x * x"
    found = judged(executor, problem, program, coverage=True)
    assert found.verdict is Verdict.PASS
    negative = next(span for span in found.statements or () if program[slice(*span)] == "return x * x")
    ran = [negative in (test.executed or ()) for test in found.tests]
    assert ran == [False, False, True]


@pytest.mark.parametrize(
    ("rule", "actual", "expected", "right"),
    [
        ("set", [3, 1, 1], [1, 3], True),
        ("set", (1, 3), [3, 1], True),
        ("set", [1], [1, 3], False),
        ("set", [1, 3, 4], [1, 3], False),
        ("set", [[1]], [1], False),
        ("set", 5, [1], False),
        ("not-none", True, "a match", True),
        ("not-none", "another", "a match", True),
        ("not-none", None, None, True),
        ("not-none", False, "a match", False),
        ("not-none", "something", None, False),
        ("root", 2.0, 0.5, True),
        ("root", -2, 0.5, True),
        ("root", 1.9, 0.5, False),
        ("root", 1e200, 0.5, False),
        ("root", "2", 0.5, False),
        ("anything", object(), 1, True),
    ],
)
def test_the_rules_for_what_is_right(rule: str, actual: object, expected: object, right: bool) -> None:
    assert RULES[rule](actual, expected, [[-4, 0, 1]], 1e-4) is right


def test_an_oracle_test_is_written_and_read() -> None:
    test = OracleTest("plus", ((1, (2, 3)), ({4},)), "set", ("def f(x): return x",))
    problem = replace(SQUARE, hidden_tests=(*SQUARE.hidden_tests, test))
    assert from_record(to_record(problem), problem.uri) == problem
    assert len(ProblemSet.of([problem]).sha256) == 64


def test_mbpp_plus_has_its_tuples_sets_and_complex_numbers_again(data_folder) -> None:
    problems = load_problems("mbppplus")
    assert len(problems) == 378
    first = {uri: problems[f"mbppplus/{uri}"].hidden_tests[0].inputs[0] for uri in (2, 63, 106, 124, 252, 580)}
    assert first[2] == ((3, 4, 5, 6), (5, 7, 4, 10))
    assert type(first[63][0]) is list and type(first[63][0][0]) is tuple
    assert type(first[106][0]) is list and type(first[106][1]) is tuple
    assert [type(value) for value in first[124]] == [float, complex]
    assert type(first[252][0]) is complex
    assert type(first[580][0]) is tuple
    assert problems["mbppplus/3"].statement == "Write a python function to identify non-prime numbers."
    assert problems["mbppplus/3"].public_tests[0].source == "assert is_not_prime(2) == False"


@pytest.mark.parametrize(("spec", "step"), [("humanevalplus-mini", 8), ("mbppplus", 25)])
def test_references_of_some_problems_pass(data_folder, executor: Executor, spec: str, step: int) -> None:
    problems = load_problems(spec)
    chosen = [problems[uri] for uri in problems.uris[1::step]]
    found = executor.run([Job(problem, problem.references[0]) for problem in chosen])
    assert {o.verdict for o in found} == {Verdict.PASS}, [o.message for o in found if o.message]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("layers", [LAYERS, tuple(name for name in LAYERS if name != "namespaces")])
@pytest.mark.parametrize(("spec", "count"), [("humanevalplus-mini", 164), ("mbppplus", 378), ("humanevalplus", 164)])
def test_every_reference_passes_at_both_isolation_levels(data_folder, spec: str, count: int, layers) -> None:
    problems = list(load_problems(spec))
    with Executor(layers=layers, cache=False) as executor:
        found = executor.run([Job(problem, problem.references[0]) for problem in problems])
    assert [p.uri for p, o in zip(problems, found, strict=True) if o.verdict is not Verdict.PASS] == []
    assert len(found) == count


def test_a_program_may_say_as_much_as_the_reference_does(executor: Executor) -> None:
    limits = Limits(seconds=30.0, output_bytes=100_000)
    inputs = tuple((n,) for n in range(4))
    problem = Problem(
        "t/long", "", "f", references=("def f(x): return 'x' * 90_000",), hidden_tests=(OracleTest("plus", inputs),),
        limits=limits,
    )  # fmt: skip
    programs = ["def f(x): return 90_000 * 'x'", "def f(x): return 'x' * 99_000", "def f(x): return 'x' * 110_000"]
    found = executor.run([Job(problem, program) for program in programs])
    assert [outcome.verdict for outcome in found] == [Verdict.PASS, Verdict.WRONG, Verdict.OUTPUT]
