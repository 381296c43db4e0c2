"""Agents by the name they have on the command line: `canonical`, `lm:tiny`, `best-of-16:lm:tiny`, `module:function`."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from codegym import END
from codegym.agents.agent import Agent, Decision
from codegym.agents.search.planning import Plan, PlanningAgent
from codegym.benchmarks.leaderboard.as_actions import actions_of
from codegym.envs.errors import OptionError, unknown
from codegym.envs.mdp.state import View
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.vocabulary import Vocabulary

BUILT_IN = ("canonical", "empty", "random")
KNOWN = (
    "canonical", "empty", "random", "lm:NAME", "best-of-N:lm:NAME", "mcts:lm:NAME", "sb3:MODEL.zip", "module:function"
)  # fmt: skip
MODEL = re.compile(r"(?:(?P<search>mcts|best-of-(?P<n>[1-9]\d*)):)?lm:(?P<model>.+)")
SB3 = re.compile(r"sb3:(?P<path>.+)")
FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
Programs = Callable[[list[View]], Sequence[str | None]]


@dataclass(frozen=True)
class AgentContext:
    """What an agent may need to know of the run it plays in.

    Attributes:
        problems: the set.
        action_space: of one environment.
        vocabulary: of the environment.
        model: the LanguageModel that the agent's name asks for, or None.
        sampling: options of language models: temperature, top_p.
        max_tokens: the most tokens a language model may sample for a program, or None for its default.
    """

    problems: ProblemSet
    action_space: spaces.Space[Any]
    vocabulary: Vocabulary
    model: Any = None
    sampling: Mapping[str, float] = field(default_factory=dict)
    max_tokens: int | None = None


@dataclass(frozen=True)
class NamedAgent:
    """An agent, what `run.json` says about it, and the LanguageModel that it asks, if any."""

    agent: Agent
    identity: Mapping[str, Any]
    model: Any = None


def check_agent_name(name: str) -> None:
    """Raise an OptionError for a name that no agent can have; loads nothing."""
    if name in BUILT_IN or MODEL.fullmatch(name) or SB3.fullmatch(name):
        return
    if not FUNCTION.fullmatch(name) or name.split(":")[0] in ("lm", "mcts", "sb3", "openai"):
        raise unknown("agent", name, KNOWN)


def load_model(name: str, dtype: str | None = None) -> Any:
    """The LanguageModel that an agent's name asks for, with weights of a type (float32 by default), or None.

    Raises:
        OptionError: there is no such model.
    """
    match = MODEL.fullmatch(name)
    if match is None:
        if dtype is not None:
            raise OptionError(f"--dtype is for language models; {name!r} is none.")
        return None
    from codegym.agents.language_model.load import LanguageModel

    return LanguageModel.load(match["model"], dtype=dtype)


def make_agent(name: str, context: AgentContext) -> NamedAgent:
    """The agent of that name.

    Raises:
        OptionError: there is none.
    """
    check_agent_name(name)
    identity: dict[str, Any] = {"name": name}
    if name == "canonical":
        return NamedAgent(ProgramAgent(_references(context.problems), context.vocabulary), identity)
    if name == "empty":
        return NamedAgent(ProgramAgent(lambda views: [None] * len(views), context.vocabulary), identity)
    if name == "random":
        return NamedAgent(RandomAgent(context.action_space), identity)
    match = MODEL.fullmatch(name)
    if match:
        return _with_model(match, context, identity)
    match = SB3.fullmatch(name)
    if match:
        return _of_stable_baselines3(Path(match["path"]), context, identity)
    function, source = _imported(name)
    return NamedAgent(ProgramAgent(function, context.vocabulary), identity | {"source_sha256": source})


class ProgramAgent(PlanningAgent):
    """Plays whole programs that a function of views returns: all rows of a batch are asked for together."""

    def __init__(self, programs: Programs, vocabulary: Vocabulary):
        """Takes the function from views to programs (None for no program), and the environment's vocabulary."""
        super().__init__()
        self._programs = programs
        self._vocabulary = vocabulary

    def plan(self, rows: Sequence[int], views: Sequence[View], seeds: Sequence[int]) -> list[Plan]:
        """The actions that write each program."""
        programs = list(self._programs(list(views)))
        if len(programs) != len(views) or not all(p is None or isinstance(p, str) for p in programs):
            raise OptionError(f"An agent function returns one program (a str) per view: {len(views)} here.")
        return [Plan(actions_of(v, p, self._vocabulary)) for v, p in zip(views, programs, strict=True)]


