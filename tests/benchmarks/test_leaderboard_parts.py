"""Base and plus columns as EvalPlus has them, and verdicts that another run changes."""

import json

import pytest

from codegym.benchmarks.leaderboard.flakiness import names_chance, run_repeatedly
from codegym.cli import main
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.problem import CallTest, OracleTest, Problem
from codegym.envs.problems.record import to_record

RIGHT, BASE_ONLY, WRONG = "def f(x): return x * x", "def f(x): return x * abs(x)", "def f(x): return None"


@pytest.fixture
def square(tmp_path):
    """A set of one problem with base and plus tests; returns its spec."""
    tests = (OracleTest("base", ((2,),)), OracleTest("plus", ((-2,),)))
    problem = Problem("square/1", "Square x.", "f", references=(RIGHT,), hidden_tests=tests)
    (tmp_path / "square.jsonl").write_text(json.dumps({**to_record(problem), "id": "1"}) + "\n")
    return f"jsonl:{tmp_path / 'square.jsonl'}"


def samples(path, programs):
    path.write_text("".join(json.dumps({"task_id": "1", "solution": program}) + "\n" for program in programs))
    return str(path)


def test_base_and_plus_are_two_columns(square, tmp_path, capsys):
    file = samples(tmp_path / "s.jsonl", [RIGHT, BASE_ONLY, WRONG, BASE_ONLY])
    results = tmp_path / "results.jsonl"
    assert main(["score", file, "--problems", square, "--out", str(tmp_path / "S"), "--results", str(results)]) == 0
    shown = capsys.readouterr().out
    assert "pass@1 (base tests)" in shown and "pass@1 (base + extra tests)" in shown
    summary = json.loads((tmp_path / "S" / "summary.json").read_text())
    assert summary["base"]["pass@1"]["value"] == pytest.approx(3 / 4)
    assert summary["pass@1"]["value"] == pytest.approx(1 / 4)
    assert summary["base"]["pass@2"]["value"] == 1.0
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["base_status"] for line in lines] == ["pass", "pass", "fail", "pass"]
    assert [line["plus_status"] for line in lines] == ["pass", "fail", "fail", "fail"]
    assert [line["passed"] for line in lines] == [True, False, False, False]
    assert main(["verify", str(tmp_path / "S"), "--strict"]) == 0


def test_an_edited_part_does_not_verify(square, tmp_path, capsys):
    file = samples(tmp_path / "s.jsonl", [WRONG])
    assert main(["score", file, "--problems", square, "--out", str(tmp_path / "S")]) == 0
    place = tmp_path / "S" / "episodes.jsonl"
    place.write_text(place.read_text().replace('"base":"WRONG"', '"base":"PASS"'))
    assert main(["verify", str(tmp_path / "S")]) == 1
    assert "parts" in capsys.readouterr().out


def test_runs_compare_on_one_part(square, tmp_path, capsys):
    for name, program in (("A", BASE_ONLY), ("B", RIGHT)):
        file = samples(tmp_path / f"{name}.jsonl", [program])
        assert main(["score", file, "--problems", square, "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    runs = [str(tmp_path / "A"), str(tmp_path / "B"), "--json"]
    assert main(["compare", *runs]) == 0
    assert json.loads(capsys.readouterr().out)[0]["difference"]["value"] == 1.0
    assert main(["compare", *runs, "--part", "base"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["difference"]["value"] == 0.0
    assert main(["compare", *runs, "--part", "bass"]) == 2
    assert "base" in capsys.readouterr().err
    assert main(["report", *runs[:2], "--out", str(tmp_path / "report.html")]) == 0


def test_limits_of_time_are_the_users(square, tmp_path, capsys):
    slow = "import time\ndef f(x):\n    while time.process_time() < {}: pass\n    return x * x"
    file = samples(tmp_path / "s.jsonl", [slow.format(0.7), slow.format(60)])
    arguments = ["score", file, "--problems", square, "--seconds", "0.2", "--most-seconds", "0.3"]
    assert main([*arguments, "--out", str(tmp_path / "S")]) == 0  # two quick references: the floor alone counts
    run = json.loads((tmp_path / "S" / "run.json").read_text())
    assert run["settings"]["limits"] == {"seconds": 0.2, "most_seconds": 0.3}
    assert json.loads((tmp_path / "S" / "summary.json").read_text())["verdicts"] == {"TIMEOUT": 2}
    assert main(["score", file, "--problems", square, "--seconds", "1.5", "--out", str(tmp_path / "T")]) == 0
    assert json.loads((tmp_path / "T" / "summary.json").read_text())["verdicts"] == {"PASS": 1, "TIMEOUT": 1}
    assert main([*arguments[:-1], "0"]) == 2
    assert "most_seconds" in capsys.readouterr().err


GUESS = "import random\ndef f(x): return random.randrange(2)"
ONE = Problem("one/1", "", "f", hidden_tests=(CallTest((1,), 1),))


def test_what_names_chance_or_time():
    assert names_chance(GUESS) and names_chance("from time import time")
    assert not names_chance("def f(timeout, randomly): return identity")


def test_a_guess_that_passed_is_made_again_and_a_plain_pass_is_not():
    with Executor(workers=1) as executor:
        guesses = [f"{GUESS}\n# {number}" for number in range(16)]
        found = run_repeatedly([Job(ONE, program) for program in [*guesses, "def f(x): return x"]], executor)
    assert len(found[-1].outcomes) == 1 and found[-1].outcome.verdict is Verdict.PASS
    for result in found[:-1]:
        first = result.outcomes[0].verdict
        assert len(result.outcomes) == (2 if first is Verdict.PASS else 1)
        assert result.outcome.verdict is (Verdict.WRONG if result.verdicts else first)
    assert any(result.verdicts for result in found)  # all sixteen guessed right twice or wrong: 1 in 10,000


def test_runs_flags_samples_whose_verdict_differs(tmp_path, capsys):
    (tmp_path / "one.jsonl").write_text(json.dumps({**to_record(ONE), "id": "1"}) + "\n")
    file = samples(tmp_path / "s.jsonl", [f"{GUESS}\n# {number}" for number in range(12)] + [RIGHT])
    arguments = ["score", file, "--problems", f"jsonl:{tmp_path / 'one.jsonl'}", "--out", str(tmp_path / "S")]
    assert main([*arguments, "--runs", "3"]) == 0
    flaky = json.loads((tmp_path / "S" / "summary.json").read_text())["flaky"]
    assert flaky and all(len(item["verdicts"]) == 3 and len(set(item["verdicts"])) == 2 for item in flaky)
    assert 12 not in {item["sample"] for item in flaky}
    assert f"flaky  one/1 sample {flaky[0]['sample']}" in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "S"), "--strict"]) == 0
    assert main([*arguments[:-1], str(tmp_path / "T"), "--runs", "0"]) == 2
