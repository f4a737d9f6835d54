"""The one place where things are wired: settings in, a running Stanch out."""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psycopg
import structlog
from pydantic import SecretStr
from sqlalchemy import Connection

from stanch.catalogue.signals import with_own
from stanch.charts.chart import Chart, Mark, MarkKind
from stanch.comms.asking import Asking
from stanch.comms.channels.console import ConsoleChannel
from stanch.comms.channels.smtp import SmtpChannel
from stanch.comms.channels.webhook import WebhookChannel
from stanch.comms.drifting import tell
from stanch.comms.links import Links, key_of
from stanch.comms.outbox import Outbox, PagingChannel
from stanch.comms.paging import Paging
from stanch.connectors.files import documents
from stanch.connectors.guard import GuardConnector
from stanch.connectors.postgres.connector import PostgresConnector
from stanch.connectors.postgres.session import ConnectionRefused
from stanch.drift.nightly import Nightly
from stanch.drift.outside import Outside
from stanch.incidents import lifecycle, marks, timeline
from stanch.incidents.keeper import Keeper
from stanch.incidents.lifecycle import Hooks
from stanch.incidents.pinned import PinnedPlans
from stanch.incidents.recovery import Recovery, break_long_gaps, decide, measure_targets
from stanch.incidents.wording import wording
from stanch.learning import proof
from stanch.learning.drafting import Drafter
from stanch.model.clock import Clock, SystemClock
from stanch.model.incident import EventKind, Incident
from stanch.model.plan import Plan
from stanch.model.problem import Problem, Refused, StanchError, Unusable
from stanch.model.rule import Alert, Evaluation, Rule
from stanch.playbook.compile import compile_playbooks, proven
from stanch.playbook.surroundings import Surroundings
from stanch.response import leases, runs
from stanch.response.action import Action
from stanch.response.actions.create_index import CreateIndex
from stanch.response.actions.diagnose import Diagnose
from stanch.response.actions.limit_concurrency import LimitConcurrency
from stanch.response.actions.review_deploys import ReviewDeploys
from stanch.response.actions.verify_recovery import VerifyRecovery
from stanch.response.approvers import Approvers
from stanch.response.controls import ControlKeeper, DataPlane
from stanch.response.execution import Executor, Limits
from stanch.response.identities import Identity
from stanch.response.matching import NoneMatched
from stanch.response.native import TryNatively, tried
from stanch.response.principals import Principals, system_user
from stanch.response.redaction import Redactor, is_distinct
from stanch.response.rollback import propose_rollback
from stanch.response.runner import Runner
from stanch.response.text_table import Rows
from stanch.response.tools import Query, Timing, Tools
from stanch.settings import ReadingSettings, Settings, plain_values, secrets_of
from stanch.signals.compile import compile_rules
from stanch.signals.history import History
from stanch.signals.picture import chart_of
from stanch.signals.rules import Change, Transition
from stanch.signals.sources.scrape import Target
from stanch.signals.watcher import Watcher
from stanch.store import lock
from stanch.store.duty import Duty
from stanch.store.engine import Store
from stanch.store.entering import Entry

_log = structlog.get_logger("stanch")
_BACKOFF_S = (0.5, 2.0, 10.0, 30.0)
_DAY_S = 86_400.0
_BEFORE_S = 60.0
_AROUND_SHARE = 0.1
_MARKED = {
    EventKind.OPENED: ("opened", MarkKind.EVENT),
    EventKind.CONTROL_APPLIED: ("control applied", MarkKind.CONTROL),
    EventKind.MITIGATED: ("mitigated", MarkKind.EVENT),
    EventKind.RESOLVED: ("resolved", MarkKind.EVENT),
    EventKind.REOPENED: ("reopened", MarkKind.EVENT),
}


@dataclass(slots=True)
class Loop:
    """A task that runs for as long as the server does; one that fails is started again, and says so."""

    name: str
    run: Callable[[], Awaitable[None]]
    failures: int = 0
    because: str = ""


def build(settings: Settings, clock: Clock | None = None) -> "App":
    """A Stanch for these settings, to be entered with `async with`. Raises Unusable for playbooks it cannot read."""
    clock = clock or SystemClock()
    here = Surroundings(has_program=lambda name: shutil.which(name) is not None, now=clock.now())
    return App(settings, clock, compile_playbooks(documents(settings.playbooks.paths), here))


