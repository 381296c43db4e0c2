"""Namespaces: an own tree of processes, an own empty network, and a root that shows only what is needed.

Stdlib only and importable under `python -I`; single-threaded callers only (the kernel answers EINVAL otherwise).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable, Sequence
from typing import Final

NAMES: Final = ("mount", "pid", "net", "ipc", "uts")
"""The namespaces entered, besides the user namespace through which an ordinary user enters them."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_FLAGS: Final = dict(zip(NAMES, (0x20000, 0x20000000, 0x40000000, 0x8000000, 0x4000000), strict=True))
_NEW_USER = 0x10000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_LOCKED = 2 | 4 | 8 | 1024 | 2048 | 4096  # nosuid, nodev, noexec, atime: a remount must repeat what is set
_DETACH = 2
_PIVOT_ROOT: Final = 155 if os.uname().machine == "x86_64" else 41


def enter(shown: Iterable[str], *, hidden: Iterable[str] = (), write: Iterable[str] = ()) -> dict[str, str]:
    """Enter every namespace that this machine grants; a later fork is process 1 of the new tree.

    Root that may (CAP_SYS_ADMIN) enters them directly, anybody else through a user namespace.

    Args:
        shown: files and folders that the new root shows, read-only, at their own paths.
        hidden: folders within them that are covered by empty ones.
        write: folders that stay writable.

    Returns:
        The refused ones with the reason; empty if all are on.
    """
    refused: dict[str, str] = {}
    together = 0
    for flag in _FLAGS.values():
        together |= flag
    if os.geteuid() != 0 or _failure(_LIBC.unshare(together)):
        user, group = os.geteuid(), os.getegid()
        if reason := enter_user():
            return dict.fromkeys(NAMES, reason)
        try:
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        except OSError as error:
            return dict.fromkeys(NAMES, f"user map: {error.strerror}")
        refused = {name: reason for name, flag in _FLAGS.items() if (reason := _failure(_LIBC.unshare(flag)))}
    if "mount" not in refused:
        try:
            _change_root(tuple(shown), tuple(hidden), tuple(write))
        except OSError as error:
            refused["mount"] = f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)
    return refused


def enter_mount(shown: Iterable[str], *, write: Iterable[str] = ()) -> None:
    """Enter a mount namespace whose root shows only the given paths; needs CAP_SYS_ADMIN.

    Raises:
        OSError: a call was refused.
    """
    _check(_LIBC.unshare(_FLAGS["mount"]), "unshare")
    _change_root(tuple(shown), (), tuple(write))


def enter_user() -> str:
    """Enter a user namespace without a map; returns the reason of a refusal, or ""."""
    return _failure(_LIBC.unshare(_NEW_USER))


def _change_root(shown: Sequence[str], hidden: Sequence[str], write: Sequence[str]) -> None:
    """Replace the root by an empty one that shows the given paths."""
    real = [os.path.realpath(path) for path in (*shown, *write)]
    rooms = [r for r in ("/tmp", "/mnt", "/run", "/var/tmp", "/srv") if os.path.isdir(r)]
    room = next((r for r in rooms if not any(path == r or path.startswith(r + "/") for path in real)), None)
    if room is None:
        raise OSError(errno.ENOENT, "no folder to build a root in")
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    _mount("tmpfs", room, "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
    visible: dict[str, bool] = {}  # real path -> shown (or covered)
    covers = list(dict.fromkeys(os.path.realpath(path) for path in hidden if os.path.isdir(path)))
    for path in shown:
        if os.path.lexists(path) and not any(os.path.realpath(path).startswith(cover + "/") for cover in covers):
            _show(path, room, visible)
    for cover in covers:
        if _is_visible(cover, visible):
            _mount("tmpfs", room + cover, "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
            visible[cover] = False
    for path in shown:
        if os.path.lexists(path):
            _show(path, room, visible)
    for path in write:
        _show(path, room, visible, writable=True)
    for cover in (path for path, is_shown in visible.items() if not is_shown):
        _mount("none", room + cover, "", _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)
    os.makedirs(room + "/tmp", exist_ok=True)  # programs that write there find it read-only, not missing
    os.chdir(room)
    _check(_LIBC.syscall(_PIVOT_ROOT, b".", b"."), "pivot_root")
    _check(_LIBC.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _mount("none", "/", "", _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)


def _is_visible(path: str, visible: dict[str, bool]) -> bool:
    """Whether the nearest enclosing entry is shown."""
    while path != "/":
        if path in visible:
            return visible[path]
        path = os.path.dirname(path)
    return False


def _show(path: str, room: str, visible: dict[str, bool], *, writable: bool = False) -> None:
    """Bind one path into the new root, with the symbolic links that lead to it."""
    real = _make_way(path, room)
    if _is_visible(real, visible) and not writable:
        return
    target = room + real
    if os.path.isdir(real):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(real, target, "", _BIND | _RECURSIVE)
    if not writable:
        _mount("none", target, "", _REMOUNT | _BIND | _READ_ONLY | (os.statvfs(real).f_flag & _LOCKED))
    visible[real] = True


def _make_way(path: str, room: str) -> str:
    """Repeat in the new root the symbolic links on the way to `path`; returns where they lead."""
    for _ in range(40):
        way = "/"
        for part in path.strip("/").split("/"):
            place = os.path.join(way, part)
            if os.path.islink(place):
                aim = os.readlink(place)
                if not os.path.lexists(room + place):
                    os.makedirs(room + way, exist_ok=True)
                    os.symlink(aim, room + place)
                path = os.path.normpath(os.path.join(way, aim, path[len(place) :].lstrip("/")))
                break
            way = place
        else:
            return path
    raise OSError(errno.ELOOP, "too many symbolic links", path)


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    result = _LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    _check(result, target)


def _check(result: int, place: str) -> None:
    if reason := _failure(result):
        raise OSError(ctypes.get_errno(), reason, place)


def _failure(result: int) -> str:
    return os.strerror(ctypes.get_errno()) if result < 0 else ""
