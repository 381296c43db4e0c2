"""Where episodes begin: fractions, conditionals, prefixes, and the curriculum that moves them."""

from __future__ import annotations

import copy
import itertools
import math
import pickle

import pytest

import codegym
from codegym.envs.errors import OptionError
from codegym.envs.mdp.start_states import (
    conditional_cuts,
    resolve_starts,
    stages,
    start_form,
    start_label,
    start_of,
)
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem

SOLUTION = '''def f(xs):
    """Docs."""
    total = 0

    for x in xs:
        if x > 0:
            total += x
        elif x < -5:
            total -= 1
    while total > 100:
        try:
            total //= 2
        except ValueError: pass
    return [y for y in [total] if y]'''


def problem(solution: str = SOLUTION, starter: str = "def f(xs):", uri: str = "test/0") -> Problem:
    return Problem(uri, "", "f", references=(solution + "\n",), starter=starter)


# Fractions


def test_a_fraction_gives_that_share_of_the_lines_after_the_given_text():
    lines = SOLUTION.split("\n")
    assert start_of(problem(), 0).text == "def f(xs):"
    assert start_of(problem(), 1.0).text == SOLUTION
    assert start_of(problem(), 0.5).text == "\n".join(lines[: 1 + 6])
    assert start_of(problem(), 0.29).text == "\n".join(lines[: 1 + 3]).rstrip("\n")
    assert start_of(problem(starter=""), 1 / 14).text == "def f(xs):"


@pytest.mark.parametrize("fraction", [-0.1, 1.5, math.nan])
def test_a_fraction_lies_between_0_and_1(fraction):
    with pytest.raises(OptionError, match=r"0\.\.1"):
        start_of(problem(), fraction)


def test_every_start_of_every_set_is_a_prefix_of_the_solution_that_ends_in_no_newline():
    sample = [*load_problems("humaneval"), *itertools.islice(load_problems("katas"), 0, 400, 3)]
    for one in sample:
        solution = one.references[0].rstrip("\n")
        starts = [start_of(one, k / 7) for k in range(8)]
        starts += [start_of(one, {"conditional": k}) for k in range(len(conditional_cuts(one)))]
        for start in starts:
            assert solution.startswith(start.text) and start.text.startswith(one.given), one.uri
            assert not start.text.endswith("\n"), one.uri
        assert starts[7].text == solution and starts[0].text == one.given


# Conditionals


def test_a_conditional_start_ends_before_the_newline_of_its_line():
    first_words = [SOLUTION[len(start_of(problem(), {"conditional": k}).text) :].split()[0] for k in range(5)]
    assert first_words == ["for", "if", "elif", "while", "try:"]
    start = start_of(problem(), {"conditional": 1})
    assert start.text.endswith("for x in xs:") and start.value == 1 and start.kind == "conditional"


def test_conditionals_inside_the_given_text_do_not_count():
    prompt = "def g(x):\n    if x:\n        return 1\n\n\ndef f(x):\n"
    one = problem(prompt + "    if x:\n        return g(x)\n    return 0", starter=prompt)
    assert len(conditional_cuts(one)) == 1
    assert start_of(one, {"conditional": 0}).text == prompt.rstrip("\n")


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("x = 1", 0),
        ("if a: pass", 1),
        ("x = 1 if a else 2", 0),
        ("async def f():\n    async for x in y:\n        pass", 1),
        ("match x:\n    case 1:\n        pass", 1),
        ("try:\n    pass\nfinally:\n    pass", 1),
        ("[x for x in y if x]", 0),
        ("@d\ndef f():\n\twhile 1:\n\t\tif 2:\n\t\t\tpass", 2),
        ("# é\ns = 'ü'\nif s:\n    pass", 1),
        ("with a:\n    for b in c: d()\nelse_ = 1", 1),
        ("if a:\n    pass\nelif b:\n    pass\nelse:\n    pass", 2),
        ('x = """\nif not real:\n"""\nif real:\n    pass', 1),
    ],
)
def test_what_counts_as_a_conditional(source, count):
    assert len(conditional_cuts(problem(source, starter=""))) == count


@pytest.mark.parametrize("index", [5, -1, 1.0, True, "0"])
def test_a_conditional_that_is_not_there_is_refused(index):
    with pytest.raises(OptionError, match=r"0\.\.4"):
        start_of(problem(), {"conditional": index})


# Other forms


def test_prefixes_are_taken_as_they_are_without_newlines_at_the_end():
    assert start_of(problem(), {"prefix": "def f(xs):\n    return\n\n"}).text == "def f(xs):\n    return"


def test_the_form_in_episodes_begins_the_same_episode_again():
    for option in (0.4, {"conditional": 2}, {"prefix": "x"}, "question"):
        start = start_of(problem(), option)
        assert start_of(problem(), start_form(start)) == start
        assert "text" not in start_label(start)


