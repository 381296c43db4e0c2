"""`codegym problems list`, `show` and `verify`, as a person types them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from codegym.cli import main
from codegym.envs.curation.journal import Journal
from codegym.envs.problems.catalog import find_problem, load_problems


def test_list_counts_the_sets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["problems", "list", "katas", "humaneval", "--json"]) == 0
    katas, human_eval = json.loads(capsys.readouterr().out)
    assert human_eval["problems"] == 164 and human_eval["splits"] == {} and human_eval["licence"] == "MIT"
    assert sum(katas["splits"].values()) == katas["problems"] == len(load_problems("katas"))
    assert katas["sha256"] == load_problems("katas").sha256


def test_list_names_every_set_even_one_that_is_not_here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CODEGYM_DATA", str(tmp_path))
    assert main(["problems", "list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("katas", "humaneval", "mbpp", "MIT", "164"))
    assert all(f"katas:{tier}" in out for tier in ("easy", "branches", "cpp"))
    assert "train 133, validation 41, test 41" in out


def test_statistics_as_a_table_and_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    common = {"entry_point": "f", "hidden_tests": [{"kind": "call", "args": [2], "expected": 4}]}
    two = "def f(x):\n    # twice\n    if x:\n        return 2 * x\n\n    return 0"
    rows = [
        {"statement": "one two three", "references": [two], "difficulty": "easy", "conditionals": 1, **common},
        {"statement": "one", "references": ["def f(x):\n    return 2 * x", two], "conditionals": 0, **common},
        {"statement": "one two", **common},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["problems", "list", f"jsonl:{path}", "--statistics", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["statistics"] == {
        "statement_words": [1, 2, 2, 2, 3],
        "solution_lines": [2, 2, 3, 4, 4],
        "conditionals": [0, 0, 0, 1, 1],
        "tests": [1] * 5,
        "references": [0, 0, 1, 2, 2],
        "by_conditionals": {"0": 1, "1": 1},
        "difficulty": {"": 2, "easy": 1},
        "language": {"python": 3},
        "without_reference": 1,
        "without_tests": 0,
    }
    assert main(["problems", "list", f"jsonl:{path}", "--statistics"]) == 0
    out = capsys.readouterr().out
    assert "easy 1" in out and "solution" in out and "[SPLIT]" not in out


def test_conditionals_are_counted_as_the_data_counts_them(data_folder: Path) -> None:
    """`difficulty.jsonl` has the if, for and while statements of each canonical solution; try and match are ours."""
    wanted = {
        (row["set"], str(row["id"])): row["stmts"]
        for row in map(json.loads, (data_folder / "difficulty.jsonl").read_text().splitlines())
    }
    for problem in load_problems("humaneval"):
        plain = sum(isinstance(n, ast.If | ast.For | ast.While) for n in ast.walk(ast.parse(problem.references[0])))
        assert (
            plain <= (problem.conditionals or 0)
            and plain == wanted["humaneval", problem.uri.replace("humaneval", "HumanEval")]
        )


@pytest.mark.parametrize(
    "uri",
    [
        *("humaneval/0", "katas/list-filter-sum/17", "katas/program-lines/3"),
        *("katas/cpp-stream-box/0", "katas/one-operation/0"),  # of tiers and families that `katas` leaves out
    ],
)
def test_show_has_what_agents_see_and_no_more(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    problem = find_problem(uri)
    assert main(["problems", "show", uri]) == 0
    text = capsys.readouterr().out
    assert main(["problems", "show", uri, "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert uri in text and uri == seen["uri"]
    assert ("phrasings" in seen) == uri.startswith("katas/")
    assert seen["hidden_tests"] == len(problem.hidden_tests) and seen["given"] == problem.given
    for shown in (text, json.dumps(seen)):
        assert max(problem.references[0].removeprefix(problem.given).split("\n"), key=len).strip() not in shown
        assert "def check" not in shown


def test_show_finds_problems_of_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        json.dumps({"id": 1, "statement": "Say hi.", "hidden_tests": [{"kind": "stdio", "stdin": "", "stdout": "hi"}]})
    )
    assert main(["problems", "show", "mine/1", "--problems", f"jsonl:{path}"]) == 0
    assert "Say hi." in capsys.readouterr().out


def test_verify_passes_a_sound_set(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    assert main(["problems", "verify", "katas:labels", "--split", "test", "--limit", "5", "--json", str(out)]) == 0
    assert "5 problems, 10 references, 0 broken" in capsys.readouterr().out
    assert json.loads(out.read_text())["broken"] == []


def test_verify_resumes_from_its_journal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was stopped left a batch and a family in the cache; what it found is not found a second time."""
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path))
    katas = load_problems("katas:digits", "test")
    journal = Journal(katas.sha256, 3, False, 1)
    journal.once(katas.uris[0], lambda: (77, []))
    (file,) = (tmp_path / "verify").iterdir()
    with file.open("a") as stopped:
        stopped.write('["digits", {"na')
    command = ["problems", "verify", "katas:digits", "--split", "test", "--limit", "3", "--mutants", "1"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "3 problems, 77 references" in out and "| digits | 1 |" in out
    assert not list((tmp_path / "verify").iterdir())
    assert main(command) == 0 and "3 problems, 6 references" in capsys.readouterr().out


def test_a_journal_belongs_to_its_key_and_needs_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path))
    assert Journal("a", 1).once("x", lambda: 1) == 1
    assert Journal("a", 1).once("x", lambda: 2) == 1 and Journal("a", 2).once("x", lambda: 2) == 2
    Journal("a", 1).close()
    assert Journal("a", 1).once("x", lambda: 3) == 3
    (tmp_path / "file").touch()
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path / "file"))
    nowhere = Journal("a", 1)
    assert nowhere.once("x", lambda: 4) == nowhere.once("x", lambda: 5) == 4
    nowhere.close()


