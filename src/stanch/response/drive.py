"""Carries one held run forward, move by move: intent written, act, outcome written.

`decision.next_move` says what; this does it. Nothing here remembers: after a crash, or on another replica, the rows
say again what is next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, assert_never

import structlog
from sqlalchemy import Connection

from stanch.incidents import lifecycle
from stanch.model.clock import Clock
from stanch.model.control import Control
from stanch.model.finding import Diagnosis
from stanch.model.incident import Incident
from stanch.model.plan import Plan
from stanch.model.problem import StanchError, Unusable
from stanch.model.risk import Risk, Trait
from stanch.model.run import Run, StepRecord, StepState
from stanch.response import branches, findings, leases, rows, slots, transitions, watching
from stanch.response.action import (
    Action,
    ActionContext,
    ActionFailed,
    Effect,
    NotApplicable,
    Outcome,
    Verified,
    is_idempotent,
)
from stanch.response.approvals import digest_of, still_valid
from stanch.response.attending import Attendant
from stanch.response.bounds import Cut, within
from stanch.response.branches import Branch
from stanch.response.controls import ControlKeeper, StepControls
from stanch.response.decision import (
    Ask,
    Begin,
    Choose,
    Compensate,
    Decide,
    Drop,
    Escalate,
    EscalatePhase,
    Finish,
    Move,
    Recover,
    Rest,
    next_move,
)
from stanch.response.execution import Execution, Executor, NotStarted, Pipeline
from stanch.response.expectation import ByEye, Met, NotMet, judged
from stanch.response.identities import Identity
from stanch.response.journal import Journal, Moved
from stanch.response.phases import PhaseEnd
from stanch.response.records import Elsewhere, Ended, Found, Lost, NeverBegun, Running
from stanch.response.redaction import Redactor
from stanch.response.reporting import StepReport
from stanch.response.settling import MOST_ATTEMPTS, Ending, Settled, Verdict, settle
from stanch.response.text_table import Rows, aligned
from stanch.response.transitions import Transition
from stanch.response.watching import Measure
from stanch.response.ways import ByHand, FillIn, Means, Way, goes_by_itself, way_of
from stanch.store.engine import Store

T = TypeVar("T")

Query = Callable[[str], Awaitable[Rows]]
"""Asks the database, read-only. Raises StanchError."""
Tell = Callable[[Connection, Incident, StepRecord, float], str]
"""Writes what a message step says to the outbox, in the step's own transaction; returns what was queued for whom."""
AskHook = Callable[[Connection, Incident, StepRecord, float], None]
"""Tells those who may approve it that a step waits for a yes, in the transaction that proposes it."""
EscalateHook = Callable[[Connection, Incident, StepRecord, float], None]
"""Pages further, in the transaction that says that a step waited too long."""

