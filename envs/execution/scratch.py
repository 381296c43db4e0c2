"""Folders for a process's own use that do not outlive it, even where it is killed.

A folder is locked as long as its process lives. Whoever makes the next one takes away those that nobody holds any more:
a process that gets SIGKILL cannot do it itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path
from typing import Final

_SETTLED: Final = 60.0  # seconds: a younger folder may not be locked yet


class Scratch:
    """An empty folder; removed by `close`, at the end of this process, or by the next process that makes one.

    Args:
        prefix: of its name, which ends in a hyphen; the same for all that are looked after together.
    """

    def __init__(self, prefix: str) -> None:
        _sweep(prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._end = weakref.finalize(self, _remove, os.getpid(), self.path, self._lock)

    def close(self) -> None:
        """Take the folder away."""
        self._end()


def _remove(owner: int, path: Path, lock: int) -> None:
    """Take a folder away, but not in a forked child of its owner."""
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def _sweep(prefix: str) -> None:
    """Take away the folders of this user that no process holds."""
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # in use, another's, or gone meanwhile
            found = path.lstat()
            if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _SETTLED:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
