"""List the releases and other changes that Stanch knows of, from shortly before the incident.

Parameters: `hours` before the incident's opening to look back, 24 where it is not said.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from stanch.model.finding import Proposal
from stanch.model.risk import Risk
from stanch.response.action import ActionContext, ActionFailed, Effect, NotApplicable, Outcome, Verified
from stanch.response.text_table import Rows, aligned
from stanch.store.engine import Store
from stanch.store.tables import mark

_DEFAULT_HOURS = 24.0
_LONGEST_HOURS = 24.0 * 90
_MOST = 50


class ReviewDeploys:
    """Reads the marks of all services: what broke one is often a change of its neighbour."""

    name = "review_deploys"
    risk = Risk.READ_ONLY
    idempotent = True  # it reads

    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def propose(self, context: ActionContext) -> Proposal | NotApplicable:
        hours = _hours(context.parameters)
        return Proposal(
            action=self.name,
            title=f"Review the changes of the {hours:g} hours before the incident",
            why="Most incidents follow a change.",
            risk=self.risk,
            parameters={"hours": hours},
            statement=f"list the changes of the {hours:g} hours before incident {context.incident.id}",
            undo="",
        )

    async def do(self, context: ActionContext) -> Outcome:
        hours: float = context.parameters["hours"]
        opened = context.incident.opened_at
        until = context.clock.now()
        found = await self._store.read(lambda connection: _marks(connection, opened - hours * 3600, until))
        if not found:
            return Outcome(text=f"Stanch knows of no change in the {hours:g} hours before the incident.")
        table = aligned(
            Rows(
                columns=("when (UTC)", "before the incident", "service", "change", "from", "to"),
                rows=tuple(
                    (
                        datetime.fromtimestamp(row["at"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
                        _ago(opened - row["at"]),
                        row["service"],
                        row["text"],
                        row["previous"],
                        row["version"],
                    )
                    for row in found[:_MOST]
                ),
                more=len(found) > _MOST,
            )
        )
        return Outcome(text=table, data={"changes": found[:_MOST]})

    async def verify(self, context: ActionContext) -> Verified:
        return Verified(effect=Effect.NO_EFFECT, because=f"Reading changes nothing in {context.incident.service}.")

    async def undo(self, context: ActionContext) -> Outcome:
        return Outcome(text=f"Nothing was changed for incident {context.incident.id}.")


def _marks(connection: Connection, since: float, until: float) -> list[dict[str, Any]]:
    columns = (mark.c.at, mark.c.service, mark.c.text, mark.c.previous, mark.c.version)
    between = select(*columns).where(mark.c.at >= since, mark.c.at <= until)
    rows = connection.execute(between.order_by(mark.c.at.desc()).limit(_MOST + 1)).mappings()
    return [dict(row) for row in rows]


def _hours(given: dict[str, Any]) -> float:
    try:
        hours = float(given.get("hours", _DEFAULT_HOURS))
    except (TypeError, ValueError):
        hours = 0.0
    if not 0 < hours <= _LONGEST_HOURS:
        raise ActionFailed(f"`{given.get('hours')}` is no number of hours from 0 to {_LONGEST_HOURS:g}.")
    return hours


def _ago(seconds: float) -> str:
    after = "after" if seconds < 0 else "before"
    minutes = abs(seconds) / 60
    return f"{minutes:.0f} min {after}" if minutes < 120 else f"{minutes / 60:.1f} h {after}"
