"""Who holds a run: claimed by a conditional update, renewed, let go; and the fence that every write of a run names.

Leases of several replicas are timed by the one clock that they share, the database's; `now` is the caller's, for
SQLite and for the times that runs themselves carry.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    bindparam,
    cast,
    exists,
    extract,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from stanch.model.incident import IncidentStatus
from stanch.model.record import record
from stanch.model.run import RunState, StepState
from stanch.store.tables import incident, run, step

_LIVE = (RunState.RUNNING.value, RunState.STOPPING.value)

SAFE_SHARE = 2 / 3
"""Of a lease without renewal, after which its holder stops acting: the rest is for ending what it started."""
ENDING_SHARE = 1 / 4
"""Of a lease, at most, that the ending of a command may take between being asked to end and being made to."""

_AT_ONCE = 200
"""Runs in one statement: each is two parameters."""
_FARTHEST = 4
"""A lease that ends more than this many terms from now was written by a clock that has jumped back since."""


@record
class Hold:
    """The right to write a run, until somebody takes the run with a later epoch."""

    run_id: str
    epoch: int


class LeaseLost(Exception):
    """Another replica has taken the run, or it is over: nothing was written, and nothing may be."""


class Stopped(Exception):
    """Somebody has just stopped the run: nothing is begun in it any more."""


# Built once: the statement that every write begins with, and what every look asks.
_MINE = (run.c.id == bindparam("held")) & (run.c.epoch == bindparam("at_epoch"))
_FENCE = update(run).where(_MINE & run.c.state.in_(_LIVE)).values(held_until=bindparam("until"))
_FENCE_RUNNING = update(run).where(_MINE & (run.c.state == _LIVE[0])).values(held_until=bindparam("until"))
_RELEASE = (
    update(run)
    .where(_MINE & run.c.state.in_(_LIVE))
    .values(holder=None, held_until=None, wake_at=bindparam("until", type_=Double))
)
_NOW = bindparam("now", type_=Double)
_LEASE = bindparam("lease", type_=Double)
_HELD = run.c.holder.is_not(None) & run.c.state.in_(_LIVE)
_WAITS = exists().where(step.c.run_id == run.c.id, step.c.state == StepState.PROPOSED.value)
_OVER = exists().where(incident.c.id == run.c.incident_id, incident.c.status == IncidentStatus.RESOLVED.value)
_RESTS = (run.c.state == RunState.RUNNING.value) & run.c.holder.is_(None)
# Waits for people, though its incident is resolved.
_RESOLVED = _RESTS & or_(run.c.wake_at.is_(None), run.c.wake_at > _NOW) & _OVER & _WAITS
_SHARED_CLOCK = cast(extract("epoch", func.clock_timestamp()), Double)
_FENCE_SHARED = _FENCE.values(held_until=_SHARED_CLOCK + bindparam("term", type_=Double))
_FENCE_RUNNING_SHARED = _FENCE_RUNNING.values(held_until=_SHARED_CLOCK + bindparam("term", type_=Double))


def fence(connection: Connection, hold: Hold, *, now: float, term_s: float, to_begin: bool = False) -> None:
    """The first statement of every write of a held run: locks it, renews it for `term_s`.

    Raises LeaseLost; for a write that is to begin something, also Stopped.
    """
    named: dict[str, object] = {"held": hold.run_id, "at_epoch": hold.epoch}
    if connection.dialect.name == "postgresql":
        statement = _FENCE_RUNNING_SHARED if to_begin else _FENCE_SHARED
        named["term"] = term_s
    else:
        statement = _FENCE_RUNNING if to_begin else _FENCE
        named["until"] = now + term_s
    if connection.execute(statement, named).rowcount == 1:
        return
    if to_begin and stopping(connection, (hold.run_id,)):
        raise Stopped(hold.run_id)
    raise LeaseLost(f"run {hold.run_id} is no longer held at epoch {hold.epoch}")


@record
class Survey:
    """What there is for a runner: a run to take, a run to wake, and in how long the next one comes free by itself."""

    any_free: bool
    any_resolved: bool
    next_in_s: float | None


def survey(connection: Connection, *, now: float, lease_s: float | None) -> Survey:
    """Look without changing anything; for the parameters see `take`."""
    statement = _survey(shared=_is_shared(connection), leased=lease_s is not None)
    seen = connection.execute(statement, {"now": now, "lease": lease_s}).one()
    pauses = [float(pause) for pause in (seen.next_wake, seen.next_end) if pause is not None]
    return Survey(
        any_free=bool(seen.any_free), any_resolved=bool(seen.any_resolved), next_in_s=min(pauses, default=None)
    )


def take(
    connection: Connection,
    *,
    holder: str,
    now: float,
    term_s: float,
    lease_s: float | None,
    room: int,
    but: Collection[str] = (),
) -> tuple[Hold, ...]:
    """Take at most `room` runs with something to do for `term_s`, those that waited longest first; none of `but`.

    A run is free when nobody holds it and its time has come, or when its holder's lease of `lease_s` has run out;
    with None no lease ever runs out: for the only process of a store.
    """
    shared = _is_shared(connection)
    free = connection.execute(
        _free_ones(shared=shared, leased=lease_s is not None),
        {"now": now, "lease": lease_s, "room": room, "but": list(but)},
    )
    found = free.scalars().all()  # locked until the transaction ends
    if not found:
        return ()
    mine = {"taken": found, "by": holder, "now": now, "term": term_s}
    epochs = {row.id: row.epoch for row in connection.execute(_taken(shared=shared), mine)}
    return tuple(Hold(run_id=run_id, epoch=epochs[run_id]) for run_id in found)


def take_rested(connection: Connection, run_id: str, *, holder: str, now: float, term_s: float) -> Hold | None:
    """Take that run for `term_s`, where it goes on and nobody holds it."""
    free = (run.c.id == run_id) & run.c.holder.is_(None) & (run.c.state == RunState.RUNNING.value)
    epoch = connection.execute(select(run.c.epoch).where(free).with_for_update(skip_locked=True)).scalar_one_or_none()
    if epoch is None:
        return None
    mine = {"epoch": epoch + 1, "holder": holder, "held_until": _clock(connection, now) + term_s}
    if connection.execute(update(run).where(free, run.c.epoch == epoch).values(mine)).rowcount != 1:
        return None
    return Hold(run_id=run_id, epoch=epoch + 1)


def renew(connection: Connection, holds: Sequence[Hold], *, now: float, term_s: float) -> frozenset[str]:
    """Extend every lease; the ids of the runs that are still held.

    Every transaction locks a run's row before anything else, so this one, which locks nothing but those, never meets
    another that waits for it.
    """
    kept: set[str] = set()
    for start in range(0, len(holds), _AT_ONCE):
        mine = tuple_(run.c.id, run.c.epoch).in_(
            [(hold.run_id, hold.epoch) for hold in holds[start : start + _AT_ONCE]]
        )
        renewed = update(run).where(mine, run.c.state.in_(_LIVE)).values(held_until=_clock(connection, now) + term_s)
        kept |= set(connection.scalars(renewed.returning(run.c.id)))
    return frozenset(kept)


def release(connection: Connection, hold: Hold, *, wake_at: float | None) -> None:
    """Let a run rest until `wake_at`, or until people do something. No longer held, nothing changes."""
    connection.execute(_RELEASE, {"held": hold.run_id, "at_epoch": hold.epoch, "until": wake_at})


def release_all(connection: Connection, *, now: float, holder: str | None = None, but: Collection[str] = ()) -> int:
    """Free every run but those, or every one that `holder` holds: for a process that knows that nobody drives them.

    How many were held.
    """
    others = _HELD & run.c.id.not_in(but)
    if holder is not None:
        others &= run.c.holder == holder
    return connection.execute(update(run).where(others).values(holder=None, held_until=None, wake_at=now)).rowcount


def wake_resolved(connection: Connection, *, now: float) -> int:
    """Wake the runs that wait for people though their incident is resolved; how many."""
    return connection.execute(update(run).where(_RESOLVED).values(wake_at=_NOW), {"now": now}).rowcount


def stopping(connection: Connection, run_ids: Sequence[str]) -> frozenset[str]:
    """Those of `run_ids` that somebody wants stopped."""
    wanted = (run.c.id.in_(run_ids)) & (run.c.state == RunState.STOPPING.value)
    return frozenset(connection.execute(select(run.c.id).where(wanted)).scalars())


def _clock(connection: Connection, now: float) -> ColumnElement[float]:
    """The clock that leases are timed by, in epoch seconds."""
    if connection.dialect.name == "postgresql":
        return _SHARED_CLOCK
    return literal(now, Double)


def _is_shared(connection: Connection) -> bool:
    """Whether leases are timed by the database's clock."""
    return connection.dialect.name == "postgresql"


