"""A private PostgreSQL: what it grants, what it keeps, and that it never outlives its parent."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from clinic import binaries
from clinic import cluster as clusters
from clinic.binaries import Origin
from clinic.cluster import SUPERUSER, Cluster, Unusable
from processes import gone, kill

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
needs_wheel = pytest.mark.skipif(not binaries.installed(Origin.WHEEL), reason="no PostgreSQL in a wheel here")


@pytest.fixture(autouse=True)
def _some_postgresql(postgres_cluster: Cluster) -> None:
    """Skips where there is none at all."""


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def test_each_role_may_do_its_work_and_no_more(postgres_cluster: Cluster) -> None:
    clinic, read, apply = (postgres_cluster.url(role) for role in clusters.ROLES)
    ask(clinic, "CREATE TABLE granted (id int); INSERT INTO granted VALUES (1)")
    try:
        assert ask(read, "SELECT * FROM granted") == [(1,)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            ask(read, "INSERT INTO granted VALUES (2)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(f"{read}?options=-cdefault_transaction_read_only%3Doff", "CREATE INDEX ON granted (id)")
        with psycopg.connect(clinic) as other:
            seen = ask(read, f"SELECT query FROM pg_stat_activity WHERE pid = {other.info.backend_pid}")
        assert seen != [("<insufficient privilege>",)]
        ask(apply, "CREATE INDEX CONCURRENTLY granted_id ON granted (id)")
    finally:
        ask(clinic, "DROP TABLE granted")


def test_nobody_gets_in_without_the_password(postgres_cluster: Cluster) -> None:
    url = f"postgresql://{SUPERUSER}:wrong@127.0.0.1:{postgres_cluster.port}/postgres"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


@pytest.mark.skipif(not binaries.installed(Origin.SYSTEM), reason="the system has no PostgreSQL")
def test_the_systems_server_is_taken_first_with_its_extensions(postgres_cluster: Cluster) -> None:
    assert postgres_cluster.server.origin is Origin.SYSTEM
    offered = {name for (name,) in ask(postgres_cluster.url(), "SELECT name FROM pg_available_extensions")}
    there = {name for (name,) in ask(postgres_cluster.url(), "SELECT extname FROM pg_extension")}
    assert offered & {"pg_stat_statements", "hypopg"} == there & {"pg_stat_statements", "hypopg"}


@needs_wheel
def test_a_wheel_serves_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_SYSTEM", Path("/nowhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    with Cluster.temporary() as cluster:
        assert cluster.server.origin is Origin.WHEEL
        assert ask(cluster.url(), "SELECT current_user") == [("clinic",)]


def test_with_no_postgresql_at_all_it_says_what_to_install(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "installed", lambda _origin: ())
    with pytest.raises(Unusable, match="install the system's package 'postgresql', or the wheel"):
        Cluster.start(directory)


def test_data_outlive_a_stop_and_only_throw_away_servers_skip_fsync(directory: Path) -> None:
    with Cluster.start(directory) as cluster:
        assert ask(cluster.url(), "SHOW fsync") == [("on",)]
        ask(cluster.url(), "CREATE TABLE kept AS SELECT 7 AS n")
        pid, url = cluster.pid, cluster.url()
    assert gone(pid)
    with Cluster.start(directory, settings={"work_mem": "7MB"}, durable=False) as cluster:
        assert cluster.url().rsplit("@", 1)[0] == url.rsplit("@", 1)[0]
        assert ask(cluster.url(), "SELECT n, current_setting('work_mem') FROM kept") == [(7, "7MB")]
        assert ask(cluster.url(), "SHOW fsync") == [("off",)]


PARENT = """
import sys, time
from pathlib import Path
from clinic.cluster import Cluster
cluster = Cluster.start(Path(sys.argv[1]), durable=False)
print(cluster.pid, flush=True)
time.sleep(600)
"""


def start_parent(directory: Path) -> tuple[subprocess.Popen[str], int]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(directory)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def test_the_server_ends_with_a_killed_parent_and_starts_again_on_the_same_data(directory: Path) -> None:
    parent, pid = start_parent(directory)
    with parent:
        assert not gone(pid, within_s=0.2)
        parent.kill()
    # Not waiting for the old server to end is the point: the next start does.
    with Cluster.start(directory, durable=False) as cluster:
        assert gone(pid, within_s=0.2)
        assert ask(cluster.url(), "SELECT 1") == [(1,)]


def test_a_stale_pid_file_does_not_hinder_a_start(directory: Path) -> None:
    parent, pid = start_parent(directory)
    with parent:
        kill(pid)
        parent.kill()
    assert (directory / "data" / "postmaster.pid").exists()
    with Cluster.start(directory, durable=False) as cluster:
        assert ask(cluster.url(), "SELECT 1") == [(1,)]


def test_two_servers_never_share_a_directory(directory: Path) -> None:
    with Cluster.start(directory, durable=False), pytest.raises(Unusable, match="Another process already runs"):
        Cluster.start(directory)


def test_a_port_in_use_is_said_so(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unusable, match=f"Port {port} is in use"):
            Cluster.start(directory, port, durable=False)
    with Cluster.start(directory, port, durable=False) as cluster:
        assert cluster.port == port


def test_a_server_that_does_not_start_says_why(directory: Path) -> None:
    with pytest.raises(Unusable, match="work_mem"):
        Cluster.start(directory, settings={"work_mem": "much"})


def test_an_interrupted_first_start_is_made_anew(directory: Path) -> None:
    (directory / "data.part").mkdir()
    (directory / "data.part" / "PG_VERSION").write_text("15\n")
    with Cluster.start(directory, durable=False) as cluster:
        assert ask(cluster.url(), "SELECT 1") == [(1,)]


def test_data_of_another_version_are_left_alone(directory: Path) -> None:
    (directory / "data").mkdir()
    (directory / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Unusable, match="is of PostgreSQL 9"):
        Cluster.start(directory)
    assert [path.name for path in (directory / "data").iterdir()] == ["PG_VERSION"]


def test_lost_passwords_are_told_before_anything_starts(directory: Path) -> None:
    with Cluster.start(directory, durable=False):
        pass
    (directory / "passwords.json").unlink()
    with pytest.raises(Unusable, match=r"passwords\.json is missing"):
        Cluster.start(directory)


def test_passwords_are_for_their_owner_alone(directory: Path) -> None:
    with Cluster.start(directory, durable=False):
        assert (directory / "passwords.json").stat().st_mode & 0o077 == 0
        assert not (directory / "superuser").exists()


@needs_root
def test_the_server_is_not_root(postgres_cluster: Cluster) -> None:
    assert Path(f"/proc/{postgres_cluster.pid}").stat().st_uid != 0


@needs_root
def test_a_directory_that_the_server_cannot_reach_is_refused_and_another_one_is_named(directory: Path) -> None:
    (directory / "closed").mkdir(mode=0o700)
    wanted = directory / "closed" / "postgres"
    with pytest.raises(Unusable) as refused:
        Cluster.start(wanted)
    other = clusters.place(wanted)
    assert str(other) in str(refused.value)
    assert other.parent == Path("/var/tmp")
    assert clusters.place(directory / "open") == directory / "open"
    assert (directory / "closed").stat().st_mode & 0o777 == 0o700


def test_a_strict_umask_does_not_lock_the_server_out(directory: Path) -> None:
    before = os.umask(0o077)
    try:
        with Cluster.start(directory / "new" / "postgres", durable=False) as cluster:
            assert ask(cluster.url(), "SELECT 1") == [(1,)]
    finally:
        os.umask(before)


@needs_root
def test_a_directory_of_another_user_is_refused(directory: Path) -> None:
    os.chown(directory, 65534, 65534)
    with pytest.raises(Unusable, match="belongs to another user"):
        Cluster.start(directory)


@needs_root
@needs_wheel
def test_a_wheel_that_the_server_cannot_reach_is_copied_once(
    directory: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    wheel = binaries.installed(Origin.WHEEL)[0]
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    (closed / "package").symlink_to(wheel.base)
    inside = replace(
        wheel,
        base=closed / "package",
        parts=tuple(closed / "package" / part.relative_to(wheel.base) for part in wheel.parts),
        bin=closed / "package" / wheel.bin.relative_to(wheel.base),
    )
    monkeypatch.setattr(binaries, "installed", lambda _origin: (inside,))
    for umask in (0o077, 0o022):
        request.addfinalizer(partial(os.umask, os.umask(umask)))
        with Cluster.start(directory / "cluster", durable=False) as cluster:
            assert cluster.server.base == directory / "cluster" / f"postgresql-{wheel.major}"
            assert ask(cluster.url(), "SELECT 1") == [(1,)]


def test_stop_returns_when_the_server_is_gone_though_clients_are_connected(directory: Path) -> None:
    cluster = Cluster.start(directory, durable=False)
    with psycopg.connect(cluster.url()):
        began = time.monotonic()
        cluster.stop()
        assert time.monotonic() - began < 10
    assert not cluster.running()
    assert gone(cluster.pid, within_s=0.1)


def test_ctrl_c_is_for_the_parent_which_stops_the_server_in_order(directory: Path) -> None:
    parent, pid = start_parent(directory)
    with parent:
        assert os.getsid(pid) != os.getsid(parent.pid)
        parent.send_signal(signal.SIGINT)
    assert gone(pid)
