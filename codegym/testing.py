"""check_code_env: what an environment of ours promises beyond gymnasium's own checker, checked by playing episodes."""

from __future__ import annotations

import gc
import pickle
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np

from codegym import END
from codegym.envs.code_env import CodeEnv
from codegym.envs.episode import Episode
from codegym.envs.errors import CodegymError, OptionError, StateError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Outcome
from codegym.envs.mdp.state import Action, State
from codegym.envs.problems.problem import CallTest, InProcessTest, Problem, ScriptTest, StdioTest
from codegym.envs.problems.problem_set import ProblemSet

_SECRET_KINDS = (Problem, ProblemSet, CallTest, StdioTest, ScriptTest, InProcessTest, Executor, Outcome, CodeEnv)
_LONG_ENOUGH = 24
"""Characters from which on a text cannot be in a statement by chance."""
_PURE = (
    "Rewards and process rewards must be pure functions of what they are given, and everything else that decides the "
    "future belongs into the State."
)


class CheckFailed(CodegymError, AssertionError):
    """A promise that an environment does not keep; the message says which, where, and what to do."""


def check_code_env(env: gym.Env[Any, Any], *, seed: int = 0) -> None:
    """Play short episodes and check what gymnasium's `check_env` cannot know; run both.

    Checked are: equal seeds give equal episodes; a state that is taken, pickled and put back gives the same
    observation and future; a fork and its origin do not disturb each other; nothing that an agent receives leads to a
    hidden test or a reference; an Episode replays to itself, also through its JSON line; reward terms sum to the
    reward; action masks are never empty; the vector environment equals single ones; wrong use is refused by one line;
    nothing draws from the generators of the whole process; nothing warns.

    Wrappers are looked at for secrets only: their state is their own.

    Args:
        env: made by `gym.make`, wrapped or not. It is reset.
        seed: of the episodes.

    Raises:
        CheckFailed: for the first promise that is not kept.
        OptionError: for what is no codegym environment, or was not made by `gym.make`.
    """
    inside = env.unwrapped
    if not isinstance(inside, CodeEnv):
        raise OptionError(f"check_code_env checks codegym environments, not {type(inside).__name__}.")
    if inside.spec is None:
        raise OptionError(f"check_code_env makes the environment again: make {type(inside).__name__} by gym.make.")
    subject = _Subject(env, inside, seed)
    before = _global_generators()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for check in CHECKS:
            check(subject)
    drawn = [name for name, state in _global_generators().items() if name in before and before[name] != state]
    if drawn:
        raise CheckFailed(
            f"Playing changed the generator of {drawn[0]} that the whole process shares; draw from env.np_random."
        )
    if caught:
        found = caught[0]
        raise CheckFailed(f"Playing warns ({found.category.__name__}: {found.message!s:.200}); see to its cause.")


@dataclass(frozen=True)
class _Subject:
    """What is checked.

    Attributes:
        wrapped: the environment as it was given.
        env: the one inside.
        seed: of the episodes.
    """

    wrapped: gym.Env[Any, Any]
    env: CodeEnv
    seed: int

    def another(self) -> CodeEnv:
        """The environment made anew; a curriculum with a progress of its own."""
        assert self.env.spec is not None
        made = gym.make(self.env.spec.id, disable_env_checker=True, **self.options()).unwrapped
        assert isinstance(made, CodeEnv)
        return made

    def options(self) -> dict[str, Any]:
        """The arguments it was made with, but for rendering."""
        assert self.env.spec is not None
        options = {key: value for key, value in self.env.spec.kwargs.items() if key != "render_mode"}
        if not isinstance(options.get("start", ""), str):
            options["start"] = pickle.loads(pickle.dumps(options["start"]))
        return options


Step = tuple[Any, float, bool, bool, dict[str, Any]]


