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

    The attributes are those of `Score`, a list each.
    """

    def __init__(self, programs: list[str], outcomes: list[Outcome]) -> None:
        self.programs = programs
        self.outcomes = outcomes
        self.rewards: list[float] = []
        self.reward_terms: list[dict[str, float]] = []
        self.credit_spans: list[CreditSpans] = []
        self.executed_lines: list[tuple[int, ...]] = []
        self.token_credit: list[tuple[float, ...]] = []

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
        next(ran) if is_program else _no_program(len(problem.tests(scoring.tests)))
        for problem, (_, is_program) in zip(problems, texts, strict=True)
    ]
    scores = Scores([text for text, _ in texts], outcomes)
    scores.credit_spans = [
        credit_spans(text, outcome, given, scoring.credit, problem.language)
        for text, outcome, given, problem in zip(
            scores.programs, outcomes, endings.given_chars(), problems, strict=True
        )
    ]
    scores.executed_lines = [
        executed_lines(text, outcome) for text, outcome in zip(scores.programs, outcomes, strict=True)
    ]
    if process.name == "token":
        scores.token_credit = [
            _even(length)
            if not is_program or (spans and all([weight == 1.0 for _, _, weight in spans]))
            else largest_weights(token.character_ranges(endings.state(at), process.vocabulary), spans)
            for at, (length, (_, is_program), spans) in enumerate(
                zip(endings.lengths(), texts, scores.credit_spans, strict=True)
            )
        ]
    else:
        scores.token_credit = [()] * len(texts)
    for at, outcome in enumerate(outcomes):
        reward = 0.0
        terms: dict[str, float] = {}
        if outcome.verdict is not _INFRA:
            reward, terms = _paid(endings, at, float(scoring.reward(outcome)), scoring)
        scores.rewards.append(reward)
        scores.reward_terms.append(terms)
    return scores


_INFRA = Verdict.INFRA


@functools.lru_cache(maxsize=4096)
def _even(tokens: int) -> tuple[float, ...]:
    return (1.0,) * tokens


def step_payment(state: State, scoring: Scoring) -> float:
    """What the last action of an unfinished state is paid."""
    if scoring.process_weight is None or scoring.payment == "last":
        return 0.0
    return process_payment(state.step_rewards, scoring.process_weight, scoring.process_discount)


@functools.lru_cache(maxsize=256)
def _no_program(tests: int) -> Outcome:
    return Outcome(Verdict.COMPILE, tests_total=tests, message="No program was written.")


def _paid(endings: Endings, at: int, outcome_reward: float, scoring: Scoring) -> tuple[float, dict[str, float]]:
    alpha = scoring.process_weight
    if alpha is None:
        return outcome_reward, {"outcome": outcome_reward}
    step_rewards = endings.step_rewards(at)
    terms = {
        "outcome": alpha * outcome_reward,
        "process": process_term(step_rewards, alpha, scoring.process_discount),
    }
    if scoring.payment == "last":
        return terms["outcome"] + terms["process"], terms
    return terms["outcome"] + process_payment(step_rewards, alpha, scoring.process_discount), terms
