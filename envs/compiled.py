"""Optional helpers in C: compiled once, where there is a compiler, into the user's cache; without them Python does it.

CODEGYM_HELPER=off switches all of them off.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_COMPILERS = ("cc", "gcc", "clang")
_SECONDS = 60.0


def compiled(name: str, sources: Sequence[Path], flags: Sequence[str]) -> tuple[str, str]:
    """The path of a shared library; or "" and the reason why there is none.

    Args:
        name: of the file, to which a digest of flags and sources is added.
        sources: C files.
        flags: of the compiler, besides those that make a shared library.
    """
    if os.environ.get("CODEGYM_HELPER") == "off":
        return "", "switched off by CODEGYM_HELPER"
    flags = (*flags, "-shared", "-fPIC")
    if sys.platform != "linux" or not all(path.exists() for path in sources):
        return "", "for Linux only"
    source = b"".join(path.read_bytes() for path in sources)
    digest = hashlib.sha256(" ".join((*flags, os.uname().machine)).encode() + source).hexdigest()[:16]
    folder = Path(os.environ.get("CODEGYM_CACHE") or Path.home() / ".cache" / "codegym").expanduser()
    target = folder / f"{name}-{digest}.so"
    try:
        if _is_ours(target):
            return str(target), ""
        return _compile(sources, flags, target)
    except OSError as error:
        return "", f"the cache cannot be used: {error.strerror or error}"


def _compile(sources: Sequence[Path], flags: Sequence[str], target: Path) -> tuple[str, str]:
    import shutil  # both take a while to import, and are needed once
    import tempfile

    compiler = next((found for known in _COMPILERS if (found := shutil.which(known))), None)
    if compiler is None:
        return "", "no C compiler on the path"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as place:
        made = Path(place) / "made.so"
        command = [compiler, *flags, "-o", str(made), *map(str, sources)]
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
        except subprocess.SubprocessError:
            return "", f"{Path(compiler).name} cannot compile it"
        made.chmod(0o755)
        made.replace(target)
    return str(target), ""


def _is_ours(path: Path) -> bool:
    """Whether the file is there and nobody else could have written it: it runs in our processes."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return found.st_uid in (0, os.geteuid()) and not stat.S_IMODE(found.st_mode) & 0o022