def _script(env: CodeEnv, number: int, seed: int) -> Iterator[Action]:
    """Actions without end: the reference (number 0), or something else that ends soon."""
    state = env.get_state()
    problem = env.settings.problems[state.problem]
    reference = problem.references[0] if problem.references and number == 0 else None
    rest = "" if reference is None else reference[len(state.start.text) :]
    if state.mdp == "token":
        vocabulary = env.settings.vocabulary
        draws = np.random.default_rng([seed, number])
        yield from vocabulary.encode(rest) if reference is not None else draws.integers(0, vocabulary.size, 3).tolist()
        while True:
            yield vocabulary.eos
    elif state.mdp == "line":
        yield from rest.removeprefix("\n").split("\n") if reference is not None else ("    x = 1", "    return (x")
        while True:
            yield END
    else:
        yield "<Action 1> Read the input, then compute."
        if number < 2:
            yield "<Action 2> Go through it once."
            yield f"<Action 3>\n```python\n{reference or 'def f(*args):' + chr(10) + '    return 0'}\n```"
        while True:
            yield "No tag: this ends the episode."


def _play(env: CodeEnv, actions: Iterator[Action], steps: int = sys.maxsize) -> list[Step]:
    """Step until the end of the episode, or so many steps."""
    done: list[Step] = []
    while len(done) < steps and not env.get_state().done:
        observation, reward, terminated, truncated, info = env.step(next(actions))
        done.append((observation, float(reward), terminated, truncated, info))
    return done


def _checks_seeds(subject: _Subject) -> None:
    one, two = subject.another(), subject.another()
    for number in range(3):
        seed = subject.seed + number
        starts = one.reset(seed=seed), two.reset(seed=seed)
        _same("reset(seed) twice", *starts)
        _same(
            "the same actions after reset(seed) twice",
            _play(one, _script(one, number, seed)),
            _play(two, _script(two, number, seed)),
        )


def _checks_snapshots(subject: _Subject) -> None:
    env = subject.another()
    env.reset(seed=subject.seed)
    seen = _play(env, _script(env, 1, subject.seed), 1)
    state = env.get_state()
    carried: State = pickle.loads(pickle.dumps(state))
    if carried != state or hash(carried) != hash(state):
        raise CheckFailed(f"get_state() is no value: after pickling it is another one. {_PURE}")
    actions = [action for action, _ in zip(_script(env, 1, subject.seed), range(64), strict=False)]
    future = _play(env, iter(actions))
    for where in (env, subject.another()):
        observation, _ = where.set_state(carried)
        if seen:
            _same("set_state(get_state())", seen[-1][0], observation)
        _same("the steps after set_state(get_state())", future, _play(where, iter(actions)))


def _checks_forks(subject: _Subject) -> None:
    env = subject.another()
    env.reset(seed=subject.seed)
    _play(env, _script(env, 0, subject.seed), 1)
    if env.get_state().done:
        return
    state = env.get_state()
    fork = env.fork()
    _same("fork().get_state()", state, fork.get_state())
    ahead = _play(fork, _script(env, 1, subject.seed))
    if env.get_state() != state:
        raise CheckFailed("Steps in a fork moved the environment that it came from; a fork must share nothing mutable.")
    if isinstance(env.action_space, gym.spaces.Discrete):
        fork.action_space.seed(1)
    _same("the same steps in a fork and in its origin", ahead, _play(env, _script(_at(env, state), 1, subject.seed)))


def _at(env: CodeEnv, state: State) -> CodeEnv:
    env.set_state(state)
    return env


def _checks_secrets(subject: _Subject) -> None:
    received: list[Any] = [subject.wrapped.reset(seed=subject.seed)]
    env = subject.env
    problem = env.settings.problems[env.get_state().problem]
    secrets = _secret_texts(problem, env.get_state())
    received.append(env.view())
    if subject.wrapped.action_space == env.action_space:
        actions = _script(env, 1, subject.seed)
    else:
        subject.wrapped.action_space.seed(subject.seed)
        actions = iter(subject.wrapped.action_space.sample, None)
    for _ in range(12):
        received.append(subject.wrapped.step(next(actions)))
        received.append(env.view())
        if env.get_state().done:
            break
    for thing in _reachable(received):
        if isinstance(thing, _SECRET_KINDS):
            raise CheckFailed(
                f"What the agent receives leads to a {type(thing).__name__}; give it texts and numbers (see View)."
            )
        if isinstance(thing, str) and (secret := next((text for text in secrets if text in thing), None)):
            raise CheckFailed(
                f"What the agent receives holds a hidden test or reference of {problem.uri!r}: {secret!r:.80}."
            )


