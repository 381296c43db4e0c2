"""What the next update of a trainer depends on, as named tensors: whole ones, also where the model is sharded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from codegym.agents.learning.sharding import like, whole

if TYPE_CHECKING:
    from codegym.agents.learning.ppo import PPO


def tensors_of(trainer: PPO) -> dict[str, Tensor]:
    """Weights that are trained, Adam's moments, and the numbers that move."""
    tensors = {f"policy/{name}": whole(p.detach()) for name, p in trainer.model.named_parameters() if p.requires_grad}
    if trainer.value_head is not None:
        tensors |= {f"value/{name}": p.detach() for name, p in trainer.value_head.named_parameters()}
    for index, entry in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"adam/{index}/{name}": whole(tensor) for name, tensor in entry.items()}
    return tensors | {
        "iteration": torch.tensor(trainer.iteration),
        "kl_coef": torch.tensor(trainer.kl_coef, dtype=torch.float64),
        "micro_batch": torch.tensor(trainer.micro_batch),
    }


def restore(trainer: PPO, tensors: dict[str, Tensor]) -> None:
    """Make a trainer go on from its `tensors_of`."""
    for prefix, module in (("policy", trainer.model), ("value", trainer.value_head)):
        for name, parameter in module.named_parameters() if module is not None else ():
            if parameter.requires_grad:
                parameter.copy_(like(tensors[f"{prefix}/{name}"], parameter))
    parameters = [*trainer.policy_parameters, *trainer.value_parameters]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = like(tensor.clone(), parameters[int(index)])
    trainer.optimizer.load_state_dict({**trainer.optimizer.state_dict(), "state": state})
    trainer.iteration = int(tensors["iteration"])
    trainer.kl_coef = float(tensors["kl_coef"])
    trainer.micro_batch = min(trainer.micro_batch, int(tensors["micro_batch"]))
