"""When each playbook was last checked against what is outside, and what of it was gone."""

from collections.abc import Mapping

from sqlalchemy import Connection

from stanch.drift import records
from stanch.drift.records import Standing
from stanch.model.drift import Presence
from stanch.model.record import record


@record
class Gone:
    """One thing that is gone: its line, what it is, how that is known, and since when it is known."""

    line: int
    text: str
    because: str
    since: float | None


@record
class Drift:
    """A playbook's last check: how many things were there, which are gone, how many could not be asked for."""

    asked_at: float
    exists: int
    gone: tuple[Gone, ...]
    unasked: int


def read(connection: Connection) -> Mapping[str, Drift]:
    """By the playbook's path; one that was never checked is not in it."""
    standings = records.standings(connection)
    return {
        path: Drift(
            asked_at=checked.asked_at,
            exists=checked.exists,
            unasked=checked.unasked,
            gone=tuple(_gone(each) for each in standings if _is_gone(each, path)),
        )
        for path, checked in records.checked(connection).items()
    }


def _is_gone(standing: Standing, path: str) -> bool:
    return standing.known is Presence.GONE and standing.answer.named.source.path == path


def _gone(standing: Standing) -> Gone:
    named = standing.answer.named
    place = f" ({named.place})" if named.where else ""
    because = standing.answer.because
    if standing.answer.presence is Presence.UNASKED:
        because = f"it was gone when last seen; now it could not be asked for: {because}"
    return Gone(line=named.source.line, text=f"{named.kind} {named.name}{place}", because=because, since=standing.since)
