"""A command destroys something, and nothing after it shows that all is well or takes it back.

Why: what is gone is gone. The next step is the last chance to notice before users do.

What to do: put a read-only step after it that shows the result (`kubectl rollout status`, a count of rows), or write
how it is undone. Two people approve it in any case.
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Procedure
from stanch.model.problem import Level, Problem
from stanch.model.risk import Risk
from stanch.playbook.following import is_followed_by_look
from stanch.playbook.surroundings import Surroundings

CODE = "destructive-command"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every destructive command with no look at the result in the rest of its procedure."""
    for procedure in plan.of(Procedure):
        for index, step in enumerate(procedure.steps):
            if step.command and step.risk is Risk.DESTRUCTIVE and not is_followed_by_look(procedure.steps, index):
                hint = step.rating.hint if step.rating else ""
                yield Problem(
                    code=CODE,
                    level=LEVEL,
                    message="This command destroys something, and no later step looks at the result or undoes it.",
                    hint=hint or "Add a read-only step after it that shows the result.",
                    source=step.source,
                )
