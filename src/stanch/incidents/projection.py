"""The incident's rows: the fold of its events, as kept in the transaction of each event."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from stanch.model.incident import Incident, IncidentClock
from stanch.model.problem import NotFound
from stanch.store.rows import from_row, to_values
from stanch.store.tables import incident as incidents
from stanch.store.tables import incident_clock as clocks

_FIELDS = tuple(field.name for field in fields(Incident) if field.name != "clocks")


def load(connection: Connection, incident_id: str, *, lock: bool = False) -> tuple[Incident, str]:
    """The incident and the digest of its last event; with `lock`, until the transaction ends nobody else writes it.

    Raises `NotFound`.
    """
    query = select(incidents).where(incidents.c.id == incident_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound(f"There is no incident {incident_id}.", hint="`stanch incident list` shows those there are.")
    (found,) = _records(connection, [row])
    return found, str(row.head)


def select_all(connection: Connection, query: Select[Any]) -> tuple[Incident, ...]:
    """The incidents whose rows `query` selects (all columns), in its order."""
    return _records(connection, connection.execute(query).all())


def create(connection: Connection, incident: Incident, head: str) -> None:
    values = to_values(incident)
    del values["clocks"]
    connection.execute(insert(incidents).values(**values, number=int(incident.id), head=head))
    _save_clocks(connection, incident.id, (), incident.clocks)


def save(connection: Connection, before: Incident, after: Incident, head: str) -> None:
    """Write what `after` changed of `before`."""
    values = to_values(after)
    changed = {name: values[name] for name in _FIELDS if getattr(before, name) != getattr(after, name)}
    connection.execute(update(incidents).where(incidents.c.id == after.id).values(**changed, head=head))
    _save_clocks(connection, after.id, before.clocks, after.clocks)


def _save_clocks(
    connection: Connection, incident_id: str, before: tuple[IncidentClock, ...], after: tuple[IncidentClock, ...]
) -> None:
    known = {clock.name: clock for clock in before}
    new = []
    for ordinal, clock in enumerate(after):
        if known.get(clock.name) == clock:
            continue
        if clock.name in known:
            mine = (clocks.c.incident_id == incident_id) & (clocks.c.name == clock.name)
            connection.execute(delete(clocks).where(mine))
        new.append({"incident_id": incident_id, "ordinal": ordinal, **to_values(clock)})
    if new:
        connection.execute(insert(clocks), new)


def _records(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Incident, ...]:
    ids = [row.id for row in rows]
    of: dict[str, list[IncidentClock]] = {each: [] for each in ids}
    for start in range(0, len(ids), 500):  # well under the limit of parameters of one statement
        query = select(clocks).where(clocks.c.incident_id.in_(ids[start : start + 500]))
        for clock in connection.execute(query.order_by(clocks.c.incident_id, clocks.c.ordinal)):
            of[clock.incident_id].append(from_row(IncidentClock, clock))
    return tuple(from_row(Incident, row, clocks=of[row.id]) for row in rows)