def test_verify_names_what_is_broken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    test = {"kind": "call", "args": [2], "expected": 4}
    rows = [
        {"id": "good", "entry_point": "f", "references": ["def f(x): return 2 * x"], "hidden_tests": [test]},
        {
            "id": "bad",
            "entry_point": "f",
            "references": ["def f(x): return 2 * x", "def f(x): return x"],
            "hidden_tests": [test],
        },
        {"id": "none", "entry_point": "f", "hidden_tests": [test]},
    ]
    path, out = tmp_path / "mine.jsonl", tmp_path / "result.json"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["problems", "verify", f"jsonl:{path}", "--json", str(out)]) == 1
    text = capsys.readouterr().out
    assert "mine/bad: reference 1 is WRONG" in text and "mine/none: it has no reference" in text
    assert "3 problems, 3 references, 2 broken" in text
    broken = json.loads(out.read_text())["broken"]
    assert [(item["problem"], item["reference"], item["verdict"]) for item in broken] == [
        ("mine/none", None, None),
        ("mine/bad", 1, "WRONG"),
    ]
    assert main(["problems", "verify", f"jsonl:{path}", "--first"]) == 1
    assert "1 broken" in capsys.readouterr().out


def test_verify_names_problems_without_tests_and_records_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    common = {"question": "Double it.", "solutions": ["print(2 * int(input()))"]}
    rows = [
        {**common, "input_output": {"inputs": ["1"], "outputs": ["2"]}},
        {**common, "input_output": ""},
        {**common, "input_output": {"inputs": ["1"], "outputs": []}},
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["problems", "verify", f"apps:{path}"]) == 1
    text = capsys.readouterr().out
    assert "mine/1: it has no test" in text and "mine/2: not a problem of APPS' format" in text
    assert "3 problems, 1 references, 2 broken" in text


@pytest.mark.parametrize(
    "words",
    [
        ["list", "katas", "humanevla"],
        ["show", "humanevla/1"],
        ["show", "humaneval/999"],
        ["verify", "humanevla"],
        ["verify", "katas", "--split", "tset"],
        ["verify", "katas", "--limit", "0"],
        ["verify", "katas", "--mutants", "-1"],
        ["verify", "jsonl:/no/such/file.jsonl"],
        ["overlap", "humaneval", "mbppp"],
        ["overlap", "humaneval[test]", "humaneval"],
        ["overlap", "humaneval", "humaneval", "--n", "0"],
        ["overlap", "humaneval", "humaneval", "--show", "-1"],
        ["curate", "humanevla", "--out", "x"],
        ["curate", "humaneval", "--out", "x", "--limit", "0"],
        ["curate", "humaneval", "--out", "x", "--runs", "0"],
        ["curate", "humaneval", "--out", "x", "--references", "0"],
        ["curate", "humaneval", "--out", "x", "--most-seconds", "0"],
        ["list", "katas:nothing"],
        ["list", "p3:/no/such/file"],
        ["show", "katas/digits/144"],
        ["show", "1", "--problems", "humaneval"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["problems", *words]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("codegym: ") and "\n" not in error
    assert not list(tmp_path.iterdir())
