"""The fork server that runs programs, and the messages between it, its children and the judge.

Started once as an isolated interpreter (never forked from the trainer); the sources of the modules it needs are handed
to it on standard input and imported under their own names (`server._MODULES`): they import the standard library and
each other, nothing else.

    judge ---- control socket ---- zygote            one per core and profile; sees neither programs nor tests
      |                              | forks ahead
      +------ fresh channel ------ child             one per program: a candidate; or a referee, never both

The order in the zygote: /dev/null on 0, 1, 2; the standard library; `isolation.enter_zygote` (may fork itself into a
pid namespace: the caller goes on in the init); in the numpy profile, numpy; `gc.freeze`; serve. In each child, right
after the fork and before any byte from the judge is read: close everything but the channel, then
`isolation.enter_child` (with the C helper the filter is inherited, see fork_server.c: it holds from the first
instruction on). The child then waits, jailed, for its first message; a candidate waits for its turn before: one at a
time runs in a zygote, so that a wall clock means something. The limits of memory and processor time come with the job.
A program on standard input gets one such child per test. Turns are taken in the order of forking, which is the order in
which the judge hands out programs: if a later program could overtake an earlier one that is still being received, the
judge would keep the clock of the wrong one.

Frames
    A channel is a SOCK_STREAM socket pair: frames of 4 bytes little-endian length and one `codec` value, a list that
    begins with its kind. Both ends bound it. The control socket is a SOCK_SEQPACKET.

Control: judge to zygote, in the fixed fields of `control`, which the C helper reads as well
    FORK, numbers               as many descriptors are attached (SCM_RIGHTS): the children's ends of their channels;
                                a kind for each role: candidate, or referee (`referee.serve(channel, first message)`)
    KILL, number                SIGKILL; answered by ENDED as every death
Control: zygote to judge
    ["ready", layers]           once: what `isolation.enter_zygote` said about each layer; or ["dead", message]
    ENDED, ...                  children are gone, with whatever they had started. status: as of waitpid; killed:
                                processes that it left behind, -1 if it was itself swept away with another; denied:
                                system calls refused

Candidate: judge to child (program text and inputs; never an expected value, a test's source or a verdict). The first
message is trusted, and marshalled, for speed: "run", "stdio" or "in_process", a tuple; everything later is `codec`.
    ["run", options, source, calls]   attached: a memfd for coverage if options["coverage"] (its size), see coverage.py
        options: name (`__name__`), usual_imports, memory (bytes), cpu (seconds), output (bytes), seed, coverage,
                 tracer, marks and pads (of a `statements.Layout`), serve (stay after the answers)
        calls:   [(function, args, kwargs, want_args), ...], each packed (`plan._packed`); function is a name, or
                 "Class.method" of a fresh instance; want_args asks for the arguments back as they are after the call
        without serve, and with marshalled calls, the same is said in fixed fields: `control.CALLS`
    ["call", function, args, kwargs, want_args]   one more call (only if serve)
    ["op", operation, handle, operands]           an operation on an object that stayed here (only if serve)
        "iter" []             -> a handle of an iterator        "next" []            -> value, or ["stop"]
        "len" []              -> int                            "contains" [x]       -> bool
        "index" [key]         -> value                          "set_index" [key, value]
        "attribute" [name]    -> value                          "set_attribute" [name, value]
        "call" [args, kwargs] -> value                          "unary" [name]       -> value, see candidate._UNARY
        "binary" [name, x, reflected] -> value; a function of `operator`, see candidate._BINARY; x may be a handle
        "isinstance" [name]   -> bool, by the names of the classes in the type's mro
        "name" [global name]  -> value; the handle is 0: a global of the program (also a class, as a handle)
        "drop" []             -> None
    ["stdio", options, source]                    one run of the whole program; attached: the memfd for coverage, the
                                                  sealed memfd of standard input, the write end of a pipe for output
    ["in_process", options, source, test, nonce]  a test that must share the interpreter (trust="in-process")
Candidate: child to judge
    ["statements", [start, end, start, end, ...]] only where coverage has a byte for each, before the program runs
    answer, answer, ...                           to "run": one frame per call, in order, as they come
    answer (to "call" and "op" too, as the frame itself):
        ["value", value]                          plain, or {"handle": ...} for anything that is not
        ["value", value, args, kwargs]            with want_args
        ["error", type name, message, mro]        the call raised; mro: names of the type's bases, up to BaseException
        ["stop"]                                  StopIteration of "next"
        ["large", message]                        the value is beyond the codec's bounds
    ["failed", stage, type name, message]         stage "compile" or "load": instead of answers; for stdio also "run";
                                                  "output": printed too much
    ["passed", nonce] or ["wrong", message]       to "in_process"

Referee: judge to child. A task is opaque to the judge but for its kind and calls; referee.py alone reads it
    ["referee", task]           a new task; a referee serves tasks one after the other until its channel is closed.
                                task["answers"] further frames follow it at once: the candidate's answers, verbatim and
                                each in its own frame, because they are hostile bytes
    an answer                   to a "call" or "op", verbatim; ["gone"] if the candidate is dead: the test is "ABSENT"
Referee: child to judge
    ["call", ...] or ["op", ...]   a live question, relayed to the candidate verbatim
    ["verdict", verdict, message, extra]   ends the task; extra: the calls of a recording task, as in "run", else None
    Tasks: {"kind": "record" | "replay" | "live", "source", "setup", "prelude", "entry", "calls", "answers"}; in
    "replay" `calls` is what was asked for and `answers` how many answers follow (fewer than calls where the candidate
    died on the way). A call that is not the next one of `calls`, or has no answer, ends the test with verdict "ABSENT":
    the judge then says why the candidate died, or has the test ask live.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import gc
import importlib
import io
import marshal
import os
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from codegym.envs.execution import candidate, codec, coverage, isolation, referee, seccomp, usual
from codegym.envs.execution.channel import Channel, move
from codegym.envs.execution.control import CALLS_TAG, ENDED, FORK, FORK_HEADER, KILL, NUMBER

PRELOADED: Final = (
    "abc", "array", "bisect", "cmath", "collections", "contextlib", "copy", "dataclasses", "datetime",
    "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "io", "itertools", "json", "math", "numbers",
    "operator", "os", "queue", "random", "re", "signal", "statistics", "string", "struct", "sys", "textwrap",
    "threading", "time", "traceback", "types", "typing",
)  # fmt: skip
"""Imported before the first fork, so that no program pays for them."""

MAX_DENIED: Final = 1000
"""Denied system calls after which a child is killed: answering them is the zygote's time."""

