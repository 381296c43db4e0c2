"""How fast the Token vector environment is: alone, beside the vectorisations of others, and within a rollout.

The setting: `observation="dict"`, window 512, copies and infos on, the end of the program drawn at 2 % of the steps,
one process, katas of the families that `tiny` was trained on. "Alone" a stub gives every program the same outcome, and
seconds are of processor time of this process; a run is done once before those that are timed, with the same draws, so
problems are read and tokenised before. The fastest of the timed runs counts, since what else a machine does can only
slow one (their median is reported beside it). Ratios come from rounds in which the contestants take turns, so that a
busy machine slows all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.mdp.scoring import RunsPrograms

TOKEN = "codegym/Token-v0"
SETTING = {"problems": "katas:tiny", "observation": "dict", "window": 512}
EOS_SHARE = 0.02
RUNS = 10
PEERS = ("sync", "async", "dummy_vec_env")
MODELS = ("tiny", "smollm2")


class Timed:
    """An executor, or a stub that gives every program the same outcome, and the seconds spent in it."""

    def __init__(self, inside: RunsPrograms | None = None) -> None:
        self.inside = inside
        self.seconds = 0.0

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of some jobs; random tokens compile so rarely that the stub's outcome is COMPILE."""
        started = time.perf_counter()
        outcomes = [Outcome(Verdict.COMPILE)] * len(jobs) if self.inside is None else self.inside.run(jobs)
        self.seconds += time.perf_counter() - started
        return outcomes

    def __deepcopy__(self, memo: dict[int, Any]) -> Timed:
        return self


