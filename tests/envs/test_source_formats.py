"""Sets made by others, to their published schema: real files where this machine has them, elsewhere small ones."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from codegym.envs.errors import DataError
from codegym.envs.execution.executor import shared_executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.problems.catalog import load_problems, set_names
from codegym.envs.problems.problem import CallTest, InProcessTest, Limits, Problem, ScriptTest, StdioTest
from codegym.envs.problems.sources.ace_code import PreferencePair, entry_point, preference_pairs
from codegym.envs.problems.sources.livecodebench import unpacked
from codegym.envs.problems.sources.reading import offline


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    data = "\n".join(map(json.dumps, records)).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def of_references(problems: list[Problem], number: int = 0) -> list[Outcome]:
    return shared_executor().run([Job(problem, problem.references[number]) for problem in problems])


# Real files, and the traps that data/README.md lists


def test_humaneval_x_is_humaneval_under_other_tests(data_folder: Path) -> None:
    problems = load_problems("humaneval-x")
    original = load_problems("humaneval")
    assert problems.uris == tuple(f"humaneval-x/{number}" for number in range(164))
    for problem in problems:
        twin = original[problem.base]
        assert (problem.starter, problem.entry_point) == (twin.starter, twin.entry_point)
        assert problem.hidden_subsumes_public and problem.public_tests == twin.public_tests
    helped = [problems[f"humaneval-x/{number}"] for number in (32, 38, 50, 0)]
    assert [bool(problem.prelude) for problem in helped] == [True, True, True, False]
    assert [outcome.verdict for outcome in of_references(helped)] == [Verdict.PASS] * 4


def test_puzzles_are_whole(data_folder: Path) -> None:
    problems = list(load_problems("p3"))
    assert len(problems) == 1715 and sum(not problem.references for problem in problems) == 54
    reworked = [problem for problem in problems if "human_eval" in problem.tags]
    assert len(reworked) == 795 and all(problem.base in load_problems("humaneval") for problem in reworked)
    assert len({problem.tags[0] for problem in problems if problem.references}) == 386
    for problem in problems:
        assert bool(problem.given) == bool(problem.references) and problem.entry_point == "sol"
        assert all(reference.startswith(problem.given + "\n") for reference in problem.references)


def test_a_puzzle_accepts_every_right_answer_and_no_other(data_folder: Path) -> None:
    puzzle = load_problems("p3")["p3/Study_1:0"]
    answers = ["    return ('h' + 'o') * 1000", "    return 'o-' * 1000", "    return 'o' * 1000", "    return True"]
    outcomes = shared_executor().run([Job(puzzle, f"{puzzle.given}\n{answer}") for answer in answers])
    assert [outcome.verdict for outcome in outcomes] == [Verdict.PASS, Verdict.PASS, Verdict.WRONG, Verdict.ERROR]


def test_answers_of_puzzles_may_be_large_and_may_ask_the_checker(data_folder: Path) -> None:
    """Fibonacci's is a list of 6,968 long integers; RotateSort's calls `sat`."""
    problems = load_problems("p3")
    chosen = [problems[f"p3/{name}"] for name in ("Fibonacci:2", "RotateSort:0", "Nash:1")]
    assert [outcome.verdict for outcome in of_references(chosen)] == [Verdict.PASS] * 3


def test_two_puzzles_pass_the_limit_of_digits(data_folder: Path) -> None:
    problems = load_problems("p3")
    outcomes = of_references([problems["p3/FivePowers:0"], problems["p3/BoxVolume:1"]])
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ERROR, Verdict.COMPILE]
    assert all("4300 digits" in outcome.message for outcome in outcomes)


def test_apps_and_taco_hold_what_the_table_says(data_folder: Path) -> None:
    mini = list(load_problems("apps:apps-mini/apps_mini.jsonl.gz"))
    counts = {level: sum(p.difficulty == level for p in mini) for level in ("introductory", "interview", "competition")}
    assert counts == {"introductory": 40, "interview": 39, "competition": 38}
    assert sum(len(p.hidden_tests) for p in mini) == 737 and sum(p.entry_point is not None for p in mini) == 10
    samples = load_problems("taco:taco-samples/taco_samples.jsonl.gz")
    assert len(samples) == 635 and sum(len(problem.hidden_tests) for problem in samples) == 1048
    easy = list(load_problems("taco:taco-samples/taco_train_easy9.jsonl.gz"))
    assert len(easy) == 9 and sum(len(problem.hidden_tests) for problem in easy) == 229
    assert {outcome.verdict for outcome in of_references(easy)} == {Verdict.PASS}


def test_three_problems_of_apps_mini_are_broken_and_one_of_taco(data_folder: Path) -> None:
    mini = load_problems("apps:apps-mini")
    bad = [mini[f"apps-mini/{number}"] for number in (2398, 2400, 2036)]
    assert [outcome.verdict for outcome in of_references(bad)] == [Verdict.WRONG, Verdict.WRONG, Verdict.COMPILE]
    taco = load_problems("taco:taco-samples/taco_samples.jsonl.gz")
    (outcome,) = of_references([taco["taco_samples/taco-test-946"]])
    assert outcome.verdict is Verdict.WRONG  # right within a float tolerance, on integers of 18 digits


def test_programs_may_measure_standard_input_and_ask_for_its_mode(data_folder: Path) -> None:
    """`os.read(0, os.fstat(0).st_size)`, and templates for fast input that look at `sys.stdin.mode`."""
    taco = load_problems("taco:taco-samples/taco_samples.jsonl.gz")
    asking = [problem for problem in taco if "fstat(" in problem.references[0] or ".mode" in problem.references[0]]
    assert len(asking) >= 17
    assert {outcome.verdict for outcome in of_references(asking)} == {Verdict.PASS}


@pytest.mark.parametrize("end", ["exit()", "quit()", "sys.exit()", "raise SystemExit", "os._exit(0)"])
def test_programs_may_end_where_they_like(end: str) -> None:
    problem = Problem(uri="x/1", statement="", entry_point=None, hidden_tests=(StdioTest("2\n", "4\n"),))
    (outcome,) = shared_executor().run(
        [Job(problem, f"import os, sys\nprint(2 * int(input()), flush=True)\n{end}\nprint(1)")]
    )
    assert outcome.verdict is Verdict.PASS


def test_setup_of_mbpp_runs_between_the_solution_and_its_tests(data_folder: Path) -> None:
    """367 and 927 build trees of the solution's own class in their set-up."""
    problems = load_problems("mbpp")
    outcomes = of_references([problems["mbpp/367"], problems["mbpp/927"]])
    assert [outcome.verdict for outcome in outcomes] == [Verdict.PASS] * 2


