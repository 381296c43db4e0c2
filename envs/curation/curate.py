"""The APPS+ recipe (Dou et al. 2024, section 4.1) as a program: which problems of a set can be trusted, and repairs.

Their recipe: leave out items without input, output or solution; make input and output uniform; run every solution on
its tests; look at what does not fit by hand; correct or leave out. Here the last two steps are rules too, and each
decision is a `Finding`:

1. texts are made uniform; repeated tests and repeated problems go;
2. every reference (the first `references` of them) runs `runs` times with other random seeds: what differs is flaky;
3. a reference that runs out of time gets up to `most_seconds`; the limit becomes three times what it needed;
4. where none passes, known damage is tried: expected values wrapped in a list, lists for tuples, a method of the class
   `Solution`; then tests that every reference fails are taken out, if the others, at least half, pass;
5. where references disagree, the statement decides: if it speaks of several right answers the problem goes, otherwise
   the failing references do, unless they are more than the passing ones;
6. calls and scripts run once more in reverse order; what then fails gets a process a call, or goes;
7. a program that does nothing must fail.

What it cannot see: a single reference that is wrong and whose tests were made by it; several right answers where the
statement does not say so and all references agree; dependence on the hash seed, which the sandbox fixes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from codegym.envs.curation.findings import Finding
from codegym.envs.curation.normalise import normalised, statement_key
from codegym.envs.errors import DataError, OptionError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.problems.problem import CallTest, Problem, StdioTest, Test
from codegym.envs.problems.problem_set import ProblemSet
from codegym.envs.problems.statistics import parse

_BATCH = 32
_SPARE = 3.0  # the limit is this many times what the slowest passing reference took
_NEAR = 0.5  # a reference that needs more than this share of its limit gets a longer one
_LIBRARY = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_SEVERAL = re.compile(
    r"\b(?:any (?:one )?(?:of them|of these|valid|such|correct|possible|order|solution|answer)"
    r"|(?:multiple|several|many) (?:possible |valid |correct |optimal )?(?:solutions|answers|ways to)"
    r"|more than one (?:possible |valid |correct )?(?:solution|answer))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Settings:
    """How thorough a curation is.

    Attributes:
        runs: how often each reference runs.
        references: how many references of a problem run; the others are left out of the result.
        most_seconds: no limit becomes longer than this.
    """

    runs: int = 3
    references: int = 5
    most_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.runs < 2:
            raise OptionError(f"A flaky reference shows in no fewer than 2 runs, not {self.runs}.")
        if self.references < 1 or self.most_seconds <= 0:
            raise OptionError("At least one reference must run, and the longest limit must be positive.")


@dataclass(frozen=True)
class Curation:
    """The result.

    Attributes:
        kept: the problems that can be trusted, repaired where needed.
        findings: everything found, in the order of the set.
    """

    kept: tuple[Problem, ...]
    findings: tuple[Finding, ...]


def curate(
    problems: ProblemSet,
    executor: Executor,
    settings: Settings | None = None,
    *,
    uris: Sequence[str] | None = None,
    progress: Callable[[int, int, int], None] = lambda done, total, kept: None,
) -> Curation:
    """Clean a set.

    Args:
        problems: the set.
        executor: runs the references.
        settings: how thorough to be.
        uris: these alone.
        progress: called with (done, total, kept) after each batch.
    """
    settings = settings or Settings()
    chosen = problems.uris if uris is None else uris
    seen: dict[tuple[str, Any], str] = {}
    kept: list[Problem] = []
    findings: list[Finding] = []
    for start in range(0, len(chosen), _BATCH):
        batch = chosen[start : start + _BATCH]
        cases = list(_read(problems, batch, findings))
        for case in cases:
            _look(case, seen, settings)
        _test_references(cases, executor, settings)
        _repair_damage(cases, executor, settings)
        for case in _alive(cases):
            _decide(case)
        _check_order(cases, executor)
        _check_nothing_passes(cases, executor)
        findings += [finding for case in cases for finding in case.findings]
        kept += [case.problem for case in cases if case.alive]
        progress(start + len(batch), len(chosen), len(kept))
    place = {uri: number for number, uri in enumerate(chosen)}
    return Curation(tuple(kept), tuple(sorted(findings, key=lambda finding: place[finding.problem])))


class _Standing(Enum):
    """How a reference did over all its runs."""

    GOOD = auto()
    FLAKY = auto()
    COMPILE = auto()
    LIBRARY = auto()
    SLOW = auto()
    WRONG = auto()  # ran to its end, and a test did not agree
    FAILS = auto()


@dataclass
class _Trial:
    """One reference and what its runs said."""

    number: int
    outcomes: list[Outcome]

    def failed(self) -> frozenset[int]:
        """Tests that failed in a run."""
        return frozenset(
            index
            for outcome in self.outcomes
            for index, test in enumerate(outcome.tests)
            if test.verdict is not Verdict.PASS
        )

    def library(self) -> str:
        """The library that it misses, or ""."""
        texts = (text for outcome in self.outcomes for text in (outcome.message, *(t.message for t in outcome.tests)))
        return next((found[1] for text in texts if (found := _LIBRARY.search(text))), "")

    def seconds(self) -> float:
        """The longest that a test took."""
        return max((test.seconds for outcome in self.outcomes for test in outcome.tests), default=0.0)

    @property
    def standing(self) -> _Standing:
        verdicts = {
            verdict for outcome in self.outcomes for verdict in (outcome.verdict, *(t.verdict for t in outcome.tests))
        }
        if Verdict.COMPILE in verdicts:
            return _Standing.COMPILE
        if self.library():
            return _Standing.LIBRARY
        if Verdict.TIMEOUT in verdicts:
            return _Standing.SLOW
        if len({tuple(test.verdict for test in outcome.tests) for outcome in self.outcomes}) > 1:
            return _Standing.FLAKY
        if verdicts == {Verdict.PASS}:
            return _Standing.GOOD
        return _Standing.WRONG if verdicts <= {Verdict.PASS, Verdict.WRONG} else _Standing.FAILS


@dataclass
class _Case:
    """A problem on its way."""

    problem: Problem
    findings: list[Finding] = field(default_factory=list)
    trials: list[_Trial] = field(default_factory=list)
    alive: bool = True

    def drop(self, reason: str, detail: str = "") -> None:
        self.alive = False
        self.findings.append(Finding(self.problem.uri, "dropped", reason, detail))

    def repair(self, reason: str, detail: str = "") -> None:
        self.findings.append(Finding(self.problem.uri, "repaired", reason, detail))

    def of(self, *standings: _Standing) -> list[_Trial]:
        return [trial for trial in self.trials if trial.standing in standings]


def _alive(cases: Iterable[_Case]) -> Iterator[_Case]:
    return (case for case in cases if case.alive)


# Without running anything


def _read(problems: ProblemSet, uris: Sequence[str], findings: list[Finding]) -> Iterator[_Case]:
    for uri in uris:
        try:
            yield _Case(problems[uri])
        except DataError:
            findings.append(Finding(uri, "dropped", "unreadable"))


def _look(case: _Case, seen: dict[tuple[str, Any], str], settings: Settings) -> None:
    """What can be said from the texts alone: no tests, no reference, a repetition; make the rest uniform."""
    clean = normalised(case.problem)
    if clean != case.problem:
        case.problem = clean
        case.repair("normalised")
    tests = case.problem.tests()
    if not tests:
        return case.drop("no-tests")
    if not any(reference.strip() for reference in case.problem.references):
        return case.drop("no-reference")
    first: dict[str, int] = {}
    for number, test in enumerate(tests):
        first.setdefault(repr(test), number)
    if len(first) < len(tests):
        case.problem = with_tests(case.problem, list(first.values()))
        case.repair("repeated-tests", f"{len(tests) - len(first)} of {len(tests)}")
    case.problem = replace(case.problem, references=case.problem.references[: settings.references])
    statement = statement_key(case.problem.statement or case.problem.starter)
    for key in ((statement, (case.problem.prelude, *first)), (statement, _shape(case.problem.references[0]))):
        other = seen.setdefault(key, case.problem.uri)
        if other != case.problem.uri and case.alive:
            case.drop("duplicate", f"of {other}")


def _shape(program: str) -> str:
    tree = parse(program)
    return program if tree is None else ast.dump(tree)


def with_tests(problem: Problem, keep: Sequence[int]) -> Problem:
    """The problem with those tests alone whose numbers, among all its tests, are given."""
    wanted = set(keep)
    if problem.hidden_subsumes_public:
        return replace(problem, hidden_tests=_chosen(problem.hidden_tests, wanted, 0))
    public = len(problem.public_tests)
    return replace(
        problem,
        public_tests=_chosen(problem.public_tests, wanted, 0),
        hidden_tests=_chosen(problem.hidden_tests, wanted, public),
    )


def _chosen(tests: Sequence[Test], wanted: set[int], first: int) -> tuple[Test, ...]:
    return tuple(test for number, test in enumerate(tests, first) if number in wanted)


# Running the references


def _run(executor: Executor, problems: Sequence[Problem], settings: Settings) -> list[list[_Trial]]:
    """Every reference of every problem, `runs` times each."""
    jobs = [
        Job(problem, reference, seed=seed)
        for problem in map(_strict, problems)
        for reference in problem.references
        for seed in range(settings.runs)
    ]
    outcomes = iter(executor.run(jobs))
    return [
        [_Trial(number, [next(outcomes) for _ in range(settings.runs)]) for number in range(len(problem.references))]
        for problem in problems
    ]


def _strict(problem: Problem) -> Problem:
    """The problem with a limit that does not grow with its reference, which is what has to keep it here."""
    return replace(problem, limits=replace(problem.limits, most_seconds=problem.limits.seconds))


def _test_references(cases: Sequence[_Case], executor: Executor, settings: Settings) -> None:
    alive = list(_alive(cases))
    before = [case.problem.limits.seconds for case in alive]
    for case, trials in zip(alive, _run(executor, [case.problem for case in alive], settings), strict=True):
        case.trials = trials
    slow = [case for case in alive if case.of(_Standing.SLOW) and not case.of(_Standing.GOOD)]
    longer = [_with_seconds(case.problem, settings.most_seconds) for case in slow]
    for case, problem, trials in zip(slow, longer, _run(executor, longer, settings), strict=True):
        case.problem, case.trials = problem, trials
    for case, came in zip(alive, before, strict=True):
        good = case.of(_Standing.GOOD)
        if not good:
            continue
        needed = min(trial.seconds() for trial in good)
        wanted = came if needed <= _NEAR * came else float(min(max(round(_SPARE * needed), 1), settings.most_seconds))
        seconds = max(wanted, came)  # as it came where the machine, not the reference, was slow
        case.problem = replace(case.problem, limits=replace(case.problem.limits, seconds=seconds))
        if seconds > came:
            case.repair("longer-limit", f"{seconds:g} s")


def _with_seconds(problem: Problem, seconds: float) -> Problem:
    return replace(problem, limits=replace(problem.limits, seconds=max(seconds, problem.limits.seconds)))


def _repair_damage(cases: Sequence[_Case], executor: Executor, settings: Settings) -> None:
    """Try what is known to be wrong with such sets on the problems that no reference passes."""
    stuck = [case for case in _alive(cases) if not case.of(_Standing.GOOD)]
    tried = [(case, reason, problem) for case in stuck for reason, problem in _variants(case.problem)]
    results = _run(executor, [problem for _, _, problem in tried], settings)
    for (case, reason, problem), trials in zip(tried, results, strict=True):
        if not case.of(_Standing.GOOD) and any(trial.standing is _Standing.GOOD for trial in trials):
            case.problem, case.trials = problem, trials
            case.repair(reason)


def _variants(problem: Problem) -> Iterator[tuple[str, Problem]]:
    calls = [test for test in problem.tests() if isinstance(test, CallTest)]
    if not calls:
        return
    if any(type(test.expected) is list and len(test.expected) == 1 for test in calls):
        yield (
            "unwrapped",
            _with_expected(problem, lambda value: value[0] if type(value) is list and len(value) == 1 else value),
        )
    if any(type(test.expected) is list for test in calls):
        yield "tuples", _with_expected(problem, lambda value: tuple(value) if type(value) is list else value)
        yield "tuples", _with_expected(problem, _inner_tuples)
    name = problem.entry_point or ""
    if "." not in name and any("class Solution" in reference for reference in problem.references):
        yield "entry-point", replace(problem, entry_point=f"Solution.{name}")


def _inner_tuples(value: Any) -> Any:
    return [tuple(item) if type(item) is list else item for item in value] if type(value) is list else value


def _with_expected(problem: Problem, change: Callable[[Any], Any]) -> Problem:
    def changed(test: Test) -> Test:
        return replace(test, expected=change(test.expected)) if isinstance(test, CallTest) else test

    public, hidden = (tuple(map(changed, tests)) for tests in (problem.public_tests, problem.hidden_tests))
    return replace(problem, public_tests=public, hidden_tests=hidden)


# What follows from it


def _decide(case: _Case) -> None:
    several = bool(_SEVERAL.search(case.problem.statement or case.problem.starter))
    good, wrong = case.of(_Standing.GOOD), case.of(_Standing.WRONG)
    if several and wrong:
        return case.drop("several-answers", f"{len(wrong)} of {len(case.trials)} references are WRONG")
    if not good:
        return _without_good(case)
    if len(wrong) > len(good):
        return case.drop("references-disagree", f"{len(wrong)} of {len(case.trials)} references are WRONG")
    bad = [trial for trial in case.trials if trial not in good]
    if bad:
        case.problem = replace(case.problem, references=tuple(case.problem.references[t.number] for t in good))
        case.repair("references-dropped", ", ".join(f"{t.number} {t.standing.name}" for t in bad))
    if several and len(good) == 1 and any(isinstance(test, CallTest | StdioTest) for test in case.problem.tests()):
        case.findings.append(Finding(case.problem.uri, "noted", "may-have-several-answers"))
    return None


def _without_good(case: _Case) -> None:
    """No reference passes everything: take out tests that all of them fail, or say why the problem goes."""
    tests = case.problem.tests()
    usable = case.of(_Standing.WRONG, _Standing.FAILS)
    common = frozenset.intersection(*(trial.failed() for trial in usable)) if usable else frozenset()
    passing = [trial for trial in usable if trial.failed() == common]
    if passing and 0 < len(common) <= len(tests) / 2 and len(tests) > 1:
        keep = [number for number in range(len(tests)) if number not in common]
        references = tuple(case.problem.references[trial.number] for trial in passing)
        if len(passing) < len(case.trials):
            others = [trial for trial in case.trials if trial not in passing]
            case.repair("references-dropped", ", ".join(f"{t.number} {t.standing.name}" for t in others))
        case.problem = replace(with_tests(case.problem, keep), references=references)
        case.trials = []
        return case.repair("tests-dropped", ", ".join(map(str, sorted(common))))
    for standing, reason in (
        (_Standing.FLAKY, "flaky"),
        (_Standing.WRONG, "reference-fails"),
        (_Standing.FAILS, "reference-fails"),
        (_Standing.SLOW, "too-slow"),
        (_Standing.LIBRARY, "missing-library"),
        (_Standing.COMPILE, "does-not-compile"),
    ):
        found = case.of(standing)
        if found:
            return case.drop(reason, _why(reason, found, len(tests)))
    return None


def _why(reason: str, trials: Sequence[_Trial], tests: int) -> str:
    if reason == "missing-library":
        return ", ".join(sorted({trial.library() for trial in trials}))
    if reason == "reference-fails":
        first = trials[0]
        return f"reference {first.number} is {first.outcomes[0].verdict} on {len(first.failed())} of {tests} tests"
    return f"{len(trials)} references"


# After the references


def _check_order(cases: Sequence[_Case], executor: Executor) -> None:
    """Run calls and scripts backwards: state that one leaves for the next shows."""
    asked = [
        case
        for case in _alive(cases)
        if len(case.problem.tests()) > 1 and not all(isinstance(test, StdioTest) for test in case.problem.tests())
    ]
    broken = [case for case, passes in zip(asked, _pass_backwards(executor, asked, _same), strict=True) if not passes]
    fresh = [case for case, passes in zip(broken, _pass_backwards(executor, broken, _fresh), strict=True) if passes]
    for case in broken:
        calls = all(isinstance(test, CallTest) for test in case.problem.tests())
        if case in fresh and calls:
            case.problem = _fresh(case.problem)
            case.repair("fresh-calls")
        else:
            case.drop("order-dependent")


def _same(problem: Problem) -> Problem:
    return problem


def _fresh(problem: Problem) -> Problem:
    def alone(test: Test) -> Test:
        return replace(test, fresh=True) if isinstance(test, CallTest) else test

    public, hidden = (tuple(map(alone, tests)) for tests in (problem.public_tests, problem.hidden_tests))
    return replace(problem, public_tests=public, hidden_tests=hidden)


def _pass_backwards(executor: Executor, cases: Sequence[_Case], change: Callable[[Problem], Problem]) -> list[bool]:
    jobs = []
    for case in cases:
        tests = change(case.problem).tests()[::-1]
        problem = replace(case.problem, public_tests=(), hidden_tests=tests)
        jobs.append(Job(problem, problem.references[0]))
    return [outcome.verdict is Verdict.PASS for outcome in executor.run(jobs)]


def _check_nothing_passes(cases: Sequence[_Case], executor: Executor) -> None:
    alive = list(_alive(cases))
    for case, outcome in zip(
        alive, executor.run([Job(c.problem, idle_program(c.problem)) for c in alive]), strict=True
    ):
        if outcome.verdict is Verdict.PASS:
            case.drop("vacuous-tests")


def idle_program(problem: Problem) -> str:
    """A program that does nothing: what is given and `pass`, a function that returns None, or an empty text."""
    if problem.given:
        return f"{problem.given}\n    pass\n"
    owner, _, name = (problem.entry_point or "").rpartition(".")
    if owner:
        return f"class {owner}:\n    def {name}(self, *args, **kwargs):\n        pass\n"
    return f"def {name}(*args, **kwargs):\n    pass\n" if name else "pass\n"
