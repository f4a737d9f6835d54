"""The clinic's connection pool, and what OpenTelemetry calls the metrics of a database client."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0)
"""Upper bounds in seconds, up to the statement timeout."""

_POOL = "clinic"
_POOL_LABEL = ("db_client_connection_pool_name",)

Row = DictRow


class Database:
    """A pool of at most `size` connections. Whoever finds none free waits up to `wait_s`, then gets PoolTimeout."""

    def __init__(
        self, url: str, *, size: int, wait_s: float, statement_timeout_s: float, registry: CollectorRegistry
    ) -> None:
        self._size = size
        self._used = 0
        self._pool = AsyncConnectionPool(
            url,
            connection_class=psycopg.AsyncConnection[Row],
            min_size=size,
            max_size=size,
            timeout=wait_s,
            open=False,
            name=_POOL,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "application_name": "clinic",
                "options": f"-c statement_timeout={int(statement_timeout_s * 1000)}",
            },
        )
        self._duration = Histogram(
            "db_client_operation_duration_seconds",
            "How long the database took to answer.",
            ("db_operation_name", "db_collection_name", "error_type"),
            buckets=BUCKETS,
            registry=registry,
        )
        self._wait = Histogram(
            "db_client_connection_wait_time_seconds",
            "How long a request waited for a connection.",
            _POOL_LABEL,
            buckets=BUCKETS,
            registry=registry,
        ).labels(_POOL)
        self._timeouts = Counter(
            "db_client_connection_timeouts",
            "Requests that gave up waiting for a connection.",
            _POOL_LABEL,
            registry=registry,
        ).labels(_POOL)
        registry.register(self)

    async def open(self) -> None:
        """Connections are made in the background: the application starts without its database."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=5.0)

    async def fetch(
        self, operation: LiteralString, collection: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[Row]:
        """Run one statement on its own and return its rows. Raises PoolTimeout and psycopg.Error."""
        async with self._connection() as connection:
            began = time.perf_counter()
            error = ""
            try:
                cursor = await connection.execute(operation, parameters)
                return await cursor.fetchall()
            except psycopg.Error as failed:
                error = failed.sqlstate or type(failed).__name__
                raise
            finally:
                verb = operation.split(maxsplit=1)[0].upper()
                self._duration.labels(verb, collection, error).observe(time.perf_counter() - began)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Row]]:
        began = time.perf_counter()
        try:
            connection = await self._pool.getconn()
        except PoolTimeout:
            self._timeouts.inc()
            raise
        finally:
            self._wait.observe(time.perf_counter() - began)
        self._used += 1
        try:
            yield connection
        finally:
            self._used -= 1
            await self._pool.putconn(connection)

    def collect(self) -> Iterator[Metric]:
        """The pool's state, for the registry."""
        stats = self._pool.get_stats()
        count = GaugeMetricFamily(
            "db_client_connection_count", "Connections of the pool.", labels=(*_POOL_LABEL, "state")
        )
        count.add_metric((_POOL, "used"), self._used)
        count.add_metric((_POOL, "idle"), stats.get("pool_available", 0))
        yield count
        for name, text, value in (
            ("db_client_connection_max", "Connections that the pool may open.", self._size),
            ("db_client_connection_pending_requests", "Requests waiting for one.", stats.get("requests_waiting", 0)),
        ):
            gauge = GaugeMetricFamily(name, text, labels=_POOL_LABEL)
            gauge.add_metric((_POOL,), value)
            yield gauge
