"""Bounded concurrency with a bounded queue, for one control, on one event loop."""

import asyncio
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from stanch.model.clock import Clock
from stanch.model.traffic import ConcurrencyLimit


class Decision(StrEnum):
    """What became of a request, as it is counted."""

    ADMITTED = "admitted"
    ADMITTED_LATE = "admitted_late"
    REFUSED_FULL = "refused_full"
    REFUSED_LATE = "refused_late"

    @property
    def refused(self) -> bool:
        return self is Decision.REFUSED_FULL or self is Decision.REFUSED_LATE


class Count(Protocol):
    """A counter of one decision."""

    def inc(self) -> None: ...


Counts = Mapping[Decision, Count]


class Limiter:
    """First come, first served. Every admission is paid back with `leave`."""

    __slots__ = ("_below", "_clock", "_exact", "_lifted", "_running", "_waiting", "control", "counts")

    def __init__(self, control: ConcurrencyLimit, clock: Clock, counts: Counts) -> None:
        self._clock = clock
        self._lifted = False
        self._running = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self.counts = counts
        self._hold_to(control)

    def _hold_to(self, control: ConcurrencyLimit) -> None:
        self.control = control
        self._exact = control.path.rstrip("/")
        self._below = f"{self._exact}/"

    def covers(self, path: str) -> bool:
        """As the control's own `covers`, prepared for being asked with every request."""
        return path.startswith(self._below) or path == self._exact

    @property
    def running(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def enter(self) -> Decision | None:
        """Admit or refuse now; None where the request has to `wait`."""
        if self._has_room() and not self._waiting:
            self._running += 1
            return Decision.ADMITTED
        return Decision.REFUSED_FULL if len(self._waiting) >= self.control.queue else None

    async def wait(self) -> Decision:
        """Take a place in the queue, until somebody leaves or the time is up."""
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        timer = asyncio.ensure_future(self._clock.sleep(self.control.max_wait_s))
        timer.add_done_callback(lambda _: self._give_up(place))
        try:
            return Decision.ADMITTED_LATE if await place else Decision.REFUSED_LATE
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.leave()
            elif place in self._waiting:
                self._waiting.remove(place)
            raise
        finally:
            timer.cancel()

    def leave(self) -> None:
        """An admitted request has been answered."""
        self._running -= 1
        self._wake()

    def change(self, control: ConcurrencyLimit) -> None:
        """Hold to new numbers from now on; who runs stays, who waits may come in."""
        self._hold_to(control)
        self._wake()

    def lift(self) -> None:
        """The control is over: whoever waits comes in."""
        self._lifted = True
        self._wake()

    def _has_room(self) -> bool:
        return self._lifted or self._running < self.control.limit

    def _wake(self) -> None:
        while self._waiting and self._has_room():
            self._running += 1
            self._waiting.popleft().set_result(True)

    def _give_up(self, place: asyncio.Future[bool]) -> None:
        if place in self._waiting:
            self._waiting.remove(place)
            place.set_result(False)
