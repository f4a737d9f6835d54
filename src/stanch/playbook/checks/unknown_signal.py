"""A threshold names something that is no signal.

Why: nothing measures it, so it can never fire, and nobody notices until it should have.

What to do: use a name that `stanch check` knows, or say how it is measured in a table of the playbook:

    | Signal | Query |
    |---|---|
    | basket errors | sum(rate(basket_errors_total[1m])) |
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Threshold
from stanch.model.problem import Level, Problem
from stanch.playbook.mood import ACTING
from stanch.playbook.surroundings import Surroundings

CODE = "unknown-signal"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every threshold that is meant to act and whose signal nobody knows."""
    for fact in plan.of(Threshold):
        if fact.role in ACTING and fact.signal is None:
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"This threshold is not armed: {fact.because}.",
                hint="Name a known signal, or add it to a `| Signal | Query |` table.",
                source=fact.source,
            )
