"""How an incident opens, grows, is taken up, ends and comes back. Each function is part of a unit of work.

Time is an argument. Every change is an event and, in the same transaction, the incident's row. Hooks are how floors
above act in that transaction: page, start a run.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from stanch.charts.quantity import prose
from stanch.incidents import clocks, projection, timeline
from stanch.incidents.clocks import MissedHook
from stanch.incidents.severities import find, is_worse, ordered
from stanch.incidents.timeline import Chain
from stanch.model.incident import EventKind, Incident, IncidentStatus
from stanch.model.plan import Plan
from stanch.model.problem import Refused
from stanch.model.record import record
from stanch.model.rule import Alert
from stanch.store import entering, plans
from stanch.store.document import storable
from stanch.store.numbering import take_turns
from stanch.store.rows import to_values
from stanch.store.tables import alert as alerts
from stanch.store.tables import incident as incidents
from stanch.store.wake import wake

TOPIC = "incidents"
"""Signalled when an incident opens, changes its status or its severity, or a rule joins or clears."""

REOPEN_S = 600.0

Hook = Callable[[Connection, Incident, float], None]


@record
class Hooks:
    """What else happens in the transaction: `opened` also when an incident reopens, `raised` when it gets worse."""

    opened: tuple[Hook, ...] = ()
    raised: tuple[Hook, ...] = ()
    missed: tuple[MissedHook, ...] = ()


NO_HOOKS = Hooks()


def rule_of(alert: Alert) -> str:
    """What makes two firings the same condition: the rule, or the id that the other system gave its alert."""
    rule: str = storable(alert.rule.id if alert.rule is not None else alert.id)
    return rule


def alert_fired(
    connection: Connection,
    alert: Alert,
    plan: Plan,
    now: float,
    hooks: Hooks = NO_HOOKS,
    *,
    reopen_s: float = REOPEN_S,
) -> Incident:
    """The incident of a firing alert.

    The open incident of its service is joined (and made worse, where the alert is); one that was resolved less than
    `reopen_s` ago and knew this rule is reopened; else one is opened. A rule that fires in it already changes nothing,
    nor does an alert that is handed in again after it was cleared (the same `id`, no later `at`).
    """
    service = storable(alert.service)
    rule = rule_of(alert)
    take_turns(connection, f"incidents of {service}")
    seen = connection.execute(_SEEN, {"alert": storable(alert.id)}).first()
    if seen is not None and seen.cleared_at is not None and alert.at <= seen.at:
        return get(connection, seen.incident_id)
    known = _latest(connection, service, lock=True)
    if known is None:
        incident = _open(connection, _opening(alert, plan), plan, now, hooks, actor="stanch")
    elif not known.status.is_over:
        incident = known if rule in known.firing else _join(connection, known, alert, plan, now, hooks=hooks)
    elif rule in known.rules and known.resolved_at is not None and now - known.resolved_at < reopen_s:
        incident = _reopen_for(connection, known, alert, plan, now, hooks=hooks)
    else:
        incident = _open(connection, _opening(alert, plan), plan, now, hooks, actor="stanch")
    _remember(connection, alert, incident.id, seen)
    if incident is not known:
        wake(connection, TOPIC)
    return incident


def alert_cleared(connection: Connection, alert: Alert, now: float) -> Incident | None:
    """Note that an alert fires no more. None where no open incident knows it as firing: nothing changes then."""
    rule = rule_of(alert)
    known = _latest(connection, storable(alert.service))
    if known is None or rule not in known.firing or known.status.is_over:
        return None
    with timeline.extend(connection, known.id) as chain:
        cleared(connection, chain, rule, alert.title, now=now)
    wake(connection, TOPIC)
    return chain.incident


def open_by_hand(
    connection: Connection,
    *,
    title: str,
    severity: str,
    service: str,
    plan: Plan,
    now: float,
    by: str,
    hooks: Hooks = NO_HOOKS,
) -> Incident:
    """An incident that a person reports. Raises `Refused` for a severity that the playbook does not know."""
    opening = {
        "title": entering.text(connection, title),
        "severity": _level(plan, severity),
        "service": service,
        "rule": None,
        "source": None,
        "signal": None,
        "value": None,
        "plan_hash": plan.hash,
        "role": None,
    }
    incident = _open(connection, opening, plan, now, hooks, actor=by)
    wake(connection, TOPIC)
    return incident


def acknowledge(connection: Connection, incident_id: str, *, by: str, now: float) -> Incident:
    """A person takes it up. Acknowledged before, nothing changes. Raises `NotFound`, `Refused` when it is over."""
    with timeline.extend(connection, incident_id) as chain:
        _require_open(chain, "acknowledged")
        if chain.incident.status is IncidentStatus.OPEN:
            chain.add(EventKind.ACKNOWLEDGED, {"by": by}, now=now, actor=by)
            clocks.keep(chain, EventKind.ACKNOWLEDGED, None, now=now)
    wake(connection, TOPIC)
    return chain.incident


def assign(connection: Connection, incident_id: str, *, to: str, by: str, now: float) -> Incident:
    """Somebody is to see to it. Raises `NotFound`."""
    with timeline.extend(connection, incident_id) as chain:
        if chain.incident.assignee != storable(to):
            chain.add(EventKind.ASSIGNED, {"to": to}, now=now, actor=by)
    wake(connection, TOPIC)
    return chain.incident


def note(
    connection: Connection, incident_id: str, *, text: str, by: str, now: float, plan: Plan | None = None
) -> Incident:
    """What there is to say. From a person it counts as an update; with `plan` the clock of the next one starts."""
    with timeline.extend(connection, incident_id) as chain:
        chain.add(EventKind.NOTE, {"text": entering.text(connection, text)}, now=now, actor=by)
        if by != "stanch" and not chain.incident.status.is_over:
            clocks.keep(chain, EventKind.NOTE, plan, now=now)
    return chain.incident


def change_severity(
    connection: Connection,
    incident_id: str,
    *,
    severity: str,
    because: str,
    plan: Plan,
    now: float,
    by: str = "stanch",
    hooks: Hooks = NO_HOOKS,
) -> Incident:
    """Grade it anew, with the new severity's clocks. Raises `NotFound`, `Refused` for one the playbook lacks."""
    level = _level(plan, severity)
    with timeline.extend(connection, incident_id) as chain:
        _require_open(chain, "graded")
        raised = _grade(chain, level, entering.text(connection, because), plan, now, actor=by)
    if raised:
        for hook in hooks.raised:
            hook(connection, chain.incident, now)
    wake(connection, TOPIC)
    return get(connection, incident_id)


