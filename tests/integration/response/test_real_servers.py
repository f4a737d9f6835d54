"""Runs on servers that people have: Redis, HAProxy, PostgreSQL; automatic steps act as who may only read."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from clinic.cluster import Cluster
from response_stage import Stage, command
from stanch.commands.rating import rate
from stanch.model.risk import Risk
from stanch.model.run import StepState
from stanch.response import rows, runs
from stanch.response.identities import Identity
from stanch.response.principals import Principals
from stanch.response.transitions import RECORD
from stanch.store.engine import Store

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
needs_haproxy = pytest.mark.skipif(
    HAPROXY is None or shutil.which("socat") is None, reason="haproxy or socat is not installed"
)
needs_psql = pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(argv: list[str], answers: Iterator[bool]) -> Iterator[None]:
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while not next(answers):
                assert process.poll() is None, f"{argv[0]} ended with {process.returncode}"
                assert time.monotonic() < deadline, f"{argv[0]} does not answer"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


def connects(family: socket.AddressFamily, address: object) -> Iterator[bool]:
    while True:
        with socket.socket(family) as probe:
            yield probe.connect_ex(address) == 0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[int]:
    """A Redis whose user `reader` may only read; its port."""
    port = free_port()
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with serving(argv, connects(socket.AF_INET, ("127.0.0.1", port))):
        ask(port, "ACL", "SETUSER", "reader", "on", ">reader-password", "~*", "+@read", "+info")
        yield port


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Path]:
    """An HAProxy with two servers behind it; its runtime socket."""
    admin = tmp_path / "admin.sock"
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        f"global\n  stats socket {admin} mode 600 level admin\n"
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n"
        f"frontend web\n  bind 127.0.0.1:{free_port()}\n  default_backend app\n"
        "backend app\n  server one 127.0.0.1:1\n  server two 127.0.0.1:2\n",
        encoding="ascii",
    )
    assert HAPROXY is not None
    with serving([HAPROXY, "-db", "-f", str(config)], connects(socket.AF_UNIX, str(admin))):
        yield admin


def asked(key: str, text: str, **options: object) -> object:
    """A step whose command is written as in a document, and rated as it is."""
    rating = rate(text)
    assert rating.pipeline is not None
    return command(key, *rating.pipeline, risk=rating.risk, **options)


def ask(port: int, *words: str) -> str:
    return subprocess.run(
        ["redis-cli", "-p", str(port), *words], capture_output=True, text=True, check=True
    ).stdout.strip()


@needs_redis
async def test_on_redis_a_read_goes_by_itself_and_a_write_is_asked_for(
    redis: int, sqlite_store: Store, tmp_path: Path
) -> None:
    ask(redis, "SET", "a", "1")
    reader = Identity(redis_user="reader", redis_password="reader-password")
    stage = Stage(
        sqlite_store,
        tmp_path,
        asked("look", f"redis-cli -p {redis} GET a"),
        asked("change", f"redis-cli -p {redis} SET a 2"),
        principals=Principals(reading=reader),
    )
    await stage.open()
    async with stage.running():
        change = await stage.until_step("change", StepState.PROPOSED)
        assert change.acts_as == "Redis user default"
        assert (await stage.step("look")).acts_as == "Redis user reader, which may only read"
        assert (await stage.step("look")).output == "1"
        assert ask(redis, "GET", "a") == "1"
        await stage.approve("change")
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE, StepState.DONE]
    assert ask(redis, "GET", "a") == "2"


@needs_redis
async def test_a_write_that_was_rated_as_a_read_is_refused_by_redis_itself(
    redis: int, sqlite_store: Store, tmp_path: Path
) -> None:
    misjudged = command("look", ("redis-cli", "-p", str(redis), "-e", "SET", "a", "2"), risk=Risk.READ_ONLY)
    identity = Identity(redis_user="reader", redis_password="reader-password")
    stage = Stage(sqlite_store, tmp_path, misjudged, principals=Principals(reading=identity))
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert run.steps[0].state is StepState.FAILED
    assert "NOPERM" in (run.steps[0].output or "")
    assert ask(redis, "GET", "a") == ""


@needs_redis
async def test_what_names_another_identity_does_not_go_by_itself(
    redis: int, sqlite_store: Store, tmp_path: Path
) -> None:
    identity = Identity(redis_user="reader", redis_password="reader-password")
    stage = Stage(
        sqlite_store,
        tmp_path,
        asked("look", f"redis-cli --user default -p {redis} GET a"),
        principals=Principals(reading=identity),
    )
    await stage.open()
    async with stage.running():
        step = await stage.until_step("look", StepState.PROPOSED)
    assert step.risk is Risk.READ_ONLY


@needs_psql
async def test_a_write_that_was_rated_as_a_read_is_refused_by_postgresql_itself(
    postgres_cluster: Cluster, postgres_url: str, sqlite_store: Store, tmp_path: Path
) -> None:
    database = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("DROP ROLE IF EXISTS only_reads")
        connection.execute("CREATE ROLE only_reads LOGIN PASSWORD 'only-reads-password' IN ROLE pg_read_all_data")
    where = ("--no-psqlrc", "-h", "127.0.0.1", "-p", str(postgres_cluster.port), "-d", database)
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("look", ("psql", *where, "-Atc", "SELECT count(*) FROM kept"), risk=Risk.READ_ONLY),
        command("misjudged", ("psql", *where, "-c", "DROP TABLE kept"), risk=Risk.READ_ONLY),
        principals=Principals(reading=Identity(postgres_role="only_reads", postgres_password="only-reads-password")),
    )
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert [(step.state, step.output) for step in run.steps[:1]] == [(StepState.DONE, "0")]
    assert run.steps[1].state is StepState.FAILED
    assert "must be owner of table kept" in (run.steps[1].output or "")


@needs_haproxy
async def test_on_haproxy_a_server_is_taken_out_after_a_yes(haproxy: Path, sqlite_store: Store, tmp_path: Path) -> None:
    look = f'echo "show servers state app" | socat stdio {haproxy}'
    drain = f'echo "set server app/one state maint" | socat stdio {haproxy}'
    assert rate(look).risk is Risk.READ_ONLY
    assert rate(drain).risk is Risk.MUTATING
    stage = Stage(sqlite_store, tmp_path, asked("look", look), asked("drain", drain), asked("check", look))
    await stage.open()
    async with stage.running():
        await stage.until_step("drain", StepState.PROPOSED)
        await stage.approve("drain")
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE] * 3

    def administered(output: str | None) -> dict[str, str]:
        rows = [line.split() for line in (output or "").splitlines() if " one " in line or " two " in line]
        return {row[3]: row[6] for row in rows}

    assert administered(run.steps[0].output) == {"one": "0", "two": "0"}
    assert administered(run.steps[2].output) == {"one": "1", "two": "0"}, "1: put into maintenance by a person"


@needs_redis
async def test_what_another_server_may_still_be_running_is_not_run_beside_it(
    redis: int, sqlite_store: Store, tmp_path: Path
) -> None:
    """The look says that there is no effect; but it may be about to come, where nobody here can see it."""
    before = ask(redis, "CONFIG", "GET", "maxmemory")
    text = f"redis-cli -p {redis} CONFIG SET maxmemory 100mb"
    stage = Stage(sqlite_store, tmp_path, asked("change", text))
    await stage.open()
    async with stage.running():
        await stage.until_step("change", StepState.PROPOSED)
    await stage.approve("change")
    step = await stage.step("change")
    started = replace(
        step, state=StepState.STARTED, attempt=1, progress={**step.progress, RECORD: "another-directory-of-records"}
    )
    assert await sqlite_store.write(lambda connection: rows.update_step(connection, step, started))
    async with stage.running():
        found = await stage.until_step("change", StepState.UNKNOWN)
        assert "Another server ran it" in (found.because or "")
        assert ask(redis, "CONFIG", "GET", "maxmemory") == before
        ask(redis, "CONFIG", "SET", "maxmemory", "100mb")  # and there it comes
        await stage.do(runs.complete, "change", note="seen")
        await stage.until_over()
    assert "calls=1," in next(line for line in ask(redis, "INFO", "commandstats").split() if "config|set" in line)
