"""The check of every night: asked at its time of day, written as rows, and what is newly gone told once."""

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Connection

from stanch.drift import records
from stanch.drift.check import check
from stanch.drift.outside import Outside
from stanch.drift.report import summary
from stanch.model.clock import Clock
from stanch.model.drift import Answer
from stanch.model.plan import Plan
from stanch.store.engine import Store

TOPIC = "drift"
DAY_S = 86_400.0
_LOOK_S = 900.0

Tell = Callable[[Connection, Plan, Sequence[Answer], float], None]
"""Tells people what is newly gone, in the transaction that writes it down."""

_log = structlog.get_logger(__name__)


def last_due(now: float, at: str) -> float:
    """The latest moment, `now` or before, at which the clock showed `at` (`HH:MM`, UTC)."""
    hours, _, minutes = at.partition(":")
    of_day = int(hours) * 3600.0 + int(minutes) * 60.0
    midnight = now - now % DAY_S
    due = midnight + of_day
    return due if due <= now else due - DAY_S


class Nightly:
    """Checks once after each `at`. A night that the server slept through is made up for when it is back."""

    def __init__(
        self, store: Store, clock: Clock, *, plan: Callable[[], Plan], outside: Outside, at: str, tell: Tell
    ) -> None:
        self._store = store
        self._clock = clock
        self._plan = plan
        self._outside = outside
        self._at = at
        self._tell = tell

    async def run(self) -> None:
        """Check for as long as the server runs. The wall clock is looked at often: it may jump."""
        while True:
            due = last_due(self._clock.now(), self._at)
            before = await self._store.read(records.last)
            if before is None or before < due:
                await self.check()
            ahead = last_due(self._clock.now(), self._at) + DAY_S - self._clock.now()
            await self._clock.sleep(min(ahead, _LOOK_S))

    async def check(self) -> tuple[Answer, ...]:
        """Ask now, write, and tell."""
        plan = self._plan()
        answers = await check(plan, self._outside)
        now = self._clock.now()

        def unit(connection: Connection) -> None:
            fresh = records.write(connection, [each.path for each in plan.playbooks], answers, now)
            if fresh:
                self._tell(connection, plan, [standing.answer for standing in fresh], now)

        await self._store.write(unit, wake=(TOPIC, "outbox"))
        _log.info("playbooks checked", told=summary(answers))
        return answers
