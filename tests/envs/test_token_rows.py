"""The C helper of Token episodes and the columns around it: what numpy and one object per episode would do."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest

from codegym.envs import finished, observations, openings, token_rows
from codegym.envs.errors import OptionError
from codegym.envs.execution.outcome import Outcome, Verdict

ROWS = 5


class Stub:
    """Every program gets an outcome that its text decides."""

    def run(self, jobs):
        return [Outcome(list(Verdict)[len(job.program) % 8], tests_total=3) for job in jobs]

    def __deepcopy__(self, memo):
        return self


def vocabulary(name):
    if name == "bytes":  # 257 ids, of which the end is in the middle, and some that spell much or nothing
        from codegym.envs.vocabulary import Vocabulary

        pieces = [bytes([byte]) for byte in range(256)]
        pieces[7], pieces[8] = b"", b'"""' * 40
        return Vocabulary(
            [*pieces[:100], b"", *pieces[100:]], 100, lambda text: [b + (b >= 100) for b in text.encode()]
        )
    return None


def played(env, mode, steps, *, seed=0):
    """Everything that an environment says in some steps of the same random actions."""
    vocabulary = env.settings.vocabulary
    random = np.random.default_rng(seed)
    said = [env.reset(seed=3)]
    over = np.zeros(ROWS, dtype=np.bool_)
    for number in range(steps):
        ids = random.integers(0, vocabulary.size, ROWS)
        ids[random.random(ROWS) < 0.1] = vocabulary.eos
        resting = random.random(ROWS) < 0.2
        if mode == "Disabled":
            actions = [
                None if done or rests else int(token) for done, rests, token in zip(over, resting, ids, strict=True)
            ]
            said.append(env.step(actions))
            over = said[-1][2] | said[-1][3]
            if number % 4 == 3 and over.any():
                said.append(env.reset(options={"reset_mask": over}))
                over = np.zeros(ROWS, dtype=np.bool_)
        else:
            said.append(env.step(ids))
        if number == steps // 2:
            said.append(env.set_states(env.states()[::-1]))
            over = over[::-1].copy()
        said.append((env.states(), [view.text for view in env.views()]))
    said.append(env.pop_episodes())
    return said


def equal(one, two):
    if isinstance(one, dict):
        return list(one) == list(two) and all(equal(one[key], two[key]) for key in one)
    if isinstance(one, np.ndarray) and one.dtype == object:
        return one.shape == two.shape and equal(one.tolist(), two.tolist())
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(equal(a, b) for a, b in zip(one, two, strict=True))
    return type(one) is type(two) and one == two


@pytest.fixture
def without_helper(monkeypatch):
    def switch(on):
        monkeypatch.setattr(observations, "helper", token_rows.helper if on else lambda: None)

    if token_rows.helper() is None:
        pytest.skip(token_rows.examine()[1])
    return switch


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize(
    "options",
    [
        {"observation": "dict", "max_tokens": 30, "window": 512},
        {"observation": "dict", "max_tokens": 40, "window": 9, "tokenizer": "bytes"},
        {"observation": "features", "max_tokens": 12, "start": "curriculum"},
        {"observation": "dict", "max_tokens": 7, "process_reward": lambda view: len(view.text) % 7 / 7},
        {"observation": "dict", "max_tokens": 12, "syntax_mask": True, "credit": None},
        {"observation": "text", "max_tokens": 12},
    ],
    ids=["wide", "narrow", "features", "process", "masked", "text"],
)
def test_numpy_and_the_helper_say_the_same_bit_for_bit(without_helper, mode, options):
    options = {**options, "tokenizer": vocabulary(options.get("tokenizer"))}
    found = []
    for on in (True, False):
        without_helper(on)
        env = gym.make_vec("codegym/Token-v0", ROWS, autoreset_mode=mode, executor=Stub(), **options).unwrapped
        found.append(played(env, mode, 60))
    assert equal(*found)
    assert len(found[0][-1]) >= 10, "episodes must have ended for this to say anything"