def mitigated(connection: Connection, incident_id: str, *, because: str, now: float, by: str = "stanch") -> Incident:
    """Users are no longer hurt; the cause may still be there. Mitigated before, nothing changes."""
    with timeline.extend(connection, incident_id) as chain:
        _require_open(chain, "mitigated")
        if chain.incident.mitigated_at is None:
            _mitigate(chain, {"because": entering.text(connection, because)}, now=now, actor=by)
    wake(connection, TOPIC)
    return chain.incident


def resolve(
    connection: Connection, incident_id: str, *, because: str, plan: Plan, now: float, by: str = "stanch"
) -> Incident:
    """A person ends it. Raises `NotFound`, `Refused` where it is over or one of its rules still fires."""
    with timeline.extend(connection, incident_id) as chain:
        _require_open(chain, "resolved")
        if chain.incident.firing:
            names = titles(connection, chain.incident)
            raise Refused(
                f"Incident {incident_id} is not over: {', '.join(names)} still fires.",
                hint="It resolves by itself when its signals have stayed within their limits long enough.",
            )
        end(chain, {"because": entering.text(connection, because)}, plan, now=now, actor=by)
    wake(connection, TOPIC)
    return chain.incident


def reopen(
    connection: Connection,
    incident_id: str,
    *,
    because: str,
    plan: Plan,
    now: float,
    by: str = "stanch",
    hooks: Hooks = NO_HOOKS,
) -> Incident:
    """It was not over. Clocks start anew and people are paged again. Raises `NotFound`, `Refused` where it is open."""
    with timeline.extend(connection, incident_id) as chain:
        if not chain.incident.status.is_over:
            raise Refused(f"Incident {incident_id} is open already.", hint="There is nothing to do.")
        other = _latest(connection, chain.incident.service)
        if other is not None and other.id != incident_id and not other.status.is_over:
            raise Refused(
                f"Incident {other.id} of the same service is open.",
                hint=f"Go on there, and note in it that incident {incident_id} was not over.",
            )
        chain.add(EventKind.REOPENED, {"because": entering.text(connection, because)}, now=now, actor=by)
        clocks.start(chain, plan, now=now)
    for hook in hooks.opened:
        hook(connection, chain.incident, now)
    wake(connection, TOPIC)
    return get(connection, incident_id)


