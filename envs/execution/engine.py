"""One thread drives all zygotes: starts programs, hears how they end, and keeps the wall clock.

Work comes as generators that yield what they need (`Run`, a list of `Run`, `Dialogue`, or `Shared`) and are resumed
with how it ended. At most one program runs in a zygote at a time; the next one already waits in the kernel for its
turn, so that a core never idles while this thread compares results. The thread sleeps in one epoll and looks at a
channel only when its process is gone, or has been running for some milliseconds: one wake-up per program.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from codegym.envs.execution.fleet import Fleet
from codegym.envs.execution.referees import Referees
from codegym.envs.execution.running import Active, Talk
from codegym.envs.execution.server import Child, ZygoteServer
from codegym.envs.execution.work import Dialogue, Ended, Run, Shared, Work

_DEPTH: Final = 2  # programs given to a zygote: one runs, one waits for its turn
_DEEP: Final = 6  # the same while there are many, so that none stands idle where this thread is held up
_AHEAD: Final = 8  # children that wait for a program
_ROOM: Final = 64  # works that are open at most, for each worker and for the judge; an eighth, where none is idle
_LOOK_AFTER: Final = 0.005  # seconds after which a running program's output is read while it runs
_HELD_UP: Final = 0.5  # seconds that this loop wakes too late: it was stopped, or the whole machine was
_GRACE: Final = 5.0  # seconds for a killed process to be gone; then its zygote goes
_ATTEMPTS: Final = 2
_SAME_SIZE: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW


class Engine:
    """The zygotes of one executor and the loop over them. Not thread-safe: one `drive` at a time.

    Args:
        workers: zygotes per profile.
        start: makes the zygote of a profile and a place among its `workers`.
    """

    def __init__(self, workers: int, start: Callable[[str, int], ZygoteServer]) -> None:
        self.workers = workers
        self._poll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self.zygotes = Fleet(workers, start, self._expect, self._listen)
        self._queues: dict[str, deque[Active]] = {}
        self._referees = Referees(self, 2 * workers)
        self._actives: dict[Child, Active] = {}
        self._idle = 0  # works that wait for shared work of others
        self.restarts = 0

    def drive(self, works: Iterable[Work], done: Callable[[int, Any], None]) -> None:
        """Run generators to their ends, side by side.

        Args:
            works: the generators; each is asked for when there is room for it.
            done: called with the place of each and what it returned, as soon as it has.
        """
        waiting = enumerate(works)
        more, open_works, room = True, 0, _ROOM * (self.workers + 1)
        self._idle = 0

        def end(index: int, value: Any) -> None:
            nonlocal open_works
            open_works -= 1
            done(index, value)

        try:
            while more or open_works:
                while more and open_works < room and open_works - self._idle < room // 8:
                    index, work = next(waiting, (0, None))
                    more = work is not None
                    if work is not None:
                        open_works += 1
                        self._advance(work, partial(end, index), None)
                self._dispatch()
                if not more and not open_works:
                    break
                pause = self._pause()
                asleep = time.monotonic() + pause
                found = self._poll.poll(pause)
                self._make_up(time.monotonic() - asleep)
                for descriptor, events in found:
                    handler = self._handlers.get(descriptor)
                    if handler is not None:
                        handler(events)
                self._keep_time()
        except BaseException:
            self.close()
            raise

    def layers(self, profile: str = "plain") -> list[dict[str, Any]]:
        """What a zygote of a profile said about its isolation layers."""
        return self.servers(profile)[0].layers

    def processes(self) -> int:
        """How many processes there should be now: zygotes, the ones that wait for them, and their children."""
        self.zygotes.settle()
        zygotes = self.zygotes.serving()
        waiting: int = sum(layer["name"] == "namespaces" and bool(layer["on"]) for z in zygotes for layer in z.layers)
        return len(zygotes) + waiting + sum(len(zygote.children) for zygote in zygotes)

    def close(self) -> None:
        """Kill every process and forget all work. The end of this engine."""
        self.zygotes.close()
        for active in self._actives.values():
            self._release(active)
        self._poll.close()
        self._actives.clear()

    # What works ask for

    def _advance(self, work: Work, end: Callable[[Any], None], value: Any) -> None:
        """Give a work what it waited for, and see to what it wants next."""
        try:
            wanted = work.send(value)
        except StopIteration as stop:
            end(stop.value)
            return
        resume = partial(self._advance, work, end)
        if isinstance(wanted, Run):
            self.queue(Active(wanted, resume))
        elif isinstance(wanted, Dialogue):
            self._referees.add(Talk(wanted, resume))
        elif isinstance(wanted, Shared):
            self._wait_for(wanted, lambda: resume(None))
        else:
            ends: list[Any] = [None] * len(wanted)
            left = len(wanted)

            def one_done(index: int, end: Ended) -> None:
                nonlocal left
                ends[index] = end
                left -= 1
                if not left:
                    resume(ends)

            for index, run in enumerate(wanted):
                self.queue(Active(run, partial(one_done, index)))

    def _wait_for(self, shared: Shared, resume: Callable[[], None]) -> None:
        def end(_: Any) -> None:
            shared.ended = True
            self._idle -= len(shared.waiting) - 1
            for waiter in shared.waiting:
                waiter()
            shared.waiting.clear()

        if shared.ended:
            resume()
            return
        is_first = not shared.waiting
        shared.waiting.append(resume)
        if is_first:
            self._advance(shared.work, end, None)
        else:
            self._idle += 1

    def queue(self, active: Active) -> None:
        """Have a program run in its turn."""
        self._queues.setdefault(active.run.profile, deque()).append(active)

    def withdraw(self, active: Active) -> None:
        """Do not run a program that has no child yet."""
        with contextlib.suppress(ValueError):
            self._queues[active.run.profile].remove(active)

    # Starting

    def servers(self, profile: str) -> list[ZygoteServer]:
        """The zygotes of a profile that serve, one at least."""
        return self.zygotes.of(profile)

    def _expect(self, zygote: ZygoteServer) -> None:
        self._handlers[zygote.control.fileno()] = lambda events: self.zygotes.arrive(zygote)
        self._poll.register(zygote.control.fileno(), select.EPOLLIN)

    def _listen(self, zygote: ZygoteServer) -> None:
        number = zygote.control.fileno()
        if number not in self._handlers:
            self._poll.register(number, select.EPOLLIN)
        self._handlers[number] = lambda events: self._hear(zygote)

    def _dispatch(self) -> None:
        for profile, queue in list(self._queues.items()):
            if not queue:
                continue
            some = _DEPTH if len(self.servers(profile)) == self.workers else 1  # one is starting, and takes its share
            for depth in range(_DEEP if len(queue) > _DEEP * self.workers else some):
                for zygote in [*self.servers(profile)]:
                    if queue and len(zygote.running) <= depth:
                        self._launch(zygote, queue.popleft())
        self._referees.begin()

    def _launch(self, zygote: ZygoteServer, active: Active) -> None:
        try:
            if not zygote.waiting:
                zygote.waiting += zygote.fork(_AHEAD, "candidate")
            child = zygote.waiting.popleft()
        except OSError:
            self._queues[active.run.profile].appendleft(active)
            self.replace(zygote)
            return
        active.child, active.result = child, Ended()
        self._actives[child] = active
        if not zygote.running:
            active.started = time.monotonic()
        zygote.running.append(active)
        self.send(child, active.run.request, self._open(active))
        if active.dialogue is not None:
            self._watch(active)
        if len(zygote.waiting) < _AHEAD // 2:
            with contextlib.suppress(OSError):  # its death is heard on the control socket
                zygote.waiting += zygote.fork(_AHEAD, "candidate")

    def _open(self, active: Active) -> list[int]:
        """Make the descriptors that travel with a run."""
        run, sent = active.run, []
        if run.coverage:
            shared = os.memfd_create("coverage", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(shared, run.coverage)
            fcntl.fcntl(shared, fcntl.F_ADD_SEALS, _SAME_SIZE)  # cut short, it would kill who reads it here
            active.memory = mmap.mmap(shared, run.coverage)
            sent.append(shared)
        if run.stdin is not None:
            sent.append(_sealed(run.stdin))
            active.stdout, theirs = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(active.stdout, False)
            sent.append(theirs)
        return sent

    def send(self, child: Child, data: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send as much as fits now and the rest when there is room; closes the descriptors."""
        try:
            sent = 0
            if not child.outgoing:
                ancillary = (
                    [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"".join(d.to_bytes(4, "little") for d in descriptors))]
                    if descriptors
                    else []
                )
                with contextlib.suppress(BlockingIOError):
                    sent = child.socket.sendmsg([data], ancillary)
            if sent < len(data):
                child.outgoing += data[sent:]
                self.listen_to(child)
        except OSError:  # it is gone, which its zygote will say
            child.outgoing = b""
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def listen_to(self, child: Child) -> None:
        """Hear what a child says."""
        number = child.socket.fileno()
        mask = select.EPOLLIN | (select.EPOLLOUT if child.outgoing else 0)
        if number in self._handlers:
            self._poll.modify(number, mask)
        else:
            self._handlers[number] = lambda events: self._stir(child, events)
            self._poll.register(number, mask)

    def _watch(self, active: Active) -> None:
        """Read a run's channel and output from now on as they come."""
        active.watched = True
        assert active.child is not None
        self.listen_to(active.child)
        if active.stdout >= 0:
            self._handlers[active.stdout] = lambda events: self._read_output(active)
            self._poll.register(active.stdout, select.EPOLLIN)

    # Hearing

    def _hear(self, zygote: ZygoteServer) -> None:
        ends = zygote.ends()
        if ends is None:
            self.replace(zygote)
            return
        for child in ends:
            active = self._actives.pop(child, None)
            if active is not None:
                self._finish(zygote, active)
            elif child in zygote.waiting:
                zygote.waiting.remove(child)
                self.forget(child)
            else:
                self._referees.died(child)

    def _finish(self, zygote: ZygoteServer, active: Active) -> None:
        child, result = active.child, active.result
        assert child is not None and child.ended is not None
        now = time.monotonic()
        zygote.running.remove(active)
        if zygote.running and zygote.running[0].started is None:
            zygote.running[0].started = now
        _, result.status, result.cpu, _, result.killed, result.denied = child.ended
        if result.killed < 0 and not result.timed_out:  # swept away with another program
            self._release(active)
            self.queue(active)
            return
        child.read(active.run.limit)
        result.flooded |= len(child.received) > active.run.limit
        result.frames += child.take_frames()
        if active.stdout >= 0:
            self._read_output(active)
        result.output = bytes(active.output)
        if active.memory is not None:
            result.coverage = active.memory[:]
        result.seconds = now - active.started if active.started is not None else 0.0
        # The limit on processor time kills too, where this thread was held up and the clock struck late.
        used_up = max(result.seconds, result.cpu) >= min(active.run.seconds, active.run.cpu)
        result.timed_out |= used_up and os.WIFSIGNALED(result.status) and os.WTERMSIG(result.status) == signal.SIGKILL
        self._release(active)
        active.done(result)

    def _release(self, active: Active) -> None:
        """Give back what a run held on this side."""
        if active.child is not None:
            self.forget(active.child)
            active.child = None
        if active.stdout >= 0:
            if active.watched:
                self._unregister(active.stdout)
            os.close(active.stdout)
            active.stdout = -1
        if active.memory is not None:
            active.memory.close()
            active.memory = None
        active.output = bytearray()
        active.started, active.watched, active.killed_at = None, False, None

    def forget(self, child: Child) -> None:
        """Close a child's channel, which ends it if it waits."""
        if child.socket.fileno() >= 0:
            self._unregister(child.socket.fileno())
            child.socket.close()

    def _unregister(self, descriptor: int) -> None:
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def _stir(self, child: Child, events: int) -> None:
        """Something happened on a channel that is watched."""
        if events & select.EPOLLOUT and child.outgoing:
            data, child.outgoing = child.outgoing, b""
            self.send(child, data)
            if not child.outgoing:
                self.listen_to(child)
        if not events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            return
        active = self._actives.get(child)
        is_open = child.read(active.run.limit if active else 1 << 26)
        if active is None:
            self._referees.hear(child)
        elif len(child.received) > active.run.limit:
            active.result.flooded = True
            self._kill(active)
        elif active.dialogue is not None:
            self._referees.hear_candidate(active)
        elif active.run.settles is not None and active.run.settles(child.received):
            self._kill(active)
        if not is_open:
            self._unregister(child.socket.fileno())

    def _read_output(self, active: Active) -> None:
        while len(active.output) <= active.run.limit:
            try:
                data = os.read(active.stdout, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self._unregister(active.stdout)
                return
            active.output += data
        active.result.flooded = True
        self._kill(active)

    # Clocks

    def _pause(self) -> float:
        """Seconds until something must be looked at without being told."""
        now, pause = time.monotonic(), 1.0
        for zygote in self.zygotes.serving():
            if zygote.running:
                active = zygote.running[0]
                if active.started is not None:
                    pause = min(pause, self._next_look(active) - now)
        pause = min(pause, self._referees.next_look(now) - now)
        return max(pause, 0.0)

    def _make_up(self, late: float) -> None:
        """Do not count time in which this process did not run: then the others may not have run either."""
        if late > _HELD_UP:
            for active in self._actives.values():
                active.started = active.started + late if active.started is not None else None
                active.killed_at = active.killed_at + late if active.killed_at is not None else None
            self._referees.make_up(late)

    @staticmethod
    def _next_look(active: Active) -> float:
        assert active.started is not None
        if active.killed_at is not None:
            return active.killed_at + _GRACE
        return active.started + (active.run.seconds if active.watched else min(_LOOK_AFTER, active.run.seconds))

    def _keep_time(self) -> None:
        now = time.monotonic()
        for zygote in self.zygotes.serving():
            active = zygote.running[0] if zygote.running else None
            if active is None or active.started is None or now < self._next_look(active):
                continue
            if active.killed_at is not None:
                self.replace(zygote)
            elif now >= active.started + active.run.seconds:
                self._hear(zygote)  # this thread may be late: it has ended long ago, or its zygote has
                if active.child is not None and zygote.running and zygote.running[0] is active:
                    active.result.timed_out = True
                    active.result.waited = zygote.waited(active.child)
                    self._kill(active)
            else:
                self._watch(active)
        self._referees.keep_time(now)
        self.zygotes.keep_time(now)

    def _kill(self, active: Active) -> None:
        if active.child is not None and active.killed_at is None and active.child.ended is None:
            active.killed_at = time.monotonic()
            active.child.zygote.kill(active.child)

    def replace(self, zygote: ZygoteServer) -> None:
        """A zygote is gone or hangs: start another and run its programs again, once."""
        if zygote not in self.zygotes.serving():
            return
        self.restarts += 1
        self._unregister(zygote.control.fileno())
        actives = list(zygote.running)
        referees = [child for child in zygote.children.values() if child not in self._actives]
        for child in referees:
            self._unregister(child.socket.fileno())
        for active in actives:
            if active.child is not None:
                self._actives.pop(active.child, None)
                self._unregister(active.child.socket.fileno())
        self.zygotes.replace(zygote)
        for child in referees:
            self._referees.died(child)
        for active in actives:
            timed_out, attempts = active.result.timed_out, active.attempts + 1
            seconds = time.monotonic() - active.started if active.started is not None else 0.0
            self._release(active)
            if timed_out:
                active.done(Ended(timed_out=True, status=9, seconds=seconds))
            elif attempts >= _ATTEMPTS:
                active.done(Ended(lost=True))
            else:
                active.attempts = attempts
                self.queue(active)


def _sealed(content: bytes) -> int:
    """Return a descriptor of a read-only file in memory, at its beginning."""
    descriptor = os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SAME_SIZE | fcntl.F_SEAL_WRITE)
    return descriptor
