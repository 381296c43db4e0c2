"""Landlock: what files, sockets and signals candidate code may reach, as far as this kernel can say (ABI 1 to 7).

Stdlib only and importable under `python -I`. A rule set is made once, in the fork server; every child inherits it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

_LIBC = ctypes.CDLL(None, use_errno=True)
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_AND_REMOVE = 0x1FF0  # remove directory and file, make each kind of file: bits 4 to 12
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15  # ABI 2, 3 and 5
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_TCP = 0b11  # bind and connect, ABI 4
_SCOPES = 0b11  # abstract sockets and signals, ABI 6


def abi() -> int:
    """The Landlock ABI of the running kernel; 0 where there is none."""
    version = int(_LIBC.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION))
    return max(version, 0)


def restrict(
    *,
    read: Iterable[str] = (),
    list_only: Iterable[str] = (),
    write: Iterable[str] = (),
    execute: Iterable[str] = (),
    scoped: bool = True,
) -> str:
    """Take from this process and all it starts every file, TCP port, abstract socket and outside signal but these.

    Needs no_new_privs. Paths that do not exist are skipped; descriptors opened earlier keep what they could do.

    Args:
        read: files, or folders with all they hold, that may be read.
        list_only: folders whose names may be listed; nothing in them may be read.
        write: folders in which everything but devices may be made, changed and removed; files that may be written.
        execute: files, or folders with all they hold, that may also be executed.
        scoped: forbid signals and abstract sockets out of the domain (ABI 6).

    Returns:
        What is in force, in words.

    Raises:
        OSError: where the kernel has no Landlock, or refuses.
    """
    version = abi()
    if version < 1:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    files = _EXECUTE | _WRITE_FILE | _READ_FILE | _READ_DIR | _MAKE_AND_REMOVE
    files |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    files |= _IOCTL_DEVICE if version >= 5 else 0
    attributes = struct.pack("QQQ", files, _TCP, _SCOPES if scoped else 0)
    attributes = attributes[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = _check(_LIBC.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    try:
        reading = _READ_FILE | _READ_DIR
        for paths, rights in (
            (read, reading),
            (list_only, _READ_DIR),
            (write, files & ~_EXECUTE & ~_IOCTL_DEVICE),
            (execute, reading | _EXECUTE),
        ):
            for path in paths:
                _allow(ruleset, path, rights & files)
        _check(_LIBC.syscall(_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)
    names = ["files", *["TCP"] * (version >= 4), *["signals and abstract sockets"] * (version >= 6 and scoped)]
    return f"ABI {version}: {', '.join(names)}"


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # an optional path, such as /lib64, that this machine lacks or this user may not enter
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _FOR_FILES
        if rights:
            _check(_LIBC.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0))
    finally:
        os.close(place)


def _check(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)
