"""What running a problem's tests takes, worked out once per problem: which calls, which inputs, which recordings."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from codegym.envs.execution import codec
from codegym.envs.execution.assertions import Assertion, plain_assertions
from codegym.envs.execution.control import CALLS, CALLS_TAG, LENGTH, MARSHAL, MODULE
from codegym.envs.execution.languages import python
from codegym.envs.execution.oracle import Oracle, record_oracles
from codegym.envs.execution.recording import foreseen_calls, leaves_nothing
from codegym.envs.execution.statements import Layout
from codegym.envs.execution.work import Dialogue, Run, Shared, Verdicts, framed
from codegym.envs.problems.problem import (
    CallTest,
    InProcessTest,
    OracleTest,
    Problem,
    ScriptTest,
    StdioTest,
    Test,
    TestSelection,
)

RECORDING_SECONDS = 30.0
ORACLE_SECONDS = 120.0
"""Processor time that references may take: those of MBPP+/392 and /599 need more than ten seconds."""
_BUSY = 5.0  # times as long by the wall clock, which runs on where others have the processor
_NO_LIMIT = 1 << 28


@dataclass
class Script:
    """A ScriptTest and what the reference was asked in it.

    Attributes:
        index: place among the problem's tests.
        task: what the referee needs, without kind, calls and answers.
        profile: of the referee.
        calls: foreseen or recorded calls; None where every call must be asked live.
        packed: the same as a candidate gets them.
        count: number of recorded calls.
        row: first row of its calls among all calls of the problem.
        assertions: what it asserts, where it is no more than plain assertions; then no referee is needed.
    """

    index: int
    task: dict[str, Any]
    profile: str
    calls: list[Any] | None = None
    packed: list[bytes] = field(default_factory=list)
    count: int = 0
    row: int = 0
    assertions: list[Assertion] | None = None

    @cached_property
    def key(self) -> str:
        """Of the referees that may be used for it."""
        text = _text(self.task)
        return "shared" if leaves_nothing(text) else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def frames(self) -> list[bytes]:
        """The calls as a referee gets them."""
        return [codec.encode(call, max_bytes=_NO_LIMIT) for call in self.calls or ()]


def _text(task: dict[str, Any]) -> str:
    """Everything that a referee runs for a script test."""
    return "\n".join((task["source"], task["setup"], task["prelude"]))


@dataclass
class Plan:
    """The tests of a problem, sorted by how they run.

    Attributes:
        problem: theirs.
        tests: all of them, in order.
        calls: indices of call tests that share a process.
        fresh: indices of call tests with a process of their own.
        stdio: indices of tests on standard input.
        scripts: script tests.
        in_process: indices of tests that share the interpreter.
        oracles: tests whose expected values are the reference's.
        encoded: for each call test its call, encoded.
        profile: of the zygotes that every program of this problem needs, whatever it imports.
        usual_imports: whether the usual imports are in scope.
        recording: what tells the calls of script and oracle tests; None where there are none. Whoever runs a program
            waits for it first.
        reference_seconds: processor time that the reference needs on this machine, None before it was measured.
    """

    problem: Problem
    tests: tuple[Test, ...]
    calls: list[int] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)
    stdio: list[int] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    in_process: list[int] = field(default_factory=list)
    oracles: list[Oracle] = field(default_factory=list)
    encoded: dict[int, bytes] = field(default_factory=dict)
    profile: str = "plain"
    usual_imports: bool = False
    recording: Shared | None = None
    reference_seconds: float | None = None

    @cached_property
    def shared_calls(self) -> list[bytes]:
        """The calls of the process that answers all of them: of scripts, then of oracle tests, then of call tests."""
        recorded = [call for script in self.scripts for call in script.packed]
        recorded += [call for oracle in self.oracles for call in oracle.packed]
        return recorded + [self.encoded[index] for index in self.calls]

    @cached_property
    def shared_tail(self) -> bytes | None:
        """The shared calls as a request ends with them, or None where not all are marshalled."""
        return _tail(self.shared_calls)


def make_plan(problem: Problem, selection: TestSelection) -> Plan:
    """Sort the tests of a problem by how they run."""
    plan = Plan(problem, problem.tests(selection))
    entry = problem.entry_point or ""
    for index, test in enumerate(plan.tests):
        if isinstance(test, CallTest):
            (plan.fresh if test.fresh else plan.calls).append(index)
            call = [entry, list(test.args), dict(test.kwargs), False]
            packed = plan.encoded[index] = _packed(call)
            if packed.startswith(b"[") and (b'"numpy"' in packed or b'"ndarray"' in packed):
                plan.profile = "numpy"
        elif isinstance(test, StdioTest):
            plan.stdio.append(index)
        elif isinstance(test, ScriptTest):
            plan.scripts.append(_script(problem, index, test))
        elif isinstance(test, InProcessTest):
            plan.in_process.append(index)
        elif isinstance(test, OracleTest):
            plan.oracles.append(Oracle(index, test, [_packed([entry, list(args), {}, False]) for args in test.inputs]))
    plan.usual_imports = bool(plan.calls or plan.fresh) and python.usual_imports(problem)
    if plan.scripts or plan.oracles:
        plan.recording = Shared(_record(plan))
    return plan


def _script(problem: Problem, index: int, test: ScriptTest) -> Script:
    task = {
        "source": test.source, "setup": test.setup, "prelude": problem.prelude, "entry": problem.entry_point or "",
        "tolerance": problem.tolerance,
    }  # fmt: skip
    return Script(index, task, python.profile(_text(task)))


def _record(plan: Plan) -> Generator[Any, Any, None]:
    """Run the reference once per script test and keep what it was asked, so that programs can be asked all at once."""
    row = 0
    for script in plan.scripts:
        source, entry = script.task["source"], script.task["entry"]
        script.assertions = plain_assertions(source, entry)
        if script.assertions is not None:
            calls: list[Any] | None = [assertion.call for assertion in script.assertions]
        else:
            calls = foreseen_calls(source, entry)
        if calls is None and plan.problem.references:
            task = {**script.task, "kind": "record", "answers": 0}
            run = Run(
                request=request(plan, plan.problem.references[0], [], 0, serve=True, seconds=RECORDING_SECONDS),
                seconds=_BUSY * RECORDING_SECONDS,
                cpu=RECORDING_SECONDS,
                limit=_NO_LIMIT,
                profile=python.profile(plan.problem.references[0]) if plan.profile == "plain" else plan.profile,
            )
            dialogue = Dialogue(
                [codec.encode(["referee", task], max_bytes=_NO_LIMIT)],
                _BUSY * RECORDING_SECONDS,
                script.profile,
                script.key,
                run,
            )
            result: Verdicts = yield dialogue
            if result.candidate is not None:
                plan.reference_seconds = max(plan.reference_seconds or 0.0, result.candidate.cpu)
            calls = _recorded(result)
        script.calls = calls
        script.packed = [_packed(call) for call in calls or ()]
        script.count = len(script.packed)
        script.row = row
        row += script.count
    yield from record_oracles(plan.oracles, lambda *what: _reference_run(plan, *what), _reference(plan))
    for oracle in plan.oracles:
        plan.reference_seconds = max(plan.reference_seconds or 0.0, oracle.seconds)
        oracle.row = row
        row += len(oracle.packed)
    vars(plan).pop("shared_calls", None)  # of before
    vars(plan).pop("shared_tail", None)


def _reference(plan: Plan) -> str | None:
    return plan.problem.references[0] if plan.problem.references else None


def _reference_run(plan: Plan, source: str, calls: list[bytes]) -> Run:
    return Run(
        request=request(plan, source, calls, 0, seconds=ORACLE_SECONDS),
        seconds=_BUSY * ORACLE_SECONDS,
        cpu=ORACLE_SECONDS,
        limit=_NO_LIMIT,
        profile=python.profile(source) if plan.profile == "plain" else plan.profile,
    )


def _recorded(result: Verdicts) -> list[Any] | None:
    if result.frame is None:
        return None
    try:
        _, verdict, _, calls = codec.decode(result.frame, max_bytes=_NO_LIMIT)
    except (codec.CodecError, ValueError):
        return None
    return calls if verdict == "PASS" and isinstance(calls, list) else None


def request(
    plan: Plan,
    source: str,
    calls: list[bytes],
    seed: int,
    *,
    coverage: int = 0,
    tracer: str = "none",
    layout: Layout | None = None,
    serve: bool = False,
    seconds: float | None = None,
) -> bytes:
    """Return the frame that makes a child run a program and answer calls; `seconds` is another limit of its time."""
    if not serve:
        tail = plan.shared_tail if calls is plan.shared_calls else _tail(calls)
        if tail is not None:
            marks, pads = (layout.marks, layout.pads) if layout else ((), ())
            record = marshal.dumps((coverage, tracer, marks, pads), MARSHAL) if coverage else b""
            return _calls_request(plan, source, record, len(calls), tail, seed, seconds)
    options = _options(plan, seed, coverage, tracer, layout, seconds)
    options |= {"name": MODULE, "usual_imports": plan.usual_imports, "serve": serve}
    return framed(marshal.dumps(("run", options, source, calls), MARSHAL))


def _tail(calls: list[bytes]) -> bytes | None:
    if not all(call.startswith(b"(") for call in calls):
        return None
    return b"".join([part for call in calls for part in (LENGTH.pack(len(call)), call)])


def _calls_request(
    plan: Plan, source: str, record: bytes, count: int, tail: bytes, seed: int, seconds: float | None
) -> bytes:
    limits, text = plan.problem.limits, source.encode("utf-8", "surrogatepass")
    head = CALLS.pack(
        CALLS_TAG, plan.usual_imports, 0, count, len(text), len(record), limits.memory_mb << 20, limits.output_bytes,
        seed, limits.seconds if seconds is None else seconds,
    )  # fmt: skip
    return framed(head + text + record + tail)


def stdio_request(
    plan: Plan,
    source: str,
    seed: int,
    *,
    coverage: int = 0,
    tracer: str = "none",
    layout: Layout | None = None,
    seconds: float | None = None,
) -> bytes:
    """Return the frame that makes a child run a program as a script."""
    options = _options(plan, seed, coverage, tracer, layout, seconds)
    options |= {"name": "__main__", "usual_imports": False, "serve": False}
    return framed(marshal.dumps(("stdio", options, source), MARSHAL))


def in_process_request(
    plan: Plan, source: str, test: str, nonce: str, seed: int, seconds: float | None = None
) -> bytes:
    """Return the frame that makes a child run a program together with its test."""
    options = _options(plan, seed, 0, "none", None, seconds) | {"name": MODULE, "usual_imports": False, "serve": False}
    return framed(marshal.dumps(("in_process", options, source, test, nonce), MARSHAL))


def _packed(call: list[Any]) -> bytes:
    """A call for a candidate: marshalled, which begins with a round bracket, or else written by the codec."""
    try:
        return marshal.dumps(tuple(call), MARSHAL)
    except ValueError:
        return codec.encode(call, max_bytes=_NO_LIMIT)


def _options(
    plan: Plan, seed: int, coverage: int, tracer: str, layout: Layout | None, seconds: float | None = None
) -> dict[str, Any]:
    limits = plan.problem.limits
    return {
        "memory": limits.memory_mb << 20, "cpu": limits.seconds if seconds is None else seconds,
        "output": limits.output_bytes, "seed": seed, "coverage": coverage, "tracer": tracer,
        "marks": layout.marks if layout else (), "pads": layout.pads if layout else (),
    }  # fmt: skip
