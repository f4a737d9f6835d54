"""A rule from moment to moment: out of range, for how long, firing or not. Pure; the time is an argument.

The states are Prometheus' (`rules/alerting.go`): pending from the first evaluation that is out of range, firing once
that has lasted `persistence_s`, back to inactive at the first that is in range. Beside it stands `no data`, which
Prometheus does not tell from health: it is never inactive, and a rule that was firing stays raised until its signal
has been *seen* in range.
"""

import math
from enum import StrEnum
from typing import NamedTuple

from stanch.model.record import record
from stanch.model.rule import AlertState, Evaluation, Rule


class Standing(NamedTuple):
    """Where a rule stands. `since` is when `state` began, `out_since` when its signal went out of range.

    `in_a_row` is how many evaluations in a row were out of range; `raised` is whether it fired and its signal was not
    seen in range again. Times are epoch seconds.
    """

    state: AlertState
    since: float
    at: float
    value: float | None = None
    out_since: float | None = None
    in_a_row: int = 0
    raised: bool = False


class Change(StrEnum):
    """What people hear of."""

    FIRED = "fired"
    CLEARED = "cleared"
    DATA_LOST = "data lost"


@record
class Transition:
    """A change of a rule. `raised` tells, for lost data, whether the rule had fired and is not known to be well."""

    change: Change
    evaluation: Evaluation
    raised: bool


def out_of_range(rule: Rule, value: float) -> bool:
    """Whether a value is what the rule warns of; with `upper`, both bounds must hold."""
    return rule.comparison.holds(value, rule.value) and (rule.upper is None or value <= rule.upper)


def advance(rule: Rule, before: Standing | None, value: float | None, at: float) -> Standing:
    """The standing after an evaluation at `at` that gave `value` (None or NaN: no data)."""
    if value is None or math.isnan(value):
        since = before.since if before is not None and before.state is AlertState.NO_DATA else at
        return Standing(AlertState.NO_DATA, since, at, raised=before is not None and before.raised)
    if not out_of_range(rule, value):
        since = before.since if before is not None and before.state is AlertState.INACTIVE else at
        return Standing(AlertState.INACTIVE, since, at, value)

    out_since = at if before is None or before.out_since is None else before.out_since
    in_a_row = 1 if before is None else before.in_a_row + 1
    # In milliseconds, in which two moments a whole number of seconds apart are exactly that.
    lasted = round((at - out_since) * 1000) >= round(rule.persistence_s * 1000)
    firing = lasted and in_a_row >= (rule.consecutive or 1)
    state = AlertState.FIRING if firing else AlertState.PENDING
    since = before.since if before is not None and before.state is state else at
    return Standing(
        state, since, at, value, out_since, in_a_row, raised=firing or (before is not None and before.raised)
    )


def transition(rule: Rule, before: Standing | None, after: Standing) -> Transition | None:
    """What there is to tell of the step from one standing to the next."""
    was = None if before is None else before.state
    change = None
    if after.state is AlertState.FIRING and was is not AlertState.FIRING:
        change = Change.FIRED
    elif after.state is AlertState.INACTIVE and before is not None and before.raised:
        change = Change.CLEARED
    elif after.state is AlertState.NO_DATA and was not in {None, AlertState.NO_DATA}:
        change = Change.DATA_LOST
    if change is None:
        return None
    return Transition(change=change, evaluation=evaluation(rule, after), raised=after.raised)


def unseen(before: Standing, seconds: float) -> Standing:
    """The standing after `seconds` in which nobody looked: they do not count towards the persistence."""
    if before.state is not AlertState.PENDING or before.out_since is None:
        return before
    return before._replace(out_since=before.out_since + seconds, since=before.since + seconds)


def moved(before: Standing, seconds: float) -> Standing:
    """The standing after the clock was moved by `seconds`."""
    return before._replace(
        since=before.since + seconds,
        at=before.at + seconds,
        out_since=None if before.out_since is None else before.out_since + seconds,
    )


def evaluation(rule: Rule, standing: Standing) -> Evaluation:
    return Evaluation(rule=rule, state=standing.state, value=standing.value, since=standing.since, at=standing.at)