class App:
    """Everything that runs. Entering it locks the data directory, opens the store and starts the loops."""

    def __init__(self, settings: Settings, clock: Clock, plan: Plan) -> None:
        self.settings = settings
        self.clock = clock
        self._plans = PinnedPlans(plan)
        self.loops: list[Loop] = []
        targets = [Target(name=name, settings=scrape) for name, scrape in settings.scrape.items()]
        self._interval_s = min((target.settings.interval_s for target in targets), default=5.0)
        compiled = compile_rules(
            plan, default_severity=settings.playbooks.default_severity, interval_s=self._interval_s
        )
        self.rules = compiled.rules
        self.problems: tuple[Problem, ...] = (*plan.problems, *compiled.problems)
        self._targets = targets
        self._stack = AsyncExitStack()

    @property
    def plan(self) -> Plan:
        """The plan that new incidents start with."""
        return self._plans.current

    def plan_of(self, incident: Incident) -> Plan:
        """The plan that an incident started with."""
        return self._plans.of(incident)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        settings, clock = self.settings, self.clock
        self._stack.enter_context(lock.hold(settings.server.data))
        self._redactor = Redactor(secrets_of(settings).values())
        entry = entry_of(settings, self.plan, self._redactor)
        opening = Store.open(settings.server.store_url, clock, entry=entry)
        self.store = await self._stack.enter_async_context(await opening)
        await self._plans.load(self.store)
        await self._judge_age()
        await self.store.write(lambda connection: break_long_gaps(connection, clock.now()))

        channels = self._channels()
        for channel in channels.values():
            self._stack.push_async_callback(channel.close)
        paging = Paging(self.plan_of, channels, settings.server.url)
        self.approvers = Approvers(plan_of=self.plan_of, people=settings.roles_of_people)
        self.links = Links(_link_key(settings), settings.server.url)
        self.alarm = paging.glass_broken
        self.hooks = Hooks(
            opened=(paging.page_on_open, marks.recall, self._respond),
            raised=(paging.page_on_raise,),
            missed=(paging.escalate,),
        )
        self.databases = {name: PostgresConnector(each, clock) for name, each in settings.postgres.items()}
        for database in self.databases.values():
            self._stack.push_async_callback(database.close)
        # A control acts on "guard"; where there are several, each by its name.
        planes: dict[str, DataPlane] = {
            "guard" if len(settings.guard) == 1 else f"guard {name}": GuardConnector(each, clock)
            for name, each in settings.guard.items()
        }
        history = History(self.store, retention_s=settings.response.retention_days * _DAY_S)
        self.watcher = Watcher(
            targets=self._targets,
            rules=self.rules,
            clock=clock,
            on_transition=self._on_transition,
            history=history,
            signals=with_own(self.plan.signals),
        )
        controls = ControlKeeper(store=self.store, clock=clock, planes=planes)
        tools = self._tools(controls, channels, paging)
        self.means = tools.means
        self.principals = tools.principals
        self.try_natively: TryNatively = partial(
            tried, executor=tools.executor, query=tools.query, redact=tools.redactor
        )
        self._replica = f"{socket.gethostname()}:{tools.executor.place()}"
        tools.executor.warm()
        self.loops = [
            Loop("watch", self.watcher.run),
            self._by_one("incidents", lambda store: self._keeper(store).run),
            Loop("runs", Runner(tools, holder=self._replica, alone=settings.server.database is None).run),
            Loop("controls", controls.run),
            Loop("outbox", Outbox(self.store, clock, channels, self.links.seal, holder=self._replica).run),
            self._by_one(
                "reviews", lambda store: Drafter(store, clock, self.charts, settings.server.data / "reviews").run
            ),
            Loop("playbooks", self._keep_age_judged),
            *(
                Loop(f"postgres {name}", _baseline(each, settings.postgres[name].baseline_every_s, clock))
                for name, each in self.databases.items()
            ),
        ]
        if (at := settings.drift.at) is not None:
            self.loops.append(self._by_one("drift", lambda store: self._nightly(store, at, channels).run))
        tasks = [asyncio.create_task(self._keep_running(loop), name=loop.name) for loop in self.loops]
        self._stack.push_async_callback(_end, tasks)

    def _by_one(self, name: str, job_of: Callable[[Store], Callable[[], Awaitable[None]]]) -> Loop:
        """A loop that one of several replicas runs at a time: it writes with the store that `job_of` is given.

        Whatever is done now and then and told to people belongs here, so that it is told once.
        """
        term_s = self.settings.server.lease_s
        duty = Duty(self.store, self.clock, name=name, holder=self._replica, term_s=term_s)
        return Loop(name, partial(duty.run, job_of(duty.store)))

    async def _judge_age(self) -> None:
        """Whether each playbook was run through or reviewed lately enough, by the runs that there have been."""
        proven_at = await self.store.read(proof.proven_at)
        self._plans.say_anew(proven(self.plan, Surroundings(now=self.clock.now(), proven_at=proven_at)))

    async def _keep_age_judged(self) -> None:
        while True:
            await self.clock.sleep(_DAY_S)
            await self._judge_age()

    def _keeper(self, store: Store) -> Keeper:
        return Keeper(
            store,
            self.clock,
            plan_of=self.plan_of,
            evaluations=self.measured,
            hooks=self.hooks,
            interval_s=self._interval_s,
            clean_s=self.settings.response.clean_s,
        )

    def _nightly(self, store: Store, at: str, channels: Mapping[str, PagingChannel]) -> Nightly:
        """The check of every night, with the identities that only read."""
        settings = self.settings
        notify = partial(tell, owner=settings.drift.owner, channels=channels, public_url=settings.server.url)
        return Nightly(
            store,
            self.clock,
            plan=lambda: self.plan,
            outside=outside(settings, self.plan, self.databases),
            at=at,
            tell=notify,
        )

    def _tools(self, controls: ControlKeeper, channels: Mapping[str, PagingChannel], paging: Paging) -> Tools:
        settings = self.settings
        redactor = self._redactor
        actions: list[Action] = [
            VerifyRecovery(store=self.store, outlook=self._outlook),
            ReviewDeploys(store=self.store),
            LimitConcurrency(),
            Diagnose(self.databases),
            CreateIndex(self.databases),
        ]
        environment = {**settings.commands.environment, "PATH": ":".join(map(str, settings.commands.path))}
        return Tools(
            store=self.store,
            clock=self.clock,
            plans=lambda digest: self._plans.by_hash(self.store, digest),
            executor=Executor(
                clock=self.clock,
                redactor=redactor,
                directory=settings.commands.directory,
                records=settings.server.data / "commands",
                environment=environment,
                limits=_limits(settings),
            ),
            keeper=controls,
            redactor=redactor,
            actions={action.name: action for action in actions},
            query=self._query(),
            principals=principals_of(settings),
            ask=Asking(
                plan_of=self.plan_of,
                channels=channels,
                approvers=self.approvers,
                links=self.links,
                addresses=settings.addresses_of_people,
            ),
            escalate=paging.escalate_step,
            measure=self._measure if self._targets else None,
            timing=Timing(lease_s=settings.server.lease_s),
        )

    def _measure(self, rule: Rule) -> float | None:
        """What a condition of a step is judged by."""
        try:
            return self.watcher.value(rule.signal, statistic=rule.statistic, window_s=rule.window_s, labels=rule.labels)
        except ValueError:
            return None  # a signal of a plan that is pinned, and no longer watched: there is no data

    def _query(self) -> Query | None:
        """The read-only connection that SQL blocks of the playbooks run on."""
        name = self.settings.commands.database or (next(iter(self.databases)) if len(self.databases) == 1 else None)
        if name is None:
            return None
        database = self.databases.get(name)
        if database is None:
            raise Unusable(
                f"commands.database names {name!r}, and there is no [postgres.{name}].", hint="Correct the settings."
            )

        return query_of(database)

    def _outlook(self, incident: Incident) -> Recovery:
        plan = self.plan_of(incident)
        return decide(incident, self.measured(plan), plan, self.clock.now(), clean_s=self.settings.response.clean_s)

    # --- what happens when --------------------------------------------------------------------------------------------

    async def _on_transition(self, transitions: tuple[Transition, ...]) -> None:
        """Rules that fired or cleared become incidents, in one transaction."""

        def unit(connection: Connection) -> None:
            now = self.clock.now()
            for transition in transitions:
                alert = self._alert(transition)
                match transition.change:
                    case Change.FIRED:
                        incident = lifecycle.alert_fired(
                            connection, alert, self.plan, now, self.hooks, reopen_s=self.settings.response.reopen_s
                        )
                        propose_rollback(connection, incident, self.plan_of(incident), alert, now=now)
                    case Change.CLEARED:
                        lifecycle.alert_cleared(connection, alert, now)
                    case Change.DATA_LOST:
                        _log.warning("no data", rule=transition.evaluation.rule.title)

        await self.store.write(unit)

    def _respond(self, connection: Connection, incident: Incident, now: float) -> None:
        """Start the procedure that answers an incident, in the transaction that opens it."""
        signals = {rule.signal for rule in self.rules if rule.id in incident.rules}
        chosen = runs.start_matching(connection, incident, self.plan_of(incident), signals=signals, now=now)
        if isinstance(chosen, NoneMatched):
            lifecycle.note(
                connection, incident.id, text=f"No procedure started: {chosen.because}", by="stanch", now=now
            )

    def _alert(self, transition: Transition) -> Alert:
        evaluation = transition.evaluation
        rule = evaluation.rule
        return Alert(
            id=f"{rule.id}@{evaluation.since:.3f}",
            title=rule.title,
            severity=rule.severity,
            signal=rule.signal,
            value=evaluation.value,
            at=evaluation.at,
            service=self.settings.playbooks.service,
            rule=rule,
            labels=rule.labels,
        )

    def measured(self, plan: Plan) -> tuple[Evaluation, ...]:
        """Where the rules stand, and the recovery targets of `plan`."""
        targets = measure_targets(plan, self.watcher.value, self.clock.now(), interval_s=self._interval_s)
        return (*self.watcher.evaluations(), *targets)

    async def charts(self, incident: Incident) -> tuple[Chart, ...]:
        """What the signals of an incident showed, from a while before it opened until it was over."""
        end = incident.resolved_at or self.clock.now()
        spent = end - incident.opened_at
        end += _AROUND_SHARE * spent
        start = incident.opened_at - max(_BEFORE_S, _AROUND_SHARE * spent)
        events = await self.store.read(lambda connection: timeline.read(connection, incident.id))
        moments = [
            Mark(at=event.at, text=text, kind=kind)
            for event in events
            if event.kind in _MARKED
            for text, kind in (_MARKED[event.kind],)
        ]
        moments += [
            Mark(at=at, text=wording(event).text, kind=MarkKind.CHANGE)
            for event in events
            if event.kind is EventKind.MARK
            for at in (float(event.data.get("at") or event.at),)
            if start <= at <= end
        ]
        charts = []
        for rule in self.rules:
            if rule.id in incident.rules:
                points = await self.watcher.points(
                    rule.signal,
                    end - start,
                    until=end,
                    statistic=rule.statistic,
                    window_s=rule.window_s,
                    labels=rule.labels,
                )
                charts.append(chart_of(rule, points, start=start, end=end, marks=moments))
        return tuple(charts)

    def _channels(self) -> Mapping[str, PagingChannel]:
        configured = self.settings.channels
        channels: dict[str, PagingChannel] = {"console": ConsoleChannel()}
        if configured.webhook is not None:
            channels["webhook"] = WebhookChannel(configured.webhook, self.clock)
        if configured.smtp is not None:
            channels["smtp"] = SmtpChannel(configured.smtp)
        return channels

    async def _keep_running(self, loop: Loop) -> None:
        while True:
            try:
                await loop.run()
            except StanchError as error:
                loop.failures += 1
                loop.because = f"{error.message} {error.hint}".strip()
                _log.warning("a loop failed and is started again", loop=loop.name, because=loop.because)
            except Exception as error:  # noqa: BLE001 - one broken loop must not end the others at 3 a.m.; it is logged
                loop.failures += 1
                loop.because = f"{type(error).__name__}: {error}"
                _log.exception("a loop failed and is started again", loop=loop.name, failures=loop.failures)
            else:
                loop.because = "it ended"
            await self.clock.sleep(_BACKOFF_S[min(loop.failures, len(_BACKOFF_S)) - 1])


