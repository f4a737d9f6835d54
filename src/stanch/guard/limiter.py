"""Bounded concurrency with a bounded queue, for one control, on one event loop."""

import asyncio
from collections import deque
from enum import StrEnum

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
        return self in {Decision.REFUSED_FULL, Decision.REFUSED_LATE}


class Limiter:
    """First come, first served. Every admission is paid back with `leave`."""

    __slots__ = ("_clock", "_lifted", "_running", "_waiting", "control")

    def __init__(self, control: ConcurrencyLimit, clock: Clock) -> None:
        self.control = control
        self._clock = clock
        self._lifted = False
        self._running = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()

    @property
    def running(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def enter(self) -> Decision:
        """Admit now, wait for a place, or refuse."""
        if self._has_room() and not self._waiting:
            self._running += 1
            return Decision.ADMITTED
        if len(self._waiting) >= self.control.queue:
            return Decision.REFUSED_FULL
        return Decision.ADMITTED_LATE if await self._wait() else Decision.REFUSED_LATE

    def leave(self) -> None:
        """An admitted request has been answered."""
        self._running -= 1
        self._wake()

    def change(self, control: ConcurrencyLimit) -> None:
        """Hold to new numbers from now on; who runs stays, who waits may come in."""
        self.control = control
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

    async def _wait(self) -> bool:
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        timer = asyncio.ensure_future(self._clock.sleep(self.control.max_wait_s))
        timer.add_done_callback(lambda _: self._give_up(place))
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.leave()
            elif place in self._waiting:
                self._waiting.remove(place)
            raise
        finally:
            timer.cancel()

    def _give_up(self, place: asyncio.Future[bool]) -> None:
        if place in self._waiting:
            self._waiting.remove(place)
            place.set_result(False)
