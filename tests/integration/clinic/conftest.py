"""The clinic for real: a seeded database of its own for each test, and the application on a free port."""

import asyncio
import contextlib
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn

from clinic import seed
from clinic.application import Settings, build
from clinic.cluster import SUPERUSER, Cluster
from clinic.releases import available

APPOINTMENTS = 20_000
Running = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def seeded(postgres_cluster: Cluster) -> str:
    """The name of a seeded database that is only copied."""
    name = f"seeded_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER clinic")
    seed.seed(postgres_cluster.url(database=name), appointments=APPOINTMENTS)
    return name


@pytest.fixture
def database_url(postgres_cluster: Cluster, seeded: str) -> Iterator[str]:
    """A seeded database of the test's own."""
    name = f"clinic_{uuid.uuid4().hex}"
    administration = postgres_cluster.url(SUPERUSER, "postgres")
    with psycopg.connect(administration, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {seeded} OWNER clinic")
    yield postgres_cluster.url(database=name)
    with psycopg.connect(administration, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def access_log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def running(database_url: str, access_log: Path) -> Running:
    """Starts the application with the settings given and yields a client of it."""

    @contextlib.asynccontextmanager
    async def start(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        settings = Settings(
            **{
                "database_url": database_url,
                "release": available()["1.8.2"],
                "pool_size": 3,
                "access_log": access_log,
                **changes,
            }
        )
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(build(settings), log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
                yield client
        finally:
            server.should_exit = True
            await serving
            listening.close()

    return start


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that PostgreSQL's user can reach; pytest's own are closed to all but root."""
    with tempfile.TemporaryDirectory(prefix="clinic-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)
