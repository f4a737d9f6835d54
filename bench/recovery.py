"""Ten thousand runs in the middle of a step when their server is killed: seconds until the next one has taken all up.

A process brings the runs into the middle of a step: most in one that only reads, a share in a command that changes
something, each under its supervisor. SIGKILL; the commands go on. Then a real `stanch up` is started on the same data
directory. Measured from its first instruction until every run is over: what only reads was begun again, what the
supervisors saw was adopted. Counted: commands run twice, outcomes lost, people asked; all have to be 0. On SQLite and
on PostgreSQL. Prints JSON.

    python bench/recovery.py [--runs 10000] [--commands 100] [--store sqlite] [--store postgresql]
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import Connection, func, select

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src")]

from clinic.cluster import SUPERUSER, Cluster  # noqa: E402 - the checkout's own
from stanch.connectors.files import documents  # noqa: E402 - as above
from stanch.incidents import lifecycle  # noqa: E402 - as above
from stanch.model.clock import SystemClock  # noqa: E402 - as above
from stanch.model.finding import Proposal  # noqa: E402 - as above
from stanch.model.plan import Plan, Procedure  # noqa: E402 - as above
from stanch.model.risk import Risk  # noqa: E402 - as above
from stanch.model.run import StepState  # noqa: E402 - as above
from stanch.playbook.compile import compile_playbooks  # noqa: E402 - as above
from stanch.response import rows, runs  # noqa: E402 - as above
from stanch.response.action import ActionContext, Effect, Outcome, Verified  # noqa: E402 - as above
from stanch.response.controls import ControlKeeper  # noqa: E402 - as above
from stanch.response.execution import Executor  # noqa: E402 - as above
from stanch.response.redaction import Redactor  # noqa: E402 - as above
from stanch.response.runner import Runner  # noqa: E402 - as above
from stanch.response.tools import Timing, Tools  # noqa: E402 - as above
from stanch.store import tables  # noqa: E402 - as above
from stanch.store.engine import Store  # noqa: E402 - as above

PLAYBOOK = """# Workers

## Severity levels

| Level | What it means |
|---|---|
| P1 (Critical) | Nobody can book |
| P2 (High) | Some cannot |

## Scenarios

### Something changed

Applies to P2 incidents.

1. Review the recent deployments.

### Workers hang

Applies to P1 incidents.

1. Restart the workers.

   ```bash
   restart-workers
   ```
