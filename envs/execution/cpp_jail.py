"""The judge's end of a spawner: starts executables behind the wall and waits for their ends. Safe between threads."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from codegym.envs.errors import InfrastructureError
from codegym.envs.execution import isolation, waiting

_MODULES: Final = ("seccomp", "landlock", "namespaces", "isolation", "spawner")
_PREFIX: Final = "codegym.envs.execution"
_START: Final = """
import sys, json, importlib.abc, importlib.util
config = json.loads(sys.stdin.buffer.read())
class Sources(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    sources = config.pop("modules")
    def find_spec(self, name, path=None, target=None):
        if name in self.sources:
            return importlib.util.spec_from_loader(name, self, is_package=self.is_package(name))
    def is_package(self, name):
        return not self.sources[name]
    def get_source(self, name):
        return self.sources[name]
sys.meta_path.insert(0, Sources())
from codegym.envs.execution import spawner
spawner.main(config)
"""
_START_SECONDS: Final = 60.0
_GRACE: Final = 10.0
_ANSWER: Final = 1.0
_PACKET: Final = 1 << 16


@dataclass(frozen=True)
class Exit:
    """How a process ended.

    Attributes:
        status: as of waitpid.
        seconds: processor time.
        denied: number of system calls refused.
        timed_out: it was killed at the wall limit.
        waited: seconds in which it wanted a core and had none, if it was killed there; None where nobody knows.
        lost: its spawner is gone: there is no result.
    """

    status: int = 0
    seconds: float = 0.0
    denied: int = 0
    timed_out: bool = False
    waited: float | None = None
    lost: bool = False


class Process:
    """A process behind the wall; `wait` must be called once."""

    def __init__(self, jail: Jail, number: int, end: int) -> None:
        self._jail, self._number, self._end = jail, number, end
        self._said = b""

    def kill(self) -> None:
        """Kill it; its end is told by `wait`."""
        self._jail.tell(["kill", self._number])

    def wait(self, deadline: float) -> Exit:
        """Wait for its end, kill it at the deadline (of `time.monotonic`)."""
        timed_out, waited = not self.ends_before(deadline), None
        if timed_out:
            waited = self.waited()
            self.kill()
        data = self._result()
        os.close(self._end)
        if not data:
            return Exit(lost=True)
        status, seconds, denied = json.loads(data)
        return Exit(status, seconds, denied, timed_out and os.WIFSIGNALED(status), waited)

    def _result(self) -> bytes:
        """What is said of its end, which is near; nothing where the spawner is gone."""
        while not (said := self._said.rpartition(b"\n")[2]):
            if not self.ends_before(time.monotonic() + _GRACE):
                self._jail.close()
            more = os.read(self._end, 4096)
            if not more:
                return b""
            self._said += more
        return said

    def waited(self) -> float | None:
        """Seconds in which it wanted a core and had none, while it lives; None: nobody knows."""
        self._jail.tell(["who", self._number])
        if self.ends_before(time.monotonic() + _ANSWER):
            self._said += os.read(self._end, 4096)
        number, newline, _ = self._said.partition(b"\n")
        return self._jail.waited(int(number)) if newline else None

    def ends_before(self, deadline: float) -> bool:
        """Wait for its end until the deadline; returns whether it came."""
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if poll.poll(max(0, int(left * 1000) + 1) if left > 0 else 0):
                return True
            if left <= 0:
                return False


class Jail:
    """One running spawner.

    Args:
        layers: names of the isolation layers to try.
        files: what its processes may see.
        compiles: they are compilers, which may write into their own folder.

    Raises:
        InfrastructureError: it does not start.
    """

    def __init__(self, layers: Sequence[str], files: isolation.Files, *, compiles: bool = False) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        folder = Path(__file__).parent
        modules = {"codegym": "", "codegym.envs": "", _PREFIX: ""}
        modules |= {f"{_PREFIX}.{name}": (folder / f"{name}.py").read_text(encoding="utf-8") for name in _MODULES}
        with other:
            self.process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-B", "-X", "utf8", "-c", _START],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[other.fileno()], env={}, cwd="/", start_new_session=True,
            )  # fmt: skip
            config = {
                "control": other.fileno(), "layers": list(layers), "files": dataclasses.asdict(files),
                "compiles": compiles, "modules": modules,
            }  # fmt: skip
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self.process.stdin as stdin:
            stdin.write(json.dumps(config).encode())
        self._control.settimeout(_START_SECONDS)
        try:
            kind, said = json.loads(self._control.recv(_PACKET) or b'["dead", "it ended before it was ready"]')
        except OSError as error:
            kind, said = "dead", str(error)
        if kind != "ready":
            self.close()
            raise InfrastructureError(f"The process that starts compilers and what they make did not start: {said}.")
        self.layers: list[dict[str, Any]] = said
        self._control.settimeout(None)

    def start(
        self,
        argv: Sequence[str],
        *,
        limits: Mapping[str, int],
        descriptors: Sequence[int],
        executable: int | None = None,
        path: str | None = None,
        folder: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """Start an executable: the file `path`, or the descriptor `executable`, of a file in memory.

        Args:
            argv: its arguments, its name included.
            limits: name of RLIMIT -> value, soft and hard.
            descriptors: become 0, 1, 2 (and 3).
            executable: instead of `path`.
            path: instead of `executable`.
            folder: where it works and may write.
            env: its environment; empty by default.
        """
        number = next(self._numbers)
        end, other = os.pipe2(os.O_CLOEXEC)
        order = {"path": path, "argv": list(argv), "env": dict(env or {}), "folder": folder, "limits": dict(limits)}
        try:
            self.tell(
                ["spawn", number, order],
                [other, *descriptors, *([executable] if executable is not None else [])],
            )
        finally:
            os.close(other)
        return Process(self, number, end)

    def tell(self, message: list[Any], descriptors: Sequence[int] = ()) -> None:
        """Send one packet; nothing happens where the spawner is gone, which the end of a process tells."""
        with self._lock, contextlib.suppress(OSError):
            socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))

    def waited(self, number: int) -> float | None:
        """Seconds in which a process wanted a core and had none, by its id behind the wall; None: nobody knows."""
        try:
            spawner = self.process.pid
            if self.processes() > 1:  # what was started waits for the one that serves
                (spawner,) = waiting.children(spawner)
            return waiting.waited(waiting.known_as(number, waiting.children(spawner)))
        except (OSError, ValueError):
            return None

    @property
    def alive(self) -> bool:
        """Whether the spawner runs."""
        return self.process.poll() is None

    def processes(self) -> int:
        """How many processes there should be while nothing runs: the spawner, and the one that waits for it."""
        said = next(layer for layer in self.layers if layer["name"] == "namespaces")
        some_refused = ": " in said["why"]  # then each refused one is named; without that of processes nobody waits
        return 1 + (said["on"] or (some_refused and "pid: " not in said["why"]))

    def close(self) -> None:
        """Kill the spawner with everything under it."""
        with self._lock:
            self._control.close()
        self.process.kill()
        self.process.wait()
