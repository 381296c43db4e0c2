"""CodeEnv: a thin gymnasium.Env over any of the three decision processes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from codegym.envs.episode import Episode
from codegym.envs.errors import OptionError, StateError, unknown
from codegym.envs.mdp.line import MAX_ACTION_CHARS
from codegym.envs.mdp.process_reward import step_rewards
from codegym.envs.mdp.scoring import Score, score_states, step_payment
from codegym.envs.mdp.start_states import start_label
from codegym.envs.mdp.state import Action, MdpName, State, View
from codegym.envs.mdp.visible import Visible
from codegym.envs.observations import Tracker, observation_space
from codegym.envs.opening import episode_of, final_info, judged, open_episode, problem_of, rewarded
from codegym.envs.problems.problem import Problem
from codegym.envs.rendering import ansi, frame
from codegym.envs.settings import Settings, resolve
from codegym.envs.spaces import CodeText
from codegym.envs.syntax_mask import Masks

LARGEST_MASK_IN_INFO = 1024


class CodeEnv(gym.Env[Any, Any]):
    """Write a program action by action; it is executed when the episode ends, and the tests decide the reward.

    The concrete environments are codegym/Token-v0, codegym/Line-v0 and codegym/Pseudocode-v0; their classes document
    them. They differ in `process` alone.

    Args:
        render_mode: None, "ansi", "rgb_array" or "human".
        options: see codegym.envs.settings.DEFAULTS, and the concrete environments.

    Raises:
        OptionError: for an option or value that does not exist; the message names the known ones.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi", "rgb_array", "human"], "render_fps": 4}  # type: ignore[misc]
    process: ClassVar[MdpName]
    env_id: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        self.settings: Settings = resolve(self.process, self.defaults, options)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown("render mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        settings = self.settings
        self.action_space = action_space(settings)
        self.observation_space = observation_space(settings.observation, settings.process, settings.window)
        self._tracker = Tracker(settings.observation, settings.process, settings.window, 1)
        self._masks = Masks(settings.vocabulary, 1, settings.syntax_mask) if settings.process.name == "token" else None
        self._seed = 0
        self._problem: Problem | None = None
        self._seen: Visible | None = None
        self._state: State | None = None
        self._score: Score | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: of the generator that draws the problem.
            options: any of `problem` (uri), `start` ("question", a fraction of the solution's lines, `{"conditional":
                k}` or `{"prefix": code}`), `state` (from `get_state`), `split`.

        Raises:
            OptionError: for an unknown option or value.
            StateError: for a state of another environment or version.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._seed = int(seed)
        problem, state = open_episode(self.settings, options, self.np_random)
        return self._open(problem, state)

    def _open(self, problem: Problem, state: State) -> tuple[Any, dict[str, Any]]:
        self._problem, self._state, self._score = problem, state, None
        self._seen = self.settings.seen(problem)
        self._tracker.restart([0], [state], [self._seen])
        if self._masks is not None:
            self._masks.restart(0, state.start.text, state.actions, problem.language)
        observation, info = self._tracker.row(0), self._info()
        self._show()
        return observation, info

    def step(self, action: Action) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Do one action; at the end of the episode the program is executed.

        Raises:
            OptionError: if the action is not in the action space.
            StateError: before `reset` or after the end of the episode.
            InfrastructureError: if the machine failed while executing the program.
        """
        before = self._current("step")
        settings, process = self.settings, self.settings.process
        state = process.transition(before, action)
        assert self._seen is not None and self._problem is not None
        if settings.process_reward is not None:
            view = process.view(state, self._seen)
            state = rewarded(state, step_rewards(settings.process_reward, [view])[0])
        score, scored = None, None
        if state.done:
            scored = score_states(process, [state], [self._problem], settings.scoring, settings.run_programs())
            score = judged(scored[0], state)
        reward = step_payment(state, settings.scoring) if score is None else score.reward
        self._state, self._score = state, score
        self._tracker.append(0, state.actions[-1], state)
        if self._masks is not None:
            self._masks.append(0, int(state.actions[-1]))
        observation, info = self._tracker.row(0), self._info()
        if scored is not None:
            info |= final_info(settings, state, scored)
            settings.starts.record(self._problem, state.start, info["is_success"])
        self._show()
        return observation, float(reward), state.terminated, state.truncated, info

    def _info(self) -> dict[str, Any]:
        state = self._state
        assert state is not None
        info: dict[str, Any] = {"problem": state.problem, "start": start_label(state.start)}
        if self.settings.observation == "dict":
            info["prompt_tokens_cut"] = int(self._tracker.tokens_cut[0])
        if self._masks is not None and self.settings.vocabulary.size <= LARGEST_MASK_IN_INFO:
            info["action_mask"] = self._masks.of(0).astype(np.int8)
        return info

    def get_state(self) -> State:
        """The episode so far as a value: small, hashable, picklable.

        Raises:
            StateError: before the first reset.
        """
        return self._current("get_state")

    def set_state(self, state: State) -> tuple[Any, dict[str, Any]]:
        """Go to a state of this or of an equal environment; returns its observation and info.

        Raises:
            StateError: for a state of another environment, version, tokenizer or problem set.
        """
        return self._open(problem_of(self.settings, state), state)

    def fork(self, tests: str = "all") -> CodeEnv:
        """An independent environment in the same state, with the same executor.

        Args:
            tests: "public" for search, which must not see hidden tests; "all" keeps this environment's own tests.

        Raises:
            OptionError: for "public" where the problem has no public tests.
            StateError: before the first reset.
        """
        state = self._current("fork")
        settings = self.settings if tests == "all" else self.settings.for_tests(tests)
        if tests == "public" and self._problem is not None and not self._problem.public_tests:
            raise OptionError(
                f"{state.problem!r} has no public tests, so nothing may be executed while searching it; "
                "use a value model or generated tests."
            )
        forked = copy.copy(self)
        forked.settings = settings
        forked.render_mode = None
        forked.action_space = copy.deepcopy(self.action_space)
        forked.observation_space = copy.deepcopy(self.observation_space)
        forked._tracker = copy.deepcopy(self._tracker)
        forked._masks = copy.deepcopy(self._masks)
        forked._np_random = copy.deepcopy(self._np_random)
        return forked

    def view(self) -> View:
        """What agents, proposers and search may see of this state: no hidden test, no reference.

        Raises:
            StateError: before the first reset.
        """
        state = self._current("view")
        assert self._seen is not None
        return self.settings.process.view(state, self._seen)

    def episode(self) -> Episode:
        """The episode that has just ended.

        Raises:
            StateError: before its end.
        """
        state = self._current("episode")
        if self._score is None:
            raise StateError("The episode is not over; episode() tells of finished ones.")
        return episode_of(self.settings, self._id(), self._seed, state, self._score)

    def set_process_weight(self, alpha: float) -> None:
        """Change alpha of phi, from the next end of an episode on; each Episode records the one in force."""
        self.settings = self.settings.with_process_weight(alpha)

    def render(self) -> Any:
        """The program so far: text for "ansi", an image [height, width, 3] for "rgb_array"; "human" prints itself."""
        if self.render_mode == "ansi":
            return ansi(self._current("render"), self.view(), self._score)
        if self.render_mode == "rgb_array":
            return frame(self._current("render"), self.view(), self._score)
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode: gym.make(..., render_mode='ansi').")
        return None

    def _show(self) -> None:
        if self.render_mode == "human":
            print(ansi(self._current("render"), self.view(), self._score, colour=True))

    def _current(self, caller: str) -> State:
        if self._state is None:
            raise StateError(f"Call reset() before {caller}().")
        return self._state

    def _id(self) -> str:
        return self.env_id if self.spec is None else self.spec.id


def action_space(settings: Settings) -> spaces.Space[Any]:
    """Token ids, or text."""
    if settings.process.name == "token":
        return spaces.Discrete(settings.vocabulary.size)
    return CodeText(MAX_ACTION_CHARS)
