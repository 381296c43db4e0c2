"""`codegym train ppo`: evaluate, then rollout, scoring and update in turn, then evaluate again. Resumes bit by bit."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import codegym
from codegym.agents.collect import collect, requests
from codegym.agents.evaluate import Evaluation, evaluate
from codegym.agents.learning.checkpoint import Checkpoint, load_checkpoint, require_same_config, save_checkpoint
from codegym.agents.learning.options import TrainPPOOptions
from codegym.agents.learning.ppo import PPO
from codegym.agents.learning.progress import PHASES, Progress, TensorBoard
from codegym.agents.learning.token_batch import TokenBatch
from codegym.agents.statistics import paired_bootstrap
from codegym.envs.episode import Episode
from codegym.envs.errors import InfrastructureError, unknown
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.files import append_line, read_json, require_writable_folder, write_atomically, write_json
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.rewards.outcome_reward import resolve_reward

NOT_CONFIGURATION = ("out", "iterations", "checkpoint_every", "device")
"""Options that a resumed run may change: they decide where, how long and how safely, not what is learned."""

IDLE_CRITIC_WINDOW = 5
WORSE_THAN_A_CONSTANT = -0.5


def train_ppo(options: TrainPPOOptions, *, executor: Executor | None = None) -> dict[str, Any]:
    """Train a language model by PPO in one of our environments, and return what is in `summary.json`.

    Args:
        options: everything about the run; the same options on the same folder resume it.
        executor: runs the programs; by default the shared one.

    Raises:
        OptionError: bad options, or a folder that holds another run.
        TrainingError: NaN, or log-probabilities that are not the policy's; the batch is saved.
    """
    from codegym.agents.language_model.agent import LanguageModelAgent
    from codegym.agents.language_model.load import LanguageModel
    from codegym.agents.language_model.sampling import Sampling

    started = time.perf_counter()
    options.check()
    problems = load_problems(options.problems)
    train, held_out = _problems(options, problems)
    if options.env not in (known := sorted(name for name in gym.registry if name.startswith("codegym/"))):
        raise unknown("environment", options.env, known)
    resolve_reward(options.reward)
    folder = require_writable_folder(options.out)
    executor = executor or shared_executor()
    progress = Progress(options.iterations)
    progress.phase(f"loading {options.model}")
    try:
        lm = LanguageModel.load(options.model, device=options.device)
        env = _environment(options, problems, lm.tokenizer, executor)
        config = _config(options, problems, lm.identity())
        _begin(folder, config, options)
        checkpoint = load_checkpoint(folder / "checkpoints", config)
        agent = LanguageModelAgent(lm, sampling=Sampling(temperature=options.temperature))
        trainer = PPO(lm.model, options, seed=options.seed, folder=folder)
        if checkpoint is not None:
            trainer.load_state(dict(checkpoint.tensors))
            progress.message(f"resuming after iteration {checkpoint.iteration} of {options.iterations}")
        before = _measure(folder, "before", agent, env, held_out, options, progress)
        earlier = float(checkpoint.extra["seconds"]) if checkpoint is not None else 0.0
        _train(trainer, agent, env, executor, train, folder, config, options, progress, earlier - started)
        lm.save(folder / "model")
        after = _measure(folder, "after", agent, env, held_out, options, progress)
        env.close()
    finally:
        progress.close()
    summary = {
        "before": before,
        "after": after,
        "gain": _gain(folder, options),
        "problems": len(held_out),
        "samples": options.eval_samples,
        "iterations": trainer.iteration,
        "episodes": trainer.iteration * options.prompts * options.samples,
        "seconds": round(earlier + time.perf_counter() - started, 1),
    }
    summary = {name: value for name, value in summary.items() if value is not None}
    write_json(folder / "summary.json", summary)
    return summary


def _train(
    trainer: PPO,
    agent: Any,
    env: Any,
    executor: Executor,
    train: Sequence[str],
    folder: Path,
    config: Mapping[str, Any],
    options: TrainPPOOptions,
    progress: Progress,
    clock: float,
) -> None:
    """The loop: collect, score, update, write."""
    metrics_file = folder / "metrics.jsonl"
    _keep_lines(metrics_file, trainer.iteration)
    tensorboard = TensorBoard(folder / "tensorboard")
    explained: list[float] = []
    device = trainer.policy_parameters[0].device
    while trainer.iteration < options.iterations:
        times = [time.perf_counter()]
        executing = executor.statistics["seconds"]
        wanted = requests(
            _draw(train, options.prompts, options.seed, trainer.iteration),
            options.samples,
            seed=options.seed,
            iteration=trainer.iteration,
        )
        episodes = collect(agent, env, wanted, name=f"ppo:{options.model}")
        if not episodes:
            raise InfrastructureError("No episode of this rollout could be judged; see `codegym doctor`.")
        executing = executor.statistics["seconds"] - executing
        batch = TokenBatch.from_episodes(episodes, credit=options.credit != "none").to(device)
        times.append(time.perf_counter())
        batch = trainer.score(batch)
        times.append(time.perf_counter())
        left = 1 - trainer.iteration / options.iterations
        metrics = trainer.update(batch, lr_scale=left if options.anneal else 1.0)
        times.append(time.perf_counter())
        rollout, scoring, update = np.diff(times).tolist()
        record = {
            "iteration": trainer.iteration,
            **_rollout_metrics(episodes, len(wanted)),
            **metrics,
            "seconds": dict(zip(PHASES, (rollout - executing, executing, scoring, update), strict=True)),
        }
        append_line(metrics_file, json.dumps(_without_nan(record)))
        tensorboard.add(record, trainer.iteration)
        progress.iteration(record)
        explained.append(metrics["explained_variance"])
        _warn_of_idle_critic(explained, trainer, options, progress)
        if trainer.iteration % options.checkpoint_every == 0 or trainer.iteration == options.iterations:
            extra = {"seconds": clock + time.perf_counter()}
            save_checkpoint(folder / "checkpoints", Checkpoint(trainer.iteration, trainer.state(), config, extra))
    tensorboard.close()


def _rollout_metrics(episodes: Sequence[Episode], wanted: int) -> dict[str, float]:
    """Means over the episodes of a rollout."""
    return {
        "reward": float(np.mean([episode.reward for episode in episodes])),
        "pass_rate": float(np.mean([episode.verdict == "PASS" for episode in episodes])),
        "length": float(np.mean([episode.tokens for episode in episodes])),
        "truncated": float(np.mean([episode.truncated for episode in episodes])),
        "dropped": wanted - len(episodes),
    }


def _warn_of_idle_critic(explained: list[float], trainer: PPO, options: TrainPPOOptions, progress: Progress) -> None:
    """Shout, once per window, where after its warm-up the value head is clearly worse than a constant."""
    recent = [value for value in explained[-IDLE_CRITIC_WINDOW:] if not math.isnan(value)]
    due = trainer.iteration > options.value_warmup + IDLE_CRITIC_WINDOW and trainer.iteration % IDLE_CRITIC_WINDOW == 0
    if trainer.value_head is not None and due and recent and float(np.mean(recent)) < WORSE_THAN_A_CONSTANT:
        progress.message(
            f"warning: the value head does not learn (explained variance {np.mean(recent):.2f}); lower --value-lr, "
            "raise --value-warmup, or use --advantage grpo, which needs none"
        )


def _problems(options: TrainPPOOptions, problems: ProblemSet) -> tuple[Sequence[str], list[str]]:
    """The uris to train on, and those to evaluate on, evenly spread over the held-out split."""
    train = problems.split(options.split) if options.split else problems.default_split("train")
    test = problems.split(options.eval_split) if options.eval_split else problems.default_split("test")
    train_uris, test_uris = _tagged(train, options.tags), _tagged(test, options.tags)
    count = min(options.eval_problems, len(test_uris))
    return train_uris, [test_uris[i * len(test_uris) // count] for i in range(count)]


def _tagged(problems: ProblemSet, tags: Sequence[str]) -> Sequence[str]:
    """The uris of the problems that carry one of the tags."""
    uris = [problem.uri for problem in problems if set(tags) & set(problem.tags)] if tags else problems.uris
    if not uris:
        known = sorted({tag for problem in problems for tag in problem.tags})
        raise unknown(f"tag in {problems.spec}:", ", ".join(tags), known or ["(it has none)"])
    return uris


def _draw(uris: Sequence[str], count: int, seed: int, iteration: int) -> list[str]:
    """The problems of an iteration: every problem once before any a second time, in an order that the seed decides."""
    drawn = []
    for place in range(iteration * count, (iteration + 1) * count):
        turn, index = divmod(place, len(uris))
        order = np.random.default_rng(np.random.SeedSequence([seed, turn])).permutation(len(uris))
        drawn.append(uris[int(order[index])])
    return drawn


def _environment(options: TrainPPOOptions, problems: ProblemSet, tokenizer: Any, executor: Executor) -> Any:
    kwargs: dict[str, Any] = {
        "problems": problems,
        "tokenizer": tokenizer,
        "executor": executor,
        "reward": options.reward,
        "credit": None if options.credit == "none" else options.credit,
    }
    if "Token" in options.env:
        kwargs["max_tokens"] = options.max_tokens
    return gym.make_vec(
        options.env,
        num_envs=options.prompts * options.samples,
        vectorization_mode=gym.VectorizeMode.VECTOR_ENTRY_POINT,
        autoreset_mode=gym.vector.AutoresetMode.DISABLED,
        **kwargs,
    )


def _config(options: TrainPPOOptions, problems: ProblemSet, identity: Mapping[str, Any]) -> dict[str, Any]:
    """What must stay equal for a run to go on, JSON-able."""
    chosen = {name: value for name, value in asdict(options).items() if name not in NOT_CONFIGURATION}
    if options.anneal:  # then the number of iterations decides every learning rate
        chosen["iterations"] = options.iterations
    config = {**chosen, "problems_sha256": problems.sha256, "model_identity": dict(identity)}
    plain: dict[str, Any] = json.loads(json.dumps(config, default=str))
    return plain


def _begin(folder: Path, config: Mapping[str, Any], options: TrainPPOOptions) -> None:
    """Write run.json, or make sure that the one there tells of the same run."""
    path = folder / "run.json"
    if path.exists():
        require_same_config(folder, read_json(path).get("config", {}), config)
        return
    write_json(path, {"kind": "train ppo", "codegym": codegym.__version__, "env": options.env, "config": dict(config)})


def _measure(
    folder: Path,
    when: str,
    agent: Any,
    env: Any,
    held_out: Sequence[str],
    options: TrainPPOOptions,
    progress: Progress,
) -> dict[str, Any] | None:
    """Evaluate, or read what an earlier process measured at the same number of iterations; None without problems."""
    if not held_out:
        return None
    path = folder / "evaluation" / f"{when}.json"
    iterations = 0 if when == "before" else options.iterations
    if path.exists() and (stored := read_json(path))["iterations"] == iterations:
        return dict(stored["result"])
    progress.phase(f"evaluating {when} training on {len(held_out)} held-out problems")
    result: Evaluation = evaluate(
        agent, env, held_out, samples=options.eval_samples, seed=options.seed, name=f"{options.model} {when} ppo"
    )
    episodes = "".join(episode.to_json() + "\n" for episode in result.episodes)
    write_atomically(folder / "evaluation" / f"{when}.jsonl", episodes)
    write_json(path, {"iterations": iterations, "result": result.to_json(), "pass_rates": result.pass_rates})
    progress.message(f"{when}: pass@1 {result.sampled} sampled, {result.greedy} greedy")
    return result.to_json()


def _gain(folder: Path, options: TrainPPOOptions) -> dict[str, float] | None:
    """The rise of pass@1, paired by problem; None without problems."""
    if not (folder / "evaluation" / "after.json").exists():
        return None
    first, second = (read_json(folder / "evaluation" / f"{when}.json")["pass_rates"] for when in ("before", "after"))
    shared = sorted(first.keys() & second.keys())
    return paired_bootstrap([first[uri] for uri in shared], [second[uri] for uri in shared]).to_json()


def _keep_lines(path: Path, iterations: int) -> None:
    """Cut metrics.jsonl back to what the checkpoint knows of."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:iterations] if path.exists() else []
    write_atomically(path, "".join(lines))


def _without_nan(record: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: a metric without a value is null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in record.items()
    }
