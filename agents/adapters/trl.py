"""TRL: a reward function for GRPOTrainer and its relatives, and the rows of a data set to go with it.

    rows = prompt_rows("katas:tiny", limit=512)
    trainer = GRPOTrainer(
        model=..., reward_funcs=reward_function("katas:tiny"), train_dataset=Dataset.from_list(rows), args=...
    )

Nothing here imports TRL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from codegym.agents.adapters.scoring import Scorer, prompt_rows
from codegym.envs.errors import OptionError
from codegym.envs.problems.problem import Problem, TestSelection
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.rewards.outcome_reward import RewardOption

__all__ = ["prompt_rows", "reward_function"]

RewardFunction = Callable[..., list[float | None]]


def reward_function(
    problems: str | ProblemSet | Sequence[Problem] = "katas",
    reward: RewardOption = "ladder",
    *,
    tests: TestSelection = "all",
    executor: Any = None,
) -> RewardFunction:
    """A reward function in TRL's form: `(prompts, completions, problem, **others) -> rewards`.

    The data set needs a column `problem` with uris; `prompt_rows` makes one. All completions of a step are executed
    in one batch. A completion that the machine could not judge gets None, which TRL leaves out.

    Args:
        problems: a set, its name or `kind:PATH`.
        reward: a name ("ladder", "binary", "fraction", ...) or any function of an Outcome.
        tests: "all" or "public".
        executor: runs the programs; by default one shared by the whole process.

    Raises:
        OptionError: for an unknown set or reward; when called, for a data set without `problem`.
    """
    scorer = Scorer(problems, reward, tests=tests, executor=executor)

    def codegym_reward(
        prompts: Sequence[Any] = (), completions: Sequence[Any] = (), problem: Sequence[str] | None = None, **_: Any
    ) -> list[float | None]:
        if problem is None:
            raise OptionError('The data set needs a column "problem" with uris; prompt_rows() makes one.')
        return [outcome.reward for outcome in scorer(problem, [_text(completion) for completion in completions])]

    return codegym_reward


def _text(completion: Any) -> str:
    """The text of a completion, or of the last message of a conversation."""
    if isinstance(completion, str):
        return completion
    return str(completion[-1]["content"])
