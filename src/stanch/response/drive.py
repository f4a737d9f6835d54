"""Carries one held run forward, move by move: intent written, act, outcome written.

`decision.next_move` says what; the parts that are wired here do it. Nothing remembers: after a crash, or on another
replica, the rows say again what is next.
"""

from typing import assert_never

from sqlalchemy import Connection

from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response import decision, transitions
from stanch.response.acting import Acting
from stanch.response.asking import Asking
from stanch.response.attending import Attendant
from stanch.response.branching import Branching
from stanch.response.carrying import Carrying
from stanch.response.compensation import Compensation
from stanch.response.held import HeldRun, Known
from stanch.response.journal import Journal, Moved
from stanch.response.phases import PhaseEnd
from stanch.response.proving import Proving
from stanch.response.recovery import Recovery
from stanch.response.resolving import Resolving
from stanch.response.side_by_side import SideBySide
from stanch.response.signal_checks import SignalChecks
from stanch.response.tools import Tools
from stanch.response.turns import Turns


class Drive:
    """One run, from being taken until it rests, is over, or is lost."""

    def __init__(self, tools: Tools, journal: Journal, known: Known | None = None) -> None:
        clock, timing = tools.clock, tools.timing
        held = HeldRun(
            journal,
            clock=clock,
            timing=timing,
            environment=tools.executor.environment_names,
            escalate=tools.escalate,
            known=known,
        )
        held.ends_with = self._ends_with
        attendant = Attendant(tools.executor, tools.identity)
        resolving = Resolving(means=tools.means, principals=tools.principals, attendant=attendant)
        asking = Asking(held, clock=clock, answer_s=timing.answer_s, hook=tools.ask)
        signals = SignalChecks(held, clock=clock, timing=timing, measure=tools.measure, asking=asking)
        proving = Proving(held, attendant=attendant, timing=timing, signals=signals)
        carrying = Carrying(held, tools, proving=proving, signals=signals)
        acting = Acting(held, tools, asking=asking)
        turns = Turns(means=tools.means, resolving=resolving, asking=asking, acting=acting, carrying=carrying)
        self._clock = clock
        self._means = tools.means
        self._held = held
        self._beside = SideBySide(held, clock=clock)
        self._branching = Branching(held, clock=clock, answer_s=timing.answer_s, measure=tools.measure)
        self._turns = turns
        self._recovery = Recovery(
            held,
            tools,
            attendant=attendant,
            resolving=resolving,
            asking=asking,
            acting=acting,
            carrying=carrying,
            proving=proving,
            turns=turns,
        )
        self._compensation = Compensation(
            held, executor=tools.executor, attendant=attendant, acting=acting, undo_s=timing.undo_s
        )

    def heard(self) -> None:
        """Somebody may have changed something in the run."""
        self._held.heard()

    def stop(self) -> None:
        """People want it stopped: what may be cut is cut."""
        self._held.stop.set()

    async def go(self) -> None:
        """Move until there is nothing to do. Raises LeaseLost."""
        try:
            await self._go()
        finally:
            await self._beside.cancel()

    async def _go(self) -> None:
        """The moves, one after the other; steps that the playbook puts side by side go on beside them."""
        while True:
            known = await self._held.refresh()
            self._beside.reap()
            try:
                if await self._make(self._next(known)) or self._held.is_over:
                    return
            except Moved:
                self._held.heard()

    def _next(self, known: Known) -> decision.Move:
        return decision.next_move(
            known.run,
            means=self._means,
            resolved=known.over_because,
            undo=known.run.stop_undo,
            now=self._clock.now(),
            busy=self._beside.keys,
        )

    def _ends_with(self, run: Run) -> str | None:
        """The outcome of a run that stands so, where it is at its end by itself."""
        if run.state is not RunState.RUNNING or self._beside.keys:
            return None
        move = self._next(Known(run=run, incident=self._held.incident))
        return move.outcome if isinstance(move, decision.Finish) else None

    async def _make(self, move: decision.Move) -> bool:  # noqa: C901, PLR0912 - one short case a move
        """Make the move; True when this drive is at its end."""
        match move:
            case decision.Rest() | decision.Finish() if self._beside.keys:
                await self._beside.wait(until=move.until if isinstance(move, decision.Rest) else None)
            case decision.Rest() | decision.Finish():
                return await self._held.write(self._leave)
            case decision.Drop(step=step, because=because):
                await self._held.end(step, StepState.SKIPPED, because)
            case decision.Escalate(step=step):
                await self._escalate(step)
            case decision.EscalatePhase(end=end):
                await self._escalate_phase(end)
            case decision.Choose(step=step, branch=branch):
                await self._branching.choose(step, branch)
            case decision.Decide(step=step, branch=branch):
                await self._branching.decide(step, branch)
            case decision.Compensate(step=step):
                await self._compensation.compensate(step)
            case decision.Ask(step=step) | decision.Begin(step=step) if step.parallel is not None:
                self._beside.begin(step, self._turns.take(step))
            case decision.Recover(step=step) if step.parallel is not None:
                self._beside.begin(step, self._recovery.recover(step))
            case decision.Ask(step=step) | decision.Begin(step=step):
                await self._turns.take(step)
            case decision.Recover(step=step):
                await self._recovery.recover(step)
            case _:
                assert_never(move)
        return False

    def _leave(self, connection: Connection) -> bool:
        """Let the run rest, or end it, unless something came up since it was read."""
        known = self._held.read(connection)
        match self._next(known):
            case decision.Rest(until=until):
                self._held.rest(connection, until=until)
            case decision.Finish(state=state, outcome=outcome):
                self._held.finish(connection, known.run, state, outcome)
            case _:
                self._held.heard()
                return False
        return True

    async def _escalate(self, step: StepRecord) -> None:
        """Say that nobody answered in time, and page further."""
        change = transitions.escalated(step, now=self._clock.now())
        await self._held.move(step, change, also=self._held.page_further(step))

    async def _escalate_phase(self, end: PhaseEnd) -> None:
        """Say that a phase is late, and page further."""
        late_s = max(0.0, self._clock.now() - end.due_at)
        change = transitions.phase_late(end.first, end.phase, late_s=late_s, left=end.left)
        await self._held.move(end.first, change, also=self._held.page_further(end.first))
