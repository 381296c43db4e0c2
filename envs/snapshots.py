"""get_state, set_state and fork for environments inside any number of wrappers."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from codegym.envs.code_env import CodeEnv
from codegym.envs.errors import OptionError
from codegym.envs.mdp.state import State


def get_state(env: gym.Env[Any, Any]) -> State:
    """The state of the CodeEnv inside; what stateful wrappers hold is not part of it.

    Raises:
        OptionError: if there is no codegym environment inside.
        StateError: before the first reset.
    """
    return _code_env(env).get_state()


def set_state(env: gym.Env[Any, Any], state: State) -> tuple[Any, dict[str, Any]]:
    """Resume a state in a wrapped environment: resets it, so that its wrappers begin anew, into the state.

    Returns:
        Observation and info, as from `reset`.

    Raises:
        OptionError: if there is no codegym environment inside.
        StateError: for a state of another environment, version, tokenizer or problem set.
    """
    _code_env(env)
    return env.reset(options={"state": state})


def fork(env: gym.Env[Any, Any], tests: str = "all") -> CodeEnv:
    """An independent, unwrapped environment in the same state; search runs on those.

    Args:
        env: a codegym environment, wrapped or not.
        tests: "public" for search, "all" for the environment's own tests.

    Raises:
        OptionError: if there is no codegym environment inside, or for "public" without public tests.
        StateError: before the first reset.
    """
    return _code_env(env).fork(tests)


def _code_env(env: gym.Env[Any, Any]) -> CodeEnv:
    inside = env.unwrapped
    if not isinstance(inside, CodeEnv):
        raise OptionError(f"States are taken of codegym environments, not of {type(inside).__name__}.")
    return inside