def reviewed(connection: Connection, incident_id: str, *, by: str, now: float) -> Incident:
    """People have read the review and agree with it. Raises `NotFound`, `Refused` where there is none to agree with."""
    with timeline.extend(connection, incident_id) as chain:
        if chain.incident.review_path is None:
            raise Refused(f"Incident {incident_id} has no review yet.", hint="It is drafted when the incident ends.")
        chain.add(EventKind.REVIEWED, {"by": by}, now=now, actor=by)
        clocks.keep(chain, EventKind.REVIEWED, None, now=now)
    wake(connection, TOPIC)
    return chain.incident


def get(connection: Connection, incident_id: str) -> Incident:
    """Raises `NotFound`."""
    return projection.load(connection, incident_id)[0]


def listing(connection: Connection, *, open_only: bool = False, limit: int | None = None) -> tuple[Incident, ...]:
    """The incidents, the latest first."""
    query = select(incidents).order_by(incidents.c.number.desc())
    if open_only:
        query = query.where(incidents.c.status != IncidentStatus.RESOLVED)
    return projection.select_all(connection, query if limit is None else query.limit(limit))


def titles(connection: Connection, incident: Incident) -> tuple[str, ...]:
    """The titles of the rules that fire in an incident now."""
    rows = connection.execute(
        select(alerts.c.rule_id, alerts.c.title)
        .where(alerts.c.incident_id == incident.id, alerts.c.rule_id.in_(incident.firing))
        .order_by(alerts.c.at)
    )
    named = {row.rule_id: row.title for row in rows}
    return tuple(named.get(rule, rule) for rule in incident.firing)


def end(chain: Chain, data: dict[str, Any], plan: Plan, *, now: float, actor: str = "stanch") -> None:
    """Resolve within a chain: the promises about getting there are kept, the review's clock starts."""
    if chain.incident.mitigated_at is None:
        since = chain.incident.recovering_since
        because = {"because": "every signal is back within its limits" if since is not None else data["because"]}
        _mitigate(chain, because if since is None else {**because, "at": since}, now=now, actor=actor)
    chain.add(EventKind.RESOLVED, data, now=now, actor=actor)
    clocks.keep(chain, EventKind.RESOLVED, plan, now=now)
    clocks.start_review(chain, plan, now=now)


def cleared(connection: Connection, chain: Chain, rule: str, title: str, *, now: float) -> None:
    """Note within a chain that a rule fires no more, where it did."""
    if rule in chain.incident.firing:
        chain.add(EventKind.ALERT_CLEARED, {"title": title, "rule": rule}, now=now)
        of_rule = (alerts.c.incident_id == chain.incident.id) & (alerts.c.rule_id == rule)
        connection.execute(update(alerts).where(of_rule, alerts.c.cleared_at.is_(None)).values(cleared_at=now))


def _opening(alert: Alert, plan: Plan) -> dict[str, Any]:
    rule = alert.rule
    return {
        "title": alert.title,
        "severity": alert.severity,
        "service": alert.service,
        "rule": rule_of(alert),
        "source": None if rule is None else to_values(rule.source),
        "signal": alert.signal,
        "value": alert.value,
        "plan_hash": plan.hash,
        "role": None if rule is None else rule.role.value,
    }


def _open(
    connection: Connection, opening: dict[str, Any], plan: Plan, now: float, hooks: Hooks, *, actor: str
) -> Incident:
    plans.pin(connection, plan, now)
    with timeline.begin(connection) as chain:
        chain.add(EventKind.OPENED, opening, now=now, actor=actor)
        clocks.start(chain, plan, now=now)
    for hook in hooks.opened:
        hook(connection, chain.incident, now)
    return get(connection, chain.incident.id) if hooks.opened else chain.incident


def _join(connection: Connection, known: Incident, alert: Alert, plan: Plan, now: float, *, hooks: Hooks) -> Incident:
    with timeline.extend(connection, known.id) as chain:
        raised = _joined(chain, alert, plan, now)
    if raised:
        for hook in hooks.raised:
            hook(connection, chain.incident, now)
    return get(connection, known.id) if raised and hooks.raised else chain.incident


