"""Exact batched sampling from any causal language model of transformers, with a KV cache.

One prefill per distinct prompt, however many samples are drawn from it; rows that are finished leave the batch; every
row has random numbers of its own, so that what else is in the batch does not matter (to float tolerance); the
log-probability of each token is stored from the very logits it was sampled from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from transformers import DynamicCache, PreTrainedModel

from codegym.agents.language_model.cache import in_place_cache
from codegym.agents.language_model.healing import AllowedIds
from codegym.agents.language_model.sampling import Sampling, choose, uniforms
from codegym.envs.errors import PromptTooLong

_CACHE_BYTES = 2 << 30
"""Keys and values of the rows that are decoded together take at most about this much memory."""

_COMPACT_BELOW = 0.85
"""Finished rows are dropped when fewer than this share of the batch is still running: dropping copies the cache."""


class Stop(Protocol):
    """Says where a text ends, other than by the model's own end-of-sequence token."""

    def __call__(self, text: bytearray, new: int) -> int | None:
        """Return the byte where the sampled `text` ends, or None; bytes before `new` were seen by earlier calls."""
        ...


@dataclass(frozen=True)
class Request:
    """One row to sample.

    Attributes:
        prompt_ids: what the model reads; at least one id.
        seed: words of the row's seed; all of its randomness.
        max_tokens: the most tokens to sample; at least 1.
        require: bytes that the sampled text must begin with (token healing).
        require_or_end: bytes that must come next unless the model ends there (a newline at a line boundary).
        stop: where the text ends besides the model's own end.
    """

    prompt_ids: tuple[int, ...]
    seed: tuple[int, ...]
    max_tokens: int
    require: bytes = b""
    require_or_end: bytes = b""
    stop: Stop | None = None


@dataclass(frozen=True)
class Generated:
    """One sampled continuation.

    Attributes:
        ids: exactly the ids sampled, the one that ended the text included.
        logps: log-probability of each under the distribution of `sampling.choose`.
        stopped: why it ended: "eos", "stop" (a stop rule), "length" (max_tokens) or "context" (the model's window).
        cut: with "stop", the byte of the sampled text where it ends; ids that begin later are not part of it.
        values: value of the state before each id, where a value head was given, else empty.
    """

    ids: tuple[int, ...]
    logps: tuple[float, ...]
    stopped: Literal["eos", "stop", "length", "context"]
    cut: int | None = None
    values: tuple[float, ...] = ()


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    requests: Sequence[Request],
    *,
    token_bytes: Sequence[bytes],
    end_ids: Collection[int],
    sampling: Sampling,
    deterministic: bool = False,
    watch: Callable[[int], None] | None = None,
    finished: Callable[[int, Generated], None] | None = None,
    value_head: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> list[Generated]:
    """Sample one continuation per request.

    Args:
        model: a causal language model; switched to evaluation mode while sampling.
        requests: rows; those with equal `prompt_ids` share one prefill.
        token_bytes: the text of each id, as bytes; empty for ids without text.
        end_ids: the ids that end a text.
        sampling: temperature, top-p and top-k.
        deterministic: take the most likely token each time.
        watch: told after each step how many tokens it sampled, for progress.
        finished: told of each row's continuation (the row, what was sampled) as soon as it ends.
        value_head: from hidden states [rows, hidden] to values [rows], which are then kept beside the ids.

    Returns:
        One Generated per request, in order.

    Raises:
        PromptTooLong: a prompt leaves no room for a single token.
    """
    context = context_length(model)
    for index, request in enumerate(requests):
        if not 0 < len(request.prompt_ids) < context:
            raise PromptTooLong(
                f"Prompt {index} has {len(request.prompt_ids)} tokens; the model reads 1 to {context - 1}."
            )
    training = model.training
    model.eval()
    try:
        results: list[Generated | None] = [None] * len(requests)
        for rows in _batches(model, requests, context):
            batch = _Batch(model, [requests[row] for row in rows], token_bytes, end_ids, sampling, deterministic)
            done = None if finished is None else _in_order(finished, rows)
            for row, generated in zip(rows, batch.run(context, watch, done, value_head), strict=True):
                results[row] = generated
    finally:
        model.train(training)
    return [generated for generated in results if generated is not None]


def _in_order(finished: Callable[[int, Generated], None], rows: Sequence[int]) -> Callable[[int, Generated], None]:
    """`finished`, told of places in a batch that holds these rows."""
    return lambda place, generated: finished(rows[place], generated)


