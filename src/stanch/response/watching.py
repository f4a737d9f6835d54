"""Sentences of a procedure that speak of a measured signal, and whether it is as they say.

`Verify the error rate is below 1% for 5 minutes` and `If memory usage > 90%: ...` are decided by what is measured, as
an armed threshold is, and by the same reading of words. What names no signal, several, or no number stays a person's.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from stanch.catalogue.signals import with_own
from stanch.charts.quantity import prose, say
from stanch.model.plan import Threshold, ThresholdRole
from stanch.model.problem import Problem, Source
from stanch.model.record import record
from stanch.model.rule import Rule
from stanch.model.signal import Signal
from stanch.playbook.threshold import conditions_of
from stanch.playbook.vocabulary import catalogue
from stanch.signals.compile import rule_of
from stanch.signals.rules import out_of_range

_VERB = re.compile(
    r"^\W*(?:re-?)?(?:check|verify|confirm|ensure|validate|test|make sure|assert|monitor|watch|wait)"
    r"(?:\s+(?:that|until|for|if|whether))?\s+(?:the\s+)?",
    re.IGNORECASE,
)

Measure = Callable[[Rule], float | None]
"""The present value of a rule's signal, read as the rule says; None without data."""


@record
class Seen:
    """What is measured now. `holds` is None without data."""

    holds: bool | None
    text: str


@lru_cache(maxsize=4096)
def watched(text: str, source: Source, signals: Sequence[Signal] = ()) -> Rule | None:
    """The one condition on a signal that a sentence speaks of, as a rule that is armed nowhere; None where it has none.

    `signals` are those that the playbooks define beside the catalogue's.
    """
    vocabulary = catalogue().with_signals(signals) if signals else catalogue()
    found = conditions_of(_VERB.sub("", text), vocabulary)
    if len(found) != 1:
        return None
    (condition,) = found
    unsure = condition.because or condition.joined or condition.past or condition.negated or condition.scope
    if unsure or condition.signal is None or condition.value is None:
        return None
    threshold = Threshold(
        signal=condition.signal.name,
        statistic=condition.statistic,
        comparison=condition.comparison,
        value=condition.value,
        upper=condition.upper,
        unit=condition.unit,
        window_s=condition.window_s,
        persistence_s=condition.persistence_s,
        consecutive=condition.consecutive,
        role=ThresholdRole.RECOVERY_TARGET,
        armed=False,
        source=source,
    )
    rule = rule_of(threshold, with_own(signals), "")
    return None if isinstance(rule, Problem) else rule


def look(rule: Rule, measure: Measure) -> Seen:
    """Whether the condition holds at this moment."""
    value = measure(rule)
    if value is None:
        return Seen(holds=None, text=f"There is no data for {rule.title}.")
    # For a condition that is wanted, to be within it is what the comparison says.
    return Seen(holds=out_of_range(rule, value), text=f"{rule.title}: it is {say(value, rule.unit)}.")


def holding_s(rule: Rule) -> float:
    """For how long it must hold without a break, in seconds; 0 is satisfied by one look."""
    return rule.persistence_s


def described(rule: Rule) -> str:
    """What is waited for."""
    hold = holding_s(rule)
    return f"{rule.title}, without a break" if hold else f"{rule.title} (for {prose(rule.window_s)} looked back)"


def to_document(rule: Rule) -> dict[str, Any]:
    """A rule as plain values, to stand with a step."""
    values: dict[str, Any] = msgspec.to_builtins(rule)
    return values


def of_document(values: Any) -> Rule:
    return msgspec.convert(values, Rule)
