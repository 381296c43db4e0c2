"""Finished states are executed, rewarded and credited here: where processes, execution and rewards meet."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.mdp import token
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.state import State
from codegym.envs.problems.problem import Problem, TestSelection
from codegym.envs.rewards.credit import CreditMode, CreditSpans, credit_spans, executed_lines, largest_weights
from codegym.envs.rewards.outcome_reward import OutcomeReward
from codegym.envs.rewards.phi import process_payment, process_term

PaymentMode = Literal["last", "per_step"]


class RunsPrograms(Protocol):
    """What an Executor is used for here."""

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of some jobs, in order."""
        ...


@dataclass(frozen=True)
class Scoring:
    """How finished states are scored.

    Attributes:
        tests: which tests are run.
        reward: from an outcome to a float.
        credit: how characters share in the reward.
        process_weight: alpha of phi, or None without a process reward.
        process_discount: gamma of phi.
        payment: whether the process term is paid at the last step or as it goes.
    """

    tests: TestSelection
    reward: OutcomeReward
    credit: CreditMode
    process_weight: float | None = None
    process_discount: float = 1.0
    payment: PaymentMode = "last"


@dataclass(frozen=True)
class Score:
    """What a finished state was worth.

    Attributes:
        program: the text that was executed; of bytes that are no UTF-8 a readable form, "" without code.
        outcome: what the executor said.
        reward: paid at the last step.
        reward_terms: name -> float; sums to the return of the episode.
        credit_spans: weights of the characters that the policy wrote.
        executed_lines: numbers of the lines that ran.
        token_credit: weight of each action of a Token episode, else empty.
    """

    program: str
    outcome: Outcome
    reward: float
    reward_terms: Mapping[str, float]
    credit_spans: CreditSpans
    executed_lines: tuple[int, ...]
    token_credit: tuple[float, ...]


