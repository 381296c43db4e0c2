"""Reads what came out of a program's process: its answers, how it failed, why it died. Nothing of it is trusted."""

from __future__ import annotations

import os
import signal
from typing import Any, Final

from codegym.envs.execution import codec
from codegym.envs.execution.outcome import Span, Verdict
from codegym.envs.execution.work import Ended, Verdicts

MESSAGE: Final = 500
"""Characters of a message for people."""

_SIGNALS: Final = {found.value: found.name for found in signal.Signals}
_MEMORY_ERRORS: Final = {"MemoryError", "_ArrayMemoryError"}


def is_answer(frame: bytes) -> bool:
    """Whether a program answers a call by this: the others tell of its statements, or how it failed."""
    return not frame.startswith((b'["statements"', b'["failed"'))


def answers_of(end: Ended, calls: int) -> list[bytes]:
    """What a program answered to its calls; it had not answered the last one when it was stopped, whatever it said."""
    frames = [frame for frame in end.frames if is_answer(frame)]
    return frames[: calls - 1] if end.timed_out else frames


def read_answer(data: bytes, most: int) -> tuple[Verdict, str] | list[Any]:
    """The value of an answer of at most so many bytes, in a list; or the verdict of an answer that is none."""
    try:
        answer = codec.decode(data, max_bytes=most)
        kind = answer[0]
        if kind == "error":
            return error_verdict(str(answer[1]), str(answer[2]))
        return [answer[1]] if kind == "value" else (Verdict.OUTPUT, "the answer is too large")
    except (codec.CodecError, LookupError, TypeError):
        return Verdict.OUTPUT, "the answer cannot be read"


def announced_statements(end: Ended) -> tuple[Span, ...] | None:
    """The spans a child announced before it ran the program; not believed where they make no sense."""
    if not end.frames or not end.frames[0].startswith(b'["statements"'):
        return None
    try:
        ends = codec.decode(end.frames[0], max_bytes=1 << 26)[1]
        if not all(type(place) is int for place in ends):
            return None
        return tuple(zip(ends[::2], ends[1::2], strict=True))
    except (codec.CodecError, LookupError, TypeError, ValueError):
        return None


def failure_of(end: Ended) -> tuple[str, str, str] | None:
    """Stage, text and exception type of a "failed" message."""
    for frame in end.frames[:1] + end.frames[1:][-1:]:
        if frame.startswith(b'["failed"'):
            try:
                _, stage, name, message = codec.decode(frame)
                return str(stage), f"{name}: {message}"[:MESSAGE], str(name)
            except (codec.CodecError, ValueError, TypeError):
                return "run", "an unreadable failure", ""
    return None


def text_of(frame: bytes) -> str:
    """What a message says for people, or ""."""
    try:
        return str(codec.decode(frame)[1])[:MESSAGE]
    except (codec.CodecError, LookupError, TypeError):
        return ""


def error_verdict(name: str, message: str) -> tuple[Verdict, str]:
    """The verdict on an exception, by the name of its type."""
    return (Verdict.MEMORY if name in _MEMORY_ERRORS else Verdict.ERROR), f"{name}: {message}"


def death_verdict(end: Ended) -> tuple[Verdict, str]:
    """Why a program ended without an answer."""
    if end.lost:
        return Verdict.INFRA, "the machine failed"
    if end.timed_out:
        return Verdict.TIMEOUT, f"did not end within the limit, stopped after {end.seconds:.1f} s"
    if end.flooded:
        return Verdict.OUTPUT, "said more than its limit"
    failure = failure_of(end)
    if failure is not None:
        stage, message, name = failure
        if stage == "output":
            return Verdict.OUTPUT, "printed more than its limit"
        return (Verdict.MEMORY if name in _MEMORY_ERRORS else Verdict.ERROR), message
    if os.WIFSIGNALED(end.status):
        return _signal_verdict(os.WTERMSIG(end.status), end)
    return Verdict.ERROR, f"ended with status {os.waitstatus_to_exitcode(end.status)} before it had answered"


def _signal_verdict(number: int, end: Ended) -> tuple[Verdict, str]:
    name = _SIGNALS.get(number, f"signal {number}")
    if number == signal.SIGXCPU:
        return Verdict.TIMEOUT, "used up its processor time"
    if number == signal.SIGSYS or (number == signal.SIGKILL and end.denied):
        return Verdict.POLICY, f"killed by {name}"
    if number == signal.SIGKILL:
        return Verdict.MEMORY, "killed by the system, as it is when memory is out"
    return Verdict.ERROR, f"killed by {name}"


def referee_verdict(said: Verdicts) -> tuple[Verdict | None, str]:
    """The verdict of a referee; None where it lacks an answer of the candidate."""
    if said.lost:
        return Verdict.INFRA, "the machine failed"
    if said.timed_out:
        return Verdict.TIMEOUT, "the test did not end in time"
    if said.frame is None:
        return Verdict.ERROR, "the test died over the answers"
    try:
        _, name, message, _ = codec.decode(said.frame, max_bytes=1 << 28)
        return (None, "") if name == "ABSENT" else (Verdict(name), str(message))
    except (codec.CodecError, ValueError, TypeError):
        return Verdict.ERROR, "the referee said nothing readable"


def short(value: Any) -> str:
    """A bounded picture of a value for people; never formats long integers (quadratic, or refused)."""
    if type(value) is int and value.bit_length() > 2000:
        return f"an integer of {value.bit_length()} bits"
    if type(value) is str:
        return repr(value[:80]) + ("..." if len(value) > 80 else "")
    if isinstance(value, list | tuple | set | frozenset | dict) and len(value) > 50:
        return f"a {type(value).__name__} of {len(value)} items"
    try:
        return repr(value)[:200]
    except ValueError:  # a long integer inside
        return f"a {type(value).__name__}"
