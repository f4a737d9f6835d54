"""An application as the web serves it, with a real incident in it: real store, watch, runs and outbox on a clock
that is moved by hand. The database that breaks is played by two actions and a query; all else is what ships.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from stanch.app import principals_of
from stanch.charts.chart import Chart
from stanch.comms.asking import Asking
from stanch.comms.channels.console import ConsoleChannel
from stanch.comms.links import Links, key_of
from stanch.comms.outbox import Outbox, PagingChannel
from stanch.comms.paging import Paging
from stanch.incidents import lifecycle, timeline
from stanch.incidents.lifecycle import Hooks
from stanch.learning.drafting import Drafter
from stanch.model.clock import ManualClock
from stanch.model.control import Control
from stanch.model.finding import Diagnosis, Evidence, Finding, LongTerm, Proposal, RuledOut
from stanch.model.incident import EventKind, Incident
from stanch.model.message import Delivered, Message
from stanch.model.plan import Contact, Plan
from stanch.model.risk import Risk
from stanch.model.rule import Alert, Rule
from stanch.playbook.compile import compile_playbooks
from stanch.response import runs
from stanch.response.action import ActionContext, Effect, NotApplicable, Outcome, Verified
from stanch.response.approvers import Approvers
from stanch.response.controls import ControlKeeper
from stanch.response.execution import Executor
from stanch.response.native import tried
from stanch.response.principals import Principals
from stanch.response.redaction import Redactor
from stanch.response.runner import Runner
from stanch.response.text_table import Rows
from stanch.response.tools import Tools
from stanch.response.ways import Means
from stanch.settings import PersonSettings, PlaybookSettings, ServerSettings, Settings
from stanch.signals.compile import compile_rules
from stanch.signals.history import History
from stanch.signals.picture import chart_of
from stanch.signals.sources.scrape import ScrapeSettings, Target
from stanch.signals.watcher import Watcher
from stanch.store import tables
from stanch.store.engine import Store

CASES = Path(__file__).parents[2] / "cases" / "web"
PLAYBOOK = CASES / "booking.md"
START = 1_795_226_647.0
"""02:04:07 UTC, on 21 November 2026."""
QUIET_S = 600.0
STEP_S = 5.0
STATEMENT = "CREATE INDEX CONCURRENTLY appointments_doctor_date ON appointments (doctor_id, appointment_date)"
QUERY = "SELECT * FROM appointments WHERE doctor_id = $1 AND appointment_date = $2"
HOSTILE = '<script>alert("output")</script><img src=x onerror=alert(1)> & "quotes"'

_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))


@dataclass
class Gate:
    """Where a played act waits until the test lets it go on."""

    open: asyncio.Event = field(default_factory=asyncio.Event)


class Diagnose:
    """Finds what the played database has to be found."""

    name = "diagnose"
    risk = Risk.READ_ONLY

    async def propose(self, context: ActionContext) -> Proposal:
        del context
        return Proposal(
            action=self.name,
            title="Find the cause",
            why="",
            risk=self.risk,
            parameters={},
            statement="4 statements on booking-db, read-only",
            undo="",
        )

    async def do(self, context: ActionContext) -> Outcome:
        await context.record_finding(DIAGNOSIS)
        return Outcome(text=f"missing index on appointments {HOSTILE}")

    async def verify(self, context: ActionContext) -> Verified:
        del context
        return Verified(effect=Effect.NO_EFFECT, because="it only reads")

    async def undo(self, context: ActionContext) -> Outcome:
        del context
        return Outcome(text="")


class CreateIndex:
    """Builds the index once the gate is open, with the load capped meanwhile."""

    name = "create_index"
    risk = Risk.MUTATING

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def propose(self, context: ActionContext) -> Proposal | NotApplicable:
        if not context.findings:
            return NotApplicable(because="nothing was found")
        return DIAGNOSIS.findings[0].proposals[0]

    async def do(self, context: ActionContext) -> Outcome:
        await context.controls.apply(
            plane="traffic", text="/appointments at most 8 at once", parameters={"limit": 8}, seconds=900
        )
        await context.report("building: 54,000 of 124,590 blocks", 54_000, 124_590)
        await self._gate.open.wait()
        await context.controls.undo(because="the index is built")
        return Outcome(text="index appointments_doctor_date is valid, 84 MB")

    async def verify(self, context: ActionContext) -> Verified:
        del context
        return Verified(effect=Effect.TOOK_EFFECT, because="the index is valid")

    async def undo(self, context: ActionContext) -> Outcome:
        del context
        return Outcome(text="dropped")


class Plane:
    """A data plane in memory."""

    def __init__(self) -> None:
        self.held: dict[str, Control] = {}

    async def apply(self, control: Control) -> None:
        self.held[control.id] = control

    async def withdraw(self, control_id: str) -> bool:
        return self.held.pop(control_id, None) is not None

    async def in_force(self) -> tuple[Control, ...]:
        return tuple(self.held.values())


DIAGNOSIS = Diagnosis(
    findings=(
        Finding(
            cause="missing_index",
            summary="The most called query reads the whole table appointments to return 2 rows.",
            confidence=0.98,
            subject={"table": "appointments", "columns": ["doctor_id", "appointment_date"]},
            evidence=(
                Evidence(
                    name="Query", text="SELECT * FROM appointments WHERE doctor_id = $1 AND appointment_date = $2"
                ),
                Evidence(name="Blocks a call", text="124,590 of 124,590 in the table, for 2 rows"),
                Evidence(name="Plan now, then", text="Parallel Seq Scan, cost 156,840 → Index Scan, cost 12"),
                Evidence(name="Share of database time", text="97%, since 02:12:50"),
            ),
            proposals=(
                Proposal(
                    action="create_index",
                    title="Build the index that this query has been missing",
                    why="Every call reads all 124,590 blocks of appointments to return 2 rows. "
                    "A composite index makes it 4 blocks.",
                    risk=Risk.MUTATING,
                    parameters={"table": "appointments"},
                    statement=STATEMENT,
                    undo="DROP INDEX CONCURRENTLY appointments_doctor_date",
                    facts=(
                        ("About 25 s", "with load capped at 8 queries"),
                        ("No lock on writes", "84 MB, +6% insert cost"),
                    ),
                ),
            ),
            later=(
                LongTerm(kind="select_star", text="select the 5 columns that are used"),
                LongTerm(kind="missing_pagination", text="page the list"),
            ),
        ),
    ),
    ruled_out=(
        RuledOut(cause="lock_wait", because="no statement waits for a lock"),
        RuledOut(cause="recent_release", because="none in 26 h"),
        RuledOut(cause="traffic", because="+2%"),
    ),
    statements=4,
    elapsed_s=2.1,
)


class Postbox:
    """A channel to mail addresses that keeps what was sent, as it left."""

    name = "mail"

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []

    def addresses(self, role: str, contacts: tuple[Contact, ...]) -> tuple[str, ...]:
        del role
        return tuple(contact.address for contact in contacts if "@" in contact.address)

    async def deliver(self, message: Message, address: str) -> Delivered:
        self.sent.append((address, message))
        return Delivered()

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Scene:
    """The application; `gate` is where the building of the index waits."""

    settings: Settings
    clock: ManualClock
    store: Store
    plan: Plan
    watcher: Watcher
    rules: tuple[Rule, ...]
    gate: Gate
    load: "Load"
    problems: tuple[Any, ...] = ()
    loops: tuple[Any, ...] = ()
    means: Means = field(default_factory=Means)
    principals: Principals = field(default_factory=Principals)
    try_natively: Any = None
    hooks: Hooks = field(default_factory=Hooks)
    mail: "Postbox" = field(default_factory=Postbox)
    approvers: Any = None
    links: Any = None
    alarm: Any = None

    def plan_of(self, incident: Incident) -> Plan:
        del incident
        return self.plan

    async def charts(self, incident: Incident) -> tuple[Chart, ...]:
        """For the review."""
        start, end = incident.opened_at - 120, self.clock.now()
        rule = self.rules[0]
        points = await self.watcher.points(
            rule.signal, end - start, until=end, statistic=rule.statistic, window_s=rule.window_s
        )
        return (chart_of(rule, points, start=start, end=end),)

    async def fire(self) -> Incident:
        """The first rule fires, as the watch would tell it."""
        rule = self.rules[0]
        now = self.clock.now()
        alert = Alert(
            id=f"{rule.id}@{now:.3f}",
            title="Response time p95 is 8.4 s",
            severity=rule.severity,
            signal=rule.signal,
            value=8.4,
            at=now,
            service="booking",
            rule=rule,
        )
        return await self.store.write(lambda rows: lifecycle.alert_fired(rows, alert, self.plan, now, self.hooks))

    async def advance(self, seconds: float) -> None:
        """Let time pass, with the watch looking as it does."""
        for _ in range(round(seconds / STEP_S)):
            await self.clock.advance(STEP_S)
            await self.watcher.round()

    async def clear(self) -> None:
        """And clears."""
        rule, now = self.rules[0], self.clock.now()
        alert = Alert(
            id=f"{rule.id}@{now:.3f}", title=rule.title, severity=rule.severity, signal=rule.signal, value=0.05, at=now,
            service="booking", rule=rule,
        )  # fmt: skip
        await self.store.write(lambda rows: lifecycle.alert_cleared(rows, alert, now))

    async def until(self, holds: Any, seconds: float = 10.0) -> None:
        """Wait in real time until `holds(connection)` is true of the store."""
        async with asyncio.timeout(seconds), self.store.listen("timeline", "runs", "outbox", "controls") as changes:
            while not await self.store.read(holds):
                await changes.wait()

    async def burn(self) -> Incident:
        """An incident that waits for a person's yes to the index."""
        incident = await self.fire()

        def waits(rows: Connection) -> bool:
            return any(
                step.state == "proposed" for run in runs.listing(rows, incident_id=incident.id) for step in run.steps
            )

        await self.until(waits)
        return await self.store.read(lambda rows: lifecycle.get(rows, incident.id))


