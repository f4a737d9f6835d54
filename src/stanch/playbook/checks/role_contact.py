"""A role has nobody to reach.

Why: a page to it fails, and it fails during the incident.

What to do: give the role an address in the contacts, under the same name:

    - On-call engineer: oncall@team.example.org
"""

from collections.abc import Iterator

from stanch.model.plan import Contact, Plan, Role
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings
from stanch.playbook.words import stems

CODE = "role-without-contact"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every role that no contact with an address names."""
    reached = [frozenset(stems(fact.name)) for fact in plan.of(Contact) if not fact.placeholder]
    for role in plan.of(Role):
        words = frozenset(stems(role.name))
        if not any(words <= contact or contact <= words for contact in reached):
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"{role.name} cannot be reached: no contact of that name has an address.",
                hint=f"Add \u201c{role.name}: name@team.example.org\u201d to the contacts.",
                source=role.source,
            )
