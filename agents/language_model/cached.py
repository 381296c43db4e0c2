"""The cache folder: what takes long to make is made once, whole or not at all, by one process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from codegym.envs.errors import OptionError


def cache_folder() -> Path:
    """$CODEGYM_CACHE, by default ~/.cache/codegym."""
    return Path(os.environ.get("CODEGYM_CACHE") or Path.home() / ".cache" / "codegym").expanduser()


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache; made by `make(empty folder)` if it is not there yet.

    The name must say everything that the content depends on. A killed process leaves nothing that looks finished, and
    a second process waits for the first instead of doing the work twice.

    Raises:
        OptionError: if the cache cannot be written.
    """
    root = cache_folder()
    final = root / name
    if final.is_dir():
        return final
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / f".{name}.lock").open("w")
    except OSError as error:
        raise OptionError(f"Cannot write to the cache {str(root)!r} ({error.strerror}); set CODEGYM_CACHE.") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.is_dir():
            for left in root.glob(f".{name}.*.half"):
                shutil.rmtree(left)
            half = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".half", dir=root))
            try:
                make(half)
                half.chmod(0o755)
                half.rename(final)
            finally:
                if half.exists():
                    shutil.rmtree(half)
    return final
