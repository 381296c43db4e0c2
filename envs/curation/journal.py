"""Journal: what a long proof has found so far, kept in the cache folder, so that the same command resumes."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codegym.envs.files import append_lines, drop_incomplete_line


class Journal:
    """Results by name, a JSON line each, in a file that goes when the work is done.

    Args:
        key: what decides the results (set, options); the source of this package is always part of it, so that
            what an earlier version found is found again.
    """

    def __init__(self, *key: object) -> None:
        name = hashlib.sha256(json.dumps([_sources(), *map(str, key)]).encode()).hexdigest()[:24]
        root = Path(os.environ.get("CODEGYM_CACHE") or Path.home() / ".cache" / "codegym").expanduser()
        self._path = root / "verify" / f"{name}.jsonl"
        self._known: dict[str, Any] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._keeps = os.access(self._path.parent, os.W_OK)
        except OSError:
            self._keeps = False  # a cache that cannot be written costs the resuming, not the proof
        if self._keeps and self._path.exists():
            drop_incomplete_line(self._path)
            self._known = dict(map(json.loads, self._path.read_text(encoding="utf-8").splitlines()))

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """The result of that name: from the file, or made now (JSON values only) and written down."""
        if name not in self._known:
            self._known[name] = make()
            if self._keeps:
                append_lines(self._path, [json.dumps([name, self._known[name]])])
        return self._known[name]

    def close(self) -> None:
        """Forget the file: the work is done."""
        if self._keeps:
            self._path.unlink(missing_ok=True)


@functools.cache
def _sources() -> str:
    """Hash of every file of `codegym.envs` that is not compiled."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*")):
        if path.suffix in (".py", ".txt", ".json", ".c", ".hpp"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