_LOOKS = 5
_NO_EFFECT = "It reported success, and had no effect:"
_ADOPTION_LOOK_S = 0.25
_SHELL = ("/bin/bash", "--noprofile", "--norc", "-c")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds. The time boxes hold where the playbook gives none; `answer_s` is how long people may take.

    `watch_s` is how long a signal may take to come back into its range; `retry_s` the first pause before an idempotent
    action is tried again, four times as long each time.
    """

    lease_s: float = 15.0
    command_s: float = 120.0
    query_s: float = 30.0
    action_s: float = 3600.0
    propose_s: float = 120.0
    undo_s: float = 600.0
    answer_s: float = 300.0
    watch_s: float = 300.0
    look_every_s: float = 1.0
    retry_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """All that runs act through. `plans` gives the plan of a hash; raises StanchError where it cannot."""

    store: Store
    clock: Clock
    plans: Callable[[str], Awaitable[Plan]]
    executor: Executor
    keeper: ControlKeeper
    redactor: Redactor
    actions: Mapping[str, Action] = field(default_factory=dict)
    query: Query | None = None
    tell: Tell | None = None
    ask: AskHook | None = None
    escalate: EscalateHook | None = None
    measure: Measure | None = None
    timing: Timing = field(default_factory=Timing)
    identity: Identity = field(default_factory=Identity)

    @property
    def means(self) -> Means:
        return Means(
            actions=self.actions,
            can_query=self.query is not None,
            can_tell=self.tell is not None,
            can_measure=self.measure is not None,
            identity=self.identity,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A run and its incident, as read in one transaction and changed by nobody but this drive since."""

    run: Run
    incident: Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What is known, and what is next."""

    run: Run
    incident: Incident
    move: Move


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """How a command or a query ended. `cut` where it was ended from here; `note` is said where it succeeded."""

    output: str | None
    fault: str | None = None
    exit_status: int | None = None
    cut: bool = False
    note: str | None = None


class Drive:
    """One run, from being taken until it rests, is over, or is lost. `stop` is set when people want it stopped."""

    def __init__(self, tools: Tools, journal: Journal) -> None:
        self._tools = tools
        self._clock = tools.clock
        self._journal = journal
        self._attendant = Attendant(tools.executor, tools.identity)
        self.stop = asyncio.Event()
        self._news = asyncio.Event()
        self._news.set()
        self._known: _Known | None = None
        self._began: dict[tuple[str, int], float] = {}
        self._beside: dict[str, asyncio.Task[None]] = {}

    @property
    def is_stale(self) -> bool:
        """Whether somebody was heard to have changed something since the rows were read."""
        return self._news.is_set()

    @is_stale.setter
    def is_stale(self, stale: bool) -> None:
        if stale:
            self._news.set()
        else:
            self._news.clear()

    async def go(self) -> None:
        """Move until there is nothing to do. Raises LeaseLost."""
        try:
            await self._go()
        finally:
            for task in self._beside.values():
                task.cancel()
            await asyncio.gather(*self._beside.values(), return_exceptions=True)

    async def _go(self) -> None:
        """The moves, one after the other; steps that the playbook puts side by side go on beside them.

        The fence lets nobody else write the run, people apart, and every write here is conditional on what they
        change; so the rows are read again only when somebody was heard to have changed something (`is_stale`).
        """
        while True:
            if self.is_stale or self._known is None:
                self.is_stale = False
                self._known = await self._journal.read(self._read)
            if self._known.run.stop_by is not None:
                self.stop.set()
            self._end_beside()
            try:
                if await self._make(self._decided(self._known)):
                    return
            except Moved:
                self.is_stale = True

    # --- what is next ---

    def _read(self, connection: Connection) -> _Known:
        run = rows.get_run(connection, self._journal.hold.run_id)
        if run.state.is_over:
            raise leases.LeaseLost(f"run {run.id} is over")
        return _Known(run=run, incident=lifecycle.get(connection, run.incident_id))

    def _decided(self, known: _Known) -> _Seen:
        run, incident = known.run, known.incident
        over = _over_already(incident)
        move = next_move(
            run,
            means=self._tools.means,
            resolved=over,
            undo=run.stop_undo,
            now=self._clock.now(),
            busy=self._beside.keys(),
        )
        return _Seen(run=run, incident=incident, move=move)

    async def _make(self, seen: _Seen) -> bool:  # noqa: C901, PLR0912 - one short case a move
        """Make the move; True when this drive is at its end."""
        match seen.move:
            case Rest() | Finish() if self._beside:
                await self._wait_beside(seen.move.until if isinstance(seen.move, Rest) else None)
            case Rest() | Finish():
                return await self._journal.write(self._leave)
            case Drop(step=step, because=because):
                await self._over(seen, step, StepState.SKIPPED, because)
            case Escalate(step=step):
                await self._escalate(seen, step)
            case EscalatePhase(end=end):
                await self._escalate_phase(seen, end)
            case Choose(step=step, branch=branch):
                await self._choose(seen, step, branch)
            case Decide(step=step, branch=branch):
                await self._decide(seen, step, branch)
            case Compensate(step=step):
                await self._compensate(seen, step)
            case Ask(step=step) | Begin(step=step) if step.parallel is not None:
                self._begin_beside(step, self._turn(seen, step))
            case Recover(step=step) if step.parallel is not None:
                self._begin_beside(step, self._recover(seen, step))
            case Ask(step=step) | Begin(step=step):
                await self._turn(seen, step)
            case Recover(step=step):
                await self._recover(seen, step)
            case _:
                assert_never(seen.move)
        return False

    # --- side by side ---

    def _begin_beside(self, step: StepRecord, doing: Coroutine[Any, Any, None]) -> None:
        """Carry a step out while the next moves are made."""
        self._beside[step.key] = asyncio.create_task(doing, name=f"stanch-step-{step.run_id}-{step.key}")

    async def _wait_beside(self, until: float | None) -> None:
        """Until a step that goes beside ends, somebody changes something, or it is `until`."""
        waiting: set[asyncio.Future[Any]] = {*self._beside.values(), asyncio.ensure_future(self._news.wait())}
        if until is not None:
            waiting.add(asyncio.ensure_future(self._clock.sleep(max(0.0, until - self._clock.now()))))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for other in waiting - set(self._beside.values()):
                other.cancel()

    def _end_beside(self) -> None:
        """Take out the steps that have ended. Raises what they raised, but for one that people were faster with."""
        for key, task in tuple(self._beside.items()):
            if not task.done():
                continue
            del self._beside[key]
            self.is_stale = True
            try:
                task.result()
            except Moved:
                continue

    def _leave(self, connection: Connection) -> bool:
        """Let the run rest, or end it, unless something came up since it was read."""
        now = self._decided(self._read(connection))
        match now.move:
            case Rest(until=until):
                leases.release(connection, self._journal.hold, wake_at=until)
            case Finish(state=state, outcome=outcome):
                self._journal.finish(connection, now.run, state, outcome)
            case _:
                self.is_stale = True
                return False
        return True

    async def _move(
        self,
        seen: _Seen,
        before: StepRecord,
        change: Transition,
        *,
        also: Callable[[Connection], None] | None = None,
    ) -> StepRecord:
        """Write a step's change and remember it."""
        written = await self._journal.move(seen.run, before, change, also=also)
        if self._known is not None:
            steps = tuple(written if step.key == written.key else step for step in self._known.run.steps)
            self._known = replace(self._known, run=replace(self._known.run, steps=steps))
        return written

    # --- a step's turn ---

    async def _turn(self, seen: _Seen, step: StepRecord, *, again: str | None = None) -> None:
        """Do the step, or ask for it: where it goes by itself, or was approved as it is now, it is done.

        `again` says why it is begun once more.
        """
        way = way_of(step, self._tools.means)
        match way:
            case ByHand(because=because):
                # A by-hand step that people have said yes to before the means went away is asked for again.
                await self._ask(seen, step, slots.for_people(step), because=because, by_hand=True)
            case FillIn(because=because, by_hand=by_hand):
                await self._ask(seen, step, replace(step, statement=None), because=because, by_hand=by_hand is not None)
            case Way.ACTION:
                await self._turn_of_action(seen, step, again=again)
            case Way.ARGV | Way.SHELL | Way.QUERY | Way.MESSAGE | Way.WATCH:
                resolved = slots.resolved(replace(step, statement=step.command))
                if way is Way.ARGV:
                    resolved = await self._attendant.prepared(resolved)
                if goes_by_itself(step, way, self._tools.means) or await self._is_allowed(seen, step, resolved):
                    await self._carry_out(seen, step, resolved, way, again=again)
            case _:
                assert_never(way)

    async def _turn_of_action(self, seen: _Seen, step: StepRecord, *, again: str | None = None) -> None:
        """Propose, and where nobody need be asked any more, do. `again` says why it is begun once more."""
        action = self._action(step)
        given = step.progress.get(transitions.GIVEN, step.parameters)
        try:
            context = await self._context(seen, replace(step, parameters=given))
            proposal = await self._within(action.propose(context), self._tools.timing.propose_s)
        except (ActionFailed, Cut, StanchError) as failed:
            await self._not_prepared(seen, step, str(failed))
            return
        except (Moved, leases.LeaseLost):
            raise
        except Exception as fault:
            log.exception("runs.propose_broke", run=step.run_id, step=step.key, action=action.name)
            await self._not_prepared(seen, step, f"`{action.name}` broke: {type(fault).__name__}: {fault}.")
            return
        if isinstance(proposal, NotApplicable):
            await self._over(seen, step, StepState.SKIPPED, proposal.because)
            return
        resolved = transitions.resolved(step, least=action.risk, proposal=proposal, given=given)
        if resolved.risk is Risk.READ_ONLY or await self._is_allowed(seen, step, resolved):
            started = await self._start(seen, step, resolved, because=again)
            await self._do(seen, action, started)

    async def _not_prepared(self, seen: _Seen, step: StepRecord, because: str) -> None:
        if not self.stop.is_set():
            await self._over(seen, step, StepState.FAILED, f"It could not be prepared: {because}")
        elif step.state is StepState.STARTED:
            await self._over(seen, step, StepState.FAILED, "The run was stopped before it was begun again.")

    async def _is_allowed(self, seen: _Seen, step: StepRecord, resolved: StepRecord) -> bool:
        """Whether what would be done now is what people said yes to; else they are asked."""
        because = None
        if step.state in {StepState.APPROVED, StepState.STARTED}:
            if self._digest(seen, resolved) != step.digest:
                because = "What it would do has changed since it was approved."
            elif not still_valid(step, self._clock.now()):
                because = "The approval is too old to act on."
            else:
                return True
        await self._ask(seen, step, resolved, because=because)
        return False

    async def _ask(
        self, seen: _Seen, step: StepRecord, resolved: StepRecord, *, because: str | None, by_hand: bool = False
    ) -> None:
        """Put the step before people. What it waits for is a yes, or by hand, that it was done."""
        if (over := _over_already(seen.incident)) is not None:
            await self._over(seen, step, StepState.SKIPPED, over)
            return
        timing = self._tools.timing
        patience = step.timebox_s if by_hand and step.timebox_s is not None else timing.answer_s
        change = transitions.proposed(
            step,
            resolved,
            digest=lambda asked: self._digest(seen, asked),
            because=because,
            by_hand=by_hand,
            due_at=self._clock.now() + patience,
        )
        hook, asked = self._tools.ask, change.after
        if hook is None or by_hand or slots.open_slots(asked):
            await self._move(seen, step, change)
            return
        await self._move(
            seen, step, change, also=lambda connection: hook(connection, seen.incident, asked, self._clock.now())
        )

    async def _start(
        self,
        seen: _Seen,
        step: StepRecord,
        resolved: StepRecord,
        *,
        because: str | None = None,
        record: str | None = None,
    ) -> StepRecord:
        """Write the intent."""
        now = self._clock.now()
        due_at = now + self._timebox(resolved)
        change = transitions.started(step, resolved, now=now, due_at=due_at, because=because, record=record)
        self._began[step.key, change.after.attempt] = self._clock.monotonic()
        return await self._move(seen, step, change)

    def _elapsed(self, step: StepRecord) -> float:
        """Seconds since this attempt began; by the wall clock only where another process began it."""
        if (began := self._began.get((step.key, step.attempt))) is not None:
            return self._clock.monotonic() - began
        return max(0.0, self._clock.now() - step.started_at) if step.started_at is not None else 0.0

    async def _over(
        self,
        seen: _Seen,
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
        """Write the outcome. One that is `late` is paged further, in the same transaction."""
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
        change = transitions.ended(
            step,
            result,
            now=self._clock.now(),
            elapsed_s=self._elapsed(step),
            digest=lambda asked: self._digest(seen, asked),
        )
        await self._move(seen, step, change, also=self._page_further(seen, step) if late else None)

    # --- commands, queries, messages ---

    async def _carry_out(
        self, seen: _Seen, step: StepRecord, resolved: StepRecord, way: Way, *, again: str | None = None
    ) -> None:
        if way is Way.MESSAGE:
            await self._say(seen, step, resolved)
            return
        if way is Way.WATCH:
            await self._watch_out(seen, await self._start(seen, step, resolved, because=again))
            return
        # What only reads is begun again after a crash; of everything else the outcome must outlive us.
        record = None if way is Way.QUERY or _begun_again(resolved, way) else self._tools.executor.record()
        started = await self._start(seen, step, resolved, because=again, record=record)
        result = await self._ask_database(started) if way is Way.QUERY else await self._execute(started, way, record)
        await self._close(seen, started, result)
        self._tools.executor.forget(record)

    async def _close(self, seen: _Seen, step: StepRecord, result: _Result) -> None:
        """Write what a command or query came to."""
        late = result.cut and not self.stop.is_set()
        if result.fault is not None and result.cut and step.risk is not Risk.READ_ONLY:
            await self._close_unseen(seen, step, result, late=late)
        elif result.fault is not None:
            await self._over(
                seen,
                step,
                StepState.FAILED,
                result.fault,
                output=result.output,
                exit_status=result.exit_status,
                late=late,
            )
        else:
            await self._prove(seen, step, result)

    async def _close_unseen(self, seen: _Seen, step: StepRecord, result: _Result, *, late: bool) -> None:
        """Of a command that was cut, its look tells what came; without one nobody knows."""
        verified = await self._attendant.proved(step)
        if verified.effect is Effect.CANNOT_TELL:
            because = f"{result.fault} Whether it took effect is not known."
            await self._over(seen, step, StepState.UNKNOWN, because, output=result.output, late=late)
            return
        why = result.fault or ""
        settled = settle(Ending.CUT, verified, risk=step.risk, attempt=step.attempt, why=why)
        states = {Verdict.DONE: StepState.DONE, Verdict.FAILED: StepState.FAILED}
        state = states.get(settled.verdict, StepState.UNKNOWN)
        proof = verified.because if state is StepState.DONE else None
        await self._over(seen, step, state, settled.because, output=result.output, verified=proof, late=late)

    async def _prove(self, seen: _Seen, step: StepRecord, result: _Result) -> None:
        """Verify a command that ended well, and write what it came to. What changes something is not done before."""
        changes = step.risk is not Risk.READ_ONLY
        found = self._attendant.companions(step)
        checked = step.expects is not None or (found is not None and (found.proof or found.settled))
        if changes and checked and transitions.RAN not in step.progress:
            # Its outcome is seen: from here on a crash leads to its verification, never to its being run again.
            progress = {**transitions.kept(step.progress), transitions.RAN: result.exit_status}
            await self._journal.progress(seen.run, step, progress)
            if result.output is not None:
                await self._journal.show(step, result.output)
            step = replace(step, progress=progress, output=result.output)
        try:
            proof, fault, state = await self._within(self._proof(seen, step, result), None)
        except Cut:
            proof, fault, state = [], "The run was stopped before it was verified.", StepState.FAILED
        await self._over(
            seen,
            step,
            state,
            result.note if fault is None else fault,
            output=result.output,
            exit_status=result.exit_status,
            verified=" ".join(proof) if proof and state is StepState.DONE else None,
            acted=changes and state is StepState.FAILED and not (fault or "").startswith(_NO_EFFECT),
        )

    async def _proof(self, seen: _Seen, step: StepRecord, result: _Result) -> tuple[list[str], str | None, StepState]:
        """What proves it, else why it is not proved, and the state that follows."""
        proof: list[str] = []
        changes = step.risk is not Risk.READ_ONLY
        if changes:
            verified = await self._attendant.proved(step)
            if verified.effect is Effect.NO_EFFECT:
                return proof, f"{_NO_EFFECT} {verified.because}", StepState.FAILED
            if verified.effect is Effect.TOOK_EFFECT:
                proof.append(verified.because)
            followed = await self._attendant.settled(step, within_s=self._timebox(step))
            if followed is not None and followed.unseen:
                proof.append(f"Whether what it began has ended could not be looked at: {followed.fault}")
            elif followed is not None and followed.fault is not None:
                return (
                    proof,
                    f"It was carried out, and what it began has not ended well: {followed.fault}",
                    (StepState.FAILED),
                )
            elif followed is not None:
                proof.append(followed.output.splitlines()[-1] if followed.output else "What it began has ended.")
        because, state = await self._as_expected(seen, step, result.output or "")
        if because is not None and state is StepState.DONE and changes:
            return [*proof, because], None, state
        return proof, because, state

    async def _as_expected(self, seen: _Seen, step: StepRecord, output: str) -> tuple[str | None, StepState]:
        """Compare with what the playbook expects: what is to be said of it, and the state that follows."""
        if step.expects is None:
            return None, StepState.DONE
        if transitions.WATCHES in step.progress and self._tools.measure is not None:
            watched = await self._watch(seen, step)
            return watched.text, StepState.DONE if watched.holds else StepState.FAILED
        match judged(step.expects, output):
            case Met(because=because):
                return (None if step.risk is Risk.READ_ONLY else because), StepState.DONE
            case NotMet(because=because):
                return because, StepState.FAILED
            case ByEye(because=because) if step.risk is Risk.READ_ONLY:
                return because, StepState.DONE
            case ByEye(because=because):
                return f"It ended well. {because} Then say that it is done, or do it again.", StepState.UNKNOWN

    # --- signals ---

    async def _watch_out(self, seen: _Seen, step: StepRecord) -> None:
        """A step that is done when a signal is as it says. Without data it is a person's."""
        try:
            looked = await self._within(self._watch(seen, step), None)
        except Cut as cut:
            await self._over(seen, step, StepState.FAILED, str(cut))
            return
        if looked.holds is None:
            await self._ask(seen, step, step, because=f"{looked.text} Look yourself.", by_hand=True)
        elif looked.holds:
            await self._over(seen, step, StepState.DONE, output=looked.text, verified=looked.text)
        else:
            await self._over(seen, step, StepState.FAILED, looked.text, late=True)

    async def _watch(self, seen: _Seen, step: StepRecord) -> watching.Seen:
        """Look at a signal until it has been as the step says for as long as it says, or the time box is over."""
        assert self._tools.measure is not None
        rule = watching.of_document(step.progress[transitions.WATCHES])
        hold, report = watching.holding_s(rule), StepReport(self._journal, seen.run, step)
        until = self._clock.monotonic() + self._watch_s(step, hold)
        since: float | None = None
        while True:
            looked, now = watching.look(rule, self._tools.measure), self._clock.monotonic()
            since = None if not looked.holds else now if since is None else since
            if since is not None and now - since >= hold:
                return looked
            if now >= until:
                return looked if looked.holds is None else replace(looked, holds=False)
            await report(looked.text, now - since if since is not None and hold else None, hold or None)
            await self._clock.sleep(self._tools.timing.look_every_s)

    def _watch_s(self, step: StepRecord, hold: float) -> float:
        box = step.timebox_s if step.timebox_s is not None else self._tools.timing.watch_s
        return max(box, hold + 10 * self._tools.timing.look_every_s)

    # --- branches ---

    async def _choose(self, seen: _Seen, step: StepRecord, branch: Branch) -> None:
        """Ask people which way it goes."""
        change = transitions.asked_to_choose(
            step,
            branches.choice_of(seen.run.steps, branch),
            digest=lambda asked: self._digest(seen, asked),
            because=None,
            due_at=self._clock.now() + self._tools.timing.answer_s,
        )
        await self._move(seen, step, change)

    async def _decide(self, seen: _Seen, step: StepRecord, branch: Branch) -> None:
        """Go by what is measured; without data, people are asked."""
        assert self._tools.measure is not None
        looked = watching.look(watching.of_document(step.progress[transitions.WHEN]), self._tools.measure)
        if looked.holds is None:
            await self._choose(seen, step, branch)
            return
        mine = [each for each in seen.run.steps if each.key in branch.keys and not each.state.is_over]
        because = f"'{branch.condition}' {'holds' if looked.holds else 'does not hold'}: {looked.text}"
        changes = [
            transitions.decided(each, because)
            if looked.holds
            else transitions.ended(
                each,
                transitions.Result(state=StepState.SKIPPED, because=because),
                now=self._clock.now(),
                elapsed_s=0.0,
                digest=lambda asked: self._digest(seen, asked),
            )
            for each in mine
        ]
        at = next(index for index, each in enumerate(mine) if each.key == step.key)

        def also(connection: Connection) -> None:
            for each, change in zip(mine, changes, strict=True):
                if each.key != step.key:
                    rows.update_step(connection, each, change.after)

        events = tuple(event for change in changes for event in change.events)
        told = events if not looked.holds else changes[at].events
        await self._move(seen, step, Transition(after=changes[at].after, events=told), also=also)
        self.is_stale = True

    async def _execute(self, step: StepRecord, way: Way, record: str | None) -> _Result:
        pipeline: Pipeline | None = step.pipeline
        if way is Way.SHELL:
            assert step.command is not None
            pipeline = ((*_SHELL, step.command),)
        assert pipeline is not None
        variables: dict[str, str] = {}
        if goes_by_itself(step, way, self._tools.means):
            pipeline, variables = self._tools.identity.taken_by(pipeline)
        timebox_s = self._timebox(step)
        act = self._tools.executor.run(
            pipeline,
            variables=variables,
            secrets=slots.secret_values(step),
            step=f"{step.run_id}/{step.key}",
            timebox_s=timebox_s,
            endless=Trait.ENDLESS in step.traits,
            harmless=step.risk is Risk.READ_ONLY,
            record=record,
            show=lambda output: self._journal.show(step, output),
        )
        try:
            done: Execution = await self._within(act, None)
        except NotStarted as not_started:
            return _Result(output=None, fault=str(not_started))
        except Cut as cut:
            return _Result(output=None, fault=str(cut), cut=True)
        return _of_execution(done)

    async def _ask_database(self, step: StepRecord) -> _Result:
        assert self._tools.query is not None
        statement = step.statement or step.command
        assert statement is not None
        try:
            answer = await self._within(_awaited(self._tools.query(statement)), self._timebox(step))
        except StanchError as refused:
            return _Result(output=None, fault=self._tools.redactor(f"{refused.message} {refused.hint}".strip()))
        except Cut as cut:
            return _Result(output=None, fault=str(cut))
        return _Result(output=self._tools.redactor(aligned(answer)))

    async def _say(self, seen: _Seen, step: StepRecord, resolved: StepRecord) -> None:
        """Queue what is to be said, in one transaction with the step: said once, whatever happens."""
        tell = self._tools.tell
        assert tell is not None
        change = transitions.said(step, resolved, now=self._clock.now())

        def queue(connection: Connection) -> None:
            output = tell(connection, seen.incident, resolved, self._clock.now())
            rows.update_step(connection, change.after, replace(change.after, output=output))

        await self._move(seen, step, change, also=queue)

    # --- actions ---

    async def _do(self, seen: _Seen, action: Action, step: StepRecord) -> None:
        """Do what was proposed, and settle what came of it."""
        outcome: Outcome | None = None
        ending, why = Ending.RETURNED, ""
        try:
            context = await self._context(seen, step)
            outcome = await self._within(action.do(context), self._timebox(step))
        except ActionFailed as failed:
            ending, why = Ending.FAILED, failed.because
        except StanchError as failed:
            ending, why = Ending.FAILED, f"{failed.message} {failed.hint}".strip()
        except Cut as cut:
            ending, why = Ending.CUT, str(cut)
        except (Moved, leases.LeaseLost):
            raise
        except Exception as fault:
            log.exception("runs.action_broke", run=step.run_id, step=step.key, action=action.name)
            ending, why = Ending.FAILED, f"`{action.name}` broke: {type(fault).__name__}: {fault}."
        if (
            ending is Ending.FAILED
            and is_idempotent(action)
            and step.attempt < MOST_ATTEMPTS
            and not self.stop.is_set()
        ):
            pause = self._tools.timing.retry_s * 4 ** (step.attempt - 1)
            await self._move(seen, step, transitions.retried(step, why, at=self._clock.now() + pause))
            return
        if step.risk is Risk.READ_ONLY:
            if outcome is None:
                late = ending is Ending.CUT and not self.stop.is_set()
                await self._over(seen, step, StepState.FAILED, why, late=late)
            else:
                text = self._tools.redactor(outcome.text)
                await self._over(seen, step, StepState.DONE, output=text, data=outcome.data)
            return
        await self._settle(seen, action, step, ending=ending, why=why, outcome=outcome)

    async def _settle(
        self,
        seen: _Seen,
        action: Action,
        step: StepRecord,
        *,
        ending: Ending,
        why: str = "",
        outcome: Outcome | None = None,
    ) -> None:
        """Ask the outside world what the act did, for as long as it is still doing it, and conclude."""
        try:
            context = await self._context(seen, step)
        except Unusable:
            raise
        except StanchError as failed:
            await self._over(seen, step, StepState.UNKNOWN, f"It cannot be looked at: {failed.message} {failed.hint}")
            return
        until = self._clock.monotonic() + self._timebox(step)
        report = context.report
        while True:
            verified = await self._verify(action, context)
            settled = settle(ending, verified, risk=step.risk, attempt=step.attempt, why=why)
            if settled.verdict is not Verdict.WATCH:
                break
            if self.stop.is_set():
                verdict = Verdict.UNKNOWN if step.risk is Risk.DESTRUCTIVE else Verdict.UNDO_AND_FAIL
                settled = replace(settled, verdict=verdict, because=f"The run was stopped. {verified.because}")
                break
            if self._clock.monotonic() >= until:
                settled = replace(
                    settled, verdict=Verdict.UNKNOWN, because=f"It goes on beyond its time box: {verified.because}"
                )
                break
            await report(verified.because, verified.done, verified.total)
            await self._pause(verified.again_s)
        await self._conclude(seen, action, step, settled=settled, verified=verified, ending=ending, outcome=outcome)

    async def _conclude(
        self,
        seen: _Seen,
        action: Action,
        step: StepRecord,
        *,
        settled: Settled,
        verified: Verified,
        ending: Ending,
        outcome: Outcome | None,
    ) -> None:
        because = settled.because
        match settled.verdict:
            case Verdict.DONE:
                restart = " (verified after a restart)" if ending is Ending.UNSEEN else ""
                sure = verified.effect is Effect.TOOK_EFFECT
                text = self._tools.redactor(outcome.text if outcome is not None else verified.because)
                await self._over(
                    seen,
                    step,
                    StepState.DONE,
                    None if sure and ending is Ending.RETURNED else f"{because}{restart}" if sure else because,
                    output=text,
                    verified=f"{verified.because}{restart}" if sure else None,
                    data=None if outcome is None else outcome.data,
                )
            case Verdict.FAILED:
                await self._over(seen, step, StepState.FAILED, because)
            case Verdict.UNKNOWN:
                await self._over(seen, step, StepState.UNKNOWN, because)
            case Verdict.AGAIN if self.stop.is_set():
                await self._over(seen, step, StepState.FAILED, f"The run was stopped. {because}")
            case Verdict.AGAIN:
                await self._turn_of_action(seen, step, again=f"Attempt {step.attempt} was cut short: {because}")
            case Verdict.UNDO_AND_FAIL:
                await self._undo_partial(seen, action, step, because)
            case Verdict.UNDO_AND_ASK:
                await self._undo_and_ask(seen, action, step, because)
            case Verdict.WATCH:
                raise AssertionError(settled)
            case _:
                assert_never(settled.verdict)

    async def _undo_partial(self, seen: _Seen, action: Action, step: StepRecord, because: str) -> None:
        failed = await self._undo(seen, action, step)
        if failed is None:
            await self._over(seen, step, StepState.FAILED, f"{because} What it had done was undone.")
        else:
            await self._over(seen, step, StepState.UNKNOWN, f"{because} Undoing it failed as well: {failed}")

    async def _undo_and_ask(self, seen: _Seen, action: Action, step: StepRecord, because: str) -> None:
        failed = await self._undo(seen, action, step)
        if failed is not None:
            await self._over(seen, step, StepState.UNKNOWN, f"{because} Undoing it failed as well: {failed}")
            return
        await self._move(seen, step, transitions.put_back(step, f"{because} What it had done was undone."))

    async def _undo(self, seen: _Seen, action: Action, step: StepRecord) -> str | None:
        """Put back what the step did; why that failed, where it did."""
        try:
            context = await self._context(seen, step)
            # A stop must not cut the undoing that it asks for.
            await self._within(action.undo(context), self._tools.timing.undo_s, heed_stop=False)
        except ActionFailed as failed:
            return failed.because
        except StanchError as failed:
            return f"{failed.message} {failed.hint}".strip()
        except Cut as cut:
            return str(cut)
        except (Moved, leases.LeaseLost):
            raise
        except Exception as fault:
            log.exception("runs.undo_broke", run=step.run_id, step=step.key, action=action.name)
            return f"`{action.name}` broke while undoing: {type(fault).__name__}: {fault}."
        return None

    async def _verify(self, action: Action, context: ActionContext) -> Verified:
        """Look, and look again where it cannot be looked at now."""
        pause, last = 1.0, ""
        for look in range(_LOOKS):
            try:
                return await self._within(action.verify(context), self._tools.timing.propose_s, heed_stop=False)
            except (ActionFailed, StanchError, Cut) as failed:
                last = str(failed)
            except (Moved, leases.LeaseLost):
                raise
            except Exception as fault:
                log.exception("runs.verify_broke", run=context.run_id, step=context.step.key, action=action.name)
                last = f"{type(fault).__name__}: {fault}"
            if look < _LOOKS - 1:
                await self._clock.sleep(pause)
                pause *= 2
        return Verified(effect=Effect.CANNOT_TELL, because=f"It could not be looked at: {last}")

    # --- recovery, escalation, compensation ---

    async def _recover(self, seen: _Seen, step: StepRecord) -> None:
        """Deal with a step that somebody started who is gone."""
        way = way_of(step, self._tools.means)
        gone = f"Stanch ended while attempt {step.attempt} ran."
        if _begun_again(step, way):
            if way is Way.ARGV:  # an action and a query leave no process behind, and the look for one is not free
                self._tools.executor.end_left_over(f"{step.run_id}/{step.key}")
            if seen.run.stop_by is not None:
                await self._over(seen, step, StepState.FAILED, f"{gone} The run was stopped.")
            elif step.attempt >= MOST_ATTEMPTS:
                await self._over(seen, step, StepState.FAILED, f"{gone} It is not begun a {step.attempt + 1}th time.")
            elif way is Way.ACTION:
                await self._turn_of_action(seen, step, again=gone)
            elif isinstance(way, ByHand | FillIn):
                await self._ask(seen, step, slots.for_people(step), because=way.because, by_hand=True)
            else:
                await self._carry_out(seen, step, step, way, again=gone)
            return
        if way is Way.ACTION:
            await self._settle(seen, self._action(step), step, ending=Ending.UNSEEN)
            return
        if transitions.RAN in step.progress:
            result = _Result(output=step.output, exit_status=step.progress[transitions.RAN])
            await self._prove(seen, step, result)
            return
        await self._adopt(seen, step, way, gone)

    async def _adopt(self, seen: _Seen, step: StepRecord, way: Way | ByHand | FillIn, gone: str) -> None:
        """Take up a command that an earlier Stanch had run, by what its supervisor says of it."""
        found, ended_here = await self._await_supervisor(seen, step)
        match found:
            case Ended(outcome=outcome):
                if isinstance(outcome, NotStarted):
                    result = _Result(output=None, fault=str(outcome))
                else:
                    result = _of_execution(outcome)
                if ended_here:
                    result = replace(result, fault=f"The run was stopped. {result.fault or ''}".strip(), cut=True)
                note = "It ended while Stanch was away; its supervisor saw it through."
                await self._close(seen, step, replace(result, note=note))
                self._tools.executor.forget(step.progress.get(transitions.RECORD))
            case NeverBegun():
                await self._begin_after_all(seen, step, way, gone)
            case Lost() | Elsewhere() | Running():
                await self._watch_left_over(seen, step)
                if way is Way.ARGV and await self._settled_by_a_look(seen, step):
                    return
                because = (
                    f"{gone} Nobody saw its outcome. Look at what it left behind, then say that it is done, or do it "
                    "again."
                )
                await self._over(seen, step, StepState.UNKNOWN, because)
            case _:
                assert_never(found)

    async def _await_supervisor(self, seen: _Seen, step: StepRecord) -> tuple[Found, bool]:
        """What became of its command, once its supervisor is done with it; whether it was ended from here."""
        name = f"{step.run_id}/{step.key}"
        ended_here = False
        while isinstance(found := self._tools.executor.find(step.progress.get(transitions.RECORD)), Running):
            if self.stop.is_set() and not ended_here:
                ended_here = self._tools.executor.end_left_over(name) > 0
            text = "It still runs from before the restart; its supervisor holds it to its time box."
            await self._journal.progress(seen.run, step, {**transitions.kept(step.progress), "text": text})
            await (self._clock.sleep(_ADOPTION_LOOK_S) if self.stop.is_set() else self._pause(_ADOPTION_LOOK_S))
        return found, ended_here

    async def _begin_after_all(self, seen: _Seen, step: StepRecord, way: Way | ByHand | FillIn, gone: str) -> None:
        """Of what was to be done nothing was begun: it is done now, where it still may be."""
        because = f"{gone} Nothing of it had been begun."
        if seen.run.stop_by is not None:
            await self._over(seen, step, StepState.FAILED, f"{because} The run was stopped.")
        elif step.attempt >= MOST_ATTEMPTS:
            await self._over(seen, step, StepState.FAILED, f"{because} It is not begun a {step.attempt + 1}th time.")
        elif isinstance(way, ByHand | FillIn):
            await self._ask(seen, step, slots.for_people(step), because=way.because, by_hand=True)
        else:
            resolved = slots.resolved(replace(step, statement=step.command))
            if await self._is_allowed(seen, step, resolved):
                await self._carry_out(seen, step, resolved, way, again=because)

    async def _settled_by_a_look(self, seen: _Seen, step: StepRecord) -> bool:
        """Where a look tells whether a command took effect whose outcome nobody saw, go on from there."""
        verified = await self._attendant.proved(step)
        settled = settle(Ending.UNSEEN, verified, risk=step.risk, attempt=step.attempt)
        match settled.verdict:
            case Verdict.DONE if verified.effect is Effect.TOOK_EFFECT:
                await self._prove(seen, step, _Result(output=step.output))
            case Verdict.AGAIN if self.stop.is_set():
                await self._over(seen, step, StepState.FAILED, f"The run was stopped. {settled.because}")
            case Verdict.AGAIN:
                await self._turn(seen, step, again=f"Attempt {step.attempt} was cut short: {settled.because}")
            case _:
                return False
        return True

    async def _watch_left_over(self, seen: _Seen, step: StepRecord) -> None:
        """Where the command outlived its supervisor too, wait for its end; its output and exit status went unseen."""
        name = f"{step.run_id}/{step.key}"
        until = self._clock.monotonic() + self._timebox(step)
        while left := self._tools.executor.left_over(name):
            if self._clock.monotonic() >= until or self.stop.is_set():
                self._tools.executor.end_left_over(name)
                return
            text = f"It still runs from before the restart (process {', '.join(map(str, left))})."
            await self._journal.progress(seen.run, step, {**transitions.kept(step.progress), "text": text})
            await self._pause(1.0)

    async def _escalate(self, seen: _Seen, step: StepRecord) -> None:
        """Say that nobody answered in time, and page further."""
        change = transitions.escalated(step, now=self._clock.now())
        await self._move(seen, step, change, also=self._page_further(seen, step))

    async def _escalate_phase(self, seen: _Seen, end: PhaseEnd) -> None:
        """Say that a phase is late, and page further."""
        late_s = max(0.0, self._clock.now() - end.due_at)
        change = transitions.phase_late(end.first, end.phase, late_s=late_s, left=end.left)
        await self._move(seen, end.first, change, also=self._page_further(seen, end.first))

    def _page_further(self, seen: _Seen, step: StepRecord) -> Callable[[Connection], None]:
        hook, now = self._tools.escalate, self._clock.now()

        def page(connection: Connection) -> None:
            if hook is not None:
                hook(connection, seen.incident, step, now)

        return page

    async def _compensate(self, seen: _Seen, step: StepRecord) -> None:
        """Put back one step that was done: intent, act, outcome. Begun before a crash, it is looked at first."""
        is_back = False
        if transitions.UNDOING not in step.progress:
            present = await self._attendant.present(step) if step.action is None else None
            step = await self._move(seen, step, transitions.undoing(step, present))
        elif step.action is None:
            is_back = await self._attendant.is_back(step, step.progress[transitions.UNDOING])
        failed = None if is_back else await self._put_back(seen, step)
        if failed is None:
            because = f"The run was stopped by {seen.run.stop_by}: {seen.run.stop_because}"
            await self._move(seen, step, transitions.undone(step, because))
        else:
            change = transitions.not_undone(step, f"It could not be undone: {failed}")
            await self._move(seen, step, change, also=self._page_further(seen, step))

    async def _put_back(self, seen: _Seen, step: StepRecord) -> str | None:
        """Undo what a step did; why that failed, where it did."""
        if step.action is None:
            self._tools.executor.end_left_over(f"{step.run_id}/{step.key}/undo")
            return await self._attendant.undo(step, within_s=self._tools.timing.undo_s)
        action = self._tools.actions.get(step.action)
        if action is None:
            return f"No action `{step.action}` is configured here."
        return await self._undo(seen, action, step)

    # --- what steps act with ---

    def _action(self, step: StepRecord) -> Action:
        assert step.action is not None
        return self._tools.actions[step.action]

    def _timebox(self, step: StepRecord) -> float:
        timing = self._tools.timing
        if step.timebox_s is not None:
            return step.timebox_s
        if step.command is not None:
            return timing.query_s if step.language == "sql" else timing.command_s
        return timing.action_s

    def _digest(self, seen: _Seen, step: StepRecord) -> str:
        return digest_of(step, plan_hash=seen.run.plan_hash, environment=self._tools.executor.environment_names)

    async def _context(self, seen: _Seen, step: StepRecord) -> ActionContext:
        """What an action may know now."""
        incident = seen.incident
        return ActionContext(
            incident=incident,
            plan=await self._tools.plans(seen.run.plan_hash),
            run_id=step.run_id,
            step=step,
            parameters=step.parameters,
            clock=self._clock,
            findings=findings.read_back(incident.findings),
            report=StepReport(self._journal, seen.run, step),
            record_finding=lambda diagnosis: self._record(seen, step, diagnosis),
            controls=StepControls(
                keeper=self._tools.keeper,
                store=self._tools.store,
                clock=self._clock,
                write=self._write_control,
                incident_id=seen.run.incident_id,
                run_id=step.run_id,
                step_key=step.key,
                action=step.action or "",
                owner=step.owner or "stanch",
            ),
        )

    async def _write_control(self, unit: Callable[[Connection], Control]) -> Control:
        return await self._journal.write(unit)

    async def _record(self, seen: _Seen, step: StepRecord, diagnosis: Diagnosis) -> None:
        wanted = [{"run": step.run_id, "step": step.key, **data} for data in findings.event_data(diagnosis)]

        def unit(connection: Connection) -> None:
            findings.record(connection, seen.run.incident_id, wanted, now=self._clock.now())

        await self._journal.write(unit)
        self.is_stale = True  # the steps after this one are given what was found

    async def _pause(self, seconds: float) -> None:
        """Sleep, or wake early for a stop."""
        try:
            await self._within(self._clock.sleep(seconds), None)
        except Cut:
            return

    async def _within(self, act: Coroutine[Any, Any, T], seconds: float | None, *, heed_stop: bool = True) -> T:
        """The value of `act`. Raises Cut where its time ran out or the run is stopped, once it has ended."""
        stop = self.stop if heed_stop else None
        return await within(act, clock=self._clock, seconds=seconds, stop=stop)


def _begun_again(step: StepRecord, way: Way | ByHand | FillIn) -> bool:
    """Whether the step only reads, so that after a crash it is simply begun again."""
    return step.risk is Risk.READ_ONLY and way is not Way.SHELL


def _of_execution(done: Execution) -> _Result:
    return _Result(output=done.output, fault=done.fault, exit_status=done.exit_status, cut=done.ended is not None)


def _over_already(incident: Incident) -> str | None:
    """Why nothing needs to be asked any more, where that is so."""
    return f"Incident {incident.id} was resolved before it was answered." if incident.status.is_over else None


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable
