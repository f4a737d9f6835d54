"""Armed thresholds of a plan become rules. What cannot be watched is a problem that says why, never a guess."""

import hashlib
from collections.abc import Iterable, Mapping

from stanch.catalogue.signals import with_own
from stanch.charts.quantity import prose
from stanch.model.plan import Plan, Severity, Threshold, ThresholdRole
from stanch.model.problem import Level, Problem
from stanch.model.record import record
from stanch.model.rule import Rule
from stanch.model.signal import CounterIncrease, CounterRate, CounterRatio, Histogram, Reading, Signal
from stanch.signals.reading import gives
from stanch.signals.wording import title

ACTING = frozenset({ThresholdRole.ALERT, ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER})

# What a rule is given where neither its playbook nor the settings know a severity.
UNGRADED = "P2"


@record
class Compiled:
    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]


def compile_rules(
    plan: Plan,
    *,
    signals: Mapping[str, Signal] | None = None,
    default_severity: str | None = None,
    interval_s: float = 5.0,
) -> Compiled:
    """The rules of a plan's armed thresholds that act by themselves, in document order.

    A threshold without a severity gets `default_severity`, else the middle one of the plan's. `interval_s` is the
    time between two samples: a counter needs two of them in a window. `signals` are the catalogue's and those that the
    playbooks define, unless others are given.
    """
    known = with_own(plan.signals) if signals is None else signals
    severity = default_severity or middle_severity(plan.of(Severity))
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for threshold in plan.of(Threshold):
        if not threshold.armed or threshold.role not in ACTING:
            continue
        match rule_of(threshold, known, threshold.severity or severity, interval_s):
            case Problem() as problem:
                problems.append(problem)
            case Rule() as rule if rule.id in rules:
                problems.append(_twice(rule, rules[rule.id]))
            case Rule() as rule:
                rules[rule.id] = rule
    return Compiled(rules=tuple(rules.values()), problems=tuple(problems))


def middle_severity(severities: Iterable[Severity]) -> str:
    """The middle level of those that a plan defines, the graver of the two middle ones; `P2` where it has none."""
    levels = list(dict.fromkeys(severity.level for severity in severities))
    return levels[(len(levels) - 1) // 2] if levels else UNGRADED


def rule_of(
    threshold: Threshold, signals: Mapping[str, Signal], severity: str, interval_s: float = 5.0
) -> Rule | Problem:
    """One threshold as a rule, or why it cannot be one."""
    signal = signals.get(threshold.signal or "")
    if signal is None:
        return _unwatched(threshold, f"there is no signal {threshold.signal!r}", "Use a phrase of the catalogue.")
    if threshold.value is None:
        if threshold.baseline_multiple is not None:
            return _unwatched(
                threshold, "it compares with what is normal, which has no number", "Write the limit as a number."
            )
        return _unwatched(threshold, "it has no number", "Write the limit as a number.")
    if threshold.unit is not None and threshold.unit is not signal.unit:
        return _unwatched(
            threshold,
            f"its unit is {threshold.unit.value} and that of {signal.phrases[0]} is {signal.unit.value}",
            f"Write the limit in {signal.unit.value}.",
        )
    readings = gives(signal, threshold.statistic)
    if not readings:
        return _unwatched(
            threshold,
            f"{signal.phrases[0]} has no {threshold.statistic}",
            "Leave the statistic out, or name a signal that is measured as a distribution.",
        )
    window_s = signal.default_window_s if threshold.window_s is None else threshold.window_s
    if any(needs_window(reading) for reading in readings):
        # Without a window a rate has no meaning: "now" is the signal's own.
        window_s = window_s or signal.default_window_s or 60.0
        if window_s < 2 * interval_s:
            return _unwatched(
                threshold,
                f"a window of {prose(window_s)} does not hold two samples that are {prose(interval_s)} apart",
                f"Scrape more often, or look at {prose(2 * interval_s)} at least.",
            )
    condition = (
        signal.name,
        threshold.statistic,
        threshold.comparison,
        threshold.value,
        threshold.upper,
        window_s,
        threshold.persistence_s or 0.0,
        threshold.consecutive,
        threshold.role,
        threshold.labels,
        severity,
    )
    return Rule(
        id=_id(signal.name, (threshold.source.path, *condition)),
        title=title(threshold, signal),
        signal=signal.name,
        statistic=threshold.statistic,
        comparison=threshold.comparison,
        value=threshold.value,
        upper=threshold.upper,
        unit=signal.unit,
        window_s=window_s,
        persistence_s=threshold.persistence_s or 0.0,
        consecutive=threshold.consecutive,
        severity=severity,
        role=threshold.role,
        labels=threshold.labels,
        source=threshold.source,
    )


def needs_window(reading: Reading) -> bool:
    """Whether a reading is of what happened in a window, not of the latest values."""
    return isinstance(reading, CounterRate | CounterIncrease | CounterRatio | Histogram)


def _id(signal: str, condition: tuple[object, ...]) -> str:
    """Readable, and the same as long as the document's path and the condition are: lines may move."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in condition).encode()).hexdigest()
    return f"{signal.replace('.', '-').replace('_', '-')}-{digest[:8]}"


def _unwatched(threshold: Threshold, why: str, hint: str) -> Problem:
    return Problem(
        code="unwatchable-threshold",
        level=Level.ERROR,
        message=f"This threshold is not watched: {why}.",
        hint=hint,
        source=threshold.source,
    )


def _twice(rule: Rule, first: Rule) -> Problem:
    return Problem(
        code="duplicate-threshold",
        level=Level.NOTE,
        message=f"The same condition is already on line {first.source.line} ({rule.title}); it is watched once.",
        source=rule.source,
    )
