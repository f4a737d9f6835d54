"""A command needs somebody at a terminal.

Why: `exec -it`, `edit`, editors and bare `ssh` wait for keys. A run cannot type, so the step becomes a person's, with
the command to copy.

What to do: give the command that would be typed (`kubectl exec deploy/api -- npm run db:check`, without `-it`).
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Step
from stanch.model.problem import Level, Problem
from stanch.model.risk import Trait
from stanch.playbook.surroundings import Surroundings

CODE = "interactive-command"
LEVEL = Level.NOTE


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every command that is rated interactive."""
    for step in plan.of(Step):
        if step.rating and Trait.INTERACTIVE in step.rating.traits:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message="This command waits for keys; in a run it is a person's, with the command to copy.",
                hint="Leave out `-it`, and give what would be typed.",
                source=step.source,
            )
