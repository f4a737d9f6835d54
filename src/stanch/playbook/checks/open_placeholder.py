"""A command has a placeholder that nothing fills.

Why: at three in the morning somebody has to know what belongs there.

What to do: name it after what it is (`<last-known-good-tag>` is filled from the release history, `<latest-snapshot>`
from the list of snapshots), or write the value. What stays open is asked of the person who approves the step.
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Step
from stanch.model.problem import Level, Problem
from stanch.playbook.slots import unfilled
from stanch.playbook.surroundings import Surroundings
from stanch.playbook.words import listing

CODE = "open-placeholder"
LEVEL = Level.NOTE


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every command step with slots that have no source."""
    for step in plan.of(Step):
        open_slots = unfilled(step.slots)
        if step.command and open_slots:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"Nothing fills {listing([slot.placeholder for slot in open_slots])}.",
                hint="Whoever approves the step is asked for it; a name that says where it comes from is better.",
                source=step.source,
            )
