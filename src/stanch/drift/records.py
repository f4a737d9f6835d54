"""Answers as rows: one a thing that is named, and one a playbook that was checked.

What a thing was last known to be (`known`) outlives a check in which it could not be asked for: so a gone thing stays
gone while its cluster is away, and is told of once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from stanch.model.drift import Answer, Named, Presence
from stanch.model.problem import Source
from stanch.model.record import record
from stanch.store.tables import drift, drift_check


@record
class Standing:
    """Where one named thing stands: its last answer, what it was last known to be, and since when."""

    answer: Answer
    known: Presence | None
    since: float | None
    asked_at: float


@record
class Checked:
    """A playbook's last check: when, and how many things were there, gone (`known`), and not to be asked for."""

    path: str
    asked_at: float
    exists: int
    gone: int
    unasked: int


def write(connection: Connection, paths: Sequence[str], answers: Sequence[Answer], now: float) -> tuple[Standing, ...]:
    """Write a check of the playbooks `paths`; returns what is newly gone. What they no longer name is forgotten."""
    before = {_key(row.path, row.kind, row.name, row.place): row for row in connection.execute(select(drift))}
    fresh: list[Standing] = []
    rows: list[dict[str, Any]] = []
    counts = {path: dict.fromkeys(Presence, 0) for path in paths}
    for answer in answers:
        named = answer.named
        row = before.get(_key(named.source.path, named.kind, named.name, dict(named.where)))
        was = None if row is None or row.known is None else Presence(row.known)
        known = was if answer.presence is Presence.UNASKED else answer.presence
        since = now if known is not was else (None if row is None else row.since)
        standing = Standing(answer=answer, known=known, since=since, asked_at=now)
        if known is Presence.GONE and was is not Presence.GONE:
            fresh.append(standing)
        rows.append(_values(standing, len(rows)))
        kept = known if known is Presence.GONE else answer.presence
        counts.setdefault(named.source.path, dict.fromkeys(Presence, 0))[kept] += 1
    connection.execute(delete(drift))
    connection.execute(delete(drift_check))
    if rows:
        connection.execute(insert(drift), rows)
    if counts:
        told = [
            {"path": path, "asked_at": now, **{presence.value: number for presence, number in found.items()}}
            for path, found in counts.items()
        ]
        connection.execute(insert(drift_check), told)
    return tuple(fresh)


def last(connection: Connection) -> float | None:
    """When the playbooks were last checked."""
    found: float | None = connection.scalar(select(func.max(drift_check.c.asked_at)))
    return found


def checked(connection: Connection) -> Mapping[str, Checked]:
    """The last check of each playbook, by its path."""
    return {
        row.path: Checked(path=row.path, asked_at=row.asked_at, exists=row.exists, gone=row.gone, unasked=row.unasked)
        for row in connection.execute(select(drift_check))
    }


def standings(connection: Connection, path: str | None = None) -> tuple[Standing, ...]:
    """Where everything stands, of one playbook or of all, in document order."""
    query = select(drift).order_by(drift.c.path, drift.c.line, drift.c.ordinal)
    if path is not None:
        query = query.where(drift.c.path == path)
    return tuple(_standing(row) for row in connection.execute(query))


def _key(path: str, kind: str, name: str, where: Mapping[str, str]) -> tuple[object, ...]:
    return path, kind, name, tuple(sorted(where.items()))


def _values(standing: Standing, ordinal: int) -> dict[str, Any]:
    named = standing.answer.named
    return {
        "path": named.source.path,
        "ordinal": ordinal,
        "kind": named.kind,
        "name": named.name,
        "place": dict(named.where),
        "line": named.source.line,
        "text": named.source.text,
        "presence": standing.answer.presence.value,
        "because": standing.answer.because,
        "known": None if standing.known is None else standing.known.value,
        "since": standing.since,
        "asked_at": standing.asked_at,
    }


def _standing(row: Row[Any]) -> Standing:
    source = Source(path=row.path, line=row.line, text=row.text)
    named = Named(kind=row.kind, name=row.name, where=tuple(sorted(row.place.items())), source=source)
    return Standing(
        answer=Answer(named=named, presence=Presence(row.presence), because=row.because),
        known=None if row.known is None else Presence(row.known),
        since=row.since,
        asked_at=row.asked_at,
    )
