"""A KV cache that writes in place: what decoding token by token needs, without a copy of everything per step."""

from __future__ import annotations

import torch
from transformers import DynamicCache, PretrainedConfig
from transformers.cache_utils import DynamicLayer


class InPlaceLayer(DynamicLayer):
    """Keys and values of one layer in a buffer that doubles when it is full.

    `DynamicLayer` concatenates, which copies the whole cache for each new token: with a small model that costs more
    than the model. `keys` and `values` are views `[batch, heads, length, head_dim]` of the buffers' used part.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buffers: list[torch.Tensor] = []

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the new states and return all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        old = self.get_seq_length()
        new = old + key_states.shape[-2]
        if not self._buffers or self._buffers[0].shape[-2] < new:
            self._grow(key_states, value_states, old, max(2 * new, new + 32))
        self._buffers[0][:, :, old:new] = key_states
        self._buffers[1][:, :, old:new] = value_states
        self.keys, self.values = (buffer[:, :, :new] for buffer in self._buffers)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows `indices`; a row may be named several times."""
        if self.get_seq_length() > 0:
            length = self.get_seq_length()
            spare = self._buffers[0].shape[-2]
            old, self._buffers = self._buffers, []
            for buffer in old:
                fresh = buffer.new_empty(len(indices), buffer.shape[1], spare, buffer.shape[3])
                fresh[:, :, :length] = buffer[indices, :, :length]
                self._buffers.append(fresh)
            self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)

    def _grow(self, key_states: torch.Tensor, value_states: torch.Tensor, used: int, room: int) -> None:
        buffers = []
        for index, states in enumerate((key_states, value_states)):
            batch, heads, _, width = states.shape
            buffer = states.new_empty(batch, heads, room, width)
            if used:
                buffer[:, :, :used] = self._buffers[index][:, :, :used]
            buffers.append(buffer)
        self._buffers = buffers


def in_place_cache(config: PretrainedConfig) -> DynamicCache:
    """A cache for a model of this configuration; its full-attention layers write in place."""
    cache = DynamicCache(config=config)
    cache.layers = [InPlaceLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
