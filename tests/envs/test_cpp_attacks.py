"""The C++ part of the attack corpus: a dozen of its programs by default, all of them in the slow run."""

from __future__ import annotations

import pytest

from codegym.envs.execution import audit
from codegym.envs.execution.attacks import CPP_TASKS, load_attacks
from codegym.envs.execution.cpp_toolchain import why_missing

pytestmark = pytest.mark.skipif(bool(why_missing()), reason=why_missing())

SOME = {
    "cpp_control", "cpp_control_linked", "cpp_exit_in_function", "cpp_own_assert_fail_linked", "cpp_define_assert",
    "cpp_answers_ahead", "cpp_echo_proof_linked", "cpp_kill_parent", "cpp_write_victim", "cpp_connect_linked",
    "cpp_include_secret", "cpp_has_include_secret", "cpp_incbin_secret",
}  # fmt: skip


def run(names: set[str] | None) -> None:
    attacks = [a for a in load_attacks() if a.task in CPP_TASKS and (names is None or a.name in names)]
    assert len(attacks) == (len(names) if names is not None else len(attacks)) >= 13
    result = audit.audit(attacks, audit.settings()[:1])
    (setting,) = result["levels"].values()
    assert {kind: result[kind] for kind in audit.LISTS} == {kind: [] for kind in audit.LISTS}, setting["notes"]
    assert len(setting["verdicts"]) == len(attacks)


@pytest.mark.timeout(300)
def test_some_attacks():
    run(SOME)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_all_attacks():
    assert len([attack for attack in load_attacks() if attack.task in CPP_TASKS]) >= 100
    run(None)