def test_one_problem_in_several_sets_has_one_base(data_folder: Path) -> None:
    for name, uri in (("sanitized-mbpp", "sanitized-mbpp/602"), ("mbppplus", "mbppplus/602")):
        assert load_problems(name)[uri].base == load_problems("mbpp")["mbpp/602"].base == "mbpp/602"
    for name in ("humanevalplus", "humaneval-x", "humaneval-x-cpp"):
        assert load_problems(name)[f"{name}/7"].base == "humaneval/7"
    assert load_problems("mbxp-cpp")["mbxp-cpp/6"].base == "mbpp/6"
    assert load_problems("p3")["p3/FindCloseElements:0"].base == "humaneval/0"  # of its module human_eval.py


def test_one_origin_format_test_of_humaneval_plus_is_wrong_itself(data_folder: Path) -> None:
    """Its generator for HumanEval/32 unpacks a float; OriginFmt files are read as any file in human-eval's format."""
    problems = load_problems("jsonl:humanevalplus/HumanEvalPlus-OriginFmt.jsonl.gz")
    outcomes = of_references([problems["HumanEval/0"], problems["HumanEval/32"]])
    assert len(problems) == 164 and [outcome.verdict for outcome in outcomes] == [Verdict.PASS, Verdict.ERROR]
    assert "must be an iterable, not float" in outcomes[1].message


def test_output_is_compared_as_ordered_tokens(data_folder: Path) -> None:
    """A trailing space or a line end where the site's judge saw none does not fail a right program."""
    taco = load_problems("taco:taco-samples/taco_samples.jsonl.gz")
    problem = taco[0]
    program = problem.references[0] + "\nprint('  ')\n"
    (outcome,) = shared_executor().run([Job(problem, program)])
    assert outcome.verdict is Verdict.PASS


