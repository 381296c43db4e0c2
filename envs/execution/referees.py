"""Dialogues: referees decide tests that need their source, and question candidates through the engine."""

from __future__ import annotations

import time
from collections import deque
from typing import Final, Protocol

from codegym.envs.execution import timing
from codegym.envs.execution.running import Active, Talk
from codegym.envs.execution.server import Child, ZygoteServer
from codegym.envs.execution.work import Dialogue, Ended, Verdicts, framed

_STARVED: Final = 0.1  # of its wall time: a referee that used less processor time was kept waiting
_IDLE: Final = 8  # referees that wait for another task of their kind
_SWEEPS: Final = 100  # how often a referee may be lost to its neighbours, which happens only without seccomp


class Processes(Protocol):
    """What dialogues need of the engine."""

    def servers(self, profile: str) -> list[ZygoteServer]:
        """The zygotes of a profile, started."""

    def replace(self, zygote: ZygoteServer) -> None:
        """Start another zygote in the place of one that is gone."""

    def listen_to(self, child: Child) -> None:
        """Hear what a child says."""

    def send(self, child: Child, data: bytes) -> None:
        """Say something to a child."""

    def queue(self, active: Active) -> None:
        """Have a program run in its turn."""

    def withdraw(self, active: Active) -> None:
        """Do not run a program that has no child yet."""

    def forget(self, child: Child) -> None:
        """Close a child's channel, which ends it."""


