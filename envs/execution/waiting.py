"""How long a process wanted a core and had none, as the kernel counts it: a starved program, or one that sleeps."""

from __future__ import annotations

from pathlib import Path


def waited(process: int) -> float | None:
    """Seconds in which the thread of a process that waited most was ready to run and did not; None: nobody knows.

    Args:
        process: its id, here.
    """
    try:
        counts = [task.joinpath("schedstat").read_text().split() for task in Path(f"/proc/{process}/task").iterdir()]
    except OSError:  # it is gone, or this kernel does not count, or tells only its owner
        return None
    if not any(int(ran) for ran, _, _ in counts):  # it does not count
        return None
    return max(int(waited) for _, waited, _ in counts) * 1e-9


def children(process: int) -> list[int]:
    """The processes that a process has started and not reaped, in that order.

    Raises:
        OSError: it is gone, or this kernel does not say.
    """
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
