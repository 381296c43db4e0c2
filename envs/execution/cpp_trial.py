"""One C++ program on its way through its tests, and what the ends of its processes say about it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from codegym.envs.execution import comparison, timing
from codegym.envs.execution.cpp_compiler import Built, Compiler
from codegym.envs.execution.cpp_jail import Jail
from codegym.envs.execution.cpp_process import Ran, Started
from codegym.envs.execution.languages import cpp, python
from codegym.envs.execution.outcome import Job, Outcome, TestResult, Verdict
from codegym.envs.execution.work import Ended
from codegym.envs.problems.problem import InProcessTest, Limits, ScriptTest, StdioTest, Test

_MESSAGE: Final = 500
_FAULTS: Final = {Verdict.ERROR, Verdict.WRONG}
_WORD: Final = 32
_GONE: Final = ("it ended before it had answered", "the answer cannot be read", "the answer is too large")

Said = tuple[Verdict, str]


class Lost(Exception):
    """The spawner of a process died."""


class Trial:
    """One program on its way through its tests.

    Args:
        job: the program and its problem.
        compiler: makes executables of it and of its tests.
        jail: runs them.
        level: highest isolation layer in force.
        reference: says how much processor time the problem's reference needs; asked where a program was stopped.
    """

    def __init__(
        self, job: Job, compiler: Compiler, jail: Jail, level: int, reference: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.job, self.compiler, self.jail, self.level, self.reference = job, compiler, jail, level, reference
        self.limits = job.problem.limits
        self.clock = timing.first_clock(self.limits)
        self.entry = cpp.signature(job.problem)
        self.prelude = job.problem.prelude if job.problem.starter else ""
        self.denied = 0
        self.trust: Any = "isolated"
        self.seconds = 0.0
        self.used = 0.0  # processor seconds of its slowest test

    def outcome(self) -> Outcome:
        """The outcome of all tests."""
        tests = self.job.problem.tests(self.job.tests)
        refused = python.refusal(self.job.program)
        if refused is not None:
            return self.not_compiled(refused, len(tests))
        if not tests:
            built = self.program_alone()
            return self.not_compiled(built.message, 0) if built.content is None else self.made([])
        results = []
        for test in tests:
            said = self.result_of(test)
            if isinstance(said, Built):
                return self.not_compiled(said.message, len(tests))
            results.append(said)
        return self.made(results)

    def made(self, results: Sequence[TestResult]) -> Outcome:
        """The outcome of these results."""
        failed = next((result for result in results if result.verdict is not Verdict.PASS), None)
        return Outcome(
            verdict=failed.verdict if failed else Verdict.PASS, tests=tuple(results), tests_total=len(results),
            message=failed.message if failed else "", policy=self.denied > 0, trust=self.trust, level=self.level,
            seconds=self.seconds,
        )  # fmt: skip

    def not_compiled(self, message: str, total: int) -> Outcome:
        """The outcome where the compiler refuses the program."""
        return Outcome(
            Verdict.COMPILE, tests_total=total, message=message[:_MESSAGE], level=self.level, trust=self.trust
        )

    def result_of(self, test: Test) -> TestResult | Built:
        """The result of one test, or why the program does not compile."""
        for _ in range(timing.LOOKS + 1):
            found = self.look(test)
            if isinstance(found, Built):
                return found
            (verdict, message), ran = found
            if verdict is not Verdict.TIMEOUT:
                break
            end = Ended(timed_out=True, seconds=ran.seconds, cpu=ran.end.seconds, waited=ran.end.waited)
            clock = timing.next_clock(self.clock, self.limits, self.reference(), [end], timing.crowd())
            if clock is None:
                break
            self.clock = clock
        self.denied += ran.end.denied
        self.seconds += ran.seconds
        self.used = max(self.used, ran.end.seconds)
        if ran.end.denied and verdict in _FAULTS:
            verdict = Verdict.POLICY
        return TestResult(verdict, message[:_MESSAGE], None, ran.seconds)

    def look(self, test: Test) -> Built | tuple[Said, Ran]:
        """Run one test once, and stop it by the clock of this look."""
        if isinstance(test, StdioTest):
            found = self.stdio(test)
        elif isinstance(test, InProcessTest):
            found = self.linked(test.source)
        else:
            assert isinstance(test, ScriptTest)
            found = self.script(f"{test.setup}\n{test.source}" if test.setup else test.source)
        if (
            isinstance(found, Built)
            or self.clock.wall <= self.clock.seconds
            or self.clock.seconds >= found[1].end.seconds
        ):
            return found
        return (Verdict.TIMEOUT, "used up its processor time"), found[1]

    # Kinds of test

    def stdio(self, test: StdioTest) -> Built | tuple[Said, Ran]:
        """Run the program on an input and compare what it prints."""
        built = self.compiler.executable(self.job.program, "2")
        if built.content is None:
            return built
        ran = self.execute(built.content, stdin=test.stdin.encode("utf-8", "surrogatepass"))
        if ran.end.timed_out or ran.flooded or ran.end.status:
            return self.death(ran), ran
        try:
            printed = ran.output.decode()
        except UnicodeDecodeError:
            return (Verdict.OUTPUT, "the output is not UTF-8"), ran
        problem = self.job.problem
        if comparison.equal_output(printed, test.stdout, problem.tolerance, problem.exact_lines):
            return (Verdict.PASS, ""), ran
        return (Verdict.WRONG, f"printed {printed[:80]!r}, not {test.stdout[:80]!r}"), ran

    def script(self, source: str) -> Built | tuple[Said, Ran]:
        """Let the test question the program from a process of its own."""
        if self.entry is None:
            return self.linked(source)
        test = self.compiler.executable(cpp.test(source, self.entry, self.prelude), "0")
        driver = self.compiler.object_file(cpp.driver(self.entry), "0")
        if test.content is None or driver.content is None:
            return self.linked(source)
        program = self.compiler.executable(cpp.candidate(self.job.program, self.entry), "0", [driver.content])
        if program.content is None:
            return program
        said, ran = self.dialogue(test.content, program.content)
        return said, ran

    def dialogue(self, test: bytes, program: bytes) -> tuple[Said, Ran]:
        """Run test and program with a channel between them."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            answering = self.start(program, self.limits, channel=theirs.fileno())
            asking = self.start(test, Limits(memory_mb=1024), channel=ours.fileno())
        asked = asking.wait()
        waited = asked.end.waited
        if not asked.end.lost and not os.WIFEXITED(asked.end.status):
            more = answering.process.waited() if waited is not None else None
            waited = waited + more if waited is not None and more is not None else None
            answering.process.kill()
        ran = answering.wait(1.0)
        if asked.end.lost or ran.end.lost:
            raise Lost
        said = self.test_says(asked, ran)
        ran.end = replace(ran.end, seconds=ran.end.seconds + asked.end.seconds, waited=waited)
        return said, ran

    def test_says(self, asked: Ran, ran: Ran) -> Said:
        """What the end of a test means, and of the program that it questioned."""
        status = asked.end.status
        if status == 0:
            return Verdict.PASS, ""
        if asked.end.timed_out:
            return Verdict.TIMEOUT, f"did not end within the limit, stopped after {asked.seconds:.1f} s"
        if os.WIFEXITED(status):
            code = os.WEXITSTATUS(status)
            if code == cpp.GONE:
                return self.death(ran)
            if code in (cpp.UNREADABLE, cpp.TOO_LONG):
                return Verdict.OUTPUT, _GONE[code - cpp.GONE]
            return Verdict.WRONG, f"the test ended with status {code}"
        if os.WTERMSIG(status) == signal.SIGABRT:
            return Verdict.WRONG, assertion(asked.words)
        return Verdict.ERROR, f"the test died over the answers ({signal_name(status)})"

    def linked(self, source: str) -> Built | tuple[Said, Ran]:
        """Run the test in the program's own process."""
        self.trust = "in-process"
        if self.entry is None:
            return Built(None, f"the problem does not declare {self.job.problem.entry_point}")
        test = self.compiler.object_file(cpp.linked_test(source, self.entry, self.prelude), "0")
        if test.content is None:
            return Built(None, f"the test does not compile: {test.message}")
        text = cpp.candidate(self.job.program, self.entry, "C")
        built = self.compiler.executable(text, "0", [test.content], hidden=True)
        if built.content is None:
            return built
        word = secrets.token_hex(_WORD // 2).encode()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours:
            with theirs:
                started = self.start(built.content, self.limits, channel=theirs.fileno())
            ours.send(word)
            ran = started.wait()
            if ran.end.lost:
                raise Lost
            ours.settimeout(0)
            with contextlib.suppress(OSError):
                ran.proof = ours.recv(2 * _WORD)
        if ran.proof == word:
            return (Verdict.PASS, ""), ran
        aborted = os.WIFSIGNALED(ran.end.status) and os.WTERMSIG(ran.end.status) == signal.SIGABRT
        if aborted and "std::bad_alloc" not in ran.words:  # who threw it, test or program, cannot be told
            return (Verdict.WRONG, assertion(ran.words)), ran
        return self.death(ran), ran

    def program_alone(self) -> Built:
        """Compile the program without any test."""
        if self.job.problem.entry_point is None:
            return self.compiler.executable(self.job.program, "2")
        return self.compiler.object_file(cpp.candidate(self.job.program, self.entry), "0")

    # Processes

    def execute(self, executable: bytes, *, stdin: bytes) -> Ran:
        """Run an executable to its end."""
        ran = self.start(executable, self.limits, stdin=stdin).wait()
        if ran.end.lost:
            raise Lost
        return ran

    def start(
        self, executable: bytes, limits: Limits, *, stdin: bytes | None = None, channel: int | None = None
    ) -> Started:
        """Start an executable."""
        return Started(self.jail, executable, limits, self.clock, stdin, channel)

    def death(self, ran: Ran) -> Said:
        """Why a program ended without an answer."""
        if ran.end.timed_out:
            return Verdict.TIMEOUT, f"did not end within the limit, stopped after {ran.seconds:.1f} s"
        if ran.flooded:
            return Verdict.OUTPUT, "printed more than its limit"
        status = ran.end.status
        if "std::bad_alloc" in ran.words or "cannot allocate memory" in ran.words:
            return Verdict.MEMORY, "std::bad_alloc"
        if os.WIFEXITED(status):
            return Verdict.ERROR, f"ended with status {os.WEXITSTATUS(status)} before it had answered"
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU or (number == signal.SIGKILL and ran.end.seconds >= self.clock.seconds):
            return Verdict.TIMEOUT, "used up its processor time"
        if number == signal.SIGSYS or (number == signal.SIGKILL and ran.end.denied):
            return Verdict.POLICY, f"killed by {signal_name(status)}"
        if number == signal.SIGKILL:
            return Verdict.MEMORY, "killed by the system, as it is when memory is out"
        return Verdict.ERROR, f"killed by {signal_name(status)}" + (f": {first_line(ran.words)}" if ran.words else "")


def assertion(words: str) -> str:
    """What a test said when it aborted: a failed assertion, or an exception that nobody caught."""
    for line in words.splitlines():
        if "Assertion" in line:
            return line.partition("Assertion ")[2].strip()
        if "what():" in line:
            return line.partition("what():")[2].strip()
    return "the test aborted"


def first_line(words: str) -> str:
    """An uncaught exception as one line."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    if lines and "instance of '" in lines[0]:
        kind = lines[0].partition("instance of '")[2].rstrip("'")
        what = next((line.partition("what():")[2].strip() for line in lines if "what():" in line), "")
        return f"{kind}: {what}" if what else kind
    return lines[0] if lines else ""


def signal_name(status: int) -> str:
    """The name of the signal that ended a process."""
    number = os.WTERMSIG(status)
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
