"""The judge's end of one zygote: how it is started, told to fork, and followed."""

from __future__ import annotations

import contextlib
import functools
import marshal
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, Final

from codegym.envs.errors import InfrastructureError
from codegym.envs.execution import codec, fork_server, waiting
from codegym.envs.execution.control import ENDED, FORK, FORK_HEADER, KILL, MARSHAL, NUMBER
from codegym.envs.execution.work import complete_frames

PACKAGES: Final = {"plain": (), "numpy": ("numpy",), "coverage": ("coverage",)}
"""Profiles of zygotes, and what installed packages each has imported."""

_MODULES: Final = (
    "codec", "channel", "control", "statements", "coverage", "seccomp", "landlock", "namespaces", "isolation",
    "usual", "candidate", "comparison", "stand_in", "referee", "zygote",
)  # fmt: skip
_PREFIX: Final = "codegym.envs.execution"
_START: Final = """
import gc, sys
gc.disable()  # what is imported stays; zygote.main turns it on again
helper = None
if sys.argv[1]:  # loaded already, before the interpreter
    import ctypes
    helper = ctypes.PyDLL(sys.argv[1])
import os, marshal
from importlib.machinery import ModuleSpec
register, os.register_at_fork = os.register_at_fork, lambda **_: None
import random  # which would reseed itself in every child; a child is seeded by its job
os.register_at_fork = register
config = marshal.loads(sys.stdin.buffer.read())
import site
if config["packages"]:  # else nothing installed is found, and what installed packages run at start does not run
    site.main()
else:
    site.setquit()  # many programs end by exit() or quit()
class Sources:  # not importlib.abc, which imports three compression libraries
    sources = config.pop("modules")
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return ModuleSpec(name, cls, is_package=not cls.sources[name]) if name in cls.sources else None
    @staticmethod
    def create_module(spec):
        return None
    @classmethod
    def exec_module(cls, module):
        found = cls.sources[module.__name__]
        if isinstance(found, str):
            found = compile(found, f"<{module.__name__}>", "exec", dont_inherit=True)
        else:
            found = marshal.loads(found)
        exec(found, vars(module))
sys.meta_path.insert(0, Sources)
from codegym.envs.execution import zygote
zygote.main(config, helper)
"""
START_SECONDS: Final = 60.0
_LEAST_WAIT: Final = 0.01  # for what is there already
_NOT_STARTED: Final = "The process that runs programs did not start"
_PACKET: Final = 1 << 18
_PART: Final = 1 << 16


@functools.cache
def _modules(compiled: bool) -> dict[str, Any]:
    """The zygote's modules by name: their sources, or their marshalled code for the interpreter that we run in."""
    names = [f"{_PREFIX}.{name}" for name in _MODULES]
    loaders = [SourceFileLoader(name, str(Path(__file__).with_name(f"{name.rsplit('.')[-1]}.py"))) for name in names]
    read = [marshal.dumps(one.get_code(one.name)) if compiled else one.get_source(one.name) or "" for one in loaders]
    return dict.fromkeys(("codegym", "codegym.envs", _PREFIX), "") | dict(zip(names, read, strict=True))


@dataclass(eq=False)
class Child:
    """A process forked ahead by a zygote, as the judge sees it.

    Attributes:
        number: its name on the control socket.
        socket: the judge's end of its channel, non-blocking.
        zygote: its parent.
        received: bytes that arrived and are not yet taken.
        outgoing: bytes that did not fit into the socket yet.
        ended: (number, status, cpu seconds, max rss in KiB, killed, denied) once it is gone.
    """

    number: int
    socket: socket.socket
    zygote: ZygoteServer
    received: bytearray = field(default_factory=bytearray)
    outgoing: bytes = b""
    ended: tuple[int, int, float, int, int, int] | None = None

    def take_frames(self) -> list[bytes]:
        """Return the complete frames received so far."""
        frames, end = complete_frames(self.received)
        del self.received[:end]
        return frames

    def read(self, limit: int) -> bool:
        """Read what is there, up to `limit` bytes waiting; returns whether the other end is still open."""
        while len(self.received) <= limit:
            try:
                data = self.socket.recv(_PART)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            self.received += data
            if len(data) < _PART:  # there is no more now
                return True
        return True


