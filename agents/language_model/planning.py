"""From a View to a sampling request, and from sampled tokens to the actions of an environment with their traces."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from codegym import END
from codegym.agents.agent import Decision, TokenTrace
from codegym.agents.language_model.generate import Generated, Stop
from codegym.agents.language_model.stopping import FirstOf, FunctionEnd, LineEnd, ProgramEnd, StepsEnd
from codegym.envs.mdp.state import View


@dataclass(frozen=True)
class Opening:
    r"""How the sampled text joins the text of a View.

    Attributes:
        prompt_ids: what the model reads.
        require: bytes that the sample repeats first: the end of the prompt, where it was cut inside a token.
        newline: the sample must go on with a newline or end (Line and Pseudocode write whole lines).
        then: bytes that must follow (the tag that opens a step).
        newline_in_program: that newline joins two lines of the program; otherwise it only ends the prompt.
    """

    prompt_ids: tuple[int, ...]
    require: bytes = b""
    newline: bool = False
    then: bytes = b""
    newline_in_program: bool = True

    @property
    def required(self) -> tuple[bytes, bytes]:
        """What the sample must begin with, and what must follow unless it ends there."""
        forced = self.require if self.newline else self.require + self.then
        return forced, (b"\n" + self.then) if self.newline else b""


def stop_rule(view: View, opening: Opening, *, ends_itself: bool, single: bool = False) -> Stop | None:
    """Where a sample for this view ends, other than by the model's own end.

    Args:
        view: what is to be continued.
        opening: how.
        ends_itself: the model was trained to end by itself; only single actions are cut.
        single: end after one action instead of after the whole program (Line, Pseudocode).
    """
    skip = len(opening.require)
    if view.mdp == "pseudocode":
        return StepsEnd(1 if single else max(view.budget_left, 1), skip + opening.newline)
    rules: list[FunctionEnd | ProgramEnd | LineEnd] = []
    if not ends_itself and view.given:
        rules.append(FunctionEnd(view.text.encode(), skip))
    elif not ends_itself and view.entry_point is not None:
        rules.append(ProgramEnd(view.text.encode(), skip))
    if single:
        rules.append(LineEnd(skip + opening.newline))
    return rules[0] if len(rules) == 1 else FirstOf(tuple(rules)) if rules else None


@dataclass(frozen=True)
class Sampled:
    """Sampled tokens as text: what stays of it, and where each token stands in it.

    Attributes:
        generated: the tokens.
        text: the text that counts, up to the cut; bytes that are no UTF-8 become U+FFFD.
        starts: for each token the character of `text` where it begins (negative or 0 while it repeats the prompt).
        ends: where it ends, at most `len(text)`.
    """

    generated: Generated
    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def read(generated: Generated, token_bytes: Sequence[bytes], skip: int, *, strip: bool) -> Sampled:
    """The text of sampled tokens.

    Args:
        generated: the tokens.
        token_bytes: bytes of each id.
        skip: bytes at the beginning that only repeat the prompt.
        strip: whether blank lines at the end are dropped: they then belong to the tokens that end the text.
    """
    spelled = [token_bytes[token] for token in generated.ids]
    data = b"".join(spelled)
    cut = len(data) if generated.cut is None else generated.cut
    kept = data[skip:cut]
    if strip:
        kept = re.sub(rb"(?:\n[ \t\r\f\v]*)+\Z", b"", kept)
    text = kept.decode(errors="replace")
    bounds = [-skip]
    for piece in spelled:
        bounds.append(bounds[-1] + len(piece))
    character: Sequence[int] = range(len(kept) + 1)  # of each byte
    if not kept.isascii():
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        character = [0, *accumulate(len(decoder.decode(kept[byte : byte + 1])) for byte in range(len(kept)))]
        character[-1] = len(text)
    places = [place if place < 0 else character[min(place, len(kept))] for place in bounds]
    return Sampled(generated, text, tuple(places[:-1]), tuple(places[1:]))


def program(view: View, opening: Opening, sampled: Sampled) -> str | None:
    """The program that an episode ends with when a sample is played; None where that takes more than the text."""
    if view.mdp == "pseudocode" or "\ufffd" in sampled.text:
        return None
    return view.text + sampled.text[opening.newline and not opening.newline_in_program :]


def token_decisions(view: View, opening: Opening, sampled: Sampled, end_id: int, tokenizer_hash: str) -> list[Decision]:
    """One decision per token, then the end-of-sequence action.

    The ids are played as they were sampled. Where a stop rule ended the text, the ids after the cut are not played:
    they are the trace of the end-of-sequence action. A token that straddles the cut is played whole.
    """
    generated = sampled.generated
    ended = generated.stopped != "length"
    played = len(generated.ids)
    if generated.stopped == "stop":
        played = next((i for i, start in enumerate(sampled.starts) if start >= len(sampled.text)), played)
    elif generated.stopped == "eos":
        played -= 1
    offset = len(view.text) - len(view.given)
    decisions = [
        Decision(generated.ids[i], _trace(sampled, opening, view, range(i, i + 1), offset, tokenizer_hash))
        for i in range(played)
    ]
    if ended:
        rest = range(played, len(generated.ids))
        decisions.append(Decision(end_id, _trace(sampled, opening, view, rest, offset, tokenizer_hash)))
    return decisions


def line_decisions(view: View, opening: Opening, sampled: Sampled, tokenizer_hash: str) -> list[Decision]:
    """One decision per line, then END.

    A line's trace holds the tokens that begin in it (a line owns the newline before it), the first line's also those
    that repeat the prompt. The trace of END holds the tokens that begin after the last line: the end-of-sequence id,
    or what a stop rule cut off; it is empty where the token limit ended the text.
    """
    text = sampled.text
    lead = 1 if opening.newline else 0
    lines = text[lead:].split("\n") if text[lead:] else []
    newlines = [at for at in range(lead, len(text)) if text[at] == "\n"]
    spans = _spans(sampled, newlines, parts=len(lines))
    offset = len(view.text) - len(view.given) - (lead if not opening.newline_in_program else 0)
    actions = [*lines, END]
    return [
        Decision(action, _trace(sampled, opening, view, span, offset, tokenizer_hash, first=index == 0))
        for index, (action, span) in enumerate(zip(actions, spans, strict=True))
    ]


_NEXT_STEP = re.compile(r"\n(?=\s*<Action [123]>)")


def step_decisions(view: View, opening: Opening, sampled: Sampled, tokenizer_hash: str) -> list[Decision]:
    """One decision per pseudocode step; the last step's trace holds the tokens after the cut as well."""
    lead = 1 if opening.newline and sampled.text.startswith("\n") else 0
    newlines = [match.start() for match in _NEXT_STEP.finditer(sampled.text, lead)]
    begins = [lead, *(at + 1 for at in newlines)]
    ends = [*newlines, len(sampled.text)]
    spans = _spans(sampled, newlines, parts=len(newlines) + 1)
    spans[-2:] = [range(spans[-2].start, spans[-1].stop)]
    decisions = []
    for index, (begin, end, span) in enumerate(zip(begins, ends, spans, strict=True)):
        step = sampled.text[begin:end].rstrip()
        trace = _trace(sampled, opening, view, span, -begin, tokenizer_hash, first=index == 0, most=len(step))
        decisions.append(Decision(step, trace))
    return decisions


