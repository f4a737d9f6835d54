"""What Stanch adds to a step: from the end of one act to the beginning of the next, durably recorded in between.

Runs of ten steps whose act does nothing, on SQLite and, where it is installed, on PostgreSQL. Beside it the floor of
the same disk: what two bare commits cost (a step is at least its intent and its outcome). Also how long an approval
takes to become an act, and what a command costs beside the same command started bare. Milliseconds; and the CPU time
of a step with its share of its run, and the statements from one act to the next, which a busy machine does not change.
Prints JSON.

    python bench/step_overhead.py [--steps 400] [--approvals 60] [--commands 100]
"""

import argparse
import asyncio
import json
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import structlog
from sqlalchemy import Connection, Engine, event

from clinic.cluster import SUPERUSER, Cluster, Unusable
from stanch.incidents import lifecycle
from stanch.model.clock import SystemClock
from stanch.model.finding import Proposal
from stanch.model.plan import Plan, Procedure, Severity, Step, StepKind
from stanch.model.problem import Source
from stanch.model.risk import Rating, Risk
from stanch.model.run import Run, StepRecord, StepState
from stanch.response import runs
from stanch.response.action import ActionContext, Effect, Outcome, Verified
from stanch.response.controls import ControlKeeper
from stanch.response.execution import Executor
from stanch.response.redaction import Redactor
from stanch.response.runner import Runner
from stanch.response.tools import Tools
from stanch.store import sqlite
from stanch.store.engine import Store

SOURCE = Source(path="bench", line=1)
STEPS = 10
SEVERITY = Severity(level="P1", name="P1", response_s=300.0, clocks=(), criteria=(), source=SOURCE)


class Statements:
    """Counts what is sent to the database; the BEGIN of each of PostgreSQL's transactions comes on top."""

    def __init__(self) -> None:
        self.sent = 0
        event.listen(Engine, "before_cursor_execute", self._heard)

    def _heard(self, *_: object) -> None:
        self.sent += 1


class Nothing:
    """An act of no length; keeps when it began and ended (perf_counter seconds), and what had been sent by then."""

    def __init__(self, name: str, risk: Risk, statements: Statements) -> None:
        self.name = name
        self.risk = risk
        self.statements = statements
        self.began: list[float] = []
        self.ended: list[float] = []
        self.sent: list[int] = []

    async def propose(self, context: ActionContext) -> Proposal:
        return Proposal(
            action=self.name,
            title=context.step.text,
            why="",
            risk=self.risk,
            parameters={},
            statement=f"do {context.step.key}",
            undo="",
        )

    async def do(self, context: ActionContext) -> Outcome:
        self.began.append(time.perf_counter())
        self.sent.append(self.statements.sent)
        self.ended.append(time.perf_counter())
        return Outcome(text=context.step.key)

    async def verify(self, context: ActionContext) -> Verified:
        return Verified(effect=Effect.TOOK_EFFECT, because=context.step.key)

    async def undo(self, context: ActionContext) -> Outcome:
        return Outcome(text=context.step.key)


def quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 3),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 3),
        "number": len(ordered),
    }


def acts(action: str, number: int) -> tuple[Step, ...]:
    return tuple(
        Step(key=f"{action}-{place}", type=StepKind.ACTION, text=f"step {place}", action=action, source=SOURCE)
        for place in range(number)
    )


def commands(number: int) -> tuple[Step, ...]:
    rating = Rating(command="true", risk=Risk.READ_ONLY, pipeline=(("true",),))
    return tuple(
        Step(key=f"true-{place}", type=StepKind.COMMAND, text="true", command="true", rating=rating, source=SOURCE)
        for place in range(number)
    )


