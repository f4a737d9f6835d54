"""An incident is what its events make of it. Pure: the projection in the store is this, kept up to date."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from stanch.model.incident import ClockState, Event, EventKind, Incident, IncidentClock, IncidentStatus
from stanch.model.problem import Source


def fold(events: Iterable[Event]) -> Incident:
    """The incident after `events`, of which the first is its opening. Raises `ValueError` without one."""
    incident: Incident | None = None
    for event in events:
        incident = apply(incident, event)
    if incident is None:
        raise ValueError("an incident has at least its opening")
    return incident


def apply(incident: Incident | None, event: Event) -> Incident:
    """The incident after one more event. Raises `ValueError` where an opening is not the first, or not there."""
    if incident is None:
        changed = _opened(event)
    elif event.kind is EventKind.OPENED:
        raise ValueError(f"incident {incident.id} is opened twice")
    else:
        changed = _changed(incident, event)
    latest = {"seq": event.seq, "at": event.at, "kind": event.kind.value, "actor": event.actor}
    return replace(changed, seq=event.seq, last=latest)


def _opened(event: Event) -> Incident:
    if event.kind is not EventKind.OPENED:
        raise ValueError(f"incident {event.incident_id} begins with {event.kind.value!r} instead of its opening")
    data = event.data
    source = data.get("source")
    rules = (data["rule"],) if data.get("rule") else ()
    return Incident(
        id=event.incident_id,
        title=data["title"],
        severity=data["severity"],
        status=IncidentStatus.OPEN,
        service=data["service"],
        opened_at=event.at,
        plan_hash=data["plan_hash"],
        source=None if source is None else Source(**source),
        rules=rules,
        firing=rules,
    )


def _changed(incident: Incident, event: Event) -> Incident:  # noqa: C901, PLR0912 - one case a kind that changes something
    data = event.data
    match event.kind:
        case EventKind.ALERT_JOINED:
            rule = (data["rule"],)
            return replace(
                incident, rules=_with(incident.rules, rule), firing=_with(incident.firing, rule), recovering_since=None
            )
        case EventKind.ALERT_CLEARED:
            return replace(incident, firing=tuple(rule for rule in incident.firing if rule != data["rule"]))
        case EventKind.SEVERITY_CHANGED:
            return replace(incident, severity=data["after"])
        case EventKind.ACKNOWLEDGED:
            status = IncidentStatus.ACKNOWLEDGED if incident.status is IncidentStatus.OPEN else incident.status
            first = event.at if incident.acknowledged_at is None else incident.acknowledged_at
            return replace(incident, status=status, acknowledged_at=first, acknowledged_by=data["by"])
        case EventKind.ASSIGNED:
            return replace(incident, assignee=data["to"])
        case EventKind.CLOCK_STARTED | EventKind.CLOCK_KEPT | EventKind.CLOCK_MISSED:
            return replace(incident, clocks=_clocks(incident.clocks, event))
        case EventKind.RUN_STARTED:
            return replace(incident, runs=_with(incident.runs, (data["run"],)))
        case EventKind.FINDING if data.get("cause"):
            return replace(incident, findings=(*incident.findings, data))
        case EventKind.MITIGATED:
            at = data.get("at")
            return replace(
                incident, status=IncidentStatus.MITIGATED, mitigated_at=event.at if at is None else float(at)
            )
        case EventKind.RECOVERING:
            since = data["since"]
            return replace(incident, recovering_since=None if since is None else float(since))
        case EventKind.RESOLVED:
            return replace(incident, status=IncidentStatus.RESOLVED, resolved_at=event.at)
        case EventKind.REOPENED:
            return replace(
                incident,
                status=IncidentStatus.OPEN,
                mitigated_at=None,
                resolved_at=None,
                recovering_since=None,
                reopened=incident.reopened + 1,
            )
        case EventKind.REVIEW_DRAFTED:
            return replace(incident, review_path=data["path"])
        case _:
            return incident


def _with(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return known + tuple(item for item in more if item not in known)


def _clocks(clocks: tuple[IncidentClock, ...], event: Event) -> tuple[IncidentClock, ...]:
    """The clocks after one of theirs was started (anew, where it ran before), kept or missed."""
    data: dict[str, Any] = event.data
    before = next((clock for clock in clocks if clock.name == data["name"]), None)
    if event.kind is EventKind.CLOCK_STARTED:
        due_at = data["due_at"]
        after = IncidentClock(
            name=data["name"],
            text=data["text"],
            started_at=event.at,
            due_at=None if due_at is None else float(due_at),
            state=ClockState.RUNNING,
        )
    elif before is None:
        raise ValueError(f"incident {event.incident_id}: the clock {data['name']!r} ended and was never started")
    else:
        state = ClockState.KEPT if event.kind is EventKind.CLOCK_KEPT else ClockState.MISSED
        after = replace(before, state=state, ended_at=event.at)
    if before is None:
        return (*clocks, after)
    return tuple(after if clock is before else clock for clock in clocks)
