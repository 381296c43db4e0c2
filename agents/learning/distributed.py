"""Several processes that train one model: each samples and differentiates its share, all take the same step.

`accelerate launch` and `torchrun` start the processes and say in the environment who is who. Because the loss is a sum
over tokens divided by the number in the whole batch, the sum of the processes' gradients is the gradient of one
process, whatever the shares.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed
from torch import Tensor

from codegym.agents.learning import sharding
from codegym.agents.learning.token_batch import TokenBatch

T = TypeVar("T")

PATIENCE = datetime.timedelta(hours=12)
"""How long a process waits for the others: the first evaluates and fine-tunes alone. A launcher ends them together."""


class Peers:
    """The processes of a run; alone by default, and then everything here does nothing.

    Attributes:
        rank: number of this process.
        size: number of processes.
        sharded: whether the model is spread over them (FSDP).
    """

    def __init__(self, rank: int = 0, size: int = 1, *, sharded: bool = False) -> None:
        """Process `rank` of `size`; `from_environment` is the usual way."""
        self.rank, self.size, self.sharded = rank, size, sharded

    @classmethod
    def from_environment(cls) -> Peers:
        """What the launcher says; alone without one. Joins the process group, and takes its own accelerator."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1 or "RANK" not in os.environ:
            return cls()
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        if not torch.distributed.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            torch.distributed.init_process_group(backend, timeout=PATIENCE)
        return cls(int(os.environ["RANK"]), size, sharded=sharding.asked_for())

    @property
    def first(self) -> bool:
        """Whether this process is the one that evaluates, writes and reports."""
        return self.rank == 0

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """This process's share: a run of neighbours, of nearly equal number."""
        return items[len(items) * self.rank // self.size : len(items) * (self.rank + 1) // self.size]

    def rows(self, batch: TokenBatch) -> Tensor:
        """The rows of a batch that are this process's share: every `size`-th group by length, siblings together."""
        if self.size == 1:
            return torch.arange(len(batch))
        order = torch.cat(list(batch.microbatches(len(batch))))
        groups = batch.group.cpu()[order]
        place = {group: index for index, group in enumerate(dict.fromkeys(groups.tolist()))}
        if len(place) < self.size:
            return order[self.rank :: self.size]
        return order[torch.tensor([place[group] % self.size == self.rank for group in groups.tolist()])]

    def joined(self, items: Sequence[T]) -> list[T]:
        """The items of all processes, in the order of their ranks."""
        if self.size == 1:
            return list(items)
        found: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(found, list(items))
        return [item for part in found for item in part]

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the processes, in one message for each type of number."""
        if self.size == 1:
            return
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            alike = [tensor for tensor in tensors if tensor.dtype == dtype]
            flat = torch.cat([tensor.reshape(-1) for tensor in alike])
            torch.distributed.all_reduce(flat)
            for tensor, part in zip(alike, torch.split(flat, [tensor.numel() for tensor in alike]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def add_up_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace each gradient by its sum over the processes; one that had no row counts as 0.

        Those of sharded weights were added up where they were computed.
        """
        if self.size == 1:
            return
        gradients = []
        for parameter in parameters:
            if sharding.is_sharded(parameter):
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        self.add_up(gradients)

    def same(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the tensors of the first, in place."""
        if self.size > 1:
            for tensor in tensors:
                torch.distributed.broadcast(tensor.data, 0)

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            torch.distributed.barrier()

    def most(self, number: int) -> int:
        """The largest of the processes' numbers."""
        return max(self.joined([number]))

    def any(self, flag: bool) -> bool:
        """Whether the flag is raised in any process."""
        return any(self.joined([flag]))
