"""Rewards are pure functions of an Outcome; phi joins them with step rewards."""

from __future__ import annotations

import itertools

import pytest

from codegym.envs.errors import InfrastructureError, OptionError
from codegym.envs.execution.outcome import Outcome, TestResult, Verdict
from codegym.envs.rewards.outcome_reward import REWARDS, fraction_bonus, option_form, resolve_reward
from codegym.envs.rewards.phi import phi, process_payment, process_term


def outcome(verdict: Verdict, passed: int = 0, total: int = 4) -> Outcome:
    failed = Verdict.WRONG if verdict is Verdict.PASS else verdict
    tests = [TestResult(Verdict.PASS)] * passed + [TestResult(failed)] * (total - passed)
    return Outcome(verdict, () if verdict is Verdict.COMPILE else tuple(tests), tests_total=total)


CASES = [
    # verdict, tests passed of 4 -> ladder, adaptive, binary, fraction, fraction_bonus, compile_blend
    (Verdict.COMPILE, 0, -1.0, -1.0, 0.0, 0.0, 0.0, 0.0),
    (Verdict.ERROR, 1, -0.6, -0.6, 0.0, 0.25, 0.25, 0.1 + 0.9 * 0.25),
    (Verdict.TIMEOUT, 2, -0.6, -0.6, 0.0, 0.5, 0.5, 0.1 + 0.9 * 0.5),
    (Verdict.MEMORY, 0, -0.6, -0.6, 0.0, 0.0, 0.0, 0.1),
    (Verdict.OUTPUT, 0, -0.6, -0.6, 0.0, 0.0, 0.0, 0.1),
    (Verdict.POLICY, 0, -0.6, -0.6, 0.0, 0.0, 0.0, 0.1),
    (Verdict.WRONG, 0, -0.3, -0.3, 0.0, 0.0, 0.0, 0.1),
    (Verdict.WRONG, 3, -0.3, -0.3 + 1.3 * 0.75, 0.0, 0.75, 0.75, 0.1 + 0.9 * 0.75),
    (Verdict.PASS, 4, 1.0, 1.0, 1.0, 1.0, 1.5, 1.0),
]
NAMES = ["ladder", "adaptive", "binary", "fraction", "fraction_bonus", "compile_blend"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_each_reward_has_the_value_of_its_paper(case):
    verdict, passed, *expected = case
    for name, value in zip(NAMES, expected, strict=True):
        reward = resolve_reward(name)(outcome(verdict, passed))
        assert reward == pytest.approx(value), name
        assert type(reward) is float


def test_the_table_above_covers_every_verdict_and_every_reward():
    assert {case[0] for case in CASES} == set(Verdict) - {Verdict.INFRA}
    assert set(NAMES) == set(REWARDS)


@pytest.mark.parametrize("name", NAMES)
def test_rewards_never_fall_as_more_tests_pass(name):
    reward = resolve_reward(name)
    rewards = [reward(outcome(Verdict.WRONG, passed)) for passed in range(4)] + [reward(outcome(Verdict.PASS, 4))]
    assert all(a <= b for a, b in itertools.pairwise(rewards)) and rewards[-1] > rewards[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_of_the_machine_is_never_a_reward(name):
    with pytest.raises(InfrastructureError, match="not judged"):
        resolve_reward(name)(outcome(Verdict.INFRA))


def test_rewards_take_parameters_callables_and_import_paths():
    half = outcome(Verdict.WRONG, 2)
    assert resolve_reward({"name": "compile_blend", "alpha": 0.5})(half) == pytest.approx(0.75)
    assert resolve_reward({"name": "fraction_bonus", "bonus": 2.0})(outcome(Verdict.PASS, 4)) == 3.0
    assert resolve_reward("codegym.envs.rewards.outcome_reward:fraction")(half) == 0.5
    assert resolve_reward(lambda result: 7.0)(half) == 7.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("lader", "Did you mean 'ladder'"),
        ({"name": "compile_blend", "alfa": 1}, "Did you mean 'alpha'"),
        ({"name": "fraction_bonus", "bonus": "much"}, "is a number"),
        ("no.such.module:reward", "Cannot import"),
        ("math:pi", "not callable"),
        (3, "ladder"),
    ],
)
def test_a_reward_that_does_not_exist_is_refused_with_what_is_allowed(given, message):
    with pytest.raises(OptionError, match=message):
        resolve_reward(given)


def test_options_have_a_json_form_from_which_the_reward_can_be_resolved_again():
    for option in ("ladder", {"name": "compile_blend", "alpha": 0.5}, fraction_bonus):
        form = option_form(option)
        assert isinstance(form, str | dict)
        assert resolve_reward(form)(outcome(Verdict.PASS, 4)) == resolve_reward(option)(outcome(Verdict.PASS, 4))


def test_phi_is_the_papers_formula():
    steps = [0.5, -1.0, 2.0]
    alpha, gamma = 0.3, 0.9
    by_hand = alpha * 4.0 + (1 - alpha) / 3 * (0.9 * 0.5 + 0.81 * -1.0 + 0.729 * 2.0)
    assert phi(4.0, steps, alpha, gamma) == pytest.approx(by_hand)
    assert phi(4.0, steps, 1.0, gamma) == 4.0
    assert phi(4.0, steps, 0.0, 1.0) == pytest.approx(0.5)
    assert phi(4.0, [], 0.5) == 2.0


def test_payments_step_by_step_sum_to_the_process_term():
    steps = [0.5, -1.0, 2.0, 0.25, 0.0]
    for alpha, gamma in itertools.product((0.0, 0.4, 1.0), (1.0, 0.7)):
        paid = [process_payment(steps[:m], alpha, gamma) for m in range(1, len(steps) + 1)]
        assert sum(paid) == pytest.approx(process_term(steps, alpha, gamma))
        assert paid[0] == pytest.approx((1 - alpha) * gamma * steps[0])
