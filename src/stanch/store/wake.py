"""Topics: who writes says which, who waits hears of it after the commit."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from sqlalchemy import Connection

from stanch.model.clock import Clock

_KEY = "stanch.wake"


def wake(connection: Connection, *topics: str) -> None:
    """Signal `topics` if and when the unit of work that calls this is committed."""
    connection.info.setdefault(_KEY, set()).update(topics)


def take_topics(connection: Connection) -> set[str]:
    """The topics that the unit now ending asked for; asked again, none."""
    topics: set[str] = connection.info.pop(_KEY, set())
    return topics


class Listener:
    """Hears of its topics. A wake that comes while nobody waits is kept for the next `wait`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken = asyncio.Event()

    def signal(self) -> None:
        self._woken.set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """True when woken, False when `timeout_s` of the store's clock went by first."""
        if not self._woken.is_set() and timeout_s is None:
            await self._woken.wait()
        elif not self._woken.is_set() and timeout_s is not None:
            woken = asyncio.ensure_future(self._woken.wait())
            timer = asyncio.ensure_future(self._clock.sleep(timeout_s))
            try:
                await asyncio.wait({woken, timer}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()
                timer.cancel()
                await asyncio.gather(woken, timer, return_exceptions=True)
        heard = self._woken.is_set()
        self._woken.clear()
        return heard


class Topics:
    """The listeners of one process, by topic."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: dict[str, set[Listener]] = {}

    @asynccontextmanager
    async def listen(self, *topics: str) -> AsyncIterator[Listener]:
        listener = Listener(self._clock)
        for topic in topics:
            self._listeners.setdefault(topic, set()).add(listener)
        try:
            yield listener
        finally:
            for topic in topics:
                self._listeners[topic].discard(listener)

    def signal(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for listener in tuple(self._listeners.get(topic, ())):
                listener.signal()

    def signal_all(self) -> None:
        """For when what was said may have been missed: everybody looks."""
        self.signal(tuple(self._listeners))
