"""What several playbooks, or two places of one, say differently about the same thing."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

from stanch.model.plan import ClockPromise, Contact, Fact, Playbook, Severity
from stanch.model.problem import Level, Problem

F = TypeVar("F")


def contradictions(playbooks: Sequence[Playbook]) -> tuple[Problem, ...]:
    """Every contradiction between facts of the plan, as a problem that names both lines."""
    facts = [fact for playbook in playbooks for fact in playbook.facts]
    return (*_severities(facts), *_contacts(facts))


def _severities(facts: Sequence[Fact]) -> Iterator[Problem]:
    for first, second in _pairs([fact for fact in facts if isinstance(fact, Severity)], lambda fact: fact.level):
        theirs = {clock.name: clock for clock in second.clocks}
        for clock in first.clocks:
            other = theirs.get(clock.name)
            if other is not None and not _agree(clock, other):
                yield Problem(
                    code="contradiction",
                    level=Level.ERROR,
                    message=(
                        f"{first.level} is to {clock.name} in \u201c{clock.text}\u201d at {first.source} "
                        f"and in \u201c{other.text}\u201d at {second.source}."
                    ),
                    hint=f"Keep one of the two; until then {first.source} counts.",
                    source=second.source,
                )


def _agree(one: ClockPromise, other: ClockPromise) -> bool:
    if one.seconds is None and other.seconds is None:
        return one.text.strip().lower() == other.text.strip().lower()
    return one.seconds == other.seconds


def _contacts(facts: Sequence[Fact]) -> Iterator[Problem]:
    real = [fact for fact in facts if isinstance(fact, Contact) and not fact.placeholder]
    for first, second in _pairs(real, lambda fact: fact.name.lower()):
        if first.source.path != second.source.path and first.address != second.address:
            yield Problem(
                code="contradiction",
                level=Level.WARNING,
                message=(
                    f"{first.name} is reached by {first.address} at {first.source} "
                    f"and by {second.address} at {second.source}."
                ),
                hint="Keep one of the two, or name the second differently.",
                source=second.source,
            )


def _pairs(facts: Sequence[F], key: Callable[[F], Hashable]) -> Iterator[tuple[F, F]]:
    """Each later fact with the first of the same key."""
    first: dict[Hashable, F] = {}
    for fact in facts:
        known = first.setdefault(key(fact), fact)
        if known is not fact:
            yield known, fact
