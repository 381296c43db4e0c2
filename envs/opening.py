"""Opening and closing an episode: what reset options ask for, what `info` says, and the Episode at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from codegym.envs.draws import RowDraws
from codegym.envs.episode import Episode
from codegym.envs.errors import InfrastructureError, StateError, unknown
from codegym.envs.execution.outcome import Verdict, part_verdicts
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.scoring import Endings, FinishedStates, Score, Scores
from codegym.envs.mdp.start_states import start_form, start_of
from codegym.envs.mdp.state import State
from codegym.envs.problems.problem import Problem
from codegym.envs.settings import RESET_OPTIONS, Settings

STATE_VERSION = "v0"


def open_episode(
    settings: Settings, options: Mapping[str, Any] | None, random: np.random.Generator | RowDraws
) -> tuple[Problem, State]:
    """The problem and the state with which an episode begins.

    Args:
        settings: of the environment.
        options: of `reset`: `problem`, `start`, `state`, `split`.
        random: draws the problem where none is asked for.

    Raises:
        OptionError: for an unknown option, problem, split or start.
        StateError: for a state of another environment or version.
    """
    if not options:
        problem = settings.chosen[int(random.integers(len(settings.chosen)))]
        return problem, settings.begin(problem)
    for name in options:
        if name not in RESET_OPTIONS:
            raise unknown("reset option", name, RESET_OPTIONS)
    state = options.get("state")
    if state is not None:
        return problem_of(settings, state), state
    chosen = settings.problems.split(options["split"]) if options.get("split") is not None else settings.chosen
    if options.get("problem") is not None:
        problem = settings.problems[str(options["problem"])]
    else:
        problem = chosen[int(random.integers(len(chosen)))]
    asked = options.get("start")
    start = settings.starts.start(problem) if asked is None else start_of(problem, asked)
    return problem, settings.process.initial(problem, start, settings.budget)


def problem_of(settings: Settings, state: object) -> Problem:
    """The problem of a state, once it is clear that the state belongs here.

    Raises:
        StateError: if it is none, or of another environment, version, tokenizer or problem set.
    """
    process: Process = settings.process
    if not isinstance(state, State):
        raise StateError(f"A state is what get_state() returned, not {type(state).__name__}.")
    if state.mdp != process.name or state.version != STATE_VERSION:
        raise StateError(
            f"The state is of a {state.mdp} environment {state.version}, not of this {process.name} {STATE_VERSION}."
        )
    if state.mdp == "token" and state.vocabulary != process.vocabulary.sha:
        raise StateError(
            f"The state was written with tokenizer {state.vocabulary!r}, not with this environment's "
            f"{process.vocabulary.sha!r}."
        )
    if state.problem not in settings.problems:  # type: ignore[comparison-overlap]  # a set also holds uris
        raise StateError(f"The state's problem {state.problem!r} is not in {settings.problems.spec!r}.")
    problem: Problem = settings.problems[state.problem]
    return problem


def final_infos(settings: Settings, endings: Endings, scores: Scores) -> dict[str, list[Any]]:
    """What `info` says at the end of some episodes, besides what it says at every step: one list for each key."""
    infos: dict[str, list[Any]] = {
        "is_success": [outcome.verdict is _PASS for outcome in scores.outcomes],
        "verdict": [_VERDICTS[outcome.verdict] for outcome in scores.outcomes],
        "tests_passed": [outcome.tests_passed if outcome.tests else 0 for outcome in scores.outcomes],
        "tests_total": [outcome.tests_total for outcome in scores.outcomes],
        "reward_terms": scores.reward_terms,
        "credit_spans": scores.credit_spans,
        "executed_lines": scores.executed_lines,
    }
    if settings.process.name == "token":
        infos["token_credit"] = scores.token_credit
    if settings.process_reward is not None:
        infos["step_rewards"] = [endings.step_rewards(at) for at in range(len(endings))]
    return infos


_PASS = Verdict.PASS
_VERDICTS = {verdict: verdict.value for verdict in Verdict}


def final_info(settings: Settings, state: State, scores: Scores) -> dict[str, Any]:
    """What `info` says at the end of an episode, besides what it says at every step."""
    endings = FinishedStates(settings.process, [state])
    return {key: values[0] for key, values in final_infos(settings, endings, scores).items()}


def judged(score: Score, state: State) -> Score:
    """The score itself.

    Raises:
        InfrastructureError: if the machine failed, not the program.
    """
    if score.outcome.verdict is Verdict.INFRA:
        raise InfrastructureError(
            f"The program for {state.problem!r} could not be judged: {score.outcome.message or 'the executor failed'}."
        )
    return score


def episode_of(settings: Settings, env_id: str, seed: int, state: State, score: Score) -> Episode:
    """A finished episode as data."""
    return Episode(
        env_id=env_id,
        env_kwargs=dict(settings.options),
        problem=state.problem,
        start=start_form(state.start),
        seed=seed,
        sample=0,
        actions=state.actions,
        program=score.program,
        reward=float(sum(score.reward_terms.values())),
        reward_terms=dict(score.reward_terms),
        verdict=str(score.outcome.verdict.value),
        tests_passed=score.outcome.tests_passed,
        tests_total=score.outcome.tests_total,
        credit_spans=score.credit_spans,
        terminated=state.terminated,
        truncated=state.truncated,
        tokens=len(state.actions) if state.mdp == "token" else 0,
        step_rewards=state.step_rewards,
        process_weight=settings.scoring.process_weight,
        parts=part_verdicts(settings.problems[state.problem], score.outcome, settings.scoring.tests),
    )


def rewarded(state: State, reward: float) -> State:
    """The state with one more process reward."""
    return replace(state, step_rewards=(*state.step_rewards, reward))
