"""Overlap between sets: n-grams against their definition, programs that are equal but for names, common origins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegym.cli import main
from codegym.envs.curation.overlap import COMMON, SEARCHED, n_grams, overlap, program_hash, run_overlap
from codegym.envs.errors import OptionError
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Problem

WORDS = [f"w{number}" for number in range(30)]


def problem(uri: str, text: str, program: str = "", base: str = "") -> Problem:
    return Problem(
        uri=uri,
        statement=text,
        entry_point="f",
        references=(program,) if program else (),
        hidden_tests=(CallTest((), 1),),
        base=base,
    )


@pytest.mark.parametrize("length", [1, 9, 10, 11, 30])
def test_n_grams_are_the_runs_of_n_words(length: int) -> None:
    assert len(n_grams(WORDS[:length], 10)) == max(length - 9, 1)
    assert n_grams(WORDS[:length], 10) >= n_grams(WORDS[:10], 10) or length < 10
    assert n_grams([], 10) == set() and n_grams(["a", "b"], 1) == n_grams(["b", "a"], 1)


def test_words_are_the_share_of_the_first_problems_n_grams() -> None:
    first = problem("a/1", " ".join(WORDS[:20]))  # 11 10-grams
    second = problem("b/1", "Intro. " + " ".join(WORDS[4:20]).upper() + " outro.")  # 7 of them
    (match,) = overlap([first], [second]).matches
    assert (match.first, match.second, match.words) == ("a/1", "b/1", round(7 / 11, 4))
    assert overlap([first], [second], n=17).matches == ()
    assert overlap([first], [second]).summary()["same_words"] == 1
    with pytest.raises(OptionError, match="at least one word"):
        overlap([first], [second], n=0)


def test_phrases_of_many_problems_are_nobodys() -> None:
    first = problem("a/1", " ".join(WORDS[:10]) + " alone")
    others = [problem(f"b/{number}", " ".join(WORDS[:10]) + f" x{number}") for number in range(COMMON + 1)]
    assert overlap([first], others[:-1]).matches[0].words == 0.5
    assert overlap([first], others).matches == ()


PROGRAM = '''import math
def area(radius: float) -> float:
    """The area."""
    # a comment
    square = radius ** 2
    if square > 10:
        square = square + 1
    return square * 3
'''
RENAMED = """def f(r):
    s = r ** 2
    if s > 10:
        s = s + 1

    return s * 3
