"""Who holds a run: claimed by a conditional update, renewed, let go; and the fence that every write of a run names.

Leases of several replicas are timed by the one clock that they share, the database's; `now` is the caller's, for
SQLite and for the times that runs themselves carry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    and_,
    cast,
    exists,
    extract,
    func,
    literal,
    or_,
    select,
    update,
)

from stanch.model.incident import IncidentStatus
from stanch.model.run import RunState, StepState
from stanch.store.tables import incident, run, step

_LIVE = (RunState.RUNNING.value, RunState.STOPPING.value)

_FARTHEST = 4
"""A lease that ends more than this many terms from now was written by a clock that has jumped back since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The right to write a run, until somebody takes the run with a later epoch."""

    run_id: str
    epoch: int


class LeaseLost(Exception):
    """Another replica has taken the run, or it is over: nothing was written, and nothing may be."""


def fence(connection: Connection, hold: Hold, *, now: float, term_s: float) -> None:
    """The first statement of every write of a held run: locks it, renews it for `term_s`. Raises LeaseLost."""
    mine = (run.c.id == hold.run_id) & (run.c.epoch == hold.epoch) & run.c.state.in_(_LIVE)
    until = _clock(connection, now) + term_s
    if connection.execute(update(run).where(mine).values(held_until=until)).rowcount != 1:
        raise LeaseLost(f"run {hold.run_id} is no longer held at epoch {hold.epoch}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What there is for a runner: a run to take, a run to wake, and in how long the next one comes free by itself."""

    any_free: bool
    any_resolved: bool
    next_in_s: float | None


def survey(connection: Connection, *, now: float, lease_s: float | None) -> Survey:
    """Look without changing anything; for the parameters see `take`."""
    waiting = select(func.min(run.c.wake_at) - now).where(run.c.state.in_(_LIVE), run.c.holder.is_(None))
    pauses = [connection.execute(waiting).scalar()]
    if lease_s is not None:
        clock = _clock(connection, now)
        held = select(func.min(run.c.held_until) - clock).where(run.c.state.in_(_LIVE), run.c.holder.is_not(None))
        pauses.append(connection.execute(held).scalar())
    free = select(run.c.id).where(_free(connection, now, lease_s)).limit(1)
    return Survey(
        any_free=connection.execute(free).first() is not None,
        any_resolved=connection.execute(select(run.c.id).where(_resolved(now)).limit(1)).first() is not None,
        next_in_s=min((float(pause) for pause in pauses if pause is not None), default=None),
    )


def take(
    connection: Connection, *, holder: str, now: float, term_s: float, lease_s: float | None, room: int
) -> tuple[Hold, ...]:
    """Take at most `room` runs with something to do for `term_s`, those that waited longest first.

    A run is free when nobody holds it and its time has come, or when its holder's lease of `lease_s` has run out;
    with None no lease ever runs out: for the only process of a store.
    """
    found = connection.execute(
        select(run.c.id, run.c.epoch)
        .where(_free(connection, now, lease_s))
        .order_by(run.c.wake_at)
        .limit(room)
        .with_for_update(skip_locked=True)
    ).all()
    holds = []
    for run_id, epoch in found:
        taken = connection.execute(
            update(run)
            .where(run.c.id == run_id, run.c.epoch == epoch)
            .values(epoch=epoch + 1, holder=holder, held_until=_clock(connection, now) + term_s)
        )
        if taken.rowcount == 1:
            holds.append(Hold(run_id=run_id, epoch=epoch + 1))
    return tuple(holds)


def renew(connection: Connection, holds: Sequence[Hold], *, now: float, term_s: float) -> frozenset[str]:
    """Extend every lease; the ids of the runs that are still held."""
    kept = set()
    for hold in sorted(holds, key=lambda hold: hold.run_id):  # one order, so that renewals never deadlock
        try:
            fence(connection, hold, now=now, term_s=term_s)
        except LeaseLost:
            continue
        kept.add(hold.run_id)
    return frozenset(kept)


def release(connection: Connection, hold: Hold, *, wake_at: float | None) -> None:
    """Let a run rest until `wake_at`, or until people do something. No longer held, nothing changes."""
    mine = (run.c.id == hold.run_id) & (run.c.epoch == hold.epoch) & run.c.state.in_(_LIVE)
    connection.execute(update(run).where(mine).values(holder=None, held_until=None, wake_at=wake_at))


def release_all(connection: Connection, *, now: float) -> int:
    """Free every run: for a process that knows that it is the only one, when it begins. How many were held."""
    held = run.c.holder.is_not(None) & run.c.state.in_(_LIVE)
    return connection.execute(update(run).where(held).values(holder=None, held_until=None, wake_at=now)).rowcount


def wake_resolved(connection: Connection, *, now: float) -> int:
    """Wake the runs that wait for people though their incident is resolved; how many."""
    return connection.execute(update(run).where(_resolved(now)).values(wake_at=now)).rowcount


def stopping(connection: Connection, run_ids: Sequence[str]) -> frozenset[str]:
    """Those of `run_ids` that somebody wants stopped."""
    wanted = (run.c.id.in_(run_ids)) & (run.c.state == RunState.STOPPING.value)
    return frozenset(connection.execute(select(run.c.id).where(wanted)).scalars())


def _clock(connection: Connection, now: float) -> ColumnElement[float]:
    """The clock that leases are timed by, in epoch seconds."""
    if connection.dialect.name == "postgresql":
        return cast(extract("epoch", func.clock_timestamp()), Double)
    return literal(now, Double)


def _free(connection: Connection, now: float, lease_s: float | None) -> ColumnElement[bool]:
    ready = run.c.holder.is_(None) & (run.c.wake_at <= now)
    if lease_s is None:
        return and_(run.c.state.in_(_LIVE), ready)
    clock = _clock(connection, now)
    beyond = or_(run.c.held_until < clock, run.c.held_until > clock + _FARTHEST * lease_s)
    expired = run.c.holder.is_not(None) & beyond
    return and_(run.c.state.in_(_LIVE), or_(ready, expired))


def _resolved(now: float) -> ColumnElement[bool]:
    waits = exists().where(step.c.run_id == run.c.id, step.c.state == StepState.PROPOSED.value)
    over = exists().where(incident.c.id == run.c.incident_id, incident.c.status == IncidentStatus.RESOLVED.value)
    rests = (run.c.state == RunState.RUNNING.value) & run.c.holder.is_(None)
    return and_(rests, or_(run.c.wake_at.is_(None), run.c.wake_at > now), over, waits)
