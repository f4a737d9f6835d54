"""A step or trigger asks for two things, or for something that Stanch cannot tell.

Why: a trigger without an action fires and nothing follows; a step that means two things cannot be approved, since
nobody knows what the yes is for.

What to do: one verb a step ("restart the service"), and a heading over triggers that says what they trigger
("Rollback triggers"). Verbs of your own go into an `| Action | Command |` table.
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Step, Trigger
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings
from stanch.playbook.words import listing

CODE = "unknown-action"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Triggers without an action, and steps whose first words mean several."""
    for trigger in plan.of(Trigger):
        if trigger.action is None:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"Nothing says what \u201c{trigger.condition}\u201d triggers.",
                hint="Name it in the heading: \u201cRollback triggers\u201d, \u201cRestart when\u201d.",
                source=trigger.source,
            )
    for step in plan.of(Step):
        if step.ambiguous:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"This step can mean {listing(step.ambiguous)}; it stays a person's.",
                hint="Split it, one action a step.",
                source=step.source,
            )
