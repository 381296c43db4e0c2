"""The loop of PPO: collect a rollout, score it, update, write the metrics and now and then a checkpoint."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from codegym.agents.collect import Request, collect, requests
from codegym.agents.learning.ahead import ExecutionAhead
from codegym.agents.learning.checkpoint import Checkpoint, save_checkpoint
from codegym.agents.learning.critic_watch import CriticWatch
from codegym.agents.learning.distributed import Peers
from codegym.agents.learning.options import TrainPPOOptions
from codegym.agents.learning.ppo import PPO
from codegym.agents.learning.precision import Precision
from codegym.agents.learning.progress import PHASES, Progress, TensorBoard
from codegym.agents.learning.token_batch import TokenBatch
from codegym.envs.episode import Episode
from codegym.envs.errors import InfrastructureError, PromptTooLong
from codegym.envs.execution.outcome import Job
from codegym.envs.files import append_line, write_atomically
from codegym.envs.mdp.start_states import CCCS
from codegym.envs.mdp.state import Start, View
from codegym.envs.problems.problem_set import ProblemSet


@dataclass
class Loop:
    """Everything that the iterations of a run share.

    Attributes:
        trainer: learns.
        agent: samples with the trainer's model.
        env: vector environment of the rollouts.
        executor: of the environment; runs programs while others are sampled, and tells how long they were waited for.
        problems: uris to train on.
        problem_set: that they belong to.
        options: of the run.
        folder: of the run.
        config: what a checkpoint must agree on to be gone on from.
        progress: shows each iteration.
        curriculum: of the environment, where it has one; its progress goes into checkpoints.
        whole: share of a rollout's problems that begin from the question whatever the curriculum says.
        look: pass rate on held-out problems, for the learning curve.
        clock: seconds to add to `time.perf_counter()` for the age of the run.
        peers: the processes of the run; each collects its share of a rollout, the first one writes.
        precision: of the model's products in rollouts and in updates.
    """

    trainer: PPO
    agent: Any
    env: Any
    executor: ExecutionAhead
    problems: Sequence[str]
    problem_set: ProblemSet
    options: TrainPPOOptions
    folder: Path
    config: Mapping[str, Any]
    progress: Progress
    curriculum: CCCS | None = None
    whole: float = 0.0
    look: Callable[[], float] | None = None
    clock: float = 0.0
    peers: Peers = field(default_factory=Peers)
    precision: Precision = field(default_factory=Precision)
    _too_long: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._critic = CriticWatch(self.options.value_warmup)

    def run(self) -> None:
        """Go on until the options' number of iterations is reached."""
        options, trainer = self.options, self.trainer
        metrics_file = self.folder / "metrics.jsonl"
        if not self.peers.first:
            while trainer.iteration < options.iterations:
                self._iteration()
                if trainer.layers:  # what the first process evaluates and saves is spread over all
                    self._look()
                    if self._saves:
                        trainer.state()
            return
        _keep_lines(metrics_file, trainer.iteration)
        tensorboard = TensorBoard(self.folder / "tensorboard")
        while trainer.iteration < options.iterations:
            record = self._iteration()
            if (rate := self._look()) is not None:
                record["held_out"] = rate
            append_line(metrics_file, json.dumps(_without_nan(record)))
            tensorboard.add(record, trainer.iteration)
            self.progress.iteration(record)
            self._warn_of_idle_critic(record)
            if self._saves:
                self._save()
        tensorboard.close()

    @property
    def _saves(self) -> bool:
        """Whether this iteration ends with a checkpoint."""
        iteration, options = self.trainer.iteration, self.options
        return iteration % options.checkpoint_every == 0 or iteration == options.iterations

    def _look(self) -> float | None:
        """The pass rate on held-out problems, by the first process, where one is due."""
        options = self.options
        if not options.eval_every or self.look is None or self.trainer.iteration % options.eval_every:
            return None
        with self.trainer.gathered():
            rate = self.look() if self.peers.first else None
            if self.trainer.layers:
                self.peers.wait()
        return rate

    def _iteration(self) -> dict[str, Any]:
        """One rollout and one update; returns the metrics."""
        options, trainer = self.options, self.trainer
        times = [time.perf_counter()]
        executing = self.executor.statistics["seconds"]
        wanted = self._wanted()
        device = trainer.policy_parameters[0].device
        with self.precision.during("rollout", device), trainer.gathered():
            episodes = self._collected(wanted)
        executing = self.executor.statistics["seconds"] - executing
        batch = TokenBatch.from_episodes(episodes, credit=options.credit != "none")
        if options.credit == "random":
            batch = batch.shuffled_credit(np.random.default_rng([options.seed, trainer.iteration, len(episodes)]))
        batch = batch.to(device)
        times.append(time.perf_counter())
        rows = trainer.micro_batch
        with self.precision.during("update", device):
            batch = trainer.score(batch)
        times.append(time.perf_counter())
        left = 1 - trainer.iteration / options.iterations
        with self.precision.during("update", device):
            metrics = trainer.update(batch, lr_scale=left if options.anneal else 1.0)
        times.append(time.perf_counter())
        if trainer.micro_batch < rows:
            self.progress.message(f"warning: out of memory; going on with --micro-batch {trainer.micro_batch}")
        rollout, scoring, update = np.diff(times).tolist()
        return {
            "iteration": trainer.iteration,
            **_rollout_metrics(episodes, len(wanted)),
            **({"stage": _mean_stage(episodes)} if self.curriculum is not None else {}),
            "credited": float((batch.credit * batch.action).sum() / batch.action.sum()),
            **metrics,
            "seconds": dict(zip(PHASES, (rollout - executing, executing, scoring, update), strict=True)),
        }

    def _collected(self, wanted: Sequence[Request]) -> list[Episode]:
        """The episodes of all processes, which is what the curriculum learns from, in the order of `wanted`."""
        progress = self.curriculum.progress() if self.curriculum is not None else {}
        mine = set(self.peers.part(list(dict.fromkeys(request.problem for request in wanted))))
        asked = [request for request in wanted if request.problem in mine]
        self.agent.written, self.agent.lm.value_head = self._begin, self.trainer.value_head
        try:
            found = collect(self.agent, self.env, asked, name=f"ppo:{self.options.model}", too_long=self._leave_out)
        finally:
            self.agent.written = self.agent.lm.value_head = None
            self.executor.forget()
        episodes = self.peers.joined(found)
        self._too_long.update(self.peers.joined(sorted(self._too_long)))
        if not episodes:
            raise self._nothing_collected(wanted)
        if self.curriculum is not None:
            self.curriculum.restore(progress)  # the environment told it of some, in the order in which they ended
            for episode in episodes:
                start = Start(episode.start["kind"], episode.start["text"], episode.start["value"])
                self.curriculum.record(self.problem_set[episode.problem], start, episode.verdict == "PASS")
        return episodes

    def _begin(self, view: View, program: str) -> None:
        """Execute a program that was sampled and is still to be played."""
        scoring = self.env.unwrapped.settings.scoring
        self.executor.begin(Job(self.problem_set[view.problem], program, scoring.tests, scoring.credit is not None))

    def _wanted(self) -> list[Request]:
        options, iteration = self.options, self.trainer.iteration
        drawn = _draw(self.problems, options.prompts, options.seed, iteration)
        from_question = set(drawn[: round(self.whole * len(drawn))]) if self.curriculum is not None else set()
        return [
            Request(r.problem, r.sample, r.seed, "question") if r.problem in from_question else r
            for r in requests(drawn, options.samples, seed=options.seed, iteration=iteration)
            if r.problem not in self._too_long
        ]

    def _leave_out(self, error: PromptTooLong) -> None:
        self._too_long.add(error.problem)
        self.progress.message(f"warning: left out ({len(self._too_long)} so far): {error}")

    def _nothing_collected(self, wanted: Sequence[Request]) -> Exception:
        if all(request.problem in self._too_long for request in wanted):
            return PromptTooLong(f"None of a rollout's {self.options.prompts} problems fits into the model's context.")
        return InfrastructureError("No episode of this rollout could be judged; see `codegym doctor`.")

    def _warn_of_idle_critic(self, record: Mapping[str, Any]) -> None:
        if self.trainer.value_head is None:
            return
        pooled = self._critic.add(record["return_variance"], record["explained_variance"])
        if pooled is not None:
            self.progress.message(
                f"warning: the value head does not learn (explained variance {pooled:.2f}); lower --value-lr, "
                "raise --value-warmup, or use --advantage grpo, which needs none"
            )

    def _save(self) -> None:
        extra: dict[str, Any] = {"seconds": self.clock + time.perf_counter(), "critic": self._critic.history}
        if self.curriculum is not None:
            extra["curriculum"] = self.curriculum.progress()
        checkpoint = Checkpoint(self.trainer.iteration, self.trainer.state(), self.config, extra)
        save_checkpoint(self.folder / "checkpoints", checkpoint)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        self.trainer.load_state(dict(checkpoint.tensors))
        self._critic.history = [(variance, error) for variance, error in checkpoint.extra["critic"]]
        if self.curriculum is not None:
            self.curriculum.restore(checkpoint.extra["curriculum"])