class Bench:
    """A runner on a store; `over` runs a procedure of the given steps to its end."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.clock = SystemClock()
        self.plan = Plan(hash="0" * 64, playbooks=(), facts=(SEVERITY,))
        statements = Statements()
        self.reading = Nothing("reading", Risk.READ_ONLY, statements)
        self.changing = Nothing("changing", Risk.MUTATING, statements)
        redactor = Redactor()
        self.tools = Tools(
            store=store,
            clock=self.clock,
            plans=self._plan,
            executor=Executor(
                clock=self.clock, redactor=redactor, directory=folder / "work", records=folder / "records"
            ),
            keeper=ControlKeeper(store=store, clock=self.clock, planes={}),
            redactor=redactor,
            actions={"reading": self.reading, "changing": self.changing},
        )

    async def _plan(self, _: str) -> Plan:
        return self.plan

    async def over(self, *steps: Step, answer: Callable[[Run], Awaitable[None]] | None = None) -> Run:
        def start(connection: Connection) -> Run:
            incident = lifecycle.open_by_hand(
                connection, title="bench", severity="P1", service="bench", plan=self.plan, now=time.time(), by="bench"
            )
            procedure = Procedure(key="bench", name="bench", steps=steps, source=SOURCE)
            return runs.start(connection, incident, procedure, self.plan, now=time.time(), because="bench")

        run = await self.store.write(start)
        while not (seen := await self.store.read(lambda connection: runs.get(connection, run.id))).state.is_over:
            if answer is not None:
                await answer(seen)
            await asyncio.sleep(0.1 if answer is None else 0.02)
        return seen

    async def many(self, make: Callable[[int], tuple[Step, ...]], number: int) -> list[Run]:
        """Runs of ten steps, one after the other, until there were `number` steps."""
        return [await self.over(*make(STEPS)) for _ in range(number // STEPS)]

    async def approvals(self, number: int) -> list[float]:
        """Seconds from the durable approval to the beginning of the act."""
        given: list[float] = []

        async def say_yes(run: Run) -> None:
            for step in run.steps:
                if step.state is StepState.PROPOSED:
                    await self.store.write(partial(_approve, step=step))
                    given.append(time.perf_counter())

        for _ in range(number // STEPS):
            await self.over(*acts("changing", STEPS), answer=say_yes)
        return [began - at for at, began in zip(given, self.changing.began, strict=True)]


def _approve(connection: Connection, step: StepRecord) -> None:
    assert step.digest is not None
    runs.approve(connection, step.run_id, step.key, step.digest, by="bench", reason="", now=time.time())


def _between(found: list[Run]) -> list[float]:
    """Seconds from the start of each step to the start of the next."""
    started = [[step.started_at for step in run.steps if step.started_at is not None] for run in found]
    return [later - earlier for times in started for earlier, later in pairwise(times)]


async def measure(store: Store, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    bench = Bench(store, folder)
    bench.tools.executor.warm()  # as the server does when it starts
    runner = asyncio.create_task(Runner(bench.tools, holder="bench", alone=True).run())
    try:
        await bench.over(*acts("reading", STEPS))
        reading = bench.reading
        reading.began.clear()
        reading.ended.clear()
        reading.sent.clear()
        cpu = time.process_time()
        await bench.many(partial(acts, "reading"), options.steps)
        cpu = time.process_time() - cpu
        between = [
            reading.began[place + 1] - reading.ended[place]
            for place in range(len(reading.ended) - 1)
            if (place + 1) % STEPS  # not from the last step of one run to the first of the next
        ]
        sent = sorted(later - earlier for earlier, later in pairwise(reading.sent))
        approvals = await bench.approvals(options.approvals)
        command = _between(await bench.many(commands, options.commands))
    finally:
        runner.cancel()
        await asyncio.gather(runner, return_exceptions=True)
    return {
        "step": {
            **quantiles(between),
            "cpu_ms": round(cpu / options.steps * 1000, 3),
            "statements": sent[len(sent) // 2],
        },
        "approval_to_act": quantiles(approvals),
        "command_step": quantiles(command),
    }


def floor_sqlite(path: Path, number: int) -> dict[str, float]:
    """Two commits, each of one small row, on a plain connection with the same settings."""
    connection = sqlite.connect(path)
    connection.execute("CREATE TABLE floor (text TEXT)")
    took = []
    for _ in range(number):
        began = time.perf_counter()
        for _ in range(2):
            connection.execute("INSERT INTO floor VALUES (?)", ("x" * 200,))
        took.append(time.perf_counter() - began)
    connection.close()
    return quantiles(took)


def floor_postgres(url: str, number: int) -> dict[str, float]:
    took = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE floor (text TEXT)")
        for _ in range(number):
            began = time.perf_counter()
            for _ in range(2):
                connection.execute("INSERT INTO floor VALUES (%s)", ("x" * 200,))
            took.append(time.perf_counter() - began)
    return quantiles(took)


async def bare_command(number: int) -> dict[str, float]:
    took = []
    for _ in range(number):
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec("true", stdout=asyncio.subprocess.PIPE)
        await process.communicate()
        took.append(time.perf_counter() - began)
    return quantiles(took)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--approvals", type=int, default=60)
    parser.add_argument("--commands", type=int, default=100)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    found: dict[str, Any] = {"bare_command": await bare_command(options.commands)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with await Store.open(f"sqlite:///{folder}/stanch.db", SystemClock()) as store:
            found["sqlite"] = await measure(store, folder, options)
        found["sqlite"]["two_bare_commits"] = floor_sqlite(folder / "floor.db", options.steps)
        try:
            with Cluster.temporary() as cluster:
                url = cluster.url(SUPERUSER, "postgres")
                async with await Store.open(url, SystemClock()) as store:
                    found["postgresql"] = await measure(store, folder, options)
                found["postgresql"]["two_bare_commits"] = floor_postgres(url, options.steps)
        except Unusable as reason:
            found["postgresql"] = {"skipped": str(reason)}
    print(json.dumps(found))


asyncio.run(main())
