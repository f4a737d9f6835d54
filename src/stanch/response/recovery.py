"""Takes up a step that somebody had started who is gone: a Stanch that was ended, or that lost its lease.

What only reads is begun again. Of everything else the outcome is found out first: from the record that its supervisor
left, from the processes that are still there, from a look at the outside world. An act whose outcome nobody saw and no
look tells is never simply done again.
"""

from dataclasses import replace
from typing import assert_never

from stanch.model.run import StepRecord, StepState
from stanch.response import transitions
from stanch.response.acting import Acting
from stanch.response.action import Effect
from stanch.response.asking import Asking
from stanch.response.attending import Attendant
from stanch.response.carrying import Carrying, begun_again
from stanch.response.execution import NotStarted
from stanch.response.held import HeldRun
from stanch.response.proving import CommandResult, Proving, result_of
from stanch.response.records import Elsewhere, Ended, Found, Lost, NeverBegun, Running
from stanch.response.resolving import Resolving
from stanch.response.settling import MOST_ATTEMPTS, Ending, Verdict, settle
from stanch.response.tools import Tools
from stanch.response.turns import Turns
from stanch.response.ways import ByHand, FillIn, Way, way_of

_LOOK_S = 0.25
_NOBODY_SAW = "Nobody saw its outcome. Look at what it left behind, then say that it is done, or do it again."
_ELSEWHERE = (
    "Another server ran it, which is not heard of, and it may go on there for {seconds:g} s in all. When it is back "
    "it says here how it ended. Where that cannot wait, look at what it left, then say that it is done, or "
    "do it again."
)