def _secret_texts(problem: Problem, state: State) -> list[str]:
    """Texts of hidden tests and references that the statement and the start do not hold anyway."""
    shown = "\n".join((problem.statement, problem.starter, state.start.text))
    texts = [reference[len(state.start.text) :] for reference in problem.references]
    for test in problem.hidden_tests:
        if isinstance(test, StdioTest):
            texts += [test.stdin, test.stdout]
        elif isinstance(test, ScriptTest | InProcessTest):
            texts.append(test.source)
    return [text for text in map(str.strip, texts) if len(text) >= _LONG_ENOUGH and text not in shown]


def _reachable(things: Sequence[Any]) -> Iterator[Any]:
    """Every object that attributes and items lead to; modules, classes and functions are not data."""
    seen: set[int] = set()
    kept = []  # so that no id is given twice
    stack = list(things)
    while stack:
        thing = stack.pop()
        if id(thing) in seen or isinstance(thing, type | type(gc)) or callable(thing):
            continue
        seen.add(id(thing))
        kept.append(thing)
        yield thing
        array = isinstance(thing, np.ndarray) and thing.dtype == object
        stack += thing.ravel().tolist() if array else gc.get_referents(thing)


def _checks_replay(subject: _Subject) -> None:
    env = subject.another()
    for number in range(2):
        env.reset(seed=subject.seed + number)
        _play(env, _script(env, number, subject.seed))
        episode = Episode.from_json(env.episode().to_json())
        again = subject.another()
        again.reset(seed=episode.seed, options={"problem": episode.problem, "start": episode.start})
        for action in episode.actions:
            again.step(action)
        _same("an Episode and its replay", episode, again.episode())


def _checks_rewards(subject: _Subject) -> None:
    env = subject.another()
    for number in range(3):
        env.reset(seed=subject.seed + number)
        total = 0.0
        info: dict[str, Any] = {}
        for action in _script(env, number, subject.seed):
            _, reward, terminated, truncated, info = env.step(action)
            for name, value, kind in (("reward", reward, float), ("terminated", terminated, bool)):
                if type(value) is not kind:
                    raise CheckFailed(f"{name} is a Python {kind.__name__}, not {type(value).__name__}.")
            total += reward
            if terminated or truncated:
                break
        terms = sum(info["reward_terms"].values())
        for what, value in (("reward_terms", terms), ("the Episode's reward", env.episode().reward)):
            if abs(value - total) > 1e-9:
                raise CheckFailed(
                    f"The rewards of an episode sum to {total}, {what} to {value}; name every term in reward_terms."
                )


def _checks_masks(subject: _Subject) -> None:
    env = subject.another()
    masks: Callable[[], Any] | None = getattr(env, "action_masks", None)
    if masks is None:
        return
    for number in range(2):
        env.reset(seed=subject.seed + number)
        actions = _script(env, number, subject.seed)
        while not env.get_state().done:
            mask = masks()
            if mask.dtype != np.bool_ or mask.shape != (env.settings.vocabulary.size,) or not mask.any():
                raise CheckFailed(
                    f"action_masks() is one bool per action with at least one True, not {mask!r:.60} "
                    f"after {len(env.get_state().actions)} actions; where all would be masked, mask none."
                )
            env.step(next(actions))