def _rollout_metrics(episodes: Sequence[Episode], wanted: int) -> dict[str, float]:
    """Means over the episodes of a rollout."""
    return {
        "reward": float(np.mean([episode.reward for episode in episodes])),
        "pass_rate": float(np.mean([episode.verdict == "PASS" for episode in episodes])),
        "length": float(np.mean([episode.tokens for episode in episodes])),
        "truncated": float(np.mean([episode.truncated for episode in episodes])),
        "dropped": wanted - len(episodes),
    }


def _mean_stage(episodes: Sequence[Episode]) -> float:
    """Mean stage of the curriculum that the episodes began at; 0 is the question."""
    return float(np.mean([episode.start["value"] or 0 for episode in episodes]))


def _draw(uris: Sequence[str], count: int, seed: int, iteration: int) -> list[str]:
    """The problems of an iteration: every problem once before any a second time, in an order that the seed decides."""
    drawn = []
    for place in range(iteration * count, (iteration + 1) * count):
        turn, index = divmod(place, len(uris))
        order = np.random.default_rng(np.random.SeedSequence([seed, turn])).permutation(len(uris))
        drawn.append(uris[int(order[index])])
    return drawn


def _keep_lines(path: Path, iterations: int) -> None:
    """Cut metrics.jsonl back to what the checkpoint knows of."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:iterations] if path.exists() else []
    write_atomically(path, "".join(lines))


def _without_nan(record: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: a metric without a value is null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in record.items()
    }
