"""Finished states are executed, rewarded and credited here: where processes, execution and rewards meet."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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


def score_states(
    process: Process, states: Sequence[State], problems: Sequence[Problem], scoring: Scoring, executor: RunsPrograms
) -> list[Score]:
    """Execute the programs of finished states in one batch and score them.

    An outcome with verdict INFRA is kept as it is, with reward 0 and no terms; it is the caller's to refuse it.
    """
    endings = [process.ending(state) for state in states]
    jobs = [
        Job(problem, text, tests=scoring.tests, coverage=scoring.credit is not None)
        for problem, (text, is_program) in zip(problems, endings, strict=True)
        if is_program
    ]
    outcomes = iter(executor.run(jobs) if jobs else [])
    return [
        _score(
            process,
            state,
            problem.language,
            text,
            next(outcomes) if is_program else _no_program(len(problem.tests(scoring.tests))),
            is_program,
            scoring,
        )
        for state, problem, (text, is_program) in zip(states, problems, endings, strict=True)
    ]


def step_payment(state: State, scoring: Scoring) -> float:
    """What the last action of an unfinished state is paid."""
    if scoring.process_weight is None or scoring.payment == "last":
        return 0.0
    return process_payment(state.step_rewards, scoring.process_weight, scoring.process_discount)


@functools.lru_cache(maxsize=256)
def _no_program(tests: int) -> Outcome:
    return Outcome(Verdict.COMPILE, tests_total=tests, message="No program was written.")


def _score(
    process: Process, state: State, language: str, text: str, outcome: Outcome, is_program: bool, scoring: Scoring
) -> Score:
    spans = credit_spans(text, outcome, process.given_chars(state), scoring.credit, language)
    weights: tuple[float, ...] = ()
    if process.name == "token":
        if not is_program or (spans and all(weight == 1.0 for _, _, weight in spans)):
            weights = (1.0,) * len(state.actions)
        else:
            weights = largest_weights(token.character_ranges(state, process.vocabulary), spans)
    reward = 0.0
    terms: dict[str, float] = {}
    if outcome.verdict is not Verdict.INFRA:
        reward, terms = _paid(state, float(scoring.reward(outcome)), scoring)
    return Score(text, outcome, reward, terms, spans, executed_lines(text, outcome), weights)


def _paid(state: State, outcome_reward: float, scoring: Scoring) -> tuple[float, dict[str, float]]:
    alpha = scoring.process_weight
    if alpha is None:
        return outcome_reward, {"outcome": outcome_reward}
    terms = {
        "outcome": alpha * outcome_reward,
        "process": process_term(state.step_rewards, alpha, scoring.process_discount),
    }
    if scoring.payment == "last":
        return terms["outcome"] + terms["process"], terms
    return terms["outcome"] + process_payment(state.step_rewards, alpha, scoring.process_discount), terms
