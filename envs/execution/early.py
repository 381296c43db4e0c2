"""Zygotes of the default executor, started before the rest of this package is imported: else a core would be idle.

For commands that are done in about a second; `Executor` takes them where it would start the same.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from codegym.envs.errors import InfrastructureError
from codegym.envs.execution.isolation import LAYERS
from codegym.envs.execution.server import ZygoteServer, interpreter, own_core

_begun: Final[list[ZygoteServer]] = []
_owners: Final[set[int]] = set()


def begin() -> None:
    """Start what `Executor()` would start at its first run; what nobody takes ends with this process.

    Where the executor is imported already there is nothing to win.
    """
    if "codegym.envs.execution.executor" in sys.modules:
        return
    workers = len(os.sched_getaffinity(0))
    _owners.add(os.getpid())
    atexit.register(_close)
    with contextlib.suppress(InfrastructureError):  # the run will start what is missing, or say why it cannot
        for place in range(workers):
            _begun.append(ZygoteServer("plain", interpreter(None), LAYERS, own_core(place, workers)))


def zygote(profile: str, python: str, layers: Sequence[str], core: int | None) -> ZygoteServer:
    """A zygote as asked for: one that was started early, or a new one."""
    if os.getpid() in _owners:  # and not in a forked child
        for begun in _begun:
            if begun.started_as == (profile, python, tuple(layers), core):
                _begun.remove(begun)
                return begun
    return ZygoteServer(profile, python, layers, core)


def _close() -> None:
    while _begun and os.getpid() in _owners:
        _begun.pop().close()
