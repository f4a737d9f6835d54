"""Changes of the outside world: deploys, migrations, flags, told by who makes them: a pipeline, a script, a person.

A mark is a row, and stands on the timeline of every incident it may have to do with: those of its service that are
open, and, of the day before, those that open after it. Releases are offered from it where a step asks for the version
before.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select

from stanch.charts.quantity import prose
from stanch.incidents import timeline
from stanch.model.incident import EventKind, Incident, IncidentStatus
from stanch.model.problem import Refused
from stanch.model.record import record
from stanch.store import entering
from stanch.store.document import storable
from stanch.store.numbering import take_turns
from stanch.store.tables import incident as incidents
from stanch.store.tables import mark as rows

REPEAT_S = 600.0
"""What says the same of a service as its latest mark, within this time, is that mark told again: CI retries."""
RECALLED_S = 86_400.0
MOST_RECALLED = 5
_AHEAD_S = 300.0
_LONGEST_BACK_S = 366 * 86_400.0


class MarkKind(StrEnum):
    """`deploy`: another version runs; `change`: anything else that was changed."""

    DEPLOY = "deploy"
    CHANGE = "change"


@record
class Mark:
    """One change. `previous` is what ran before it; `by` who said so. Times are Unix seconds."""

    id: int
    kind: MarkKind
    at: float
    service: str
    text: str
    version: str | None
    previous: str | None
    by: str


def keep(
    connection: Connection,
    *,
    kind: MarkKind,
    service: str,
    version: str | None,
    previous: str | None,
    text: str,
    at: float | None,
    by: str,
    now: float,
) -> tuple[Mark, bool]:
    """Write a change, with what ran before it where that is known; and whether it is new. Raises Refused.

    The same told again, within ten minutes of it or with the same time, is the mark that there is.
    """
    take_turns(connection, "marks")
    when = now if at is None else at
    if when > now + _AHEAD_S or when < now - _LONGEST_BACK_S:
        raise Refused(
            "The time of the change is in the future, or more than a year ago.",
            hint="Nothing was written. Leave it out for a change that has just been made.",
        )
    service = storable(service)
    before = _latest(connection, service, until=when)
    said = entering.text(connection, storable(text)) or _said(kind, version)
    if before is not None and _is_same(before, kind, version, said):
        told_again = at is None and when - before.at < REPEAT_S
        if told_again or before.at == at:
            return before, False
    if kind is MarkKind.DEPLOY and previous is None:
        released = _latest(connection, service, until=when, kind=MarkKind.DEPLOY)
        previous = None if released is None else released.version
    values = {
        "at": when,
        "service": service,
        "text": said,
        "version": storable(version),
        "previous": storable(previous),
        "data": {"kind": kind.value, "by": storable(by)},
    }
    number = connection.execute(insert(rows).values(**values)).inserted_primary_key
    assert number is not None
    mark = _get(connection, number[0])
    for incident_id in _open_incidents(connection, service):
        timeline.append(connection, incident_id, EventKind.MARK, _told(mark), now=now, actor=storable(by))
    return mark, True


def listing(connection: Connection, *, service: str | None = None, limit: int = 100) -> tuple[Mark, ...]:
    """The changes of a service, or of all, the latest first."""
    query = select(rows).order_by(rows.c.at.desc(), rows.c.id.desc()).limit(limit)
    if service is not None:
        query = query.where(rows.c.service == service)
    return tuple(_of_row(row) for row in connection.execute(query))


def recall(connection: Connection, incident: Incident, now: float) -> None:
    """Put what was changed in the day before an incident on its timeline; a hook of its opening."""
    recent = select(rows).where(rows.c.at >= incident.opened_at - RECALLED_S, rows.c.at <= now)
    if incident.service:
        recent = recent.where(rows.c.service == incident.service)
    found = connection.execute(recent.order_by(rows.c.at.desc(), rows.c.id.desc()).limit(MOST_RECALLED)).all()
    if not found:
        return
    with timeline.extend(connection, incident.id) as chain:
        for row in reversed(found):
            mark = _of_row(row)
            ago = f"{prose(max(0.0, incident.opened_at - mark.at))} before"
            chain.add(EventKind.MARK, {**_told(mark), "ago": ago}, now=now, actor=mark.by or "stanch")


def _told(mark: Mark) -> dict[str, Any]:
    where = f"{mark.service}: " if mark.service else ""
    before = f" (before: {mark.previous})" if mark.previous else ""
    return {
        "mark": mark.id,
        "at": mark.at,
        "service": mark.service,
        "text": f"{where}{mark.text}{before}",
        "version": mark.version,
        "previous": mark.previous,
    }


def _is_same(before: Mark, kind: MarkKind, version: str | None, said: str) -> bool:
    """Whether it is the same deploy by its version, or the same change by its words."""
    same = before.version == version if kind is MarkKind.DEPLOY else before.text == said
    return before.kind is kind and same


def _said(kind: MarkKind, version: str | None) -> str:
    return f"deployed {version}" if kind is MarkKind.DEPLOY else "changed"


def _latest(connection: Connection, service: str, *, until: float, kind: MarkKind | None = None) -> Mark | None:
    query = select(rows).where(rows.c.service == service, rows.c.at <= until)
    for row in connection.execute(query.order_by(rows.c.at.desc(), rows.c.id.desc()).limit(100)):
        mark = _of_row(row)
        if kind is None or mark.kind is kind:
            return mark
    return None


def _get(connection: Connection, number: int) -> Mark:
    return _of_row(connection.execute(select(rows).where(rows.c.id == number)).one())


def _of_row(row: Any) -> Mark:
    return Mark(
        id=row.id,
        kind=MarkKind(row.data.get("kind", MarkKind.CHANGE if row.version is None else MarkKind.DEPLOY)),
        at=row.at,
        service=row.service,
        text=row.text,
        version=row.version,
        previous=row.previous,
        by=str(row.data.get("by") or ""),
    )


def _open_incidents(connection: Connection, service: str) -> Iterator[str]:
    """Those that the change may have to do with: of its service, or of none in particular."""
    still = incidents.c.status != IncidentStatus.RESOLVED.value
    mine = still if not service else still & incidents.c.service.in_((service, ""))
    yield from connection.scalars(select(incidents.c.id).where(mine).order_by(incidents.c.number)).all()
