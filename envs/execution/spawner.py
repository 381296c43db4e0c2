"""Starts executables, jailed: compilers and what they made. This is behind the wall; `cpp_jail` is the judge's end.

Started once as an isolated interpreter with the sources of the modules it needs on standard input, as a zygote is. It
enters the layers that last (`isolation.enter_zygote`), then forks and executes what it is told: each process gets its
own limits, system-call filter and, where it may write, a Landlock domain that holds nothing but its own folder. None of
them can start another process.

Control (SOCK_SEQPACKET, JSON): judge to spawner
    ["spawn", number, order]    attached: a pipe for the end, then the descriptors 0, 1, 2 (and 3) of the process, then,
                                if order["path"] is null, the executable itself (a file in memory)
        order: path, argv, env, folder (where it works and may write, or null), limits {name of RLIMIT: value}
    ["kill", number]
    ["who", number]             its process id, as it is here, on its pipe: a number, and a newline
Control: spawner to judge
    ["ready", layers] or ["dead", message], once
On the pipe for the end: [status as of waitpid, processor seconds, number of system calls refused], once.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from codegym.envs.execution import isolation, landlock, seccomp

_PACKET: Final = 1 << 17
_MAX_DESCRIPTORS: Final = 8
_HIGH: Final = 200  # where descriptors wait while 0 to 3 are filled
_MAX_DENIED: Final = 1000
# What a compiler does beyond a program: numbers on x86-64 and aarch64. It changes files only where Landlock lets it.
_COMPILER_CALLS: Final = {
    "pwrite64": (18, 68), "msync": (26, 227), "ftruncate": (77, 46), "rename": (82, None), "unlink": (87, None),
    "chmod": (90, None), "fchmod": (91, 52), "umask": (95, 166), "setrlimit": (160, 164), "fadvise64": (221, 223),
    "unlinkat": (263, 35), "renameat": (264, 38), "fchmodat": (268, 53), "fallocate": (285, 47),
    "renameat2": (316, 276), "copy_file_range": (326, 285),
}  # fmt: skip


def main(config: dict[str, Any]) -> NoReturn:
    """Become a spawner.

    Args:
        config: "control" (descriptor), "layers" (names to try), "files" (fields of `isolation.Files`), "compiles"
            (what it starts are compilers, which write).
    """
    control = socket.socket(fileno=config["control"])
    try:
        null = os.open("/dev/null", os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        os.environ.clear()
        files = isolation.Files(**{name: tuple(paths) for name, paths in config["files"].items()})
        layers = isolation.enter_zygote(config["layers"], extra=files)
        importlib.import_module("encodings.idna")  # nothing is imported in a child
        on = {layer["name"] for layer in layers if layer["on"]}
        gc.collect()
        gc.freeze()
        spawner = _Spawner(control, files, on, compiles=config["compiles"])
        control.send(json.dumps(["ready", layers]).encode())
    except Exception as error:
        control.send(json.dumps(["dead", f"{type(error).__name__}: {error}"]).encode())
        os._exit(1)
    spawner.serve()


@dataclass
class _Process:
    """A process that is not reaped yet.

    Attributes:
        number: what the judge calls it.
        pid: its process id.
        pidfd: readable when it is dead.
        end: the pipe on which its end is told.
        listener: where its denied system calls arrive, or -1.
        denied: how many did.
    """

    number: int
    pid: int
    pidfd: int
    end: int
    listener: int = -1
    denied: int = 0


class _Spawner:
    """The loop: start when told, report ends, refuse system calls."""

    def __init__(self, control: socket.socket, files: isolation.Files, on: set[object], *, compiles: bool) -> None:
        self.control, self.files = control, files
        self.filter = None
        if "seccomp" in on:
            column = 0 if os.uname().machine == "x86_64" else 1
            extra = [pair[column] for pair in _COMPILER_CALLS.values()] if compiles else []
            self.filter = seccomp.SystemCallFilter("binary", [number for number in extra if number is not None])
        self.narrows = compiles and "landlock" in on
        self.reports, self.report = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.poll = select.epoll()
        self.processes: dict[int, _Process] = {}  # by pidfd
        self.by_number: dict[int, _Process] = {}
        self.by_listener: dict[int, _Process] = {}

    def serve(self) -> NoReturn:
        control, reports = self.control.fileno(), self.reports.fileno()
        self.poll.register(control, select.EPOLLIN)
        self.poll.register(reports, select.EPOLLIN)
        while True:
            for descriptor, events in self.poll.poll():
                if descriptor == control:
                    self.obey()
                elif descriptor == reports:
                    self.watch()
                elif descriptor in self.processes:
                    self.bury(self.processes[descriptor])
                elif descriptor in self.by_listener:
                    self.refuse(self.by_listener[descriptor], events)

    def obey(self) -> None:
        data, ancillary, _, _ = self.control.recvmsg(_PACKET, socket.CMSG_SPACE(_MAX_DESCRIPTORS * 4))
        if not data:
            os._exit(0)  # the judge is gone, and with this process all that it started
        kind, number, *rest = json.loads(data)
        if kind != "spawn":
            process = self.by_number.get(number)
            if process is not None and kind == "kill":
                signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)
            elif process is not None:
                self.tell(process, b"%d\n" % process.pid)
            return
        attached = array.array("i")
        for _, _, part in ancillary:
            attached.frombytes(part)
        end, *given = attached
        pid = os.fork()
        if pid == 0:
            try:
                self.become(rest[0], given)
            finally:
                os._exit(127)
        for descriptor in given:
            os.close(descriptor)
        process = _Process(number, pid, os.pidfd_open(pid), end)
        self.processes[process.pidfd] = self.by_number[number] = process
        self.poll.register(process.pidfd, select.EPOLLIN)

    def become(self, order: dict[str, Any], given: Sequence[int]) -> NoReturn:
        """Turn this fresh child into the executable that was asked for."""
        isolation.die_with_parent()
        place = os.dup2(self.report.fileno(), _HIGH + _MAX_DESCRIPTORS, inheritable=False)
        report = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, 0, fileno=place)
        waiting = [os.dup2(descriptor, _HIGH + place) for place, descriptor in enumerate(given)]
        executable = order["path"] if order["path"] is not None else waiting.pop()
        os.closerange(0, _HIGH)
        for place, descriptor in enumerate(waiting):
            os.dup2(descriptor, place)
            os.close(descriptor)
        if isinstance(executable, int):
            os.set_inheritable(executable, False)
        if order["folder"] is not None:
            os.chdir(order["folder"])
            if self.narrows:
                files = self.files
                landlock.restrict(
                    read=(*isolation.interpreter_files().read, *files.read),
                    execute=files.execute,
                    write=(order["folder"], *files.devices),
                )
        for name, value in {"RLIMIT_CORE": 0, **order["limits"]}.items():
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))
        if self.filter is not None:
            listener = self.filter.load(listener=True)
            if listener is not None:
                socket.send_fds(report, [os.getpid().to_bytes(4, "little")], [listener])
                os.close(listener)
        os.execve(executable, order["argv"], order["env"])

    def watch(self) -> None:
        pid, listener = isolation.receive_listener(self.reports)
        process = next((process for process in self.processes.values() if process.pid == pid), None)
        if process is None:
            os.close(listener)
            return
        process.listener = listener
        self.by_listener[listener] = process
        self.poll.register(listener, select.EPOLLIN)

    def refuse(self, process: _Process, events: int) -> None:
        if events & select.EPOLLIN:
            process.denied += seccomp.refuse(process.listener) is not None
            if process.denied == _MAX_DENIED:
                signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)
        elif events & select.EPOLLHUP:
            self.unwatch(process)

    def unwatch(self, process: _Process) -> None:
        if process.listener >= 0:
            self.poll.unregister(process.listener)
            os.close(process.listener)
            del self.by_listener[process.listener]
            process.listener = -1

    def bury(self, process: _Process) -> None:
        _, status, usage = os.wait4(process.pid, 0)
        self.poll.unregister(process.pidfd)
        os.close(process.pidfd)
        self.unwatch(process)
        del self.processes[process.pidfd], self.by_number[process.number]
        self.tell(process, json.dumps([status, usage.ru_utime + usage.ru_stime, process.denied]).encode())
        os.close(process.end)
        if self.filter is None:
            self.sweep()

    @staticmethod
    def tell(process: _Process, what: bytes) -> None:
        """Say it on the pipe of a process."""
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
            os.write(process.end, what)

    def sweep(self) -> None:
        """Without a filter a program may have left processes; between programs none of theirs is to live on."""
        if os.getpid() == 1 and not self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-1, 0)
