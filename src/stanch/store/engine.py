"""The store: units of work in, values out, on SQLite or PostgreSQL alike.

A unit of work is a plain function of a SQLAlchemy `Connection`. It never awaits, so a transaction never waits for the
network; it never commits or rolls back; an error that it means to survive (a duplicate key) it wraps in
`connection.begin_nested()` or avoids with `ON CONFLICT`. On PostgreSQL it may be run again after a deadlock, so it
has no effect but through its connection.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol, Self, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from stanch.model.clock import Clock
from stanch.model.problem import Unusable
from stanch.store import postgres, sqlite
from stanch.store.entering import OPEN, Entry, attach
from stanch.store.faults import explain, explain_path
from stanch.store.schema import migrate
from stanch.store.wake import Listener, Topics

T = TypeVar("T")


Fence = Callable[[Connection], None]
"""Looks whether a write may still be made; raises where it may not."""


class _Backend(Protocol):
    async def write(self, unit: Callable[[Connection], T], wake: Sequence[str]) -> T: ...

    async def read(self, unit: Callable[[Connection], T]) -> T: ...

    async def close(self) -> None: ...


class _Fenced:
    """A backend that has something looked at before each write."""

    def __init__(self, backend: _Backend, fence: Callable[[], Fence]) -> None:
        self._backend = backend
        self._fence = fence

    async def write(self, unit: Callable[[Connection], T], wake: Sequence[str]) -> T:
        look = self._fence()

        def fenced(connection: Connection) -> T:
            look(connection)
            return unit(connection)

        return await self._backend.write(fenced, wake)

    async def read(self, unit: Callable[[Connection], T]) -> T:
        return await self._backend.read(unit)

    async def close(self) -> None:
        """Nothing of its own is open."""


class Store:
    """Opened once a process, with `Store.open`; an async context manager that closes it."""

    def __init__(self, backend: _Backend, topics: Topics, *, shared: bool) -> None:
        self._backend = backend
        self._topics = topics
        self.shared = shared
        """Whether other processes may be working on it: then what they hold is theirs until its time is over."""

    @classmethod
    async def open(cls, url: str, clock: Clock, *, entry: Entry = OPEN) -> "Store":
        """Open `sqlite:///path` or `postgresql://user@host/database`, brought to this version's schema.

        `entry` takes secrets out of what is written, whoever writes it.
        Raises `Unusable`: not there, not ours, not permitted, damaged, full, or written by a newer version.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise _unreadable() from error
        topics = Topics(clock)
        match parsed.get_backend_name():
            case "sqlite":
                return cls(await _open_sqlite(parsed, topics, entry), topics, shared=False)
            case "postgresql":
                return cls(await _open_postgres(parsed, topics, clock, entry), topics, shared=True)
            case _:
                raise _unreadable()

    async def write(self, unit: Callable[[Connection], T], *, wake: Sequence[str] = ()) -> T:
        """Run `unit` in a transaction and return its value once that is durable; then signal the topics `wake`.

        Raises what the unit raised, with its changes undone; `Unusable` where the database cannot go on. Whoever is
        cancelled while waiting does not undo the unit.
        """
        return await self._backend.write(unit, wake)

    async def read(self, unit: Callable[[Connection], T]) -> T:
        """Run `unit` in a read-only transaction that sees one moment."""
        return await self._backend.read(unit)

    def behind(self, fence: Callable[[], Fence]) -> "Store":
        """The same store, each of whose writes begins with a look in its transaction; what that raises undoes it.

        `fence` is asked for the look when the write is asked for. It is closed with the one that it is of.
        """
        return Store(_Fenced(self._backend, fence), self._topics, shared=self.shared)

    def listen(self, *topics: str) -> AbstractAsyncContextManager[Listener]:
        """Hear of commits that signalled one of `topics`, in this process and, on PostgreSQL, in the others."""
        return self._topics.listen(*topics)

    async def close(self) -> None:
        """Finish what is queued, then let go of everything."""
        await self._backend.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _unreadable() -> Unusable:
    # The address is not repeated: it may hold a password.
    return Unusable(
        "The store's address is not one that Stanch can open.",
        hint="Write `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or `postgresql://user@host:5432/name`.",
    )


async def _open_sqlite(url: URL, topics: Topics, entry: Entry) -> sqlite.SqliteStore:
    if not url.database or url.database == ":memory:":
        raise Unusable(
            "The store's address names no file, and Stanch keeps nothing only in memory.",
            hint="Write `sqlite:///relative/path.db` or `sqlite:////absolute/path.db`.",
        )
    path = Path(url.database)

    def prepare() -> None:
        try:
            sqlite.prepare(path)
        except OSError as error:
            raise explain_path(error, str(path)) from error
        engine = sqlite.engine_for(path)
        try:
            with engine.connect() as connection, connection.begin():
                migrate(connection, str(path))
        except (DBAPIError, sqlite3.Error) as error:
            raise (explain(error, str(path)) or error) from error
        finally:
            engine.dispose()

    await asyncio.to_thread(prepare)
    return sqlite.SqliteStore(path, topics, entry)


async def _open_postgres(url: URL, topics: Topics, clock: Clock, entry: Entry) -> postgres.PostgresStore:
    url = url.set(drivername="postgresql+psycopg")
    where = f"PostgreSQL at {url.host or 'the local socket'}{f':{url.port}' if url.port else ''}/{url.database or ''}"
    engine = postgres.engine_for(url)
    attach(engine, entry)

    def prepare() -> None:
        try:
            with engine.connect() as connection, connection.begin():
                migrate(connection, where)
        except DBAPIError as error:
            engine.dispose()
            raise (explain(error, where) or error) from error
        except BaseException:
            engine.dispose()
            raise

    await asyncio.to_thread(prepare)
    return postgres.PostgresStore(url, where, topics, clock, engine)
