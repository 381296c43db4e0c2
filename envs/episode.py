"""Episode: what happened, as data. One JSON line; the currency between rollouts, training, benchmarks and replay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from codegym.envs.errors import DataError
from codegym.envs.mdp.state import Action


@dataclass(frozen=True)
class Episode:
    """One finished episode. JSON keys are the attribute names (DESIGN: run folder, `episodes.jsonl`).

    Attributes:
        env_id: for example "codegym/Line-v0".
        env_kwargs: the environment's arguments in their string or JSON form.
        problem: uri.
        start: {"kind", "text", "value"} of the start state.
        seed: the number that seeded this row's sampling.
        sample: index of the sample for this problem.
        actions: the actions in order.
        program: the complete program that was executed.
        reward: sum of rewards over the episode.
        reward_terms: name -> float; sums to `reward`.
        verdict: of the program.
        tests_passed: number of tests passed.
        tests_total: number of tests run.
        credit_spans: (start, end, weight) in characters of the program.
        terminated: the agent ended it.
        truncated: the budget did.
        tokens: number of tokens that the agent sampled (0 where it has none).
        agent: short name of the agent.
        step_rewards: process rewards r_1..r_m, empty without a process reward.
        process_weight: alpha in force, None without a process reward.
        parts: verdict of each named part of the tests (EvalPlus' "base" and "plus"); left out of the line where empty.
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    problem: str
    start: Mapping[str, Any]
    seed: int
    sample: int
    actions: tuple[Action, ...]
    program: str
    reward: float
    reward_terms: Mapping[str, float]
    verdict: str
    tests_passed: int
    tests_total: int
    credit_spans: tuple[tuple[int, int, float], ...] = ()
    terminated: bool = False
    truncated: bool = False
    tokens: int = 0
    agent: str = ""
    step_rewards: tuple[float, ...] = ()
    process_weight: float | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    trace: Any = field(default=None, compare=False, repr=False)
    """TokenTraces of the actions, one per action; kept in memory, never in the JSON line."""

    def to_json(self) -> str:
        """One line of JSON, keys in declaration order."""
        return _ENCODER.encode(asdict_without_trace(self))

    @classmethod
    def from_json(cls, line: str, *, where: str = "") -> Episode:
        """Read one line; raises DataError that says where and what is missing."""
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{where}: not a JSON line ({error.msg}).") from None
        if not isinstance(record, dict) or not record.keys() <= {*_NAMES}:
            raise DataError(f"{where}: not an episode; an episode has the keys {', '.join(sorted(_NAMES))}.")
        missing = [f.name for f in fields(cls) if f.name not in record and f.name in _REQUIRED]
        if missing:
            raise DataError(f"{where}: the episode lacks {', '.join(missing)}.")
        record["actions"] = tuple(record["actions"])
        record["credit_spans"] = tuple(tuple(span) for span in record.get("credit_spans", ()))
        record["step_rewards"] = tuple(record.get("step_rewards", ()))
        return cls(**record)


_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
_NAMES = tuple(f.name for f in fields(Episode) if f.name != "trace")
_REQUIRED = {
    "env_id", "env_kwargs", "problem", "start", "seed", "sample", "actions", "program", "reward", "reward_terms",
    "verdict", "tests_passed", "tests_total",
}  # fmt: skip


def asdict_without_trace(episode: Episode) -> dict[str, Any]:
    """The episode as a JSON-ready dictionary."""
    record = {name: getattr(episode, name) for name in _NAMES}
    if not episode.parts:
        del record["parts"]
    return record
