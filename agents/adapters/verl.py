"""verl: `compute_score`, for `custom_reward_function.path=.../verl.py` and `custom_reward_function.name=compute_score`.

Rows of the data set hold the problem's uri as `reward_model.ground_truth`, and anything as `data_source`. Nothing here
imports verl.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from codegym.agents.adapters.scoring import Scorer
from codegym.envs.errors import InfrastructureError
from codegym.envs.execution.outcome import Verdict


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Mapping[str, Any] | None = None
) -> dict[str, float | str]:
    """The score of one solution: "score" is the reward, "acc" 1 if all tests pass, "verdict" what happened.

    Args:
        data_source: not read; verl names the data set there.
        solution_str: what the model wrote.
        ground_truth: the problem's uri ("humaneval/0", "katas/digits/3").
        extra_info: `problems` ("kind:PATH", where the uri does not begin with the set's name) and `reward` (default
            "ladder"), both optional.

    Raises:
        OptionError: for an unknown set, problem or reward.
        InfrastructureError: the machine failed; never turned into a reward.
    """
    extra = dict(extra_info or {})
    spec = str(extra.get("problems") or ground_truth.split("/", 1)[0])
    (outcome,) = _scorer(spec, str(extra.get("reward") or "ladder"))([ground_truth], [solution_str])
    if outcome.reward is None:
        raise InfrastructureError(f"The program for {ground_truth!r} could not be judged: {outcome.message}")
    return {
        "score": outcome.reward,
        "acc": float(outcome.verdict is Verdict.PASS),
        "verdict": outcome.verdict.value,
    }


@functools.lru_cache(maxsize=32)
def _scorer(problems: str, reward: str) -> Scorer:
    return Scorer(problems, reward)
