"""Unfinished programs as something to search: the decision processes, and a score from the public tests alone."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

from codegym.envs.execution.outcome import Job
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.scoring import RunsPrograms
from codegym.envs.mdp.state import Action, Start, State, View
from codegym.envs.mdp.visible import Visible
from codegym.envs.problems.problem import Problem
from codegym.envs.rewards.outcome_reward import compile_blend
from codegym.envs.vocabulary import Vocabulary, load_vocabulary


@dataclass(frozen=True)
class Draft:
    """A program so far, in one tree.

    Attributes:
        state: of the decision process.
        seed: of the tree, so that two trees of one problem draw different samples.
    """

    state: State
    seed: int = 0


@dataclass(frozen=True)
class Finished:
    """A complete program, and how likely the model found it.

    Attributes:
        problem: uri.
        program: its text, or None where there is none (malformed pseudocode, bytes that are no text).
        logp: log-probability of the whole program.
        tokens: number of tokens that this is the probability of.
    """

    problem: str
    program: str | None
    logp: float = 0.0
    tokens: int = 0


class Drafts:
    """The decision process over Drafts; knows problems by their visible part, as the views showed them."""

    def __init__(self, vocabulary: Vocabulary | None = None):
        """Token states are read with `vocabulary`, None for the shipped one."""
        self._vocabulary = vocabulary or load_vocabulary()
        self._visible: dict[str, Visible] = {}

    def draft(self, view: View, seed: int) -> Draft:
        """The state that a view shows; what it shows of the problem is remembered for the views after it."""
        self._visible[view.problem] = Visible(**{field.name: getattr(view, field.name) for field in fields(Visible)})
        state = State(
            view.mdp,
            view.problem,
            Start("prefix", view.given),
            view.actions,
            budget=view.budget_left,
            vocabulary=self._vocabulary.sha if view.mdp == "token" else "",
        )
        return Draft(state, seed)

    def view(self, draft: Draft) -> View:
        """What an agent may see of a draft."""
        return self._process(draft).view(draft.state, self._visible[draft.state.problem])

    def transition(self, draft: Draft, action: Action) -> Draft:
        """The draft after one more action."""
        return replace(draft, state=self._process(draft).transition(draft.state, action))

    def program(self, draft: Draft) -> str | None:
        """The text to execute, None where there is none."""
        return self._process(draft).program(draft.state)

    def _process(self, draft: Draft) -> Process:
        return Process(draft.state.mdp, self._vocabulary)


class PublicTests:
    """Scores complete programs by the public tests of their problems, in batches; nothing else of a problem is kept.

    The score is O1-CODER's terminal value, `alpha * compiles + (1 - alpha) * (public tests passed / public tests)`:
    1 exactly for a program that passes them all. Equal programs are run once. A problem without public tests is
    announced once, and its programs score exp(mean log-probability of their tokens) instead: what the model prefers.
    """

    def __init__(self, problems: Callable[[str], Problem], executor: RunsPrograms | None = None, alpha: float = 0.1):
        """Takes the function from a uri to its problem; of what it returns the public tests are kept.

        Args:
            problems: for example `problem_set.__getitem__`.
            executor: what runs programs; None for the shared one.
            alpha: weight of "compiles"; 0 is O1-CODER's released code.
        """
        self._problems = problems
        self._executor = executor
        self._alpha = alpha
        self._public: dict[str, Problem] = {}
        self._scores: dict[tuple[str, str], float] = {}
        self._said_so = False

    def score(self, programs: Sequence[Finished]) -> list[float]:
        """One number per program, in order, from one batch of executions."""
        jobs: dict[tuple[str, str], Job] = {}
        for item in programs:
            problem = self._of(item.problem)
            if item.program is not None and problem.public_tests and (item.problem, item.program) not in self._scores:
                jobs[item.problem, item.program] = Job(problem, item.program, tests="public")
        if jobs:
            for key, outcome in zip(jobs, self._runner().run(list(jobs.values())), strict=True):
                self._scores[key] = compile_blend(outcome, self._alpha)
        return [self._known(item) for item in programs]

    def _known(self, item: Finished) -> float:
        if item.program is None:
            return 0.0
        if self._of(item.problem).public_tests:
            return self._scores[item.problem, item.program]
        return math.exp(item.logp / max(item.tokens, 1))

    def _runner(self) -> RunsPrograms:
        if self._executor is None:
            from codegym.envs.execution.executor import shared_executor

            self._executor = shared_executor()
        return self._executor

    def _of(self, uri: str) -> Problem:
        """The problem without its hidden tests and solutions."""
        if uri not in self._public:
            whole = self._problems(uri)
            self._public[uri] = replace(
                whole, hidden_tests=(), hidden_subsumes_public=False, references=(), pseudocode=()
            )
            if not whole.public_tests and not self._said_so:
                self._said_so = True
                warnings.warn(
                    f"{uri} has no public tests, so search ranks its programs by the model's own probability.",
                    stacklevel=2,
                )
        return self._public[uri]
