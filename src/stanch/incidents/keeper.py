"""Keeps incidents moving without people: promises that ran out are noted, and what has recovered is resolved."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, select

from stanch.incidents import clocks, lifecycle, recovery
from stanch.incidents.lifecycle import Hooks
from stanch.model.clock import Clock
from stanch.model.incident import ClockState, Incident
from stanch.model.plan import Plan
from stanch.model.rule import Evaluation
from stanch.store import tables
from stanch.store.engine import Store

_AT_ONCE = 50


class Keeper:
    """Sleeps until a clock is due; while an incident is open, looks at its signals every `interval_s`.

    `plan_of` is the plan that an incident started with, `evaluations` where rules and recovery targets of a plan stand.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        plan_of: Callable[[Incident], Plan],
        evaluations: Callable[[Plan], Sequence[Evaluation]],
        hooks: Hooks,
        interval_s: float,
        clean_s: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._plan_of = plan_of
        self._evaluations = evaluations
        self._hooks = hooks
        self._interval_s = interval_s
        self._clean_s = clean_s

    async def run(self) -> None:
        """Keep for as long as the server runs."""
        async with self._store.listen(lifecycle.TOPIC) as listener:
            while True:
                next_due = await self._ring()
                open_ones = await self._recover()
                now = self._clock.now()
                waits = [self._interval_s] if open_ones else []
                waits += [max(0.0, next_due - now)] if next_due is not None else []
                await listener.wait(min(waits, default=None))

    async def _ring(self) -> float | None:
        """Note the clocks that ran out; when the next one is due."""
        now = self._clock.now()
        due = await self._store.read(_next_due)
        if due is None or due > now:
            return due
        await self._store.write(lambda connection: clocks.due(connection, now, self._hooks.missed))
        return await self._store.read(_next_due)

    async def _recover(self) -> bool:
        """Resolve what stayed clean long enough; whether any incident is still open."""
        incidents = await self._store.read(lambda connection: lifecycle.listing(connection, open_only=True))
        if not incidents:
            return False
        now = self._clock.now()
        stood: dict[str, Sequence[Evaluation]] = {}
        for number, incident in enumerate(incidents):
            plan = self._plan_of(incident)
            evaluations = stood.get(plan.hash)
            if evaluations is None:
                evaluations = stood[plan.hash] = self._evaluations(plan)
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)  # thousands of open incidents must not hold up what pages people
            if recovery.decide(incident, evaluations, plan, now, clean_s=self._clean_s).changes:
                await self._store.write(self._step(incident, evaluations, plan, now))
        return True

    def _step(
        self, incident: Incident, evaluations: Sequence[Evaluation], plan: Plan, now: float
    ) -> Callable[[Connection], object]:
        return lambda connection: recovery.step(connection, incident, evaluations, plan, now, clean_s=self._clean_s)


def _next_due(connection: Connection) -> float | None:
    rows = tables.incident_clock
    due: float | None = connection.scalar(select(func.min(rows.c.due_at)).where(rows.c.state == ClockState.RUNNING))
    return due
