"""An entry among the thresholds says nothing that can be watched.

Why: it stands where alerts stand, and somebody believes it is one.

What to do: give it a quantity ("queue depth > 500 for 5 minutes"), or move it to the prose.
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Unread
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings

CODE = "unread-instruction"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every fact of text that was not understood."""
    for fact in plan.of(Unread):
        yield Problem(
            code=CODE,
            level=LEVEL,
            message=f"Not understood: {fact.because}.",
            hint=f"It reads: {fact.text}",
            source=fact.source,
        )
