"""Statements and prompts: what agents read, and that a model's input never ends in a newline."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Problem, ScriptTest, StdioTest
from codegym.envs.problems.statement import literal, prompt, public_test_lines, statement, test_line


def check_prompt(problem: Problem) -> None:
    text = prompt(problem)
    assert not (text + problem.given).endswith("\n"), problem.uri
    assert text == "" or bool(problem.given) == text.endswith("\n"), problem.uri


@pytest.mark.parametrize("spec", ["humaneval", "katas[test]"])
def test_a_model_s_input_never_ends_in_a_newline(spec: str) -> None:
    for problem in load_problems(spec):
        check_prompt(problem)


def test_outside_sets_too(data_folder: Path) -> None:
    for spec in ("mbpp[test]", f"apps:{data_folder / 'apps-mini/apps_mini.jsonl.gz'}"):
        for problem in load_problems(spec):
            check_prompt(problem)


def test_a_kata_reads_as_comments_before_its_first_line() -> None:
    problem = Problem(
        "katas/x/0",
        "Add one.\nTo x.",
        "f",
        references=("def f(x):\n    return x + 1",),
        public_tests=(CallTest((1,), 2), CallTest(([], "a"), (1,), (("k", {2, 1}),))),
        starter="def f(x):",
    )
    assert prompt(problem) == "# Add one.\n# To x.\n# f(1) == 2\n# f([], 'a', k={1, 2}) == (1,)\n"
    assert statement(problem) == "Add one.\nTo x.\n\nExamples:\n    f(1) == 2\n    f([], 'a', k={1, 2}) == (1,)"


def test_a_problem_without_given_text_is_a_docstring() -> None:
    problem = Problem(
        "mbpp/1",
        'Say """hi""" \\ there.',
        "f",
        references=("def f(): pass",),
        public_tests=(ScriptTest("assert f() == 1"),),
        starter="class Solution:\n    def f(self):\n        ",
    )
    text = prompt(problem)
    assert text.startswith('"""\nSay') and text.endswith('"""') and "assert f() == 1" in text
    namespace: dict[str, object] = {}
    exec(text, namespace)  # the statement's own quotes and backslashes do not end the docstring
    assert 'Say """hi""" \\ there.' in str(namespace["__doc__"])
    assert "Starter code:\n\nclass Solution:\n    def f(self):" in statement(problem)


def test_human_eval_is_described_by_its_docstring() -> None:
    problem = load_problems("humaneval")["humaneval/2"]
    assert prompt(problem) == ""
    assert statement(problem).startswith("Given a positive floating point number")
    assert all(statement(problem).strip() for problem in load_problems("humaneval"))


def test_each_kind_of_test_is_one_line() -> None:
    assert test_line(CallTest((1,), None), "Solution.run") == "Solution().run(1) == None"
    assert test_line(StdioTest("1\n2\n", "3\n"), None) == r"input '1\n2\n' prints '3\n'"
    assert test_line(ScriptTest(" assert f(1) == 2 "), "f") == "assert f(1) == 2"
    assert test_line(ScriptTest("x = f('a\\n')\nassert x"), "f") == r"x = f('a\\n'); assert x"
    assert "\n" not in test_line(ScriptTest("if x:\n    assert f(1)"), "f")
    for spec in ("humaneval", "katas[test]"):
        for problem in load_problems(spec):
            assert not any("\n" in line for line in public_test_lines(problem))


def test_literals_do_not_depend_on_the_hash_seed() -> None:
    texts = ["{'a', 'b'}", "frozenset({1, 2})", "[({'x'},)]", "{'k': {1, 3}}", "set()", "frozenset()", "(1,)", "1.0"]
    assert [literal(eval(text)) for text in texts] == texts