@asynccontextmanager
async def scene(
    folder: Path,
    *,
    quiet_s: float = QUIET_S,
    fault_s: float = 180.0,
    playbook: str = "booking.md",
    people: Mapping[str, PersonSettings] | None = None,
) -> AsyncIterator[Scene]:
    """A running application whose service was well for `quiet_s` and has been slow for `fault_s`."""
    now = START + quiet_s + fault_s
    clock = ManualClock(now)
    plan = compile_playbooks([(f"playbooks/{playbook}", (CASES / playbook).read_bytes())])
    load = Load(START, START + quiet_s)
    target, port = await _serve_metrics(load, clock)
    scrape = ScrapeSettings(url=f"http://127.0.0.1:{port}/metrics", interval_s=STEP_S)
    settings = Settings(
        server=ServerSettings(port=0, data=folder),
        playbooks=PlaybookSettings(paths=[PLAYBOOK], service="booking"),
        scrape={"booking": scrape},
        people=dict(people or {}),
    )
    rules = compile_rules(plan, interval_s=STEP_S).rules
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(await Store.open(f"sqlite:///{folder / 'stanch.db'}", clock))
        await store.write(lambda rows: _remember(rows, load, f"127.0.0.1:{port}", now - STEP_S))
        watcher = Watcher(
            targets=[Target(name="booking", settings=scrape)],
            rules=rules,
            clock=clock,
            on_transition=_nothing,
            history=History(store, retention_s=86400),
        )
        stack.push_async_callback(watcher.close)
        await watcher.restore()
        await watcher.round()
        gate = Gate()
        made = Scene(
            settings=settings, clock=clock, store=store, plan=plan, watcher=watcher, rules=rules, gate=gate, load=load
        )
        channels: dict[str, PagingChannel] = {"console": ConsoleChannel(), "mail": made.mail}
        paging = Paging(made.plan_of, channels, None)
        made.approvers = Approvers(plan_of=made.plan_of, people=settings.roles_of_people)
        made.links = Links(key_of(folder), "http://stanch.example")
        made.alarm = paging.glass_broken

        def respond(rows: Connection, incident: Incident, at: float) -> None:
            runs.start_matching(rows, incident, plan, signals=[rules[0].signal], now=at)

        made.hooks = Hooks(opened=(paging.page_on_open, respond), raised=(paging.page_on_raise,))
        keeper = ControlKeeper(store=store, clock=clock, planes={"traffic": Plane()})
        redactor = Redactor()
        tools = Tools(
            store=store,
            clock=clock,
            plans=lambda _: _given(plan),
            executor=Executor(clock=clock, redactor=redactor, directory=folder, records=folder / "records"),
            keeper=keeper,
            redactor=redactor,
            actions={each.name: each for each in (Diagnose(), CreateIndex(gate))},
            query=_asked,
            principals=principals_of(settings),
            ask=Asking(
                plan_of=made.plan_of,
                channels=channels,
                approvers=made.approvers,
                links=made.links,
                addresses=settings.addresses_of_people,
            ),
        )
        made.means = tools.means
        made.principals = principals_of(settings)
        made.try_natively = partial(tried, executor=tools.executor, query=tools.query, redact=redactor)
        drafter = Drafter(store, clock, made.charts, folder / "reviews")
        tasks = [
            asyncio.create_task(Runner(tools, holder="scene", alone=True).run()),
            asyncio.create_task(Outbox(store, clock, channels, made.links.seal).run()),
            asyncio.create_task(keeper.run()),
            asyncio.create_task(drafter.run()),
        ]
        try:
            yield made
        finally:
            target.close()
            await target.wait_closed()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _asked(statement: str) -> Rows:
    return Rows(columns=("state", "connections"), rows=(("active", 38), ("idle in transaction", 1), (HOSTILE, 1)))