_STACK: Final = 64 << 20
_CONTROL, _REPORT, _REPORTS = 100, 101, 102  # where the zygote keeps its own descriptors
_CHANNEL: Final = 3  # the only one a child keeps
_PACKET: Final = 1 << 16
_TURN: Final = signal.SIGUSR1  # tells a candidate that it is its turn; blocked until a child has taken it
# Not os.fork: its hooks make locks and threads usable again, which a process with one thread does not need, and touch
# 190 pages (measured on 3.11), a third of what a small program costs.
_fork: Final = ctypes.PyDLL(None).fork
_MAX_FORKS: Final = 64


def main(config: dict[str, Any], helper: ctypes.PyDLL | None = None) -> NoReturn:
    """Become a zygote.

    Args:
        config: "control" (descriptor of the control socket), "profile" ("plain" or "numpy"), "layers" (names to try),
            "packages" (installed packages that candidates may import), "core" (the only one to use, or None).
        helper: the C helper, see `fork_server`.
    """
    control = socket.socket(fileno=_keep(config["control"], _CONTROL))
    try:
        _forget_streams()
        os.environ.clear()
        hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
        resource.setrlimit(resource.RLIMIT_STACK, (_STACK if hard < 0 else min(_STACK, hard), hard))
        for name in PRELOADED:
            importlib.import_module(name)
        if helper is not None:
            helper.codegym_gather()
        layers = isolation.enter_zygote(config["layers"], packages=config["packages"])
        os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")  # a process that forks has one thread
        for name in config["packages"]:
            with contextlib.suppress(ImportError):  # this interpreter has no numpy: programs that need it will say so
                importlib.import_module(name)
        os.environ.clear()
        if config["profile"] == "coverage":
            coverage.warm_up()
        usual.usual_imports()
        for name in [name for name in sys.modules if name.split(".")[0] == "codegym"]:
            del sys.modules[name]
        sys.meta_path[:] = [finder for finder in sys.meta_path if not hasattr(finder, "sources")]
        calls = isolation.child_filter()
        if helper is not None and calls is not None:
            gc.collect()  # empties the lists of free tuples and the like, which lie anywhere
            helper.codegym_nursery()
        jail = _Jail(helper, calls, config["profile"] == "plain") if helper is not None and calls is not None else None
        gc.collect()
        gc.freeze()
        gc.enable()
        if helper is not None:
            helper.codegym_seal()
        server = _Server(control, config["profile"], layers)
        if config["core"] is not None:  # not before: who starts up shares the cores with others that do
            with contextlib.suppress(OSError):  # it is gone
                os.sched_setaffinity(0, {config["core"]})
        control.send(codec.encode(["ready", layers]))
    except Exception as error:
        control.send(codec.encode(["dead", f"{type(error).__name__}: {error}"]))
        os._exit(1)
    if jail is not None:
        jail.serve(server)
    server.serve()


