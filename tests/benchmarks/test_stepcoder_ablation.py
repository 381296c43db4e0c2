"""The ablation's tables: pairs by seed and problem, episodes to a pass rate, whatever is finished."""

from __future__ import annotations

import json

import pytest

from codegym.benchmarks.stepcoder_ablation import ARMS, Options, arm_options, folder, report


def write_run(runs, arm, seed, before, after, curve):
    path = folder(runs, arm, seed)
    (path / "evaluation").mkdir(parents=True)
    for when, rates in (("before", before), ("after", after)):
        (path / "evaluation" / f"{when}.json").write_text(json.dumps({"iterations": 0, "pass_rates": rates}))
    (path / "summary.json").write_text(json.dumps({"seconds": 10.0}))
    lines = [{"iteration": 1}, *({"iteration": i, "held_out": rate} for i, rate in curve)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_arms_are_compared_with_ppo_by_seed_and_problem(tmp_path):
    options = Options(out=tmp_path / "out", runs=tmp_path / "runs", seeds=2, prompts=4)
    nothing, uris = {"katas/a/0": 0.0, "katas/b/0": 0.0}, ("katas/a/0", "katas/b/0")
    for seed in (0, 1):
        write_run(options.runs, "ppo", seed, nothing, dict(zip(uris, (0.25, 0.0), strict=True)), [(4, 0.1)])
    write_run(options.runs, "stepcoder", 0, nothing, dict(zip(uris, (1.0, 0.5), strict=True)), [(4, 0.1), (8, 0.6)])
    report(options.out, options.runs, options)
    rows = json.loads((options.out / "results.json").read_text())["rows"]
    assert list(rows) == ["sft", "ppo", "stepcoder"]
    assert rows["sft"]["pass@1"]["value"] == 0.0 and rows["ppo"]["seeds"] == 2
    assert rows["stepcoder"]["over ppo"]["value"] == pytest.approx((0.75 + 0.5) / 2)
    assert rows["stepcoder"]["families"] == {"a": 1.0, "b": 0.5}
    assert rows["stepcoder"]["episodes"] == [8 * 4 * 8] and rows["ppo"]["episodes"] == [None, None]
    curves = json.loads((options.out / "curves.json").read_text())
    assert curves["stepcoder"]["0"] == [[128, 0.1], [256, 0.6]]
    assert (options.out / "table.md").read_text().count("\n") == 2 + 3


def test_the_arms_differ_in_nothing_but_curriculum_and_credit(tmp_path):
    options = Options(out=tmp_path)
    made = [vars(arm_options(arm, 3, tmp_path, tmp_path, options)) for arm in ARMS]
    differ = {name for name in made[0] if len({str(one[name]) for one in made}) > 1}
    assert differ == {"out", "curriculum", "credit"}
