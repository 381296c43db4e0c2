"""How long a process wanted a core and had none, as the kernel counts it: a starved program, or one that sleeps."""

from __future__ import annotations

from collections.abc import Iterable
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


def known_as(number: int, processes: Iterable[int]) -> int:
    """The one of some processes that has this id in its own namespace.

    Raises:
        OSError: one of them is gone.
        ValueError: there is none.
    """
    for process in processes:
        said = Path(f"/proc/{process}/status").read_text().partition("\nNSpid:")[2].partition("\n")[0]
        if said.split()[-1:] == [str(number)]:
            return process
    raise ValueError(f"no process {number}")


def children(process: int) -> list[int]:
    """The processes that a process has started and not reaped, in that order.

    Raises:
        OSError: it is gone, or this kernel does not say.
    """
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
