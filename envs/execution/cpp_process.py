"""One process of a C++ test behind the wall: started from memory, with its streams, its limits and its end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from typing import Final

from codegym.envs.execution.cpp_jail import Exit, Jail, Process
from codegym.envs.execution.timing import Clock
from codegym.envs.problems.problem import Limits

_WORDS: Final = 4096  # bytes kept of what a program writes to standard error


@dataclass
class Ran:
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


class Started:
    """A process behind the wall with its streams.

    Args:
        jail: starts it.
        executable: its content.
        limits: of memory and output.
        clock: of processor and wall time.
        stdin: its standard input; None: nothing, and what it prints is not read.
        channel: descriptor 3, or None.
    """

    def __init__(
        self, jail: Jail, executable: bytes, limits: Limits, clock: Clock, stdin: bytes | None, channel: int | None
    ) -> None:
        self.limits, self.clock = limits, clock
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
                    "RLIMIT_CPU": int(clock.seconds) + 2, "RLIMIT_AS": limits.memory_mb << 20, "RLIMIT_FSIZE": 0,
                    "RLIMIT_NOFILE": 32, "RLIMIT_MSGQUEUE": 0, "RLIMIT_MEMLOCK": 0,
                },
            )  # fmt: skip
        finally:
            for descriptor in {null, program, given, words, printed}:
                os.close(descriptor)

    def wait(self, seconds: float | None = None) -> Ran:
        """Wait for its end, at most for its limit or `seconds` from now, and read what it printed as it comes."""
        deadline = self.began + self.clock.wall if seconds is None else time.monotonic() + seconds
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
        return Ran(end, words.decode("utf-8", "replace"), bytes(self.output), self.flooded, b"", took)

    def read(self) -> None:
        """Take what it has printed so far."""
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
