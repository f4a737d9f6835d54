"""A threshold is meant to act and cannot be watched as it is written.

Why: it reads like an alert, and it is none. The reason is in the message: a statistic that no reading has, two
conditions that must hold at once, words that were not understood, a limit without a unit.

What to do: write it so that one signal is compared with one value, over one window. "Error rate > 5% for 5 minutes"
is such a sentence. What is no alert can be said so: "no alert: ...".
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Threshold
from stanch.model.problem import Level, Problem
from stanch.playbook.mood import ACTING, REASONS
from stanch.playbook.surroundings import Surroundings

CODE = "unarmed-threshold"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every acting threshold with a signal that is not armed for a reason its author did not mean."""
    for fact in plan.of(Threshold):
        if fact.role in ACTING and not fact.armed and fact.signal is not None and fact.because not in REASONS:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"This threshold is not armed: {fact.because}.",
                hint="Compare one signal with one value, over one window.",
                source=fact.source,
            )
