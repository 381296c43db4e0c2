"""C++ programs against the tests of their problems: compiled, run and judged, many at a time.

A ScriptTest runs as two processes: the test, which holds the expected values, and the program, which answers calls over
a channel of its own (languages/cpp.py). A StdioTest runs the program alone, and its output is compared here. Where the
types of the entry point cannot travel, or a test asks for it, both are linked together: trust "in-process".
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from codegym.envs.errors import IsolationError, OptionError
from codegym.envs.execution import comparison, isolation
from codegym.envs.execution.cpp_compiler import Built, Compiler, default_cache
from codegym.envs.execution.cpp_jail import Exit, Jail, Process
from codegym.envs.execution.cpp_toolchain import find_toolchain
from codegym.envs.execution.languages import cpp, python
from codegym.envs.execution.outcome import Job, Outcome, TestResult, Verdict
from codegym.envs.problems.problem import CallTest, InProcessTest, Limits, ScriptTest, StdioTest, Test

_MESSAGE: Final = 500
_WORDS: Final = 4096  # bytes kept of what a program writes to standard error
_FAULTS: Final = {Verdict.ERROR, Verdict.WRONG}
_ATTEMPTS: Final = 2
_WORD: Final = 32
_GONE: Final = ("it ended before it had answered", "the answer cannot be read", "the answer is too large")

Said = tuple[Verdict, str]


@dataclass
class _Ran:
    """How one process of a test ended.

    Attributes:
        end: of the process.
        words: the first bytes of its standard error.
        output: what it printed, where that is kept.
        flooded: it printed more than its limit.
        proof: what it said on its channel.
        seconds: wall time.
    """

    end: Exit
    words: str = ""
    output: bytes = b""
    flooded: bool = False
    proof: bytes = b""
    seconds: float = 0.0


class _Lost(Exception):
    """The spawner of a process died."""


class CppEngine:
    """Compiles, runs and judges C++ programs.

    Args:
        workers: programs at a time.
        layers: isolation layers to try.
        min_layers: refuse to run with fewer isolation layers than this.

    Raises:
        OptionError: this machine has no C++ compiler.
    """

    def __init__(self, workers: int, layers: Sequence[str], min_layers: int = 0) -> None:
        self.toolchain = find_toolchain()
        self._workers, self._layers, self._min_layers = workers, tuple(layers), min_layers
        self._compiler = Compiler(self.toolchain, layers, default_cache())
        self._lock = threading.Lock()
        self._jail: Jail | None = None

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs and return their outcomes in the same order.

        Raises:
            OptionError: a test of a kind that C++ problems cannot have.
            IsolationError: the machine offers fewer layers than `min_layers`.
            InfrastructureError: the processes that compile or run programs do not start.
        """
        for job in jobs:
            _check(job)
        if self.level() < self._min_layers:
            raise IsolationError(
                f"This machine reaches isolation layer {self.level()} for C++ programs, "
                f"{self._min_layers} are asked for."
            )
        with ThreadPoolExecutor(self._workers, thread_name_prefix="cpp") as pool:
            return list(pool.map(self._judge, jobs))

    def layers(self) -> list[dict[str, Any]]:
        """The isolation layers of the programs."""
        return self._started().layers

    def level(self) -> int:
        """The highest isolation layer in force for programs."""
        return isolation.level(self.layers())

    def processes(self) -> int:
        """How many processes there should be while nothing runs."""
        return self._compiler.processes() + (self._jail.processes() if self._jail is not None else 0)

    @property
    def statistics(self) -> dict[str, float]:
        """Texts compiled, texts found in the cache, and seconds of compiling."""
        return dict(self._compiler.statistics)

    def close(self) -> None:
        """End every process."""
        self._compiler.close()
        with self._lock:
            if self._jail is not None:
                self._jail.close()
                self._jail = None

    # One job

    def _judge(self, job: Job) -> Outcome:
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(_Lost):
                return _Trial(job, self._compiler, self._started(), self.level()).outcome()
        return Outcome(Verdict.INFRA, tests_total=len(job.problem.tests(job.tests)), message="the machine failed twice")

    def _started(self) -> Jail:
        with self._lock:
            if self._jail is not None and not self._jail.alive:
                self._jail.close()
                self._jail = None
            if self._jail is None:
                self._jail = Jail(self._layers, isolation.Files(execute=(self.toolchain.loader,)))
            return self._jail


