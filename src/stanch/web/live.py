"""Server-sent events: every timeline event as it is written, from where the reader left off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
from litestar.response import Stream

from stanch.incidents import timeline
from stanch.incidents.wording import wording
from stanch.model.incident import Event
from stanch.web.served import Served

BEAT_S = 15.0
"""A comment is sent this often, so that both ends notice a connection that died; and the login is looked at again."""

_POLL_S = 5.0

StillGood = Callable[[], Awaitable[bool]]
"""Whether the login that a stream was opened with is still good."""


class Streams:
    """The open streams of one server; closed together when it ends, so that no reader holds it up."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End every stream at its next breath."""
        self._closing.set()

    async def events(self, after: int | None, still_good: StillGood) -> AsyncIterator[bytes]:
        """The events after position `after`, or from now on, in the order of their commits.

        Until the reader goes, the server ends, or `still_good` (asked at every beat) says that the login has ended.
        """
        position = after if after is not None else await self._served.store.read(timeline.position)

        async def written() -> list[bytes]:
            nonlocal position
            found = await self._served.store.read(lambda rows: timeline.since(rows, position))
            if found:
                position = found[-1][0]
            return [_frame(number, record) for number, record in found]

        async for frame in self.frames((timeline.TOPIC,), written, still_good):
            yield frame

    async def frames(
        self, topics: Sequence[str], written: Callable[[], Awaitable[list[bytes] | None]], still_good: StillGood
    ) -> AsyncIterator[bytes]:
        """What `written` has to tell, asked whenever one of `topics` is signalled, until it says None: the end."""
        store, clock = self._served.store, self._served.clock
        yield b"retry: 1000\n\n"
        said_at = clock.monotonic()
        async with store.listen(*topics) as listener:
            while not self._closing.is_set():
                found = await written()
                if found is None:
                    return
                for frame in found:
                    yield frame
                if clock.monotonic() - said_at >= BEAT_S:
                    said_at = clock.monotonic()
                    if not await still_good():
                        return
                    yield b": still here\n\n"
                if not found:
                    await self._wait(listener)

    async def _wait(self, listener: Any) -> None:
        closing = asyncio.ensure_future(self._closing.wait())
        woken = asyncio.ensure_future(listener.wait(_POLL_S))
        try:
            await asyncio.wait({closing, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            woken.cancel()
            await asyncio.gather(closing, woken, return_exceptions=True)


def response(events: AsyncIterator[bytes]) -> Stream:
    """The stream as an answer that nothing in between may hold back."""
    return Stream(
        events,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def document(record: Event) -> dict[str, Any]:
    """An event as the API tells it: the record, and what it says in words."""
    words = wording(record)
    return {
        "incident_id": record.incident_id,
        "seq": record.seq,
        "at": record.at,
        "kind": record.kind.value,
        "actor": record.actor,
        "text": words.text,
        "detail": words.detail,
        "data": record.data,
        "digest": record.digest,
    }


def _frame(position: int, record: Event) -> bytes:
    """One message; JSON holds no line break, so the data is one line."""
    return b"id: %d\nevent: timeline\ndata: %s\n\n" % (position, msgspec.json.encode(document(record)))