"""


def test_programs_are_equal_but_for_names_comments_docstrings_annotations_and_imports() -> None:
    assert program_hash(PROGRAM) == program_hash(RENAMED) != ""
    for other in (
        RENAMED.replace("10", "11"),
        RENAMED.replace("> 10", ">= 10"),
        RENAMED.replace("s = s + 1", "s = r + 1"),
        RENAMED.replace("* 3", "* 3.0"),
        RENAMED.replace("s > 10", "s.x > 10"),
        RENAMED.replace("r ** 2", "abs(r)"),
    ):
        assert program_hash(other) not in ("", program_hash(RENAMED))
    assert program_hash(RENAMED.replace("s > 10", "s.x > 10")) != program_hash(RENAMED.replace("s > 10", "s.y > 10"))
    assert program_hash(RENAMED.replace("r ** 2", "abs(r)")) != program_hash(RENAMED.replace("r ** 2", "bin(r)"))
    assert program_hash("def f(x):\n    return x") == program_hash("def f(:") == ""


def test_programs_that_differ_in_where_a_thing_stands_differ() -> None:
    body = "def f(xs):\n    ys = sorted(xs, reverse=True)\n    if ys:\n        {}\n    return {}"
    programs = [
        body.format("ys.pop()", "ys[2:]"),
        body.format("ys.pop()", "ys[:2]"),
        body.format("ys.pop()", "ys[::2]"),
        body.format("ys.pop()\n        xs.pop()", "ys[2:]"),
        body.format("ys.pop()\n    else:\n        xs.pop()", "ys[2:]"),
        body.format("ys.pop()", "None"),
    ]
    assert len({program_hash(program) for program in programs}) == len(programs)


def test_cpp_programs_are_compared_without_white_space_comments_and_includes() -> None:
    body = "return y + " + " * ".join(["x"] * 20) + ";"
    program = f"#include <vector>\nint f(int x) {{\n  // twice\n  int y = 2 * x; /* so */\n  {body}\n}}\n"
    bare = f"int f(int x) {{ int y = 2 * x; {body} }}"
    assert program_hash(program, "cpp") == program_hash(bare, "cpp") != ""
    assert program_hash(bare.replace("2", "3"), "cpp") != program_hash(bare, "cpp")


def test_each_problem_gets_its_nearest_and_origins_come_first() -> None:
    first = [problem("a/1", "one thing", PROGRAM), problem("a/2", "another thing", base="x/7"), problem("a/3", "none")]
    second = [problem("b/1", "unlike", RENAMED), problem("b/2", "unlike too", base="x/7"), problem("x/7", "origin")]
    found = overlap(first, second)
    by_first = {match.first: match for match in found.matches}
    assert set(by_first) == {"a/1", "a/2"}
    assert by_first["a/1"].second == "b/1" and by_first["a/1"].program and not by_first["a/1"].base
    assert by_first["a/2"].second in ("b/2", "x/7") and by_first["a/2"].base
    assert found.summary() == {
        "problems": 3,
        "others": 3,
        "any_words": 0,
        "same_words": 0,
        "same_program": 1,
        "same_base": 1,
        "contaminated": 2,
    }


def test_one_set_under_two_names_is_found_whole(data_folder: Path) -> None:
    found = overlap(load_problems("humaneval-x"), load_problems("humaneval")).summary()
    assert found["same_base"] == found["contaminated"] == 164
    assert found["same_words"] == 164  # the statements are the same texts
    assert found["same_program"] >= 100  # the rest is small: few nodes are no evidence
    puzzles = load_problems("p3")[:200]
    reworked = sum(bool(puzzle.base) for puzzle in puzzles)  # from HumanEval
    assert overlap(puzzles, load_problems("humaneval")).summary()["same_base"] == reworked > 50


def test_a_run_searches_a_spread_of_its_training_set() -> None:
    problems = load_problems("katas")
    train, test = problems.split("train").uris, problems.split("test").uris[:3]
    found = run_overlap(problems, train, test)
    assert (found["problems"], found["others"], found["of"]) == (3, SEARCHED, len(train))
    assert run_overlap(problems, test, test)["same_base"] == 3  # trained on the test set
    assert run_overlap(problems, (), test)["others"] == 0


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": 1, "statement": "x", "entry_point": "f", "references": [PROGRAM], "hidden_tests": []}]
    rows[0]["hidden_tests"] = [{"kind": "call", "args": [1], "expected": 3}]  # type: ignore[assignment]
    (tmp_path / "a.jsonl").write_text(json.dumps(rows[0]))
    (tmp_path / "b.jsonl").write_text(json.dumps({**rows[0], "references": [RENAMED], "statement": "y"}))
    words = ["problems", "overlap", f"jsonl:{tmp_path / 'a.jsonl'}", f"jsonl:{tmp_path / 'b.jsonl'}"]
    assert main([*words, "--json", str(tmp_path / "out.json")]) == 0
    out = capsys.readouterr().out
    assert "a/1" in out and "1 shared, of them 0 with at least 50%" in out and "1 with an equal program" in out
    stored = json.loads((tmp_path / "out.json").read_text())
    assert stored["summary"]["contaminated"] == 1 and stored["matches"][0]["second"] == "b/1" and stored["n"] == 10
    assert main(["problems", "overlap", "humaneval", "humanevla"]) == 2
