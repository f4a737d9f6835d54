"""A playbook has not been drilled or reviewed for a long time.

Why: commands, names and people change. What was not tried lately does not work.

What to do: drill it, or read it through and set `reviewed: 2026-01-31` in its front matter. To a server, a run of one
of its procedures that went well to its end counts as well.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from stanch.model.plan import Plan, Playbook
from stanch.model.problem import Level, Problem, Source
from stanch.playbook.dates import date_of
from stanch.playbook.surroundings import Surroundings

CODE = "stale-playbook"
LEVEL = Level.WARNING


def check(plan: Plan, surroundings: Surroundings) -> Iterator[Problem]:
    """Every playbook whose last proof is older than allowed; silent without a clock, or where no proof is known."""
    if surroundings.now is None:
        return
    for playbook in plan.playbooks:
        proven = _proven(playbook, surroundings)
        if proven is None:
            continue
        days = int((surroundings.now - proven) // 86400)
        if days > surroundings.stale_after_days:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"{playbook.path} was last run through or reviewed {days} days ago.",
                hint="Drill it, or read it through and set `reviewed:` in its front matter.",
                source=Source(path=playbook.path, line=1, text=playbook.text.split("\n", 1)[0]),
            )


def _proven(playbook: Playbook, surroundings: Surroundings) -> float | None:
    """The latest of the last drill and the date that the document itself gives."""
    told = [surroundings.proven_at[playbook.path]] if playbook.path in surroundings.proven_at else []
    for key in ("reviewed", "last reviewed", "last-reviewed", "last updated", "updated", "date"):
        date = date_of(playbook.front.get(key, ""))
        if date is not None:
            told.append(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp())
    return max(told, default=None)