def draw_actions(steps: int, rows: int, size: int, eos: int, *, seed: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    """[steps, rows] random token ids, 2 % of them the end of the program."""
    draws = np.random.default_rng(seed)
    ids = draws.integers(0, size, (steps, rows))
    ids[draws.random((steps, rows)) < EOS_SHARE] = eos
    return ids


def native(rows: int, executor: RunsPrograms) -> Any:
    """Our vector environment in the benchmark's setting."""
    return gym.make_vec(TOKEN, num_envs=rows, executor=executor, **SETTING)


def steps_per_second(rows: int, steps: int, executor: Timed, *, runs: int = 1) -> dict[str, float]:
    """Token-steps a second of the native vector environment.

    Returns:
        "environment", the fastest run in seconds of processor time of this process (a stub spends next to none of
        them), "median" of the runs, and "with_execution", the fastest in seconds on the wall.
    """
    env = native(rows, executor)
    vocabulary = env.unwrapped.settings.vocabulary
    actions = draw_actions(steps, rows, vocabulary.size, vocabulary.eos)
    used, seconds = [], []
    for number in range(runs + 1):
        env.reset(seed=0)
        begun, started = time.process_time(), time.perf_counter()
        for ids in actions:
            env.step(ids)
        if number:
            used.append(time.process_time() - begun)
            seconds.append(time.perf_counter() - started)
    env.close()
    done = rows * steps
    return {
        "environment": done / min(used),
        "median": done / statistics.median(used),
        "with_execution": done / min(seconds),
    }


def ratios(rows: int, steps: int, rounds: int, peers: Sequence[str] = PEERS) -> dict[str, float]:
    """How many times as fast as each peer the native vector environment steps; medians over rounds."""
    executor = Timed()
    makers: dict[str, Callable[[], Any]] = {
        "native": lambda: native(rows, executor),
        "sync": lambda: gym.make_vec(TOKEN, rows, vectorization_mode="sync", executor=executor, **SETTING),
        "async": lambda: gym.make_vec(TOKEN, rows, vectorization_mode="async", executor=executor, **SETTING),
        "dummy_vec_env": lambda: _dummy_vec_env(rows, executor),
    }
    contestants = {name: makers[name]() for name in ("native", *peers)}
    vocabulary = contestants["native"].unwrapped.settings.vocabulary
    actions = draw_actions(steps, rows, vocabulary.size, vocabulary.eos)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, env in contestants.items():
            if name == "dummy_vec_env":
                env.seed(0)
                env.reset()
            else:
                env.reset(seed=0)
            started = time.perf_counter()
            for ids in actions:
                env.step(ids)
            if number:  # the first round reads the problems
                seconds[name].append(time.perf_counter() - started)
    for env in contestants.values():
        env.close()
    return {
        name: statistics.median(peer / own for peer, own in zip(seconds[name], seconds["native"], strict=True))
        for name in peers
    }


def _dummy_vec_env(rows: int, executor: RunsPrograms) -> Any:
    from stable_baselines3.common.vec_env import DummyVecEnv

    return DummyVecEnv([lambda: gym.make(TOKEN, executor=executor, **SETTING)] * rows)


class _Clocked:
    """A vector environment whose calls are timed: `gymnasium` those of Gymnasium, `own` those of ours."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.num_envs = env.num_envs
        self.seconds = {"gymnasium": 0.0, "own": 0.0}

    @property
    def unwrapped(self) -> _Clocked:
        """Itself, so that those calls are timed as well."""
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.env.unwrapped, name)
        kind = "gymnasium" if name in ("reset", "step") else "own"

        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return method(*arguments, **options)
            finally:
                self.seconds[kind] += time.perf_counter() - started

        return timed


def rollout(model: str, *, rows: int, episodes: int, max_tokens: int) -> dict[str, float]:
    """Play Token episodes of katas with a language model and see where the time goes.

    Returns:
        Shares of the whole time: "environment" (Gymnasium's step and reset without execution), "views" (what our
        agents ask besides), "execution"; "tokens_per_second"; and "overlap", how many times as many tokens a second
        there are where the programs of the same episodes are executed while the model goes on.
    """
    from codegym.agents.collect import collect, requests
    from codegym.agents.language_model.agent import LanguageModelAgent
    from codegym.agents.language_model.load import LanguageModel

    lm = LanguageModel.load(model)
    with Executor() as inside:
        executor = Timed(inside)
        options = {"autoreset_mode": "Disabled", "tokenizer": lm.vocabulary, "max_tokens": max_tokens, **SETTING}
        env = _Clocked(gym.make_vec(TOKEN, rows, executor=executor, **options))
        uris = env.env.unwrapped.settings.chosen.uris[:episodes]
        agent = LanguageModelAgent(lm)
        collect(agent, env, requests(uris, 1, seed=0))
        env.seconds = dict.fromkeys(env.seconds, 0.0)
        executor.seconds, started = 0.0, time.perf_counter()
        played = collect(agent, env, requests(uris, 1, seed=1))
        seconds = time.perf_counter() - started
    with Executor() as inside:  # whose cache is empty, for the same episodes once more
        overlapping = gym.make_vec(TOKEN, rows, executor=inside, overlap=True, **options)
        collect(agent, overlapping, requests(uris, 1, seed=0))
        started = time.perf_counter()
        collect(agent, overlapping, requests(uris, 1, seed=1))
        overlapped = time.perf_counter() - started
        overlapping.close()
    return {
        "environment": (env.seconds["gymnasium"] - executor.seconds) / seconds,
        "views": env.seconds["own"] / seconds,
        "execution": executor.seconds / seconds,
        "tokens_per_second": sum(episode.tokens for episode in played) / seconds,
        "overlap": seconds / overlapped,
    }


def measure(
    *, rows: Sequence[int], steps: int, peer_rows: int, rounds: int, models: Sequence[str],
    peers: Sequence[str] = PEERS, progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Everything that `codegym bench environment` reports.

    Returns:
        "token_steps_per_second" (the fastest run), "token_steps_per_second_median" and
        "token_steps_per_second_with_execution" (rows -> number), "ratios" (peer -> times), "rollout_share",
        "views_share" and "execution_share" (model -> share of a rollout), "tokens_per_second" and "overlap" (model ->
        number), "setting".
    """
    alone: dict[str, float] = {}
    medians: dict[str, float] = {}
    executed: dict[str, float] = {}
    for count in rows:
        progress(f"{count} environments")
        speeds = steps_per_second(count, steps, Timed(), runs=RUNS)
        alone[str(count)], medians[str(count)] = speeds["environment"], speeds["median"]
        with Executor() as executor:
            executed[str(count)] = steps_per_second(count, steps, Timed(executor))["with_execution"]
    progress("peers")
    beside = ratios(peer_rows, steps, rounds, peers)
    shares: dict[str, dict[str, float]] = {}
    for model in models:
        progress(f"a rollout of {model}")
        few = model != "tiny"
        shares[model] = rollout(model, rows=8 if few else 64, episodes=8 if few else 256, max_tokens=64)
    return {
        "token_steps_per_second": alone,
        "token_steps_per_second_median": medians,
        "token_steps_per_second_with_execution": executed,
        "ratios": beside,
        "rollout_share": {model: share["environment"] for model, share in shares.items()},
        "views_share": {model: share["views"] for model, share in shares.items()},
        "execution_share": {model: share["execution"] for model, share in shares.items()},
        "tokens_per_second": {model: share["tokens_per_second"] for model, share in shares.items()},
        "overlap": {model: share["overlap"] for model, share in shares.items()},
        "setting": {
            **SETTING,
            "eos_share": EOS_SHARE,
            "steps": steps,
            "runs": RUNS,
            "peer_rows": peer_rows,
            "rounds": rounds,
        },
    }
