"""Who is paged for an incident, and with what words: rows of the outbox, written in the incident's own transaction.

The plan's roles for the severity are called one after the other: the on-call role when the incident opens, reopens or
gets worse, the next one each time the promise to acknowledge is missed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from stanch.catalogue.signals import with_own
from stanch.charts.quantity import prose, say
from stanch.comms import outbox
from stanch.comms.outbox import PagingChannel
from stanch.incidents import timeline
from stanch.incidents.clocks import ACKNOWLEDGE, CONTAIN, ESCALATE
from stanch.model.incident import ClockState, Event, EventKind, Incident, IncidentClock
from stanch.model.message import Message
from stanch.model.plan import Contact, Plan, Role
from stanch.model.run import StepRecord
from stanch.response.approvals import Broken

ON_CALL = "On-call"
"""Who is called where the playbook names no role."""

_UNANSWERED = (ACKNOWLEDGE, ESCALATE)
_FIRST = re.compile(r"\bon[ -]?call\b|\bprimary\b|\bresponder\b", re.IGNORECASE)
_COMMANDS = re.compile(r"\bcommander\b|\bmanager\b|\blead\b|\bowner\b|\bhead of\b|\bct[io]\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]+")


def ladder(plan: Plan, severity: str) -> tuple[str, ...]:
    """The roles to call for a severity, in order, never none.

    A role that names severities is called for those alone. The first is the one that its name says is on call; the
    others follow as the playbook lists them.
    """
    roles = [
        role.name
        for role in plan.of(Role)
        if not role.severities or severity.casefold() in {each.casefold() for each in role.severities}
    ]
    if not roles:
        return (ON_CALL,)
    first = next((name for name in roles if _FIRST.search(name)), roles[0])
    return tuple(dict.fromkeys((first, *roles)))


def contacts_of(plan: Plan, role: str) -> tuple[Contact, ...]:
    """The contacts of a role: those of its very name, else those whose words all are in it, or all of its in theirs."""
    contacts = plan.of(Contact)
    exact = tuple(contact for contact in contacts if contact.name.casefold() == role.casefold())
    if exact:
        return exact
    wanted = _words(role)
    return tuple(
        contact for contact in contacts if (words := _words(contact.name)) and (words <= wanted or wanted <= words)
    )


class Paging:
    """The hooks by which an incident reaches people; `app` hands them to the lifecycle and the clocks."""

    def __init__(
        self,
        plan: Callable[[Incident], Plan],
        channels: Mapping[str, PagingChannel],
        public_url: str | None = None,
    ) -> None:
        """`plan` gives the plan that an incident is handled by; `public_url` is where people reach the console."""
        self._plan = plan
        self._channels = channels
        self._public_url = None if public_url is None else public_url.rstrip("/")

    def page_on_open(self, connection: Connection, incident: Incident, now: float) -> None:
        """Call the first role. Reopened, it is called again."""
        plan = self._plan(incident)
        role = ladder(plan, incident.severity)[0]
        occasion = f"open {incident.reopened}" if incident.reopened else "open"
        again = "Reopened: " if incident.reopened else ""
        self._page(connection, incident, plan, role, occasion=occasion, opening=again, now=now)

    def page_on_raise(self, connection: Connection, incident: Incident, now: float) -> None:
        """Call the first role of the worse severity."""
        plan = self._plan(incident)
        role = ladder(plan, incident.severity)[0]
        self._page(connection, incident, plan, role, occasion=f"raised {incident.seq}", opening="Now worse: ", now=now)

    def escalate(self, connection: Connection, incident: Incident, clock: IncidentClock, now: float) -> None:
        """Where nobody acknowledged in time, call the next role, and give it as long; past the last, say so."""
        if clock.name not in _UNANSWERED or incident.status.is_over:
            return
        plan = self._plan(incident)
        roles = ladder(plan, incident.severity)
        story = timeline.read(connection, incident.id, kinds=(EventKind.REOPENED, EventKind.CLOCK_MISSED))
        called = _calls_unanswered(story)
        if called >= len(roles):
            because = f"{', '.join(roles)} did not acknowledge, and the playbook names nobody else to call"
            data = {"role": roles[-1], "channel": "escalation", "because": because, "retry_at": None}
            timeline.append(connection, incident.id, EventKind.PAGE_FAILED, data, now=now)
            return
        if clock.due_at is not None:
            due_at = now + (clock.due_at - clock.started_at)
            text = f"{roles[called]} to acknowledge"
            promise = {"name": ESCALATE, "due_at": due_at, "text": text}
            timeline.append(connection, incident.id, EventKind.CLOCK_STARTED, promise, now=now)
        self._page(
            connection,
            incident,
            plan,
            roles[called],
            occasion=f"reopened {incident.reopened} escalated {called}",
            opening="Nobody has acknowledged: ",
            now=now,
        )

    def glass_broken(self, connection: Connection, incident: Incident, broken: Broken, now: float) -> None:
        """Call who commands, and who owns the step: one person approved alone what takes more."""
        step, by, reason = broken.step, broken.by, broken.reason
        plan = self._plan(incident)
        roles = ladder(plan, incident.severity)
        commander = next((role for role in roles if _COMMANDS.search(role)), roles[0])
        owner = () if step.owner is None else (step.owner,)
        lines = [
            f"{by} alone approved: {step.title or step.text}",
            f"Would run: {step.statement or step.command or ''}",
            f"Risk: {step.risk}",
            f"Reason: {reason}",
            f"Look at it: stanch run show {step.run_id}",
        ]
        for role in dict.fromkeys((commander, *owner)):
            self._page(
                connection,
                incident,
                plan,
                role,
                occasion=f"glass {step.run_id} {step.key} {step.asked} {by}",
                opening="Break-glass: ",
                now=now,
                text="\n".join(lines),
            )

    def escalate_step(self, connection: Connection, incident: Incident, step: StepRecord, now: float) -> None:
        """Page for a step that nobody answered in time, or that is late: its owner, else the first role again."""
        if incident.status.is_over:
            return
        plan = self._plan(incident)
        self._page(
            connection,
            incident,
            plan,
            step.owner or ladder(plan, incident.severity)[0],
            occasion=f"run {step.run_id} step {step.key} late {now:.3f}",
            opening=f"Late: {step.title or step.text}: ",
            now=now,
        )

    def _page(
        self,
        connection: Connection,
        incident: Incident,
        plan: Plan,
        role: str,
        *,
        occasion: str,
        opening: str,
        now: float,
        text: str | None = None,
    ) -> None:
        message = Message(
            key=f"incident {incident.id} {occasion} {role}",
            incident_id=incident.id,
            role=role,
            subject=f"[{incident.severity}] {opening}{incident.title} (incident {incident.id})",
            body=text if text is not None else body(incident, _opening_value(connection, incident, plan), now),
            link=None if self._public_url is None else f"{self._public_url}/incidents/{incident.id}",
            data={"incident": incident.id, "severity": incident.severity, "service": incident.service},
        )
        contacts = contacts_of(plan, role)
        for channel in self._channels.values():
            addresses = channel.addresses(role, contacts)
            for address in addresses:
                outbox.enqueue(connection, message, channel.name, address, now)
            if not addresses:
                because = f"the playbook has no contact of {role} that {channel.name} can reach"
                data = {"role": role, "channel": channel.name, "because": because, "retry_at": None}
                timeline.append(connection, incident.id, EventKind.PAGE_FAILED, data, now=now)


def _calls_unanswered(events: Sequence[Event]) -> int:
    """How many roles were called in vain since the incident opened or, if it did, reopened."""
    unanswered = 0
    for event in events:
        if event.kind is EventKind.REOPENED:
            unanswered = 0
        elif event.kind is EventKind.CLOCK_MISSED and event.data["name"] in _UNANSWERED:
            unanswered += 1
    return unanswered


def body(incident: Incident, value: str, now: float) -> str:
    """What a person who was asleep needs first: what, how bad, since when, by when, and where it is written."""
    lines: list[str] = [incident.title]
    if value:
        lines.append(f"Measured: {value}")
    if incident.service:
        lines.append(f"Service: {incident.service}")
    lines.append(f"Severity: {incident.severity}")
    lines.append(f"Opened: {_moment(incident.opened_at)}, {prose(now - incident.opened_at)} ago")
    lines += _promises(incident.clocks, now)
    if incident.source is not None:
        lines.append(f"Playbook: {incident.source}")
    lines.append(f"Take it up: stanch incident ack {incident.id}")
    return "\n".join(lines)


def _promises(clocks: Sequence[IncidentClock], now: float) -> list[str]:
    return [
        f"To {clock.name}: by {_moment(clock.due_at)}, in {prose(clock.due_at - now)}"
        if clock.due_at > now
        else f"To {clock.name}: was due at {_moment(clock.due_at)}"
        for clock in clocks
        if clock.due_at is not None and clock.state is not ClockState.KEPT and clock.name in {ACKNOWLEDGE, CONTAIN}
    ]


def _opening_value(connection: Connection, incident: Incident, plan: Plan) -> str:
    """What was measured when the incident opened."""
    (opening,) = timeline.read(connection, incident.id, kinds=(EventKind.OPENED,))
    value, signal = opening.data.get("value"), with_own(plan.signals).get(opening.data.get("signal") or "")
    if not isinstance(value, int | float):
        return ""
    return say(float(value), None if signal is None else signal.unit)


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _words(name: str) -> frozenset[str]:
    return frozenset(_WORD.findall(name.casefold()))
