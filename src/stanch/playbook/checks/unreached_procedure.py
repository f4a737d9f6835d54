"""Nothing leads to a procedure.

Why: no rule, severity or trigger starts it, so it runs only if somebody remembers it.

What to do: say in its first sentence when it applies, with a severity or a signal: "For P1, when the error rate is
out of bounds."
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Procedure, Scenario, Trigger
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings

CODE = "unreached-procedure"
LEVEL = Level.NOTE


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every scenario without severity, signal or trigger. Procedures for all incidents need none."""
    triggered = {trigger.procedure for trigger in plan.of(Trigger)}
    for procedure in plan.of(Procedure):
        reached = procedure.applies_to or procedure.signals or procedure.key in triggered
        if isinstance(procedure, Scenario) and not reached:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"Nothing starts \u201c{procedure.name}\u201d: it names no severity and no signal.",
                hint="Say when it applies: \u201cFor P1 and P2, when the error rate is out of bounds.\u201d",
                source=procedure.source,
            )
