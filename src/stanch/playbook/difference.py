"""What a new version of the playbooks would do differently, in words.

Not the text is compared but what it means: rules, clocks, steps with their risk, contacts. An edit that changes no
behaviour gives nothing.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from stanch.model.plan import (
    Contact,
    DrillSchedule,
    Plan,
    PolicyFact,
    Procedure,
    Role,
    Severity,
    Step,
    Template,
    Threshold,
    Trigger,
)
from stanch.model.problem import Source
from stanch.model.record import record
from stanch.playbook.telling import condition
from stanch.playbook.words import listing

F = TypeVar("F")


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@record
class Change:
    """One difference: what it is about (`rule`, `clock`, `step`, ...), in words, and its place before and after."""

    kind: Kind
    about: str
    text: str
    before: Source | None = None
    after: Source | None = None


def difference(old: Plan, new: Plan) -> tuple[Change, ...]:
    """Every change of behaviour from one plan to another, the gravest kinds first."""
    return (
        *_rules(old, new),
        *_severities(old, new),
        *_procedures(old, new),
        *_triggers(old, new),
        *_contacts(old, new),
        *_roles(old, new),
        *_templates(old, new),
        *_policies(old, new),
        *_drills(old, new),
    )


def as_text(changes: Sequence[Change]) -> str:
    """One change a line: `+` added, `-` removed, `~` changed."""
    if not changes:
        return "Nothing changes: the same rules, clocks, steps, contacts and templates."
    signs = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~"}
    return "\n".join(f"{signs[change.kind]} {change.about}: {change.text}  ({_place(change)})" for change in changes)


def as_dict(changes: Sequence[Change]) -> dict[str, Any]:
    """The changes as plain values: kind, about, text, and the place before and after."""
    return {
        "changes": [
            {
                "kind": change.kind.value,
                "about": change.about,
                "text": change.text,
                "before": None if change.before is None else str(change.before),
                "after": None if change.after is None else str(change.after),
            }
            for change in changes
        ]
    }


def _place(change: Change) -> str:
    if change.before and change.after:
        return (
            f"{change.before} \u2192 {change.after}" if str(change.before) != str(change.after) else str(change.after)
        )
    return str(change.after or change.before)


def _paired(old: Sequence[F], new: Sequence[F], *keys: Callable[[F], Hashable]) -> Iterator[tuple[F | None, F | None]]:
    """Pairs of what is the same on both sides: by the first key that joins them, then what is left on each."""
    left, right = list(old), list(new)
    for key in keys:
        open_right: dict[Hashable, list[F]] = {}
        for fact in right:
            open_right.setdefault(key(fact), []).append(fact)
        rest: list[F] = []
        for fact in left:
            candidates = open_right.get(key(fact))
            if candidates:
                partner = candidates.pop(0)
                right.remove(partner)
                yield fact, partner
            else:
                rest.append(fact)
        left = rest
    for fact in left:
        yield fact, None
    for fact in right:
        yield None, fact


# --- rules ------------------------------------------------------------------------------------------------------


def _rules(old: Plan, new: Plan) -> Iterator[Change]:
    armed = [[fact for fact in plan.of(Threshold) if fact.armed] for plan in (old, new)]
    pairs = _paired(armed[0], armed[1], _whole, _subject, lambda fact: (fact.signal, fact.role))
    for before, after in pairs:
        if before is None and after is not None:
            yield Change(kind=Kind.ADDED, about="rule", text=_rule(after), after=after.source)
        elif after is None and before is not None:
            yield Change(
                kind=Kind.REMOVED, about="rule", text=f"{_rule(before)}{_disarmed(new, before)}", before=before.source
            )
        elif before is not None and after is not None and _whole(before) != _whole(after):
            yield Change(
                kind=Kind.CHANGED,
                about="rule",
                text=f"{_rule(before)} becomes {_rule(after)}",
                before=before.source,
                after=after.source,
            )


def _subject(fact: Threshold) -> Hashable:
    return (fact.signal, fact.statistic, fact.role, fact.severity, fact.tier, fact.labels)


def _whole(fact: Threshold) -> Hashable:
    return (_subject(fact), condition(fact))


def _rule(fact: Threshold) -> str:
    grade = f" ({fact.severity or fact.tier})" if fact.severity or fact.tier else ""
    return f"{condition(fact)}{grade}"


def _disarmed(plan: Plan, before: Threshold) -> str:
    """Why a rule is gone where its line still stands."""
    for fact in plan.of(Threshold):
        if not fact.armed and fact.source.text.strip() == before.source.text.strip():
            return f", since {fact.because}"
    return ""


# --- clocks -----------------------------------------------------------------------------------------------------


def _severities(old: Plan, new: Plan) -> Iterator[Change]:
    for before, after in _paired(old.of(Severity), new.of(Severity), lambda fact: fact.level):
        if before is None and after is not None:
            yield Change(kind=Kind.ADDED, about="severity", text=_clocks(after), after=after.source)
        elif after is None and before is not None:
            yield Change(kind=Kind.REMOVED, about="severity", text=_clocks(before), before=before.source)
        elif before is not None and after is not None:
            yield from _clock_changes(before, after)


def _clocks(fact: Severity) -> str:
    promises = listing([f"{clock.name} {clock.text}" for clock in fact.clocks])
    return f"{fact.level}, {promises or 'without a clock'}"


def _clock_changes(before: Severity, after: Severity) -> Iterator[Change]:
    for was, now in _paired(before.clocks, after.clocks, lambda clock: clock.name):
        if was is None and now is not None:
            text, kind = f"{after.level} promises {now.name} {now.text}", Kind.ADDED
        elif now is None and was is not None:
            text, kind = f"{after.level} no longer promises {was.name} {was.text}", Kind.REMOVED
        elif was is not None and now is not None and (was.seconds, was.text) != (now.seconds, now.text):
            if was.seconds is not None and was.seconds == now.seconds:
                continue
            text, kind = f"{after.level} {now.name} goes from {was.text} to {now.text}", Kind.CHANGED
        else:
            continue
        yield Change(kind=kind, about="clock", text=text, before=before.source, after=after.source)


# --- procedures -------------------------------------------------------------------------------------------------


def _procedures(old: Plan, new: Plan) -> Iterator[Change]:
    pairs = _paired(old.of(Procedure), new.of(Procedure), lambda fact: fact.key, lambda fact: fact.name.lower())
    for before, after in pairs:
        if before is None and after is not None:
            text = f"\u201c{after.name}\u201d with {len(after.steps)} steps"
            yield Change(kind=Kind.ADDED, about=after.kind, text=text, after=after.source)
        elif after is None and before is not None:
            text = f"\u201c{before.name}\u201d with {len(before.steps)} steps"
            yield Change(kind=Kind.REMOVED, about=before.kind, text=text, before=before.source)
        elif before is not None and after is not None:
            yield from _step_changes(before, after)


def _step_changes(before: Procedure, after: Procedure) -> Iterator[Change]:
    pairs = _paired(before.steps, after.steps, lambda step: (step.key, _does(step)), lambda step: step.key, _does)
    for was, now in pairs:
        if was is None and now is not None:
            text = f"\u201c{after.name}\u201d: {_step(now)}"
            yield Change(kind=Kind.ADDED, about="step", text=text, after=now.source)
        elif now is None and was is not None:
            text = f"\u201c{after.name}\u201d: {_step(was)}"
            yield Change(kind=Kind.REMOVED, about="step", text=text, before=was.source)
        elif was is not None and now is not None:
            told = list(_altered(was, now))
            if told:
                text = f"\u201c{after.name}\u201d, \u201c{now.text}\u201d: {listing(told)}"
                yield Change(kind=Kind.CHANGED, about="step", text=text, before=was.source, after=now.source)
    kept = [step.key for step in before.steps if step.key in {other.key for other in after.steps}]
    if kept != [step.key for step in after.steps if step.key in set(kept)]:
        yield Change(
            kind=Kind.CHANGED,
            about="order",
            text=f"\u201c{after.name}\u201d does its steps in another order",
            before=before.source,
            after=after.source,
        )


def _does(step: Step) -> Hashable:
    return (step.command, step.action, step.parameters) if step.command or step.action else step.text


def _step(step: Step) -> str:
    what = f": {step.command.splitlines()[0]}" if step.command else f" ({step.action})" if step.action else ""
    return f"{step.text}{what if what.strip(': ') != step.text else ''}, {step.risk.value}"


def _altered(was: Step, now: Step) -> Iterator[str]:
    if was.command != now.command:
        yield f"runs `{now.command}` instead of `{was.command}`"
    if was.action != now.action:
        yield f"asks for {now.action or 'a person'} instead of {was.action or 'a person'}"
    if was.parameters != now.parameters:
        yield f"with {_pairs(now.parameters)} instead of {_pairs(was.parameters)}"
    if was.risk is not now.risk:
        yield f"is {now.risk.value}, and was {was.risk.value}"
    if was.due_s != now.due_s:
        yield f"has until {_limit(now.due_s)} instead of {_limit(was.due_s)}"
    if was.condition != now.condition:
        yield f"is done {now.condition or 'always'}, and was {was.condition or 'always'}"
    if was.owner != now.owner:
        yield f"is {now.owner or 'nobody'}'s, and was {was.owner or 'nobody'}'s"


def _pairs(parameters: Sequence[tuple[str, str]]) -> str:
    return listing([f"{name} {value}" for name, value in parameters]) or "nothing"


def _limit(value: float | None) -> str:
    return "the end" if value is None else f"{value / 60:g} min"


# --- the rest ---------------------------------------------------------------------------------------------------


def _triggers(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _named(
        "trigger",
        old.of(Trigger),
        new.of(Trigger),
        lambda fact: fact.condition.lower(),
        lambda fact: fact.action or "no action",
    )


def _contacts(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _named(
        "contact", old.of(Contact), new.of(Contact), lambda fact: fact.name.lower(), lambda fact: fact.address
    )


def _roles(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _named(
        "role",
        old.of(Role),
        new.of(Role),
        lambda fact: fact.name.lower(),
        lambda fact: listing(fact.severities) or "every severity",
    )


def _templates(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _named(
        "template", old.of(Template), new.of(Template), lambda fact: fact.name.lower(), lambda fact: fact.body
    )


def _policies(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _named(
        "policy",
        old.of(PolicyFact),
        new.of(PolicyFact),
        lambda fact: fact.statement,
        lambda fact: fact.check or "no check",
    )


def _drills(old: Plan, new: Plan) -> Iterator[Change]:
    yield from _named(
        "drill", old.of(DrillSchedule), new.of(DrillSchedule), lambda fact: fact.what.lower(), lambda fact: fact.every
    )


N = TypeVar("N", Trigger, Contact, Role, Template, PolicyFact, DrillSchedule)


def _named(
    about: str, old: Sequence[N], new: Sequence[N], key: Callable[[N], str], value: Callable[[N], str]
) -> Iterator[Change]:
    """Facts with a name and one thing that matters about them."""
    for before, after in _paired(old, new, key):
        if before is None and after is not None:
            text = f"{key(after)}, {_short(value(after))}"
            yield Change(kind=Kind.ADDED, about=about, text=text, after=after.source)
        elif after is None and before is not None:
            text = f"{key(before)}, {_short(value(before))}"
            yield Change(kind=Kind.REMOVED, about=about, text=text, before=before.source)
        elif before is not None and after is not None and value(before) != value(after):
            text = f"{key(after)} goes from {_short(value(before))} to {_short(value(after))}"
            yield Change(kind=Kind.CHANGED, about=about, text=text, before=before.source, after=after.source)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else f"{flat[:77]}\u2026"
