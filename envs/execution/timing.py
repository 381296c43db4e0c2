"""How long a program may run: processor time decides, scaled from the reference measured on this machine.

A program first runs against the wall clock, which is cheap and right on a machine with nothing else to do. Only one
that was stopped is looked at again, where that could change its verdict: if the machine had kept it waiting, or if the
problem's reference takes so long here that the limit has to be higher. So a slow or busy machine does not change a
score, and a quiet one pays nothing for it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codegym.envs.execution.work import Ended
from codegym.envs.problems.problem import Limits

_LOAD: Final = Path("/proc/loadavg")

LOOKS: Final = 3
"""How often a stopped program is run again at most."""

_NEARLY: Final = 0.9  # of its processor time: what is stopped with more of it used up is really too slow
_QUICK: Final = 0.05  # of the limit: where the reference needs less, a program that needs most of it is too slow anyway
_MOST: Final = 0.7
_ASLEEP: Final = 0.02  # of the wall time: what used less was waiting for something else than a processor
_BUSY: Final = 2.0  # that want a core, each: where they may have had nearly all of it
_WIDER: Final = 2.0
_CALM: Final = 4.0  # times its processor time, on any machine
_MOST_WALL: Final = 40.0  # on the busiest one


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


def crowd() -> float:
    """How many processes want a core of this machine, now or lately, each."""
    running = _LOAD.read_text().split()[3].partition("/")[0] if _LOAD.exists() else 0
    return max(os.getloadavg()[0], float(running)) / (os.cpu_count() or 1)


def patience(crowd: float) -> float:
    """How many times its processor time a process may take by the wall, where so many want a core."""
    return min(max(_CALM, _WIDER * crowd), _MOST_WALL)


def next_clock(clock: Clock, limits: Limits, reference: float, stopped: Sequence[Ended], crowd: float) -> Clock | None:
    """The clock of another look at programs that were stopped, or None where that would change nothing.

    A program that sleeps looks like one that the machine keeps waiting, but for what the kernel counts: the time in
    which it wanted a core and had none. All its other time counts against it, so that load gives a sleeper no more
    than a calm machine does. Where the kernel does not count, the wall is stretched no further than the number of
    others that want a core explains, and where hardly anybody wants one, a program that hardly ran has slept.

    Args:
        clock: of the last look.
        limits: of the problem.
        reference: processor seconds that the problem's reference needs.
        stopped: how the programs ended that are in question.
        crowd: see the function of that name.
    """
    seconds = allowed(limits, reference)
    stretched = clock.wall / clock.seconds
    nearly = _MOST if 0.0 < reference < _QUICK * clock.seconds else _NEARLY
    stretches = [
        min(_WIDER * end.seconds / max(end.cpu, 1e-3), most)
        for end in stopped
        if stretched < (most := _most(end, crowd)) and _starved(end, clock, crowd, nearly)
    ]
    if seconds <= clock.seconds and not stretches:
        return None
    return Clock(seconds, seconds * max([stretched, *stretches]))


def enforce(clock: Clock, end: Ended) -> None:
    """Count a program that the stretched wall clock let finish as stopped where it used more than its time."""
    if clock.wall > clock.seconds and end.cpu > clock.seconds and not end.timed_out:
        end.timed_out = True
        end.frames = [frame for frame in end.frames if frame.startswith(b'["statements"')]


def _most(end: Ended, crowd: float) -> float:
    """How many times its processor time a program may take by the wall."""
    if end.waited is None:
        return patience(crowd)
    return min(_CALM * end.seconds / max(end.seconds - end.waited, 1e-3), _MOST_WALL)


def _starved(end: Ended, clock: Clock, crowd: float, nearly: float) -> bool:
    wanted = end.cpu + (end.waited or 0.0)
    slept = wanted < _ASLEEP * end.seconds and (crowd < _BUSY or end.waited is not None)
    return end.timed_out and end.cpu < nearly * clock.seconds and not slept