def _check(job: Job) -> None:
    tests = job.problem.tests(job.tests)
    if any(isinstance(test, CallTest) for test in tests):
        raise OptionError(f"{job.problem.uri}: a C++ problem takes script, stdio and in-process tests, no call tests.")
    if job.problem.entry_point is None and not all(isinstance(test, StdioTest) for test in tests):
        raise OptionError(f"{job.problem.uri}: tests that call a C++ program need an entry point.")


class _Trial:
    """One program on its way through its tests."""

    def __init__(self, job: Job, compiler: Compiler, jail: Jail, level: int) -> None:
        self.job, self.compiler, self.jail, self.level = job, compiler, jail, level
        self.limits = job.problem.limits
        self.entry = cpp.signature(job.problem)
        self.prelude = job.problem.prelude if job.problem.starter else ""
        self.denied = 0
        self.trust: Any = "isolated"
        self.seconds = 0.0

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
        failed = next((result for result in results if result.verdict is not Verdict.PASS), None)
        return Outcome(
            verdict=failed.verdict if failed else Verdict.PASS, tests=tuple(results), tests_total=len(results),
            message=failed.message if failed else "", policy=self.denied > 0, trust=self.trust, level=self.level,
            seconds=self.seconds,
        )  # fmt: skip

    def not_compiled(self, message: str, total: int) -> Outcome:
        return Outcome(
            Verdict.COMPILE, tests_total=total, message=message[:_MESSAGE], level=self.level, trust=self.trust
        )

    def result_of(self, test: Test) -> TestResult | Built:
        """The result of one test, or why the program does not compile."""
        if isinstance(test, StdioTest):
            found = self.stdio(test)
        elif isinstance(test, InProcessTest):
            found = self.linked(test.source)
        else:
            assert isinstance(test, ScriptTest)
            found = self.script(f"{test.setup}\n{test.source}" if test.setup else test.source)
        if isinstance(found, Built):
            return found
        (verdict, message), ran = found
        self.denied += ran.end.denied
        self.seconds += ran.seconds
        if ran.end.denied and verdict in _FAULTS:
            verdict = Verdict.POLICY
        return TestResult(verdict, message[:_MESSAGE], None, ran.seconds)

    # Kinds of test

    def stdio(self, test: StdioTest) -> Built | tuple[Said, _Ran]:
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

    def script(self, source: str) -> Built | tuple[Said, _Ran]:
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

    def dialogue(self, test: bytes, program: bytes) -> tuple[Said, _Ran]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            answering = self.start(program, self.limits, channel=theirs.fileno())
            asking = self.start(test, Limits(self.limits.seconds, 1024), channel=ours.fileno())
        asked = asking.wait()
        if not asked.end.lost and not os.WIFEXITED(asked.end.status):
            answering.process.kill()
        ran = answering.wait(1.0)
        if asked.end.lost or ran.end.lost:
            raise _Lost
        return self.test_says(asked, ran), ran

    def test_says(self, asked: _Ran, ran: _Ran) -> Said:
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
            return Verdict.WRONG, _assertion(asked.words)
        return Verdict.ERROR, f"the test died over the answers ({_signal(status)})"

    def linked(self, source: str) -> Built | tuple[Said, _Ran]:
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
                raise _Lost
            ours.settimeout(0)
            with contextlib.suppress(OSError):
                ran.proof = ours.recv(2 * _WORD)
        if ran.proof == word:
            return (Verdict.PASS, ""), ran
        aborted = os.WIFSIGNALED(ran.end.status) and os.WTERMSIG(ran.end.status) == signal.SIGABRT
        if aborted and "std::bad_alloc" not in ran.words:  # who threw it, test or program, cannot be told
            return (Verdict.WRONG, _assertion(ran.words)), ran
        return self.death(ran), ran

    def program_alone(self) -> Built:
        if self.job.problem.entry_point is None:
            return self.compiler.executable(self.job.program, "2")
        return self.compiler.object_file(cpp.candidate(self.job.program, self.entry), "0")

    # Processes

    def execute(self, executable: bytes, *, stdin: bytes) -> _Ran:
        ran = self.start(executable, self.limits, stdin=stdin).wait()
        if ran.end.lost:
            raise _Lost
        return ran

    def start(
        self, executable: bytes, limits: Limits, *, stdin: bytes | None = None, channel: int | None = None
    ) -> _Started:
        return _Started(self.jail, executable, limits, stdin, channel)

    def death(self, ran: _Ran) -> Said:
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
        if number == signal.SIGXCPU or (number == signal.SIGKILL and ran.end.seconds >= self.limits.seconds):
            return Verdict.TIMEOUT, "used up its processor time"
        if number == signal.SIGSYS or (number == signal.SIGKILL and ran.end.denied):
            return Verdict.POLICY, f"killed by {_signal(status)}"
        if number == signal.SIGKILL:
            return Verdict.MEMORY, "killed by the system, as it is when memory is out"
        return Verdict.ERROR, f"killed by {_signal(status)}" + (f": {_first(ran.words)}" if ran.words else "")


