"""LanguageModelAgent: a language model that acts in Token, Line and Pseudocode environments, and proposes actions."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from codegym.agents.agent import Decision
from codegym.agents.language_model import planning, prompts
from codegym.agents.language_model.generate import Generated
from codegym.agents.language_model.healing import heal
from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.planning import Opening
from codegym.agents.language_model.sampling import Sampling
from codegym.envs.errors import OptionError, PromptTooLong
from codegym.envs.mdp.state import Action, View

_CONTINUATIONS = ("\n", "\n\n", "\n    return x", "\n        x = 1", "\nx")
_FIRST_TAG = b"<Action "


@dataclass
class _Row:
    """A plan under way: the view that it leads to next, and what is left of it."""

    problem: str
    given: str
    done: tuple[Action, ...]
    left: list[Decision]
    deterministic: bool

    def expects(self, view: View, deterministic: bool) -> bool:
        return bool(self.left) and (self.problem, self.given, self.done, self.deterministic) == (
            view.problem,
            view.given,
            view.actions,
            deterministic,
        )

    def next(self) -> Decision:
        decision = self.left.pop()
        self.done = (*self.done, decision.action)
        return decision


class LanguageModelAgent:
    """Plays what a language model samples.

    When a row is first asked, the whole rest of its program is sampled, together with that of all other new rows in
    one batch; it is then played action by action. A row whose view is not the one its plan led to is sampled anew
    from there. Observations are Views (`env.unwrapped.view()`).

    Completion style for Token and Line: the model continues `view.prompt + view.text`, for general models after two
    solved examples. Pseudocode: the chat template of the model, if it has one, with the three actions explained.
    Token environments must have the model's own vocabulary: ids are played as they were sampled.
    """

    observes = "view"

    def __init__(
        self,
        lm: LanguageModel,
        *,
        sampling: Sampling | None = None,
        max_tokens: int = 512,
        few_shot: str | None = None,
    ) -> None:
        """Act with a language model.

        Args:
            lm: the model.
            sampling: temperature, top-p and top-k; by default the plain distribution.
            max_tokens: the most tokens sampled for one program in Line and Pseudocode (a Token environment has its
                own budget); a program cut off there is ended.
            few_shot: solved examples before a completion prompt; by default the model's own (`lm.few_shot`).
        """
        if max_tokens < 1:
            raise OptionError(f"max_tokens must be at least 1, not {max_tokens}.")
        self.lm = lm
        self.sampling = sampling or Sampling()
        self.max_tokens = max_tokens
        self.few_shot = lm.few_shot if few_shot is None else few_shot
        self.written: Callable[[View, str], None] | None = None
        """Told of a program, and the view it was begun from, as soon as it is sampled: before it is played."""
        self._rows: dict[int, _Row] = {}
        self._openings: dict[tuple[str, str], tuple[tuple[int, ...], bytes]] = {}

    def act(
        self,
        observations: Sequence[View],
        infos: Sequence[Mapping[str, Any]],
        *,
        seeds: Sequence[int] | None = None,
        deterministic: bool = False,
    ) -> list[Decision]:
        """The next action of each row.

        Args:
            observations: Views, one per row.
            infos: `row`, where there is one, tells rows apart when finished ones leave the list.
            seeds: one per row, read where a row is planned; its sample depends on nothing else. Without them every
                call draws anew.
            deterministic: play the most likely tokens.

        Raises:
            PromptTooLong: a problem does not fit into the model's context.
            OptionError: a Token environment with another vocabulary.
        """
        numbers = [int(info.get("row", place)) for place, info in enumerate(infos)]
        stale = [
            place
            for place, (number, view) in enumerate(zip(numbers, observations, strict=True))
            if number not in self._rows or not self._rows[number].expects(view, deterministic)
        ]
        if stale:
            if seeds is None:
                seeds = np.random.SeedSequence().generate_state(len(observations), np.uint64).tolist()
            views = [observations[place] for place in stale]
            plans = self.plan(views, [int(seeds[place]) for place in stale], deterministic)
            for place, view, plan in zip(stale, views, plans, strict=True):
                self._rows[numbers[place]] = _Row(view.problem, view.given, view.actions, plan[::-1], deterministic)
        return [self._rows[number].next() for number in numbers]

    def plan(self, views: Sequence[View], seeds: Sequence[int], deterministic: bool = False) -> list[list[Decision]]:
        """For each view the decisions to the end of its program, sampled in one batch; row i depends on seeds[i].

        In Pseudocode a plan may end before an `<Action 3>`; asking again goes on from there.
        """
        openings = [self._opening(view) for view in views]
        sampled = self._sample(views, openings, seeds, deterministic)
        return [
            self._decisions(view, opening, generated)
            for view, opening, generated in zip(views, openings, sampled, strict=True)
        ]

    def propose(self, views: Sequence[View], k: int) -> list[list[tuple[Action, float]]]:
        """Up to k distinct next actions per view, most likely first; the same view gets the same proposals.

        Token: the k most likely tokens with their probabilities. Line and Pseudocode: 2k + 2 sampled lines or steps;
        a prior is the share of the samples that begin so.
        """
        if k < 1:
            raise OptionError(f"A proposer is asked for at least one action, not {k}.")
        token = [i for i, view in enumerate(views) if view.mdp == "token"]
        other = [i for i, view in enumerate(views) if view.mdp != "token"]
        found: dict[int, list[tuple[Action, float]]] = dict(
            zip(token, self._likely_tokens([views[i] for i in token], k), strict=True)
        )
        found |= dict(zip(other, self._sampled_actions([views[i] for i in other], k), strict=True))
        return [found[i] for i in range(len(views))]

    def identity(self) -> dict[str, Any]:
        """What a run records of the agent: the model's identity, prompts, sampling and stop rules."""
        return {
            "kind": "language-model",
            **self.lm.identity(),
            "prompt_template": prompts.template_hash(self.few_shot),
            "sampling": {
                "temperature": self.sampling.temperature,
                "top_p": self.sampling.top_p,
                "top_k": self.sampling.top_k,
            },
            "max_tokens": self.max_tokens,
            "stop": "end of sequence" if self.lm.ends_itself else "end of sequence, or of the function (column 0)",
        }

    def _opening(self, view: View) -> Opening:
        """How the model goes on from a view."""
        if view.mdp == "token":
            return self._token_opening(view)
        if view.mdp == "pseudocode":
            text = prompts.pseudocode_text(view, self.lm.tokenizer)
            if not view.text:
                return Opening(self._ids(view, text), then=_FIRST_TAG)
            ids, require = self._healed(view, text.rstrip("\n"))
            return Opening(ids, require + _newlines_after(text), newline=True, then=_FIRST_TAG)
        text = prompts.completion_text(view, self.few_shot)
        base = text.rstrip("\n")
        blank = _newlines_after(text)
        joined = bool(view.given or view.actions)
        if not base:
            return Opening(self._ids(view, text), newline=joined)
        ids, require = self._healed(view, base)
        return Opening(ids, require + blank, newline=joined or not blank, newline_in_program=joined)

    def _token_opening(self, view: View) -> Opening:
        table = self.lm.vocabulary.token_bytes
        played = [int(action) for action in view.actions]
        if any(not 0 <= token < len(table) for token in played):
            raise self._wrong_vocabulary(view)
        written = view.text.removeprefix(view.given)
        if played and not b"".join(table[token] for token in played).decode(errors="replace").startswith(written):
            raise self._wrong_vocabulary(view)
        ids = self.lm.encode_prompt(prompts.completion_text(replace(view, text=view.given), self.few_shot))
        return Opening(self._fits(view, [*ids, *played]))

    def _wrong_vocabulary(self, view: View) -> OptionError:
        return OptionError(
            f"{view.problem}: the Token environment has another vocabulary than {self.lm.name!r}; "
            "make it with tokenizer=lm.tokenizer."
        )

    def _ids(self, view: View, text: str) -> tuple[int, ...]:
        return self._fits(view, self.lm.encode_prompt(text))

    def _fits(self, view: View, ids: Sequence[int]) -> tuple[int, ...]:
        if len(ids) >= self.lm.context:
            raise PromptTooLong(
                f"{view.problem}: the prompt has {len(ids)} tokens; {self.lm.name} reads {self.lm.context} in all.",
                view.problem,
            )
        return tuple(ids)

    def _healed(self, view: View, text: str) -> tuple[tuple[int, ...], bytes]:
        """The ids of a text that a newline follows, without those that the newline would change; and their bytes."""
        key = (view.problem, text)
        if key not in self._openings:
            whole = self.lm.encode_prompt(text)
            continued = [self.lm.encode_prompt(text + more) for more in _CONTINUATIONS]
            keep, again = heal(whole, self.lm.token_bytes, continued)
            if len(self._openings) > 4096:
                self._openings.clear()
            self._openings[key] = (tuple(whole[:keep]), again)
        ids, require = self._openings[key]
        return self._fits(view, ids), require

    def _sample(
        self,
        views: Sequence[View],
        openings: Sequence[Opening],
        seeds: Sequence[int],
        deterministic: bool,
        *,
        single: bool = False,
        n: int = 1,
    ) -> list[Generated]:
        """`n` samples per view, in order."""
        grouped = self.lm.generate(
            [opening.prompt_ids for opening in openings],
            n=n,
            max_tokens=[view.budget_left if view.mdp == "token" else self.max_tokens for view in views],
            sampling=self.sampling,
            stop=[
                planning.stop_rule(view, opening, ends_itself=self.lm.ends_itself, single=single)
                for view, opening in zip(views, openings, strict=True)
            ],
            seeds=seeds,
            deterministic=deterministic,
            require=[opening.required for opening in openings],
            finished=self._announced(views, openings) if self.written is not None and not single else None,
        )
        return [generated for group in grouped for generated in group]

    def _announced(self, views: Sequence[View], openings: Sequence[Opening]) -> Callable[[int, Generated], None]:
        """Tells `written` of the programs of samples as they end; one sample per view."""

        def finished(row: int, generated: Generated) -> None:
            view, opening = views[row], openings[row]
            sampled = planning.read(generated, self.lm.token_bytes, len(opening.require), strip=view.mdp == "line")
            program = planning.program(view, opening, sampled)
            if program is not None and self.written is not None:
                self.written(view, program)

        return finished

    def _decisions(self, view: View, opening: Opening, generated: Generated) -> list[Decision]:
        sha = self.lm.vocabulary.sha
        skip = len(opening.require)
        sampled = planning.read(generated, self.lm.token_bytes, skip, strip=view.mdp == "line")
        if view.mdp == "token":
            return planning.token_decisions(view, opening, sampled, self.lm.eos_id, sha)
        if view.mdp == "pseudocode":
            return planning.step_decisions(view, opening, sampled, sha)
        return planning.line_decisions(view, opening, sampled, sha)

    def _likely_tokens(self, views: Sequence[View], k: int) -> list[list[tuple[Action, float]]]:
        if not views:
            return []
        prompts_ids = [self._token_opening(view).prompt_ids for view in views]
        logps = self.lm.next_token_logps(prompts_ids, temperature=self.sampling.temperature)
        best = logps[:, : self.lm.vocabulary.size].topk(min(k, self.lm.vocabulary.size), dim=-1)
        return [
            [(token, float(np.exp(logp))) for token, logp in zip(ids, values, strict=True)]
            for ids, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def _sampled_actions(self, views: Sequence[View], k: int) -> list[list[tuple[Action, float]]]:
        if not views:
            return []
        openings = [self._opening(view) for view in views]
        seeds = [zlib.crc32(repr((view.problem, view.given, view.actions)).encode()) for view in views]
        n = 2 * k + 2
        sampled = self._sample(views, openings, seeds, False, single=True, n=n)
        found = []
        for i, (view, opening) in enumerate(zip(views, openings, strict=True)):
            counts = Counter(self._decisions(view, opening, g)[0].action for g in sampled[i * n : (i + 1) * n])
            found.append([(action, count / n) for action, count in counts.most_common(k)])
        return found


def _newlines_after(text: str) -> bytes:
    """The newlines at the end of a text."""
    return b"\n" * (len(text) - len(text.rstrip("\n")))