# Hand-made files in the schema of sets that this machine may not have

APPS = {
    "problem_id": 5,
    "question": "Double the number.",
    "input_output": {"inputs": ["2\n", "3\n"], "outputs": ["4\n", "6\n"]},
    "solutions": ["print(2 * int(input()))"],
    "starter_code": "",
    "difficulty": "interview",
}


@pytest.mark.parametrize("name", ["set.jsonl", "set.jsonl.gz"])
@pytest.mark.parametrize("packed", [False, True], ids=["object", "text"])
def test_input_output_is_an_object_or_its_text(tmp_path: Path, name: str, packed: bool) -> None:
    record = {
        key: json.dumps(APPS[key]) if packed and key in ("input_output", "solutions") else APPS[key] for key in APPS
    }
    (problem,) = load_problems(f"apps:{write(tmp_path / name, [record])}")
    assert problem.uri == "set/5" and problem.references == ("print(2 * int(input()))",)
    assert problem.hidden_tests == (StdioTest("2\n", "4\n"), StdioTest("3\n", "6\n"))


def test_apps_without_tests_or_solutions_loads_for_curation_to_find(tmp_path: Path) -> None:
    (problem,) = load_problems(f"apps:{write(tmp_path / 'a.jsonl', [{**APPS, 'input_output': '', 'solutions': ''}])}")
    assert problem.tests() == () and problem.references == ()


def test_long_integers_of_tests_are_read(tmp_path: Path) -> None:
    text = '{"fn_name": "f", "inputs": [[1]], "outputs": [%s]}' % ("7" * 5000)
    (problem,) = load_problems(f"apps:{write(tmp_path / 'a.jsonl', [{**APPS, 'input_output': text}])}")
    assert problem.hidden_tests[0].expected == 7 * (10**5000 - 1) // 9  # type: ignore[union-attr]


def test_upstream_folders_with_splits(tmp_path: Path) -> None:
    for split, number in (("train", "0000"), ("test", "0000"), ("test", "0001")):
        folder = tmp_path / "APPS" / split / number
        folder.mkdir(parents=True)
        (folder / "question.txt").write_text("Double the number.")
        if number == "0000":
            (folder / "input_output.json").write_text(json.dumps(APPS["input_output"]))
            (folder / "solutions.json").write_text(json.dumps(APPS["solutions"]))
            (folder / "metadata.json").write_text('{"difficulty": "interview", "url": ""}')
    with pytest.raises(DataError, match="a second problem with the id 'APPS/0000'"):
        load_problems(f"apps:{tmp_path / 'APPS'}")
    (tmp_path / "APPS" / "train" / "0000").rename(tmp_path / "APPS" / "train" / "4000")
    problems = load_problems(f"apps:{tmp_path / 'APPS'}")
    assert {split: problems.split(split).uris for split in problems.splits} == {
        "test": ("APPS/0000", "APPS/0001"),
        "train": ("APPS/4000",),
    }
    assert problems["APPS/0000"].difficulty == "interview" and problems["APPS/0001"].tests() == ()


def test_apps_plus_is_read_under_both_spellings(tmp_path: Path) -> None:
    other = {
        "problem": "Double n.",
        "canonical_solution": "def twice(n):\n    return 2 * n",
        "function_name": "twice",
        "unit_tests": {"inputs": [[2]], "outputs": [4]},
        "starter_code": "def twice(n):",
    }
    path = tmp_path / "plus.json"
    path.write_text(json.dumps([APPS, other]))
    program, call = load_problems(f"apps-plus:{path}")
    assert program.hidden_tests[0] == StdioTest("2\n", "4\n")
    assert call.entry_point == "twice" and call.hidden_tests == (CallTest((2,), 4),) and len(call.references) == 1
    assert {outcome.verdict for outcome in of_references([program, call])} == {Verdict.PASS}


