"""Real servers for every room: a private PostgreSQL, and the address of an empty store on either engine."""

import asyncio
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clinic.cluster import SUPERUSER, Cluster, Unusable
from stanch.model.clock import SystemClock
from stanch.store.engine import Store
from stanch.store.tables import metadata


def _migrate(url: str) -> None:
    async def once() -> None:
        await (await Store.open(url, SystemClock())).close()

    asyncio.run(once())


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A throw-away server, started once for all tests of this process."""
    try:
        context = Cluster.temporary()
        cluster = context.__enter__()
    except Unusable as reason:
        pytest.skip(f"no PostgreSQL here: {reason}")
    try:
        yield cluster
    finally:
        context.__exit__(None, None, None)


def _execute(cluster: Cluster, statement: str) -> None:
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """An empty database, without Stanch's tables."""
    name = f"stanch_{uuid.uuid4().hex}"
    _execute(postgres_cluster, f"CREATE DATABASE {name}")
    yield postgres_cluster.url(SUPERUSER, name)
    _execute(postgres_cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _postgres_store(postgres_cluster: Cluster) -> str:
    """One database with the tables for all tests of this process: to make and drop one each takes far longer."""
    _execute(postgres_cluster, "CREATE DATABASE stanch_tests")
    url = postgres_cluster.url(SUPERUSER, "stanch_tests")
    _migrate(url)
    return url


@pytest.fixture
def postgres_store_url(_postgres_store: str) -> str:
    """A store on PostgreSQL with nothing in it."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with psycopg.connect(_postgres_store, autocommit=True) as connection:
        # Whatever a test that failed left connected would keep the tables locked.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
    return _postgres_store


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "stanch.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """A store on SQLite with nothing in it."""
    shutil.copy(_sqlite_template, tmp_path / "stanch.db")
    return f"sqlite:///{tmp_path}/stanch.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of a store with nothing in it, once on each engine."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_store_url")
    return url
