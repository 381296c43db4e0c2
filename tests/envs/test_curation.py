"""Curation finds what is planted, leaves sound problems alone, and its report holds no text of a problem."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegym.cli import main
from codegym.envs.curation.curate import Curation, Settings, curate, idle_program, with_tests
from codegym.envs.curation.findings import REASONS
from codegym.envs.curation.normalise import normalised
from codegym.envs.errors import OptionError
from codegym.envs.execution.executor import shared_executor
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Limits, Problem, ScriptTest, StdioTest
from codegym.envs.problems.problem_set import ProblemSet

DOUBLE = "def f(x):\n    return 2 * x"
CALLS = tuple(CallTest((x,), 2 * x) for x in (1, 2, 5))


def call(uri: str, *references: str, tests: tuple[Any, ...] = CALLS, **fields: Any) -> Problem:
    return Problem(
        uri=f"planted/{uri}",
        statement=f"Double x ({uri}).",
        entry_point="f",
        references=references,
        hidden_tests=tests,
        **fields,
    )


def program(uri: str, *references: str, tests: tuple[StdioTest, ...], statement: str = "") -> Problem:
    return Problem(
        uri=f"planted/{uri}",
        statement=statement or f"Double it ({uri}).",
        entry_point=None,
        references=references,
        hidden_tests=tests,
    )


def curated(*problems: Problem, **settings: Any) -> Curation:
    return curate(ProblemSet.of(problems, "planted"), shared_executor(), Settings(**settings))


def found(curation: Curation) -> dict[str, list[tuple[str, str]]]:
    table: dict[str, list[tuple[str, str]]] = {}
    for finding in curation.findings:
        table.setdefault(finding.problem.partition("/")[2], []).append((finding.action, finding.reason))
    return table


SOUND = (
    call("sound-call", DOUBLE, "f = lambda x: x + x"),
    program("sound-program", "print(2 * int(input()))", tests=(StdioTest("1\n", "2\n"), StdioTest("4\n", "8\n"))),
    replace(
        call("sound-script", DOUBLE), hidden_tests=(ScriptTest("assert f(2) == 4"), ScriptTest("assert f(3) == 6"))
    ),
    call("sound-random", "import random\ndef f(x):\n    random.shuffle([1, 2])\n    return 2 * x"),
)

ANY = "Print two numbers with the sum n. If there are multiple answers, print any of them."
GREATEST = "seen = []\ndef f(x):\n    seen.append(x)\n    return max(seen)"
BUSY = "from time import process_time as t\ndef f(x):\n    end = t() + {}\n    while t() < end: pass\n    return 2 * x"
STATE = "count = 0\ndef f(x):\n    global count\n    count += 1\n    return x + count"

DROPPED = {
    "no-tests": call("no-tests", DOUBLE, tests=()),
    "no-reference": call("no-reference"),
    "does-not-compile": call("does-not-compile", "def f(x):\n    return 2 *", "print 2"),
    "missing-library": call("missing-library", "import no_such_library\n" + DOUBLE),
    "reference-fails": call("reference-fails", "def f(x):\n    return 3 * x"),
    "flaky": call("flaky", "import random\ndef f(x):\n    return 2 * x + (random.random() < 0.5)"),
    "too-slow": call("too-slow", BUSY.format(60), limits=Limits(seconds=0.3)),
    "several-answers": program(
        "several-answers",
        "n = int(input())\nprint(1, n - 1)",
        "n = int(input())\nprint(n - 1, 1)",
        tests=(StdioTest("5\n", "1 4\n"), StdioTest("7\n", "1 6\n")),
        statement=ANY,
    ),
    "references-disagree": call("references-disagree", DOUBLE, "def f(x):\n    return x", "def f(x):\n    return 0"),
    "order-dependent": replace(
        call("order-dependent", STATE), hidden_tests=(ScriptTest("assert f(1) == 2"), ScriptTest("assert f(1) == 3"))
    ),
    "vacuous-tests": call("vacuous-tests", "def f(x):\n    print(x)", tests=(CallTest((1,), None),)),
}  # fmt: skip

REPAIRED = {
    "normalised": program(
        "normalised",
        "\ufeffprint(2 * int(input()))\r\n",
        tests=(StdioTest("1\r\n", "2  \r\n\r\n"), StdioTest("4", "8")),
    ),
    "repeated-tests": call("repeated-tests", DOUBLE, tests=CALLS + CALLS[:2]),
    "references-dropped": call("references-dropped", "def f(x):\n    return x", DOUBLE, "def f(x): return x + x"),
    "tests-dropped": call("tests-dropped", DOUBLE, "def f(x): return x + x", tests=(*CALLS, CallTest((4,), 9))),
    "longer-limit": call("longer-limit", BUSY.format(0.1), limits=Limits(seconds=0.4)),
    "fresh-calls": call("fresh-calls", GREATEST, tests=(CallTest((1,), 1), CallTest((2,), 2), CallTest((3,), 3))),
    "unwrapped": call("unwrapped", DOUBLE, tests=(CallTest((1,), [2]), CallTest((2,), 4))),
    "tuples": call("tuples", "def f(x):\n    return x, x", tests=(CallTest((1,), [1, 1]), CallTest((2,), [2, 2]))),
    "entry-point": call("entry-point", "class Solution:\n    def f(self, x):\n        return 2 * x"),
}  # fmt: skip


@pytest.fixture(scope="module")
def planted() -> Curation:
    """All planted problems in one set, sound ones before, between and after, and one that repeats another."""
    twin = replace(SOUND[0], uri="planted/duplicate", statement=SOUND[0].statement.upper().replace(" ", "\n"))
    return curated(*SOUND[:2], *DROPPED.values(), SOUND[2], *REPAIRED.values(), SOUND[3], twin, most_seconds=1.0)


def test_every_kind_of_planted_damage_is_found_by_name(planted: Curation) -> None:
    table = found(planted)
    assert len(DROPPED) + 1 >= 8
    for reason in DROPPED:
        assert table[reason][-1] == ("dropped", reason), reason
    assert table["duplicate"] == [("dropped", "duplicate")]


def test_damage_that_can_be_repaired_is(planted: Curation) -> None:
    table = found(planted)
    kept = {problem.uri.partition("/")[2]: problem for problem in planted.kept}
    for reason in REPAIRED:
        assert table[reason] == [("repaired", reason)] and reason in kept, reason
    assert all(test.fresh for test in kept["fresh-calls"].hidden_tests)  # type: ignore[union-attr]
    assert kept["normalised"].hidden_tests == (StdioTest("1\n", "2\n"), StdioTest("4\n", "8\n"))
    assert kept["normalised"].references == ("print(2 * int(input()))\n",)
    assert kept["repeated-tests"].hidden_tests == kept["tests-dropped"].hidden_tests == CALLS
    assert kept["references-dropped"].references == (DOUBLE, "def f(x): return x + x")
    assert 0.4 < kept["longer-limit"].limits.seconds <= 1.0
    assert [test.expected for test in kept["unwrapped"].hidden_tests] == [2, 4]  # type: ignore[union-attr]
    assert [test.expected for test in kept["tuples"].hidden_tests] == [(1, 1), (2, 2)]  # type: ignore[union-attr]
    assert kept["entry-point"].entry_point == "Solution.f"


def test_sound_problems_are_left_as_they_are(planted: Curation) -> None:
    table = found(planted)
    assert not [problem.uri for problem in SOUND if problem.uri.partition("/")[2] in table]
    assert [problem for problem in planted.kept if "/sound-" in problem.uri] == list(SOUND)


def test_every_problem_kept_is_sound_to_a_second_curation(planted: Curation) -> None:
    sound = [
        problem for problem in planted.kept if not problem.uri.endswith("longer-limit")
    ]  # how long is the machine's
    again = curated(*sound)
    assert again.kept == tuple(sound) and again.findings == ()


def test_a_statement_that_allows_several_answers_is_noted_where_one_reference_cannot_tell() -> None:
    problem = program("one", "n = int(input())\nprint(1, n - 1)", tests=(StdioTest("5\n", "1 4\n"),), statement=ANY)
    result = curated(problem)
    assert found(result) == {"one": [("noted", "may-have-several-answers")]} and result.kept == (problem,)


def test_every_reason_is_planted_here_or_noted() -> None:
    planted_reasons = {*DROPPED, *REPAIRED, "duplicate", "unreadable", "may-have-several-answers"}
    assert set(REASONS) == planted_reasons


def test_normalising_touches_nothing_that_a_program_could_mean() -> None:
    problem = program("text", "print(1)", tests=(StdioTest(" a  b \n\n c\n", " 1  2\n   3\n"),))
    assert normalised(problem) == problem
    exact = replace(problem, exact_lines=True, hidden_tests=(StdioTest("a", "b  \r\n\r\n"),))
    assert normalised(exact).hidden_tests == (StdioTest("a\n", "b  \n\n"),)


def test_tests_are_chosen_by_their_number_among_all() -> None:
    problem = call("x", DOUBLE, public_tests=(CallTest((9,), 18),))
    assert with_tests(problem, [0, 2]).public_tests == problem.public_tests
    assert with_tests(problem, [0, 2]).hidden_tests == CALLS[1:2]
    subsuming = replace(problem, hidden_subsumes_public=True)
    assert with_tests(subsuming, [0, 2]).hidden_tests == (CALLS[0], CALLS[2])


def test_an_idle_program_fits_each_kind_of_problem() -> None:
    given = load_problems("humaneval")[0]
    assert idle_program(given).startswith(given.given) and compile(idle_program(given), "", "exec")
    for entry_point in ("f", "Solution.f", None):
        compile(idle_program(replace(SOUND[0], entry_point=entry_point)), "", "exec")


@pytest.mark.parametrize("settings", [{"runs": 1}, {"references": 0}, {"most_seconds": 0.0}])
def test_settings_that_find_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        Settings(**settings)


APPS = {
    "question": "Double the number, secretly.",
    "solutions": ["print(2 * int(input()))"],
    "input_output": {"inputs": ["2\n", "3\n"], "outputs": ["4\n", "6\n"]},
}


def test_the_command_writes_a_set_that_loads_and_a_report_without_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, Any]] = [
        {**APPS, "problem_id": 0},
        {**APPS, "problem_id": 1, "question": "Other.", "solutions": []},
        {**APPS, "problem_id": 2, "question": "More.", "input_output": {"inputs": ["1"], "outputs": []}},
        {**APPS, "problem_id": 3, "question": "Most.", "solutions": ["print(3)", "print(2 * int(input()))"]},
    ]
    path = tmp_path / "raw.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["problems", "curate", f"apps:{path}", "--out", str(tmp_path / "out")]) == 0
    assert "4 problems, 2 kept, 2 dropped, 1 repaired" in capsys.readouterr().out
    clean = load_problems(f"jsonl:{tmp_path / 'out' / 'problems.jsonl'}")
    assert clean.uris == ("raw/0", "raw/3") and clean[1].references == ("print(2 * int(input()))",)
    text = (tmp_path / "out" / "report.json").read_text()
    assert "secretly" not in text and "input()" not in text
    report = json.loads(text)
    assert [(item["problem"], item["reason"]) for item in report["findings"]] == [
        ("raw/1", "no-reference"),
        ("raw/2", "unreadable"),
        ("raw/3", "references-dropped"),
    ]
    assert (report["problems"], report["kept"], report["dropped"], report["repaired"]) == (4, 2, 2, 1)
    assert (
        main(["problems", "curate", f"apps:{path}", "--out", str(tmp_path / "b"), "--report-only", "--limit", "1"]) == 0
    )
    assert [file.name for file in (tmp_path / "b").iterdir()] == ["report.json"]
    assert main(["problems", "curate", f"apps:{path}", "--out", str(tmp_path / "c"), "--runs", "1"]) == 2


def test_real_damage_of_apps_is_found(data_folder: Path) -> None:
    """The three problems of apps-mini that data/README.md calls broken, and none of five sound ones."""
    problems = load_problems("apps:apps-mini")
    sound = list(problems.uris[:5])
    bad = [f"apps-mini/{number}" for number in (2398, 2400, 2036)]
    result = curate(problems, shared_executor(), Settings(runs=2, references=3), uris=sound + bad)
    assert [problem.uri for problem in result.kept] == sound
    assert {finding.problem for finding in result.findings if finding.action == "dropped"} == set(bad)
