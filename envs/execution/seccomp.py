"""The system calls that candidate code may make: an allow list as a BPF program.

Stdlib only and importable under `python -I`. The list is compiled to a binary search tree over ranges of call numbers
(the kernel evaluates it once for every number when it is loaded, so depth is what loading costs). A call that is not on
the list fails with EPERM. Where the kernel can notify a supervisor (5.0+), `load(listener=True)` returns a descriptor
on which the fork server sees each denied call and answers it with `refuse`: that is how a verdict comes to be POLICY.

Loading takes about 0.1 ms, so the C fork server loads it once, for itself, and its children inherit it. What it needs
and they must not have (fork, wait, signals) is allowed to whoever passes a key of 64 bits in the sixth argument, which
these calls do not use. The kernel empties the page that holds the key in every child (see fork_server.c).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

Profile = Literal["python", "binary"]

_SYSCALL = ctypes.CDLL(None, use_errno=True).syscall
_SYSCALL.argtypes = (ctypes.c_long, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p)
_SYSCALL.restype = ctypes.c_long

# Name -> (number on x86-64, number on aarch64); None: that machine has no such call.
_CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    "read": (0, 63), "write": (1, 64), "open": (2, None), "close": (3, 57), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "poll": (7, None), "lseek": (8, 62), "mmap": (9, 222), "mprotect": (10, 226),
    "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "pread64": (17, 67), "readv": (19, 65), "writev": (20, 66),
    "access": (21, None), "pipe": (22, None), "select": (23, None), "sched_yield": (24, 124), "mremap": (25, 216),
    "madvise": (28, 233), "dup": (32, 23), "dup2": (33, None), "pause": (34, None), "nanosleep": (35, 101),
    "getitimer": (36, 102), "alarm": (37, None), "setitimer": (38, 103), "getpid": (39, 172), "sendto": (44, 206),
    "recvfrom": (45, 207), "sendmsg": (46, 211),
    "recvmsg": (47, 212), "shutdown": (48, 210), "exit": (60, 93), "uname": (63, 160),
    "getcwd": (79, 17), "chdir": (80, 49), "readlink": (89, None), "gettimeofday": (96, 169), "getrlimit": (97, 163),
    "getrusage": (98, 165), "sysinfo": (99, 179), "times": (100, 153), "getuid": (102, 174), "getgid": (104, 176),
    "geteuid": (107, 175), "getegid": (108, 177), "getppid": (110, 173), "getpgrp": (111, None),
    "getgroups": (115, 158),
    "getresuid": (118, 148), "getresgid": (120, 150), "getpgid": (121, 155), "getsid": (124, 156),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132),
    "gettid": (186, 178), "time": (201, None), "futex": (202, 98), "sched_getaffinity": (204, 123),
    "epoll_create": (213, None), "getdents64": (217, 61), "restart_syscall": (219, 128), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "exit_group": (231, 94), "epoll_wait": (232, None),
    "epoll_ctl": (233, 21), "openat": (257, 56), "newfstatat": (262, 79), "readlinkat": (267, 78),
    "faccessat": (269, 48), "pselect6": (270, 72), "ppoll": (271, 73), "set_robust_list": (273, 99),
    "get_robust_list": (274, 100), "epoll_pwait": (281, 22), "eventfd2": (290, 19), "epoll_create1": (291, 20),
    "dup3": (292, 24), "pipe2": (293, 59), "getrandom": (318, 278), "membarrier": (324, 283), "statx": (332, 291),
    "rseq": (334, 293), "faccessat2": (439, 439),
}  # fmt: skip
# What a freshly executed static program needs on top.
_BINARY_CALLS: Final = {
    "execve": (59, 221), "execveat": (322, 281), "arch_prctl": (158, None), "set_tid_address": (218, 96),
}  # fmt: skip
# Calls allowed only for some arguments: see _guards.
_GUARDED: Final = {
    "clone": (56, 220), "fcntl": (72, 25), "ioctl": (16, 29), "kill": (62, 129), "tgkill": (234, 131),
    "prlimit64": (302, 261), "prctl": (157, 167),
    "socketpair": (53, 199),
}  # fmt: skip
# Callers fall back to the older call when these answer ENOSYS.
_ABSENT: Final = {"clone3": (435, 435), "openat2": (437, 437), "close_range": (436, 436)}

# What the fork server needs besides, by its key, and what happens to these calls without it.
_KEYED: Final = {"clone": "clone", "kill": "deny", "tgkill": "deny", "wait4": "deny", "close_range": "absent",
                 "prctl": "prctl"}  # fmt: skip
_WAIT4: Final = (61, 260)

_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}
_SECCOMP: Final = (317, 277)
_CLONE_THREAD: Final = 0x00010000
_AF_UNIX: Final = 1
_OWNER_BY_FCNTL, _OWNER_BY_IOCTL = (
    (8, 10, 15),
    (0x8901, 0x8902),
)  # F_SETOWN, F_SETSIG, F_SETOWN_EX; FIOSETOWN, SIOCSPGRP
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41

_ALLOW, _ERRNO, _NOTIFY, _KILL = 0x7FFF0000, 0x00050000, 0x7FC00000, 0x80000000
_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_SPEC_ALLOW, _NEW_LISTENER = 1 << 2, 1 << 3
_RECEIVE, _SEND = 0xC0502100, 0xC0182101


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filters", ctypes.POINTER(_Filter)))


class _Loadable:
    """A compiled filter in memory, with the places that are filled in when it is loaded: a process id or a key."""

    def __init__(self, filters: ctypes.Array[_Filter], places: Iterable[int]):
        self.filters = filters
        self.program = _Program(len(filters), filters)
        self.address = ctypes.addressof(self.program)
        start, size = ctypes.addressof(filters) + _Filter.k.offset, ctypes.sizeof(_Filter)
        self.places = [ctypes.c_uint.from_address(start + index * size) for index in places]


class _Instruction(NamedTuple):
    """One BPF instruction whose jumps are labels; `label` names this place."""

    code: int
    k: int = 0
    yes: str = ""
    no: str = ""
    label: str = ""


class SystemCallFilter:
    """The allow list of one profile, compiled for this machine; `load` applies it to the calling process for ever.

    Args:
        profile: "python" for interpreted candidates and the referee; "binary" also lets a compiled program start.
        extra: further (number) calls to allow, for tests.

    Raises:
        OSError: on a machine whose call numbers are not known (ENOSYS).
    """

    def __init__(self, profile: Profile = "python", extra: Iterable[int] = ()):
        machine = os.uname().machine
        if machine not in _ARCHITECTURES:
            raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
        self._column, audit = _ARCHITECTURES[machine]
        allowed = {*self._numbers(_CALLS), *extra}
        if profile == "binary":
            allowed |= set(self._numbers(_BINARY_CALLS))
        self._variants = [_Loadable(*self._compile(audit, allowed, deny)) for deny in (_ERRNO | errno.EPERM, _NOTIFY)]
        self._inherited = _Loadable(*self._compile(audit, allowed, _NOTIFY, keyed=True))
        self._number = _SECCOMP[self._column]

    def load(self, *, listener: bool = False) -> int | None:
        """Apply the filter to this process and everything it starts; needs no_new_privs or CAP_SYS_ADMIN.

        Args:
            listener: report denied calls to a supervisor, which must answer each with `refuse`: until it does, the
                caller waits.

        Returns:
            The descriptor on which denied calls arrive (close-on-exec), to be sent to the supervisor and closed here;
            None without `listener`, or where the kernel has no notifications: denied calls then fail unseen.
        """
        if listener:
            try:
                return self._apply(1, _SPEC_ALLOW | _NEW_LISTENER)
            except OSError as error:
                # Old kernels, gVisor, or a listener above us already (nested containers).
                if error.errno not in (errno.EINVAL, errno.EBUSY, errno.ENOSYS, errno.EOPNOTSUPP):
                    raise
        self._apply(0, _SPEC_ALLOW)
        return None

    def addresses(self) -> tuple[int, int, list[int]]:
        """For the C helper: both compiled filters, reporting and silent, and the places that hold the process id."""
        silent, reporting = self._variants
        places = [ctypes.addressof(place) for variant in self._variants for place in variant.places]
        return reporting.address, silent.address, places

    def inherited(self) -> tuple[int, list[int]]:
        """For the C helper: the filter that it shares with its children, and the places of its key, low half first."""
        return self._inherited.address, [ctypes.addressof(place) for place in self._inherited.places]

    def _apply(self, variant: int, flags: int) -> int:
        # Written for few page faults: a fresh child pays for every page of the interpreter that it touches first.
        loadable = self._variants[variant]
        own = os.getpid()
        for place in loadable.places:
            place.value = own
        result: int = _SYSCALL(self._number, 1, flags, loadable.address)
        if result < 0 and flags == _SPEC_ALLOW and ctypes.get_errno() == errno.EINVAL:
            result = _SYSCALL(self._number, 1, 0, loadable.address)  # before 4.17
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    def _numbers(self, calls: Mapping[str, tuple[int | None, int | None]]) -> list[int]:
        return [n for pair in calls.values() if (n := pair[self._column]) is not None]

    def _compile(
        self, audit: int, allowed: set[int], deny: int, *, keyed: bool = False
    ) -> tuple[ctypes.Array[_Filter], list[int]]:
        actions = {number: "allow" for number in allowed}
        actions |= {pair[self._column]: "absent" for pair in _ABSENT.values()}
        actions |= {
            pair[self._column]: "kill self" if name in ("kill", "tgkill") else name for name, pair in _GUARDED.items()
        }
        if keyed:
            numbers = {**_GUARDED, **_ABSENT, "wait4": _WAIT4}
            actions |= {numbers[name][self._column]: f"{name} keyed" for name in _KEYED}
        actions = {number: actions[number] for number in sorted(actions)}
        program = [
            _Instruction(_LOAD, 4),  # architecture
            _Instruction(_JUMP_EQ, audit, "", "kill"),
            _Instruction(_LOAD, 0),  # call number; numbers above the last one (x32 too) are denied
            *_search(_boundaries(actions)),
            *(_keys() if keyed else _own_process()),
            *_guards(),
            _Instruction(_RETURN, _ALLOW, label="allow"),
            _Instruction(_RETURN, deny, label="deny"),
            _Instruction(_RETURN, _ERRNO | errno.ENOSYS, label="absent"),
            _Instruction(_RETURN, _KILL, label="kill"),
        ]
        labels = {step.label: index for index, step in enumerate(program) if step.label}
        filters = (_Filter * len(program))()
        for index, step in enumerate(program):
            yes, no = (labels[name] - index - 1 if name else 0 for name in (step.yes, step.no))
            filters[index] = _Filter(step.code, yes, no, step.k)
        filled = (
            [f"{name} {half}" for name in _KEYED for half in ("low", "high")] if keyed else ["kill pid", "limit pid"]
        )
        return filters, [labels[label] for label in filled]


def _boundaries(actions: dict[int, str]) -> list[tuple[int, str]]:
    """Turn number -> action into (first number, action) of successive ranges, from 0 on; gaps are denied."""
    ranges = [(0, "deny")]
    for number, action in actions.items():
        if ranges[-1][0] == number:
            ranges[-1] = (number, action)
        else:
            ranges.append((number, action))
        ranges.append((number + 1, "deny"))
    merged = ranges[:1]
    for first, action in ranges[1:]:
        if action != merged[-1][1]:
            merged.append((first, action))
    return merged


def _search(ranges: Sequence[tuple[int, str]], label: str = "") -> list[_Instruction]:
    """Emit the binary search over `ranges`; leaves jump straight to the action's label."""
    if len(ranges) == 1:
        return []
    middle = len(ranges) // 2
    low, high = ranges[:middle], ranges[middle:]
    first = high[0][0]
    names = [half[0][1] if len(half) == 1 else f"{half[0][0]}-{half[-1][0]}" for half in (low, high)]
    node = _Instruction(_JUMP_GE, first, names[1], names[0], label)
    return [node, *_search(low, names[0]), *_search(high, names[1])]


