"""Takes an action through its contract: propose, do, verify, and undo where half of it was done."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar, assert_never

import structlog
from sqlalchemy import Connection

from stanch.model.control import Control
from stanch.model.finding import Diagnosis
from stanch.model.problem import StanchError, Unusable
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import StepRecord, StepState
from stanch.response import findings, slots, transitions
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
from stanch.response.asking import Asking
from stanch.response.bounds import Cut
from stanch.response.controls import StepControls
from stanch.response.held import HeldRun
from stanch.response.journal import Moved
from stanch.response.leases import LeaseLost
from stanch.response.settling import MOST_ATTEMPTS, Ending, Settled, Verdict, settle
from stanch.response.tools import Tools

_LOOKS = 5

T = TypeVar("T")

log = structlog.get_logger(__name__)


@record
class _Fault:
    """Why a part of the contract did not succeed. `ending` is how it ended, as seen from here; `for_good` where the
    same again would fail again.
    """

    because: str
    ending: Ending = Ending.FAILED
    for_good: bool = False


class Acting:
    """The actions of one run. An action that fails in a way it should not is one that failed."""

    def __init__(self, held: HeldRun, tools: Tools, *, asking: Asking) -> None:
        self._held = held
        self._tools = tools
        self._clock = tools.clock
        self._asking = asking

    def of(self, step: StepRecord) -> Action | None:
        """The action that the step names, where it is configured here."""
        return None if step.action is None else self._tools.actions.get(step.action)

    # --- propose ---

    async def carry_out(self, step: StepRecord, *, again: str | None = None) -> None:
        """Propose, and where nobody need be asked any more, do. `again` says why it is begun once more."""
        action = self._configured(step)
        given = step.progress.get(transitions.GIVEN, step.parameters)
        as_given = replace(step, parameters=slots.put_into(given, step))
        proposal = await self._call(action.propose, action, as_given, seconds=self._tools.timing.propose_s)
        if isinstance(proposal, _Fault):
            await self._not_prepared(step, proposal.because)
            return
        if isinstance(proposal, NotApplicable):
            await self._held.end(step, StepState.SKIPPED, proposal.because)
            return
        resolved = transitions.resolved(step, least=action.risk, proposal=proposal, given=given)
        if resolved.risk is Risk.READ_ONLY or await self._asking.is_allowed(step, resolved):
            started = await self._held.start(step, resolved, because=again)
            await self._do(action, started)

    async def _not_prepared(self, step: StepRecord, because: str) -> None:
        if not self._held.stop.is_set():
            await self._held.end(step, StepState.FAILED, f"It could not be prepared: {because}")
        elif step.state is StepState.STARTED:
            await self._held.end(step, StepState.FAILED, "The run was stopped before it was begun again.")

    # --- do, and what came of it ---

    async def _do(self, action: Action, step: StepRecord) -> None:
        """Do what was proposed, and settle what came of it."""
        self._held.must_hold()
        done = await self._call(action.do, action, step, seconds=self._tools.timing.limit_s(step))
        fault, outcome = (done, None) if isinstance(done, _Fault) else (None, done)
        if fault is not None and self._may_be_retried(action, step, fault):
            pause = self._tools.timing.retry_s * 4 ** (step.attempt - 1)
            await self._held.move(step, transitions.retried(step, fault.because, at=self._clock.now() + pause))
        elif step.risk is not Risk.READ_ONLY:
            ending, why = (Ending.RETURNED, "") if fault is None else (fault.ending, fault.because)
            await self._settle(action, step, ending=ending, why=why, outcome=outcome)
        elif outcome is not None:
            text = self._tools.redactor(outcome.text)
            await self._held.end(step, StepState.DONE, output=text, data=outcome.data)
        elif fault is not None:
            late = fault.ending is Ending.CUT and not self._held.stop.is_set()
            await self._held.end(step, StepState.FAILED, fault.because, late=late)

    def _may_be_retried(self, action: Action, step: StepRecord, fault: _Fault) -> bool:
        tries_left = step.attempt < MOST_ATTEMPTS and not self._held.stop.is_set()
        may_help = fault.ending is Ending.FAILED and not fault.for_good
        return may_help and is_idempotent(action) and tries_left

    async def settle_unseen(self, step: StepRecord) -> None:
        """Conclude about an act that was begun by a Stanch that is gone."""
        await self._settle(self._configured(step), step, ending=Ending.UNSEEN)

    async def _settle(
        self, action: Action, step: StepRecord, *, ending: Ending, why: str = "", outcome: Outcome | None = None
    ) -> None:
        """Ask the outside world what the act did, for as long as it is still doing it, and conclude."""
        try:
            context = await self._context(step)
        except Unusable:
            raise
        except StanchError as failed:
            because = f"It cannot be looked at: {failed.message} {failed.hint}"
            await self._held.end(step, StepState.UNKNOWN, because)
            return
        until = self._clock.monotonic() + self._tools.timing.limit_s(step)
        while True:
            verified = await self._verify(action, context)
            settled = settle(ending, verified, risk=step.risk, attempt=step.attempt, why=why)
            if settled.verdict is not Verdict.WATCH:
                break
            if self._held.stop.is_set():
                verdict = Verdict.UNKNOWN if step.risk is Risk.DESTRUCTIVE else Verdict.UNDO_AND_FAIL
                settled = Settled(verdict=verdict, because=f"The run was stopped. {verified.because}")
                break
            if self._clock.monotonic() >= until:
                because = f"It goes on beyond its time box: {verified.because}"
                settled = Settled(verdict=Verdict.UNKNOWN, because=because)
                break
            await context.report(verified.because, verified.done, verified.total)
            await self._held.pause(verified.again_s)
        await self._conclude(action, step, settled=settled, verified=verified, ending=ending, outcome=outcome)

    async def _verify(self, action: Action, context: ActionContext) -> Verified:
        """Look, and look again where it cannot be looked at now. A stop does not end a look."""
        pause, last = 1.0, ""
        for look in range(_LOOKS):
            seen = await self._call(
                action.verify,
                action,
                context.step,
                context=context,
                seconds=self._tools.timing.propose_s,
                heed_stop=False,
            )
            if not isinstance(seen, _Fault):
                return seen
            last = seen.because
            if look < _LOOKS - 1:
                await self._clock.sleep(pause)
                pause *= 2
        return Verified(effect=Effect.CANNOT_TELL, because=f"It could not be looked at: {last}")

    async def _conclude(
        self,
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
                await self._held.end(
                    step,
                    StepState.DONE,
                    None if sure and ending is Ending.RETURNED else f"{because}{restart}" if sure else because,
                    output=text,
                    verified=f"{verified.because}{restart}" if sure else None,
                    data=None if outcome is None else outcome.data,
                )
            case Verdict.FAILED:
                await self._held.end(step, StepState.FAILED, because)
            case Verdict.UNKNOWN:
                await self._held.end(step, StepState.UNKNOWN, because)
            case Verdict.AGAIN if self._held.stop.is_set():
                await self._held.end(step, StepState.FAILED, f"The run was stopped. {because}")
            case Verdict.AGAIN:
                await self.carry_out(step, again=f"Attempt {step.attempt} was cut short: {because}")
            case Verdict.UNDO_AND_FAIL | Verdict.UNDO_AND_ASK:
                await self._undo_half(action, step, because, ask_again=settled.verdict is Verdict.UNDO_AND_ASK)
            case Verdict.WATCH:
                raise AssertionError(settled)
            case _:
                assert_never(settled.verdict)

    # --- undo ---

    async def _undo_half(self, action: Action, step: StepRecord, because: str, *, ask_again: bool) -> None:
        """Put back what was half done; then people are asked anew, or it has failed."""
        failed = await self.undo(action, step)
        undone = f"{because} What it had done was undone."
        if failed is not None:
            await self._held.end(step, StepState.UNKNOWN, f"{because} Undoing it failed as well: {failed}")
        elif ask_again:
            await self._held.move(step, transitions.put_back(step, undone))
        else:
            await self._held.end(step, StepState.FAILED, undone)

    async def undo(self, action: Action, step: StepRecord) -> str | None:
        """Put back what the step did; why that failed, where it did. A stop does not cut the undoing it asks for."""
        seconds = self._tools.timing.undo_s
        undone = await self._call(action.undo, action, step, seconds=seconds, heed_stop=False)
        return undone.because if isinstance(undone, _Fault) else None

    # --- what actions are given ---

    def _configured(self, step: StepRecord) -> Action:
        action = self.of(step)
        assert action is not None, "`way_of` says that it is"
        return action

    async def _call(
        self,
        part: Callable[[ActionContext], Awaitable[T]],
        action: Action,
        step: StepRecord,
        *,
        seconds: float,
        heed_stop: bool = True,
        context: ActionContext | None = None,
    ) -> T | _Fault:
        """What a part of an action's contract returns; why it does not, of whatever kind the fault is."""
        try:
            given = context if context is not None else await self._context(step)
            return await self._held.within(part(given), seconds, heed_stop=heed_stop)
        except ActionFailed as failed:
            return _Fault(because=failed.because, for_good=failed.for_good)
        except StanchError as failed:
            # What is refused is refused again; what is away may come back.
            because = f"{failed.message} {failed.hint}".strip()
            return _Fault(because=because, for_good=not isinstance(failed, Unusable))
        except Cut as cut:
            return _Fault(because=str(cut), ending=Ending.CUT)
        except (Moved, LeaseLost):
            raise
        except Exception as fault:
            log.exception("runs.action_broke", run=step.run_id, step=step.key, action=action.name)
            return _Fault(because=f"`{action.name}` broke: {type(fault).__name__}: {fault}.")

    async def _context(self, step: StepRecord) -> ActionContext:
        """What an action may know now."""
        run, incident = self._held.run, self._held.incident
        return ActionContext(
            incident=incident,
            plan=await self._tools.plans(run.plan_hash),
            run_id=step.run_id,
            step=step,
            parameters=step.parameters,
            clock=self._clock,
            findings=findings.read_back(incident.findings),
            report=self._held.report(step),
            record_finding=lambda diagnosis: self._record(step, diagnosis),
            controls=StepControls(
                keeper=self._tools.keeper,
                store=self._tools.store,
                clock=self._clock,
                write=self._write_control,
                incident_id=run.incident_id,
                run_id=step.run_id,
                step_key=step.key,
                action=step.action or "",
                owner=step.owner or "stanch",
            ),
        )

    async def _write_control(self, unit: Callable[[Connection], Control]) -> Control:
        return await self._held.write(unit)

    async def _record(self, step: StepRecord, diagnosis: Diagnosis) -> None:
        incident_id = self._held.run.incident_id
        wanted = [{"run": step.run_id, "step": step.key, **data} for data in findings.event_data(diagnosis)]

        def unit(connection: Connection) -> None:
            findings.record(connection, incident_id, wanted, now=self._clock.now())

        await self._held.write(unit)
        self._held.heard()  # the steps after this one are given what was found