@torch.inference_mode()
def next_token_logps(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], temperature: float = 1.0
) -> torch.Tensor:
    """Log-probabilities of the token after each prompt; float32 [prompts, vocabulary]."""
    requests = [Request(tuple(prompt), (0,), 1) for prompt in prompts]
    training = model.training
    model.eval()
    try:
        logits, *_ = _Batch(model, requests, (), (), Sampling(), True).prefill(0)
    finally:
        model.train(training)
    return torch.log_softmax(logits.float() / temperature, dim=-1)


def context_length(model: PreTrainedModel) -> int:
    """How many tokens the model reads and writes together."""
    return int(model.config.get_text_config().max_position_embeddings)


def _batches(model: PreTrainedModel, requests: Sequence[Request], context: int) -> list[list[int]]:
    """Rows decoded together: similar prompt lengths side by side, equal prompts adjacent, within the cache's memory."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    per_token = 2 * config.num_hidden_layers * heads * width * model.dtype.itemsize
    order = sorted(range(len(requests)), key=lambda row: (len(requests[row].prompt_ids), requests[row].prompt_ids, row))
    batches: list[list[int]] = []
    longest = 0
    for row in order:
        request = requests[row]
        length = min(context, len(request.prompt_ids) + request.max_tokens)
        longest = max(longest, length)
        if not batches or (len(batches[-1]) + 1) * longest * per_token > _CACHE_BYTES:
            batches.append([])
            longest = length
        batches[-1].append(row)
    return batches


class _Batch:
    """Rows that are prefilled and decoded together. Rows of `self.active` are still in the cache."""

    def __init__(
        self,
        model: PreTrainedModel,
        requests: Sequence[Request],
        token_bytes: Sequence[bytes],
        end_ids: Collection[int],
        sampling: Sampling,
        deterministic: bool,
    ) -> None:
        self.model, self.requests, self.sampling = model, requests, sampling
        self.end_ids = frozenset(end_ids)
        self.token_bytes = token_bytes
        self.device = model.device
        self.deterministic = deterministic
        self.needs_text = [r.stop is not None for r in requests]
        self.healing = AllowedIds(token_bytes, end_ids)
        self.required = {
            row: (r.require, r.require_or_end) for row, r in enumerate(requests) if r.require or r.require_or_end
        }
        self.texts = [bytearray() for _ in requests]
        self.cuts: list[int | None] = [None] * len(requests)

    def run(
        self,
        context: int,
        watch: Callable[[int], None] | None = None,
        finished: Callable[[int, Generated], None] | None = None,
        value_head: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> list[Generated]:
        """Sample every row to its end."""
        if value_head is None:
            return self._run(context, watch, finished)
        seen: list[torch.Tensor] = []  # what the logits at hand were computed from

        def note(layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            seen[:] = [inputs[0][:, -1]]

        hook = self.model.get_output_embeddings().register_forward_pre_hook(note)
        try:
            return self._run(context, watch, finished, lambda: value_head(seen[0]))
        finally:
            hook.remove()

    def _run(
        self,
        context: int,
        watch: Callable[[int], None] | None,
        finished: Callable[[int, Generated], None] | None,
        value: Callable[[], torch.Tensor] | None = None,
    ) -> list[Generated]:
        requests, device = self.requests, self.device
        limits = [min(r.max_tokens, context - len(r.prompt_ids)) for r in requests]
        steps = max(limits)
        limit = torch.tensor(limits, device=device)
        draws = None if self.deterministic else torch.from_numpy(uniforms([r.seed for r in requests], steps)).to(device)
        ids = torch.zeros(len(requests), steps, dtype=torch.long, device=device)
        logps = torch.zeros(len(requests), steps, device=device)
        values = torch.zeros(len(requests), steps if value else 0, device=device)
        lengths = limit.clone()
        by_rule: set[int] = set()

        logits, cache, mask, positions = self.prefill(steps)
        ends = torch.zeros(logits.shape[-1], dtype=torch.bool, device=device)
        ends[sorted(self.end_ids)] = True
        active = torch.arange(len(requests), device=device)  # row of `requests` in each row of the cache
        running = torch.ones_like(active, dtype=torch.bool)
        any_text = any(self.needs_text)
        spread = self._prompt_rows  # the prefill has one row for each distinct prompt
        results: list[Generated | None] = [None] * len(requests)

        def collect(row: int) -> None:
            results[row] = made = self._generated(row, ids[row], logps[row], values[row], int(lengths[row]), by_rule)
            if finished is not None:
                finished(row, made)

        for step in range(steps):
            allowed = self._allowed(active) if self.required else None
            chosen, logp = choose(logits, None if draws is None else draws[active, step], self.sampling, allowed)
            ids[active[running], step] = chosen[running]
            logps[active[running], step] = logp[running]
            if value is not None:
                now = value() if step else value()[spread]
                values[active[running], step] = now[running]
            if watch is not None:
                watch(int(running.sum()))
            ended = ends[chosen] | (step + 1 >= limit[active])
            if any_text or self.required:
                ruled = self._read(active.tolist(), chosen.tolist(), running.tolist())
                if ruled:
                    ended[ruled] = True
                    by_rule.update(active[ruled].tolist())
            ended &= running
            if bool(ended.any()):
                lengths[active[ended]] = step + 1
                for row in active[ended].tolist():
                    collect(row)
                running = running & ~ended
                left = int(running.sum())
                if left == 0:
                    break
                if left < _COMPACT_BELOW * len(active):
                    keep = running.nonzero().squeeze(-1)
                    active, running, chosen, positions = active[keep], running[keep], chosen[keep], positions[keep]
                    mask = None if mask is None else mask[keep]
                    cache.batch_select_indices(keep)
            past = cache.get_seq_length()
            logits = self.model(
                input_ids=chosen.unsqueeze(-1),
                attention_mask=None if mask is None else mask[:, : past + 1],
                position_ids=positions.unsqueeze(-1),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]
            positions = positions + 1
        return [generated for generated in results if generated is not None]

    def prefill(self, steps: int) -> tuple[torch.Tensor, DynamicCache, torch.Tensor | None, torch.Tensor]:
        """Read each distinct prompt once; then one cache row per request.

        Returns:
            logits [rows, vocabulary] after the prompt, the cache, the attention mask [rows, prompt + steps] (None
            where no prompt is padded), and the position of the next token [rows].
        """
        prompts = list(dict.fromkeys(r.prompt_ids for r in self.requests))
        index = {prompt: row for row, prompt in enumerate(prompts)}
        width = max(map(len, prompts))
        padded = torch.tensor([(0,) * (width - len(p)) + p for p in prompts], device=self.device)
        length = torch.tensor([len(p) for p in prompts], device=self.device)
        cache = in_place_cache(self.model.config)
        mask = None
        if min(map(len, prompts)) < width:
            columns = torch.arange(width + steps, device=self.device)
            mask = (columns >= (width - length).unsqueeze(-1)).long()
        positions = (torch.arange(width, device=self.device) - (width - length).unsqueeze(-1)).clamp_(min=0)
        logits = self.model(
            input_ids=padded,
            attention_mask=None if mask is None else mask[:, :width],
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        rows = torch.tensor([index[r.prompt_ids] for r in self.requests], device=self.device)
        self._prompt_rows = rows
        if len(prompts) < len(self.requests):
            cache.batch_select_indices(rows)
        return logits[rows], cache, None if mask is None else mask[rows], length[rows]

    def _allowed(self, active: torch.Tensor) -> torch.Tensor | None:
        """Which ids each row may take now; None once no row has anything left to heal."""
        pending = [self.required.get(row) for row in active.tolist()]
        if not any(pending):
            self.required.clear()
            return None
        return torch.stack([self.healing.mask(*(need or (b"", b""))) for need in pending]).to(self.device)

    def _read(self, active: list[int], chosen: list[int], running: list[bool]) -> list[int]:
        """Append the sampled bytes, advance healing, ask the stop rules; returns the batch rows that a rule ended."""
        ended = []
        for place, (row, token) in enumerate(zip(active, chosen, strict=True)):
            if not running[place]:
                continue
            new = self.token_bytes[token]
            if row in self.required:
                need = self.healing.advance(*self.required[row], new)
                if any(need):
                    self.required[row] = need
                else:
                    del self.required[row]
            if self.needs_text[row] and token not in self.end_ids:
                text = self.texts[row]
                seen = len(text)
                text += new
                stop = self.requests[row].stop
                cut = stop(text, seen) if stop is not None else None
                if cut is not None:
                    self.cuts[row] = cut
                    ended.append(place)
        return ended

    def _generated(
        self, row: int, ids: torch.Tensor, logps: torch.Tensor, values: torch.Tensor, length: int, by_rule: set[int]
    ) -> Generated:
        request, sampled = self.requests[row], ids[:length].tolist()
        stopped: Literal["eos", "stop", "length", "context"]
        if row in by_rule:
            stopped = "stop"
        elif sampled[-1] in self.end_ids:
            stopped = "eos"
        else:
            stopped = "length" if length >= request.max_tokens else "context"
        kept = tuple(logps[:length].tolist()), stopped, self.cuts[row], tuple(values[:length].tolist())
        return Generated(tuple(sampled), *kept)
