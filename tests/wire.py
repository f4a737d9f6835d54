"""A wire between one replica and its database that a test can cut: silently, with a reset, or at one exact write.

`cut("hold")` is a network that lost its way: what is said is kept and arrives when the wire is whole again.
`cut("drop")` loses it: nothing arrives, ever, and the old connections are reset when the wire is whole again.
`cut("reset")` ends every connection at once and refuses new ones. `when` cuts at the commit of a transaction that says
something certain.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

How = Literal["hold", "drop", "reset"]

_CHUNK = 65_536
_ASKS_ABOUT_ENCRYPTION = 8
"""Bytes of what a connection may say before it says who it is."""
_COMMIT = b"COMMIT\x00"
_REMEMBERED = 200_000


@dataclass(kw_only=True)
class Trip:
    """Called once, when a transaction that said all of `words` is committed: before the database hears of the commit,
    or where `delivered`, once it has and before it has answered.
    """

    words: tuple[bytes, ...]
    delivered: bool
    then: Callable[[], None]
    fired: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class _Line:
    """One connection: both ends, and what its open transaction has said so far."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    opening: bytes = b""
    said: bytes = b""


class Wire:
    """A proxy on loopback in front of `port`. An async context manager; `port` is then where the replica connects."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._lines: set[_Line] = set()
        self._accepting: set[asyncio.Task[None]] = set()
        self._whole = asyncio.Event()
        self._whole.set()
        self._how: How | None = None
        self._only: bytes | None = None
        self.trips: list[Trip] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for line in tuple(self._lines):
            _reset(line)
        for task in tuple(self._accepting):
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self, how: How, *, only: bytes | None = None) -> None:
        """Cut it; with `only`, just the connections whose opening says that (an application name)."""
        self._how, self._only = how, only
        self._whole.clear()
        if how == "reset":
            self._reset_all()

    def mend(self) -> None:
        """It carries again. Connections from before a silence in which something was lost are reset."""
        how, self._how = self._how, None
        if how == "drop":
            self._reset_all()
        self._only = None
        self._whole.set()

    def when(self, *words: bytes, delivered: bool, then: Callable[[], None]) -> Trip:
        """Do something at the very commit of a transaction that says all of `words`."""
        trip = Trip(words=words, delivered=delivered, then=then)
        self.trips.append(trip)
        return trip

    def forget(self, trip: Trip) -> None:
        """Do nothing at that commit any more."""
        if trip in self.trips:
            self.trips.remove(trip)

    def _is_cut(self, line: _Line) -> bool:
        return not self._whole.is_set() and (self._only is None or self._only in line.opening)

    def _reset_all(self) -> None:
        for line in tuple(self._lines):
            if self._only is None or self._only in line.opening:
                _reset(line)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._accept(reader, writer))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._how == "reset" and self._only is None:
                _abort(writer)
                return
            if self._only is None:
                # Nobody answers at the other end, and the connection hangs until the wire is whole again.
                await self._whole.wait()
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._to_port)
            try:
                await self._serve(_Line(near=writer, far=far), reader, far_reader)
            finally:
                far.close()
        except OSError:
            _abort(writer)
        finally:
            writer.close()

    async def _serve(self, line: _Line, near: asyncio.StreamReader, far: asyncio.StreamReader) -> None:
        self._lines.add(line)
        ways = {
            asyncio.create_task(self._carry(line, near, line.far, from_near=True)),
            asyncio.create_task(self._carry(line, far, line.near, from_near=False)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._lines.discard(line)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_near: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                if from_near and not line.opening and len(chunk) > _ASKS_ABOUT_ENCRYPTION:
                    line.opening = chunk
                trip = self._tripped(line, chunk) if from_near else None
                if trip is not None and not trip.delivered:
                    self._fire(trip)
                if self._is_cut(line):
                    if self._how == "drop":
                        continue
                    await self._whole.wait()
                writer.write(chunk)
                if trip is not None and trip.delivered:
                    self._fire(trip)  # it is on its way, and what answers it is not yet
                await writer.drain()

    def _tripped(self, line: _Line, chunk: bytes) -> Trip | None:
        """The trip that this chunk sets off: one that waits for what this transaction says, and it commits now."""
        if not self.trips:
            line.said = b""
            return None
        line.said = (line.said + chunk)[-_REMEMBERED:]
        if _COMMIT not in chunk:
            return None
        said, line.said = line.said, b""
        return next((trip for trip in self.trips if all(word in said for word in trip.words)), None)

    def _fire(self, trip: Trip) -> None:
        self.trips.remove(trip)
        trip.then()
        trip.fired.set()


def _reset(line: _Line) -> None:
    _abort(line.near)
    line.far.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    """End it as a host does that knows nothing of the connection."""
    end = writer.get_extra_info("socket")
    if end is not None:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
