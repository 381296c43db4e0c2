"""A field that is made when it is first asked for cannot be told from one that was given."""

import copy
import dataclasses
import pickle

import pytest

from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Problem
from codegym.envs.problems.statistics import count_conditionals

PUBLIC = (CallTest((1,), 2),)


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def later(made: list[str]) -> Problem:
    def tests() -> tuple[CallTest, ...]:
        made.append("tests")
        return PUBLIC

    return Problem("s/1", "", "f", public_tests=tests, conditionals=lambda: made.append("conditionals") or 3)


NOW = Problem("s/1", "", "f", public_tests=PUBLIC, conditionals=3)


def test_it_is_made_once_and_only_if_asked_for(later, made):
    assert later.tests("all") == PUBLIC and later.number_of_tests("public") == 1 and later.public_tests is PUBLIC
    assert made == ["tests"]
    assert later.conditionals == later.conditionals == 3
    assert made == ["tests", "conditionals"]


@pytest.mark.parametrize(
    "look",
    [
        lambda problem: problem,
        hash,
        repr,
        copy.deepcopy,
        lambda problem: pickle.loads(pickle.dumps(problem)),
        lambda problem: dataclasses.replace(problem, uri="s/2"),
        dataclasses.asdict,
    ],
)
def test_whoever_looks_sees_the_value(later, look):
    assert look(later) == look(NOW)


def test_it_has_a_default_and_stays_frozen():
    plain = Problem("s/1", "", "f")
    assert plain.public_tests == () and plain.conditionals is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        plain.conditionals = 2


def test_humaneval_counts_and_reads_examples_when_asked():
    problem = load_problems("humaneval")["humaneval/0"]
    assert problem.conditionals == count_conditionals(problem.references[0]) == 4
    assert problem.public_tests == (
        CallTest(([1.0, 2.0, 3.0], 0.5), False),
        CallTest(([1.0, 2.8, 3.0, 4.0, 5.0, 2.0], 0.3), True),
    )