class Referees:
    """The dialogues of one engine: those that wait, those under way, and referees that wait for work.

    Args:
        processes: of the engine.
        most: dialogues at a time.
    """

    def __init__(self, processes: Processes, most: int) -> None:
        self._processes, self._most = processes, most
        self._waiting: deque[Talk] = deque()
        self._busy: list[Talk] = []
        self._idle: list[tuple[str, str, Child]] = []  # profile, key, process

    def add(self, talk: Talk) -> None:
        """Have a dialogue in its turn."""
        self._waiting.append(talk)

    def begin(self) -> None:
        """Begin as many dialogues as there is room for."""
        while self._waiting and len(self._busy) < self._most:
            self._begin(self._waiting.popleft())

    def next_look(self, now: float) -> float:
        """When the next limit is reached, if nobody says anything before."""
        at = float("inf")
        for talk in self._busy:
            if talk.candidate is not None and talk.candidate.started is None and talk.result.candidate is None:
                talk.started = now  # its candidate waits for a zygote
            if not talk.result.timed_out:
                at = min(at, talk.started + talk.seconds)
        return at

    def make_up(self, late: float) -> None:
        """Do not count time in which nobody ran."""
        for talk in self._busy:
            talk.started += late

    def keep_time(self, now: float) -> None:
        """Kill the referees whose time is up."""
        for talk in list(self._busy):
            if talk.referee is not None and not talk.result.timed_out and now >= talk.started + talk.seconds:
                talk.result.timed_out = True
                talk.referee.zygote.kill(talk.referee)

    def _begin(self, talk: Talk) -> None:
        """Give a task to a referee, and start the candidate it may question."""
        dialogue = talk.dialogue
        referee = self._take_idle(dialogue)
        if referee is None:
            zygote = min(self._processes.servers(dialogue.profile), key=lambda one: len(one.children))
            try:
                referee = zygote.fork(1, "referee")[0]
            except OSError:
                self._waiting.appendleft(talk)
                self._processes.replace(zygote)
                return
        talk.referee, talk.started = referee, time.monotonic()
        talk.seconds = talk.seconds or dialogue.seconds
        self._busy.append(talk)
        self._processes.listen_to(referee)
        self._processes.send(referee, b"".join(map(framed, dialogue.frames)))
        if dialogue.candidate is not None:
            talk.candidate = Active(dialogue.candidate, lambda end: self._candidate_done(talk, end), dialogue=talk)
            self._processes.queue(talk.candidate)

    def _take_idle(self, dialogue: Dialogue) -> Child | None:
        for place, (profile, key, referee) in enumerate(self._idle):
            if profile == dialogue.profile and key == dialogue.key:
                del self._idle[place]
                return referee
        return None

    def _talk_of(self, referee: Child) -> Talk | None:
        return next((talk for talk in self._busy if talk.referee is referee), None)

    def hear(self, referee: Child) -> None:
        """A referee has said something: its verdict, or a question for its candidate."""
        talk = self._talk_of(referee)
        for frame in referee.take_frames():
            if talk is None or talk.finished or talk.result.timed_out:
                return
            if frame.startswith(b'["verdict"'):
                talk.result.frame = frame
                self._rest(talk)
                self._conclude(talk)
            else:
                self._ask(talk, frame)

    def _ask(self, talk: Talk, question: bytes) -> None:
        active = talk.candidate
        if active is None or talk.result.candidate is not None:
            self._tell(talk, b'["gone"]')
            return
        talk.asked = True
        if active.child is None:  # not started yet: it will find the question waiting
            active.run.request += framed(question)
        else:
            self._processes.send(active.child, framed(question))

    def hear_candidate(self, active: Active) -> None:
        """Pass an answer on: one for one question, for more would be read as something else."""
        assert active.child is not None and active.dialogue is not None
        for frame in active.child.take_frames():
            if frame.startswith((b'["statements"', b'["failed"')):
                active.result.frames.append(frame)
            elif active.dialogue.asked:
                active.dialogue.asked = False
                self._tell(active.dialogue, frame)

    def _tell(self, talk: Talk, frame: bytes) -> None:
        if talk.referee is not None:
            self._processes.send(talk.referee, framed(frame))

    def _candidate_done(self, talk: Talk, end: Ended) -> None:
        talk.result.candidate = end
        if talk.finished:
            talk.done(talk.result)
        elif talk.asked:
            talk.asked = False
            self._tell(talk, b'["gone"]')

    def _rest(self, talk: Talk) -> None:
        """Keep a referee for the next task of its kind."""
        assert talk.referee is not None
        self._idle.append((talk.dialogue.profile, talk.dialogue.key, talk.referee))
        if len(self._idle) > _IDLE:
            self._processes.forget(self._idle.pop(0)[2])  # it ends when its channel is closed

    def _conclude(self, talk: Talk) -> None:
        talk.finished = True
        talk.referee = None
        self._busy.remove(talk)
        active = talk.candidate
        if active is not None and talk.result.candidate is None:
            if active.child is None:
                self._processes.withdraw(active)
                talk.result.candidate = Ended()
            else:
                active.child.socket.shutdown(1)  # it ends when nothing more can come
                active.run.seconds = min(active.run.seconds, time.monotonic() - (active.started or 0.0) + 1.0)
                return
        talk.done(talk.result)

    def died(self, referee: Child) -> None:
        """A referee's process is gone."""
        self._idle = [entry for entry in self._idle if entry[2] is not referee]
        talk = self._talk_of(referee)
        if talk is not None and talk.result.timed_out:
            starved = referee.ended is not None and referee.ended[2] < _STARVED * talk.seconds
            if starved and talk.candidate is None and not talk.looked:
                talk.looked, talk.referee, talk.result = True, None, Verdicts()
                talk.seconds = timing.patience(timing.crowd()) * talk.dialogue.seconds
                self._busy.remove(talk)
                self._waiting.append(talk)
            else:
                self._conclude(talk)
        elif talk is not None and talk.candidate is None and (referee.ended is None or referee.ended[4] < 0):
            talk.attempts += 1  # its zygote is gone, or it was swept away with a program
            self._busy.remove(talk)
            if talk.attempts < _SWEEPS:
                self._waiting.append(talk)
            else:
                talk.done(Verdicts(lost=True))
        elif talk is not None:
            if referee.socket.fileno() >= 0:
                referee.read(1 << 26)
                frames = [frame for frame in referee.take_frames() if frame.startswith(b'["verdict"')]
                talk.result.frame = frames[0] if frames else None
            self._conclude(talk)
        self._processes.forget(referee)