def test_taco_limits_and_tags(tmp_path: Path) -> None:
    timed = {**APPS, "time_limit": "12.0 seconds", "memory_limit": "2048.0 megabytes", "tags": "['Math', 'Strings']"}
    odd = {**APPS, "problem_id": 6, "time_limit": "1 seconds", "memory_limit": "50000 bytes", "tags": None}
    first, second = load_problems(f"taco:{write(tmp_path / 'a.jsonl', [timed, odd])}")
    assert first.limits == Limits(seconds=12.0, memory_mb=2048) and first.tags == ("Math", "Strings")
    assert second.limits == Limits(seconds=10.0) and second.tags == ()


def contest(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "description": "Double the number.",
        "public_tests": {"input": ["2\n"], "output": ["4\n"]},
        "private_tests": {"input": ["3\n"], "output": ["6\n"]},
        "generated_tests": {"input": ["0\n", "-1\n"], "output": ["0\n", "-2\n"]},
        "source": 2,
        "difficulty": 8,
        "solutions": {"language": [2, 3, 1], "solution": ["int main(){}", "print(2 * int(input()))", "print 2"]},
        "incorrect_solutions": {"language": [], "solution": []},
        "cf_tags": ["math", ""],
        "time_limit": {"seconds": 1, "nanos": 500_000_000},
        "memory_limit_bytes": 4 << 30,
    } | fields


def test_code_contests(tmp_path: Path) -> None:
    folder = tmp_path / "code-contests"
    folder.mkdir()
    pairs = [{"language": 3, "solution": "import sys\nprint(2 * int(sys.stdin.read()))"}]
    write(
        folder / "train-00000.jsonl", [contest("1_A. Doubles"), contest("p00001/x", solutions=pairs, time_limit=None)]
    )
    write(folder / "valid-00000.jsonl", [contest("2_B. Doubles", solutions=None, difficulty=0)])
    problems = load_problems(f"code-contests:{folder}")
    assert {split: problems.split(split).uris for split in problems.splits} == {
        "train": ("code-contests/1_A. Doubles", "code-contests/p00001-x"),
        "validation": ("code-contests/2_B. Doubles",),
    }
    first, second, third = problems
    assert first.public_tests == (StdioTest("2\n", "4\n"),) and len(first.hidden_tests) == 3
    assert first.references == ("print(2 * int(input()))",) and first.difficulty == "B" and first.tags == ("math",)
    assert first.limits == Limits(seconds=5.0, memory_mb=4096)
    assert len(second.references) == 1 and third.references == () and third.difficulty == ""
    assert {outcome.verdict for outcome in of_references([first, second])} == {Verdict.PASS}


def live(identity: str, private: Any, **fields: Any) -> dict[str, Any]:
    return {
        "question_title": "Doubles",
        "question_content": "Double the number.",
        "platform": "atcoder",
        "question_id": identity,
        "contest_id": "abc1",
        "contest_date": "2024-08-24T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([{"input": "2\n", "output": "4\n", "testtype": "stdin"}]),
        "private_test_cases": private,
        "metadata": "{}",
    } | fields


def test_livecodebench(tmp_path: Path) -> None:
    plain = json.dumps([{"input": "3\n", "output": "6\n", "testtype": "stdin"}])
    calls = json.dumps([{"input": '[1, 2]\n"x"', "output": "[2, 4]", "testtype": "functional"}])
    packed = base64.b64encode(zlib.compress(pickle.dumps(calls))).decode()
    call = live(
        "3170",
        packed,
        platform="leetcode",
        starter_code="class Solution:\n    def double(self, xs, s):\n        ",
        public_test_cases=calls,
        metadata='{"func_name": "double"}',
    )
    rows = [live("abc1_a", plain), call, live("abc1_a", plain, question_content="Again.")]
    program, method = load_problems(f"livecodebench:{write(tmp_path / 'test.jsonl', rows)}")
    assert program.uri == "livecodebench/abc1_a" and program.statement == "Double the number."
    assert program.tests() == (StdioTest("2\n", "4\n"), StdioTest("3\n", "6\n"))
    assert program.tags == ("atcoder", "2024-08-24") and program.difficulty == "easy"
    assert method.entry_point == "Solution.double" and method.given == ""
    assert method.hidden_tests == (CallTest(([1, 2], "x"), [2, 4]),)
    solved = "class Solution:\n    def double(self, xs: List[int], s):\n        return [2 * x for x in xs]"
    (outcome,) = shared_executor().run([Job(method, solved)])
    assert outcome.verdict is Verdict.PASS and outcome.tests_total == 2


