"""A severity promises no time.

Why: without a clock nobody is escalated to, and "how fast" is argued about during the incident.

What to do: say when it is acknowledged, and what else is promised:

    | Level | Acknowledge | Update | Resolve |
    |---|---|---|---|
    | P1 | 5 minutes | every 15 minutes | 1 hour |
"""

from collections.abc import Iterator

from stanch.model.plan import Plan, Severity
from stanch.model.problem import Level, Problem
from stanch.playbook.surroundings import Surroundings
from stanch.playbook.words import listing

CODE = "severity-without-clock"
LEVEL = Level.WARNING


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every severity for which no document promises a response; those of one document in one problem."""
    promised = {fact.level for fact in plan.of(Severity) if any(clock.name != "review" for clock in fact.clocks)}
    lacking: dict[str, dict[str, Severity]] = {}
    for fact in plan.of(Severity):
        if fact.level not in promised:
            lacking.setdefault(fact.source.path, {}).setdefault(fact.level, fact)
    for levels in lacking.values():
        first = next(iter(levels.values()))
        yield Problem(
            code=CODE,
            level=LEVEL,
            message=f"{listing(tuple(levels))} promise{'s' if len(levels) == 1 else ''} no time to respond.",
            hint=f"Say how fast: \u201c{first.level} - {first.name} (acknowledge: 15 minutes)\u201d.",
            source=first.source,
        )
