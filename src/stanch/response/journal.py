"""The writes of one held run: each is one transaction behind the run's fence, with its events."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Double, bindparam, exists, update

from stanch.incidents import timeline
from stanch.model.clock import Clock
from stanch.model.incident import EventKind
from stanch.model.problem import Unusable
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response import rows
from stanch.response.leases import Hold, LeaseLost, Stopped, fence
from stanch.response.transitions import Told, Transition
from stanch.store.engine import Store
from stanch.store.tables import run as run_table
from stanch.store.tables import step as step_table
from stanch.store.wake import wake

OUTPUT_TOPIC = "output"
"""Signalled when the output of a running step grew."""

_RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)

T = TypeVar("T")

_LEFT = exists().where(
    step_table.c.run_id == run_table.c.id,
    step_table.c.state.not_in([state.value for state in StepState if state.is_over]),
)
_END = (
    update(run_table)
    .where(
        run_table.c.id == bindparam("ended_run"),
        run_table.c.state == RunState.RUNNING.value,
        run_table.c.wake_at.is_not_distinct_from(bindparam("woken", type_=Double)),
        ~_LEFT,
    )
    .values(
        state=RunState.FINISHED.value,
        ended_at=bindparam("now", type_=Double),
        outcome=bindparam("said"),
        holder=None,
        held_until=None,
        wake_at=None,
    )
)

log = structlog.get_logger(__name__)


class Moved(Exception):
    """The step is no longer as it was read: a person was faster. Nothing was written; look again."""


class Journal:
    """Writes of the run `hold`. All raise LeaseLost once another has taken it.

    While the store is unusable (disk full, database away) they wait for it: what was done is not forgotten.
    """

    def __init__(self, *, store: Store, clock: Clock, hold: Hold, lease_s: float) -> None:
        self._store = store
        self._clock = clock
        self.hold = hold
        self.safe_until: float | None = None
        """Until when the run may be acted for (monotonic seconds), as the last renewal says; None: for good."""
        self._lease_s = lease_s
        self._left: timeline.Known | None = None
        """The incident as the last write here left it."""

    def knows(self, incident: timeline.Known) -> None:
        """How the incident stands, so that the next write need not read it."""
        self._left = incident

    def must_hold(self) -> None:
        """The last look before an act: a process that stood still may have lost the run without knowing.

        Raises LeaseLost.
        """
        if self.safe_until is not None and self._clock.monotonic() >= self.safe_until:
            raise LeaseLost(f"run {self.hold.run_id} may be another's by now")

    async def write(self, unit: Callable[[Connection], T], *, to_begin: bool = False) -> T:
        """Run `unit` behind the fence. With `to_begin` raises Moved where somebody has just stopped the run."""

        def fenced(connection: Connection) -> T:
            try:
                fence(connection, self.hold, now=self._clock.now(), term_s=self._lease_s, to_begin=to_begin)
            except Stopped as stopped:
                raise Moved(self.hold.run_id) from stopped
            return unit(connection)

        return await self._patiently(lambda: self._store.write(fenced))

    async def read(self, unit: Callable[[Connection], T]) -> T:
        return await self._patiently(lambda: self._store.read(unit))

    async def move(
        self,
        run: Run,
        before: StepRecord,
        change: Transition,
        *,
        also: Callable[[Connection], None] | None = None,
        outcome: str | None = None,
    ) -> tuple[StepRecord, bool]:
        """Write a change of a step with its events; the step then, and whether the run is over. Raises Moved.

        A step that is asked about anew loses the approvals it had. `outcome` is the run's where this is the end of it:
        then it is ended in the same transaction, unless people have changed something since it was read.
        """
        after = change.after

        def unit(connection: Connection) -> bool:
            if not rows.update_step(connection, before, after):
                # After a lost answer of the database this may be the second time: then it is written already.
                if _stands_as(connection, after):
                    return False
                raise Moved(after.key)
            if after.asked != before.asked:
                rows.forget_approvals(connection, after.run_id, after.key)
            events, is_over = change.events, False
            if outcome is not None and self._end(connection, run, outcome):
                events, is_over = (*events, _finished(run, RunState.FINISHED, outcome)), True
            self._tell(connection, run, events)
            if also is not None:
                also(connection)
            return is_over

        is_over = await self.write(unit, to_begin=after.state is StepState.STARTED)
        return (replace(after, approvals=()) if after.asked != before.asked else after), is_over

    async def progress(self, run: Run, step: StepRecord, progress: dict[str, Any], *events: Told) -> None:
        """Write how far a started step is."""

        def unit(connection: Connection) -> None:
            _update_started(connection, step, progress=progress)
            self._tell(connection, run, events)

        await self.write(unit)

    async def show(self, step: StepRecord, output: str) -> None:
        """Keep the output so far of a started step. Not worth waiting for: without a store it is left out."""

        def unit(connection: Connection) -> None:
            fence(connection, self.hold, now=self._clock.now(), term_s=self._lease_s)
            _update_started(connection, step, output=output)
            wake(connection, OUTPUT_TOPIC)

        try:
            await self._store.write(unit)
        except Unusable as fault:
            log.warning("runs.output_not_kept", run=step.run_id, step=step.key, because=fault.message)

    def finish(self, connection: Connection, run: Run, state: RunState, outcome: str) -> None:
        """End the run and let it go; part of a unit of `write`."""
        ended = {"state": state.value, "ended_at": self._clock.now(), "outcome": outcome}
        free = {"holder": None, "held_until": None, "wake_at": None}
        connection.execute(update(run_table).where(run_table.c.id == run.id).values(**ended, **free))
        self._tell(connection, run, (_finished(run, state, outcome),))

    def _end(self, connection: Connection, run: Run, outcome: str) -> bool:
        """End a run all of whose steps are over, as it was read: what people do to one sets when it is to be woken."""
        ended = {"ended_run": run.id, "now": self._clock.now(), "said": outcome, "woken": run.wake_at}
        return connection.execute(_END, ended).rowcount == 1

    def _tell(self, connection: Connection, run: Run, events: tuple[Told, ...]) -> None:
        if events:
            self._left = timeline.append_all(
                connection, run.incident_id, events, now=self._clock.now(), known=self._left
            )

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        tries = 0
        while True:
            try:
                return await act()
            except Unusable as fault:
                pause = _RETRY_S[min(tries, len(_RETRY_S) - 1)]
                tries += 1
                log.warning("runs.store_unusable", run=self.hold.run_id, because=fault.message, again_in_s=pause)
                await self._clock.sleep(pause)


def _finished(run: Run, state: RunState, outcome: str) -> Told:
    return EventKind.RUN_FINISHED, {"run": run.id, "outcome": outcome, "state": state.value, "name": run.name}


def _stands_as(connection: Connection, after: StepRecord) -> bool:
    run = rows.get_run(connection, after.run_id)
    found = next((step for step in run.steps if step.key == after.key), None)
    if found is None:
        return False
    return (found.state, found.attempt, found.asked) == (after.state, after.attempt, after.asked)


def _update_started(connection: Connection, step: StepRecord, **values: Any) -> None:
    mine = (step_table.c.run_id == step.run_id) & (step_table.c.key == step.key)
    started = (step_table.c.state == StepState.STARTED.value) & (step_table.c.attempt == step.attempt)
    connection.execute(update(step_table).where(mine, started).values(**values))