def _spans(sampled: Sampled, newlines: Sequence[int], parts: int) -> list[range]:
    """The tokens of each part of the text, and one range more for those that begin beyond the text.

    Part 0 holds the tokens that begin before the first of `newlines`, part i those that begin at newline i - 1 or
    after; a token goes with the part in which it begins.
    """
    count = len(sampled.starts)
    last = bisect_left(sampled.starts, len(sampled.text)) if parts else 0
    cuts = [0, *(bisect_left(sampled.starts, at, 0, last) for at in newlines), last][: parts + 1]
    return [range(begin, end) for begin, end in pairwise(cuts)] + [range(last, count)]


def _trace(
    sampled: Sampled,
    opening: Opening,
    view: View,
    span: range,
    offset: int,
    tokenizer_hash: str,
    *,
    first: bool | None = None,
    most: int | None = None,
) -> TokenTrace:
    """The trace of some tokens; the prompt goes with the first tokens of an episode's first action."""
    begins = (span.start == 0 if first is None else first) and not view.actions
    ends = [sampled.ends[i] + offset for i in span]
    if most is not None:
        ends = [min(max(end, 0), most) for end in ends]
    return TokenTrace(
        ids=sampled.generated.ids[span.start : span.stop],
        logps=sampled.generated.logps[span.start : span.stop],
        prompt_ids=opening.prompt_ids if begins else (),
        char_ends=tuple(ends),
        tokenizer_hash=tokenizer_hash,
        values=sampled.generated.values[span.start : span.stop],
    )