def _own_process() -> list[_Instruction]:
    """Emit the checks of what a process may do to itself alone; `load` fills in the process id."""
    first = _Instruction(_LOAD, 16)
    return [
        # Signals: abort, raise_signal, alarm handlers.
        first._replace(label="kill self"),
        _Instruction(_JUMP_EQ, 0, "allow", "deny", label="kill pid"),
        # Limits, which it can only lower (competitive programs set RLIMIT_STACK).
        first._replace(label="prlimit64"),
        _Instruction(_JUMP_EQ, 0, "allow", ""),
        _Instruction(_JUMP_EQ, 0, "allow", "deny", label="limit pid"),
    ]


def _keys() -> list[_Instruction]:
    """Emit the same for a filter that many processes have: the fork server allows each of them its own process."""
    found = [_Instruction(_LOAD, 16, label="prlimit64"), _Instruction(_JUMP_EQ, 0, "allow", "deny")]
    for name, otherwise in _KEYED.items():
        found += [
            _Instruction(_LOAD, 56, label=f"{name} keyed"),
            _Instruction(_JUMP_EQ, 0, "", otherwise, label=f"{name} low"),
            _Instruction(_LOAD, 60),
            _Instruction(_JUMP_EQ, 0, "allow", otherwise, label=f"{name} high"),
        ]
    return found


