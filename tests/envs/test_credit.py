"""Credit: which characters of a program share in its reward."""

from __future__ import annotations

import itertools
import math

import pytest

from codegym.envs.errors import OptionError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome, TestResult, Verdict
from codegym.envs.problems.problem import CallTest, Problem
from codegym.envs.rewards.credit import check_credit, credit_spans, executed_lines, largest_weights, silent_spans


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


def run(executor: Executor, program: str, *calls: tuple[object, object], entry: str = "f") -> Outcome:
    tests = tuple(CallTest((argument,), expected) for argument, expected in calls)
    problem = Problem("test/0", "", entry, hidden_tests=tests)
    return executor.run([Job(problem, program, coverage=True)])[0]


def weighed(program: str, spans) -> str:
    """The program with every character that weighs 0 replaced by a dot; newlines stay."""
    shown = ["?"] * len(program)
    for start, end, weight in spans:
        for at in range(start, end):
            shown[at] = program[at] if weight > 0 or program[at] == "\n" else "."
    return "".join(shown)


BRANCHES = '''def f(x):
    """Docs."""
    # why
    if x > 0:
        y = 1  # one
    else:
        y = 2
    for _ in range(0):
        y += 1
    return y'''

BRANCHES_RUN = """def f(x):
    ...........
    .....
    if x > 0:
        y = 1.......
.........
.............
    for _ in range(0):
..............
    return y"""


def test_statements_that_ran_weigh_1_and_comments_docstrings_and_the_rest_0(executor):
    outcome = run(executor, BRANCHES, (3, 1))
    assert outcome.verdict is Verdict.PASS
    assert weighed(BRANCHES, credit_spans(BRANCHES, outcome)) == BRANCHES_RUN
    assert executed_lines(BRANCHES, outcome) == (1, 4, 5, 8, 10)


def test_a_statement_counts_if_any_test_ran_it(executor):
    outcome = run(executor, BRANCHES, (3, 1), (-3, 2))
    shown = weighed(BRANCHES, credit_spans(BRANCHES, outcome))
    assert "    else:\n        y = 2" in shown and "y += 1" not in shown


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("def f(x):\n    if x: return 1\n    return 2", "def f(x):\n    if x: return 1\n............"),
        (
            "def f(x):\n    try:\n        y = 1 // x\n    except ZeroDivisionError:\n        y = 0\n    return 1",
            "def f(x):\n    try:\n        y = 1 // x\n.............................\n.............\n    return 1",
        ),
        (
            "import math\n\ndef g(z):\n    return z\n\ndef f(x):\n    return 1",
            "import math\n\ndef g(z):\n............\n\ndef f(x):\n    return 1",
        ),
        (
            "def f(x):\n    é = 'ü'; y = 1\n    if not x:\n        é = 'ñ'\n    return 1",
            "def f(x):\n    é = 'ü'; y = 1\n    if not x:\n...............\n    return 1",
        ),
        (
            "class C:\n    '''Doc.'''\n\n    def m(self):\n        return 0\n\ndef f(x):\n    return 1\n",
            "class C:\n    ..........\n\n    def m(self):\n................\n\ndef f(x):\n    return 1\n",
        ),
    ],
)
def test_the_rules_on_small_programs(executor, program, shown):
    outcome = run(executor, program, (5, 1))
    assert outcome.verdict is Verdict.PASS, outcome
    assert weighed(program, credit_spans(program, outcome)) == shown


def test_an_error_keeps_what_was_reached(executor):
    program = "def f(x):\n    y = x\n    y = y / 0\n    return y"
    outcome = run(executor, program, (5, 1))
    assert outcome.verdict is Verdict.ERROR
    assert weighed(program, credit_spans(program, outcome)) == "def f(x):\n    y = x\n    y = y / 0\n............"


