"""ProblemSet and load_problems: order, splits, hashes, laziness, and errors that teach."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest

from codegym.envs.errors import OptionError
from codegym.envs.problems.catalog import load_problems, set_names
from codegym.envs.problems.problem import CallTest, Problem
from codegym.envs.problems.problem_set import ProblemSet, Source


def problem(name: str, answer: int = 1) -> Problem:
    return Problem(f"mine/{name}", "Return the answer.", "f", hidden_tests=(CallTest((), answer),), licence="MIT")


def test_a_set_of_problems_is_a_sequence_with_uris() -> None:
    problems = ProblemSet.of([problem("a"), problem("b"), problem("c")], name="mine")
    assert len(problems) == 3 and problems.uris == ("mine/a", "mine/b", "mine/c")
    assert problems[1] is problems["mine/b"] and problems[-1].uri == "mine/c"
    assert [p.uri for p in problems] == list(problems.uris)
    assert "mine/a" in problems and problem("a") in problems and "mine/d" not in problems
    assert problems[:2].uris == ("mine/a", "mine/b")
    assert problems.splits == () and problems.default_split("train") is problems
    assert problems.licence == "MIT"


def test_two_problems_with_one_uri_are_refused() -> None:
    with pytest.raises(OptionError, match="mine/a"):
        ProblemSet.of([problem("a"), problem("b"), problem("a", 2)])


def test_the_hash_covers_content_and_order() -> None:
    one, other = problem("a"), problem("b")
    base = ProblemSet.of([one, other]).sha256
    assert len(base) == 64 and base == ProblemSet.of([problem("a"), problem("b")]).sha256
    assert base != ProblemSet.of([other, one]).sha256
    assert base != ProblemSet.of([one]).sha256
    assert base != ProblemSet.of([problem("a", 2), other]).sha256
    assert base != ProblemSet.of([replace(one, limits=replace(one.limits, seconds=1.0)), other]).sha256


def test_problems_are_built_when_they_are_asked_for_and_once() -> None:
    built = []

    def build(uri: str) -> Problem:
        built.append(uri)
        return problem(uri.split("/")[1])

    source = Source("mine", "mine", {"train": ("mine/a", "mine/b"), "test": ("mine/c",)}, build, lambda: "0")
    problems = ProblemSet(source)
    assert problems.uris == ("mine/a", "mine/b", "mine/c") and problems.sha256 and not built
    assert problems["mine/b"] is problems[1]
    assert built == ["mine/b"]


def test_splits_divide_a_set() -> None:
    katas = load_problems("katas")
    parts = [katas.split(name) for name in katas.splits]
    assert katas.splits == ("train", "validation", "test")
    assert sorted(uri for part in parts for uri in part.uris) == sorted(katas.uris)
    assert katas.default_split("train").uris == parts[0].uris and katas.default_split("test").uris == parts[2].uris
    assert parts[2].splits == () and parts[2].split("test") is parts[2]
    assert parts[2].spec == "katas[test]" and load_problems(parts[2].spec) == parts[2] != katas
    with pytest.raises(OptionError, match="Did you mean 'train'"):
        katas.split("trian")
    with pytest.raises(OptionError, match="'train'"):
        parts[2].split("train")


@pytest.mark.parametrize("spec", ["humaneval", "katas", "katas:easy,list-filter-sum", "katas[validation]"])
def test_a_set_survives_copies_and_pickling_by_its_spec(spec: str) -> None:
    problems = load_problems(spec)
    assert copy.deepcopy(problems) is problems and copy.copy(problems) is problems
    assert load_problems(problems) is problems
    text = pickle.dumps(problems)
    assert len(text) < 300
    again = pickle.loads(text)
    assert again == problems and again.spec == spec and again[0] == problems[0]


def test_a_list_of_problems_is_a_set_and_pickles_with_its_problems() -> None:
    problems = load_problems([problem("a"), problem("b")])
    again = pickle.loads(pickle.dumps(problems))
    assert again == problems and list(again) == list(problems)


def test_unknown_names_are_errors_that_name_the_known_ones() -> None:
    with pytest.raises(OptionError, match=r"'humanevla'\. Did you mean 'humaneval'\? Known: .*katas, .*mbpp"):
        load_problems("humanevla")
    with pytest.raises(OptionError, match="Did you mean 'list-filter-sum'"):
        load_problems("katas:list-filter-sun")
    with pytest.raises(OptionError, match="humaneval"):
        load_problems("humaneval:PATH")
    with pytest.raises(OptionError, match="jsonl:PATH"):
        load_problems("jsonl")
    with pytest.raises(OptionError, match=r"No problem 'katas/digits/99999' in 'katas'"):
        load_problems("katas")["katas/digits/99999"]
    with pytest.raises(OptionError, match="split of"):
        load_problems("humaneval", "test")
    assert {"katas", "humaneval", "mbpp"} <= set(set_names())


def test_katas_can_be_chosen_by_family_and_tag() -> None:
    tiny = load_problems("katas:tiny")
    assert {uri.split("/")[1] for uri in tiny.uris} == {
        *(f"list-filter-{name}" for name in ("sum", "max", "min", "set", "list", "sort", "descending")),
        "two-numbers",
    }
    assert set(load_problems("katas:digits").uris) < set(load_problems("katas").uris)
