"""A threshold is for a part of a signal only.

Why: "error rate > 5% for the checkout service" watches the series that carry that name in a label. Where no series
does, the rule has no data, and it says so.

What to do: nothing where the metrics carry the name. Otherwise define the part as a signal of its own, in a
`| Signal | Query |` table.
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Threshold
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings

CODE = "narrowed-threshold"
LEVEL = Level.NOTE


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every armed threshold with words that narrow its signal."""
    for fact in plan.of(Threshold):
        if fact.armed and fact.labels:
            scope = ", ".join(value for _, value in fact.labels)
            yield Problem(
                code=CODE,
                level=LEVEL,
                message=f"Only series of \u201c{scope}\u201d count for this threshold.",
                hint="Define it as a signal of its own where the metrics do not carry that name.",
                source=fact.source,
            )
