"""A template has a slot that nothing fills.

Why: the message waits for somebody to type, or goes out with brackets in it.

What to do: name the slot after what is known: [severity], [title], [impact], [status], [finding], [next update],
[incident number], [start time]. What stays open is asked of whoever sends it.
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Template
from stanch.model.problem import Level, Problem
from stanch.playbook.slots import unfilled
from stanch.playbook.surroundings import Surroundings
from stanch.playbook.words import listing

CODE = "unfilled-slot"
LEVEL = Level.NOTE


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every template with slots that have no source."""
    for template in plan.of(Template):
        open_slots = unfilled(template.slots)
        if open_slots:
            names = listing([slot.placeholder for slot in open_slots])
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"Nothing fills {names} of \u201c{template.name}\u201d.",
                hint="Name the slots after what is known: [severity], [impact], [next update].",
                source=template.source,
            )
