"""Time boxes of phases: when "0-5 minutes" is over, and steps of it are not. Pure.

A phase has a time box where all its steps have the same: that is how a heading's is handed down. A single step's is its
own, unless it says from when as well. It counts from the start of the run.
"""

from stanch.model.record import record
from stanch.model.run import Run, StepRecord
from stanch.response.transitions import LATE


@record
class PhaseEnd:
    """`due_at` is in epoch seconds; `first` the first step of it that is not over, `left` how many there are."""

    phase: str
    due_at: float
    first: StepRecord
    left: int


def phase_ends(run: Run) -> tuple[PhaseEnd, ...]:
    """The phases with a time box that are not over and have not been said to be late, the soonest first."""
    phases: dict[str | None, list[StepRecord]] = {}
    for step in run.steps:
        phases.setdefault(step.phase, []).append(step)
    said = {phase for step in run.steps for phase in step.progress.get(LATE, ())}
    ends = []
    for phase, steps in phases.items():
        boxes = {step.due_s for step in steps}
        left = [step for step in steps if not step.state.is_over]
        name = phase or run.name
        (box,) = boxes if len(boxes) == 1 else (None,)
        own = len(steps) == 1 and steps[0].not_before is None
        if box is None or not left or own or name in said:
            continue
        ends.append(PhaseEnd(phase=name, due_at=run.started_at + box, first=left[0], left=len(left)))
    return tuple(sorted(ends, key=lambda end: end.due_at))
