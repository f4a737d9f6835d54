"""Real servers for every room: a private PostgreSQL, and the store's address on either engine."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clinic.cluster import SUPERUSER, Cluster, Unusable


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


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """An empty database of its own."""
    name = f"stanch_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_cluster.url(SUPERUSER, name)
    with psycopg.connect(postgres_cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/stanch.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty store, once on each engine."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url
