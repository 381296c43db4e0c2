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
_MOST_LINKS: Final = 40  # on the way to a file, as the kernel has it
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
    paths = _Paths()
    real = [paths.real(path) for path in (*shown, *write)]
    rooms = [r for r in ("/tmp", "/mnt", "/run", "/var/tmp", "/srv") if os.path.isdir(r)]
    room = next((r for r in rooms if not any(path == r or path.startswith(r + "/") for path in real)), None)
    if room is None:
        raise OSError(errno.ENOENT, "no folder to build a root in")
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    _mount("tmpfs", room, "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
    root = _NewRoot(room, paths)
    covers = list(dict.fromkeys(paths.real(path) for path in hidden if os.path.isdir(path)))
    within = tuple(cover + "/" for cover in covers)
    there = [path for path in shown if os.path.lexists(path)]
    for path in there:
        if not paths.real(path).startswith(within):
            root.show(path)
    for cover in covers:
        if root.is_visible(cover):
            _mount("tmpfs", room + cover, "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
            root.visible[cover] = False
    for path in there:
        root.show(path)
    for path in write:
        root.show(path, writable=True)
    for cover in (path for path, is_shown in root.visible.items() if not is_shown):
        _mount("none", room + cover, "", _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)
    os.makedirs(room + "/tmp", exist_ok=True)  # programs that write there find it read-only, not missing
    os.chdir(room)
    _check(_LIBC.syscall(_PIVOT_ROOT, b".", b"."), "pivot_root")
    _check(_LIBC.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _mount("none", "/", "", _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)


class _Paths:
    """Where paths lead. Hundreds share their folders, so that each place is looked at once."""

    def __init__(self) -> None:
        self._aims: dict[str, str] = {}  # of symbolic links; "" for whatever is none

    def real(self, path: str) -> str:
        """The path without symbolic links."""
        return self.links(path)[1]

    def links(self, path: str) -> tuple[list[tuple[str, str]], str]:
        """The symbolic links on the way, each a place and its aim, and where they lead."""
        found = []
        while (step := self._first_link(path)) is not None:
            place, aim = step
            found.append(step)
            if len(found) > _MOST_LINKS:
                raise OSError(errno.ELOOP, "too many symbolic links", path)
            path = os.path.normpath(os.path.join(os.path.dirname(place), aim, path[len(place) :].lstrip("/")))
        return found, path

    def _first_link(self, path: str) -> tuple[str, str] | None:
        end = 0
        while 0 <= end < len(path):
            end = path.find("/", end + 1)
            place = path if end < 0 else path[:end]
            aim = self._aims.get(place)
            if aim is None:
                aim = self._aims[place] = os.readlink(place) if os.path.islink(place) else ""
            if aim:
                return place, aim
        return None


class _NewRoot:
    """A root under construction.

    Args:
        room: the folder that becomes the root.
        paths: where the paths of the old one lead.

    Attributes:
        visible: real paths, shown or covered.
    """

    def __init__(self, room: str, paths: _Paths) -> None:
        self._room, self._paths = room, paths
        self.visible: dict[str, bool] = {}

    def is_visible(self, path: str) -> bool:
        """Whether the nearest enclosing entry is shown."""
        while path != "/":
            if path in self.visible:
                return self.visible[path]
            path = os.path.dirname(path)
        return False

    def show(self, path: str, *, writable: bool = False) -> None:
        """Bind one path into the new root, with the symbolic links that lead to it."""
        links, real = self._paths.links(path)
        for place, aim in links:
            if not os.path.lexists(self._room + place):
                os.makedirs(self._room + os.path.dirname(place), exist_ok=True)
                os.symlink(aim, self._room + place)
        if self.is_visible(real) and not writable:
            return
        target = self._room + real
        if os.path.isdir(real):
            os.makedirs(target, exist_ok=True)
        elif not os.path.exists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(real, target, "", _BIND | _RECURSIVE)
        if not writable:
            _mount("none", target, "", _REMOUNT | _BIND | _READ_ONLY | (os.statvfs(real).f_flag & _LOCKED))
        self.visible[real] = True


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    result = _LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    _check(result, target)


def _check(result: int, place: str) -> None:
    if reason := _failure(result):
        raise OSError(ctypes.get_errno(), reason, place)


def _failure(result: int) -> str:
    return os.strerror(ctypes.get_errno()) if result < 0 else ""
