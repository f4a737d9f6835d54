"""Facts in one line for people: what a line of a playbook became."""

from functools import singledispatch

from stanch.model.plan import (
    Contact,
    DrillSchedule,
    Metric,
    PastIncident,
    PolicyFact,
    Procedure,
    Role,
    Severity,
    Step,
    Template,
    Threshold,
    Trigger,
    Unread,
)
from stanch.model.signal import Unit
from stanch.playbook.words import listing


def seconds(value: float) -> str:
    """`90` -> `1.5 min`, `86400` -> `24 h`."""
    if value == 0:
        return "at once"
    if value < 1:
        return f"{value * 1000:g} ms"
    if value < 120:
        return f"{value:g} s"
    if value < 7200:
        return f"{value / 60:g} min"
    return f"{value / 3600:g} h" if value <= 172800 else f"{value / 86400:g} days"


def amount(value: float, unit: Unit | None) -> str:
    match unit:
        case Unit.RATIO:
            return f"{value * 100:g}%"
        case Unit.SECONDS:
            return seconds(value) if value else "0 s"
        case Unit.BYTES:
            power, name = next(((p, n) for p, n in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if value >= p), (1, "B"))
            return f"{value / power:g} {name}"
        case Unit.PER_SECOND:
            return f"{value:g}/s"
        case Unit.COUNT | None:
            return f"{value:g}"


def condition(fact: Threshold) -> str:
    """`http.error_rate > 5% over 2 min, held for 5 min`."""
    name = fact.signal or "?"
    if fact.statistic:
        name = f"{name} {fact.statistic.value}"
    if fact.baseline_multiple is not None:
        limit = f"{fact.comparison.value} {fact.baseline_multiple:g} \u00d7 normal"
    elif fact.upper is not None and fact.value is not None:
        limit = f"between {amount(fact.value, fact.unit)} and {amount(fact.upper, fact.unit)}"
    else:
        limit = f"{fact.comparison.value} {amount(fact.value, fact.unit) if fact.value is not None else '?'}"
    parts = [f"{name} {limit}"]
    if fact.window_s is not None:
        parts.append(f"over {seconds(fact.window_s)}")
    if fact.persistence_s is not None:
        parts.append(f"held for {seconds(fact.persistence_s)}")
    if fact.consecutive is not None:
        parts.append(f"{fact.consecutive} times in a row")
    parts.extend(f"only {value}" for _, value in fact.labels)
    return ", ".join(parts)


@singledispatch
def became(fact: object) -> str:
    """What a fact is, in one line."""
    return type(fact).__name__


@became.register
def _(fact: Threshold) -> str:
    grade = f" \u2192 {fact.severity or fact.tier}" if fact.severity or fact.tier else ""
    role = fact.role.value.replace("_", " ")
    if fact.armed:
        return f"armed {role}: {condition(fact)}{grade}"
    return f"not armed ({role}): {condition(fact)}; {fact.because}"


@became.register
def _(fact: Severity) -> str:
    clocks = listing([f"{clock.name} {clock.text}" for clock in fact.clocks])
    regrades = "".join(f", {regrade.to} after {seconds(regrade.after_s)}" for regrade in fact.regrades)
    return f"severity {fact.level}{f' ({fact.name})' if fact.name else ''}: {clocks or 'no clock'}{regrades}"


@became.register
def _(fact: Metric) -> str:
    return f"metric {listing(fact.signals)} {listing([statistic.value for statistic in fact.statistics])}".rstrip()


@became.register
def _(fact: Procedure) -> str:
    signals = f", for {listing(fact.signals)}" if fact.signals else ""
    count = f"{len(fact.steps)} step{'' if len(fact.steps) == 1 else 's'}"
    return f"{fact.kind} \u201c{fact.name}\u201d: {count}{signals}"


@became.register
def _(fact: Step) -> str:
    what = fact.action or ("command" if fact.command else fact.type.value)
    if fact.command is not None and fact.command.split("\n", 1)[0].strip() not in fact.source.text:
        what = f"command `{fact.command}`"
    box = f", by {seconds(fact.due_s)}" if fact.due_s is not None else ""
    return f"step, {fact.risk.value}: {what}{box}"


@became.register
def _(fact: Trigger) -> str:
    return f"trigger: {fact.action or 'no action'} when {fact.condition}"


@became.register
def _(fact: Template) -> str:
    return f"template for {fact.audience}, {len(fact.slots)} slot{'' if len(fact.slots) == 1 else 's'}"


@became.register
def _(fact: Role) -> str:
    return f"role {fact.name}{f', only {listing(fact.severities)}' if fact.severities else ''}"


@became.register
def _(fact: Contact) -> str:
    return f"contact {fact.name}: {'nobody yet' if fact.placeholder else fact.address}"


@became.register
def _(fact: PolicyFact) -> str:
    return f"policy{f', check {fact.check}' if fact.check else ''}"


@became.register
def _(fact: PastIncident) -> str:
    return f"past incident of {fact.date or 'unknown date'}: {fact.cause or 'no cause given'}"


@became.register
def _(fact: DrillSchedule) -> str:
    return f"drill {fact.every}: {fact.what}"


@became.register
def _(fact: Unread) -> str:
    return f"not understood: {fact.because}"
