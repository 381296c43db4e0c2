"""TokenBatch: everything the policy learns from, as aligned tensors `[batch, time]`; masks are data, never inferred."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from codegym.agents.agent import TokenTrace
from codegym.envs.episode import Episode
from codegym.envs.errors import DataError


@dataclass(frozen=True)
class TokenBatch:
    """Rows of token ids, right-padded, with one aligned tensor for each thing known about a token.

    Attributes:
        ids: [batch, time] int64; what the policy read and wrote. Padding is any valid id.
        attention: [batch, time] bool; false on padding.
        action: [batch, time] bool; the policy chose this token.
        credit: [batch, time] float32 in 0..1; the share of the policy loss that this token carries.
        logp: [batch, time] float32; log-probability under the distribution the token was sampled from.
        reward: [batch, time] float32; on the last token of each action's span.
        step: [batch, time] int64; index of the environment step a token belongs to, -1 off the actions.
        group: [batch] int64; rows with the same number began at the same place (same problem, same start).
        terminated: [batch] bool; the agent ended the episode.
        truncated: [batch] bool; the budget did.
        bootstrap: [batch] float32; value of the state after the last token, where a truncated row goes on.
        ref_logp: [batch, time] float32; log-probability under the reference model.
        value: [batch, time] float32; value of the state *before* the token, as the value head saw it at the rollout.
        importance: [batch, time] float32; probability under the policy over that under the sampler, capped.
        advantage: [batch, time] float32.
        returns: [batch, time] float32; targets of the value head.
    """

    ids: Tensor
    attention: Tensor
    action: Tensor
    credit: Tensor
    logp: Tensor
    reward: Tensor
    step: Tensor
    group: Tensor
    terminated: Tensor
    truncated: Tensor
    bootstrap: Tensor
    ref_logp: Tensor | None = None
    value: Tensor | None = None
    importance: Tensor | None = None
    advantage: Tensor | None = None
    returns: Tensor | None = None

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    @property
    def lengths(self) -> Tensor:
        """[batch] int64; the number of tokens of each row without padding."""
        return self.attention.sum(1)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors that are filled in, by name."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    def select(self, rows: Tensor) -> TokenBatch:
        """The given rows, in that order, padded no further than the longest of them."""
        time = int(self.lengths[rows].max()) if len(rows) else 0
        chosen = {
            name: tensor[rows] if tensor.dim() == 1 else tensor[rows, :time] for name, tensor in self.tensors.items()
        }
        return TokenBatch(**chosen)

    def to(self, device: torch.device | str) -> TokenBatch:
        """The same batch on another device."""
        return TokenBatch(**{name: tensor.to(device) for name, tensor in self.tensors.items()})

    def replace(self, **tensors: Tensor) -> TokenBatch:
        """A copy with other tensors in the named places."""
        return replace(self, **tensors)

    def minibatch_rows(self, count: int, rng: np.random.Generator) -> list[Tensor]:
        """A random partition of the rows into `count` parts of nearly equal size.

        Rows of one group stay together where they fit, so that their common prompt is computed once.
        """
        groups = np.unique(self.group.numpy(force=True))
        place = dict(zip(rng.permutation(groups).tolist(), range(len(groups)), strict=True))
        order = np.argsort([place[g] for g in self.group.tolist()], kind="stable")
        return [torch.from_numpy(part) for part in np.array_split(order, min(count, len(self))) if len(part)]

    def microbatches(self, rows: int) -> Iterator[Tensor]:
        """The row numbers in slices of at most `rows` rows of like length, siblings side by side."""
        lengths = self.lengths.tolist()
        groups = self.group.tolist()
        longest: dict[int, int] = {}
        for group, length in zip(groups, lengths, strict=True):
            longest[group] = max(length, longest.get(group, 0))
        order = sorted(range(len(self)), key=lambda i: (longest[groups[i]], groups[i], lengths[i]))
        for begin in range(0, len(order), rows):
            yield torch.tensor(order[begin : begin + rows])

    @classmethod
    def from_episodes(
        cls,
        episodes: Sequence[Episode],
        *,
        credit: bool = True,
        rewards: Sequence[Sequence[float]] | None = None,
    ) -> TokenBatch:
        """Build a batch from finished episodes that carry traces.

        A row is the prompt that the policy read, then the ids of all its actions; nothing is tokenised again.
        Values are the sampler's, where it gave some. A truncated episode of ours has had its program run and paid for,
        so `bootstrap` is 0 until someone who knows better (an environment that really goes on) replaces it.

        Args:
            episodes: each with one TokenTrace per action.
            credit: weigh tokens by the episodes' credit spans; else every action token weighs 1.
            rewards: per episode, one reward per action; without it the whole reward is paid at the last action.

        Raises:
            DataError: if there is no episode, or one has no trace, no prompt or no token.
        """
        if not episodes:
            raise DataError("A batch needs at least one episode.")
        groups: dict[tuple[str, str], int] = {}
        rows = []
        for index, episode in enumerate(episodes):
            traces = _traces(episode)
            paid = rewards[index] if rewards is not None else (0.0,) * (len(traces) - 1) + (episode.reward,)
            rows.append(_row(episode, traces, paid, credit=credit))
        time = max(len(row["ids"]) for row in rows)

        def column(name: str, dtype: torch.dtype, pad: float = 0) -> Tensor:
            padded = torch.full((len(rows), time), pad, dtype=dtype)
            for i, row in enumerate(rows):
                padded[i, : len(row[name])] = torch.tensor(row[name], dtype=dtype)
            return padded

        keys = [(episode.problem, _start_text(episode)) for episode in episodes]
        return cls(
            ids=column("ids", torch.int64),
            attention=column("attention", torch.bool),
            action=column("action", torch.bool),
            credit=column("credit", torch.float32),
            logp=column("logp", torch.float32),
            reward=column("reward", torch.float32),
            step=column("step", torch.int64, -1),
            group=torch.tensor([groups.setdefault(key, len(groups)) for key in keys]),
            terminated=torch.tensor([episode.terminated for episode in episodes]),
            truncated=torch.tensor([episode.truncated for episode in episodes]),
            bootstrap=torch.zeros(len(rows)),
            value=column("value", torch.float32) if all(row["value"] for row in rows) else None,
        )

    @classmethod
    def from_examples(
        cls, examples: Sequence[tuple[Sequence[int], Sequence[int]]], prompt_weight: float = 0.0
    ) -> TokenBatch:
        """A batch of written texts, for supervised learning: the completion's tokens are the actions.

        Args:
            examples: (prompt ids, completion ids).
            prompt_weight: where positive, the prompt's tokens are actions as well, of this credit (but for the first
                token, which nothing precedes).
        """
        if not examples:
            raise DataError("A batch needs at least one example.")
        shape = (len(examples), max(len(prompt) + len(completion) for prompt, completion in examples))
        ids = torch.zeros(shape, dtype=torch.int64)
        attention = torch.zeros(shape, dtype=torch.bool)
        credit = torch.zeros(shape)
        for row, (prompt, completion) in enumerate(examples):
            end = len(prompt) + len(completion)
            ids[row, :end] = torch.tensor([*prompt, *completion])
            attention[row, :end] = True
            credit[row, : len(prompt)] = prompt_weight
            credit[row, len(prompt) : end] = 1.0
        credit[:, 0] = 0.0
        action = credit > 0
        return cls(
            ids=ids,
            attention=attention,
            action=action,
            credit=credit,
            logp=torch.zeros(shape),
            reward=torch.zeros(shape),
            step=torch.where(action, action.cumsum(1) - 1, -1),
            group=torch.arange(len(examples)),
            terminated=torch.ones(len(examples), dtype=torch.bool),
            truncated=torch.zeros(len(examples), dtype=torch.bool),
            bootstrap=torch.zeros(len(examples)),
        )

    def shuffled_credit(self, rng: np.random.Generator) -> TokenBatch:
        """The same credits, in each row handed to its actions in a random order: the control of credit assignment.

        Every row keeps as many tokens of each weight as it has, so only *which* tokens learn differs.
        """
        credit = self.credit.clone()
        for row in range(len(self)):
            places = self.action[row].nonzero().squeeze(-1)
            order = torch.from_numpy(rng.permutation(len(places))).to(places.device)
            credit[row, places] = self.credit[row, places[order]]
        return self.replace(credit=credit)


def token_credit(episode: Episode, traces: Sequence[TokenTrace]) -> list[float]:
    """The credit of each sampled token of an episode, from the credit spans of its program.

    A token takes the largest weight of the spans it touches; a character outside every span weighs 0. A token without
    text of its own (a byte inside a character) goes with the character after it. EOS weighs 1; so does, in a
    pseudocode episode, everything but the code. Ids that only repeat the start text (healing a cut) weigh 0.
    """
    weights = np.zeros(len(episode.program))
    for first, last, weight in episode.credit_spans:
        weights[first:last] = np.maximum(weights[first:last], weight)
    pseudocode = episode.env_id.partition("/")[2].startswith("Pseudocode")
    given = 0 if pseudocode else len(_start_text(episode))
    credits: list[float] = []
    end = 0
    for index, trace in enumerate(traces):
        offset, text = given, weights
        if pseudocode:  # only the last step holds code, and its characters are counted within the step
            place = str(episode.actions[-1]).rfind(episode.program) if index == len(traces) - 1 else -1
            offset, text, end = -place, weights if place >= 0 else weights[:0], 0
        for token_end in trace.char_ends:
            begin, end = end, max(end, token_end)
            touched = text[max(offset + begin, 0) : max(offset + end, offset + begin + 1, 0)]
            if token_end <= 0 < given:
                credits.append(0.0)
            elif pseudocode and not len(touched):
                credits.append(1.0)
            else:
                credits.append(float(touched.max(initial=0.0)))
    wrote_text = len(traces[-1].char_ends) > 1 and traces[-1].char_ends[-1] > traces[-1].char_ends[-2]
    if episode.terminated and not wrote_text:
        credits[-1] = 1.0
    return credits


def _start_text(episode: Episode) -> str:
    return str(episode.start.get("text", ""))


def _traces(episode: Episode) -> tuple[TokenTrace, ...]:
    traces = tuple(episode.trace or ())
    if not traces or not all(isinstance(trace, TokenTrace) for trace in traces):
        raise DataError(f"{episode.problem}: this episode has no token trace; it can train SFT or a ranker, never PPO.")
    if not traces[0].prompt_ids:
        raise DataError(f"{episode.problem}: the policy read nothing before its first token (give it a BOS id).")
    if not any(trace.ids for trace in traces):
        raise DataError(f"{episode.problem}: the episode has no token.")
    return traces


def _row(episode: Episode, traces: tuple[TokenTrace, ...], paid: Sequence[float], *, credit: bool) -> dict[str, Any]:
    prompt = traces[0].prompt_ids
    ids = [i for trace in traces for i in trace.ids]
    reward = [0.0] * len(ids)
    step: list[int] = []
    for index, trace in enumerate(traces):
        step += [index] * len(trace.ids)
        if step:  # an action without tokens (there is none of ours) is paid at the token before it
            reward[len(step) - 1] += paid[index]
    before = [0] * len(prompt)
    return {
        "ids": [*prompt, *ids],
        "attention": [True] * (len(prompt) + len(ids)),
        "action": [*before, *([1] * len(ids))],
        "credit": [*before, *(token_credit(episode, traces) if credit else [1.0] * len(ids))],
        "logp": [*before, *(p for trace in traces for p in trace.logps)],
        "reward": [*before, *reward],
        "value": [*before, *values] if len(values := [v for trace in traces for v in trace.values]) == len(ids) else [],
        "step": [*([-1] * len(prompt)), *step],
    }