def test_a_program_that_does_not_compile_weighs_1_everywhere(executor):
    program = "def f(x):\n    return (  # oops"
    outcome = run(executor, program, (5, 1))
    assert outcome.verdict is Verdict.COMPILE
    assert credit_spans(program, outcome, 9) == ((9, len(program), 1.0),)


def test_spans_are_a_partition_of_what_the_policy_wrote(executor):
    outcome = run(executor, BRANCHES, (3, 1))
    for given in (0, 9, 30, len(BRANCHES) - 1):
        spans = credit_spans(BRANCHES, outcome, given)
        assert spans[0][0] == given and spans[-1][1] == len(BRANCHES)
        assert all(a[1] == b[0] and a[2] != b[2] for a, b in itertools.pairwise(spans))
    assert credit_spans(BRANCHES, outcome, len(BRANCHES)) == ()


def test_without_credit_or_coverage_everything_weighs_1():
    outcome = Outcome(Verdict.WRONG, tests_total=1)
    assert credit_spans("x = 1", outcome, 0, None) == ((0, 5, 1.0),)
    assert credit_spans("x = 1", outcome, 2) == ((2, 5, 1.0),)


def test_ochiai_suspects_what_failing_tests_run_and_passing_ones_do_not(executor):
    outcome = run(executor, BRANCHES, (3, 1), (4, 1), (-3, 99))
    assert outcome.verdict is Verdict.WRONG
    weights = {BRANCHES[a:b].strip(): w for a, b, w in credit_spans(BRANCHES, outcome, 0, "ochiai")}
    # One failing test; `y = 2` runs in it alone, the rest in all three, `y = 1` only in the passing ones.
    assert weights["else:\n        y = 2"] == pytest.approx(1.0)
    assert weights["return y"] == pytest.approx(1 / math.sqrt(1 * 3))
    assert not any(w for text, w in weights.items() if "y = 1" in text)


def test_ochiai_is_coverage_where_all_tests_pass_or_all_fail(executor):
    for calls in ([(3, 1), (-3, 2)], [(3, 0), (-3, 0)]):
        outcome = run(executor, BRANCHES, *calls)
        assert credit_spans(BRANCHES, outcome, 0, "ochiai") == credit_spans(BRANCHES, outcome, 0, "coverage")


def test_ochiai_equals_its_definition_by_counting():
    spans = ((0, 5), (6, 11), (12, 17))
    ran = [((0, 5), (6, 11)), ((0, 5),), ((0, 5), (12, 17)), ((0, 5), (6, 11))]
    verdicts = [Verdict.WRONG, Verdict.PASS, Verdict.PASS, Verdict.ERROR]
    tests = tuple(TestResult(v, executed=r) for v, r in zip(verdicts, ran, strict=True))
    outcome = Outcome(Verdict.WRONG, tests, 4, statements=spans, executed=spans)
    found = {span[:2]: span[2] for span in credit_spans("a = 1;b = 2;c = 3", outcome, 0, "ochiai")}
    assert found[(0, 5)] == pytest.approx(2 / math.sqrt(2 * 4))
    assert found[(5, 11)] == pytest.approx(2 / math.sqrt(2 * 2))
    assert found[(11, 17)] == 0.0


def test_a_range_takes_the_largest_weight_that_it_touches():
    spans = ((0, 4, 0.0), (4, 6, 0.5), (6, 9, 1.0))
    assert largest_weights([(0, 2), (3, 5), (5, 7), (4, 6), (9, 9)], spans) == (0.0, 0.5, 1.0, 0.5, 1.0)


def test_silent_text_is_found_in_both_languages():
    cpp = 'int x = 1; // one\nauto s = "// no"; /* two\nlines */ int y;'
    assert [cpp[a:b] for a, b in silent_spans(cpp, "cpp")] == ["// one", "/* two\nlines */"]
    assert silent_spans("s = '# no'", "python") == ()


def test_an_unknown_credit_is_refused():
    assert check_credit(None) is None
    with pytest.raises(OptionError, match="Did you mean 'coverage'"):
        check_credit("covrage")
