"""A run as this process holds it: what is known of it, and every write of its steps.

Behind the run's fence nobody else writes it, people apart, and every write here is conditional on what they change. So
the rows are read again only when somebody was heard to have changed something.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Connection

from stanch.incidents import lifecycle, timeline
from stanch.model.clock import Clock
from stanch.model.incident import Incident
from stanch.model.record import record
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response import leases, rows, transitions
from stanch.response.approvals import digest_of
from stanch.response.bounds import Cut, within
from stanch.response.journal import Journal
from stanch.response.reporting import StepReport
from stanch.response.tools import EscalateHook, Timing
from stanch.response.transitions import Transition

T = TypeVar("T")


@record
class Known:
    """A run and its incident, as read in one transaction. `head` is the digest of the incident's last event then."""

    run: Run
    incident: Incident
    head: str | None = None

    @property
    def over_because(self) -> str | None:
        """Why nothing needs to be asked any more, where that is so."""
        if self.incident.status.is_over:
            return f"Incident {self.incident.id} was resolved before it was answered."
        return None


def read_all(connection: Connection, run_ids: Sequence[str]) -> dict[str, Known]:
    """What is known of each of these runs, in a few statements for all."""
    found = rows.get_runs(connection, run_ids)
    incidents = timeline.all_known(connection, {run.incident_id for run in found})
    return {
        run.id: Known(run=run, incident=incidents[run.incident_id].incident, head=incidents[run.incident_id].head)
        for run in found
    }


def _never(run: Run) -> None:
    """A run that is not ended together with a step."""
    del run


