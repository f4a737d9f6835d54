"""Puts a step before people, and says whether what would be done is what they have said yes to."""

from dataclasses import replace

from stanch.model.clock import Clock
from stanch.model.run import StepRecord, StepState
from stanch.response import slots, transitions
from stanch.response.approvals import still_valid
from stanch.response.held import HeldRun
from stanch.response.tools import AskHook
from stanch.response.ways import ByHand, FillIn


class Asking:
    """The questions of one run. `answer_s` is how long people may take; `hook` tells those who may answer."""

    def __init__(self, held: HeldRun, *, clock: Clock, answer_s: float, hook: AskHook | None) -> None:
        self._held = held
        self._clock = clock
        self._answer_s = answer_s
        self._hook = hook

    async def is_allowed(self, step: StepRecord, resolved: StepRecord) -> bool:
        """Whether what would be done now is what people said yes to; else they are asked."""
        because = None
        if step.state in {StepState.APPROVED, StepState.STARTED}:
            if step.digest is None:
                because = "Meanwhile people were asked what became of it, which took the earlier yes back."
            elif self._held.digest(resolved) != step.digest:
                because = _changed(step, resolved)
            elif not still_valid(step, self._clock.now()):
                because = "The approval is too old to act on."
            else:
                return True
        await self.ask(step, resolved, because=because)
        return False

    async def ask(self, step: StepRecord, resolved: StepRecord, *, because: str | None, by_hand: bool = False) -> None:
        """Put the step before people. What it waits for is a yes, or by hand, that it was done."""
        if (over := self._held.known.over_because) is not None:
            await self._held.end(step, StepState.SKIPPED, over)
            return
        patience = step.timebox_s if by_hand and step.timebox_s is not None else self._answer_s
        change = transitions.proposed(
            step,
            resolved,
            digest=self._held.digest,
            because=because,
            by_hand=by_hand,
            due_at=self._clock.now() + patience,
        )
        hook, incident, asked = self._hook, self._held.incident, change.after
        if hook is None or by_hand or slots.open_slots(asked):
            await self._held.move(step, change)
            return
        await self._held.move(
            step, change, also=lambda connection: hook(connection, incident, asked, self._clock.now())
        )

    async def leave_to_people(self, step: StepRecord, way: ByHand | FillIn) -> None:
        """Ask for a step that cannot be carried out as it stands: to fill it in, or to do it."""
        match way:
            case ByHand(because=because):
                await self.ask(step, slots.for_people(step), because=because, by_hand=True)
            case FillIn(because=because, by_hand=by_hand):
                unresolved = replace(step, statement=None, acts_as=None)
                await self.ask(step, unresolved, because=because, by_hand=by_hand is not None)


def _changed(step: StepRecord, resolved: StepRecord) -> str:
    """Why what was approved is not what would be done now."""
    if resolved.acts_as != step.acts_as and None not in (resolved.acts_as, step.acts_as):
        return f"It was approved as {step.acts_as}, and would act now as {resolved.acts_as}."
    return "What it would do has changed since it was approved."