def _guards() -> list[_Instruction]:
    """Emit the checks of arguments; the low half of argument n is at offset 16 + 8n on both architectures."""
    first, second = _Instruction(_LOAD, 16), _Instruction(_LOAD, 24)
    return [
        # The owner of a descriptor gets a signal of the caller's choice, SIGKILL too: nobody is made one.
        second._replace(label="fcntl"),
        *(_Instruction(_JUMP_EQ, command, "deny", "") for command in _OWNER_BY_FCNTL),
        _Instruction(_JUMP_GE, 0, "allow", "allow"),
        second._replace(label="ioctl"),
        *(_Instruction(_JUMP_EQ, command, "deny", "") for command in _OWNER_BY_IOCTL),
        _Instruction(_JUMP_GE, 0, "allow", "allow"),
        # Threads are legal, processes are not.
        first._replace(label="clone"),
        _Instruction(_JUMP_SET, _CLONE_THREAD, "allow", "deny"),
        first._replace(label="prctl"),
        _Instruction(_JUMP_EQ, _PR_SET_NAME, "allow", ""),
        _Instruction(_JUMP_EQ, _PR_GET_NAME, "allow", ""),
        _Instruction(_JUMP_EQ, _PR_SET_VMA, "allow", "deny"),
        # asyncio wakes itself through a socket pair.
        first._replace(label="socketpair"),
        _Instruction(_JUMP_EQ, _AF_UNIX, "allow", "deny"),
    ]


def refuse(listener: int) -> int | None:
    """Answer one denied call of a supervised process with EPERM.

    Call it when `listener` polls readable. A listener that polls POLLHUP has no process left.

    Returns:
        The number of the denied call, or None if its caller died meanwhile.
    """
    notice = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, notice, True)
        identity, number = struct.unpack_from("Q8xi", notice)
        fcntl.ioctl(listener, _SEND, struct.pack("QqiI", identity, 0, -errno.EPERM, 0))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINTR):
            return None
        raise
    return int(number)