class RandomAgent:
    """Draws every action from the action space; a text action is the end one time in ten, or it would never come."""

    def __init__(self, action_space: spaces.Space[Any]):
        """Takes the action space of one environment."""
        self._space = action_space

    def act(
        self,
        observations: Sequence[Any],
        infos: Sequence[Mapping[str, Any]],
        *,
        seeds: Sequence[int] | None = None,
        deterministic: bool = False,
    ) -> list[Decision]:
        """One random action per row, decided by the row's seed."""
        return [Decision(self._draw(seed)) for seed in (seeds or range(len(observations)))]

    def _draw(self, seed: int) -> Any:
        if isinstance(self._space, spaces.Discrete):
            return int(self._space.start + np.random.default_rng(seed).integers(self._space.n))
        if np.random.default_rng(seed).random() < 0.1:
            return END
        self._space.seed(seed % 2**32)
        return self._space.sample()


def _references(problems: ProblemSet) -> Programs:
    def programs(views: list[View]) -> list[str | None]:
        references = [problems[view.problem].references for view in views]
        return [known[0] if known else None for known in references]

    return programs


def _imported(name: str) -> tuple[Programs, str]:
    """The function `module:function`, and the hash of its module's source."""
    module_name, _, function_name = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does: the user's own module lies where they stand
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and not f"{module_name}.".startswith(f"{error.name}."):
            raise OptionError(f"Agent {name!r}: importing {module_name} needs {error.name}, not installed.") from None
        raise unknown("agent", name, KNOWN) from None
    function = getattr(module, function_name, None)
    if not callable(function):
        raise OptionError(f"Agent {name!r}: module {module_name} has no function {function_name}.")
    source = inspect.getsource(module)
    return function, hashlib.sha256(source.encode()).hexdigest()


def _of_stable_baselines3(path: Path, context: AgentContext, identity: dict[str, Any]) -> NamedAgent:
    """A saved model of Stable-Baselines3 or sb3-contrib; `--observation features` or `dict` is what it reads."""
    try:
        from codegym.agents.adapters.sb3 import SB3Agent
    except ModuleNotFoundError as error:
        raise OptionError(f"Agent {identity['name']!r} needs {error.name}: pip install 'codegym[sb3]'.") from None
    agent = SB3Agent(path)
    trained, here = agent.model.action_space, context.action_space
    if trained != here:
        raise OptionError(f"{path} was trained with the actions {trained}; this environment has {here}.")
    kind = type(agent.model).__name__
    return NamedAgent(agent, identity | {"algorithm": kind, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})


def _with_model(match: re.Match[str], context: AgentContext, identity: dict[str, Any]) -> NamedAgent:
    """A language model, alone or as the proposer of a search."""
    from codegym.agents.language_model.agent import LanguageModelAgent
    from codegym.agents.language_model.sampling import Sampling

    budget = {} if context.max_tokens is None else {"max_tokens": context.max_tokens}
    model = LanguageModelAgent(context.model, sampling=Sampling(**context.sampling), **budget)
    identity |= {"model" if key == "name" else key: value for key, value in model.identity().items()}
    if match["search"] is None:
        return NamedAgent(model, identity, context.model)
    from codegym.agents.search.agent import SearchAgent
    from codegym.agents.search.best_of_n import BestOfNAgent

    problems, vocabulary = context.problems.__getitem__, context.vocabulary
    search: SearchAgent | BestOfNAgent
    if match["n"]:
        search = BestOfNAgent(model, problems, int(match["n"]), vocabulary=vocabulary)
    else:
        search = SearchAgent(model, problems, vocabulary=vocabulary)
    return NamedAgent(search, identity | {"search": search.identity()}, context.model)
