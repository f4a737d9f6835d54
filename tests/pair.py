"""Two real servers on one real PostgreSQL, each at the end of a wire of its own, and a playbook that leaves marks.

The step that changes something runs the program `restart-workers`, which writes to a journal when it begins and when it
ends, by itself: what it says is what happened, whatever the servers believe.
"""

import contextlib
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from cluster.server import Person, Server
from waiting import until
from wire import Wire

LEASE_S = 6.0

PLAYBOOK = """# Workers of the booking service

## Severity levels

| Level | What it means | Acknowledge | Resolve |
|---|---|---|---|
| P1 (Critical) | Nobody can book | 5 minutes | 1 hour |

## Roles

- **On-call engineer**: acknowledges and runs the procedure

## Scenarios

### Workers hang

Applies to P1 incidents.

1. Look at the workers.

   ```bash
   cat workers
   ```

2. Restart the workers.

   ```bash
   restart-workers
   ```

3. Look at the workers again.

   ```bash
   cat workers
   ```
"""

# It takes as long as the file `takes` says when it begins. The marker names the run and the step.
PROGRAM = """#!/bin/sh
echo "${STANCH_STEP##*:} begun" >> '%(journal)s'
sleep "$(cat '%(takes)s')"
echo "${STANCH_STEP##*:} ended" >> '%(journal)s'
echo "restarted"
"""


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One server, its wire, and how it calls itself as a holder of runs."""

    server: Server
    wire: Wire

    @property
    def pid(self) -> int:
        return int((self.server.data / "stanch.lock").read_text(encoding="ascii"))

    def freeze(self) -> None:
        """SIGSTOP to the server alone: the supervisors of its commands go on."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @property
    def said(self) -> str:
        return self.server.log.read_text(errors="replace")


class Pair:
    """The two, and what a test asks of them. `url` is the database's own, past the wires."""

    def __init__(self, folder: Path, url: str, replicas: tuple[Replica, Replica], lease_s: float) -> None:
        self.folder = folder
        self.lease_s = lease_s
        self.url = url
        self.replicas = replicas
        self.journal_path = folder / "journal"
        self._looking: psycopg.AsyncConnection[Any] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def up(
        cls, folder: Path, url: str, *, lease_s: float = LEASE_S, settings: str = "", playbook: str = PLAYBOOK
    ) -> AsyncIterator["Pair"]:
        """Start both. The folder is theirs; `settings` are added to those of both."""
        (folder / "bin").mkdir(parents=True)
        (folder / "playbook.md").write_text(playbook)
        program = folder / "bin" / "restart-workers"
        program.write_text(PROGRAM % {"journal": folder / "journal", "takes": folder / "takes"})
        program.chmod(0o755)
        parts = urlsplit(url)
        assert parts.port is not None
        async with contextlib.AsyncExitStack() as stack:
            replicas = []
            for name in ("one", "two"):
                wire = await stack.enter_async_context(Wire(parts.port))
                near = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{wire.port}"))
                server = Server(_settings(folder, name, near, lease_s, settings))
                replica = Replica(server=server, wire=wire)
                stack.callback(_end, replica)
                await server.start()
                replicas.append(replica)
            pair = cls(folder, url, (replicas[0], replicas[1]), lease_s)
            pair._looking = await psycopg.AsyncConnection.connect(url, autocommit=True)
            stack.push_async_callback(pair._looking.close)
            yield pair

    def other(self, than: Replica) -> Replica:
        return next(each for each in self.replicas if each is not than)

    def takes(self, seconds: float) -> None:
        """How long the program takes that is begun next."""
        (self.folder / "takes").write_text(f"{seconds:g}")

    def journal(self) -> list[str]:
        return self.journal_path.read_text().splitlines() if self.journal_path.exists() else []

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database itself says."""
        assert self._looking is not None
        return await (await self._looking.execute(statement.encode(), values)).fetchall()

    async def change(self, statement: str) -> None:
        """Change what is in the database, behind the servers' backs."""
        assert self._looking is not None
        await self._looking.execute(statement.encode())

    async def has_both_served(self) -> bool:
        """Whether both reach the database: each answers a question that needs it."""
        for replica in self.replicas:
            async with replica.server.person() as somebody:
                await somebody.get("/api/incidents")
        return True

    async def holder(self, run: str) -> tuple[str | None, int]:
        """Who holds the run, and in which epoch."""
        ((holder, epoch),) = await self.rows("SELECT holder, epoch FROM run WHERE id = %s", run)
        return holder, epoch

    def called(self, holder: str | None) -> Replica | None:
        """The replica that calls itself so."""
        return next((each for each in self.replicas if holder is not None and holder.endswith(place(each))), None)

    async def begin(self, person: Person) -> str:
        """Open an incident; the run that answers it, once it waits for a yes."""
        incident = (await person.post("/api/incidents", {"title": "Workers hang", "severity": "P1"}))["incident"]["id"]
        run = f"{incident}.1"
        await until(lambda: self.is_at(run, "proposed"), 30)
        return run

    async def is_at(self, run: str, *states: str) -> bool:
        """Whether the step that changes something is in one of these states."""
        return bool(
            await self.rows("SELECT 1 FROM step WHERE run_id = %s AND ordinal = 1 AND state = ANY(%s)", run, [*states])
        )

    async def is_over(self, run: str) -> bool:
        return bool(await self.rows("SELECT 1 FROM run WHERE id = %s AND ended_at IS NOT NULL", run))

    async def step(self, person: Person, run: str) -> dict[str, Any]:
        """The step that changes something."""
        return (await person.run(run))["steps"][1]

    async def events(self, run: str) -> list[tuple[str, dict[str, Any]]]:
        """The run's timeline: kind and data."""
        found = await self.rows(
            "SELECT kind, data FROM event WHERE incident_id = %s ORDER BY seq", run.partition(".")[0]
        )
        return [(kind, json.loads(data) if isinstance(data, str) else data) for kind, data in found]

    def acts(self, run: str) -> Counter[str]:
        """How often the program was begun and ended for this run."""
        return Counter(line.rpartition(" ")[2] for line in self.journal() if line.startswith(f"{run}/"))


def place(replica: Replica) -> str:
    """The name of a replica's data directory, by which it calls itself."""
    return (replica.server.data / "commands" / "place").read_text(encoding="ascii")


def _end(replica: Replica) -> None:
    with contextlib.suppress(OSError, ValueError):
        replica.thaw()
    replica.wire.mend()
    replica.server.end()


def _settings(folder: Path, name: str, url: str, lease_s: float, more: str) -> Path:
    home = folder / name
    home.mkdir()
    (home / "workers").write_text("w1 hangs\n")
    config = home / "stanch.toml"
    config.write_text(f"""[server]
port = 0
data = "data"
database = "{url}"
lease_s = {lease_s}

[playbooks]
paths = ["{folder / "playbook.md"}"]
service = "booking"

[commands]
directory = "."
path = ["{folder / "bin"}", "/usr/bin", "/bin"]
{more}""")
    return config