class HeldRun:
    """One run, for as long as this process holds it. `stop` is set when people want it stopped.

    `known` is what was read in the transaction that took it.

    `environment` are the names of the variables that commands get, which an approval binds to. All writes raise
    LeaseLost once another has taken the run, and Moved where a person was faster with the step.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        clock: Clock,
        timing: Timing,
        environment: tuple[str, ...],
        escalate: EscalateHook | None,
        known: Known | None = None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._timing = timing
        self._environment = environment
        self._escalate = escalate
        self.stop = asyncio.Event()
        self._news = asyncio.Event()
        self._known = known
        if known is None:
            self._news.set()
        elif known.head is not None:
            journal.knows(timeline.Known(incident=known.incident, head=known.head))
        self.is_over = False
        """Whether the run was ended together with its last step."""
        self.ends_with: Callable[[Run], str | None] = _never
        """The outcome, where a run that stands so is at its end."""
        self._began: dict[tuple[str, int], float] = {}

    # --- whether it is still held ---

    def must_hold(self) -> None:
        """The last look before an act. Raises LeaseLost where another may have taken the run."""
        self._journal.must_hold()

    def safe_until(self) -> float | None:
        """Until when (monotonic seconds) the run may be acted for without a further renewal; None: for good."""
        return self._journal.safe_until

    # --- what is known ---

    @property
    def known(self) -> Known:
        """What was read last, with what was written since."""
        assert self._known is not None, "`refresh` comes first"
        return self._known

    @property
    def run(self) -> Run:
        return self.known.run

    @property
    def incident(self) -> Incident:
        return self.known.incident

    def heard(self) -> None:
        """Somebody may have changed something: the rows are read again before the next move."""
        self._news.set()

    async def news(self) -> None:
        """Until somebody was heard to have changed something."""
        await self._news.wait()

    async def refresh(self) -> Known:
        """Read the rows where that is due. Raises LeaseLost where the run is over."""
        if self._news.is_set() or self._known is None:
            self._news.clear()
            self._known = await self._journal.read(self.read)
        if self._known.run.stop_by is not None:
            self.stop.set()
        return self._known

    def read(self, connection: Connection) -> Known:
        """The rows as they are now; part of a unit. Raises LeaseLost where the run is over."""
        run = rows.get_run(connection, self._journal.hold.run_id)
        if run.state.is_over:
            raise leases.LeaseLost(f"run {run.id} is over")
        return Known(run=run, incident=lifecycle.get(connection, run.incident_id))

    def digest(self, step: StepRecord) -> str:
        """What an approval of the step as it stands binds to."""
        return digest_of(step, plan_hash=self.run.plan_hash, environment=self._environment)

    # --- writes of the run ---

    async def write(self, unit: Callable[[Connection], T]) -> T:
        """Run `unit` behind the run's fence."""
        return await self._journal.write(unit)

    def rest(self, connection: Connection, *, until: float | None) -> None:
        """Let the run go until then, or until people do something; part of a unit."""
        leases.release(connection, self._journal.hold, wake_at=until)

    def finish(self, connection: Connection, run: Run, state: RunState, outcome: str) -> None:
        """End the run; part of a unit."""
        self._journal.finish(connection, run, state, outcome)

    # --- writes of its steps ---

    async def move(
        self,
        before: StepRecord,
        change: Transition,
        *,
        also: Callable[[Connection], None] | None = None,
    ) -> StepRecord:
        """Write a step's change, `also` in the same transaction, and remember it."""
        outcome = self.ends_with(self._with(change.after)) if also is None and change.after.state.is_over else None
        written, self.is_over = await self._journal.move(self.run, before, change, also=also, outcome=outcome)
        self._known = replace(self.known, run=self._with(written))
        return written

    def _with(self, step: StepRecord) -> Run:
        """The run with this step as it is now."""
        return replace(self.run, steps=tuple(step if each.key == step.key else each for each in self.run.steps))

    async def start(
        self, step: StepRecord, resolved: StepRecord, *, because: str | None = None, record: str | None = None
    ) -> StepRecord:
        """Write the intent. `record` is where its outcome will be, for one that may outlive us."""
        now = self._clock.now()
        due_at = now + self._timing.limit_s(resolved)
        change = transitions.started(step, resolved, now=now, due_at=due_at, because=because, record=record)
        self._began[step.key, change.after.attempt] = self._clock.monotonic()
        return await self.move(step, change)

    async def end(
        self,
        step: StepRecord,
        state: StepState,
        because: str | None = None,
        *,
        output: str | None = None,
        exit_status: int | None = None,
        verified: str | None = None,
        data: Mapping[str, Any] | None = None,
        acted: bool = False,
        late: bool = False,
    ) -> None:
        """Write the outcome; for the parameters see `transitions.Result`.

        One that is `late` is paged further, in the same transaction.
        """
        result = transitions.Result(
            state=state,
            because=because,
            output=output,
            exit_status=exit_status,
            verified=verified,
            data=data,
            acted=acted,
            late=late,
        )
        elapsed_s = self._elapsed(step)
        change = transitions.ended(step, result, now=self._clock.now(), elapsed_s=elapsed_s, digest=self.digest)
        await self.move(step, change, also=self.page_further(step) if late else None)

    def _elapsed(self, step: StepRecord) -> float:
        """Seconds since this attempt began; by the wall clock only where another process began it."""
        if (began := self._began.get((step.key, step.attempt))) is not None:
            return self._clock.monotonic() - began
        return max(0.0, self._clock.now() - step.started_at) if step.started_at is not None else 0.0

    def page_further(self, step: StepRecord) -> Callable[[Connection], None]:
        """Part of the unit that says that a step is late."""
        hook, incident, now = self._escalate, self.incident, self._clock.now()

        def page(connection: Connection) -> None:
            if hook is not None:
                hook(connection, incident, step, now)

        return page

    # --- how far a step is ---

    async def progress(self, step: StepRecord, progress: dict[str, Any]) -> None:
        """Write how far a started step is."""
        await self._journal.progress(self.run, step, progress)

    async def show(self, step: StepRecord, output: str) -> None:
        """Keep the output so far of a started step; left out where the store does not answer."""
        await self._journal.show(step, output)

    def report(self, step: StepRecord) -> StepReport:
        """How far it is, for people: with the step, and on the timeline where there is something new."""
        return StepReport(self._journal, self.run, step)

    # --- waiting ---

    async def within(self, act: Awaitable[T], seconds: float | None, *, heed_stop: bool = True) -> T:
        """The value of `act`. Raises Cut where its time ran out or the run is stopped, once it has ended."""
        return await within(act, clock=self._clock, seconds=seconds, stop=self.stop if heed_stop else None)

    async def pause(self, seconds: float) -> None:
        """Sleep, or wake early for a stop."""
        try:
            await self.within(self._clock.sleep(seconds), None)
        except Cut:
            return