"""
PROGRAM = "#!/bin/sh\necho \"${STANCH_STEP##*:} begun\" >> '%(journal)s'\nsleep 5\necho restarted\n"
AT_ONCE = 200
WITHIN_S = 900.0
ADOPTED = "its supervisor saw it through"


class Endless:
    """What the real action of this name does at once, and here goes on until the process is killed."""

    name = "review_deploys"
    risk = Risk.READ_ONLY

    async def propose(self, context: ActionContext) -> Proposal:
        return Proposal(
            action=self.name, title=context.step.text, why="", risk=self.risk, parameters={}, statement="look", undo=""
        )

    async def do(self, context: ActionContext) -> Outcome:
        del context
        return await asyncio.Future()

    async def verify(self, context: ActionContext) -> Verified:
        return Verified(effect=Effect.CANNOT_TELL, because=context.step.key)

    async def undo(self, context: ActionContext) -> Outcome:
        return Outcome(text=context.step.key)


def prepare(folder: Path, url: str | None) -> None:
    """The installation: settings, playbook, and the program that leaves a line when it is begun."""
    (folder / "bin").mkdir(parents=True)
    (folder / "playbook.md").write_text(PLAYBOOK)
    program = folder / "bin" / "restart-workers"
    program.write_text(PROGRAM % {"journal": folder / "journal"})
    program.chmod(0o755)
    (folder / "journal").touch()
    database = "" if url is None else f'database = "{url}"\n'
    (folder / "stanch.toml").write_text(
        f'[server]\nport = 0\ndata = "data"\n{database}\n[playbooks]\npaths = ["playbook.md"]\nservice = "bench"\n\n'
        f'[commands]\ndirectory = "."\npath = ["{folder}/bin", "/usr/bin", "/bin"]\n'
    )


def plan_of(folder: Path) -> Plan:
    return compile_playbooks(documents([folder / "playbook.md"]))


# --- the process that is killed --------------------------------------------------------------------------------------


async def interrupted(folder: Path, url: str, number: int, commands: int) -> None:
    """Bring so many runs into the middle of a step, `commands` of them into a command; say so, and go on."""
    plan, clock, redactor = plan_of(folder), SystemClock(), Redactor()
    looks, restarts = (next(each for each in plan.of(Procedure) if each.applies_to == (p,)) for p in ("P2", "P1"))

    async def plans(_: str) -> Plan:
        return plan

    async with await Store.open(url, clock) as store:
        tools = Tools(
            store=store,
            clock=clock,
            plans=plans,
            executor=Executor(
                clock=clock,
                redactor=redactor,
                directory=folder,
                records=folder / "data" / "commands",
                environment={"PATH": f"{folder}/bin:/usr/bin:/bin"},
            ),
            keeper=ControlKeeper(store=store, clock=clock, planes={}),
            redactor=redactor,
            actions={"review_deploys": Endless()},
            timing=Timing(lease_s=3600.0),
        )
        for procedure, count in ((looks, number - commands), (restarts, commands)):
            await start(store, plan, procedure, count)
        place = tools.executor.place()
        holder = f"{os.uname().nodename}:{place}"
        runner = asyncio.create_task(Runner(tools, holder=holder, alone=not store.shared, parallel=number).run())
        await until(store, commands, StepState.PROPOSED)
        await store.write(lambda rows: approve(rows, clock.now()))
        await until(store, number, StepState.STARTED)
        while len((folder / "journal").read_text().splitlines()) < commands:
            await clock.sleep(0.05)
        print("in the middle", flush=True)
        await runner


async def start(store: Store, plan: Plan, procedure: Procedure, number: int) -> None:
    def some(connection: Connection, count: int) -> None:
        for _ in range(count):
            incident = lifecycle.open_by_hand(
                connection,
                title=procedure.name,
                severity=procedure.applies_to[0],
                service="bench",
                plan=plan,
                now=time.time(),
                by="bench",
            )
            runs.start(connection, incident, procedure, plan, now=time.time(), because="bench")

    for begun in range(0, number, AT_ONCE):
        count = min(AT_ONCE, number - begun)
        await store.write(lambda connection, count=count: some(connection, count))


def approve(connection: Connection, now: float) -> None:
    """A yes to everything that is asked."""
    asked = select(tables.step.c.run_id).where(tables.step.c.state == StepState.PROPOSED.value)
    for run_id in connection.scalars(asked).all():
        for step in rows.get_run(connection, run_id).steps:
            runs.approve(connection, run_id, step.key, step.digest or "", by="bench", reason="bench", now=now)


async def until(store: Store, number: int, state: StepState) -> None:
    counted = select(func.count()).select_from(tables.step).where(tables.step.c.state == state.value)
    async with store.listen("timeline") as listener:
        while await store.read(lambda connection: connection.execute(counted).scalar_one()) < number:
            await listener.wait(0.2)


# --- the one that is started after it --------------------------------------------------------------------------------


def measure(folder: Path, url: str | None, number: int, commands: int) -> dict[str, Any]:
    prepare(folder, url)
    address = url or f"sqlite:///{folder}/data/stanch.db"
    argv = [sys.executable, __file__, "--interrupt", str(folder), "--url", address]
    (folder / "data").mkdir()
    before = subprocess.Popen(
        [*argv, "--runs", str(number), "--commands", str(commands)], stdout=subprocess.PIPE, text=True
    )
    assert before.stdout is not None
    if "in the middle" not in before.stdout.readline():
        raise SystemExit(f"the runs were not brought into the middle: {before.wait()}")
    before.send_signal(signal.SIGKILL)
    before.wait()
    engine = sqlalchemy.create_engine(
        f"sqlite:///file:{folder}/data/stanch.db?mode=ro&uri=true"
        if url is None
        else url.replace("postgresql:", "postgresql+psycopg:")
    )
    began = time.monotonic()
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "stanch", "up", "--config", str(folder / "stanch.toml")]
        server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": sys.path[0]})
        try:
            over_s = wait_until_over(engine, number, began, server)
            cpu_s = sum(os.sysconf("SC_CLK_TCK") ** -1 * int(part) for part in stat(server.pid)[13:15])
        finally:
            server.terminate()
            server.wait(60)
    begun = Counter((folder / "journal").read_text().splitlines()) if commands else Counter[str]()
    return {
        "runs": number,
        "commands_in_flight": commands,
        "recovered_s": round(over_s, 2),
        "runs_a_second": round(number / over_s),
        "cpu_s": round(cpu_s, 2),
        **judged(engine),
        "commands_run_twice": sum(count - 1 for count in begun.values()),
    }


def wait_until_over(engine: sqlalchemy.Engine, number: int, began: float, server: subprocess.Popen[bytes]) -> float:
    over = select(func.count()).select_from(tables.run).where(tables.run.c.ended_at.is_not(None))
    asked = select(func.count()).select_from(tables.step).where(tables.step.c.state == StepState.UNKNOWN.value)
    while time.monotonic() - began < WITHIN_S:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}")
        with engine.connect() as connection:
            if connection.execute(over).scalar_one() + connection.execute(asked).scalar_one() >= number:
                return time.monotonic() - began
        time.sleep(0.1)
    raise SystemExit("not all runs were over in time")


def judged(engine: sqlalchemy.Engine) -> dict[str, int]:
    step = tables.step
    with engine.connect() as connection:
        states = Counter(connection.scalars(select(step.c.state)).all())
        adopted = select(func.count()).select_from(step).where(step.c.because.contains(ADOPTED))
        found = connection.execute(adopted).scalar_one()
    return {
        "adopted": found,
        "people_asked": states[StepState.UNKNOWN.value],
        "lost_outcomes": states.total() - states[StepState.DONE.value] - states[StepState.UNKNOWN.value],
    }


def stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--commands", type=int, default=100)
    parser.add_argument("--store", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--interrupt", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.interrupt is not None:
        asyncio.run(interrupted(options.interrupt, options.url, options.runs, options.commands))
        return
    found: dict[str, Any] = {}
    for store in options.store or ["sqlite", "postgresql"]:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))) / "stanch"
            url = None
            if store == "postgresql":
                cluster = stack.enter_context(Cluster.temporary())
                with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
                    connection.execute("CREATE DATABASE stanch")
                url = cluster.url(SUPERUSER, "stanch")
            found[store] = measure(folder, url, options.runs, options.commands)
    goal = {"commands_run_twice": 0, "people_asked": 0, "lost_outcomes": 0}
    print(json.dumps({**found, "goal": goal}))


main()
