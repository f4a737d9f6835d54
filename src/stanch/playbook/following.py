"""What comes after a step."""

from collections.abc import Sequence

from stanch.model.plan import Step, StepKind
from stanch.model.risk import Risk


def is_followed_by_look(steps: Sequence[Step], index: int) -> bool:
    """Whether the step says what to expect, or a later one looks at the result: a check, a read-only act."""
    return steps[index].expects is not None or any(
        step.type is StepKind.CHECK
        or (step.risk is Risk.READ_ONLY and (step.command is not None or step.type is StepKind.ACTION))
        for step in steps[index + 1 :]
    )
