"""Puts back what a stopped run has done, the last of it first: intent, act, outcome, as with every other change."""

from stanch.model.run import StepRecord
from stanch.response import transitions
from stanch.response.acting import Acting
from stanch.response.attending import Attendant
from stanch.response.execution import Executor
from stanch.response.held import HeldRun


class Compensation:
    """Undoes the steps of one run. A command's undo may take `undo_s` seconds."""

    def __init__(
        self, held: HeldRun, *, executor: Executor, attendant: Attendant, acting: Acting, undo_s: float
    ) -> None:
        self._held = held
        self._executor = executor
        self._attendant = attendant
        self._acting = acting
        self._undo_s = undo_s

    async def compensate(self, step: StepRecord) -> None:
        """Put back one step that was done. Begun before a crash, it is looked at first."""
        is_back = False
        if transitions.UNDOING not in step.progress:
            present = await self._attendant.present(step) if step.action is None else None
            step = await self._held.move(step, transitions.undoing(step, present))
        elif step.action is None:
            is_back = await self._attendant.is_back(step, step.progress[transitions.UNDOING])
        failed = None if is_back else await self._put_back(step)
        if failed is None:
            run = self._held.run
            because = f"The run was stopped by {run.stop_by}: {run.stop_because}"
            await self._held.move(step, transitions.undone(step, because))
        else:
            change = transitions.not_undone(step, f"It could not be undone: {failed}")
            await self._held.move(step, change, also=self._held.page_further(step))

    async def _put_back(self, step: StepRecord) -> str | None:
        """Undo what a step did; why that failed, where it did."""
        self._held.must_hold()
        if step.action is None:
            self._executor.end_left_over(f"{step.run_id}/{step.key}/undo")
            return await self._attendant.undo(step, within_s=self._undo_s, begun_before=self._held.safe_until)
        action = self._acting.of(step)
        if action is None:
            return f"No action `{step.action}` is configured here."
        return await self._acting.undo(action, step)
