"""A sick clinic database on a real server, the system's and the wheel's, and clients that keep it busy."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from clinic.binaries import Origin
from clinic.cluster import SUPERUSER, Cluster, Unusable
from stanch.connectors.postgres import PostgresConnector, PostgresSettings
from stanch.model.clock import SystemClock

ROWS = 200_000
DAY = "SELECT * FROM appointments WHERE doctor_id = %s AND appointment_date = %s"
_SEED = f"""
    CREATE TABLE appointments (id bigint PRIMARY KEY, doctor_id int NOT NULL, patient_id int NOT NULL,
        appointment_date date NOT NULL, status text NOT NULL, notes text);
    INSERT INTO appointments SELECT i, 1 + i % 500, (i * 7919::bigint) % 40000, date '2026-01-01' + (i * 31) % 730,
        (ARRAY['booked', 'attended', 'missed'])[1 + i % 3], repeat('x', 100) FROM generate_series(1, {ROWS}) i;
    CREATE TABLE doctors (id int PRIMARY KEY, name text NOT NULL, room text NOT NULL);
    INSERT INTO doctors SELECT i, 'Dr. ' || i, 'Room ' || i % 40 FROM generate_series(1, 30000) i;
    ANALYZE appointments, doctors;
"""


@dataclass(frozen=True, kw_only=True)
class Sick:
    """One database of its own. `has_extensions` tells whether pg_stat_statements and hypopg are in it."""

    cluster: Cluster
    name: str
    has_extensions: bool

    def url(self, role: str = "clinic") -> str:
        return self.cluster.url(role, self.name)

    def settings(self, **changes: object) -> PostgresSettings:
        told = {"url": SecretStr(self.url("stanch_read")), "apply_url": SecretStr(self.url("stanch_apply"))}
        return PostgresSettings(**{**told, **changes})

    @contextlib.asynccontextmanager
    async def connector(self, **changes: object) -> AsyncIterator[PostgresConnector]:
        async with PostgresConnector(self.settings(**changes), SystemClock()) as connector:
            yield connector

    def execute(self, *statements: str, role: str = SUPERUSER) -> None:
        with psycopg.connect(self.url(role), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    @contextlib.asynccontextmanager
    async def load(self, statement: str = DAY, *, clients: int = 6, parameters: tuple = (7, "2026-03-04")):
        """Clients that run one statement again and again; inside, each has begun. A fault of theirs fails the test."""
        begun = [asyncio.Event() for _ in range(clients)]
        tasks = [asyncio.create_task(self._client(statement, parameters, event)) for event in begun]
        for event in begun:
            await event.wait()
        try:
            yield
        finally:
            faults = [task.exception() for task in tasks if task.done() and not task.cancelled()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for fault in faults:
                if fault is not None:
                    raise fault

    async def _client(self, statement: str, parameters: tuple, begun: asyncio.Event) -> None:
        async with await psycopg.AsyncConnection.connect(self.url(), autocommit=True) as connection:
            while True:
                begun.set()
                await connection.execute(statement, parameters)


@pytest.fixture(scope="session", params=[Origin.SYSTEM, Origin.WHEEL], ids=str)
def clinic_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Each kind of server in turn, with the seeded database `template_clinic`."""
    settings = {"max_connections": "40", "log_statement": "none"}
    with contextlib.ExitStack() as stack:
        try:
            cluster = stack.enter_context(Cluster.temporary(origin=request.param, settings=settings))
        except Unusable as reason:
            pytest.skip(f"no PostgreSQL of that kind here: {reason}")
        with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE template_clinic OWNER clinic")
        with psycopg.connect(cluster.url(SUPERUSER, "template_clinic"), autocommit=True) as connection:
            for extension in _offered(connection):
                connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
        with psycopg.connect(cluster.url("clinic", "template_clinic"), autocommit=True) as connection:
            connection.execute(_SEED)
        yield cluster


def _offered(connection: psycopg.Connection) -> list[str]:
    wanted = {"pg_stat_statements", "hypopg"}
    return sorted(wanted & {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")})


@pytest.fixture
def sick(clinic_cluster: Cluster) -> Iterator[Sick]:
    name = f"sick_{uuid.uuid4().hex}"
    with psycopg.connect(clinic_cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_clinic OWNER clinic")
    with psycopg.connect(clinic_cluster.url(SUPERUSER, name), autocommit=True) as connection:
        extensions = {each for (each,) in connection.execute("SELECT extname FROM pg_extension")}
    yield Sick(cluster=clinic_cluster, name=name, has_extensions="hypopg" in extensions)
    with psycopg.connect(clinic_cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
