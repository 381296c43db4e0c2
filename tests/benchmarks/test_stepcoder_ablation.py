"""The ablation: its problems, arms that differ in one thing, tables from whatever is finished."""

from __future__ import annotations

import json

import numpy as np
import pytest

from codegym.agents.recipes.supervised_data import single_slips
from codegym.benchmarks.stepcoder_ablation import ARMS, TASKS, arm_options, folder
from codegym.benchmarks.stepcoder_report import START, difference, episodes_to, family, interval, report, table
from codegym.benchmarks.stepcoder_start import decisions, problem_file
from codegym.envs.mdp.start_states import CCCS
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Problem

SHORT, LONG = TASKS["short"], TASKS["long"]


def write_run(runs, arm, seed, before, after, curve, task="short"):
    path = folder(runs, task, arm, seed)
    (path / "evaluation").mkdir(parents=True)
    for when, rates in (("before", before), ("after", after)):
        (path / "evaluation" / f"{when}.json").write_text(json.dumps({"iterations": 0, "pass_rates": rates}))
    (path / "summary.json").write_text(json.dumps({"seconds": 10.0}))
    lines = [{"iteration": 1}, *({"iteration": i, "held_out": rate} for i, rate in curve)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_arms_are_compared_by_seed_and_problem(tmp_path):
    out, runs = tmp_path / "out", tmp_path / "runs"
    uris = ("short/a-0", "short/b-0")
    nothing = dict.fromkeys(uris, 0.0)
    for seed in (0, 1):
        write_run(runs, "PPO", seed, nothing, dict(zip(uris, (0.25, 0.0), strict=True)), [(4, 0.1)])
    after = dict(zip(uris, (1.0, 0.5), strict=True))
    write_run(runs, "StepCoder", 0, nothing, after, [(4, 0.1), (8, 0.6)])
    report(out, runs, seeds=2)
    rows = json.loads((out / "results.json").read_text())["results"]["short"]
    assert list(rows) == [START, "PPO", "StepCoder"]
    assert rows[START]["pass@1"]["value"] == 0.0 and rows["PPO"]["seeds"] == [0, 1]
    assert rows["StepCoder"]["over PPO"]["value"] == pytest.approx((0.75 + 0.5) / 2)
    assert "over PPO + CCCS" not in rows["StepCoder"]
    assert rows["StepCoder"]["families"] == {"a": 1.0, "b": 0.5}
    assert rows["StepCoder"]["episodes"] == [8 * 4 * 8] and rows["PPO"]["episodes"] == [None, None]
    assert json.loads((out / "curves.json").read_text())["short"]["StepCoder"]["0"] == [[128, 0.1], [256, 0.6]]
    assert (out / "table.md").read_text().count("\n| ") == 2 + 3
    assert (out / "short.png").stat().st_size > 1000 and not (out / "long.png").exists()


def test_the_interval_is_as_wide_as_seeds_and_problems_differ():
    same = interval(np.full((5, 40), 0.25))
    assert (same.low, same.value, same.high) == pytest.approx((0.25, 0.25, 0.25))
    by_seed = interval(np.repeat([[0.0], [1.0], [0.0], [1.0]], 50, axis=1))  # the problems say nothing new
    assert by_seed.low == 0.0 and by_seed.high == 1.0
    by_problem = interval(np.repeat([[0.0, 1.0] * 50], 5, axis=0))
    assert by_problem.high - by_problem.low == pytest.approx(2 * 1.96 * 0.05, abs=0.03)


def test_differences_are_paired():
    one = {seed: {"a": 0.1 * seed, "b": 0.5} for seed in range(3)}
    other = {seed: {"a": 0.1 * seed + 0.2, "b": 0.7} for seed in range(3)}
    gain = difference(one, other, [0, 1, 2])
    assert gain.low == pytest.approx(0.2) and gain.high == pytest.approx(0.2)


def test_the_tables_say_where_a_rate_was_never_reached():
    assert episodes_to([(64, 0.1), (128, 0.6), (192, 0.2)], 0.5) == 128
    assert episodes_to([(64, 0.1)], 0.5) is None
    numbers = {"seeds": [0, 1], "pass@1": {"value": 0.1, "low": 0.0, "high": 0.2}, "families": {"a": 0.1}}
    text = table({START: numbers, "PPO": numbers | {"episodes": [128, None]}}, LONG)
    assert text.splitlines()[-1] == "| PPO | 2 | 10.0 % [0.0, 20.0] |  |  | 128, - |"


def test_the_arms_differ_in_nothing_but_curriculum_and_credit(tmp_path):
    made = [vars(arm_options("short", arm, 3, tmp_path, tmp_path)) for arm in ARMS]
    differ = {name for name in made[0] if len({str(one[name]) for one in made}) > 1}
    assert differ == {"out", "curriculum", "credit"}
    assert {name for name in vars(SHORT) if getattr(SHORT, name) != getattr(LONG, name)} <= {
        "families", "count", "arms", "seeds", "iterations", "max_tokens", "solved",
    }  # fmt: skip


def test_the_problems_are_training_katas_of_the_tier_under_ids_of_their_own(tmp_path):
    file = problem_file(tmp_path / "short.jsonl", SHORT.families, 2)
    problems = list(load_problems(f"jsonl:{file}"))
    assert [family(problem.uri) for problem in problems] == ["rules-chain-2"] * 2 + ["rules-chain-3"] * 2
    katas = load_problems("katas:rules-chain-2").split("train")
    assert problems[0].references == katas[katas.uris[0]].references and problems[0].conditionals == 2
    assert all("branches" in problem.tags for problem in problems)
    assert {CCCS().key(problem) for problem in problems} == {problem.uri for problem in problems}
    written = file.read_text()
    assert problem_file(file, ("rules-chain-5",), 1).read_text() == written


def test_a_decision_is_an_operator_that_has_to_be_right():
    def asked(code: str, numbers: range) -> int:
        names: dict = {}
        exec(code, names)
        tests = tuple(CallTest((x,), names["f"](x)) for x in numbers)
        return decisions(Problem("toy/0", "", entry_point="f", references=(code,), hidden_tests=tests))

    code = "def f(x):\n    if x > 3:\n        return x - 1\n    return x * 5"
    assert single_slips(code) == [code.replace(*slip) for slip in (("> 3", ">= 3"), ("x - 1", "x + 1"), ("* 5", "+ 5"))]
    assert asked(code, range(6)) == 3
    assert asked(code, range(4, 9)) == 0  # no test asks about 3
    assert asked(code.replace("* 5", "+ 5"), range(6)) == 0  # what is right at the end is wrong before


def test_the_deep_task_leaves_ppo_nothing_to_begin_with_and_the_curriculum_a_few_operators(tmp_path):
    deep = TASKS["deep"]
    file = problem_file(tmp_path / "deep.jsonl", deep.families, 1, deep.operators)
    (problem,) = load_problems(f"jsonl:{file}")
    right = 1 - deep.slips
    assert right ** decisions(problem) < 3e-5
    curriculum = CCCS()
    assert curriculum.stage(problem) == 3
    left = problem.references[0][len(curriculum.start(problem).text) :]
    assert right ** len(single_slips(left)) > 0.04
    assert vars(arm_options("deep", "PPO", 0, tmp_path, tmp_path))["iterations"] == deep.iterations
