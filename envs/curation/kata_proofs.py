"""What is claimed of the katas, proven family by family: sharp tests, different problems, clean statements and splits.

A *mutant* (see `mutation`) of the first reference is killed if a test of its problem does not pass. One that survives
is *equivalent*, and left out, if it also agrees with the references on wider inputs: those of other problems of the
family and small changes of the problem's own (see `wider_inputs`). Every other survivor is *missed*.

The *wrong programs* of a problem are: its public tests answered from a table; nothing, a constant or the argument
returned; and the solutions of other problems of its family that have the same signature: what a reader takes
the task for who misses a word of it. None may pass, but those that agree on the wider inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from codegym.envs.curation.claims import phrasing_faults, problem_faults
from codegym.envs.curation.journal import Journal
from codegym.envs.curation.mutation import mutants
from codegym.envs.curation.repeats import repeats
from codegym.envs.curation.wider_inputs import differs, inputs_of, wider_inputs
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import SPLITS, Family
from codegym.envs.problems.katas.registry import FAMILIES
from codegym.envs.problems.katas.source import indices
from codegym.envs.problems.katas.source import problem as kata
from codegym.envs.problems.problem import CallTest, Problem, StdioTest
from codegym.envs.problems.statement import literal, prompt, statement, test_line

LEAST_SCORE = 0.9
_NEIGHBOURS = 6
_WIDER = 60
_SECONDS = 0.1
"""Processor time of a mutant, some of which never end; references take a hundredth of it."""


@dataclass
class FamilyProof:
    """What the proofs of one family found.

    Attributes:
        name: of the family.
        problems: how many problems were looked at.
        mutants, killed, equivalent: numbers of mutants.
        missed: those that survived and are not equivalent, as "URI line N: operator".
        wrong, wrong_killed: numbers of wrong programs, equivalent ones left out.
        wrong_passed: those that passed, as "URI: which".
    """

    name: str
    problems: int = 0
    mutants: int = 0
    killed: int = 0
    equivalent: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: int = 0
    wrong_killed: int = 0
    wrong_passed: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        """Share of the mutants that are killed, equivalent ones left out."""
        counted = self.killed + len(self.missed)
        return self.killed / counted if counted else 1.0

    def as_json(self) -> dict[str, Any]:
        """The numbers and what was missed."""
        return {**asdict(self), "score": round(self.score, 4)}

    @property
    def faults(self) -> list[str]:
        """What is not as claimed."""
        found = [f"{self.name}: wrong program passes: {text}" for text in self.wrong_passed]
        if self.score < LEAST_SCORE:
            found.append(f"{self.name}: hidden tests kill {self.score:.1%} of the mutants, less than {LEAST_SCORE:.0%}")
        return found


def prove_set(
    problems: Sequence[tuple[str, Problem]],
    executor: Executor,
    count: int,
    progress: Callable[[int, int, int], object],
    journal: Journal,
) -> tuple[list[FamilyProof], list[str]]:
    """All proofs about a set of katas.

    Args:
        problems: split and problem, those that are looked at one by one (repeats, statements).
        executor: runs mutants and wrong programs.
        count: problems of each family whose tests are proven (of families written by hand all); 0 leaves it out.
        progress: called with families done, their number, and those without fault.
        journal: keeps the proof of each family.

    Returns:
        One proof per family of one of the problems, and everything that is not as claimed.
    """
    faults: list[str] = []
    for _, problem in problems:
        faults += problem_faults(problem) + statement_faults(problem)
    faults += [f"{one}: the same problem as {other}" for one, other in repeats(problems)]
    names = dict.fromkeys(problem.uri.split("/")[1] for _, problem in problems if problem.language == "python")
    families = {name: FAMILIES[name] for name in names}
    proofs = []
    for done, family in enumerate(families.values(), 1):
        faults += split_faults(family)
        for index in sample(family, 2) if "grammar" not in family.tags else ():
            faults += phrasing_faults(f"katas/{family.name}/{index}")
        if count:
            many = len(family) if "written" in family.tags else count
            prove = partial(_proof, family, executor, many)
            proofs.append(FamilyProof(**journal.once(family.name, prove)))
            faults += proofs[-1].faults
        progress(done, len(families), done - sum(bool(proof.faults) for proof in proofs))
    return proofs, faults


def _proof(family: Family, executor: Executor, count: int) -> dict[str, Any]:
    return asdict(prove_tests(family, executor, count))


def table(proofs: Sequence[FamilyProof]) -> str:
    """The proofs as a Markdown table, a line for each family."""
    head = (
        "family",
        "problems",
        "mutants",
        "killed",
        "equivalent",
        "missed",
        "score",
        "wrong programs",
        "wrong killed",
    )
    rows = [
        (
            p.name,
            p.problems,
            p.mutants,
            p.killed,
            p.equivalent,
            len(p.missed),
            f"{p.score:.1%}",
            p.wrong,
            p.wrong_killed,
        )
        for p in proofs
    ]
    lines = [head, ("---",) + ("---:",) * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def prove_tests(family: Family, executor: Executor, count: int) -> FamilyProof:
    """Mutants and wrong programs of `count` problems of a family, from all of its splits."""
    proof = FamilyProof(family.name)
    others = [kata(f"katas/{family.name}/{index}") for index in sample(family, count + _NEIGHBOURS)]
    cases = [_Case(kata(f"katas/{family.name}/{index}"), others) for index in sample(family, count)]
    passed = _pass([job for case in cases for job in case.jobs], executor)
    for case in cases:
        proof.problems += 1
        proof.mutants += len(case.mutants)
        survives, passed = passed[: len(case.jobs)], passed[len(case.jobs) :]
        proof.killed += survives[: len(case.mutants)].count(False)
        for mutant, survived in zip(case.mutants, survives, strict=False):
            if survived and case.differs(mutant.source):
                proof.missed.append(f"{case.problem.uri} line {mutant.line}: {mutant.operator}")
            else:
                proof.equivalent += survived
        for (which, program), survived in zip(case.wrong, survives[len(case.mutants) :], strict=True):
            if survived and case.differs(program):
                proof.wrong_passed.append(f"{case.problem.uri}: {which}")
            proof.wrong_killed += not survived
        proof.wrong = proof.wrong_killed + len(proof.wrong_passed)
    return proof


def _pass(jobs: Sequence[Job], executor: Executor) -> list[bool]:
    """Which programs pass all tests; those on standard input, with a limit a test, run on the first few first."""
    few = [replace(job, problem=_shortened(job.problem)) for job in jobs]
    passed = [outcome.verdict is Verdict.PASS for outcome in executor.run(few)]
    left = [place for place, passes in enumerate(passed) if passes and few[place].problem is not jobs[place].problem]
    for place, outcome in zip(left, executor.run([jobs[place] for place in left]), strict=True):
        passed[place] = outcome.verdict is Verdict.PASS
    return passed


def _shortened(problem: Problem) -> Problem:
    return problem if problem.entry_point is not None else replace(problem, hidden_tests=problem.hidden_tests[:2])


class _Case:
    """One problem with its mutants, its wrong programs, and, where one of them survives, wider inputs."""

    def __init__(self, problem: Problem, others: Sequence[Problem]) -> None:
        self.problem = problem
        self.near = [other for other in others if other.starter == problem.starter and other.uri != problem.uri]
        self.mutants = mutants(problem.references[0])
        self.wrong = list(wrong_programs(problem, self.near))
        hurried = replace(problem, limits=replace(problem.limits, seconds=_SECONDS))
        programs = [mutant.source for mutant in self.mutants] + [program for _, program in self.wrong]
        self.jobs = [Job(hurried, program) for program in programs]
        self._wider: list[tuple[Any, Any]] | None = None

    def differs(self, program: str) -> bool:
        if self._wider is None:
            # A program's input may hold commands that only its neighbour knows.
            near = [] if self.problem.entry_point is None else self.near
            theirs = [item for other in near for item in inputs_of(other)[:8]]
            self._wider = wider_inputs(self.problem, theirs, _WIDER)
        return differs(program, self.problem, self._wider)


def wrong_programs(problem: Problem, near: Sequence[Problem]) -> Iterable[tuple[str, str]]:
    """Wrong but plausible programs of a problem, each with what it is."""
    if problem.entry_point is None:
        shown = [test.stdout for test in problem.public_tests if isinstance(test, StdioTest)]
        yield "the public answer printed", f"print({shown[0]!r})"
        yield "the input printed", "import sys\nprint(sys.stdin.read())"
        yield "nothing printed", "pass"
    else:
        tests = [test for test in problem.public_tests if isinstance(test, CallTest)]
        head = problem.starter.splitlines()
        names = [name.strip() for name in head[-1].partition("(")[2].rstrip("):").split(",")]
        names = [name for name in names if name != "self"]
        indent = " " * (len(head[-1]) - len(head[-1].lstrip()) + 4)
        table = ", ".join(f"({literal(repr(test.args))}, {literal(test.expected)})" for test in tests)
        asked = f"repr(({', '.join(names)},))"
        for default in ("None", "0", "[]", literal(tests[0].expected)):
            yield (
                f"the public tests in a table, else {default}",
                f"{problem.starter}\n{indent}for shown, answer in [{table}]:\n{indent}    if shown == {asked}:\n"
                f"{indent}        return answer\n{indent}return {default}",
            )
        for value in dict.fromkeys(("None", "True", "False", "0", "''", "[]", *names)):
            yield f"return {value}", f"{problem.starter}\n{indent}return {value}"
    for other in near[:_NEIGHBOURS]:
        yield f"the solution of {other.uri}", other.references[0]


def sample(family: Family, count: int) -> list[int]:
    """Different indices of a family, each split in turn."""
    mixed = [Draws("proof", family.name, split).shuffled(part) for split, part in indices(family).items()]
    turns = max(map(len, mixed), default=0)
    return sorted([part[turn] for turn in range(turns) for part in mixed if turn < len(part)][:count])


def split_faults(family: Family) -> list[str]:
    """Parameters that occur twice, and structures that two splits share."""
    parameters = [family.parameters_of(index) for index in range(len(family))]
    faults = (
        [] if len(set(parameters)) == len(parameters) else [f"{family.name}: two problems have one parameter tuple"]
    )
    of_split: dict[str, set[Any]] = {split: set() for split in SPLITS}
    for split, part in indices(family).items():
        of_split[split] |= {family.structure(parameters[index]) for index in part}
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if of_split[one] & of_split[other]:
            faults.append(f"{family.name}: {one} and {other} share {next(iter(of_split[one] & of_split[other]))!r}")
    return faults


def statement_faults(problem: Problem) -> list[str]:
    """A solution or a hidden test in what agents read."""
    shown = statement(problem) + "\n" + prompt(problem)
    faults = [
        f"{problem.uri}: what agents read holds a reference"
        for reference in problem.references
        if reference.removeprefix(problem.given).strip() in shown
    ]
    hidden = [line for test in problem.hidden_tests if (line := test_line(test, problem.entry_point)) in shown]
    return faults + [f"{problem.uri}: what agents read holds the hidden test {line}" for line in hidden]
