"""The three decision processes as pure functions over values."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from codegym import END
from codegym.envs.errors import OptionError, StateError
from codegym.envs.mdp import line, pseudocode, token
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.state import Start, State
from codegym.envs.mdp.visible import visible
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Problem
from codegym.envs.vocabulary import load_vocabulary

KATA = load_problems("katas")[0]
GIVEN = Start("question", KATA.given)
WORDS = load_vocabulary()


def play(state: State, *actions, process) -> State:
    for action in actions:
        state = process(state, action)
    return state


def write(text: str, budget: int = 256, start: Start = GIVEN) -> State:
    state = token.initial(KATA, start, budget, WORDS)
    return play(state, *WORDS.encode(text), process=lambda s, a: token.transition(s, a, WORDS))


# Token


def test_token_program_is_the_given_text_and_the_bytes_of_the_ids():
    state = write("\n    return 'é\u4e16'")
    assert token.program(state, WORDS) == KATA.given + "\n    return 'é\u4e16'"
    assert state.phase == "writing" and state.used == len(state.actions)


def test_token_end_of_sequence_terminates_and_spells_nothing():
    state = token.transition(write("\n    return 1"), WORDS.eos, WORDS)
    assert state.terminated and not state.truncated
    assert token.program(state, WORDS) == KATA.given + "\n    return 1"


def test_token_budget_truncates_with_the_partial_program():
    ids = WORDS.encode("\n    return sum(xs)")
    state = write("\n    return sum(xs)", budget=len(ids))
    assert state.truncated and not state.terminated
    assert token.program(state, WORDS) == KATA.given + "\n    return sum(xs)"
    last = token.transition(write("\n", budget=2), WORDS.eos, WORDS)
    assert last.terminated and not last.truncated, "the last token of the budget may still end the program"


def test_token_bytes_that_are_no_utf8_are_no_program():
    of_byte = {spelled: token_id for token_id, spelled in enumerate(WORDS.token_bytes)}
    state = token.initial(KATA, GIVEN, 9, WORDS)
    state = token.transition(state, of_byte[b"\xc3"], WORDS)
    assert token.program(state, WORDS) is None
    assert token.text(state, WORDS) == KATA.given, "an unfinished character is not shown"
    finished = token.transition(state, of_byte[b"\xa9"], WORDS)
    assert token.program(finished, WORDS) == KATA.given + "é"
    broken = token.transition(state, of_byte[b"("], WORDS)
    assert token.program(broken, WORDS) is None and token.text(broken, WORDS) == KATA.given + "\ufffd("


def test_token_ranges_are_the_characters_that_each_token_wrote_a_part_of():
    of_byte = {spelled: token_id for token_id, spelled in enumerate(WORDS.token_bytes)}
    actions = [of_byte[b"a"], of_byte[b"\xc3"], of_byte[b"\xa9"], of_byte[b"b"], WORDS.eos]
    state = token.initial(KATA, Start("prefix", "xy"), 9, WORDS)
    for action in actions:
        state = token.transition(state, action, WORDS)
    assert token.character_ranges(state, WORDS) == [(2, 3), (3, 4), (3, 4), (4, 5), (0, 0)]


@pytest.mark.parametrize("action", [-1, WORDS.size, 1.0, "a", None, True])
def test_token_actions_outside_the_vocabulary_are_refused(action):
    with pytest.raises(OptionError, match=r"token id in 0\.\.511"):
        token.transition(token.initial(KATA, GIVEN, 9, WORDS), action, WORDS)


def test_token_actions_may_be_numpy_integers_but_the_state_holds_plain_ones():
    state = token.transition(token.initial(KATA, GIVEN, 9, WORDS), np.int64(7), WORDS)
    assert type(state.actions[0]) is int


# Line


def lines(*actions: str, budget: int = 1024, start: Start = GIVEN) -> State:
    return play(line.initial(KATA, start, budget), *actions, process=line.transition)


def test_line_program_is_the_given_text_and_newline_joined_lines():
    assert line.program(lines("    x = 1", "    return x", END)) == KATA.given + "\n    x = 1\n    return x"
    assert line.program(lines("import math", "def f(): ...", start=Start())) == "import math\ndef f(): ..."
    assert line.program(lines()) == KATA.given
    assert line.program(lines("", "", start=Start())) == "\n", "without given text the first line owns no newline"


def test_line_inner_newlines_append_and_count_as_several_lines():
    state = lines("    if xs:\n        return 1", "    return 2", budget=3)
    assert state.used == 3 and state.truncated
    assert line.program(state) == line.program(lines("    if xs:", "        return 1", "    return 2"))


def test_line_end_terminates_and_costs_nothing():
    state = lines("    return 1", END, budget=2)
    assert state.terminated and state.used == 1
    assert lines("    return 1", "<END> ", budget=9).phase == "writing", "END is exact"


def test_line_budget_truncates_with_the_partial_program():
    state = lines("    x = 1", "    y = 2", budget=2)
    assert state.truncated and line.program(state).endswith("y = 2")


@pytest.mark.parametrize(
    ("action", "message"), [(3, "not int"), ("x" * 16_385, "at most 16384"), ("\ud800", "surrogates")]
)
def test_line_actions_outside_the_space_are_refused(action, message):
    with pytest.raises(OptionError, match=message):
        lines(action)


# Pseudocode

CODE = "<Action 3>\nHere:\n```python\ndef f():\n    return 1\n```\nDone."


def steps(*actions: str, budget: int = 10) -> State:
    return play(pseudocode.initial(KATA, GIVEN, budget), *actions, process=pseudocode.transition)


def test_pseudocode_program_is_the_fence_of_the_third_action():
    state = steps("<Action 1> plan", "<Action 2> refine", "<Action 2> more", CODE)
    assert state.phase == "ended" and pseudocode.program(state) == "def f():\n    return 1"


def test_pseudocode_steps_before_the_code_are_no_program():
    state = steps("<Action 1> ```python\nx = 1\n```")
    assert state.phase == "writing" and pseudocode.program(state) is None


@pytest.mark.parametrize("step", ["", "plan", "<Action 4> x", "Action 1", "<action 1> x", "<Action 3> no fence"])
def test_pseudocode_malformed_steps_end_the_episode_without_a_program(step):
    state = steps("<Action 1> plan", step)
    assert state.phase == "invalid" and state.terminated and pseudocode.program(state) is None


def test_pseudocode_budget_without_code_is_truncated_without_a_program():
    state = steps("<Action 1> a", "<Action 2> b", budget=2)
    assert state.truncated and pseudocode.program(state) is None
    assert steps("<Action 1> a", CODE, budget=2).phase == "ended"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```\na\n```", "a"),
        ("```python\na\n```\n```\nb\n```", "b"),
        ("```python\na\n```\n```\nopen", "a"),
        ("```python\n\n```", ""),
        ("```py title=x\n```", ""),
        ("``` inline ``` a", None),
        ("`````", None),
        ("```python\nopen", None),
        ("a ```\nb\n```", None),
    ],
)
def test_the_last_complete_fence(text, code):
    assert pseudocode.last_fence(text) == code


def test_reading_fences_never_fails():
    random = np.random.default_rng(0)
    for _ in range(1000):
        text = "".join(random.choice(list("`\n a"), size=30).tolist())
        found = pseudocode.last_fence(text)
        assert found is None or found in text


# All three


def finished(name: str) -> State:
    return {"token": token.transition(write("x"), WORDS.eos, WORDS), "line": lines(END), "pseudocode": steps(CODE)}[
        name
    ]


@pytest.mark.parametrize("name", ["token", "line", "pseudocode"])
def test_nothing_follows_the_end(name):
    action = {"token": 5, "line": "x", "pseudocode": "<Action 1>"}[name]
    with pytest.raises(StateError, match="is over"):
        Process(name, WORDS).transition(finished(name), action)


@pytest.mark.parametrize("name", ["token", "line", "pseudocode"])
def test_a_state_is_a_small_value(name):
    state = finished(name)
    assert pickle.loads(pickle.dumps(state)) == state and hash(state) == hash(pickle.loads(pickle.dumps(state)))
    assert len(pickle.dumps(state)) < 2000
    assert isinstance(state.problem, str)


@pytest.mark.parametrize("name", ["token", "line", "pseudocode"])
def test_a_view_has_what_an_agent_may_see_and_no_secret(name):
    secret = "hidden-secret-value"
    problem = Problem(
        "test/0",
        "Say it.",
        "f",
        references=(f"def f(x):\n    return '{secret}'",),
        public_tests=(CallTest((1,), "seen"),),
        hidden_tests=(CallTest((2,), secret),),
        starter="def f(x):\n",
    )
    process = Process(name, WORDS)
    state = process.initial(problem, Start("question", problem.given), 7)
    view = process.view(state, problem)
    assert view.given == "def f(x):" and view.public_tests == ("f(1) == 'seen'",) and view.budget_left == 7
    assert "Say it." in view.statement
    assert not (view.prompt + view.given + view.text).endswith("\n")
    assert secret not in repr(view) and secret not in repr(state)


def test_a_view_of_another_problem_is_refused():
    other = load_problems("katas")[1]
    with pytest.raises(StateError, match="belongs to"):
        line.view(lines("x"), visible(other))