class _Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (sys.exit, (1,))


@pytest.mark.parametrize("thing", [_Harmful(), "not JSON", b"\xff"], ids=["code", "text", "bytes"])
def test_packed_tests_that_are_no_text_are_refused(thing: Any) -> None:
    packed = base64.b64encode(zlib.compress(pickle.dumps(thing))).decode()
    with pytest.raises(ValueError, match=r"cannot be unpacked|Expecting value|codec can't decode"):
        unpacked(packed)


BIG = {
    "task_id": "BigCodeBench/3",
    "complete_prompt": 'import math\n\ndef task_func(x):\n    """Return twice the root of x."""\n',
    "instruct_prompt": "Write task_func(x): twice the root of x.",
    "canonical_solution": "    return 2 * math.sqrt(x)\n",
    "code_prompt": "import math\ndef task_func(x):\n",
    "test": "import unittest\nclass TestCases(unittest.TestCase):\n    def test(self):\n"
    "        self.assertEqual(task_func(4), 4)\n",
    "entry_point": "task_func",
    "doc_struct": "{}",
    "libs": "['math']",
}


def test_bigcodebench_in_both_variants_says_that_its_trust_is_in_process(tmp_path: Path) -> None:
    path = write(tmp_path / "big.jsonl", [BIG])
    (complete,) = load_problems(f"bigcodebench:{path}")
    (instruct,) = load_problems(f"bigcodebench-instruct:{path}")
    assert complete.given == complete.starter.rstrip("\n") and complete.statement == "" and complete.tags == ("math",)
    assert instruct.statement == BIG["instruct_prompt"] and instruct.base == complete.uri == "bigcodebench/3"
    assert isinstance(complete.hidden_tests[0], InProcessTest)
    outcomes = of_references([complete, instruct])
    assert {(outcome.verdict, outcome.trust) for outcome in outcomes} == {(Verdict.PASS, "in-process")}
    (wrong,) = shared_executor().run([Job(complete, complete.given + "\n    return 1\n")])
    assert wrong.verdict is Verdict.WRONG


def test_acecode(tmp_path: Path) -> None:
    answer = "Here it is:\n```python\ndef double(x):\n    return 2 * x\n```\nDone."
    record = {
        "id": "oss_1",
        "source": "oss",
        "question": "Double x.",
        "test_cases": ["assert sorted(double([2])) == [2, 2]", "assert double(3) == 6"],
        "inferences": [
            {"completion": answer, "completion_id": 0, "model_name": "m", "pass_rate": 1.0},
            {"completion": "no", "completion_id": 1, "model_name": "n", "pass_rate": 0.5},
        ],
        "context_messages": [],
    }
    (problem,) = load_problems(f"acecode:{write(tmp_path / 'a.jsonl', [record])}")
    assert problem.uri == "acecode/oss_1" and problem.entry_point == "double" and problem.public_tests == ()
    assert problem.references == ("def double(x):\n    return 2 * x\n",)
    assert problem.hidden_tests == tuple(map(ScriptTest, record["test_cases"]))  # type: ignore[arg-type]
    assert of_references([problem])[0].verdict is Verdict.PASS
    assert entry_point(["assert f(g(1)) == 2", "assert f(2) == 3"]) == "f" and entry_point(["x ="]) is None


def test_acecode_pairs_are_preferences_without_tests(tmp_path: Path) -> None:
    record = {"instruction": "Double x.", "input": "", "chosen": "```python\nf = 1\n```", "rejected": "f = 2", "id": 7}
    path = write(tmp_path / "pairs.jsonl", [record])
    pair = PreferencePair("acecodepair/7", "Double x.", "```python\nf = 1\n```", "f = 2")
    assert list(preference_pairs(str(path))) == [pair]
    (problem,) = load_problems(f"acecodepair:{path}")
    assert problem.statement == "Double x." and problem.references == ("f = 1\n",) and problem.tests() == ()