class ZygoteServer:
    """One running zygote.

    Args:
        profile: key of PACKAGES.
        python: the interpreter that runs candidates.
        layers: names of the isolation layers to try.
        core: the only one that it and its programs may use, or None.

    Raises:
        InfrastructureError: the system has no room for another process.
    """

    def __init__(self, profile: str, python: str, layers: Sequence[str], core: int | None = None) -> None:
        self.profile = profile
        self.started_as = profile, python, tuple(layers), core
        self.waiting: deque[Child] = deque()  # forked ahead as candidates, without a program yet
        self.running: deque[Any] = deque()  # candidates in the order in which they run
        self.children: dict[int, Child] = {}
        self.layers: list[dict[str, Any]] = []
        self._next = 0
        self.control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            config = {
                "control": other.fileno(), "profile": profile, "layers": list(layers), "packages": PACKAGES[profile],
                "core": core, "modules": _modules(python == sys.executable),
            }  # fmt: skip
            given = os.memfd_create("config", os.MFD_CLOEXEC)  # a pipe would have to wait until the interpreter reads
            with open(given, "wb", closefd=False) as file:
                file.write(marshal.dumps(config, MARSHAL))
            os.lseek(given, 0, os.SEEK_SET)
            helper = fork_server.library()
            preloaded = {"LD_PRELOAD": helper, "LD_BIND_NOW": "1", "CODEGYM_ZYGOTE": "1"} if helper else {}
            try:
                # As -I, but for the environment, which is ours: it fixes the hash seed.
                self.process = subprocess.Popen(
                    [python, "-S", "-s", "-P", "-B", "-X", "utf8", "-c", _START, helper],
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[other.fileno()],
                    env={"PYTHONHASHSEED": "0"} | preloaded,
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                self.control.close()
                raise InfrastructureError(f"{_NOT_STARTED}: {error.strerror or error}.") from None
            finally:
                os.close(given)

    def await_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until the zygote serves, not longer than so many seconds.

        Raises:
            InfrastructureError: it does not start.
        """
        self.control.settimeout(max(seconds, _LEAST_WAIT))
        try:
            data = self.control.recv(_PACKET)
            kind, content = codec.decode(data) if data else ("dead", "it ended before it was ready")
        except (OSError, codec.CodecError) as error:
            kind, content = "dead", str(error)
        if kind != "ready":
            self.close()
            raise InfrastructureError(f"{_NOT_STARTED}: {content}.")
        assert isinstance(content, list)
        self.layers = content
        self.control.setblocking(False)

    def fork(self, count: int, role: str) -> list[Child]:
        """Ask for children; they wait for their first message. Raises OSError if the zygote is gone."""
        made, theirs = [], []
        for _ in range(count):
            mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            mine.setblocking(False)
            made.append(Child(self._next, mine, self))
            theirs.append(other)
            self._next += 1
        message = FORK_HEADER.pack(FORK[role], count) + b"".join(NUMBER.pack(child.number) for child in made)
        try:
            socket.send_fds(self.control, [message], [other.fileno() for other in theirs])
        except OSError:
            for child in made:
                child.socket.close()
            raise
        finally:
            for other in theirs:
                other.close()
        self.children.update((child.number, child) for child in made)
        return made

    def kill(self, child: Child) -> None:
        """Kill one child; its end is reported as every other."""
        with contextlib.suppress(OSError):
            self.control.send(FORK_HEADER.pack(KILL, 1) + NUMBER.pack(child.number))

    def waited(self, child: Child) -> float | None:
        """Seconds in which a child wanted a core and had none; None where that cannot be known."""
        try:
            forks = self.process.pid
            if any(layer["name"] == "namespaces" and layer["on"] for layer in self.layers):
                (forks,) = waiting.children(forks)  # what was started waits for the one that serves
            there = waiting.children(forks)
        except (OSError, ValueError):
            return None
        if len(there) != len(self.children):  # one is gone or not there yet, so that nobody knows who is who
            return None
        return waiting.waited(there[list(self.children).index(child.number)])

    def ends(self) -> list[Child] | None:
        """Return the children that ended since the last call, or None if the zygote itself is gone."""
        found: list[Child] = []
        while True:
            try:
                data = self.control.recv(_PACKET)
                if not data:
                    return None
            except BlockingIOError:
                return found
            except OSError:
                return None
            for entry in ENDED.iter_unpack(data):
                child = self.children.pop(entry[0])
                child.ended = entry
                found.append(child)

    def close(self) -> None:
        """Kill the zygote with everything under it, and wait for its end."""
        self.end()
        self.process.wait()

    def end(self) -> None:
        """Kill the zygote with everything under it."""
        self.control.close()
        for child in self.children.values():
            child.socket.close()
        self.process.kill()


def own_core(place: int, count: int) -> int | None:
    """The core for one of `count` zygotes, or None where some cores would stay idle.

    A program starts where the one before it has ended. Left to the kernel, it often waits on another core behind the
    judge or its neighbour while this one does nothing: 4 % of a batch (measured on two cores, Linux 6.18).
    """
    cores = sorted(os.sched_getaffinity(0))
    return cores[place % len(cores)] if count >= len(cores) else None


def interpreter(python: str | None) -> str:
    """The interpreter for candidates: the given one, else ours."""
    return os.path.abspath(python) if python and os.sep in python else python or sys.executable
