"""A step changes production, and no later step of its procedure looks whether it helped.

Why: "restarted it" is not "it works". A change that did not help has to be seen as such at once.

What to do: end the procedure with a look: a read-only command, "verify that the service is restored", an expected
output (`# Expected: ...`).
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Procedure
from stanch.model.problem import Level, Problem
from stanch.model.risk import Risk
from stanch.playbook.following import is_followed_by_look
from stanch.playbook.surroundings import Surroundings

CODE = "unchecked-step"
LEVEL = Level.NOTE


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """The last mutating command of every procedure, where no look follows."""
    for procedure in plan.of(Procedure):
        changing = [index for index, step in enumerate(procedure.steps) if step.command and step.risk is Risk.MUTATING]
        if changing and not is_followed_by_look(procedure.steps, changing[-1]):
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"Nothing after this step looks whether \u201c{procedure.name}\u201d has helped.",
                hint="End with a read-only command, or \u201cverify that the service is restored\u201d.",
                source=procedure.steps[changing[-1]].source,
            )