def _keep(descriptor: int, number: int) -> int:
    """Move a descriptor to its number, out of the way of what children get."""
    os.dup2(descriptor, number, inheritable=False)
    os.close(descriptor)
    return number


def _forget_streams() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.close(null)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding="utf-8", errors="backslashreplace")
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


@dataclass
class _Child:
    """A child that is not reaped yet.

    Attributes:
        number: what the judge calls it.
        pid: its process id.
        pidfd: readable when it is dead.
        role: "candidate" or "referee".
        listener: where its denied system calls arrive, or -1.
        denied: how many did.
    """

    number: int
    pid: int
    pidfd: int
    role: str
    listener: int = -1
    denied: int = 0


class _Server:
    """The zygote's loop: fork when told, report deaths, refuse system calls."""

    def __init__(self, control: socket.socket, profile: str, layers: list[dict[str, object]]) -> None:
        self.control = control
        self.profile = profile
        on = {layer["name"] for layer in layers if layer["on"]}
        self.can_fork = "seccomp" not in on  # only then can a program leave processes behind
        self.poll = select.epoll()
        reports, report = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.reports = socket.socket(fileno=_keep(reports.detach(), _REPORTS))
        self.report = socket.socket(fileno=_keep(report.detach(), _REPORT))
        signal.pthread_sigmask(signal.SIG_BLOCK, {_TURN})
        self.line: deque[_Child] = deque()  # candidates in the order of their turns; the first one has it
        self.children: dict[int, _Child] = {}  # by pidfd
        self.by_number: dict[int, _Child] = {}
        self.by_listener: dict[int, _Child] = {}
        if self.can_fork:
            _adopt_orphans()

    def serve(self) -> NoReturn:
        poll, control, reports = self.poll, self.control.fileno(), self.reports.fileno()
        poll.register(control, select.EPOLLIN)
        poll.register(reports, select.EPOLLIN)
        while True:
            ended: list[list[Any]] = []
            for descriptor, events in poll.poll():
                if descriptor == control:
                    self.obey()
                elif descriptor == reports:
                    self.watch()
                elif descriptor in self.children:
                    ended += self.bury(self.children[descriptor])
                elif descriptor in self.by_listener:
                    self.refuse(self.by_listener[descriptor], events)
            if ended:
                self.control.send(b"".join(ENDED.pack(*entry) for entry in ended))

    def obey(self) -> None:
        data, ancillary, _, _ = self.control.recvmsg(_PACKET, socket.CMSG_SPACE(_MAX_FORKS * 4))
        if not data:
            os._exit(0)  # the judge is gone, and with this process all its children
        kind, _ = FORK_HEADER.unpack_from(data)
        numbers = [number for (number,) in NUMBER.iter_unpack(data[FORK_HEADER.size :])]
        if kind == KILL:
            child = self.by_number.get(numbers[0])
            if child is not None:
                signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)
            return
        descriptors = array.array("i")
        for _, _, attached in ancillary:
            descriptors.frombytes(attached)
        role = next(role for role, number in FORK.items() if number == kind)
        for number, descriptor in zip(numbers, descriptors, strict=True):
            self.fork(number, descriptor, role)

    def fork(self, number: int, channel: int, role: str) -> None:
        pid = _fork()
        if pid == 0:
            try:
                _be_child(channel, self.report, role, self.profile)
            finally:
                os._exit(1)
        os.close(channel)
        if pid < 0:  # the system has no room for another process now
            time.sleep(0.05)
            self.control.send(ENDED.pack(number, signal.SIGKILL, 0.0, 0, -1, 0))
            return
        child = _Child(number, pid, os.pidfd_open(pid), role)
        self.children[child.pidfd] = self.by_number[number] = child
        self.poll.register(child.pidfd, select.EPOLLIN)
        if role == "candidate":
            self.line.append(child)
            if len(self.line) == 1:
                signal.pidfd_send_signal(child.pidfd, _TURN)

    def watch(self) -> None:
        """Take the listener of a child that has loaded its filter."""
        pid, listener = isolation.receive_listener(self.reports)
        child = next((child for child in self.children.values() if child.pid == pid), None)
        if child is None:
            os.close(listener)
            return
        child.listener = listener
        self.by_listener[listener] = child
        self.poll.register(listener, select.EPOLLIN)

    def refuse(self, child: _Child, events: int) -> None:
        if events & select.EPOLLIN:
            child.denied += seccomp.refuse(child.listener) is not None
            if child.denied == MAX_DENIED:
                signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)
        elif events & select.EPOLLHUP:
            self.unwatch(child)

    def unwatch(self, child: _Child) -> None:
        if child.listener >= 0:
            self.poll.unregister(child.listener)
            os.close(child.listener)
            del self.by_listener[child.listener]
            child.listener = -1

    def bury(self, child: _Child) -> list[list[Any]]:
        """Reap a dead child with all that it left behind, let the next program start, and say how it ended."""
        _, status, usage = os.wait4(child.pid, 0)
        found = [self.forget(child, status, usage)]
        if not self.can_fork:
            return found
        if os.getpid() == 1:
            return found + self.sweep()
        found[0][4] = self.hunt()
        return found

    def forget(self, child: _Child, status: int, usage: resource.struct_rusage) -> list[Any]:
        self.poll.unregister(child.pidfd)
        os.close(child.pidfd)
        self.unwatch(child)
        del self.children[child.pidfd], self.by_number[child.number]
        if child.role == "candidate":
            had_turn = self.line[0] is child
            self.line.remove(child)
            if had_turn and self.line:
                signal.pidfd_send_signal(self.line[0].pidfd, _TURN)
        return [child.number, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, 0, child.denied]

    def sweep(self) -> list[list[Any]]:
        """Kill everything in this process namespace: without seccomp nobody knows who is whose."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        known = {child.pid: child for child in self.children.values()}
        found: list[list[Any]] = []
        while True:
            try:
                pid, status, usage = os.wait3(0)
            except ChildProcessError:
                return found
            if pid in known:
                entry = self.forget(known[pid], status, usage)
                entry[4] = -1
                found.append(entry)

    def hunt(self) -> int:
        """Kill every descendant that is not a known child; returns how many there were."""
        known = {child.pid for child in self.children.values()}
        killed = 0
        while strangers := _own_children() - known:
            for pid in strangers:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            for pid in strangers:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
                killed += 1
        return killed


def _be_child(channel: int, report: socket.socket, role: str, profile: str) -> NoReturn:
    """Wait, jailed, for the one program or for the tasks of a referee, and end without running exit handlers."""
    os.dup2(channel, _CHANNEL, inheritable=False)
    os.closerange(_CHANNEL + 1, _REPORT)
    os.closerange(_REPORT + 1, 1 << 12)
    isolation.die_with_parent()
    mine = Channel(_CHANNEL)
    isolation.enter_child(report)
    if role == "candidate":
        signal.sigwait({_TURN})  # one program at a time runs in a zygote; its program waits in the channel meanwhile
    first = mine.receive()
    if first is None:
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {_TURN})
    _work(mine, role, first, profile)


def _work(mine: Channel, role: str, first: bytes, profile: str) -> NoReturn:
    """Do what the first message says, behind all walls and, for a candidate, in its turn."""
    if role == "referee":
        referee.serve(mine, codec.decode(first, None, 1 << 28))
        os._exit(0)
    message = candidate.unpacked(first) if first.startswith(CALLS_TAG) else marshal.loads(first)
    options = message[1]
    isolation.limit(seconds=options["cpu"], memory=options["memory"], profile=profile)
    if message[0] == "stdio":
        candidate.run_stdio(mine, message)
    if message[0] == "in_process":
        candidate.run_in_process(mine, message)
        os._exit(0)
    candidate.run(mine, message)
    os._exit(0)


class _Limit(ctypes.Structure):
    _fields_ = (("resource", ctypes.c_int64), ("value", ctypes.c_int64))


class _Setup(ctypes.Structure):
    _fields_ = (
        ("control", ctypes.c_int64), ("reports", ctypes.c_int64), ("report", ctypes.c_int64),
        ("most_denied", ctypes.c_int64), ("has_listener", ctypes.c_int64), ("limits", ctypes.c_int64),
        ("own_pid_places", ctypes.c_int64), ("limit", _Limit * 16), ("filter_seen", ctypes.c_void_p),
        ("filter_unseen", ctypes.c_void_p), ("own_pid", ctypes.c_void_p * 8),
        ("filter_inherited", ctypes.c_void_p), ("key_places", ctypes.c_int64), ("key", ctypes.c_void_p * 16),
        ("runner", ctypes.c_void_p),
    )  # fmt: skip


class _Task(ctypes.Structure):
    _fields_ = (
        ("is_referee", ctypes.c_int64), ("length", ctypes.c_int64), ("rest", ctypes.c_int64),
        ("descriptors", ctypes.c_int64), ("frame", ctypes.c_void_p), ("descriptor", ctypes.c_int32 * 4),
    )  # fmt: skip


class _Jail:
    """The C helper (fork_server.c), which serves in the place of `_Server` where no process can leave others behind.

    Args:
        helper: the library.
        calls: the filter that children load.
        is_plain: children need no installed package, so that run_program.c may run their programs.
    """

    def __init__(self, helper: ctypes.PyDLL, calls: seccomp.SystemCallFilter, is_plain: bool) -> None:
        self.helper = helper
        self.call = helper.codegym_serve
        self.call.restype = None
        self.task = _Task()
        seen, unseen, places = calls.addresses()
        inherited, key = calls.inherited()
        limits = isolation.bounded(isolation.child_limits())
        self.setup = _Setup(
            most_denied=MAX_DENIED, has_listener=1, limits=len(limits), limit=tuple(limits.items()),
            filter_seen=seen, filter_unseen=unseen, own_pid_places=len(places), own_pid=tuple(places),
            filter_inherited=inherited, key_places=len(key), key=tuple(key),
        )  # fmt: skip
        self.arguments = ctypes.byref(self.setup), ctypes.byref(self.task)
        # Made before the filter, which knows no getsockname; each child gets a fresh socket under this number.
        ours, theirs = socket.socketpair()
        move(ours.detach(), _CHANNEL)
        theirs.close()
        self.channel = Channel(_CHANNEL)
        if is_plain:
            objects = candidate.Rest(self.channel).prepare()
            self.runner = (ctypes.py_object * len(objects))(*objects)
            self.setup.runner = ctypes.addressof(self.runner)

    def serve(self, server: _Server) -> NoReturn:
        """Serve until the judge is gone; every child comes back from the call and goes its own way."""
        setup, task = self.setup, self.task
        setup.control, setup.reports = server.control.fileno(), server.reports.fileno()
        setup.report = server.report.fileno()
        server.poll.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {_TURN})
        gc.collect()  # empties those lists again
        gc.freeze()
        self.call(*self.arguments)
        try:
            first = ctypes.string_at(task.frame, task.length)
            rest = ctypes.string_at(task.frame + task.length, task.rest)
            self.channel.go_on(rest, task.descriptor[: task.descriptors])
            _work(self.channel, "referee" if task.is_referee else "candidate", first, server.profile)
        finally:
            os._exit(1)


def _adopt_orphans() -> None:
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _own_children() -> set[int]:
    try:
        with open("/proc/thread-self/children") as file:
            return set(map(int, file.read().split()))
    except OSError:  # no /proc in this namespace: then the namespace itself is the boundary
        return set()
