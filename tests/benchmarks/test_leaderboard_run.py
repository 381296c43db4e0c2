"""A benchmark run from the command line: results, resuming after a kill, refusals that leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codegym.benchmarks.leaderboard.as_actions import actions_of, added_text
from codegym.benchmarks.leaderboard.run_folder import read_run
from codegym.cli import main
from codegym.envs.mdp.state import View
from codegym.envs.vocabulary import load_vocabulary

HERE = Path(__file__).parent
KATAS = ("--env", "codegym/Line-v0", "--problems", "katas", "--split", "test", "--limit", "6")


@pytest.fixture(autouse=True)
def agents_at_hand(monkeypatch):
    monkeypatch.chdir(HERE)
    monkeypatch.syspath_prepend(str(HERE))


def run(out, *words, agent="canonical", base=KATAS):
    return main(["run", *base, "--agent", agent, "--out", str(out), *words])


def summary_of(folder):
    summary = json.loads((folder / "summary.json").read_text())
    assert summary.pop("seconds") >= 0
    return summary


@pytest.mark.parametrize("env", ["codegym/Line-v0", "Token-v0", "codegym:codegym/Pseudocode-v0"])
def test_the_references_pass_in_every_environment(tmp_path, env, capsys):
    assert run(tmp_path / "R", "--samples", "2", base=("--env", env, *KATAS[2:])) == 0
    assert "100.0 %" in capsys.readouterr().out
    summary = summary_of(tmp_path / "R")
    assert summary["pass@1"] == summary["pass@2"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (summary["problems"], summary["samples"], summary["verdicts"]) == (6, 2, {"PASS": 12})
    episodes = read_run(tmp_path / "R").episodes
    uris = list(dict.fromkeys(e.problem for e in episodes))
    assert [(e.problem, e.sample) for e in episodes] == [(uri, s) for uri in uris for s in range(2)]
    assert len({e.seed for e in episodes}) == 12
    assert all(e.reward == 1.0 and e.terminated and e.agent == "canonical" for e in episodes)


def test_the_record_says_where_the_result_comes_from(tmp_path):
    assert run(tmp_path / "R", "--seed", "3", "--reward", "binary") == 0
    record = json.loads((tmp_path / "R" / "run.json").read_text())
    settings = record["settings"]
    assert settings["env_id"] == "codegym/Line-v0" and settings["env_kwargs"]["reward"] == "binary"
    assert len(settings["problems"]["sha256"]) == 64 and settings["problems"]["count"] == 6
    assert (settings["tests"], settings["seed"], settings["samples"]) == ("all", 3, 1)
    assert record["agent"]["name"] == "canonical"
    assert {"argv", "commit", "versions", "isolation", "machine"} <= record.keys()
    assert {"python", "codegym", "numpy", "gymnasium"} <= record["versions"].keys()
    assert record["isolation"]["layers"]


def test_agents_that_write_little_or_nonsense_do_not_pass(tmp_path):
    for agent in ("empty", "random", "slow_agents:constant"):
        assert run(tmp_path / agent.replace(":", "-"), agent=agent) == 0
    empty, constant = (read_run(tmp_path / name) for name in ("empty", "slow_agents-constant"))
    assert not any(e.verdict == "PASS" for e in empty.episodes)
    assert all(e.actions == ("<END>",) for e in empty.episodes)
    assert all("return 26" in e.program for e in constant.episodes)
    assert len(constant.record["agent"]["source_sha256"]) == 64


def test_one_seed_gives_one_result_and_batches_do_not_matter(tmp_path):
    words = ("--samples", "2")
    for name, more in (("a", ()), ("b", ("--batch", "5")), ("c", ("--seed", "1"))):
        assert run(tmp_path / name, *words, *more, agent="random") == 0
    a, b, c = (read_run(tmp_path / name).episodes for name in "abc")
    assert a == b
    assert [e.actions for e in a] != [e.actions for e in c]


def test_tags_and_limit_choose_the_problems(tmp_path):
    assert run(tmp_path / "R", "--tags", "lists", agent="empty") == 0
    from codegym.envs.problems.catalog import load_problems

    problems = load_problems("katas", "test")
    expected = [problem.uri for problem in problems if "lists" in problem.tags][:6]
    assert [episode.problem for episode in read_run(tmp_path / "R").episodes] == expected
    assert main(["verify", str(tmp_path / "R")]) == 0


def test_a_problem_with_a_wrong_reference_is_listed_and_left_out(tmp_path):
    lines = [
        {
            "id": name,
            "statement": "Return twice x.",
            "entry_point": "f",
            "references": [f"def f(x):\n    return {reference}"],
            "public_tests": [{"kind": "call", "args": [3], "expected": 6}],
        }
        for name, reference in (("good", "2 * x"), ("bad", "x"))
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    base = ("--env", "Line-v0", "--problems", f"jsonl:{file}")
    assert run(tmp_path / "canonical", base=base) == 0
    assert run(tmp_path / "empty", base=base, agent="empty") == 0
    canonical, empty = summary_of(tmp_path / "canonical"), summary_of(tmp_path / "empty")
    for summary in (canonical, empty):
        (broken,) = summary["broken"]
        assert broken["problem"] == "mine/bad" and "WRONG" in broken["reason"]
    assert (canonical["pass@1"]["value"], canonical["problems"]) == (0.5, 2)
    assert (empty["pass@1"]["value"], empty["problems"]) == (0.0, 1)
    assert main(["verify", str(tmp_path / "canonical")]) == main(["verify", str(tmp_path / "empty")]) == 0


def test_a_killed_run_resumes_to_the_same_end(tmp_path):
    words = ["run", *KATAS, "--agent", "slow_agents:slow", "--samples", "3", "--batch", "3"]
    environment = {**os.environ, "CALLS": str(tmp_path / "calls"), "PYTHONPATH": str(HERE)}

    def start(out):
        command = [sys.executable, "-m", "codegym", *words, "--out", str(out)]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )

    whole = start(tmp_path / "whole")
    assert whole.wait(100) == 0, whole.stderr.read()
    whole.stderr.close()
    killed = start(tmp_path / "killed")
    file = tmp_path / "killed" / "episodes.jsonl"
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_bytes().count(b"\n") >= 6) and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)
    killed.stderr.close()
    assert not (tmp_path / "killed" / "summary.json").exists()
    written = file.read_bytes().count(b"\n")
    assert 6 <= written < 18
    with open(file, "ab") as half:
        half.write(b'{"env_id":"codegym/Li')
    calls = (tmp_path / "calls").read_text().count("\n")
    again = start(tmp_path / "killed")
    assert again.wait(100) == 0, again.stderr.read()
    again.stderr.close()
    assert (tmp_path / "calls").read_text().count("\n") - calls == (18 - written) // 3  # no batch is played twice
    assert file.read_bytes() == (tmp_path / "whole" / "episodes.jsonl").read_bytes()
    assert summary_of(tmp_path / "killed") == summary_of(tmp_path / "whole")


@pytest.mark.parametrize("kept", [0, 1, 4, 5, 11, 12])
def test_a_file_cut_anywhere_is_completed(tmp_path, kept):
    words = ("--samples", "2", "--batch", "4")
    assert run(tmp_path / "R", *words, agent="random") == 0
    file = tmp_path / "R" / "episodes.jsonl"
    whole, summary = file.read_bytes(), summary_of(tmp_path / "R")
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:kept]) + (lines[kept][:50] if kept < len(lines) else b""))
    (tmp_path / "R" / "summary.json").unlink()
    assert run(tmp_path / "R", *words, agent="random") == 0
    assert file.read_bytes() == whole
    assert summary_of(tmp_path / "R") == summary


def test_another_configuration_in_the_same_folder_is_refused_and_named(tmp_path, capsys):
    assert run(tmp_path / "R") == 0
    files = {p.name: p.read_bytes() for p in (tmp_path / "R").iterdir()}
    for words, named in (
        (("--seed", "1"), "seed is 0 there and 1 here"),
        (("--samples", "2"), "samples is 1 there and 2 here"),
        (("--reward", "binary"), "env_kwargs.reward"),
    ):
        capsys.readouterr()
        assert run(tmp_path / "R", *words) == 2
        error = capsys.readouterr().err.strip()
        assert named in error and "\n" not in error
    assert {p.name: p.read_bytes() for p in (tmp_path / "R").iterdir()} == files


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--problems", "humanevil"), "humaneval"),
        (("--problems", "jsonl:/no/such/file.jsonl"), "/no/such/file.jsonl"),
        (("--env", "codegym/Lines-v0"), "codegym/Line-v0"),
        (("--agent", "canonicle"), "Did you mean 'canonical'?"),
        (("--agent", "no_such_module:f"), "no_such_module:f"),
        (("--agent", "slow_agents:nothing"), "no function nothing"),
        (("--agent", "slow_agents:wrong_number"), "one program (a str) per view"),
        (("--split", "tset"), "test"),
        (("--tags", "listz"), "lists"),
        (("--samples", "0"), "--samples is 0"),
        (("--reward", "ladders"), "ladder"),
    ],
)
def test_bad_input_is_one_line_and_code_2(tmp_path, words, named, capsys):
    options = dict(zip(KATAS[::2], KATAS[1::2], strict=True)) | {"--agent": "canonical"}
    options |= dict(zip(words[::2], words[1::2], strict=True))
    if "humaneval" in named or "jsonl" in words[1]:
        del options["--split"]
    flat = [word for pair in options.items() for word in pair]
    assert main(["run", *flat, "--out", str(tmp_path / "R")]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("codegym: ") and "\n" not in error and named in error
    if "wrong_number" not in words[1]:
        assert not (tmp_path / "R").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_played(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert run(tmp_path / "file" / "R") == 2
    assert "Cannot write into" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def view(mdp, given):
    return View(mdp, "x/1", "", "", "f", (), given, given, "")


@pytest.mark.parametrize(
    ("given", "program", "expected"),
    [
        ("def f(x):", "def f(x):\n    return x\n", ("    return x", "<END>")),
        ("def f(x):", "def f(x):", ("<END>",)),
        ("def f(x):", "def g(): 1", ("def g(): 1", "<END>")),
        ("", "a\n\nb", ("a", "", "b", "<END>")),
        ("", None, ("<END>",)),
        ("x", None, ("<END>",)),
    ],
)
def test_a_program_as_lines(given, program, expected):
    assert actions_of(view("line", given), program) == expected


def test_a_program_as_tokens_and_as_pseudocode():
    vocabulary = load_vocabulary()
    *ids, end = actions_of(view("token", "def f(x):"), "def f(x):\n    return é\n", vocabulary)
    assert vocabulary.decode(ids) == "\n    return é" and end == vocabulary.eos
    assert actions_of(view("pseudocode", ""), "x = 1") == ("<Action 3>\n```python\nx = 1\n```",)
    assert added_text("a", "b") == "\nb"
