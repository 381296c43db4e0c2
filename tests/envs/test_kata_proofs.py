"""Mutation, wider inputs and the proofs about katas; the tier in C++; problems written by hand."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from codegym.envs.curation import claims
from codegym.envs.curation.claims import phrasing_faults, problem_faults, set_faults, unmeasured
from codegym.envs.curation.kata_proofs import prove_tests, split_faults, statement_faults, wrong_programs
from codegym.envs.curation.mutation import OPERATORS, mutants
from codegym.envs.curation.repeats import normal_form, repeats
from codegym.envs.curation.wider_inputs import answers, wider_inputs
from codegym.envs.execution.executor import shared_executor
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.katas.registry import FAMILIES
from codegym.envs.problems.katas.source import problem as kata
from codegym.envs.problems.problem import CallTest, Problem, StdioTest

DOUBLE = Problem(
    uri="tests/double",
    statement="Return twice n.",
    entry_point="f",
    starter="def f(n):",
    references=("def f(n):\n    return 2 * n",),
    public_tests=(CallTest((3,), 6),),
    hidden_tests=(CallTest((5,), 10),),
)


def test_each_operator_changes_one_thing() -> None:
    source = (
        "def f(x):\n    a = sorted([x, 2], reverse=True)[1:]\n    if not x > 1 and True:\n        a.append('t')\n"
        "    return a + [x - 1]"
    )
    made = mutants(source)
    assert {mutant.operator for mutant in made} == set(OPERATORS)
    assert len({mutant.source for mutant in made}) == len(made)
    changes = {mutant.source for mutant in made}
    assert source.replace("x > 1", "x >= 1") in changes and source.replace(", reverse=True", "") in changes
    assert source.replace("not x > 1", "x > 1") in changes and source.replace("a.append('t')", "pass") in changes
    assert source not in changes
    assert "y = x + 1" in {mutant.source for mutant in mutants("y = abs(x) + 1")}


def test_wider_inputs_are_those_on_which_the_references_agree() -> None:
    both = Problem(**{**vars(DOUBLE), "references": (DOUBLE.references[0], "def f(n):\n    return abs(n) + n")})
    wider = wider_inputs(both, [(-7,), (8,), ("text",)], 40)
    assert ((8,), ("int", 16)) in wider
    assert all(item[0] >= 0 and right == ("int", 2 * item[0]) for item, right in wider)


def test_answers_ends_what_does_not_end() -> None:
    assert answers("def f(n):\n    while True:\n        n += 1", "f", [(1,)])[0].__name__ == "TooLong"
    assert answers("print(int(input()) + 1)", None, ["4\n"]) == [["5"]]


def test_a_weak_set_of_tests_is_found_out() -> None:
    family = FAMILIES["rules-chain-2"]
    proof = prove_tests(family, shared_executor(), 1)
    assert proof.problems == 1 and proof.mutants == proof.killed + proof.equivalent + len(proof.missed)
    assert proof.score >= 0.9 and proof.wrong == proof.wrong_killed > 10 and not proof.faults
    proof.missed += ["x"] * proof.killed
    proof.wrong_passed.append("katas/x/1: return 0")
    assert len(proof.faults) == 2


def test_wrong_programs_know_the_public_tests() -> None:
    programs = dict(wrong_programs(DOUBLE, [DOUBLE]))
    table = programs["the public tests in a table, else 0"]
    assert answers(table, "f", [(3,), (5,)]) == [("int", 6), ("int", 0)]
    assert programs["return n"] == "def f(n):\n    return n"


def test_the_normal_form_forgets_names_but_not_kinds() -> None:
    other = Problem(**{**vars(DOUBLE), "references": ("def twice(number):\n    return 2 * number",)})
    words = Problem(**{**vars(DOUBLE), "public_tests": (CallTest(("ab",), "abab"),), "hidden_tests": ()})
    assert normal_form(DOUBLE) == normal_form(other) != normal_form(words)


def test_of_two_equal_problems_the_one_that_ranks_lower_goes() -> None:
    def again(uri: str, **fields: object) -> Problem:
        return Problem(**{**vars(DOUBLE), "uri": uri, **fields})

    longer = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total"
    other = ("def f(xs):\n    return len(xs)", longer)
    tiny, written = again("tests/tiny", tags=("tiny",)), again("tests/written", tags=("written",))
    plain = again("tests/plain")
    assert repeats([("train", plain), ("train", written), ("test", tiny)]) == [
        ("tests/plain", "tests/tiny"),
        ("tests/written", "tests/tiny"),
    ]
    assert repeats([("train", plain), ("test", DOUBLE)]) == [("tests/plain", "tests/double")]
    first, second = again("tests/a", references=(longer,)), again("tests/b", references=other)
    assert repeats([("train", first), ("train", second)]) == []  # one solves both, but they are not one problem
    assert repeats([("train", first), ("test", second)]) == [("tests/a", "tests/b")]


def test_faults_of_statements_and_splits_are_named() -> None:
    telling = Problem(**{**vars(DOUBLE), "statement": "Write: return 2 * n. So f(5) == 10."})
    assert len(statement_faults(telling)) == 2 and not statement_faults(DOUBLE)
    assert not any(split_faults(family) for family in list(FAMILIES.values())[::9])


def test_what_a_kata_lacks_is_named() -> None:
    whole = kata("katas/rules-chain-2/3")
    assert problem_faults(whole) == []
    lacks = {
        "statement": " ",
        "signature": ("starter", ""),
        "reference": ("references", ()),
        "public test": ("public_tests", ()),
        "hidden test": ("hidden_tests", ()),
        "pseudocode in three actions": ("pseudocode", (whole.pseudocode[0], whole.pseudocode[-1].lower())),
        "2 to 8 conditionals": ("conditionals", 9),
    }
    for what, change in lacks.items():
        name, value = change if isinstance(change, tuple) else (what, change)
        assert f"{whole.uri}: it has no {what}" in problem_faults(replace(whole, **{name: value}))


def test_what_there_is_too_little_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set_faults(60) == set_faults(None) == []
    assert set_faults(59) == ["59 problems of the tier in C++, 60 are claimed"]
    monkeypatch.setitem(claims.LEAST, "problems written by hand", 151)
    assert set_faults(60) == ["150 problems written by hand, at least 151 are claimed"]
    assert unmeasured(["katas/common-lists/0", "katas/digits/0"]) == ["katas/digits/0"]
    assert not phrasing_faults("katas/digits/0") and phrasing_faults("katas/one-operation/0")


def test_the_tier_in_cpp_has_twins_in_the_same_split() -> None:
    tier = load_problems("katas:cpp")
    assert len(tier) == 60 and all(uri not in load_problems("katas") for uri in tier.uris)
    for split in tier.splits:
        originals = load_problems("katas", split)
        for problem in tier.split(split):
            assert problem.language == "cpp" and problem.base in originals and "int main()" in problem.references[0]
            assert problem.tests() == kata(problem.base).tests() and "```cpp" in problem.pseudocode[-1]


def test_a_reference_in_cpp_does_what_the_tests_say(tmp_path: Path) -> None:
    for uri in load_problems("katas:cpp").uris[::30]:
        problem = kata(uri)
        (tmp_path / "a.cpp").write_text(problem.references[0])
        subprocess.run(["g++", "-std=c++17", "-o", tmp_path / "a", tmp_path / "a.cpp"], check=True)
        for test in problem.tests():
            assert isinstance(test, StdioTest)
            ran = subprocess.run([tmp_path / "a"], input=test.stdin, capture_output=True, text=True, check=True)
            assert ran.stdout.split() == test.stdout.split()


def test_150_problems_are_written_by_hand() -> None:
    written = load_problems("katas:written")
    assert len(written) == 150
    assert sum("written" not in family.tags for family in FAMILIES.values()) >= 80
