"""What the judge asks of the engine, and what it gets back: runs of programs and dialogues with referees, as values."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from codegym.envs.execution.control import LENGTH


@dataclass(eq=False)
class Ended:
    """How a program's process ended.

    Attributes:
        frames: what it said on its channel.
        output: what it wrote to standard output.
        status: as of waitpid.
        timed_out: it was killed at the wall limit.
        flooded: it was killed because it said more than its limit.
        denied: number of refused system calls.
        killed: number of processes it left behind.
        coverage: the bytes of the shared memory.
        seconds: wall time.
        cpu: processor time.
        waited: seconds in which it wanted a core and had none, of one that was stopped at the wall limit; None where
            that cannot be known.
        lost: the machine failed twice: there is no result.
    """

    frames: list[bytes] = field(default_factory=list)
    output: bytes = b""
    status: int = 0
    timed_out: bool = False
    flooded: bool = False
    denied: int = 0
    killed: int = 0
    coverage: bytes = b""
    seconds: float = 0.0
    cpu: float = 0.0
    waited: float | None = None
    lost: bool = False


@dataclass(eq=False)
class Run:
    """One program to run in a child of its own.

    Attributes:
        request: frames to send, encoded with their lengths.
        seconds: wall limit.
        limit: most bytes that it may say.
        profile: which zygotes can run it.
        coverage: size of the shared memory for coverage, 0 for none.
        stdin: bytes of standard input, or None for a program that answers calls.
        cpu: processor time after which the kernel stops it, where that is less than `seconds`.
        settles: asked about all that it has said while it runs on: whether that decides everything, so that it can be
            stopped.
    """

    request: bytes
    seconds: float
    limit: int
    profile: str = "plain"
    coverage: int = 0
    stdin: bytes | None = None
    cpu: float = float("inf")
    settles: Callable[[bytearray], bool] | None = None


@dataclass(eq=False)
class Dialogue:
    """A referee's task, with the candidate that it may question.

    Attributes:
        frames: the task for the referee.
        seconds: wall limit of the referee.
        profile: which zygotes have a referee that can do it.
        key: a referee is used again for tasks with the same key.
        candidate: runs beside it and answers its questions, or None.
    """

    frames: list[bytes]
    seconds: float
    profile: str
    key: str
    candidate: Run | None = None


@dataclass(eq=False)
class Verdicts:
    """How a dialogue ended.

    Attributes:
        frame: the referee's last word, or None.
        timed_out: the referee was killed at its wall limit.
        candidate: how the candidate ended.
        lost: the machine failed twice.
    """

    frame: bytes | None = None
    timed_out: bool = False
    candidate: Ended | None = None
    lost: bool = False


Work = Generator[Any, Any, Any]


@dataclass(eq=False)
class Shared:
    """Work that several others wait for: done once, when the first of them asks.

    Attributes:
        work: what is to be done; what it returns is nobody's.
        ended: it is done.
        waiting: what to call then; nobody while nobody has asked.
    """

    work: Work
    ended: bool = False
    waiting: list[Callable[[], None]] = field(default_factory=list)


def framed(message: bytes) -> bytes:
    """Return a message with its length before it."""
    return LENGTH.pack(len(message)) + message


def complete_frames(data: bytearray, start: int = 0) -> tuple[list[bytes], int]:
    """The messages that are there as a whole from `start` on, and where the next one begins."""
    frames, start, size = [], start + LENGTH.size, len(data)
    with memoryview(data) as view:
        while start <= size:
            end = start + LENGTH.unpack_from(view, start - LENGTH.size)[0]
            if end > size:
                break
            frames.append(bytes(view[start:end]))
            start = end + LENGTH.size
    return frames, start - LENGTH.size
