"""A paired comparison of hand-made runs."""

from math import comb

import pytest

from codegym.benchmarks.leaderboard.compare import compare_runs, sign_test
from codegym.benchmarks.leaderboard.run_folder import differences, open_run, read_run
from codegym.envs.errors import DataError, OptionError


def runs_of(run_folder, episode, first, second):
    """Two runs given as {problem: string of P and F}."""
    return [
        read_run(
            run_folder(
                name, [episode(p, i, "PASS" if c == "P" else "WRONG") for p, s in run.items() for i, c in enumerate(s)]
            )
        )
        for name, run in (("first", first), ("second", second))
    ]


def test_only_common_problems_count_and_wins_are_per_problem(run_folder, episode):
    first = {"a": "PF", "b": "FF", "c": "PP", "only": "PP"}
    second = {"a": "PP", "b": "PF", "c": "PF", "other": "FF", "another": "FF"}
    (c,) = compare_runs(runs_of(run_folder, episode, first, second))
    assert (c.problems, c.only_first, c.only_second) == (3, 1, 2)
    assert (c.wins, c.ties, c.losses) == (2, 0, 1)
    assert c.first_value.value == pytest.approx((0.5 + 0 + 1) / 3)
    assert c.second_value.value == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert c.difference.value == pytest.approx(c.second_value.value - c.first_value.value)


def test_pairing_makes_a_small_steady_gain_significant(run_folder, episode):
    first = {f"p{i}": "FFFF" if i % 2 else "PPPF" for i in range(20)}
    second = {f"p{i}": "PFFF" if i % 2 else "PPPP" for i in range(20)}
    (c,) = compare_runs(runs_of(run_folder, episode, first, second))
    assert c.difference.low == pytest.approx(0.25) and c.difference.high == pytest.approx(0.25)
    assert c.first_value.high > c.second_value.low  # unpaired intervals overlap
    assert c.verdict == "second is better than first"


def test_no_difference_is_not_called_one(run_folder, episode):
    first = {f"p{i}": "P" if i % 2 else "F" for i in range(40)}
    second = {f"p{i}": "P" if i % 3 else "F" for i in range(40)}
    (c,) = compare_runs(runs_of(run_folder, episode, first, second))
    assert c.difference.low < 0 < c.difference.high
    assert "no difference" in c.verdict


def test_broken_problems_are_left_out(run_folder, episode):
    episodes = [episode("a"), episode("b", 0, "WRONG")]
    runs = [read_run(run_folder(n, episodes, broken={"b": "the reference gets WRONG"})) for n in ("x", "y")]
    (c,) = compare_runs(runs)
    assert c.problems == 1 and c.first_value.value == 1.0


def test_nothing_in_common_is_an_error_that_says_so(run_folder, episode):
    runs = runs_of(run_folder, episode, {"a": "P"}, {"b": "P"})
    with pytest.raises(DataError, match="share no problem"):
        compare_runs(runs)


def test_runs_under_other_rules_are_noted(run_folder, episode):
    one = read_run(run_folder("one", [episode("a")], tests="all"))
    two = read_run(run_folder("two", [episode("a")], tests="public"))
    (c,) = compare_runs([one, two])
    assert any("tests differ" in note for note in c.notes)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (5, 0), (8, 2), (3, 3), (1, 2)])
def test_the_sign_test_is_the_binomial_tail(wins, losses):
    n = wins + losses
    expected = 1.0 if wins == losses else 2 * sum(comb(n, i) for i in range(max(wins, losses), n + 1)) / 2**n
    assert sign_test(wins, losses) == pytest.approx(min(expected, 1.0))


def test_a_folder_that_is_no_run_is_named(tmp_path, run_folder, episode):
    with pytest.raises(DataError, match="No run folder"):
        read_run(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"has no run\.json"):
        read_run(tmp_path)
    folder = run_folder("bad", [episode("a"), episode("b")])
    text = (folder / "episodes.jsonl").read_text()
    (folder / "episodes.jsonl").write_text(text[:-30])
    with pytest.raises(DataError, match=r"episodes\.jsonl:2: not a JSON line"):
        read_run(folder)


def test_a_folder_is_resumed_only_with_the_same_settings(tmp_path):
    record = {"settings": {"agent": "empty", "env_kwargs": {"reward": "ladder"}, "samples": 2}}
    place = open_run(tmp_path / "run", record)
    assert open_run(tmp_path / "run", record) == place
    other = {"settings": {"agent": "empty", "env_kwargs": {"reward": "binary"}, "samples": 2}}
    with pytest.raises(OptionError, match=r"env_kwargs\.reward is 'ladder' there and 'binary' here"):
        open_run(tmp_path / "run", other)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "episodes.jsonl").write_text("precious\n")
    with pytest.raises(OptionError, match=r"no run\.json"):
        open_run(tmp_path / "other", record)
    assert (tmp_path / "other" / "episodes.jsonl").read_text() == "precious\n"


def test_differences_are_named_by_their_path():
    assert differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 1}, "c": 2}) == []
    assert differences({"a": {"b": 1}}, {"a": {"b": 2}, "c": 3}) == [
        "a.b is 1 there and 2 here",
        "c is None there and 3 here",
    ]