async def _given(plan: Plan) -> Plan:
    return plan


async def _nothing(changes: Any) -> None:
    return None


class Load:
    """The traffic of a service that was well, and has been slow since `since`: its counters, moment by moment."""

    def __init__(self, start: float, since: float) -> None:
        self.at = start
        self.since = since
        self.until = float("inf")
        self._buckets = dict.fromkeys(_BUCKETS, 0.0)
        self._good = self._bad = 0.0
        self._used = 9

    def advance(self, at: float) -> list[tuple[str, dict[str, str], float]]:
        """What `/metrics` says at that moment."""
        while self.at < at:
            self.at = min(at, self.at + STEP_S)
            wave = (int(self.at / STEP_S) * 7919 % 13) / 13
            slow = min(1.0, max(0.0, (min(self.at, self.until) - self.since) / 40))
            slow = max(0.0, slow - max(0.0, (self.at - self.until) / 20))
            response = 0.06 + 0.03 * wave + slow * (7.2 + 1.6 * wave)
            requests = 300 - 180 * slow
            for bound in _BUCKETS:
                self._buckets[bound] += requests * (1.0 if bound >= response else max(0.0, 0.2 * bound / response))
            failing = requests * max(0.0, slow - 0.4) * 0.33 * (0.8 + 0.2 * wave)
            self._good, self._bad = self._good + requests - failing, self._bad + failing
            self._used = round(min(40.0, 9 + 3 * wave + 60 * slow))
        duration = "http_server_request_duration_seconds"
        return [
            *(
                (f"{duration}_bucket", {"le": "+Inf" if bound == float("inf") else f"{bound}"}, count)
                for bound, count in self._buckets.items()
            ),
            (f"{duration}_count", {"http_response_status_code": "200"}, self._good),
            (f"{duration}_count", {"http_response_status_code": "500"}, self._bad),
            ("db_client_connection_count", {"state": "used"}, float(self._used)),
            ("db_client_connection_max", {}, 40.0),
        ]


