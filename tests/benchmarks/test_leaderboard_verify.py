"""`codegym verify` notices every kind of edit and names it."""

import json
import shutil
from pathlib import Path

import pytest

from codegym.benchmarks.leaderboard.replay import compare_episodes
from codegym.benchmarks.leaderboard.replay_mark import replay_mark
from codegym.cli import main

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("played") / "R"
    words = ["--env", "codegym/Line-v0", "--problems", "katas", "--split", "test", "--limit", "4", "--samples", "2"]
    assert main(["run", *words, "--agent", "canonical", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(played, tmp_path):
    return Path(shutil.copytree(played, tmp_path / "R"))


def lines_of(folder):
    return [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]


def write(folder, episodes):
    (folder / "episodes.jsonl").write_text("".join(json.dumps(e) + "\n" for e in episodes))


def verify(folder, capsys, *words):
    capsys.readouterr()
    code = main(["verify", str(folder), *words])
    return code, capsys.readouterr().out


def test_an_untouched_run_is_verified_and_marked(folder, capsys):
    code, out = verify(folder, capsys, "--strict")
    assert code == 0 and "verified: 8 episodes replayed" in out
    assert replay_mark(folder) == "replayed"
    (folder / "summary.json").write_text((folder / "summary.json").read_text() + "\n")
    assert replay_mark(folder) == ""


EDITS = {
    "actions": lambda e: e["actions"].insert(0, "    return 0"),
    "actions cut": lambda e: e["actions"].pop(),
    "actions beyond": lambda e: e["actions"].append("<END>"),
    "actions of another kind": lambda e: e.update(actions=[1, 2]),
    "start": lambda e: e["start"].update(text=e["program"]),
    "program": lambda e: e.update(program=e["program"] + " "),
    "reward": lambda e: e.update(reward=0.5),
    "reward_terms": lambda e: e["reward_terms"].update(outcome=0.5),
    "verdict": lambda e: e.update(verdict="WRONG"),
    "tests_passed": lambda e: e.update(tests_passed=e["tests_passed"] - 1),
    "tests_total": lambda e: e.update(tests_total=e["tests_total"] + 1),
    "credit_spans": lambda e: e.update(credit_spans=[]),
    "terminated": lambda e: e.update(terminated=False),
    "truncated": lambda e: e.update(truncated=True),
    "step_rewards": lambda e: e.update(step_rewards=[1.0]),
    "process_weight": lambda e: e.update(process_weight=0.1),
    "seed": lambda e: e.update(seed=1),
    "agent": lambda e: e.update(agent="lm:gpt"),
    "env_id": lambda e: e.update(env_id="codegym/Token-v0"),
    "env_kwargs": lambda e: e["env_kwargs"].update(reward="binary"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_episode_is_named_with_its_field(folder, capsys, edit):
    episodes = lines_of(folder)
    EDITS[edit](episodes[3])
    write(folder, episodes)
    code, out = verify(folder, capsys)
    field = "actions/program" if edit in ("actions", "program") else edit.split(" ")[0]
    assert code == 1 and "NOT verified" in out
    named = [line for line in out.splitlines() if f"{episodes[3]['problem']} sample 1: {field}" in line]
    assert named and "stored" in named[0]
    assert episodes[2]["problem"] == episodes[3]["problem"]
    assert f"{episodes[2]['problem']} sample 0" not in out
    assert replay_mark(folder) == ""


def test_the_tokens_that_a_summary_counts_cannot_be_edited_alone(folder, capsys):
    episodes = lines_of(folder)
    episodes[0]["tokens"] += 5
    write(folder, episodes)
    code, out = verify(folder, capsys)
    assert code == 1 and "summary.json: tokens" in out


def test_missing_repeated_unknown_and_swapped_episodes_are_named(folder, capsys):
    episodes = lines_of(folder)
    name = f"{episodes[3]['problem']} sample 1"
    write(folder, episodes[:3] + episodes[4:])
    code, out = verify(folder, capsys)
    assert code == 1 and f"{name}: episode: stored 'missing'" in out
    write(folder, [*episodes, episodes[3]])
    code, out = verify(folder, capsys)
    assert code == 1 and f"{name}: episode: stored '2 times'" in out
    write(folder, [*episodes, {**episodes[3], "sample": 7}])
    code, out = verify(folder, capsys)
    assert code == 1 and f"{episodes[3]['problem']} sample 7: episode: stored 'present'" in out
    write(folder, [episodes[1], episodes[0], *episodes[2:]])
    code, out = verify(folder, capsys)
    assert code == 1 and "order" in out
    write(folder, [*episodes[:3], {**episodes[5], "sample": 1, "problem": episodes[3]["problem"]}, *episodes[4:]])
    code, out = verify(folder, capsys)
    assert code == 1 and name in out


def test_an_edited_summary_or_record_is_named(folder, capsys):
    summary = json.loads((folder / "summary.json").read_text())
    for name, value in (("mean_reward", 2.0), ("problems", 5), ("broken", [{"problem": "x", "reason": "y"}])):
        (folder / "summary.json").write_text(json.dumps({**summary, name: value}))
        code, out = verify(folder, capsys)
        assert code == 1 and f"summary.json: {name}" in out
    (folder / "summary.json").write_text(json.dumps({**summary, "seconds": 1e9}))
    assert verify(folder, capsys)[0] == 0
    record = json.loads((folder / "run.json").read_text())
    record["settings"]["problems"]["sha256"] = "0" * 64
    (folder / "run.json").write_text(json.dumps(record))
    code, out = verify(folder, capsys)
    assert code == 1 and "run.json: problem set hash" in out


def test_calling_a_hard_problem_broken_does_not_raise_the_mean(tmp_path, capsys):
    words = ["--env", "Line-v0", "--problems", "katas", "--split", "test", "--limit", "3", "--agent", "empty"]
    assert main(["run", *words, "--out", str(tmp_path / "R")]) == 0
    summary = json.loads((tmp_path / "R" / "summary.json").read_text())
    uri = lines_of(tmp_path / "R")[0]["problem"]
    summary["broken"] = [{"problem": uri, "reason": "the reference gets WRONG"}]
    (tmp_path / "R" / "summary.json").write_text(json.dumps(summary))
    code, out = verify(tmp_path / "R", capsys)
    assert code == 1 and f"broken {uri}" in out


def test_an_unfinished_run_is_not_verified(folder, capsys):
    (folder / "summary.json").unlink()
    code, out = verify(folder, capsys)
    assert code == 1 and "unfinished" in out


def test_what_cannot_be_read_is_bad_input_with_its_line(folder, tmp_path, capsys):
    text = (folder / "episodes.jsonl").read_text().splitlines(keepends=True)
    (folder / "episodes.jsonl").write_text("".join(text[:2]) + "{broken\n" + "".join(text[2:]))
    assert main(["verify", str(folder)]) == 2
    assert "episodes.jsonl:3: not a JSON line" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "nowhere")]) == 2
    assert "No run folder" in capsys.readouterr().err


def test_time_and_memory_on_one_side_are_the_machine_and_nothing_else_is(episode):
    stored = episode("a", verdict="PASS")
    slower = episode("a", verdict="TIMEOUT", reward=-0.6, reward_terms={"outcome": -0.6}, tests_passed=0)
    assert {d.kind for d in compare_episodes(stored, slower)} == {"machine-limited"}
    other = episode("a", verdict="TIMEOUT", program="x", reward=-0.6)
    assert {d.field: d.kind for d in compare_episodes(stored, other)}["actions/program"] == "differs"
    wrong = episode("a", verdict="WRONG")
    assert {d.kind for d in compare_episodes(stored, wrong)} == {"differs"}


@pytest.mark.parametrize("env", ["codegym/Token-v0", "codegym/Pseudocode-v0"])
def test_other_environments_replay_as_well(tmp_path, capsys, env):
    words = ["--env", env, "--problems", "katas", "--split", "test", "--limit", "4", "--credit", "ochiai"]
    assert main(["run", *words, "--agent", "random", "--max-tokens", "12", "--out", str(tmp_path / "R")]) == 0
    assert verify(tmp_path / "R", capsys, "--strict")[0] == 0


def test_sampling_again_from_the_agent_gives_the_same_actions(folder, tmp_path, capsys):
    code, out = verify(folder, capsys, "--regenerate", "3")
    assert code == 0 and "3 sampled again" in out
    assert replay_mark(folder) == "regenerated"
    words = ["--env", "Line-v0", "--problems", "katas", "--limit", "3", "--agent", "random"]
    assert main(["run", *words, "--out", str(tmp_path / "N")]) == 0
    record = json.loads((tmp_path / "N" / "run.json").read_text())
    record["options"]["agent"] = "empty"
    (tmp_path / "N" / "run.json").write_text(json.dumps(record))
    code, out = verify(tmp_path / "N", capsys, "--regenerate", "2")
    assert code == 1 and "(sampled again): actions" in out
