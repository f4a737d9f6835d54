"""A command's program is not on this machine.

Why: the step fails where Stanch runs, and it fails during the incident.

What to do: install it where Stanch runs, or bind the step to another machine in `stanch.toml`.
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Step
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings

CODE = "missing-program"
LEVEL = Level.WARNING


def check(plan: Plan, surroundings: Surroundings) -> Iterator[Problem]:
    """The first step of each program that the machine lacks; silent where the machine is not known."""
    if surroundings.has_program is None:
        return
    known: dict[str, bool] = {}
    for step in plan.of(Step):
        for argv in step.rating.pipeline or () if step.rating else ():
            program = argv[0]
            if program not in known:
                known[program] = surroundings.has_program(program)
                if not known[program]:
                    yield Problem(
                        code=CODE,
                        level=LEVEL,
                        message=f"{program} is not on this machine.",
                        hint="Install it where Stanch runs.",
                        source=step.source,
                    )
