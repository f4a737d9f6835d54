"""A trigger leads to no steps.

Why: it fires, and what is to be done is in somebody's head.

What to do: put the steps beside the triggers ("Rollback steps", a numbered list), or name the procedure.
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Procedure, Trigger
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings

CODE = "trigger-without-steps"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every trigger whose action no procedure of the plan carries out, once a document and action."""
    acting = {step.action for procedure in plan.of(Procedure) for step in procedure.steps}
    keys = {procedure.key for procedure in plan.of(Procedure)}
    seen: set[tuple[str, str | None]] = set()
    for trigger in plan.of(Trigger):
        place = (trigger.source.path, trigger.action)
        if trigger.procedure in keys or trigger.action in acting or place in seen:
            continue
        seen.add(place)
        yield Problem(
            code=CODE,
            level=LEVEL,
            message=f"No procedure says what to do when \u201c{trigger.condition}\u201d.",
            hint="Put the steps beside the triggers, as a numbered list.",
            source=trigger.source,
        )