# Each of these is built once: that takes longer than asking. `now`, `lease` and `term` are seconds.


def _clock_of(*, shared: bool) -> ColumnElement[float]:
    return _SHARED_CLOCK if shared else _NOW


def _free(*, shared: bool, leased: bool) -> ColumnElement[bool]:
    ready = run.c.holder.is_(None) & (run.c.wake_at <= _NOW) & run.c.state.in_(_LIVE)
    if not leased:
        return ready
    clock = _clock_of(shared=shared)
    return or_(ready, _HELD & or_(run.c.held_until < clock, run.c.held_until > clock + _FARTHEST * _LEASE))


@cache
def _survey(*, shared: bool, leased: bool) -> Select[Any]:
    next_wake = select(func.min(run.c.wake_at) - _NOW).where(run.c.state.in_(_LIVE), run.c.holder.is_(None))
    next_end = select(func.min(run.c.held_until) - _clock_of(shared=shared)).where(_HELD) if leased else select(null())
    return select(
        next_wake.scalar_subquery().label("next_wake"),
        next_end.scalar_subquery().label("next_end"),
        exists(select(run.c.id).where(_free(shared=shared, leased=leased))).label("any_free"),
        exists(select(run.c.id).where(_RESOLVED)).label("any_resolved"),
    )


@cache
def _free_ones(*, shared: bool, leased: bool) -> Select[str]:
    return (
        select(run.c.id)
        .where(_free(shared=shared, leased=leased), run.c.id.not_in(bindparam("but", expanding=True)))
        .order_by(run.c.wake_at)
        .limit(bindparam("room", type_=Integer))
        .with_for_update(skip_locked=True)
    )


@cache
def _taken(*, shared: bool) -> ReturningUpdate[str, int]:
    held_until = _clock_of(shared=shared) + bindparam("term", type_=Double)
    mine = {"epoch": run.c.epoch + 1, "holder": bindparam("by"), "held_until": held_until}
    return (
        update(run)
        .where(run.c.id.in_(bindparam("taken", expanding=True)))
        .values(mine)
        .returning(run.c.id, run.c.epoch)
    )
