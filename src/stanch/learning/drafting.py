"""Drafts the review of every resolved incident: the files first, then the row and the event that name them."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import structlog
from sqlalchemy import Connection, Row, and_, delete, insert, or_, select

from stanch.charts.chart import Chart
from stanch.charts.svg import figure
from stanch.incidents import lifecycle, timeline
from stanch.learning.page import body, page
from stanch.learning.review import Review, draft
from stanch.model.clock import Clock
from stanch.model.incident import EventKind, Incident, IncidentStatus
from stanch.store import tables
from stanch.store.engine import Store

Charts = Callable[[Incident], Awaitable[Sequence[Chart]]]
"""What the signals of an incident showed, from before it opened to after it was resolved."""

_log = structlog.get_logger(__name__)
_RETRY_S = 30.0


class Drafter:
    """Woken when an incident resolves. A kill at any moment leaves it to be drafted again, over the same files."""

    def __init__(self, store: Store, clock: Clock, charts: Charts, directory: Path) -> None:
        self._store = store
        self._clock = clock
        self._charts = charts
        self._directory = directory

    async def run(self) -> None:
        """Draft for as long as the server runs."""
        async with self._store.listen("incidents") as listener:
            while True:
                for incident_id in await self._store.read(_undrafted):
                    try:
                        await self.draft(incident_id)
                    except OSError as error:
                        # A full disk must not end the task: the incident stays undrafted and is tried again.
                        _log.error("review not written", incident=incident_id, because=str(error))
                await listener.wait(_RETRY_S)

    async def draft(self, incident_id: str) -> Review:
        """Draft one review, over an earlier draft if there is one. Raises OSError where it cannot be written."""
        incident = await self._store.read(lambda connection: lifecycle.get(connection, incident_id))
        events = await self._store.read(lambda connection: timeline.read(connection, incident_id))
        review = draft(incident, events, await self._charts(incident), now=self._clock.now())
        path = self._directory / f"incident-{incident_id}.md"
        await asyncio.to_thread(self._write, review, path)
        now = self._clock.now()

        def record(connection: Connection) -> None:
            connection.execute(delete(tables.review).where(tables.review.c.incident_id == incident_id))
            connection.execute(
                insert(tables.review).values(
                    incident_id=incident_id,
                    path=str(path),
                    drafted_at=now,
                    markdown=review.markdown,
                    html=body(review),
                    data={
                        "title": review.title,
                        "times": asdict(review.times),
                        "lesson": review.lesson.text,
                        "action_items": list(review.action_items),
                    },
                )
            )
            timeline.append(connection, incident_id, EventKind.REVIEW_DRAFTED, {"path": str(path)}, now=now)

        await self._store.write(record, wake=("timeline", "incidents"))
        return review

    def _write(self, review: Review, path: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        for picture in review.pictures:
            _replace(self._directory / picture.file, figure(picture.chart))
        _replace(path.with_suffix(".html"), page(review))
        _replace(path, review.markdown)


def read(connection: Connection, incident_id: str) -> Row[tuple[object, ...]] | None:
    """The stored review of an incident: path, drafted_at, markdown, html, data."""
    return connection.execute(select(tables.review).where(tables.review.c.incident_id == incident_id)).first()


def _undrafted(connection: Connection) -> list[str]:
    """Resolved incidents without a review, or reopened and resolved again since it was drafted."""
    incident, review = tables.incident, tables.review
    return list(
        connection.scalars(
            select(incident.c.id)
            .join(review, review.c.incident_id == incident.c.id, isouter=True)
            .where(
                and_(
                    incident.c.status == IncidentStatus.RESOLVED,
                    or_(review.c.incident_id.is_(None), review.c.drafted_at < incident.c.resolved_at),
                )
            )
            .order_by(incident.c.number)
        )
    )


def _replace(path: Path, text: str) -> None:
    """Write whole or not at all."""
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
