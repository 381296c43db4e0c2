"""CausalLMPolicy: SB3's own PPO trains a causal language model, with a KV cache while it plays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

from codegym.agents.language_model.load import LanguageModel
from codegym.agents.learning.value_head import ValueHead
from codegym.envs.errors import OptionError


class CausalLMPolicy(BasePolicy):
    """A language model as SB3's policy for `codegym/Token-v0` with `observation="dict"`.

    `PPO(CausalLMPolicy, SB3VectorEnv(env), policy_kwargs={"lm": "tiny-buggy"}, ...)`; make the environment with
    `tokenizer=lm.vocabulary`. The model reads `tokens` and gives the distribution of the next one; a linear value head
    reads its last hidden state without moving it.

    While playing, each row has its place in a KV cache. A row that shows one token more than before costs one token;
    any other row (a new episode, a full window) is read anew. In an update, steps that follow one another in a
    minibatch (`CreditEpisodeBuffer` puts whole episodes there) are scored in one forward pass of the longest.

    Args:
        observation_space: with `tokens` and `attention_mask`.
        action_space: Discrete, of the model's vocabulary.
        lr_schedule: of SB3.
        lm: a name for `LanguageModel.load`, or the model itself, which is trained in place.
        use_sde: must be False.
        optimizer_class: AdamW by default.
        optimizer_kwargs: of the optimizer.

    Raises:
        OptionError: for another space or vocabulary.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Any,
        *,
        lm: str | LanguageModel,
        use_sde: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.AdamW,
        optimizer_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        kwargs = {"weight_decay": 0.0} if optimizer_kwargs is None else dict(optimizer_kwargs)
        super().__init__(observation_space, action_space, optimizer_class=optimizer_class, optimizer_kwargs=kwargs)
        if not isinstance(observation_space, spaces.Dict) or "tokens" not in observation_space.spaces:
            raise OptionError('CausalLMPolicy reads tokens: make_vec(..., observation="dict").')
        loaded = LanguageModel.load(lm) if isinstance(lm, str) else lm
        if not isinstance(action_space, spaces.Discrete) or int(action_space.n) != loaded.vocabulary.size:
            raise OptionError(
                f"{loaded.name} has {loaded.vocabulary.size} tokens, the action space is {action_space}: "
                "make the environment with tokenizer=lm.vocabulary."
            )
        if use_sde:
            raise OptionError("CausalLMPolicy samples tokens; use_sde is for continuous actions.")
        self.lm_option = lm
        self.model = loaded.model
        self.actions = loaded.vocabulary.size
        self.value_head = ValueHead(int(self.model.config.get_text_config().hidden_size))
        self.cache = _Rows(self.model)
        self.optimizer = optimizer_class(self.parameters(), lr=lr_schedule(1), **kwargs)  # type: ignore[call-arg]

    def _get_constructor_parameters(self) -> dict[str, Any]:
        parameters = super()._get_constructor_parameters()
        for name in ("features_extractor_class", "features_extractor_kwargs", "normalize_images"):
            parameters.pop(name, None)
        return parameters | {"lr_schedule": self._dummy_schedule, "lm": self.lm_option}

    def set_training_mode(self, mode: bool) -> None:
        """SB3 says when playing and when training begins; what is cached belongs to the weights before."""
        self.cache.clear()
        super().set_training_mode(mode)

    def forward(self, obs: Mapping[str, Tensor], deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """(actions [rows], values [rows, 1], log-probabilities [rows]) for the rows of a vector environment."""
        hidden = self.cache.last_hidden(*_ids(obs))
        logps = self._logps(hidden)
        actions = logps.argmax(-1) if deterministic else torch.multinomial(logps.exp(), 1).squeeze(-1)
        return actions, self.value_head(hidden).unsqueeze(-1), logps.gather(-1, actions[:, None]).squeeze(-1)

    def evaluate_actions(self, obs: Mapping[str, Tensor], actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(values [steps], log-probabilities [steps], entropies [steps]) of a minibatch."""
        hidden = self._hidden(*_ids(obs))
        logps = self._logps(hidden)
        chosen = logps.gather(-1, actions.long()[:, None]).squeeze(-1)
        return self.value_head(hidden), chosen, -(logps.exp() * logps).sum(-1)

    def predict_values(self, obs: Mapping[str, Tensor]) -> Tensor:
        """[rows, 1] the value of each row; the cache stays as it is."""
        values: Tensor = self.value_head(self._hidden(*_ids(obs))).unsqueeze(-1)
        return values

    def _predict(self, observation: Any, deterministic: bool = False) -> Tensor:
        logps = self._logps(self._hidden(*_ids(observation)))
        return logps.argmax(-1) if deterministic else torch.multinomial(logps.exp(), 1).squeeze(-1)

    def _logps(self, hidden: Tensor) -> Tensor:
        logits = self.model.get_output_embeddings()(hidden)[:, : self.actions]
        return torch.log_softmax(logits.float(), dim=-1)

    def _hidden(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """[steps, hidden] the state at the last token of each step; one forward pass for all sequences."""
        heads = sequences(tokens, lengths)
        last = torch.tensor([end for _, end in heads], device=tokens.device)
        width = int(lengths[last].max())
        mask = torch.arange(width, device=tokens.device) < lengths[last, None]
        states = self.model.base_model(input_ids=tokens[last, :width], attention_mask=mask.long(), use_cache=False)
        counts = torch.tensor([end + 1 - begin for begin, end in heads], device=tokens.device)
        row = torch.repeat_interleave(torch.arange(len(heads), device=tokens.device), counts)
        hidden: Tensor = states.last_hidden_state[row, lengths - 1]
        return hidden


def sequences(tokens: Tensor, lengths: Tensor) -> list[tuple[int, int]]:
    """(first, last) of the runs of steps in which each shows what the one before it shows and one token more.

    Args:
        tokens: [steps, window], right-padded with 0.
        lengths: [steps].
    """
    follows = (lengths[1:] == lengths[:-1] + 1) & (
        (tokens[1:] == tokens[:-1]) | (torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:-1, None])
    ).all(-1)
    begins = [0, *(torch.nonzero(~follows).flatten() + 1).tolist()]
    return [(begin, end - 1) for begin, end in zip(begins, [*begins[1:], len(lengths)], strict=True)]


def _ids(obs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """(tokens [rows, window], lengths [rows]); a row without any token shows one padding id."""
    return obs["tokens"].long(), obs["attention_mask"].sum(-1).long().clamp(min=1)


class _Rows:
    """The KV cache of a vector environment's rows, each of a length of its own."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.clear()

    def __deepcopy__(self, memo: dict[int, Any]) -> _Rows:
        return _Rows(memo.get(id(self.model), self.model))

    def __getstate__(self) -> dict[str, Any]:
        return {"model": None}

    def clear(self) -> None:
        """Forget every row."""
        self.seen: Tensor | None = None
        self.cache: DynamicCache | None = None

    @torch.no_grad()
    def last_hidden(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """[rows, hidden] the state at the last token of each row."""
        rows, window = tokens.shape
        width = int(lengths.max())
        if self.seen is None or self.seen.shape != tokens.shape or self.cache is None:
            self.cache = DynamicCache(config=self.model.config)
            self.cache.layers = [_RowsLayer(rows, window) for _ in self.cache.layers]
            self.seen, self.lengths = torch.zeros_like(tokens), torch.zeros_like(lengths)
        places = torch.arange(window, device=tokens.device)
        goes_on = (lengths == self.lengths + 1) & ((tokens == self.seen) | (places >= self.lengths[:, None])).all(-1)
        hidden = torch.zeros(rows, int(self.model.config.get_text_config().hidden_size), device=tokens.device)
        for chosen, query in ((torch.nonzero(~goes_on).flatten(), 0), (torch.nonzero(goes_on).flatten(), 1)):
            if not len(chosen):
                continue
            longest = int(lengths[chosen].max())
            first = lengths[chosen] - 1 if query else torch.zeros_like(chosen)
            for layer in self.cache.layers:
                layer.turn(chosen, first, longest)  # type: ignore[attr-defined]
            inputs = tokens[chosen, lengths[chosen] - 1][:, None] if query else tokens[chosen, :longest]
            positions = first[:, None] if query else places[None, :longest].expand(len(chosen), -1)
            states = self.model.base_model(
                input_ids=inputs,
                attention_mask=(places[:longest] < lengths[chosen, None]).long(),
                position_ids=positions,
                past_key_values=self.cache,
                use_cache=True,
            ).last_hidden_state
            at = torch.zeros_like(chosen) if query else lengths[chosen] - 1
            hidden[chosen] = states[torch.arange(len(chosen), device=tokens.device), at].to(hidden.dtype)
        self.seen, self.lengths = tokens.clone(), lengths.clone()
        assert width <= window
        return hidden


class _RowsLayer(DynamicLayer):
    """Keys and values of one layer [rows, heads, window, width]; a turn concerns some rows, from a place each."""

    def __init__(self, rows: int, window: int) -> None:
        super().__init__()
        self._shape = (rows, window)
        self._buffers: list[Tensor] = []
        self._rows = torch.zeros(0, dtype=torch.long)
        self._first = self._rows
        self._longest = 0

    def turn(self, rows: Tensor, first: Tensor, longest: int) -> None:
        """The next update is for these rows, from place `first` of each on; the longest has so many tokens after it."""
        self._rows, self._first, self._longest = rows, first, longest

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Write the new states and return all of the rows whose turn it is, up to the longest."""
        if not self._buffers:
            self.lazy_initialization(key_states, value_states)
            rows, window = self._shape
            self._buffers = [
                states.new_zeros(rows, states.shape[1], window, states.shape[3])
                for states in (key_states, value_states)
            ]
        count = key_states.shape[2]
        places = self._first[:, None] + torch.arange(count, device=key_states.device)
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[self._rows[:, None], :, places] = states.transpose(1, 2)
        self.keys, self.values = (buffer[self._rows, :, : self._longest] for buffer in self._buffers)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Places before the query: as if every row were as long as the longest; the mask hides what is not."""
        return max(self._longest - 1, 0) if bool((self._first > 0).any()) else 0

    def get_mask_sizes(self, *args: object, **kwargs: object) -> tuple[int, int]:
        """(length of keys, offset)."""
        return self._longest, 0
