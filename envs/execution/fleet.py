"""The zygotes of an engine: started side by side, in use from the moment that each of them serves."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Final

from codegym.envs.execution.server import START_SECONDS, ZygoteServer

_MILLISECONDS: Final = 1000.0


class Fleet:
    """Zygotes by profile, `workers` of each.

    Args:
        workers: zygotes of a profile.
        start: makes the zygote of a profile and a place among its `workers`.
        expect: called with a zygote that is starting; `arrive` is to be called when it says something.
        serves: called with a zygote that serves.
    """

    def __init__(
        self,
        workers: int,
        start: Callable[[str, int], ZygoteServer],
        expect: Callable[[ZygoteServer], None],
        serves: Callable[[ZygoteServer], None],
    ) -> None:
        self.workers = workers
        self._start, self._expect, self._serves = start, expect, serves
        self._serving: dict[str, list[ZygoteServer]] = {}
        self._starting: dict[ZygoteServer, float] = {}  # until when
        self._places: dict[ZygoteServer, int] = {}

    def of(self, profile: str) -> list[ZygoteServer]:
        """The zygotes of a profile that serve; starts all of them, and waits for one.

        Raises:
            InfrastructureError: one does not start.
        """
        if profile not in self._serving:
            self._serving[profile] = []
            for place in range(self.workers):
                zygote = self._start(profile, place)
                self._places[zygote] = place
                self._starting[zygote] = time.monotonic() + START_SECONDS
                self._expect(zygote)
        serving = self._serving[profile]
        if not serving:
            self._await_first([zygote for zygote in self._starting if zygote.profile == profile])
        return serving

    def serving(self) -> list[ZygoteServer]:
        """The zygotes that serve now, of all profiles."""
        return [zygote for zygotes in self._serving.values() for zygote in zygotes]

    def every(self) -> list[ZygoteServer]:
        """Those that serve, and those that are starting."""
        return [*self.serving(), *self._starting]

    def settle(self) -> None:
        """Wait for those that are starting."""
        for zygote in [*self._starting]:
            self.arrive(zygote)

    def arrive(self, zygote: ZygoteServer) -> None:
        """Take a zygote that was expected, as soon as it serves.

        Raises:
            InfrastructureError: it does not start.
        """
        zygote.await_ready(self._starting.pop(zygote) - time.monotonic())
        self._serves(zygote)
        self._serving[zygote.profile].append(zygote)

    def keep_time(self, now: float) -> None:
        """Do not go on for ever without one that hangs while it starts.

        Raises:
            InfrastructureError: there is such a one.
        """
        for zygote in [zygote for zygote, until in self._starting.items() if until < now]:
            self.arrive(zygote)

    def replace(self, zygote: ZygoteServer) -> None:
        """End a zygote that serves and start another one in its place.

        Raises:
            InfrastructureError: it does not start.
        """
        zygotes, place = self._serving[zygote.profile], self._places.pop(zygote)
        zygotes.remove(zygote)
        zygote.close()
        fresh = self._start(zygote.profile, place)
        self._places[fresh] = place
        self._starting[fresh] = time.monotonic() + START_SECONDS
        self.arrive(fresh)

    def close(self) -> None:
        """Kill all of them."""
        every = self.every()
        for zygote in every:  # all of them free their memory at the same time
            zygote.end()
        for zygote in every:
            zygote.close()
        self._serving.clear()
        self._starting.clear()
        self._places.clear()

    def _await_first(self, zygotes: list[ZygoteServer]) -> None:
        poll = select.poll()
        for zygote in zygotes:
            poll.register(zygote.control, select.POLLIN)
        heard = {number for number, _ in poll.poll(_MILLISECONDS * START_SECONDS)}
        for zygote in zygotes:
            if zygote.control.fileno() in heard or not heard:  # which it then says
                self.arrive(zygote)