class Scores(Sequence[Score]):
    """The scores of many states, attribute by attribute: a `Score` is made when somebody asks for one.

    The attributes are those of `Score`, a list each. What is kept of an episode is mostly kept for nobody, so it holds
    as few objects as there can be: each is one more that Python's collector looks at.

    Args:
        programs: the texts.
        outcomes: of each.
        rewards: of each.
        terms: the terms of each reward, or None where each is the outcome's reward alone.
        spans: the credit of each, or None where all that was written (`given` characters were not) weighs 1.
        given: see `spans`.
        executed_lines: of each.
        token_credit: of each.
    """

    def __init__(
        self,
        programs: list[str],
        outcomes: list[Outcome],
        rewards: list[float],
        terms: list[dict[str, float]] | None,
        spans: list[CreditSpans | None],
        given: list[int],
        executed_lines: list[tuple[int, ...]],
        token_credit: list[tuple[float, ...]],
    ) -> None:
        self.programs = programs
        self.outcomes = outcomes
        self.rewards = rewards
        self._terms = terms
        self._spans = spans
        self._given = given
        self.executed_lines = executed_lines
        self.token_credit = token_credit

    @property
    def reward_terms(self) -> list[dict[str, float]]:
        """The terms of each reward, fresh objects; none where the machine failed."""
        if self._terms is not None:
            return [dict(own) for own in self._terms]
        return [
            {} if outcome.verdict is _INFRA else {"outcome": reward}
            for outcome, reward in zip(self.outcomes, self.rewards, strict=True)
        ]

    def terms_by_name(self) -> dict[str, list[float]] | None:
        """The terms of all, name by name; None where the machine failed for one, which has none."""
        if any([outcome.verdict is _INFRA for outcome in self.outcomes]):
            return None
        if self._terms is None:
            return {"outcome": self.rewards}
        return {name: [own[name] for own in self._terms] for name in self._terms[0]}

    @property
    def credit_spans(self) -> list[CreditSpans]:
        """The credit of each."""
        return [
            ((given, len(text), 1.0),) if spans is None else spans
            for spans, given, text in zip(self._spans, self._given, self.programs, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.programs)

    def __getitem__(self, at: Any) -> Any:
        """The score of one state."""
        return Score(
            self.programs[at],
            self.outcomes[at],
            self.rewards[at],
            self.reward_terms[at],
            self.credit_spans[at],
            self.executed_lines[at],
            self.token_credit[at],
        )


class Endings(Protocol):
    """Finished states, of which scoring asks no more than it needs; a State is made when somebody asks for one."""

    def texts(self) -> list[tuple[str, bool]]:
        """Of each the program and True, or what people can read of one that there is not, and False."""
        ...

    def given_chars(self) -> list[int]:
        """How many characters of each program no action wrote."""
        ...

    def lengths(self) -> list[int]:
        """How many actions each has."""
        ...

    def step_rewards(self, at: int) -> tuple[float, ...]:
        """The process rewards of one."""
        ...

    def state(self, at: int) -> State:
        """One of them."""
        ...

    def __len__(self) -> int: ...


class FinishedStates:
    """Endings of states that there are.

    Args:
        process: of the states.
        states: all done.
    """

    def __init__(self, process: Process, states: Sequence[State]) -> None:
        self._process = process
        self._states = states

    def texts(self) -> list[tuple[str, bool]]:
        """The programs."""
        return [self._process.ending(state) for state in self._states]

    def given_chars(self) -> list[int]:
        """How much of them was given."""
        return [self._process.given_chars(state) for state in self._states]

    def lengths(self) -> list[int]:
        """How many actions each has."""
        return [len(state.actions) for state in self._states]

    def step_rewards(self, at: int) -> tuple[float, ...]:
        """The process rewards of one."""
        return self._states[at].step_rewards

    def state(self, at: int) -> State:
        """One of them."""
        return self._states[at]

    def __len__(self) -> int:
        return len(self._states)


def score_states(
    process: Process, states: Sequence[State], problems: Sequence[Problem], scoring: Scoring, executor: RunsPrograms
) -> Scores:
    """Execute the programs of finished states in one batch and score them; see `score_endings`."""
    return score_endings(process, FinishedStates(process, states), problems, scoring, executor)


def score_endings(
    process: Process, endings: Endings, problems: Sequence[Problem], scoring: Scoring, executor: RunsPrograms
) -> Scores:
    """Execute the programs of finished states in one batch and score them.

    An outcome with verdict INFRA is kept as it is, with reward 0 and no terms; it is the caller's to refuse it.
    """
    texts = endings.texts()
    coverage = scoring.credit is not None
    jobs = [
        Job(problem, text, scoring.tests, coverage)
        for problem, (text, is_program) in zip(problems, texts, strict=True)
        if is_program
    ]
    ran = iter(executor.run(jobs) if jobs else [])
    outcomes = [
        next(ran) if is_program else _no_program(problem.number_of_tests(scoring.tests))
        for problem, (_, is_program) in zip(problems, texts, strict=True)
    ]
    programs, given = [text for text, _ in texts], endings.given_chars()
    spans = [
        None  # nothing is known that would make any of it weigh less
        if outcome.statements is None and own < len(text)
        else credit_spans(text, outcome, own, scoring.credit, problem.language)
        for text, outcome, own, problem in zip(programs, outcomes, given, problems, strict=True)
    ]
    lines = [
        executed_lines(text, outcome) if outcome.executed else ()
        for text, outcome in zip(programs, outcomes, strict=True)
    ]
    credit: list[tuple[float, ...]] = [()] * len(texts)
    if process.name == "token":
        credit = [
            _even(length)
            if own is None or not is_program or (own and all([weight == 1.0 for _, _, weight in own]))
            else largest_weights(token.character_ranges(endings.state(at), process.vocabulary), own)
            for at, (length, (_, is_program), own) in enumerate(zip(endings.lengths(), texts, spans, strict=True))
        ]
    rewards = [0.0 if outcome.verdict is _INFRA else float(scoring.reward(outcome)) for outcome in outcomes]
    terms = None
    if scoring.process_weight is not None:
        joined = [
            (0.0, {}) if outcome.verdict is _INFRA else _joined(endings.step_rewards(at), reward, scoring)
            for at, (outcome, reward) in enumerate(zip(outcomes, rewards, strict=True))
        ]
        rewards, terms = [paid for paid, _ in joined], [own for _, own in joined]
    return Scores(programs, outcomes, rewards, terms, spans, given, lines, credit)


_INFRA = Verdict.INFRA


def _even(tokens: int) -> tuple[float, ...]:
    """Full credit of so many tokens; the usual lengths share one object each."""
    while len(_EVEN) <= min(tokens, _USUAL):
        _EVEN.append((1.0,) * len(_EVEN))
    return _EVEN[tokens] if tokens <= _USUAL else (1.0,) * tokens


_USUAL = 1024
_EVEN: list[tuple[float, ...]] = []


def step_payment(state: State, scoring: Scoring) -> float:
    """What the last action of an unfinished state is paid."""
    if scoring.process_weight is None or scoring.payment == "last":
        return 0.0
    return process_payment(state.step_rewards, scoring.process_weight, scoring.process_discount)


@functools.lru_cache(maxsize=256)
def _no_program(tests: int) -> Outcome:
    return Outcome(Verdict.COMPILE, tests_total=tests, message="No program was written.")


def _joined(step_rewards: Sequence[float], outcome_reward: float, scoring: Scoring) -> tuple[float, dict[str, float]]:
    """What the last step is paid, and the terms of phi."""
    alpha = scoring.process_weight
    assert alpha is not None
    terms = {
        "outcome": alpha * outcome_reward,
        "process": process_term(step_rewards, alpha, scoring.process_discount),
    }
    if scoring.payment == "last":
        return terms["outcome"] + terms["process"], terms
    return terms["outcome"] + process_payment(step_rewards, alpha, scoring.process_discount), terms
