"""The embedded store: one writer thread with group commit, readers beside it.

A commit costs an fsync whatever it holds, so the writer takes everything that is queued, runs each unit of work in a
savepoint of its own, and commits them together. Readers have their own connections and see the last commit (WAL).
"""

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from stanch.model.problem import Unusable
from stanch.store.entering import OPEN, Entry, attach
from stanch.store.faults import explain, stop_iteration
from stanch.store.wake import Topics, take_topics

T = TypeVar("T")

# RETURNING came with 3.35, in March 2021.
OLDEST = (3, 35, 0)
BUSY_TIMEOUT_S = 5.0
READERS = 4
# A group is closed when it has run this long, so the first of a burst is not kept waiting for the last.
GROUP_S = 0.02
GROUP_UNITS = 1000


@dataclass(slots=True)
class _Unit:
    """One queued unit of work and, once run, what came of it."""

    work: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    topics: set[str]
    value: Any = None
    error: BaseException | None = None


def connect(path: Path, *, reading: bool = False) -> sqlite3.Connection:
    """A connection with the settings that the promises rest on; the transaction statements are the caller's."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S, cached_statements=512
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA journal_size_limit=67108864")
        if reading:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def engine_for(path: Path, *, reading: bool = False) -> Engine:
    """An engine whose transactions begin as this store wants them: writers at once, readers at their first read."""
    begin = "BEGIN" if reading else "BEGIN IMMEDIATE"
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: connect(path, reading=reading),
        poolclass=QueuePool if reading else NullPool,
        **({"pool_size": READERS, "max_overflow": 0} if reading else {}),
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


class SqliteStore:
    """`open` has migrated the file at `path`; this runs the units."""

    def __init__(self, path: Path, topics: Topics, entry: Entry = OPEN) -> None:
        self._path = path
        self._topics = topics
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._closing = False
        self._write_engine = engine_for(path)
        self._read_engine = engine_for(path, reading=True)
        for engine in (self._write_engine, self._read_engine):
            attach(engine, entry)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="stanch-read")
        self._writer = threading.Thread(target=self._write_until_closed, name="stanch-write", daemon=True)
        self._writer.start()

    async def write(self, unit: Callable[[Connection], T], wake: Iterable[str]) -> T:
        self._refuse_when_closing()
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Unit(unit, future, set(wake)))
        return await future

    async def read(self, unit: Callable[[Connection], T]) -> T:
        self._refuse_when_closing()
        return await self._loop.run_in_executor(self._readers, self._read, unit)

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        # What the writer settled last is scheduled on this loop; let it arrive before the owners are gone.
        await asyncio.sleep(0)
        await asyncio.to_thread(self._readers.shutdown)
        self._read_engine.dispose()
        self._write_engine.dispose()

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise Unusable(f"{self._path} is being closed.", hint="Nothing was changed.")

    def _read(self, unit: Callable[[Connection], T]) -> T:
        try:
            with self._read_engine.connect() as connection, connection.begin():
                return unit(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY:  # the unit tried to write
                raise
            raise (explain(error, str(self._path)) or error) from error.__cause__
        except StopIteration as error:
            raise stop_iteration() from error

    # --- the writer's thread ---

    def _write_until_closed(self) -> None:
        connection: Connection | None = None
        while (first := self._queue.get()) is not None:
            group = [first]
            try:
                connection = connection or self._write_engine.connect()
                self._run_group(connection, group)
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs to those who wait, not to the writer
                self._fail(group, error)
                if connection is not None:
                    connection.invalidate()
                    connection.close()
                    connection = None
            try:
                self._loop.call_soon_threadsafe(self._settle, group)
            except RuntimeError:  # the loop was closed without the store, and nobody waits any more
                break
        if connection is not None:
            connection.close()

    def _run_group(self, connection: Connection, group: list[_Unit]) -> None:
        """Run the first unit and what is queued behind it, each added to `group`; commit them together."""
        with connection.begin():
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            self._run_unit(connection, raw, group[0])
            ends = time.monotonic() + GROUP_S
            while len(group) < GROUP_UNITS and time.monotonic() < ends:
                try:
                    unit = self._queue.get_nowait()
                except queue.Empty:
                    break
                if unit is None:  # the store is being closed: leave the word for the loop above
                    self._queue.put(None)
                    break
                group.append(unit)
                self._run_unit(connection, raw, unit)

    def _run_unit(self, connection: Connection, raw: sqlite3.Connection, unit: _Unit) -> None:
        raw.execute("SAVEPOINT unit")
        try:
            unit.value = unit.work(connection)
        except BaseException as error:
            # A full or failing disk makes SQLite undo the whole transaction: then the group is lost, not the unit.
            if not raw.in_transaction:
                raise
            raw.execute("ROLLBACK TO unit")
            unit.error = error
            unit.topics = set()
            take_topics(connection)
        else:
            if not raw.in_transaction:
                raise RuntimeError("a unit of work ended the transaction that it shares")
            unit.topics |= take_topics(connection)
        raw.execute("RELEASE unit")

    def _fail(self, group: list[_Unit], error: BaseException) -> None:
        """Every unit of a group whose transaction is gone gets the reason, but those that raised their own."""
        for unit in group:
            unit.error = unit.error or error
            unit.topics = set()

    def _settle(self, group: list[_Unit]) -> None:
        """On the event loop: tell listeners, then those who wait."""
        self._topics.signal({topic for unit in group for topic in unit.topics})
        for unit in group:
            if unit.future.done():
                continue
            if unit.error is None:
                unit.future.set_result(unit.value)
            else:
                unit.future.set_exception(self._raisable(unit.error))

    def _raisable(self, error: BaseException) -> BaseException:
        raisable = stop_iteration() if isinstance(error, StopIteration) else explain(error, str(self._path))
        if raisable is None:
            return error
        raisable.__cause__ = error
        return raisable


def prepare(path: Path) -> None:
    """Create the file for its owner's eyes only, where it is not there yet.

    Raises `OSError`, and `Unusable` where the SQLite library is older than the statements that are used.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise Unusable(
            f"The SQLite library of this Python is {sqlite3.sqlite_version}, and Stanch needs "
            f"{'.'.join(map(str, OLDEST))} or later.",
            hint="Nothing was changed. Use a Python that brings a newer one, or keep the data in PostgreSQL.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
