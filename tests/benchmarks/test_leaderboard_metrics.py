"""What a run's episodes add up to, by hand."""

import itertools
import re

import pytest

from codegym.benchmarks.leaderboard.metrics import pass_rates, percent, reported_k, summarise
from codegym.benchmarks.leaderboard.tables import print_summary


def test_pass_at_k_is_the_share_of_k_subsets_with_a_passing_sample(episode):
    verdicts = ["PASS", "WRONG", "PASS", "ERROR", "WRONG"]
    episodes = [episode("a", i, v) for i, v in enumerate(verdicts)] + [episode("b", i, "WRONG") for i in range(5)]
    summary = summarise(episodes)
    for k in (1, 2, 5):
        subsets = list(itertools.combinations(verdicts, k))
        share = sum("PASS" in subset for subset in subsets) / len(subsets)
        assert summary[f"pass@{k}"]["value"] == pytest.approx((share + 0) / 2)
        assert pass_rates(episodes, k) == pytest.approx({"a": share, "b": 0})
    assert [key for key in summary if key.startswith("pass@")] == ["pass@1", "pass@2", "pass@5"]


def test_counts_means_and_verdicts(episode):
    episodes = [
        episode("a", 0, "PASS", tokens=5),
        episode("a", 1, "WRONG", tokens=7, truncated=True),
        episode("b", 0, "WRONG"),
        episode("b", 1, "TIMEOUT"),
    ]
    summary = summarise(episodes)
    assert summary["problems"] == 2 and summary["samples"] == 2 and summary["episodes"] == 4
    assert summary["verdicts"] == {"PASS": 1, "WRONG": 2, "TIMEOUT": 1}
    assert list(summary["verdicts"]) == ["PASS", "WRONG", "TIMEOUT"]
    assert summary["mean_reward"] == pytest.approx((1 - 0.9) / 4)
    assert summary["mean_tests_passed"] == pytest.approx((1 + 3 * 0.25) / 4)
    assert summary["tokens"] == 12 and summary["truncated"] == 1


def test_broken_problems_are_listed_and_left_out_except_for_the_reference_itself(episode):
    episodes = [episode("a"), episode("b", 0, "WRONG")]
    broken = {"b": "the reference gets WRONG"}
    agent = summarise(episodes, broken=broken)
    canonical = summarise(episodes, broken=broken, count_broken=True)
    assert (agent["pass@1"]["value"], agent["problems"]) == (1.0, 1)
    assert (canonical["pass@1"]["value"], canonical["problems"]) == (0.5, 2)
    for summary in (agent, canonical):
        assert summary["broken"] == [{"problem": "b", "reason": "the reference gets WRONG"}]


def test_problems_without_a_sample_count_as_not_passed_and_are_named(episode):
    summary = summarise([episode("a"), episode("b", 0, "WRONG")], not_attempted=["c", "d"])
    assert summary["pass@1"]["value"] == 0.25
    assert summary["problems"] == 4
    assert summary["not_attempted"] == ["c", "d"]
    assert summary["attempted"]["problems"] == 2 and summary["attempted"]["pass@1"]["value"] == 0.5


def test_a_mean_over_nothing_is_unknown_not_zero(episode):
    summary = summarise([episode("a", 0, "WRONG")], broken={"a": "no"})
    assert summary["pass@1"] == {"value": None, "low": None, "high": None}
    assert percent(summary["pass@1"]) == "-"


def test_unequal_numbers_of_samples_use_the_smallest_for_k(episode):
    episodes = [episode("a", i) for i in range(3)] + [episode("b")]
    summary = summarise(episodes)
    assert summary["samples"] == 1 and "pass@2" not in summary
    assert pass_rates(episodes, 2) == {"a": 1.0}


@pytest.mark.parametrize(
    ("samples", "ks"),
    [(0, []), (1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (10, [1, 2, 5, 10]), (200, [1, 2, 5, 10, 20, 50, 100, 200])],
)
def test_which_k_are_reported(samples, ks):
    assert reported_k(samples) == ks


def test_the_printed_table_says_the_same_with_lines_and_without(episode, monkeypatch, capsys):
    episodes = [episode("a", 0, "PASS", tokens=5), episode("b", 0, "WRONG", tokens=2000)]
    summary = summarise(episodes, not_attempted=["c"]) | {"seconds": 1.25}
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    print_summary("two of three", summary)
    plain = capsys.readouterr().out
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    print_summary("two of three", summary)
    drawn = re.sub(r"\x1b\[[0-9;]*m|[─-╿]", " ", capsys.readouterr().out)
    assert plain.split() == drawn.split()
    assert "33.3 %" in plain and "2,005" in plain and plain.splitlines()[0] == "two of three"
    assert all(line == line.rstrip() and line.isascii() for line in plain.splitlines())
