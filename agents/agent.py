"""The Agent protocol: what acts in an environment. Decision and TokenTrace: what it did, and how it was sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from codegym.envs.mdp.state import Action


@dataclass(frozen=True)
class TokenTrace:
    """The tokens behind one action, exactly as the policy sampled them; never re-tokenised.

    Attributes:
        ids: token ids of this action, in order. All traces of an episode concatenated are the policy's whole output.
        logps: log-probability of each id under the distribution it was sampled from (temperature applied).
        prompt_ids: ids the policy read before the first token of the episode; only on the episode's first action,
            else empty.
        char_ends: for each id, where its text ends. Token and Line: in characters after the end of the start text
            (an id sampled to heal a cut inside a token may end at or before 0). Pseudocode: in characters of this
            step's own text. An id without text (EOS) repeats the end before it.
        tokenizer_hash: identity of the tokenizer.
        values: value of the state before each id, where the sampler was given a value head, else empty.
    """

    ids: tuple[int, ...]
    logps: tuple[float, ...]
    prompt_ids: tuple[int, ...] = ()
    char_ends: tuple[int, ...] = ()
    tokenizer_hash: str = ""
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Decision:
    """An action and, for language models, its trace.

    Attributes:
        action: what to do.
        trace: the tokens behind it, None for an agent without any.
        other_tokens: tokens sampled to come to this decision that its trace does not hold: a search's rollouts.
    """

    action: Action
    trace: TokenTrace | None = None
    other_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Number of tokens that the agent sampled for this decision: what `Episode.tokens` adds up."""
        return self.other_tokens + (len(self.trace.ids) if self.trace else 0)


class Agent(Protocol):
    """Anything that acts. Observations come as lists, one entry per environment, never as a batched vector dict."""

    def act(
        self,
        observations: Sequence[Any],
        infos: Sequence[Mapping[str, Any]],
        *,
        seeds: Sequence[int] | None = None,
        deterministic: bool = False,
    ) -> list[Decision]:
        """One decision per row. `seeds[i]` alone decides row i's randomness, whatever else is in the batch."""
        ...
