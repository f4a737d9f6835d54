"""The store of several replicas: one transaction a unit on a small pool, NOTIFY to wake the others.

A unit that PostgreSQL undoes for the sake of another (deadlock, serialization), or whose connection is gone before it
was committed, is run again: it must have no effect but through its connection.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from stanch.model.clock import Clock
from stanch.model.problem import Unusable
from stanch.store.faults import explain, stop_iteration, was_undone_for_another
from stanch.store.wake import Topics, take_topics

T = TypeVar("T")

CHANNEL = "stanch"
CONNECTIONS = 8
TRIES = 5
# A server that the network lost is noticed within half a minute, not after the two hours of TCP's own patience.
KEEPALIVE: Mapping[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# While nobody can be heard, everybody looks this often.
POLL_S = 1.0
HEAR_S = 5.0
"""Where nothing was heard for so long, the server is asked whether it is still there, and given as long to answer."""
IDLE_S = 5
"""A replica that falls silent in the middle of a transaction holds rows that all others wait for (every timeline takes
its number from one row): its transaction is undone after this, well before a lease runs out."""
ANSWER_S = 40.0
"""How long an answer may take. The time limit of a statement is the server's, and a server that hangs keeps none."""


class _Bounded(psycopg.Connection[Any]):
    """A connection that waits for no answer without end, also where the network swallows what is said."""

    def wait(self, gen: Any, *bounds: Any, **named: Any) -> Any:
        try:
            return super().wait(gen, *bounds, **{"timeout": ANSWER_S, **named})
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # nobody knows what is still on its way
                self.pgconn.finish()
            raise


class _Ear(psycopg.AsyncConnection[Any]):
    """A connection that hears; an answer that it asks for is waited for as long as a silence."""

    async def wait(self, gen: Any, *bounds: Any, **named: Any) -> Any:
        try:
            return await super().wait(gen, *bounds, **{"timeout": HEAR_S, **named})
        except psycopg.OperationalError as error:
            if error.sqlstate is None and "timeout" not in named:
                self.pgconn.finish()
            raise


def engine_for(url: URL) -> Engine:
    """An engine with time limits on everything, so that a database that hangs does not hang Stanch.

    The connection that was used last is used next: it is warm, with its statements prepared. None is asked whether it
    is still there, which would cost every unit a round trip: a unit whose connection is gone is run again instead.
    """
    engine = create_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=30,
        connect_args={
            **KEEPALIVE,
            "application_name": "stanch",
            "options": f"-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout={IDLE_S}s",
        },
    )

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, record: Any, arguments: Any, named: Any) -> psycopg.Connection[Any]:
        del dialect, record
        return _Bounded.connect(*arguments, **named)

    return engine


class PostgresStore:
    """`open` has migrated the database; this runs the units."""

    def __init__(self, url: URL, where: str, topics: Topics, clock: Clock, engine: Engine) -> None:
        self._url = url
        self._where = where
        self._topics = topics
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._engine = engine
        # The same pool, with transactions that see one moment and change nothing.
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._workers = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="stanch-store")
        self._hearing = self._loop.create_task(self._hear(), name="stanch-hear")
        self._closing = False

    async def write(self, unit: Callable[[Connection], T], wake: Iterable[str]) -> T:
        self._refuse_when_closing()
        value, topics = await self._loop.run_in_executor(self._workers, self._write, unit, frozenset(wake))
        self._topics.signal(topics)
        return value

    async def read(self, unit: Callable[[Connection], T]) -> T:
        self._refuse_when_closing()
        return await self._loop.run_in_executor(self._workers, self._read, unit)

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._hearing
        await asyncio.to_thread(self._workers.shutdown)
        self._engine.dispose()

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise Unusable(f"{self._where} is being closed.", hint="Nothing was changed.")

    def _write(self, unit: Callable[[Connection], T], wake: frozenset[str]) -> tuple[T, set[str]]:
        tries = 0
        while True:
            tries += 1
            try:
                return self._write_once(unit, wake)
            except _LostBeforeCommit as lost:
                if tries > 1:
                    raise (explain(lost.error, self._where) or lost.error) from lost.error.__cause__
            except DBAPIError as error:
                if not (was_undone_for_another(error) and tries < TRIES):
                    raise (explain(error, self._where) or error) from error.__cause__
                # The other one takes what it waited for first; else the two cross again, and wait a second for it.
                time.sleep(random.uniform(0.01, 0.03) * tries)  # noqa: S311 - hides nothing
            except StopIteration as error:
                raise stop_iteration() from error

    def _write_once(self, unit: Callable[[Connection], T], wake: frozenset[str]) -> tuple[T, set[str]]:
        with self._engine.connect() as connection, connection.begin():
            take_topics(connection)  # a unit that failed on this connection may have left some
            try:
                value = unit(connection)
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise _LostBeforeCommit(error) from error
                raise
            topics = take_topics(connection) | wake
            if topics:
                _notify_and_commit(connection, topics)
        return value, topics

    def _read(self, unit: Callable[[Connection], T]) -> T:
        try:
            try:
                return self._read_once(unit)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return self._read_once(unit)
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.errors.ReadOnlySqlTransaction):  # the unit's fault, not the server's
                raise
            raise (explain(error, self._where) or error) from error.__cause__
        except StopIteration as error:
            raise stop_iteration() from error

    def _read_once(self, unit: Callable[[Connection], T]) -> T:
        with self._snapshots.connect() as connection, connection.begin():
            return unit(connection)

    async def _hear(self) -> None:
        """Pass on what other replicas notify; while the connection for it is down, wake everybody at intervals."""
        dsn = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await _Ear.connect(
                    dsn, autocommit=True, application_name="stanch-listen", **KEEPALIVE
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    # What was notified before this moment was not heard.
                    self._topics.signal_all()
                    while True:
                        async for notification in connection.notifies(timeout=HEAR_S):
                            self._topics.signal((notification.payload,))
                        await connection.execute("SELECT 1")
            except psycopg.Error:
                self._topics.signal_all()
            await self._clock.sleep(POLL_S * random.uniform(0.8, 1.2))  # noqa: S311 - spreads replicas, hides nothing


class _LostBeforeCommit(Exception):
    """The connection went while the unit ran: nothing of it was saved, and nothing of it ever will be."""

    def __init__(self, error: DBAPIError) -> None:
        super().__init__(str(error))
        self.error = error


def _notify_and_commit(connection: Connection, topics: Iterable[str]) -> None:
    """Wake the others and commit, in one message: SQLAlchemy's own COMMIT then finds nothing left to do."""
    statement = "; ".join([*map(_notify, sorted(topics)), "COMMIT"])
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


@lru_cache(maxsize=1024)
def _notify(topic: str) -> str:
    return sql.SQL("NOTIFY {}, {}").format(sql.Identifier(CHANNEL), sql.Literal(topic)).as_string(None)
