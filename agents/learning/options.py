"""The options of PPO, without torch: one definition gives the defaults, the command's help and the types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codegym.envs.errors import OptionError


@dataclass(frozen=True)
class PPOOptions:
    """The algorithm. Defaults are the ones that were measured to work for `tiny-buggy` on katas."""

    advantage: Literal["gae", "grpo", "rloo", "reinforce++"] = "gae"
    """Advantages from a value head (gae) or from the other samples of the same problem."""
    lr: float = 3e-4
    """Adam's learning rate for the policy; 5e-4 and more was unstable on the tiny model."""
    anneal: bool = True
    """Let the learning rates fall in a straight line to 0 over the iterations. Late in training few samples fail, Adam
    still takes steps of full length, and at a constant rate a run lost 20 points for some iterations."""
    value_lr: float = 3e-4
    """Adam's learning rate for the value head; 1e-2 fitted the noise of single rollouts."""
    gamma: float = 1.0
    """Discount per token, or per step at step level."""
    lam: float = 1.0
    """Lambda of GAE; below 1 a value head that is wrong steers the policy (0.95 collapsed)."""
    gae_level: Literal["token", "step"] = "step"
    """What one action is for GAE: a token, or an environment step (in Token-v0 these are the same)."""
    eps_low: float = 0.2
    """The probability ratio is clipped at 1 - eps_low."""
    eps_high: float = 0.2
    """The probability ratio is clipped at 1 + eps_high."""
    dual_clip: float | None = None
    """Bound (> 1) on the loss of a negative advantage."""
    value_clip: float | None = None
    """Bound on the move of a value away from the rollout's, in units of the reward."""
    kl_coef: float = 0.05
    """Weight of the KL to the reference (the weights that training began with); 0 keeps no reference."""
    kl_estimator: Literal["k1", "k3"] = "k1"
    """Estimator of the KL; with k3 single tokens that became rare made gradients of norm 77 (k1: below 1)."""
    kl_target: float | None = None
    """KL to hold by adapting kl_coef after each rollout; none keeps kl_coef as it is."""
    kl_horizon: int = 10_000
    """Episodes over which kl_coef adapts: the longer, the slower."""
    kl_in: Literal["loss", "reward"] = "loss"
    """Where the KL goes; in the reward it would leak into the returns of tokens without credit."""
    entropy_coef: float = 0.0
    """Weight of the entropy bonus."""
    epochs: int = 2
    """Passes over each rollout."""
    minibatches: int = 2
    """Optimiser steps per pass."""
    micro_batch: int = 64
    """Rows in memory at once; the update does not depend on it."""
    value_warmup: int = 3
    """First iterations that train the value head alone."""
    max_grad_norm: float = 1.0
    """Bound on the gradient's norm, for policy and value head separately."""
    lora_rank: int = 0
    """Rank of a LoRA adapter that is trained in the model's stead (needs peft); 0 trains all weights."""
    temperature: float = 1.0
    """Temperature of the sampling; the probabilities that are trained are those of this distribution."""
    ratio_tolerance: float = 1e-3
    """Largest |log ratio| allowed before the first optimiser step of an iteration, in float32."""
    importance_cap: float | None = None
    """Where the sampler is not exactly the policy (vLLM): score the tokens again for the ratio, and weigh each by
    policy / sampler, at most this. None takes the sampler's log-probabilities for the policy's."""

    def check(self) -> None:
        """Raise an OptionError for the first value that makes no sense; whoever uses the options calls this."""
        for name in ("lr", "value_lr", "temperature", "max_grad_norm", "ratio_tolerance"):
            _require(getattr(self, name) > 0, name, "must be positive", getattr(self, name))
        for name in ("epochs", "minibatches", "micro_batch", "kl_horizon"):
            _require(getattr(self, name) >= 1, name, "must be at least 1", getattr(self, name))
        for name in ("gamma", "lam"):
            _require(0 <= getattr(self, name) <= 1, name, "must lie in 0..1", getattr(self, name))
        for name in ("kl_coef", "value_warmup", "lora_rank"):
            _require(getattr(self, name) >= 0, name, "must not be negative", getattr(self, name))
        _require(0 < self.eps_low <= 1, "eps_low", "must lie in 0..1", self.eps_low)
        _require(self.eps_high > 0, "eps_high", "must be positive", self.eps_high)
        _require(self.kl_target is None or self.kl_target > 0, "kl_target", "must be positive", self.kl_target)
        _require(self.kl_target is None or self.kl_coef > 0, "kl_coef", "must be positive to adapt", self.kl_coef)
        _require(
            self.importance_cap is None or self.importance_cap >= 1,
            "importance_cap",
            "must be at least 1",
            self.importance_cap,
        )
        _require(self.dual_clip is None or self.dual_clip > 1, "dual_clip", "must exceed 1", self.dual_clip)


