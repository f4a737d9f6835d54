"""A server that speaks AWS's API on a free loopback port, asked for by `make test-cloud`."""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

PROGRAMS = "STANCH_TEST_CLOUD"
START_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A running one. `environment` is what the AWS command line needs to find it."""

    programs: Path
    environment: dict[str, str]

    def aws(self, *arguments: str) -> Any:
        """What the command line prints, read as JSON. Raises CalledProcessError."""
        command = [self.programs / "aws", *arguments, "--output", "json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, env=self.environment)
        return json.loads(done.stdout)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """An account with a database, its snapshot and a cache, as the runbook reference document has them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    programs = Path(os.environ.get(PROGRAMS, cache / "stanch/cloud/venv/bin"))
    if not (programs / "moto_server").is_file():
        pytest.fail(f"{programs / 'moto_server'} is not there: `make test-cloud` installs it.")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    with (tmp_path / "cloud.log").open("wb") as log:
        command = [programs / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait_until_serving(port, process)
        made = Cloud(programs=programs, environment=_environment(port, tmp_path))
        _fill(made)
        yield made
    finally:
        process.terminate()
        process.wait(20)


def _environment(port: int, home: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        # In us-east-1 the command line knows an address of its own for RDS, and asks there whatever it is told.
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
    }


def _fill(cloud: Cloud) -> None:
    database = ("--db-instance-identifier", "healthcare-prod")
    kind = ("--db-instance-class", "db.t3.micro", "--engine", "postgres", "--allocated-storage", "20")
    cloud.aws("rds", "create-db-instance", *database, *kind)
    cloud.aws("rds", "create-db-snapshot", *database, "--db-snapshot-identifier", "healthcare-prod-snapshot-latest")
    nodes = ("--engine", "redis", "--num-cache-nodes", "1", "--cache-node-type", "cache.t3.micro")
    cloud.aws("elasticache", "create-cache-cluster", "--cache-cluster-id", "healthcare-prod-redis", *nodes)


def _wait_until_serving(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended; see cloud.log"
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/moto-api/", trust_env=False)
            return
        time.sleep(0.05)
    pytest.fail(f"the server did not serve within {START_S:g} s")
