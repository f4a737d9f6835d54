"""What the demo runs on: PostgreSQL, the clinic, its load and Stanch, each a process that ends with this one."""

import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx
import psycopg
from psycopg.conninfo import conninfo_to_dict

import stanch
from clinic import cluster, seed
from clinic.cluster import Cluster
from clinic.faults import drop_index
from clinic.lifeline import Child
from stanch.cli.client import Client, read_token
from stanch.cli.demonstration.display import Display
from stanch.model.problem import Unusable

_READY_WITHIN_S = 30.0
_STOP_WITHIN_S = 10.0
_POLL_S = 0.05
_KEEP_TELLINGS = 10
_RESTARTS = 30


class Stage:
    """Leaving the `with` block ends every process, in order; the data stays for the next telling."""

    def __init__(self, directory: Path, display: Display, *, appointments: int, users: int, port: int) -> None:
        self.directory = directory
        self._display = display
        self._appointments = appointments
        self._users = users
        self._port = port
        self._children: list[tuple[str, Child, IO[bytes]]] = []
        self._cluster: Cluster | None = None
        self._restarts = 0
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        self.telling = directory / "tellings" / f"{stamp}-{os.getpid()}"
        self.config = self.telling / "stanch.toml"
        self.logs = self.telling / "logs"
        self._counts = self.telling / "load.jsonl"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        try:
            self.logs.mkdir(parents=True)
        except OSError as error:
            raise Unusable(
                f"{self.logs} cannot be made: {error.strerror}.", hint="Choose another place with --directory."
            ) from error
        self._forget_old_tellings()
        self._start_postgres()
        self._seed()
        clinic_port = _free_port()
        self._start_clinic(clinic_port)
        self._start_load(clinic_port)
        self._port = self._port or _free_port()
        _require_free(self._port)
        self._write_config(clinic_port)
        with self._display.step("Stanch") as line:
            self._start_stanch()
            line.finish(f"Stanch on {self.url}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def client(self) -> Client:
        """A client with this machine's own token."""
        return Client(self.url, read_token(self.telling / "stanch"))

    # --- the processes ---

    def _start_postgres(self) -> None:
        with self._display.step("PostgreSQL") as line:
            try:
                self._cluster = Cluster.start(self.directory / "postgres")
            except cluster.Unusable as error:
                raise Unusable(str(error)) from error
            with psycopg.connect(self._cluster.url()) as connection:
                version = connection.info.parameter_status("server_version") or ""
                names = {name for (name,) in connection.execute("SELECT extname FROM pg_extension")}
            present = [name for name in ("pg_stat_statements", "hypopg") if name in names]
            line.finish(
                f"PostgreSQL {version.split()[0]}, " + ("with " + " and ".join(present) if present else "plain")
            )

    def _seed(self) -> None:
        assert self._cluster is not None
        with self._display.step(f"{self._appointments:,} appointments") as line:
            seed.seed(
                self._cluster.url(),
                appointments=self._appointments,
                progress=line.update,
            )

    def _start_clinic(self, port: int) -> None:
        assert self._cluster is not None
        with self._display.step("The clinic") as line:
            arguments = ["serve", "--port", str(port), "--access-log", str(self.telling / "access.log")]
            arguments += ["--guard-state", str(self._guard_state)]
            self._clinic("clinic", arguments)
            _await(f"http://127.0.0.1:{port}/health", self, "The clinic", self.logs / "clinic.log")
            line.finish(f"The clinic on http://127.0.0.1:{port}")

    def _start_load(self, port: int) -> None:
        with self._display.step("Load") as line:
            arguments = ["load", "--url", f"http://127.0.0.1:{port}", "--users", str(self._users)]
            self._clinic("load", [*arguments, "--output", str(self._counts)])
            line.finish(f"{self._users} users")

    def _clinic(self, name: str, arguments: Sequence[str]) -> None:
        assert self._cluster is not None
        environment = {**os.environ, "CLINIC_DATABASE_URL": self._cluster.url()}
        self._spawn(name, [sys.executable, "-m", "clinic", *arguments], environment)

    def _start_stanch(self) -> None:
        self._spawn("stanch", [sys.executable, "-m", "stanch", "up", "--config", str(self.config)], dict(os.environ))
        _await(f"{self.url}/api/health", self, "Stanch", self.logs / "stanch.log")

    def _spawn(self, name: str, argv: Sequence[str], environment: dict[str, str]) -> None:
        log = (self.logs / f"{name}.log").open("ab")
        child = Child(argv, death_signal=signal.SIGTERM, output=log, environment=environment)
        self._children.append((name, child, log))

    def check(self) -> None:
        """Notice what has ended. Stanch killed by a signal is started again, as its service manager would."""
        for entry in tuple(self._children):
            name, child, log = entry
            status = child.poll()
            if status is None:
                continue
            self._children.remove(entry)
            log.close()
            if name == "stanch" and status < 0 and self._restarts < _RESTARTS:
                self._restarts += 1
                self._display.say(f"Stanch was ended by signal {-status}: started again", mark="▲")
                self._start_stanch()
                continue
            path = self.logs / f"{name}.log"
            raise Unusable(f"{name} ended with status {status}: {_last_line(path)}", hint=f"Its log is {path}.")

    def rest(self, seconds: float) -> None:
        """Let time go by; a signal ends it early."""
        time.sleep(seconds)

    def server_pid(self) -> int:
        """The process of Stanch itself."""
        return next(child.pid for name, child, _ in self._children if name == "stanch")

    def stop(self) -> None:
        """End every process, the load first, PostgreSQL last. A further Ctrl-C does not cut it short."""
        with _undisturbed():
            self._stop()

    def _stop(self) -> None:
        order = {"load": 0, "stanch": 1, "clinic": 2}
        for _, child, log in sorted(self._children, key=lambda entry: order[entry[0]]):
            if child.poll() is None:
                child.send(signal.SIGTERM)
                if child.wait(_STOP_WITHIN_S) is None:
                    child.send(signal.SIGKILL)
                    child.wait(_STOP_WITHIN_S)
            log.close()
        self._children.clear()
        if self._cluster is not None:
            self._cluster.stop()
            self._cluster = None

    # --- what the story needs of it ---

    def break_it(self) -> None:
        """Drop the index that the appointments of a doctor and a day are found by."""
        assert self._cluster is not None
        drop_index.inject(self._cluster.url())

    def index_state(self) -> str:
        """`valid`, `invalid` or `absent`: an index on appointments whose first columns are the doctor and the date."""
        assert self._cluster is not None
        with psycopg.connect(self._cluster.url()) as connection:
            row = connection.execute(
                "SELECT bool_or(indisvalid) FROM pg_index WHERE indrelid = 'appointments'::regclass"
                " AND (SELECT array_agg(attname::text ORDER BY n) FROM unnest(indkey::int2[]) WITH ORDINALITY k(a, n)"
                "      JOIN pg_attribute ON attrelid = indrelid AND attnum = a AND n <= 2)"
                " = ARRAY['doctor_id', 'appointment_date']"
            ).fetchone()
        valid = row[0] if row else None
        return {True: "valid", False: "invalid", None: "absent"}[valid]

    def throughput(self, start: float, end: float) -> float:
        """Answered requests a second between two moments, as the load generator counted them."""
        counted = [
            record["ok"]
            for line in self._counts.read_text(encoding="utf-8").splitlines()
            if line.endswith("}") and start < (record := json.loads(line))["at"] <= end
        ]
        return sum(counted) / len(counted) if counted else 0.0

    # --- files ---

    @property
    def _guard_state(self) -> Path:
        return self.telling / "guard.json"

    def _write_config(self, clinic_port: int) -> None:
        assert self._cluster is not None
        found = {Path(tool).parent for name in ("tail", "psql") if (tool := shutil.which(name))}
        tools = sorted(map(str, found | {self._cluster.server.bin}))
        lines = [
            "# Where things are. What to watch and what to do is in the playbook.",
            "[server]",
            f"port = {self._port}",
            'data = "stanch"',
            "[playbooks]",
            f"paths = [{_text(playbook())}]",
            'service = "clinic"',
            "[commands]",
            'directory = "."',
            f"path = [{', '.join(_text(tool) for tool in tools)}]",
            "[scrape.clinic]",
            f'url = "http://127.0.0.1:{clinic_port}/metrics"',
            "interval_s = 1.0",
            "[postgres.clinic]",
            f"url = {_text(self._cluster.url('stanch_read'))}",
            f"apply_url = {_text(self._cluster.url('stanch_apply'))}",
            "[commands.environment]",
            *(f"{name} = {_text(value)}" for name, value in _libpq(self._cluster.url("stanch_read")).items()),
            "[guard.clinic]",
            f"state = {_text(self._guard_state)}",
        ]
        self.config.touch(mode=0o600)
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _forget_old_tellings(self) -> None:
        tellings = sorted(path for path in (self.directory / "tellings").iterdir() if path != self.telling)
        for old in tellings[: -(_KEEP_TELLINGS - 1)]:
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM: what they ask for is being done. Only a main thread gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def playbook() -> Path:
    """The clinic's playbook: in a checkout beside `src`, in an installed package inside it."""
    package = Path(stanch.__file__).parent
    for place in (package / "playbooks", package.parents[1] / "playbooks"):
        if (place / "clinic.md").is_file():
            return place / "clinic.md"
    raise Unusable("The clinic's playbook is missing from this installation.", hint="Install Stanch again.")


def _libpq(url: str) -> dict[str, str]:
    """What psql reads of the environment: the reading role, so that no command of a playbook can write."""
    parts = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    return {variable: str(parts[name]) for name, variable in names.items() if name in parts}


def _text(value: object) -> str:
    return json.dumps(str(value))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Unusable(
                f"Port {port} is in use.", hint="Stop what listens there, or choose another with --port (0: any)."
            ) from error


def _await(url: str, stage: Stage, name: str, log: Path) -> None:
    """Until `url` answers well. Raises Unusable."""
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        stage.check()
        try:
            if httpx.get(url, timeout=2.0, trust_env=False).is_success:
                return
        except httpx.TransportError:  # not there yet
            time.sleep(_POLL_S)
    raise Unusable(f"{name} did not answer at {url}: {_last_line(log)}", hint=f"Its log is {log}.")


def _last_line(path: Path) -> str:
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
