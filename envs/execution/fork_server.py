"""The C helper of fork servers: compiled once, where there is a compiler, into the user's cache.

Without it (no compiler, or CODEGYM_HELPER=off) the same loop runs in Python: slower, and exactly as safe.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

_SOURCES = [Path(__file__).with_name(name) for name in ("fork_server.c", "run_program.c")]
_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-O2", "-shared", "-fPIC", "-Wl,-z,now")  # bound at once: a lazy binding would write while writes are noted
_SECONDS = 60.0


@functools.cache
def library() -> str:
    """The path of the compiled helper; "" where there is none."""
    return examine()[0]


@functools.cache
def examine() -> tuple[str, str]:
    """The path of the compiled helper, or "" and the reason."""
    if os.environ.get("CODEGYM_HELPER") == "off":
        return "", "switched off by CODEGYM_HELPER"
    compiler = next((found for name in _COMPILERS if (found := shutil.which(name))), None)
    if platform.system() != "Linux" or not all(path.exists() for path in _SOURCES):
        return "", "for Linux only"
    source = b"".join(path.read_bytes() for path in _SOURCES)
    digest = hashlib.sha256(" ".join((*_FLAGS, platform.machine())).encode() + source).hexdigest()[:16]
    folder = Path(os.environ.get("CODEGYM_CACHE") or Path.home() / ".cache" / "codegym").expanduser()
    target = folder / f"fork-server-{digest}.so"
    try:
        if _is_ours(target):
            return str(target), ""
        if compiler is None:
            return "", "no C compiler on the path"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            made = Path(place) / "made.so"
            command = [compiler, *_FLAGS, "-o", str(made), *map(str, _SOURCES)]
            subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
            made.chmod(0o755)
            made.replace(target)
    except subprocess.SubprocessError:
        return "", f"{Path(compiler or '').name} cannot compile it"
    except OSError as error:
        return "", f"the cache cannot be used: {error.strerror or error}"
    return str(target), ""


def _is_ours(path: Path) -> bool:
    """Whether the file is there and nobody else could have written it: it runs in every fork server."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return found.st_uid in (0, os.geteuid()) and not stat.S_IMODE(found.st_mode) & 0o022