def test_what_was_returned_is_the_callers():
    env = gym.make_vec("codegym/Token-v0", ROWS, executor=Stub(), max_tokens=9).unwrapped
    other = gym.make_vec("codegym/Token-v0", ROWS, executor=Stub(), max_tokens=9).unwrapped
    seen, infos = env.reset(seed=0)
    other.reset(seed=0)
    random = np.random.default_rng(0)
    for _ in range(20):
        kept = copy.deepcopy((seen, infos))
        ids = random.integers(0, 512, ROWS)
        after = env.step(ids)
        assert equal((seen, infos), kept), "a step may not write into what an earlier one returned"
        for part in seen.values():
            part[:] = 1  # nor may the environment notice what becomes of it
        for value in infos.values():
            if isinstance(value, np.ndarray) and value.dtype != object:
                value[:] = 0
        seen, infos = after[0], after[-1]
        assert equal(after, other.step(ids))


@pytest.mark.parametrize("rows", [1, 3])
def test_more_problems_than_the_tables_hold(monkeypatch, rows):
    monkeypatch.setattr(openings, "MOST", 20)
    options = {"executor": Stub(), "max_tokens": 1, "window": 40}
    sync = gym.make_vec("codegym/Token-v0", rows, vectorization_mode="sync", **options)
    native = gym.make_vec("codegym/Token-v0", rows, **options)
    assert equal(sync.reset(seed=1)[0], native.reset(seed=1)[0])
    for _ in range(120):
        left, right = sync.step(np.full(rows, 5)), native.step(np.full(rows, 5))
        assert equal(left[0], right[0]) and left[-1]["problem"].tolist() == right[-1]["problem"].tolist()


def test_the_last_episodes_are_kept(monkeypatch):
    monkeypatch.setattr(finished, "KEPT", 7)
    options = {"executor": Stub(), "max_tokens": 2, "autoreset_mode": "SameStep"}
    env = gym.make_vec("codegym/Token-v0", 3, **options).unwrapped
    env.reset(seed=0)
    everything = []
    random = np.random.default_rng(0)
    for _ in range(10):
        before = env.states()
        ids = random.integers(0, 512, 3)
        *_, terminated, truncated, _ = env.step(ids)
        over = np.flatnonzero(terminated | truncated).tolist()
        everything += [(row, before[row].problem, (*before[row].actions, int(ids[row]))) for row in over]
    assert len(everything) > 12
    found = [(row, episode.problem, episode.actions) for row, episode in env.pop_episodes()]
    assert found == everything[-7:] and env.pop_episodes() == []


def test_copies_and_pickles_of_a_tracker_stand_alone():
    env = gym.make("codegym/Token-v0", executor=Stub()).unwrapped
    env.reset(seed=0)
    env.step(5)
    tracker = env._tracker
    copies = [copy.deepcopy(tracker), pickle.loads(pickle.dumps(tracker))]
    before = tracker.row(0)
    for other in copies:
        assert equal(other.row(0), before)
    env.step(6)
    for other in copies:
        assert equal(other.row(0), before) and not equal(tracker.row(0), before)


def test_it_can_be_switched_off_and_reads_no_other_types(monkeypatch):
    monkeypatch.setenv("CODEGYM_HELPER", "off")
    assert token_rows.examine.__wrapped__() == ("", "switched off by CODEGYM_HELPER")
    tracker = gym.make("codegym/Token-v0", executor=Stub()).unwrapped._tracker
    arrays = {
        name: np.zeros(1)
        for name in ("used", "lengths", "written", "budgets", "tokens", "attention", "features", "signs")
    }
    with pytest.raises(TypeError, match=r"token_rows\.c reads 'used' as int64"):
        token_rows.Kernel(None, tracker._vocabulary, tracker._reader, arrays, 4)


def test_a_token_outside_the_vocabulary_moves_no_row():
    env = gym.make_vec("codegym/Token-v0", 3, executor=Stub()).unwrapped
    seen, _ = env.reset(seed=0)
    for wrong in (512, -1, 2**40):
        with pytest.raises(OptionError, match=rf"0\.\.511, not {wrong}"):
            env.step(np.array([1, 2, wrong]))
    assert all(state.actions == () for state in env.states())
    assert equal(env._tracker.batch(), seen)