# One reading path


def test_a_path_is_also_looked_for_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "a.jsonl", [APPS])
    monkeypatch.setenv("CODEGYM_DATA", str(tmp_path))
    assert load_problems("apps:mine/a.jsonl").uris == ("a/5",)
    assert load_problems("apps:mine").uris == ("mine/5",)
    write(tmp_path / "apps.jsonl", [APPS])
    found = load_problems("apps")
    assert found.uris == ("apps/5",) and found.licence == "MIT" and found[0].licence == "MIT"


def test_a_folder_of_files_named_by_split_has_splits(tmp_path: Path) -> None:
    write(tmp_path / "train-0.jsonl.gz", [{**APPS, "problem_id": 1}])
    write(tmp_path / "train-1.jsonl.gz", [{**APPS, "problem_id": 2}])
    (tmp_path / "test.json").write_text(json.dumps([{**APPS, "problem_id": 3}]))
    problems = load_problems(f"taco:{tmp_path}")
    assert [len(problems.split(split)) for split in ("train", "test")] == [2, 1]
    before = problems.sha256
    write(tmp_path / "train-1.jsonl.gz", [{**APPS, "problem_id": 2, "question": "Other."}])
    assert load_problems(f"taco:{tmp_path}").sha256 != before
    write(tmp_path / "more.jsonl", [{**APPS, "problem_id": 4}])
    assert load_problems(f"taco:{tmp_path}").splits == ()


@pytest.mark.parametrize("name", [name for name in set_names() if name not in ("katas", "humaneval")])
def test_a_set_that_is_nowhere_says_where_to_put_it(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODEGYM_DATA", str(tmp_path))
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path))
    with offline(), pytest.raises(DataError, match="CODEGYM_DATA"):
        load_problems(name)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("apps", '{"question": ""}', "line 1: the field 'input_output' is missing"),
        ("p3", '[{"name": "a"}]', "record 1: the field 'sat' is missing"),
        ("taco", "[1]", "a list of JSON objects is needed"),
        ("acecode", "[", "not JSON"),
        ("livecodebench", "\n", "holds no problem"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, kind: str, content: str, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        load_problems(f"{kind}:{path}")


def test_a_record_that_breaks_the_format_is_named_when_it_is_built(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.jsonl", [contest("a"), contest("b", private_tests={"input": ["1"], "output": []})])
    problems = load_problems(f"code-contests:{path}")
    assert problems[0].uri == "code-contests/a"
    with pytest.raises(DataError, match=r"code-contests/b \(.*bad.jsonl, line 2\): not a problem of the format"):
        problems[1]


def test_the_hub_is_read_through_datasets_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real library, whose hub is a folder here: the first load keeps a copy, the second needs no hub."""
    datasets = pytest.importorskip("datasets")
    from codegym.envs.problems.sources import reading

    (tmp_path / "hub").mkdir()
    write(tmp_path / "hub" / "test1.jsonl", [live("a", "[]")])
    write(tmp_path / "hub" / "test2.jsonl", [live("b", "[]"), live("a", "[]")])
    monkeypatch.setenv("CODEGYM_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path / "cache"))
    asked: list[dict[str, str]] = []
    original = datasets.load_dataset

    def load_dataset(kind: str, data_files: dict[str, str]) -> Any:
        asked.append(data_files)
        here = {split: str(tmp_path / "hub" / file.rpartition("/")[2]) for split, file in data_files.items()}
        return original(kind, data_files=here, cache_dir=str(tmp_path / "library"))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with offline(), pytest.raises(DataError, match="load it once to read it from the hub"):
        load_problems("livecodebench")
    problems = load_problems("livecodebench")
    assert problems.uris == ("livecodebench/a", "livecodebench/b") and problems.splits == ()
    assert problems[1].public_tests == (StdioTest("2\n", "4\n"),)
    assert asked == [{"test": "hf://datasets/livecodebench/code_generation_lite/test*.jsonl"}]
    with offline():
        again = load_problems("livecodebench")
    assert again.sha256 == problems.sha256 and len(asked) == 1
    assert [folder.name for folder in reading.cache_folder().iterdir()] == ["livecodebench-code-generation-lite"]
