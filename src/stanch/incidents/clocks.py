"""The promises of an incident: started when it opens, kept when the thing happens, missed when it is due.

Which event keeps which clock stands in `KEPT_BY`. Time is always an argument; the rows are the timers, so a restart
forgets none.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, select

from stanch.incidents import timeline
from stanch.incidents.severities import promises
from stanch.incidents.timeline import Chain
from stanch.model.incident import ClockState, EventKind, Incident, IncidentClock
from stanch.model.plan import ClockPromise, Plan
from stanch.store.tables import incident_clock as rows

MissedHook = Callable[[Connection, Incident, IncidentClock, float], None]
"""Runs in the transaction in which a clock is found missed."""

ACKNOWLEDGE = "acknowledge"
CONTAIN = "contain"
UPDATE = "update"
RESOLVE = "resolve"
REVIEW = "review"
ESCALATE = "escalate"
"""How long a role has that was called because an earlier one did not acknowledge."""

# Resolving keeps whatever was still promised about getting there, acknowledged by a person or not.
KEPT_BY: dict[EventKind, tuple[str, ...]] = {
    EventKind.ACKNOWLEDGED: (ACKNOWLEDGE, ESCALATE),
    EventKind.MITIGATED: (CONTAIN,),
    EventKind.NOTE: (UPDATE,),
    EventKind.RESOLVED: (ACKNOWLEDGE, ESCALATE, CONTAIN, UPDATE, RESOLVE),
    EventKind.REVIEWED: (REVIEW,),
}


def start(chain: Chain, plan: Plan, *, now: float) -> None:
    """Start the clocks of the incident's severity, as it opens or reopens. The review's starts at the resolution."""
    for promise in promises(plan, chain.incident.severity):
        if promise.name != REVIEW:
            _start(chain, promise, now=now, due_at=_due(promise, now))


def start_review(chain: Chain, plan: Plan, *, now: float) -> None:
    """Start the review's clock, where the severity promises one."""
    for promise in promises(plan, chain.incident.severity):
        if promise.name == REVIEW:
            _start(chain, promise, now=now, due_at=_due(promise, now))


def regrade(chain: Chain, plan: Plan, *, now: float, worse: bool) -> None:
    """The promises of a new severity count from the moment it is known; a worse one never gives more time.

    What was kept or missed stays so.
    """
    known = {clock.name: clock for clock in chain.incident.clocks}
    for promise in promises(plan, chain.incident.severity):
        clock = known.get(promise.name)
        if promise.name == REVIEW or (clock is not None and clock.state is not ClockState.RUNNING):
            continue
        due_at = _due(promise, now)
        if worse and clock is not None and clock.due_at is not None:
            due_at = clock.due_at if due_at is None else min(clock.due_at, due_at)
        if clock is None or due_at != clock.due_at:
            _start(chain, promise, now=now, due_at=due_at)


def keep(chain: Chain, by: EventKind, plan: Plan | None, *, now: float) -> None:
    """End the clocks that an event of kind `by` keeps: kept, or missed where it came too late.

    An update keeps its clock and begins the next; for that the plan is needed, and without one it is not begun.
    """
    for clock in chain.incident.clocks:
        if clock.name not in KEPT_BY.get(by, ()):
            continue
        if clock.state is ClockState.RUNNING:
            if clock.due_at is not None and now > clock.due_at:
                _miss(chain, clock, now=now)
            else:
                elapsed_s = now - clock.started_at
                chain.add(EventKind.CLOCK_KEPT, {"name": clock.name, "elapsed_s": elapsed_s}, now=now)
        if clock.name == UPDATE and by is not EventKind.RESOLVED and plan is not None:
            for promise in promises(plan, chain.incident.severity):
                if promise.name == UPDATE and promise.seconds is not None:
                    _start(chain, promise, now=now, due_at=_due(promise, now))


def due(
    connection: Connection, now: float, hooks: Sequence[MissedHook] = ()
) -> tuple[tuple[Incident, IncidentClock], ...]:
    """Claim the clocks that ran out by `now`: each is missed once, on the timeline, and the hooks run for it."""
    overdue = connection.execute(
        select(rows.c.incident_id)
        .where(rows.c.state == ClockState.RUNNING, rows.c.due_at <= now)
        .group_by(rows.c.incident_id)
        .order_by(func.min(rows.c.due_at))
    ).scalars()
    missed = []
    for incident_id in overdue.all():
        with timeline.extend(connection, incident_id) as chain:
            mine = [clock for clock in chain.incident.clocks if _is_overdue(clock, now)]
            for clock in mine:
                _miss(chain, clock, now=now)
        ended = {clock.name: clock for clock in chain.incident.clocks}
        for clock in mine:
            missed.append((chain.incident, ended[clock.name]))
            for hook in hooks:
                hook(connection, chain.incident, ended[clock.name], now)
    return tuple(missed)


def next_due(connection: Connection) -> float | None:
    """When the next running clock runs out; None where none does."""
    found: float | None = connection.execute(
        select(func.min(rows.c.due_at)).where(rows.c.state == ClockState.RUNNING)
    ).scalar_one()
    return found


def _is_overdue(clock: IncidentClock, now: float) -> bool:
    return clock.state is ClockState.RUNNING and clock.due_at is not None and clock.due_at <= now


def _due(promise: ClockPromise, now: float) -> float | None:
    return None if promise.seconds is None else now + promise.seconds


def _start(chain: Chain, promise: ClockPromise, *, now: float, due_at: float | None) -> None:
    data = {"name": promise.name, "due_at": due_at, "text": promise.text}
    chain.add(EventKind.CLOCK_STARTED, data, now=now)


def _miss(chain: Chain, clock: IncidentClock, *, now: float) -> None:
    assert clock.due_at is not None
    chain.add(EventKind.CLOCK_MISSED, {"name": clock.name, "late_s": now - clock.due_at}, now=now)
