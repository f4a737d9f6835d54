"""Ten thousand runs: what one that waits for people costs, and how long a server takes to take them all up again.

First every run waits for an approval: memory a run, and the processor time of a server that has nothing to do but
wait. Then as many runs are in the middle of an act when their server ends: seconds until the next one has looked at
what each did, and finished it. On SQLite. Prints JSON.

    python bench/waiting_runs.py [--runs 10000]
"""

import argparse
import asyncio
import gc
import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, func, select

from stanch.incidents import lifecycle
from stanch.model.clock import SystemClock
from stanch.model.finding import Proposal
from stanch.model.plan import Plan, Procedure, Severity, Step, StepKind
from stanch.model.problem import Source
from stanch.model.risk import Risk
from stanch.model.run import StepState
from stanch.response import runs
from stanch.response.action import ActionContext, Effect, Outcome, Verified
from stanch.response.controls import ControlKeeper
from stanch.response.execution import Executor
from stanch.response.redaction import Redactor
from stanch.response.runner import Runner
from stanch.response.tools import Tools
from stanch.store import tables
from stanch.store.engine import Store

SOURCE = Source(path="bench", line=1)
PLAN = Plan(
    hash="0" * 64,
    playbooks=(),
    facts=(Severity(level="P1", name="P1", response_s=300.0, clocks=(), criteria=(), source=SOURCE),),
)
AT_ONCE = 200
REST_S = 10.0


class Act:
    """Changes nothing anywhere. `endless` acts go on until their server ends."""

    name = "act"

    def __init__(self, risk: Risk, *, endless: bool = False) -> None:
        self.risk = risk
        self._endless = endless

    async def propose(self, context: ActionContext) -> Proposal:
        return Proposal(
            action=self.name, title=context.step.text, why="", risk=self.risk, parameters={}, statement="act", undo=""
        )

    async def do(self, context: ActionContext) -> Outcome:
        if self._endless:
            await asyncio.Event().wait()
        return Outcome(text=context.step.key)

    async def verify(self, context: ActionContext) -> Verified:
        return Verified(effect=Effect.TOOK_EFFECT, because=context.step.key)

    async def undo(self, context: ActionContext) -> Outcome:
        return Outcome(text=context.step.key)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def tools(store: Store, folder: Path, act: Act) -> Tools:
    async def plans(_: str) -> Plan:
        return PLAN

    clock, redactor = SystemClock(), Redactor()
    return Tools(
        store=store,
        clock=clock,
        plans=plans,
        executor=Executor(clock=clock, redactor=redactor, directory=folder / "work", records=folder / "records"),
        keeper=ControlKeeper(store=store, clock=clock, planes={}),
        redactor=redactor,
        actions={act.name: act},
    )


async def start(store: Store, number: int) -> None:
    step = Step(key="act", type=StepKind.ACTION, text="act", action="act", source=SOURCE)
    procedure = Procedure(key="bench", name="bench", steps=(step,), source=SOURCE)

    def some(connection: Connection) -> None:
        for _ in range(AT_ONCE):
            incident = lifecycle.open_by_hand(
                connection, title="bench", severity="P1", service="bench", plan=PLAN, now=time.time(), by="bench"
            )
            runs.start(connection, incident, procedure, PLAN, now=time.time(), because="bench")

    for _ in range(number // AT_ONCE):
        await store.write(some)


async def until(store: Store, number: int, state: StepState) -> float:
    """Seconds until so many steps are in this state."""
    began = time.perf_counter()
    counted = select(func.count()).select_from(tables.step).where(tables.step.c.state == state.value)
    async with store.listen("timeline") as listener:
        while await store.read(lambda connection: connection.execute(counted).scalar_one()) < number:
            await listener.wait(0.1)
    return time.perf_counter() - began


async def waiting(folder: Path, number: int) -> dict[str, Any]:
    async with await Store.open(f"sqlite:///{folder}/waiting.db", SystemClock()) as store:
        gc.collect()
        before = resident_bytes()
        await start(store, number)
        runner = asyncio.create_task(Runner(tools(store, folder, Act(Risk.MUTATING)), holder="a", alone=True).run())
        asked_s = await until(store, number, StepState.PROPOSED)
        await asyncio.sleep(1.0)
        gc.collect()
        grown = resident_bytes() - before
        cpu, at = time.process_time(), time.perf_counter()
        await asyncio.sleep(REST_S)
        idle = (time.process_time() - cpu) / (time.perf_counter() - at)
        runner.cancel()
        await asyncio.gather(runner, return_exceptions=True)
    return {
        "runs": number,
        "asked_s": round(asked_s, 2),
        "bytes_a_run": round(grown / number),
        "idle_cpu_percent": round(idle * 100, 3),
    }


async def recovery(folder: Path, number: int) -> dict[str, Any]:
    async with await Store.open(f"sqlite:///{folder}/recovery.db", SystemClock()) as store:
        await start(store, number)
        endless = tools(store, folder, Act(Risk.READ_ONLY, endless=True))
        runner = asyncio.create_task(Runner(endless, holder="a", alone=True, parallel=number).run())
        await until(store, number, StepState.STARTED)
        runner.cancel()
        await asyncio.gather(runner, return_exceptions=True)
        quick = tools(store, folder, Act(Risk.READ_ONLY))
        cpu = time.process_time()
        runner = asyncio.create_task(Runner(quick, holder="b", alone=True).run())
        took_s = await until(store, number, StepState.DONE)
        cpu = time.process_time() - cpu
        runner.cancel()
        await asyncio.gather(runner, return_exceptions=True)
    return {
        "runs": number,
        "recovered_s": round(took_s, 2),
        "runs_a_second": round(number / took_s),
        "cpu_s": round(cpu, 2),
    }


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    number = options.runs // AT_ONCE * AT_ONCE
    with tempfile.TemporaryDirectory() as name:
        found = {"waiting": await waiting(Path(name), number), "recovery": await recovery(Path(name), number)}
    print(json.dumps({**found, "goal": {"bytes_a_run": 6000, "idle_cpu_percent": 0.5}}))


asyncio.run(main())
