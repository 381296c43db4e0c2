"""Decides, from what came out of a program's processes, what its tests say. Expected values never leave this side."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from itertools import compress
from typing import Any

from codegym.envs.execution import codec, comparison, statements, timing
from codegym.envs.execution.answers import (
    MESSAGE,
    announced_statements,
    answers_of,
    death_verdict,
    failure_of,
    read_answer,
    referee_verdict,
    short,
    text_of,
)
from codegym.envs.execution.assertions import FirstFailure, assertions_verdict
from codegym.envs.execution.languages import python
from codegym.envs.execution.oracle import oracle_verdict
from codegym.envs.execution.outcome import Job, Outcome, Span, TestResult, Verdict
from codegym.envs.execution.plan import Plan, Script, in_process_request, request, stdio_request
from codegym.envs.execution.work import Dialogue, Ended, Run, Verdicts
from codegym.envs.problems.problem import CallTest, InProcessTest, StdioTest

Work = Generator[Any, Any, Outcome]

_SLACK = 1 << 16  # bytes beside the values on a channel
_IN_REFEREE = 2.0  # seconds that a referee has beyond the candidate's limit
_FAULTS = {Verdict.ERROR, Verdict.WRONG}
# What Landlock and the read-only root answer: only the program sees it, so it is believed to its disadvantage alone.
_REFUSALS = ("PermissionError: [Errno 13]", "OSError: [Errno 30]")


@dataclass(frozen=True)
class Setting:
    """What an executor gives to each of its jobs.

    Attributes:
        tracer: "fast", "probes", "monitoring" or "coverage".
        level: highest isolation layer in force.
        monitors: programs run under an interpreter that has `sys.monitoring`.
    """

    tracer: str
    level: int
    monitors: bool = False


def seed_of(job: Job) -> int:
    """The seed of `random` and `numpy.random`: a keyed hash, which no program can foresee and every rerun has again."""
    key = job.seed.to_bytes(16, "little", signed=True)
    return int.from_bytes(
        blake2b(job.program.encode("utf-8", "surrogatepass"), key=key, digest_size=7).digest(), "little"
    )


def judge(plan: Plan, job: Job, setting: Setting) -> Work:
    """Run one program against the tests of its problem; yields what it needs from the engine.

    Args:
        plan: of the job's problem and tests.
        job: the program.
        setting: of the executor.

    Returns:
        The outcome, without a reward.
    """
    refused = python.refusal(job.program)
    if refused is not None:
        return _not_compiled(plan, job, setting, f"SyntaxError: {refused}")
    if plan.recording is not None:
        yield plan.recording
    trial = _Trial(plan, job, setting)
    if not plan.tests:
        ends = yield [trial.run([])]
    else:
        ends = yield trial.runs()
        yield from trial.look_again(ends)
    if any(end.lost for end in ends):
        return trial.lost()
    for end in ends:
        failure = failure_of(end)
        if failure is not None and failure[0] == "compile":
            spans = announced_statements(end)
            return replace(_not_compiled(plan, job, setting, failure[1]), statements=spans, seconds=end.seconds)
    yield from trial.decide(ends)
    return trial.outcome()


def _measure(plan: Plan, setting: Setting) -> Generator[Any, Any, None]:
    """Find out how much processor time the reference needs on this machine."""
    if not plan.problem.references:
        plan.reference_seconds = 0.0
        return
    trial = _Trial(plan, Job(plan.problem, plan.problem.references[0]), setting)
    most = max(trial.limits.seconds, trial.limits.most_seconds)
    trial.clock = timing.Clock(most, 2 * most)
    ends: list[Ended] = yield trial.runs()
    plan.reference_seconds = max(end.cpu for end in ends)


def _not_compiled(plan: Plan, job: Job, setting: Setting, message: str) -> Outcome:
    return Outcome(
        verdict=Verdict.COMPILE, tests_total=len(plan.tests), message=message[:MESSAGE], level=setting.level,
        seed=seed_of(job), trust="in-process" if plan.in_process else "isolated",
    )  # fmt: skip


class _Trial:
    """One program on its way through its tests."""

    def __init__(self, plan: Plan, job: Job, setting: Setting) -> None:
        self.plan, self.job, self.setting = plan, job, setting
        self.limits = plan.problem.limits
        self.clock = timing.first_clock(self.limits)
        self.seed = seed_of(job)
        needed = python.profile(job.program) if plan.profile == "plain" else plan.profile
        self.profile = "coverage" if job.coverage and setting.tracer == "coverage" else needed
        self.tracer, self.layout = "none", None
        self.most = 0
        if job.coverage:
            self.tracer, self.layout = statements.choose(setting.tracer, job.program, setting.monitors)
            self.most = self.layout.width if self.layout else statements.most_statements(job.program)
        self.calls = plan.shared_calls
        self.nonces = {index: secrets.token_hex(16) for index in plan.in_process}
        self.results: dict[int, TestResult] = {}
        self.statements: tuple[Span, ...] | None = None
        self.announced: tuple[Ended | None, tuple[Span, ...] | None] = None, None  # of the run that was read last
        self.seconds = 0.0
        self.denied = 0

    # What to run

    def runs(self) -> list[Run]:
        """The runs of the program, in the order in which `decide` reads them."""
        plan, source = self.plan, self.job.program
        found = []
        if self.calls:
            found.append(self.run(self.calls))
            found[0].settles = self.first_failure()
        found += [self.run([plan.encoded[index]]) for index in plan.fresh]
        for index in plan.stdio:
            test = plan.tests[index]
            assert isinstance(test, StdioTest)
            frame = stdio_request(
                plan, source, self.seed, coverage=self.most, tracer=self.tracer, layout=self.layout,
                seconds=self.clock.seconds,
            )  # fmt: skip
            found.append(self.limited(frame, self.most, test.stdin.encode("utf-8", "surrogatepass")))
        for index in plan.in_process:
            case = plan.tests[index]
            assert isinstance(case, InProcessTest)
            frame = in_process_request(plan, source, case.source, self.nonces[index], self.seed, self.clock.seconds)
            profile = python.profile(source + case.source)
            found.append(replace(self.limited(frame, 0), profile=profile))
        if not found:
            found.append(self.run([]))  # only live scripts: compile once, so that COMPILE is known first
        return found

    def first_failure(self) -> FirstFailure | None:
        """What tells that a program has failed while it runs on, where the calls belong to one test of assertions."""
        assertions = self.plan.scripts[0].assertions if self.plan.scripts else None
        if assertions is None or len(self.plan.tests) > 1 or self.job.coverage:
            return None
        return FirstFailure(assertions, self.read)

    def run(self, calls: list[bytes], *, serve: bool = False) -> Run:
        rows = self.most * (len(calls) + 1)
        frame = request(
            self.plan, self.job.program, calls, self.seed, coverage=rows, tracer=self.tracer, layout=self.layout,
            serve=serve, seconds=self.clock.seconds,
        )  # fmt: skip
        return self.limited(frame, rows)

    def limited(self, frame: bytes, shared: int, stdin: bytes | None = None) -> Run:
        known = sum([oracle.size for oracle in self.plan.oracles])
        limit = max(self.limits.output_bytes, 2 * known) + _SLACK + 16 * self.most
        return Run(frame, self.clock.wall, limit, self.profile, shared, stdin, self.clock.seconds)

    def look_again(self, ends: list[Ended]) -> Generator[Any, Any, None]:
        """Run again what was stopped and may not have had its time; puts how that ended in the place of before."""
        for _ in range(timing.LOOKS):
            late = [place for place, end in enumerate(ends) if end.timed_out and not end.lost]
            if not late:
                return
            if self.plan.reference_seconds is None:
                yield from _measure(self.plan, self.setting)
            reference = self.plan.reference_seconds or 0.0
            clock = timing.next_clock(
                self.clock, self.limits, reference, [ends[place] for place in late], timing.crowd()
            )
            if clock is None:
                return
            self.clock = clock
            runs = self.runs()
            again: list[Ended] = yield [runs[place] for place in late]
            for place, end in zip(late, again, strict=True):
                timing.enforce(clock, end)
                ends[place] = end

    # What it says

    def decide(self, ends: Sequence[Ended]) -> Generator[Any, Any, None]:
        """Judge every test from how its run ended; asks for referees."""
        plan, left = self.plan, iter(ends)
        for end in ends:
            self.seconds += end.seconds
            self.denied += end.denied
            self.statements = self.statements if self.statements is not None else self.spans(end)
        if self.calls:
            end = next(left)
            answers = answers_of(end, len(self.calls))
            for script in plan.scripts:
                if script.calls is not None:
                    yield from self.replay(script, end, answers[script.row : script.row + script.count])
            for oracle in plan.oracles:
                mine = answers[oracle.row : oracle.row + len(oracle.packed)]
                said = oracle_verdict(oracle, mine, plan.problem.tolerance, self.read, partial(death_verdict, end))
                last = min(len(mine) + 1, len(oracle.packed))
                self.note(oracle.index, said, end, (oracle.row + 1, oracle.row + 1 + last))
            first = len(self.calls) - len(plan.calls)
            for row, index in enumerate(plan.calls, first):
                self.note(index, self.value_verdict(index, end, answers, row), end, (row + 1, row + 2))
        for index in plan.fresh:
            end = next(left)
            self.note(index, self.value_verdict(index, end, answers_of(end, 1), 0), end, (1, 2))
        for index in plan.stdio:
            end = next(left)
            self.note(index, self.output_verdict(index, end), end, (0, 1))
        for index in plan.in_process:
            self.note(index, self.nonce_verdict(index, next(left)), None, (0, 0))
        for script in plan.scripts:
            if script.calls is None:
                yield from self.live(script)

    def note(
        self,
        index: int,
        said: tuple[Verdict, str],
        end: Ended | None,
        rows: tuple[int, int],
        seconds: float | None = None,
    ) -> None:
        """Keep the result of one test."""
        verdict, message = said
        if verdict is Verdict.ERROR and message.startswith(_REFUSALS):
            verdict = Verdict.POLICY
            self.denied += 1
        if end is not None and end.denied and verdict in _FAULTS:
            verdict = Verdict.POLICY
        executed = self.executed(end, rows) if end is not None and self.job.coverage else None
        seconds = seconds if seconds is not None else end.seconds if end is not None else 0.0
        self.results[index] = TestResult(verdict, message[:MESSAGE], executed, seconds)

    def executed(self, end: Ended, rows: tuple[int, int]) -> tuple[Span, ...] | None:
        """The spans that ran while loading or in the given rows of a run's shared memory; None where nobody knows."""
        spans = self.spans(end)
        if spans is None:
            return None
        width = self.layout.width if self.layout else len(spans)
        found = 0
        for row in (0, *range(*rows)):
            found |= int.from_bytes(end.coverage[row * width : (row + 1) * width], "little")
        ran = found.to_bytes(width, "little")
        if self.layout:
            return self.layout.executed(ran)
        return tuple(compress(spans, ran))

    def spans(self, end: Ended) -> tuple[Span, ...] | None:
        """The statements of the program."""
        if self.layout:
            return self.layout.spans
        if self.announced[0] is not end:
            self.announced = end, announced_statements(end)
        return self.announced[1]

    def value_verdict(self, index: int, end: Ended, answers: Sequence[bytes], row: int) -> tuple[Verdict, str]:
        test = self.plan.tests[index]
        assert isinstance(test, CallTest)
        if row >= len(answers):
            return death_verdict(end)
        found = self.read(answers[row])
        if isinstance(found, tuple):
            return found
        (actual,) = found
        if comparison.equal_values(actual, test.expected, self.plan.problem.tolerance):
            return Verdict.PASS, ""
        call = f"{self.plan.problem.entry_point}({', '.join(map(short, test.args))})"
        return Verdict.WRONG, f"{call} returned {short(actual)}, not {short(test.expected)}"

    def read(self, data: bytes) -> tuple[Verdict, str] | list[Any]:
        return read_answer(data, self.limits.output_bytes + _SLACK)

    def output_verdict(self, index: int, end: Ended) -> tuple[Verdict, str]:
        test, problem = self.plan.tests[index], self.plan.problem
        assert isinstance(test, StdioTest)
        if end.timed_out or end.flooded or end.status or failure_of(end) is not None:
            return death_verdict(end)
        try:
            output = end.output.decode()
        except UnicodeDecodeError:
            return Verdict.OUTPUT, "the output is not UTF-8"
        if comparison.equal_output(output, test.stdout, problem.tolerance, problem.exact_lines):
            return Verdict.PASS, ""
        return Verdict.WRONG, f"printed {short(output)}, not {short(test.stdout)}"

    def nonce_verdict(self, index: int, end: Ended) -> tuple[Verdict, str]:
        for frame in end.frames:
            if frame == codec.encode(["passed", self.nonces[index]]):
                return Verdict.PASS, ""
            if frame.startswith(b'["wrong"'):
                return Verdict.WRONG, text_of(frame)
        return death_verdict(end)

    # Scripts

    def replay(self, script: Script, end: Ended, answers: list[bytes]) -> Generator[Any, Any, None]:
        """Judge a test over the recorded answers, by a referee if it takes one; ask live where they do not fit."""
        assert script.calls is not None
        rows = (script.row + 1, script.row + 1 + len(answers) + (len(answers) < script.count))
        if script.assertions is not None:
            known = assertions_verdict(script.assertions, answers, self.read, partial(death_verdict, end))
            if known is not None:
                self.note(script.index, known, end, rows)
                return
        if any(b'{"handle":' in answer for answer in answers):
            yield from self.live(script)
            return
        task = codec.encode({**script.task, "kind": "replay", "answers": len(answers)}, max_bytes=1 << 28)
        calls = b'"calls",[' + b",".join(script.frames) + b"],"
        frame = b'["referee",' + task.replace(b'{"dict":[', b'{"dict":[' + calls, 1) + b"]"
        seconds = self.clock.wall + _IN_REFEREE
        has_numpy = any(b'{"numpy":' in answer or b'{"ndarray":' in answer for answer in answers)
        profile = "numpy" if has_numpy else script.profile
        said: Verdicts = yield Dialogue([frame, *answers], seconds, profile, script.key)
        if said.timed_out:  # a busy machine may have kept it waiting
            said = yield Dialogue([frame, *answers], timing.patience(timing.crowd()) * seconds, profile, script.key)
        verdict, message = referee_verdict(said)
        if verdict is not None:
            self.note(script.index, (verdict, message), end, rows)
        elif len(answers) < script.count:
            self.note(script.index, death_verdict(end), end, rows)
        else:
            yield from self.live(script)

    def live(self, script: Script) -> Generator[Any, Any, None]:
        """Let a referee run a test that asks the program one call at a time."""
        task = codec.encode(["referee", {**script.task, "kind": "live", "answers": 0}], max_bytes=1 << 28)
        profile = "numpy" if python.profile(self.job.program) == "numpy" else script.profile
        for _ in range(timing.LOOKS):
            seconds = self.clock.wall + _IN_REFEREE
            run = self.run([], serve=True)
            said: Verdicts = yield Dialogue([task], seconds, profile, script.key, run)
            end = said.candidate or Ended()
            reference = self.plan.reference_seconds or 0.0
            clock = None
            if end.timed_out:
                clock = timing.next_clock(self.clock, self.limits, reference, [end], timing.crowd())
            if clock is None:
                break
            self.clock = clock
        self.seconds += end.seconds
        self.denied += end.denied
        self.statements = self.statements if self.statements is not None else self.spans(end)
        if end.lost:
            said.lost = True
        verdict, message = referee_verdict(said)
        self.note(script.index, (verdict, message) if verdict is not None else death_verdict(end), end, (0, 1))

    # The whole

    def lost(self) -> Outcome:
        """The outcome where the machine failed."""
        return Outcome(
            verdict=Verdict.INFRA, tests_total=len(self.plan.tests), message="the machine failed twice",
            level=self.setting.level, seed=self.seed,
        )  # fmt: skip

    def outcome(self) -> Outcome:
        """The outcome of all tests."""
        tests = tuple(self.results[index] for index in range(len(self.plan.tests)))
        failed = next((test for test in tests if test.verdict is not Verdict.PASS), None)
        if any(test.verdict is Verdict.INFRA for test in tests):
            return self.lost()
        executed: tuple[Span, ...] | None = None
        if self.job.coverage and self.statements is not None:
            executed = tuple(sorted({span for test in tests for span in test.executed or ()}))
        return Outcome(
            verdict=failed.verdict if failed else Verdict.PASS,
            tests=tests,
            tests_total=len(tests),
            message=failed.message if failed else "",
            statements=self.statements if self.job.coverage else None,
            executed=executed,
            policy=self.denied > 0,
            trust="in-process" if self.plan.in_process else "isolated",
            level=self.setting.level,
            seed=self.seed,
            seconds=self.seconds,
        )
