"""A command never ends by itself.

Why: `logs -f`, `watch` and `tail -f` run until somebody stops them; a run would wait for ever.

What to do: nothing, if a glance is meant: Stanch captures some seconds of it and goes on. Otherwise ask for what has
been (`--since=10m`, `--tail=200`).
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Step
from stanch.model.problem import Level, Problem
from stanch.model.risk import Trait
from stanch.playbook.surroundings import Surroundings

CODE = "endless-command"
LEVEL = Level.NOTE


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every command that is rated endless."""
    for step in plan.of(Step):
        if step.rating and Trait.ENDLESS in step.rating.traits:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message="This command never ends; a run captures some seconds of it.",
                hint="Ask for what has been instead, as `--since=10m` or `--tail=200`.",
                source=step.source,
            )
