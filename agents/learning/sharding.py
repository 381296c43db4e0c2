"""FSDP: weights, gradients and Adam's moments of a model's layers are spread over the processes of a run.

`accelerate launch --use_fsdp` (or its configuration file) asks for it by the environment. The decoder layers are
sharded by torch's `fully_shard`; embeddings, last norm and output layer are whole in every process. While programs are
sampled or scored the layers are gathered, because then the processes take different numbers of steps; while the loss
is differentiated one layer is gathered at a time, and all processes take the same number of micro-batches.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from codegym.envs.errors import OptionError


def asked_for() -> bool:
    """Whether the launcher wants the model sharded.

    Raises:
        OptionError: it wants something of FSDP that is not supported here.
    """
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() not in ("1", "true"):
        return False
    for name, rule in (("FSDP_OFFLOAD_PARAMS", "fsdp_offload_params: false"),):
        if os.environ.get(name, "").lower() in ("1", "true"):
            raise OptionError(f"FSDP is supported with {rule} only.")
    return True


def shard(model: Any, processes: int) -> list[Any]:
    """Shard the decoder layers of a transformers model over all processes, in place; returns them.

    Raises:
        OptionError: the model does not say which of its modules are layers.
    """
    from torch.distributed.device_mesh import init_device_mesh  # takes seconds to import: only where it is wanted
    from torch.distributed.fsdp import fully_shard

    names = {str(name) for name in (getattr(model, "_no_split_modules", None) or ())}
    layers = [module for module in model.modules() if type(module).__name__ in names]
    if not layers:
        raise OptionError(
            f"FSDP needs a model that names its layers (_no_split_modules); {type(model).__name__} does not."
        )
    device = next(model.parameters()).device
    mesh = init_device_mesh(device.type, (processes,))
    reshard = os.environ.get("FSDP_RESHARD_AFTER_FORWARD", "true").lower() not in ("0", "false")
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=reshard)
        layer.set_gradient_divide_factor(1.0)  # the losses of the processes add up: see `distributed`
        layer.set_force_sum_reduction_for_comms(True)
    return layers


@contextlib.contextmanager
def gathered(layers: Sequence[Any]) -> Iterator[None]:
    """Every process holds all weights for a while, and may take as many forward steps as it likes. All must enter."""
    for layer in layers:
        layer.unshard()
        layer.set_reshard_after_forward(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.set_reshard_after_forward(True)
            layer.reshard()


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds a shard of the tensor (a DTensor, whose module is not imported to find out)."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Any) -> Tensor:
    """A tensor with all of its shards; every process must ask."""
    full: Tensor = tensor.full_tensor() if is_sharded(tensor) else tensor
    return full


def like(tensor: Tensor, model: Any) -> Tensor:
    """A whole tensor spread as another one is; every process must ask."""
    if not is_sharded(model) or tensor.dim() == 0:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor, model.device_mesh, model.placements)


@torch.no_grad()
def clip_grad_norm(parameters: Iterable[torch.nn.Parameter], bound: float) -> Tensor:
    """Scale gradients, sharded ones among them, to a norm of at most `bound`; returns the norm before."""
    gradients: list[Any] = [parameter.grad for parameter in parameters if parameter.grad is not None]
    shards = [gradient.to_local() for gradient in gradients if is_sharded(gradient)]
    plain = [gradient for gradient in gradients if not is_sharded(gradient)]
    squares = torch.stack([shard.square().sum() for shard in shards]).sum()
    torch.distributed.all_reduce(squares)
    norm: Tensor = torch.stack([squares, *(gradient.square().sum() for gradient in plain)]).sum().sqrt()
    for gradient in [*shards, *plain]:
        gradient.mul_((bound / (norm + 1e-6)).clamp(max=1.0))
    return norm


def unsharded_copy(model: Any, layers: Sequence[Any]) -> Any:
    """A model of the same weights that is not sharded; every process must ask, and each has one then."""
    weights = {name: whole(parameter.detach()) for name, parameter in model.named_parameters()}
    plain = type(model)(copy.deepcopy(model.config)).to(next(iter(weights.values())).device)
    plain.load_state_dict(weights, strict=False)  # tied weights are named once
    plain.tie_weights()
    plain.generation_config = model.generation_config
    return plain.eval()
