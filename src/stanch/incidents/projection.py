"""The incident's row: the fold of its events, as kept in the transaction of each event."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Update, bindparam, delete, insert, select, update

from stanch.model.incident import Incident, IncidentClock
from stanch.model.problem import NotFound
from stanch.store.rows import from_row, to_values
from stanch.store.tables import incident as incidents
from stanch.store.tables import incident_clock as timers

_FIELDS = tuple(field.name for field in fields(Incident))

# Statements are built once: building one takes as long as running it.
_BY_ID = select(incidents).where(incidents.c.id == bindparam("incident"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_NEW = insert(incidents)
_NEW_TIMERS = insert(timers)
_END_TIMER = delete(timers).where(timers.c.incident_id == bindparam("incident"), timers.c.name == bindparam("clock"))


def load(connection: Connection, incident_id: str, *, lock: bool = False) -> tuple[Incident, str]:
    """The incident and the digest of its last event; with `lock`, until the transaction ends nobody else writes it.

    Raises `NotFound`.
    """
    found = first(connection, _BY_ID_LOCKED if lock else _BY_ID, {"incident": incident_id})
    if found is None:
        raise NotFound(f"There is no incident {incident_id}.", hint="`stanch incident list` shows those there are.")
    return found


def first(connection: Connection, query: Select[Any], values: Mapping[str, Any]) -> tuple[Incident, str] | None:
    """As `load`, of the first row of a query of all columns; None where there is none."""
    row = connection.execute(query, values).first()
    return None if row is None else (from_row(Incident, row), str(row.head))


def select_all(connection: Connection, query: Select[Any]) -> tuple[Incident, ...]:
    """The incidents whose rows `query` selects (all columns), in its order."""
    return tuple(from_row(Incident, row) for row in connection.execute(query))


def create(connection: Connection, incident: Incident, head: str) -> None:
    connection.execute(_NEW, {**to_values(incident), "number": int(incident.id), "head": head})
    _save_timers(connection, incident.id, (), incident.clocks)


def save(connection: Connection, before: Incident, after: Incident, *, was: str, head: str) -> bool:
    """Write what `after` changed of `before`, where the last event's digest still is `was`; False where it is not."""
    changed = tuple(name for name in _FIELDS if getattr(before, name) != getattr(after, name))
    values = {f"new_{name}": to_values(getattr(after, name)) for name in changed}
    written = connection.execute(_update(changed), {**values, "new_head": head, "incident": after.id, "was": was})
    if written.rowcount != 1:
        return False
    if "clocks" in changed:
        _save_timers(connection, after.id, before.clocks, after.clocks)
    return True


@cache
def _update(names: tuple[str, ...]) -> Update:
    new = {name: bindparam(f"new_{name}", type_=incidents.c[name].type) for name in (*names, "head")}
    still = (incidents.c.id == bindparam("incident")) & (incidents.c.head == bindparam("was"))
    return update(incidents).where(still).values(new)


def _save_timers(
    connection: Connection, incident_id: str, before: tuple[IncidentClock, ...], after: tuple[IncidentClock, ...]
) -> None:
    known = {clock.name: clock for clock in before}
    new = []
    for clock in after:
        if known.get(clock.name) == clock:
            continue
        if clock.name in known:
            connection.execute(_END_TIMER, {"incident": incident_id, "clock": clock.name})
        new.append({"incident_id": incident_id, "name": clock.name, "due_at": clock.due_at, "state": clock.state})
    if new:
        connection.execute(_NEW_TIMERS, new)
