"""Low-rank adapters by peft: a policy of few trained weights, whose reference is itself with the adapter off."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from codegym.envs.errors import OptionError


def with_adapter(model: Any, rank: int, *, seed: int = 0) -> Any:
    """The model with a LoRA adapter (Hu et al. 2022) of a rank on all its linear layers; only the adapter is trained.

    The adapter begins as no change; alpha is twice the rank.

    Raises:
        OptionError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise OptionError("--lora-rank needs peft: pip install peft (or codegym[peft]).") from None
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    with torch.random.fork_rng(devices=[]):  # peft initialises from torch's global generator
        torch.manual_seed(seed)
        with warnings.catch_warnings():  # peft reads what transformers calls deprecated
            warnings.simplefilter("ignore", FutureWarning)
            return get_peft_model(model, config)


def without_adapter(model: Any) -> Any:
    """A model of the same outputs without adapter layers: its changes are added into the weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