class Recovery:
    """Recovers the steps of one run."""

    def __init__(
        self,
        held: HeldRun,
        tools: Tools,
        *,
        attendant: Attendant,
        resolving: Resolving,
        asking: Asking,
        acting: Acting,
        carrying: Carrying,
        proving: Proving,
        turns: Turns,
    ) -> None:
        self._held = held
        self._clock = tools.clock
        self._executor = tools.executor
        self._means = tools.means
        self._timing = tools.timing
        self._attendant = attendant
        self._resolving = resolving
        self._asking = asking
        self._acting = acting
        self._carrying = carrying
        self._proving = proving
        self._turns = turns

    async def recover(self, step: StepRecord) -> None:
        """Deal with a step that is written as started and that nobody carries out."""
        way = way_of(step, self._means)
        gone = f"Stanch ended while attempt {step.attempt} ran."
        if begun_again(step, way):
            await self._begin_again(step, way, gone)
        elif way is Way.ACTION:
            await self._acting.settle_unseen(step)
        elif transitions.RAN in step.progress:
            result = CommandResult(output=step.output, exit_status=step.progress[transitions.RAN])
            await self._proving.prove(step, result)
        else:
            await self._adopt(step, way, gone)

    # --- begun again ---

    async def _begin_again(self, step: StepRecord, way: Way | ByHand | FillIn, gone: str) -> None:
        """What only reads is simply begun again."""
        if way is Way.ARGV:  # an action and a query leave no process behind, and the look for one is not free
            self._executor.end_left_over(_name(step))
        if not await self._may_begin(step, gone):
            return
        if way is Way.ACTION:
            await self._acting.carry_out(step, again=gone)
        elif isinstance(way, ByHand | FillIn):
            await self._asking.leave_to_people(step, way)
        else:
            await self._carrying.carry_out(step, step, way, again=gone)

    async def _begin_after_all(self, step: StepRecord, way: Way | ByHand | FillIn, gone: str) -> None:
        """Of what was to be done nothing was begun: it is done now, where it still may be."""
        because = f"{gone} Nothing of it had been begun."
        if not await self._may_begin(step, because):
            return
        if isinstance(way, ByHand | FillIn):
            await self._asking.leave_to_people(step, way)
            return
        resolved = await self._resolving.anew(step, way)
        if await self._asking.is_allowed(step, resolved):
            await self._carrying.carry_out(step, resolved, way, again=because)

    async def _may_begin(self, step: StepRecord, because: str) -> bool:
        """Whether it may be begun once more; else it has failed."""
        if self._held.run.stop_by is not None:
            await self._held.end(step, StepState.FAILED, f"{because} The run was stopped.")
            return False
        if step.attempt >= MOST_ATTEMPTS:
            await self._held.end(step, StepState.FAILED, f"{because} It is not begun a {step.attempt + 1}th time.")
            return False
        return True

    # --- taken up ---

    async def _adopt(self, step: StepRecord, way: Way | ByHand | FillIn, gone: str) -> None:
        """Take up a command that an earlier Stanch had run, by what its supervisor says of it."""
        found, ended_here = await self._await_supervisor(step)
        match found:
            case Ended(outcome=outcome):
                if isinstance(outcome, NotStarted):
                    result = CommandResult(output=None, fault=str(outcome))
                else:
                    result = result_of(outcome)
                if ended_here:
                    result = replace(result, fault=f"The run was stopped. {result.fault or ''}".strip(), cut=True)
                note = "It ended while Stanch was away; its supervisor saw it through."
                await self._proving.close(step, replace(result, note=note))
                self._executor.forget(step.progress.get(transitions.RECORD))
            case NeverBegun():
                await self._begin_after_all(step, way, gone)
            case Lost() | Elsewhere() | Running():
                await self._watch_left_over(step)
                elsewhere = isinstance(found, Elsewhere)
                if way is Way.ARGV and await self._is_settled_by_a_look(step, may_still_run=elsewhere):
                    return
                because = _ELSEWHERE.format(seconds=self._timing.limit_s(step)) if elsewhere else _NOBODY_SAW
                await self._held.end(step, StepState.UNKNOWN, f"{gone} {because}")
            case _:
                assert_never(found)

    async def _await_supervisor(self, step: StepRecord) -> tuple[Found, bool]:
        """What became of its command, once its supervisor is done with it; whether it was ended from here."""
        ended_here = False
        while isinstance(found := self._executor.find(step.progress.get(transitions.RECORD)), Running):
            if self._held.stop.is_set() and not ended_here:
                ended_here = self._executor.end_left_over(_name(step)) > 0
            await self._say(step, "It still runs from before the restart; its supervisor holds it to its time box.")
            await (self._clock.sleep(_LOOK_S) if self._held.stop.is_set() else self._held.pause(_LOOK_S))
        return found, ended_here

    async def _watch_left_over(self, step: StepRecord) -> None:
        """Where the command outlived its supervisor too, wait for its end; its output and exit status went unseen."""
        until = self._clock.monotonic() + self._timing.limit_s(step)
        while left := self._executor.left_over(_name(step)):
            if self._clock.monotonic() >= until or self._held.stop.is_set():
                self._executor.end_left_over(_name(step))
                return
            await self._say(step, f"It still runs from before the restart (process {', '.join(map(str, left))}).")
            await self._held.pause(1.0)

    async def _is_settled_by_a_look(self, step: StepRecord, *, may_still_run: bool) -> bool:
        """Where a look tells whether a command took effect whose outcome nobody saw, go on from there.

        That there is no effect yet says nothing of one that may still be running where nobody can see it.
        """
        verified = await self._attendant.proved(step)
        settled = settle(Ending.UNSEEN, verified, risk=step.risk, attempt=step.attempt)
        match settled.verdict:
            case Verdict.DONE if verified.effect is Effect.TOOK_EFFECT:
                await self._proving.prove(step, CommandResult(output=step.output))
            case Verdict.AGAIN if may_still_run:
                return False
            case Verdict.AGAIN if self._held.stop.is_set():
                await self._held.end(step, StepState.FAILED, f"The run was stopped. {settled.because}")
            case Verdict.AGAIN:
                await self._turns.take(step, again=f"Attempt {step.attempt} was cut short: {settled.because}")
            case _:
                return False
        return True

    async def _say(self, step: StepRecord, text: str) -> None:
        await self._held.progress(step, {**transitions.kept(step.progress), "text": text})


def _name(step: StepRecord) -> str:
    """Whose processes a command's are."""
    return f"{step.run_id}/{step.key}"