def outside(settings: Settings, plan: Plan, databases: Mapping[str, PostgresConnector]) -> Outside:
    """What the drift check may ask, as the settings say."""
    single = next(iter(databases)) if len(databases) == 1 else None
    return Outside(
        settings=settings.drift,
        path=":".join(map(str, settings.commands.path)),
        environment=settings.commands.environment,
        databases=databases,
        default_database=settings.commands.database or single,
        names_of={
            name: urlsplit(each.url.get_secret_value()).path.lstrip("/") for name, each in settings.postgres.items()
        },
        targets=[Target(name=name, settings=scrape) for name, scrape in settings.scrape.items()],
        signals=with_own(plan.signals),
    )


def entry_of(settings: Settings, plan: Plan, redactor: Redactor) -> Entry:
    """What takes secrets out of everything that is stored.

    A secret that is a plain word, stands among the settings' names or in a playbook cannot be taken out of everything
    without damage: it is taken out of what people and commands say alone, and the log says so.
    """
    plain = (*plain_values(settings), *(playbook.text for playbook in plan.playbooks))
    kept_out = []
    for name, value in secrets_of(settings).items():
        if is_distinct(value) and not any(value in text for text in plain):
            kept_out.append(value)
        else:
            _log.warning(
                "a secret cannot be told from names that are stored, or stands in a playbook",
                setting=name,
                hint="It is taken out of what commands print and people write. Change it to a long random one.",
            )
    return Entry(text=redactor, known=Redactor(kept_out).without_known) if kept_out else Entry(text=redactor)