@dataclass(frozen=True, kw_only=True)
class TrainPPOOptions(PPOOptions):
    """Train a language model by PPO: its programs are executed against unit tests, and the verdicts are the reward.

    Evaluates on held-out problems before and after. The same command goes on where a killed run stopped, and ends with
    the same numbers. Writes run.json, metrics.jsonl, checkpoints/, evaluation/, model/ and summary.json.
    """

    out: Path
    """Folder of the run."""
    model: str = "tiny-buggy"
    """Language model to train: tiny, tiny-buggy, smollm2, a folder, a GGUF file or a hub id."""
    env: str = "codegym/Token-v0"
    """Environment that the model writes its programs in."""
    problems: str = "katas:tiny"
    """Problem set: a name or kind:PATH; katas:tiny are the families that the tiny models know."""
    tags: tuple[str, ...] = ()
    """Keep problems that carry one of these tags; none keeps all. (A set of its own, as katas:tiny, loads faster.)"""
    split: str | None = None
    """Split to train on; by default train where there is one."""
    eval_split: str | None = None
    """Split to evaluate on; by default test where there is one."""
    iterations: int = 40
    """Rollouts, each followed by an update; with --no-anneal more than a finished run had goes on from it."""
    prompts: int = 16
    """Problems per rollout."""
    samples: int = 8
    """Programs per problem and rollout."""
    seed: int = 0
    """Of everything that is random."""
    reward: str = "ladder"
    """Reward of the environment."""
    credit: Literal["coverage", "ochiai", "random", "none"] = "coverage"
    """Which tokens carry the policy loss: those whose statements ran, those under suspicion, as many at random (a
    control), or all."""
    max_tokens: int = 64
    """Budget of an episode in Token-v0."""
    eval_problems: int = 100
    """Held-out problems to evaluate on before and after; 0 for none."""
    eval_samples: int = 4
    """Sampled programs per held-out problem, besides the greedy one."""
    eval_every: int = 0
    """Iterations between looks at the held-out problems, for a learning curve; 0 for none."""
    look_samples: int = 1
    """Samples of each held-out problem at such a look."""
    checkpoint_every: int = 5
    """Iterations between checkpoints."""
    sampler: Literal["built-in", "vllm"] = "built-in"
    """What samples the rollouts; vllm needs an accelerator, vLLM and --importance-cap (2 is usual)."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the model's products in rollouts and updates; auto tries both for a second where the model is large enough to
    gain. Weights, optimiser and losses are float32."""
    device: str | None = None
    """Where the model lives, such as cpu or cuda; by default the best there is."""

    def check(self) -> None:
        """Raise an OptionError for the first value that makes no sense; whoever uses the options calls this."""
        super().check()
        for name in (
            "iterations",
            "prompts",
            "samples",
            "max_tokens",
            "eval_samples",
            "look_samples",
            "checkpoint_every",
        ):
            _require(getattr(self, name) >= 1, name, "must be at least 1", getattr(self, name))
        for name in ("eval_problems", "eval_every", "seed"):
            _require(getattr(self, name) >= 0, name, "must not be negative", getattr(self, name))
        inexact = self.sampler == "vllm" and self.importance_cap is None
        _require(not inexact, "importance_cap", "must be given for --sampler vllm", None)
        adapted = self.sampler == "vllm" and self.lora_rank > 0
        _require(not adapted, "lora_rank", "must be 0 for --sampler vllm", self.lora_rank)
        alone = self.advantage in ("grpo", "rloo") and self.samples < 2
        _require(not alone, "samples", f"must be at least 2 for --advantage {self.advantage}", self.samples)


def _require(holds: bool, name: str, rule: str, given: object) -> None:
    if not holds:
        raise OptionError(f"--{name.replace('_', '-')} {rule} (got {given}).")