def _reopen_for(
    connection: Connection, known: Incident, alert: Alert, plan: Plan, now: float, *, hooks: Hooks
) -> Incident:
    with timeline.extend(connection, known.id) as chain:
        assert known.resolved_at is not None
        ago = prose(now - known.resolved_at)
        chain.add(EventKind.REOPENED, {"because": f"{alert.title} fires again, {ago} after the end"}, now=now)
        clocks.start(chain, plan, now=now)
        _joined(chain, alert, plan, now)
    for hook in hooks.opened:
        hook(connection, chain.incident, now)
    return get(connection, known.id) if hooks.opened else chain.incident


def _joined(chain: Chain, alert: Alert, plan: Plan, now: float) -> bool:
    """Add the alert to an open incident; True where that made it worse."""
    joined = {
        "title": alert.title,
        "rule": rule_of(alert),
        "severity": alert.severity,
        "value": alert.value,
        "signal": alert.signal,
    }
    chain.add(EventKind.ALERT_JOINED, joined, now=now)
    if not is_worse(plan, alert.severity, chain.incident.severity):
        return False
    return _grade(chain, alert.severity, f"{alert.title} is {alert.severity}", plan, now)


def _grade(chain: Chain, level: str, because: str, plan: Plan, now: float, *, actor: str = "stanch") -> bool:
    """Change the severity and its clocks; True where it is worse than before."""
    before = chain.incident.severity
    if level == before:
        return False
    worse = is_worse(plan, level, before)
    chain.add(EventKind.SEVERITY_CHANGED, {"before": before, "after": level, "because": because}, now=now, actor=actor)
    clocks.regrade(chain, plan, now=now, worse=worse)
    return worse


def _mitigate(chain: Chain, data: dict[str, Any], *, now: float, actor: str) -> None:
    chain.add(EventKind.MITIGATED, data, now=now, actor=actor)
    clocks.keep(chain, EventKind.MITIGATED, None, now=now)


_OF_SERVICE = select(incidents).where(incidents.c.service == bindparam("of_service")).limit(1)
_OPEN = _OF_SERVICE.where(incidents.c.status != IncidentStatus.RESOLVED).order_by(incidents.c.number.desc())
_OVER = _OF_SERVICE.order_by(incidents.c.resolved_at.desc(), incidents.c.number.desc())
_OPEN_LOCKED = _OPEN.with_for_update()
_OVER_LOCKED = _OVER.with_for_update()


def _latest(connection: Connection, service: str, *, lock: bool = False) -> Incident | None:
    """The open incident of a service, else the one resolved last; with `lock`, it stays as it is."""
    values = {"of_service": service}
    found = projection.first(connection, _OPEN_LOCKED if lock else _OPEN, values)
    found = found or projection.first(connection, _OVER_LOCKED if lock else _OVER, values)
    return None if found is None else found[0]


_SEEN = select(alerts.c.incident_id, alerts.c.at, alerts.c.cleared_at).where(alerts.c.id == bindparam("alert"))
_NEW_ALERT = insert(alerts)


def _remember(connection: Connection, alert: Alert, incident_id: str, seen: Any) -> None:
    """Keep the alert as a row; one that fires anew after it was cleared is the same row again."""
    alert_id = storable(alert.id)
    if seen is not None:
        if seen.cleared_at is not None:
            again = {"incident_id": incident_id, "at": alert.at, "value": alert.value, "cleared_at": None}
            connection.execute(update(alerts).where(alerts.c.id == alert_id).values(**again))
        return
    connection.execute(
        _NEW_ALERT,
        {
            "id": alert_id,
            "incident_id": incident_id,
            "rule_id": rule_of(alert),
            "title": storable(alert.title),
            "severity": storable(alert.severity),
            "signal": storable(alert.signal),
            "value": alert.value,
            "at": alert.at,
            "service": storable(alert.service),
            "labels": storable(alert.labels),
        },
    )


def _level(plan: Plan, severity: str) -> str:
    """The playbook's own spelling of a severity. Raises `Refused`."""
    found = find(plan, severity)
    if found is None:
        known: Sequence[str] = [each.level for each in ordered(plan)]
        raise Refused(
            f"The playbook has no severity {severity!r}.",
            hint=f"It has {', '.join(known)}." if known else "It has none: give it a table of severities.",
        )
    return found.level


def _require_open(chain: Chain, verb: str) -> None:
    if chain.incident.status.is_over:
        raise Refused(
            f"Incident {chain.incident.id} is resolved and cannot be {verb}.", hint="Reopen it if it is not over."
        )
