"""What a command came to, and what proves it: a command that changes something is not done before a look says so."""

from dataclasses import replace

from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import StepRecord, StepState
from stanch.response import transitions
from stanch.response.action import Effect
from stanch.response.attending import Attendant
from stanch.response.bounds import Cut
from stanch.response.execution import Execution
from stanch.response.expectation import ByEye, Met, NotMet, judged
from stanch.response.held import HeldRun
from stanch.response.settling import Ending, Verdict, settle
from stanch.response.signal_checks import SignalChecks
from stanch.response.tools import Timing


@record
class CommandResult:
    """How a command or a query ended. `cut` where it was ended from here; `note` is said where it succeeded."""

    output: str | None
    fault: str | None = None
    exit_status: int | None = None
    cut: bool = False
    note: str | None = None


def result_of(done: Execution) -> CommandResult:
    """How a command ended, as its supervisor saw it."""
    return CommandResult(output=done.output, fault=done.fault, exit_status=done.exit_status, cut=done.ended is not None)


@record
class _Proof:
    """The state that follows, what was seen that proves it, and what else is to be said, as why it is not proved.

    `had_effect` is false where a look says that nothing came of it.
    """

    state: StepState
    seen: tuple[str, ...] = ()
    because: str | None = None
    had_effect: bool = True


class Proving:
    """Ends the commands and queries of one run."""

    def __init__(self, held: HeldRun, *, attendant: Attendant, timing: Timing, signals: SignalChecks) -> None:
        self._held = held
        self._attendant = attendant
        self._timing = timing
        self._signals = signals

    async def close(self, step: StepRecord, result: CommandResult) -> None:
        """Write what a command or query came to."""
        late = result.cut and not self._held.stop.is_set()
        if result.fault is None:
            await self.prove(step, result)
        elif result.cut and step.risk is not Risk.READ_ONLY:
            await self._close_unseen(step, result, late=late)
        else:
            await self._held.end(
                step,
                StepState.FAILED,
                result.fault,
                output=result.output,
                exit_status=result.exit_status,
                late=late,
            )

    async def _close_unseen(self, step: StepRecord, result: CommandResult, *, late: bool) -> None:
        """Of a command that was cut, its look tells what came; without one nobody knows."""
        verified = await self._attendant.proved(step)
        if verified.effect is Effect.CANNOT_TELL:
            because = f"{result.fault} Whether it took effect is not known."
            await self._held.end(step, StepState.UNKNOWN, because, output=result.output, late=late)
            return
        why = result.fault or ""
        settled = settle(Ending.CUT, verified, risk=step.risk, attempt=step.attempt, why=why)
        states = {Verdict.DONE: StepState.DONE, Verdict.FAILED: StepState.FAILED}
        state = states.get(settled.verdict, StepState.UNKNOWN)
        proof = verified.because if state is StepState.DONE else None
        await self._held.end(step, state, settled.because, output=result.output, verified=proof, late=late)

    async def prove(self, step: StepRecord, result: CommandResult) -> None:
        """Verify a command that ended well, and write what it came to. What changes something is not done before."""
        changes = step.risk is not Risk.READ_ONLY
        if changes and self._is_checked(step) and transitions.RAN not in step.progress:
            # Its outcome is seen: from here on a crash leads to its verification, never to its being run again.
            progress = {**transitions.kept(step.progress), transitions.RAN: result.exit_status}
            await self._held.progress(step, progress)
            if result.output is not None:
                await self._held.show(step, result.output)
            step = replace(step, progress=progress, output=result.output)
        try:
            proof = await self._held.within(self._proof(step, result), None)
        except Cut:
            proof = _Proof(state=StepState.FAILED, because="The run was stopped before it was verified.")
        await self._held.end(
            step,
            proof.state,
            result.note if proof.because is None else proof.because,
            output=result.output,
            exit_status=result.exit_status,
            verified=" ".join(proof.seen) if proof.seen and proof.state is StepState.DONE else None,
            acted=changes and proof.state is StepState.FAILED and proof.had_effect,
        )

    def _is_checked(self, step: StepRecord) -> bool:
        """Whether anything is looked at after it."""
        found = self._attendant.companions(step)
        return step.expects is not None or (found is not None and bool(found.proof or found.settled))

    async def _proof(self, step: StepRecord, result: CommandResult) -> _Proof:
        """What proves it: its look, the end of what it began, and what the playbook expects."""
        if step.risk is Risk.READ_ONLY:
            return await self._as_expected(step, result.output or "")
        seen: list[str] = []
        verified = await self._attendant.proved(step)
        if verified.effect is Effect.NO_EFFECT:
            return _Proof(
                state=StepState.FAILED,
                because=f"It reported success, and had no effect: {verified.because}",
                had_effect=False,
            )
        if verified.effect is Effect.TOOK_EFFECT:
            seen.append(verified.because)
        followed = await self._attendant.settled(step, within_s=self._timing.limit_s(step))
        if followed is not None and followed.unseen:
            seen.append(f"Whether what it began has ended could not be looked at: {followed.fault}")
        elif followed is not None and followed.fault is not None:
            because = f"It was carried out, and what it began has not ended well: {followed.fault}"
            return _Proof(state=StepState.FAILED, seen=tuple(seen), because=because)
        elif followed is not None:
            seen.append(followed.output.splitlines()[-1] if followed.output else "What it began has ended.")
        expected = await self._as_expected(step, result.output or "")
        return replace(expected, seen=(*seen, *expected.seen))

    async def _as_expected(self, step: StepRecord, output: str) -> _Proof:
        """Compare with what the playbook expects."""
        changes = step.risk is not Risk.READ_ONLY
        if step.expects is None:
            return _Proof(state=StepState.DONE)
        if self._signals.can_look(step):
            watched = await self._signals.until_it_holds(step)
            if not watched.holds:
                return _Proof(state=StepState.FAILED, because=watched.text)
            return _said(watched.text, proves=changes)
        match judged(step.expects, output):
            case Met(because=because):
                return _Proof(state=StepState.DONE, seen=(because,) if changes else ())
            case NotMet(because=because):
                return _Proof(state=StepState.FAILED, because=because)
            case ByEye(because=because) if not changes:
                return _said(because, proves=False)
            case ByEye(because=because):
                text = f"It ended well. {because} Then say that it is done, or do it again."
                return _Proof(state=StepState.UNKNOWN, because=text)


def _said(text: str, *, proves: bool) -> _Proof:
    """Done, with a word about it: as the proof of a change, else as a remark."""
    return _Proof(state=StepState.DONE, seen=(text,)) if proves else _Proof(state=StepState.DONE, because=text)