def _remember(rows: Connection, load: Load, instance: str, until: float) -> None:
    """What the target said until then, written as the watch writes it."""
    target = {"job": "booking", "instance": instance}
    numbers: dict[tuple[str, str], int] = {}
    samples: list[dict[str, Any]] = []
    while load.at < until:
        at = load.at
        for metric, labels, value in [*load.advance(at + STEP_S), ("up", {}, 1.0)]:
            key = (metric, str(labels))
            if key not in numbers:
                numbers[key] = len(numbers) + 1
                rows.execute(insert(tables.series).values(id=numbers[key], metric=metric, labels={**target, **labels}))
            samples.append({"series_id": numbers[key], "at": load.at, "value": value})
    rows.execute(insert(tables.sample), samples)


def _line(metric: str, labels: Mapping[str, str], value: float) -> str:
    return f"{metric}{{{','.join(f'{name}={json.dumps(text)}' for name, text in labels.items())}}} {value}"


async def _serve_metrics(load: Load, clock: ManualClock) -> tuple[asyncio.Server, int]:
    """A real target: HTTP on a free port of the loopback."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [_line(*sample) for sample in load.advance(clock.now())]
        body = ("\n".join(lines) + "\n").encode()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def deploy(scene: Scene, incident_id: str, text: str) -> None:
    """A change of the outside world, told to the incident."""
    now = scene.clock.now()
    await scene.store.write(lambda rows: timeline.append(rows, incident_id, EventKind.MARK, {"text": text}, now=now))
