"""Settings: the keyword arguments of an environment, checked and resolved once, shared by single and vector env."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from codegym.envs.errors import OptionError, unknown
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.process_reward import ProcessReward, resolve_process_reward
from codegym.envs.mdp.scoring import RunsPrograms, Scoring
from codegym.envs.mdp.start_states import Question, Starts, resolve_starts
from codegym.envs.mdp.state import MdpName, State
from codegym.envs.mdp.visible import Visible, visible
from codegym.envs.observations import ObservationMode, check_mode
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.rewards.credit import check_credit
from codegym.envs.rewards.outcome_reward import option_form, resolve_reward
from codegym.envs.vocabulary import Vocabulary, load_vocabulary

DEFAULTS: dict[str, Any] = {
    "problems": "katas",
    "split": None,
    "tests": "all",
    "start": "question",
    "reward": "ladder",
    "credit": "coverage",
    "process_reward": None,
    "observation": "dict",
    "tokenizer": None,
    "executor": None,
    "max_tokens": 256,
    "max_lines": 1024,
    "max_steps": 10,
    "window": 512,
    "syntax_mask": False,
    "process_weight": 0.5,
    "process_discount": 1.0,
    "process_reward_mode": "last",
}
"""Every option of an environment but `render_mode`, with its default."""

BUDGETS: dict[MdpName, str] = {"token": "max_tokens", "line": "max_lines", "pseudocode": "max_steps"}
RESET_OPTIONS = ("problem", "start", "state", "split")


@dataclass(frozen=True)
class Settings:
    """What an environment was asked to be.

    Attributes:
        process: the decision process, with its vocabulary.
        problems: the whole set; any of its problems can be asked for.
        chosen: the split that episodes are drawn from.
        starts: where episodes begin.
        scoring: tests, reward, credit and phi.
        process_reward: a callable from View to float, or None.
        observation: which observation.
        executor: runs programs; None is the shared one.
        budget: actions (lines, steps) in an episode.
        window: tokens in a `dict` observation.
        syntax_mask: whether action masks rule out what no program can continue.
        options: the options as Episodes store them: `problems`, and what differs from the defaults.
    """

    process: Process
    problems: ProblemSet
    chosen: ProblemSet
    starts: Starts
    scoring: Scoring
    process_reward: ProcessReward | None
    observation: ObservationMode
    executor: RunsPrograms | None
    budget: int
    window: int
    syntax_mask: bool
    options: Mapping[str, Any]
    _seen: dict[str, Visible] = field(default_factory=dict, compare=False, repr=False)
    _begun: dict[str, State] = field(default_factory=dict, compare=False, repr=False)

    def seen(self, problem: Problem) -> Visible:
        """What agents may see of a problem, worked out once."""
        found = self._seen.get(problem.uri)
        if found is None:
            found = self._seen[problem.uri] = visible(problem)
        return found

    def begin(self, problem: Problem) -> State:
        """The state with which an episode of a problem begins where nothing else is asked for."""
        if not isinstance(self.starts, Question):
            return self.process.initial(problem, self.starts.start(problem), self.budget)
        found = self._begun.get(problem.uri)
        if found is None:
            found = self._begun[problem.uri] = self.process.initial(problem, self.starts.start(problem), self.budget)
        return found

    @property
    def vocabulary(self) -> Vocabulary:
        """Of the Token process, and of the `tokens` of every observation."""
        return self.process.vocabulary

    def for_tests(self, tests: str) -> Settings:
        """The same settings with another selection of tests."""
        _one_of("tests", tests, ("all", "public"))
        options = {key: value for key, value in self.options.items() if key != "tests"}
        if tests != "all":
            options["tests"] = tests
        return replace(self, scoring=replace(self.scoring, tests=tests), options=options)  # type: ignore[arg-type]

    def with_process_weight(self, alpha: float) -> Settings:
        """The same settings with another alpha of phi.

        Raises:
            OptionError: if alpha is outside 0..1 or there is no process reward.
        """
        if self.process_reward is None:
            raise OptionError("This environment has no process reward, so it has no process weight to set.")
        weight = _fraction("process_weight", alpha)
        return replace(
            self,
            scoring=replace(self.scoring, process_weight=weight),
            options={**self.options, "process_weight": weight},
        )

    def run_programs(self) -> RunsPrograms:
        """The executor; the shared one is made on first use."""
        if self.executor is not None:
            return self.executor
        from codegym.envs.execution.executor import shared_executor

        executor: RunsPrograms = shared_executor()
        return executor


def resolve(mdp: MdpName, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Settings:
    """Check and resolve the keyword arguments of an environment.

    Args:
        mdp: which process.
        defaults: of this environment.
        given: what the user gave.

    Raises:
        OptionError: for an argument or value that does not exist.
    """
    for name in given:
        if name not in DEFAULTS:
            raise unknown("environment option", name, [*DEFAULTS, "render_mode"])
    values = {**DEFAULTS, **defaults, **given}
    vocabulary = load_vocabulary(values["tokenizer"])
    problems = load_problems(values["problems"])
    if not len(problems):
        raise OptionError(f"The problem set {problems.spec!r} is empty.")
    for name in ("max_tokens", "max_lines", "max_steps", "window"):
        _positive(name, values[name])
    if not isinstance(values["syntax_mask"], bool | np.bool_):
        raise OptionError(f"syntax_mask is True or False, not {values['syntax_mask']!r}.")
    process_reward = resolve_process_reward(values["process_reward"])
    weight = _fraction("process_weight", values["process_weight"])
    _one_of("tests", values["tests"], ("all", "public"))
    _one_of("process_reward_mode", values["process_reward_mode"], ("last", "per_step"))
    if isinstance(values["process_discount"], bool) or not isinstance(values["process_discount"], int | float):
        raise OptionError(f"process_discount is a number, not {values['process_discount']!r}.")
    executor = values["executor"]
    if executor is not None and not hasattr(executor, "run"):
        raise OptionError(f"executor is a codegym.Executor or None, not {executor!r}.")
    scoring = Scoring(
        tests=values["tests"],
        reward=resolve_reward(values["reward"]),
        credit=check_credit(values["credit"]),
        process_weight=None if process_reward is None else weight,
        process_discount=float(values["process_discount"]),
        payment=values["process_reward_mode"],
    )
    split = values["split"]
    return Settings(
        process=Process(mdp, vocabulary),
        problems=problems,
        chosen=problems.default_split("train") if split is None else problems.split(split),
        starts=resolve_starts(values["start"]),
        scoring=scoring,
        process_reward=process_reward,
        observation=check_mode(values["observation"]),
        executor=executor,
        budget=values[BUDGETS[mdp]],
        window=values["window"],
        syntax_mask=bool(values["syntax_mask"]),
        options=_stored({**defaults, **given}, problems, vocabulary),
    )


def _stored(given: Mapping[str, Any], problems: ProblemSet, vocabulary: Vocabulary) -> dict[str, Any]:
    """The options as Episodes store them. The executor is left out: it decides speed and isolation, not results."""
    stored: dict[str, Any] = {"problems": problems.spec}
    for name, value in given.items():
        if name in ("problems", "executor") or value is DEFAULTS[name]:
            continue
        if name == "tokenizer":
            form = vocabulary.spec
        elif name == "start":
            form = option_form(resolve_starts(value))
        else:
            form = option_form(value)
        if form != DEFAULTS[name]:
            stored[name] = form
    json.dumps(stored)
    return stored


def _one_of(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise unknown(name, value, known)


def _positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"{name} is a whole number of at least 1, not {value!r}.")


def _fraction(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise OptionError(f"{name} is a number in 0..1, not {value!r}.")
    return float(value)