@pytest.mark.parametrize("option", [{"conditionl": 1}, "answer", {"prefix": 3}, True, {}])
def test_unknown_starts_are_refused(option):
    with pytest.raises(OptionError, match="conditional"):
        start_of(problem(), option)


def test_a_start_inside_the_solution_needs_a_solution():
    with pytest.raises(OptionError, match="no reference"):
        start_of(Problem("test/0", "", "f"), 0.5)


# The closed form of CCCS


def test_the_table_of_the_design():
    assert stages(0) == (None,)
    assert stages(1) == (0, None)
    assert stages(2) == (1, 0, None)
    assert stages(5) == (4, 2, 0, None)
    assert stages(9) == (6, 3, 0, None)


@pytest.mark.parametrize("conditionals", range(51))
def test_stages_are_the_closed_form_and_move_strictly_to_the_beginning(conditionals):
    found = stages(conditionals)
    n = math.ceil(math.sqrt(conditionals))
    if n:
        stride = math.ceil(conditionals / n)
        assert found == (*(stride * (c - 1) for c in range(n, 0, -1)), None)
        assert found[0] < conditionals and found[-2] == 0
    assert len(found) == n + 1 and found[-1] is None
    assert all(a > b for a, b in itertools.pairwise(found[:-1]))


# The schedule


def test_success_moves_the_start_back_stage_by_stage():
    curriculum, one = codegym.CCCS(window=16), problem()
    cuts = conditional_cuts(one)
    seen = []
    while True:
        start = curriculum.start(one)
        seen.append((start.value, start.text))
        if start.value == 0:
            break
        for _ in range(16):
            assert curriculum.start(one) == start, "16 episodes are needed"
            curriculum.record(one, start, True)
    solution = one.references[0]
    assert [value for value, _ in seen] == [3, 2, 1, 0]
    assert [text for _, text in seen] == [*(solution[: cuts[k]].rstrip("\n") for k in (4, 2, 0)), one.given]


def test_the_success_rate_must_exceed_rho_over_the_window():
    curriculum, one = codegym.CCCS(rho=0.5, window=4), problem()
    start = curriculum.start(one)
    for success in (True, False, True, False, True, False):
        curriculum.record(one, start, success)
    assert curriculum.start(one) == start, "one half does not exceed one half"
    curriculum.record(one, start, True)
    assert curriculum.start(one) == start, "F T F T"
    curriculum.record(one, start, True)
    assert curriculum.start(one) != start, "T F T T"


def test_progress_is_kept_per_problem_and_for_katas_per_family_and_stage():
    curriculum = codegym.CCCS(window=1)
    one, two = problem(), problem(uri="test/1")
    curriculum.record(one, curriculum.start(one), True)
    assert curriculum.start(one).value == 2 and curriculum.start(two).value == 3
    kata, other = problem(uri="katas/loops/1"), problem(uri="katas/loops/2")
    curriculum.record(kata, curriculum.start(kata), True)
    assert curriculum.start(other).value == 2
    fewer = problem("def f(xs):\n    if xs:\n        pass\n    for x in xs: pass", uri="katas/loops/3")
    assert curriculum.start(fewer).value == 2, "stage 2 of the family is not passed yet"


def test_episodes_that_began_elsewhere_do_not_count():
    curriculum, one = codegym.CCCS(window=1), problem()
    before = curriculum.start(one)
    curriculum.record(one, start_of(one, 0.5), True)
    assert curriculum.start(one) == before


def test_a_curriculum_copies_to_itself_pickles_with_its_progress_and_has_a_json_form():
    curriculum, one = codegym.CCCS(rho=0.25, window=2, kinds=("If", "For")), problem()
    curriculum.record(one, curriculum.start(one), True)
    curriculum.record(one, curriculum.start(one), True)
    assert copy.deepcopy(curriculum) is curriculum
    assert pickle.loads(pickle.dumps(curriculum)).start(one) == curriculum.start(one)
    again = resolve_starts(curriculum.spec)
    assert (again.rho, again.window, again.kinds) == (0.25, 2, ("If", "For"))
    assert resolve_starts(codegym.CCCS().spec).window == 16


@pytest.mark.parametrize("arguments", [{"rho": 2}, {"window": 0}, {"kinds": ["Iff"]}])
def test_a_curriculum_with_impossible_settings_is_refused(arguments):
    with pytest.raises(OptionError):
        codegym.CCCS(**arguments)


@pytest.mark.parametrize("option", ["curiculum", {"name": "other"}, 3])
def test_an_unknown_start_argument_is_refused(option):
    with pytest.raises(OptionError, match="curriculum"):
        resolve_starts(option)
