"""`codegym train ppo`: evaluate, then rollout, scoring and update in turn, then evaluate again. Resumes bit by bit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

import codegym
from codegym.agents.collect import collect, requests
from codegym.agents.evaluate import Evaluation, evaluate
from codegym.agents.learning.ahead import ExecutionAhead
from codegym.agents.learning.checkpoint import load_checkpoint, require_same_config
from codegym.agents.learning.distributed import Peers
from codegym.agents.learning.loop import Loop
from codegym.agents.learning.lora import with_adapter, without_adapter
from codegym.agents.learning.options import TrainPPOOptions
from codegym.agents.learning.ppo import PPO
from codegym.agents.learning.precision import precision_of
from codegym.agents.learning.progress import Progress
from codegym.agents.statistics import paired_bootstrap
from codegym.envs.curation.overlap import run_overlap
from codegym.envs.errors import InfrastructureError, OptionError, PromptTooLong, unknown
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.files import read_json, require_writable_folder, write_atomically, write_json
from codegym.envs.mdp.start_states import CCCS
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.rewards.outcome_reward import resolve_reward

if TYPE_CHECKING:
    from codegym.agents.language_model.load import LanguageModel

NOT_CONFIGURATION = ("out", "iterations", "checkpoint_every", "device")
"""Options that a resumed run may change: they decide where, how long and how safely, not what is learned."""

LOOK_STREAM = 1 << 30
"""Takes the place of the iteration in the seeds of learning-curve episodes."""


def train_ppo(
    options: TrainPPOOptions,
    *,
    executor: Executor | None = None,
    kind: str = "train ppo",
    load: Callable[[], LanguageModel] | None = None,
    prepare: Callable[[LanguageModel, Path, Progress], None] | None = None,
    curriculum: CCCS | None = None,
    whole: float = 0.0,
) -> dict[str, Any]:
    """Train a language model by PPO in one of our environments, and return what is in `summary.json`.

    Started by `accelerate launch` or `torchrun`, the processes train one model together; all but the first return {}.

    A recipe is this with other parts: the arguments from `kind` on are for recipes.

    Args:
        options: everything about the run; the same options on the same folder resume it.
        executor: runs the programs; by default the shared one.
        kind: name of the command.
        load: makes the model; by default `options.model` is loaded.
        prepare: trains the model in place before anything is measured, in the run's folder and by its progress; a
            resumed run calls it again, and must get the same weights.
        curriculum: decides where the episodes of training begin; evaluation always begins from the question.
        whole: share of a rollout's problems that the curriculum has no say in.

    Raises:
        OptionError: bad options, or a folder that holds another run.
        TrainingError: NaN, or log-probabilities that are not the policy's; the batch is saved.
    """
    from codegym.agents.language_model.agent import LanguageModelAgent
    from codegym.agents.language_model.load import LanguageModel
    from codegym.agents.language_model.sampling import Sampling
    from codegym.agents.language_model.vllm_sampler import VLLMSampler

    started = time.perf_counter()
    options.check()
    if options.sampler == "vllm":
        VLLMSampler.require()
    peers = Peers.from_environment()
    if options.prompts < peers.size:
        raise OptionError(f"--prompts must be at least the number of processes, {peers.size} (got {options.prompts}).")
    problems = load_problems(options.problems)
    train, held_out = _problems(options, problems)
    if options.env not in (known := sorted(name for name in gym.registry if name.startswith("codegym/"))):
        raise unknown("environment", options.env, known)
    resolve_reward(options.reward)
    folder = require_writable_folder(options.out)
    ahead = ExecutionAhead(executor or shared_executor())
    progress = Progress(options.iterations, silent=not peers.first)
    progress.phase(f"loading {options.model}")
    try:
        lm = load() if load is not None else LanguageModel.load(options.model, device=options.device)
        env = _environment(options, problems, lm.tokenizer, ahead, "question")
        config = _config(options, problems, lm.identity())
        if peers.first:
            _begin(folder, kind, config, options, lambda: run_overlap(problems, train, held_out))
        peers.wait()
        checkpoint = load_checkpoint(folder / "checkpoints", config)
        if prepare is not None:
            if peers.first:
                prepare(lm, folder, progress)
            peers.same(lm.model.parameters())
        if options.lora_rank:
            lm.model = with_adapter(lm.model, options.lora_rank, seed=options.seed)
        if options.sampler == "vllm":
            if peers.first:
                lm.save(folder / "sampler")
            peers.wait()
            lm.sampler = VLLMSampler.of(folder / "sampler", seed=options.seed)
        if peers.first:
            precision_of(folder, options.precision, lm.model)  # tries, and keeps what it finds
        peers.wait()
        precision = precision_of(folder, options.precision, lm.model, first=False)
        agent = LanguageModelAgent(lm, sampling=Sampling(temperature=options.temperature))
        earlier = float(checkpoint.extra["seconds"]) if checkpoint is not None else 0.0
        loop = Loop(
            trainer=(trainer := PPO(lm.model, options, seed=options.seed, folder=folder, peers=peers)),
            agent=agent,
            env=env if curriculum is None else _environment(options, problems, lm.tokenizer, ahead, curriculum),
            executor=ahead,
            problems=train,
            problem_set=problems,
            options=options,
            folder=folder,
            config=config,
            progress=progress,
            curriculum=curriculum,
            whole=whole,
            look=lambda: _look(agent, env, held_out, options),
            clock=earlier - started,
            peers=peers,
            precision=precision,
        )
        trainer.exact_sampler = precision.exact
        if checkpoint is not None:
            loop.restore(checkpoint)
            progress.message(f"resuming after iteration {checkpoint.iteration} of {options.iterations}")
        with trainer.gathered():
            before = _measure(folder, "before", agent, env, held_out, options, progress) if peers.first else None
            peers.wait()
        loop.run()
        lm.model = trainer.whole_model()
        if not peers.first:
            return {}
        lm.model = without_adapter(lm.model)
        lm.save(folder / "model")
        after = _measure(folder, "after", agent, env, held_out, options, progress)
        env.close()
        loop.env.close()
    finally:
        ahead.close()
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


def _problems(options: TrainPPOOptions, problems: ProblemSet) -> tuple[Sequence[str], list[str]]:
    """The uris to train on, and those to evaluate on, evenly spread over the held-out split."""
    train = problems.split(options.split) if options.split else problems.default_split("train")
    test = problems.split(options.eval_split) if options.eval_split else problems.default_split("test")
    train_uris, test_uris = _tagged(train, options.tags), _tagged(test, options.tags)
    count = min(options.eval_problems, len(test_uris))
    return train_uris, [test_uris[i * len(test_uris) // count] for i in range(count)]


def training_problems(options: TrainPPOOptions) -> list[Problem]:
    """The problems that a run trains on."""
    problems = load_problems(options.problems)
    return [problems[uri] for uri in _problems(options, problems)[0]]


def _tagged(problems: ProblemSet, tags: Sequence[str]) -> Sequence[str]:
    """The uris of the problems that carry one of the tags."""
    uris = [problem.uri for problem in problems if set(tags) & set(problem.tags)] if tags else problems.uris
    if not uris:
        known = sorted({tag for problem in problems for tag in problem.tags})
        raise unknown(f"tag in {problems.spec}:", ", ".join(tags), known or ["(it has none)"])
    return uris


def _environment(
    options: TrainPPOOptions, problems: ProblemSet, tokenizer: Any, executor: ExecutionAhead, start: str | CCCS
) -> Any:
    kwargs: dict[str, Any] = {
        "problems": problems,
        "tokenizer": tokenizer,
        "executor": executor,
        "reward": options.reward,
        "credit": {"none": None, "random": "coverage"}.get(options.credit, options.credit),
        "start": start,
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


def _begin(
    folder: Path,
    kind: str,
    config: Mapping[str, Any],
    options: TrainPPOOptions,
    overlap: Callable[[], Mapping[str, int]],
) -> None:
    """Write run.json, or make sure that the one there tells of the same run."""
    path = folder / "run.json"
    if path.exists():
        require_same_config(folder, read_json(path).get("config", {}), config)
        return
    versions = {"kind": kind, "codegym": codegym.__version__, "env": options.env}
    write_json(path, {**versions, "config": dict(config), "overlap": dict(overlap())})


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
    too_long: set[str] = set()

    def leave_out(error: PromptTooLong) -> None:
        if error.problem not in too_long:  # it is asked for twice, sampled and greedy
            too_long.add(error.problem)
            progress.message(f"warning: left out ({len(too_long)} so far): {error}")

    try:
        result: Evaluation = evaluate(
            agent,
            env,
            held_out,
            samples=options.eval_samples,
            seed=options.seed,
            name=f"{options.model} {when} ppo",
            too_long=leave_out,
        )
    except InfrastructureError:
        if len(too_long) == len(held_out):
            raise PromptTooLong(
                f"None of the {len(held_out)} held-out problems fits into the model's context."
            ) from None
        raise
    episodes = "".join(episode.to_json() + "\n" for episode in result.episodes)
    write_atomically(folder / "evaluation" / f"{when}.jsonl", episodes)
    write_json(path, {"iterations": iterations, "result": result.to_json(), "pass_rates": result.pass_rates})
    progress.message(f"{when}: pass@1 {result.sampled} sampled, {result.greedy} greedy")
    return result.to_json()


def _look(agent: Any, env: Any, held_out: Sequence[str], options: TrainPPOOptions) -> float:
    """Share of samples of the present model that pass, from the held-out problems."""
    wanted = requests(held_out, options.look_samples, seed=options.seed, iteration=LOOK_STREAM)
    return float(np.mean([episode.verdict == "PASS" for episode in collect(agent, env, wanted)]))


def _gain(folder: Path, options: TrainPPOOptions) -> dict[str, float] | None:
    """The rise of pass@1, paired by problem; None without problems."""
    if not (folder / "evaluation" / "after.json").exists():
        return None
    first, second = (read_json(folder / "evaluation" / f"{when}.json")["pass_rates"] for when in ("before", "after"))
    shared = sorted(first.keys() & second.keys())
    return paired_bootstrap([first[uri] for uri in shared], [second[uri] for uri in shared]).to_json()