def _checks_vector(subject: _Subject) -> None:
    assert subject.env.spec is not None
    rows = 2
    # A curriculum hears of the rows of a step in another order than of single episodes: compare up to the first end.
    vector = gym.make_vec(subject.env.spec.id, num_envs=rows, **subject.options())
    singles = [subject.another() for _ in range(rows)]
    observations, infos = vector.reset(seed=subject.seed)
    scripts = []
    for row, single in enumerate(singles):
        observation, info = single.reset(seed=subject.seed + row)
        _same(f"row {row} of the vector environment at reset", observation, _row(observations, row))
        _same(f"row {row} of the vector environment at reset", info["problem"], infos["problem"][row])
        scripts.append(_script(single, 0, subject.seed))
    for number in range(1, 65):
        actions = [next(script) for script in scripts]
        text = not isinstance(subject.env.action_space, gym.spaces.Discrete)
        observations, rewards, terminated, truncated, infos = vector.step(tuple(actions) if text else np.array(actions))
        for row, single in enumerate(singles):
            expected = single.step(actions[row])
            found = _row(observations, row), float(rewards[row]), bool(terminated[row]), bool(truncated[row])
            _same(f"row {row} of the vector environment after {number} steps", expected[:4], found)
        if any(single.get_state().done for single in singles):
            break
    vector.close()


def _row(batch: Any, row: int) -> Any:
    return {key: value[row] for key, value in batch.items()} if isinstance(batch, dict) else batch[row]


def _checks_wrong_use(subject: _Subject) -> None:
    env = subject.another()
    some = next(_script(_after_reset(subject), 1, subject.seed))
    _refused("step() before reset()", StateError, lambda: env.step(some))
    _refused("an unknown reset option", OptionError, lambda: env.reset(options={"problm": ""}))
    env.reset(seed=subject.seed)
    _refused("an action outside the space", OptionError, lambda: env.step(None))  # type: ignore[arg-type]
    other = replace(env.get_state(), version="another")
    _refused("a state of another version", StateError, lambda: env.set_state(other))
    _play(env, _script(env, 1, subject.seed))
    _refused("step() after the end", StateError, lambda: env.step(some))


def _after_reset(subject: _Subject) -> CodeEnv:
    env = subject.another()
    env.reset(seed=subject.seed)
    return env


def _refused(what: str, kind: type[CodegymError], call: Callable[[], object]) -> None:
    try:
        call()
    except kind as error:
        if "\n" in str(error) or not str(error):
            raise CheckFailed(f"The error for {what} is one line, not {str(error)!r:.200}.") from None
        return
    except Exception as error:
        raise CheckFailed(f"{what} raises {type(error).__name__}; raise codegym.{kind.__name__}.") from error
    raise CheckFailed(f"{what} is accepted; raise codegym.{kind.__name__} with what is allowed.")


CHECKS: tuple[Callable[[_Subject], None], ...] = (
    _checks_seeds,
    _checks_snapshots,
    _checks_forks,
    _checks_secrets,
    _checks_replay,
    _checks_rewards,
    _checks_masks,
    _checks_vector,
    _checks_wrong_use,
)


def _same(what: str, one: Any, two: Any) -> None:
    place = _difference(one, two)
    if place is not None:
        raise CheckFailed(f"{what} should give equal results; they differ {place}. {_PURE}")


def _difference(one: Any, two: Any, place: str = "") -> str | None:
    """Where two values first differ, or None."""
    if isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys():
        pairs = [(one[key], two[key], f"{place}[{key!r}]") for key in one]
    elif isinstance(one, list | tuple) and isinstance(two, list | tuple) and len(one) == len(two):
        pairs = [(a, b, f"{place}[{number}]") for number, (a, b) in enumerate(zip(one, two, strict=True))]
    else:
        equal = np.array_equal(one, two) if isinstance(one, np.ndarray) else bool(one == two)
        return None if equal else f"at {place or 'once'} ({one!r:.60} and {two!r:.60})".replace("\n", " ")
    return next((found for a, b, at in pairs if (found := _difference(a, b, at))), None)


def _global_generators() -> dict[str, Any]:
    """The state of every generator that libraries share."""
    states: dict[str, Any] = {"random": random.getstate(), "numpy.random": pickle.dumps(np.random.get_state())}
    if (torch := sys.modules.get("torch")) is not None:
        states["torch"] = torch.get_rng_state().tolist()
    return states