class _Started:
    """A process behind the wall with its streams."""

    def __init__(self, jail: Jail, executable: bytes, limits: Limits, stdin: bytes | None, channel: int | None) -> None:
        self.limits = limits
        self.output = bytearray()
        self.flooded = False
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        program = _in_memory("program", executable)
        given = _in_memory("stdin", stdin) if stdin is not None else null
        self.words, words = _pipe(drops=True)
        self.printed, printed = _pipe() if stdin is not None else (-1, null)
        descriptors = [given, printed, words] + ([channel] if channel is not None else [])
        self.began = time.monotonic()
        try:
            self.process: Process = jail.start(
                ["program"], executable=program, descriptors=descriptors,
                limits={
                    "RLIMIT_CPU": int(limits.seconds) + 2, "RLIMIT_AS": limits.memory_mb << 20, "RLIMIT_FSIZE": 0,
                    "RLIMIT_NOFILE": 32, "RLIMIT_MSGQUEUE": 0, "RLIMIT_MEMLOCK": 0,
                },
            )  # fmt: skip
        finally:
            for descriptor in {null, program, given, words, printed}:
                os.close(descriptor)

    def wait(self, seconds: float | None = None) -> _Ran:
        """Wait for its end, at most for its limit or `seconds` from now, and read what it printed as it comes."""
        deadline = self.began + self.limits.seconds if seconds is None else time.monotonic() + seconds
        if self.printed >= 0:
            while not self.process.ends_before(min(deadline, time.monotonic() + 0.002)) and not self.flooded:
                self.read()
                if time.monotonic() >= deadline:
                    break
            if self.flooded:
                self.process.kill()
        end = self.process.wait(deadline)
        took = time.monotonic() - self.began
        if self.printed >= 0:
            self.read()
            os.close(self.printed)
        words = b""
        with contextlib.suppress(BlockingIOError):
            words = os.read(self.words, _WORDS)
        os.close(self.words)
        return _Ran(end, words.decode("utf-8", "replace"), bytes(self.output), self.flooded, b"", took)

    def read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.printed, 1 << 16):
                self.output += data
                if len(self.output) > self.limits.output_bytes:
                    self.flooded = True
                    return


def _pipe(*, drops: bool = False) -> tuple[int, int]:
    """A pipe that we never wait for; if it `drops`, neither does who writes: what does not fit is lost."""
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(ours, False)
    os.set_blocking(theirs, not drops)
    return ours, theirs


def _in_memory(name: str, content: bytes) -> int:
    """A read-only file in memory, at its beginning."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def _assertion(words: str) -> str:
    """What a test said when it aborted: a failed assertion, or an exception that nobody caught."""
    for line in words.splitlines():
        if "Assertion" in line:
            return line.partition("Assertion ")[2].strip()
        if "what():" in line:
            return line.partition("what():")[2].strip()
    return "the test aborted"


def _first(words: str) -> str:
    """An uncaught exception as one line."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    if lines and "instance of '" in lines[0]:
        kind = lines[0].partition("instance of '")[2].rstrip("'")
        what = next((line.partition("what():")[2].strip() for line in lines if "what():" in line), "")
        return f"{kind}: {what}" if what else kind
    return lines[0] if lines else ""


def _signal(status: int) -> str:
    number = os.WTERMSIG(status)
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
