"""The options of `codegym train stepcoder`, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codegym.agents.learning.options import TrainPPOOptions
from codegym.envs.errors import OptionError

SFTData = Literal["tiny-buggy", "tiny", "references", "none"]


@dataclass(frozen=True, kw_only=True)
class TrainStepCoderOptions(TrainPPOOptions):
    """Train a language model as StepCoder does: fine-tuning, then PPO with a curriculum (CCCS) and a mask (FGO).

    Episodes begin inside the reference solution and move towards its beginning as they succeed; only tokens whose
    statements ran are optimised. Evaluates on held-out problems, from the question alone, after the fine-tuning
    ("before") and at the end ("after"). The same command goes on where a killed run stopped, in the fine-tuning too.
    """

    model: str = "tiny"
    """Language model: tiny (here the architecture, with random weights), or any that `train ppo` takes."""
    problems: str = "katas"
    """Problem set with references: a name or kind:PATH."""
    sft: SFTData | None = None
    """What the model is fine-tuned on first: the corpus of tiny-buggy or of tiny, the references of the problems that
    are trained on, or nothing. By default tiny-buggy for tiny, else references."""
    sft_slips: float = 0.0
    """Probability that an operator of the references is mistaken in the fine-tuning, for a start that needs repair."""
    sft_steps: int = 600
    """Optimiser steps of the fine-tuning."""
    sft_batch: int = 32
    """Examples per step of the fine-tuning."""
    sft_lr: float | None = None
    """Learning rate of the fine-tuning; by default 3e-3 for tiny, else 2e-5, the paper's."""
    curriculum: bool = True
    """Whether episodes begin inside the reference (CCCS)."""
    rho: float = 0.5
    """A stage of the curriculum is passed when its success rate exceeds this."""
    window: int = 16
    """Number of last episodes of a stage that its success rate is taken over."""
    whole: float = 0.0
    """Share of the problems of a rollout that are begun from the question all the same."""
    iterations: int = 120
    """Rollouts, each followed by an update."""
    eval_problems: int = 200
    """Held-out problems to evaluate on before and after; 0 for none."""

    @property
    def fine_tuning_data(self) -> SFTData:
        """What the model is fine-tuned on."""
        if self.sft is not None:
            return self.sft
        return "tiny-buggy" if self.model == "tiny" else "references"

    def check(self) -> None:
        """Raise an OptionError for the first value that makes no sense."""
        super().check()
        for name in ("sft_steps", "sft_batch", "window"):
            if getattr(self, name) < 1:
                raise OptionError(f"--{name.replace('_', '-')} must be at least 1 (got {getattr(self, name)}).")
        for name in ("rho", "whole", "sft_slips"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"--{name.replace('_', '-')} must lie in 0..1 (got {getattr(self, name)}).")
        if self.sft_lr is not None and not self.sft_lr > 0:
            raise OptionError(f"--sft-lr must be positive (got {self.sft_lr}).")
