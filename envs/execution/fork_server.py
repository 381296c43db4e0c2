"""The C helper of fork servers: compiled once, where there is a compiler, into the user's cache.

Without it (no compiler, or CODEGYM_HELPER=off) the same loop runs in Python: slower, and exactly as safe.
"""

from __future__ import annotations

import functools
from pathlib import Path

from codegym.envs.compiled import compiled

_SOURCES = [Path(__file__).with_name(name) for name in ("fork_server.c", "memory.c", "nursery.c", "run_program.c")]
_FLAGS = ("-O2", "-Wl,-z,now")  # bound at once: a lazy binding would write while writes are noted


@functools.cache
def library() -> str:
    """The path of the compiled helper; "" where there is none."""
    return examine()[0]


@functools.cache
def examine() -> tuple[str, str]:
    """The path of the compiled helper, or "" and the reason."""
    return compiled("fork-server", _SOURCES, _FLAGS)
