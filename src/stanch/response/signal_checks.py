"""Steps that look at a signal until it is as the playbook says, or until their time box is over."""

from dataclasses import replace

from stanch.model.clock import Clock
from stanch.model.run import StepRecord, StepState
from stanch.response import transitions, watching
from stanch.response.asking import Asking
from stanch.response.bounds import Cut
from stanch.response.held import HeldRun
from stanch.response.tools import Timing
from stanch.response.watching import Measure


class SignalChecks:
    """The looks of one run at what is measured."""

    def __init__(self, held: HeldRun, *, clock: Clock, timing: Timing, measure: Measure | None, asking: Asking) -> None:
        self._held = held
        self._clock = clock
        self._timing = timing
        self._measure = measure
        self._asking = asking

    async def carry_out(self, step: StepRecord) -> None:
        """A started step that is done when a signal is as it says. Without data it is a person's."""
        try:
            looked = await self._held.within(self.until_it_holds(step), None)
        except Cut as cut:
            await self._held.end(step, StepState.FAILED, str(cut))
            return
        if looked.holds is None:
            await self._asking.ask(step, step, because=f"{looked.text} Look yourself.", by_hand=True)
        elif looked.holds:
            await self._held.end(step, StepState.DONE, output=looked.text, verified=looked.text)
        else:
            await self._held.end(step, StepState.FAILED, looked.text, late=True)

    def can_look(self, step: StepRecord) -> bool:
        """Whether the step speaks of a signal, and signals are measured here."""
        return transitions.WATCHES in step.progress and self._measure is not None

    async def until_it_holds(self, step: StepRecord) -> watching.Seen:
        """Look at a signal until it has been as the step says for as long as it says, or the time box is over."""
        assert self._measure is not None
        rule = watching.of_document(step.progress[transitions.WATCHES])
        hold, report = watching.holding_s(rule), self._held.report(step)
        until = self._clock.monotonic() + self._limit_s(step, hold)
        since: float | None = None
        while True:
            looked, now = watching.look(rule, self._measure), self._clock.monotonic()
            since = None if not looked.holds else now if since is None else since
            if since is not None and now - since >= hold:
                return looked
            if now >= until:
                return looked if looked.holds is None else replace(looked, holds=False)
            await report(looked.text, now - since if since is not None and hold else None, hold or None)
            await self._clock.sleep(self._timing.look_every_s)

    def _limit_s(self, step: StepRecord, hold: float) -> float:
        box = step.timebox_s if step.timebox_s is not None else self._timing.watch_s
        return max(box, hold + 10 * self._timing.look_every_s)
