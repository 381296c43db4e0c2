"""Processor time of this process and everything under it, the dead included, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds() -> float:
    """Seconds of processor time that this process and all its descendants have used, those that are reaped too."""
    me = os.getpid()
    return sum(map(_used, (me, *descendants(me)))) / _TICKS


def descendants(pid: int) -> list[int]:
    """The living processes below one."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        children = [int(n) for task in tasks for n in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:  # gone meanwhile
        return []
    return [found for child in children for found in (child, *descendants(child))]


def _used(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))