def query_of(database: PostgresConnector) -> Query:
    """Ask a database on its read-only connection; what it refuses is told as a refusal."""

    async def query(statement: str) -> Rows:
        try:
            columns, rows = await database.query(statement)
        except (psycopg.Error, ConnectionRefused) as error:
            raise Refused(f"PostgreSQL refused it: {str(error).strip()}", hint="Nothing was changed.") from error
        return Rows(columns=columns, rows=tuple(rows))

    return query


def principals_of(settings: Settings) -> Principals:
    """As whom steps act, by the settings."""
    commands = settings.commands
    name = commands.database or (next(iter(settings.postgres)) if len(settings.postgres) == 1 else None)
    database = Principals().database
    if name is not None and name in settings.postgres:
        role = urlsplit(settings.postgres[name].url.get_secret_value()).username or system_user()
        database = f"PostgreSQL role {role} of [postgres.{name}], which may only read"
    return Principals(
        reading=identity_of(commands.reading),
        environment=commands.environment,
        home=commands.directory,
        user=system_user(),
        database=database,
    )


def identity_of(settings: ReadingSettings) -> Identity:
    """Whom automatic steps act as, by the settings."""

    def value(secret: SecretStr | None) -> str | None:
        return None if secret is None else secret.get_secret_value()

    return Identity(
        kube_context=settings.kube_context,
        aws_profile=settings.aws_profile,
        postgres_role=settings.postgres_role,
        postgres_password=value(settings.postgres_password),
        redis_user=settings.redis_user,
        redis_password=value(settings.redis_password),
    )


def _limits(settings: Settings) -> Limits:
    """With several replicas, what one starts has ended before another may take it over."""
    limits = Limits()
    if settings.server.database is None:
        return limits
    return replace(limits, kill_after_s=min(limits.kill_after_s, settings.server.lease_s * leases.ENDING_SHARE))


def _link_key(settings: Settings) -> bytes:
    key = settings.server.link_key
    return key_of(settings.server.data) if key is None else key.get_secret_value().encode()


def _baseline(database: PostgresConnector, every_s: float, clock: Clock) -> Callable[[], Awaitable[None]]:
    """Note a database's counters now and then, so that a diagnosis has something to compare with."""

    async def run() -> None:
        while True:
            await database.baseline()
            await clock.sleep(every_s)

    return run


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
