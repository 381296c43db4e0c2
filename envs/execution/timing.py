"""How long a program may run: processor time decides, scaled from the reference measured on this machine.

A program first runs against the wall clock, which is cheap and right on a machine with nothing else to do. Only one
that was stopped is looked at again, where that could change its verdict: if the machine had kept it waiting, or if the
problem's reference takes so long here that the limit has to be higher. So a slow or busy machine does not change a
score, and a quiet one pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from codegym.envs.execution.work import Ended
from codegym.envs.problems.problem import Limits

LOOKS: Final = 3
"""How often a stopped program is run again at most."""

_NEARLY: Final = 0.9  # of its processor time: what is stopped with more of it used up is really too slow
_ASLEEP: Final = 0.02  # of the wall time: what used less was waiting for something else than a processor
_WIDER: Final = 2.0
_MOST_WALL: Final = 40.0  # times its processor time


@dataclass(frozen=True)
class Clock:
    """The limits of one look at a program.

    Attributes:
        seconds: of processor time.
        wall: of wall time, after which it is stopped whatever it does.
    """

    seconds: float
    wall: float


def first_clock(limits: Limits) -> Clock:
    """The clock of the first look."""
    return Clock(limits.seconds, limits.seconds)


def allowed(limits: Limits, reference: float) -> float:
    """Processor seconds that a program may use where the reference needs `reference` of them."""
    return min(max(limits.seconds, limits.reference_factor * reference), max(limits.seconds, limits.most_seconds))


def next_clock(clock: Clock, limits: Limits, reference: float, stopped: Sequence[Ended]) -> Clock | None:
    """The clock of another look at programs that were stopped, or None where that would change nothing."""
    seconds = allowed(limits, reference)
    starved = [end for end in stopped if _starved(end, clock)]
    if seconds <= clock.seconds and not starved:
        return None
    stretch = max((_WIDER * end.seconds / max(end.cpu, 1e-3) for end in starved), default=1.0)
    stretch = max(stretch, clock.wall / clock.seconds)
    return Clock(seconds, seconds * min(stretch, _MOST_WALL))


def enforce(clock: Clock, end: Ended) -> None:
    """Count a program that the stretched wall clock let finish as stopped where it used more than its time."""
    if clock.wall > clock.seconds and end.cpu > clock.seconds and not end.timed_out:
        end.timed_out = True
        end.frames = [frame for frame in end.frames if frame.startswith(b'["statements"')]


def _starved(end: Ended, clock: Clock) -> bool:
    return end.timed_out and _ASLEEP * end.seconds <= end.cpu < _NEARLY * clock.seconds
