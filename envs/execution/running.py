"""What the engine has in hand: runs of programs, and dialogues between referees and candidates."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass, field

from codegym.envs.execution.server import Child
from codegym.envs.execution.work import Dialogue, Ended, Run, Verdicts


@dataclass(eq=False)
class Active:
    """A run, waiting for a child or in one.

    Attributes:
        run: what is to be done.
        done: called with how it ended.
        attempts: how often its zygote was lost.
        child: where it runs, None while it waits.
        started: when it had its turn, None before.
        watched: its channel and output are read as they come.
        killed_at: when it was told to die.
        result: what is known of its end.
        stdout: where its output comes from, or -1.
        output: what has come.
        memory: of its coverage.
        dialogue: whose candidate it is.
    """

    run: Run
    done: Callable[[Ended], None]
    attempts: int = 0
    child: Child | None = None
    started: float | None = None
    watched: bool = False
    killed_at: float | None = None
    result: Ended = field(default_factory=Ended)
    stdout: int = -1
    output: bytearray = field(default_factory=bytearray)
    memory: mmap.mmap | None = None
    dialogue: Talk | None = None


@dataclass(eq=False)
class Talk:
    """A dialogue, waiting or under way.

    Attributes:
        dialogue: what is to be done.
        done: called with how it ended.
        attempts: how often its referee was lost to its neighbours.
        seconds: wall limit of this look at it.
        looked: a referee that did not have the processor is given its task twice.
        referee: who decides, None while it waits or when it has.
        candidate: whom it may question.
        started: when the referee got its task.
        finished: there is a verdict.
        asked: a question is with the candidate: it may give one answer.
        result: what is known of its end.
    """

    dialogue: Dialogue
    done: Callable[[Verdicts], None]
    attempts: int = 0
    seconds: float = 0.0
    looked: bool = False
    referee: Child | None = None
    candidate: Active | None = None
    started: float = 0.0
    finished: bool = False
    asked: bool = False
    result: Verdicts = field(default_factory=Verdicts)
