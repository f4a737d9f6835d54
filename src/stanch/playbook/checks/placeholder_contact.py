"""A contact's address is a placeholder.

Why: nobody is reached by `[Phone/Email]`.

What to do: write the address, as "On-call engineer: oncall@team.example.org".
"""

from collections.abc import Iterator

from stanch.model.plan import Contact, Plan
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings

CODE = "placeholder-contact"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every contact that waits to be filled in."""
    for fact in plan.of(Contact):
        if fact.placeholder:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"{fact.name} has no address: \u201c{fact.address}\u201d is a placeholder.",
                hint=f"Write the address that reaches them, as \u201c{fact.name}: oncall@team.example.org\u201d.",
                source=fact.source,
            )
