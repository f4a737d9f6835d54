"""The resolve gate: an incident is over when its signals say so for long enough, not when somebody does.

`decide` is pure. What it needs to remember, since when everything is within limits, is on the incident's row, so the
count goes on after a restart.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from sqlalchemy import Connection, bindparam, func, select

from stanch.catalogue.signals import SIGNALS, with_own
from stanch.charts.quantity import compared, prose, say, statistic
from stanch.incidents import lifecycle, timeline
from stanch.model.incident import EventKind, Incident, IncidentStatus
from stanch.model.plan import Plan, Threshold, ThresholdRole
from stanch.model.problem import Problem
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.rule import AlertState, Evaluation, Rule
from stanch.model.run import StepState
from stanch.model.signal import Comparison, Statistic
from stanch.signals.compile import rule_of
from stanch.signals.rules import out_of_range
from stanch.store import tables
from stanch.store.wake import wake

CLEAN_S = 300.0

LONGEST_GAP_S = 60.0

# Comparisons for which "limit 1 s" says it all.
_PLAIN = {Comparison.GREATER, Comparison.GREATER_EQUAL, Comparison.LESS, Comparison.LESS_EQUAL}


class Verdict(Enum):
    """`WAITING`: out of range, or not clean for long enough, as before. The others are changes to be written."""

    WAITING = "waiting"
    BEGAN = "began"
    BROKE = "broke"
    RESOLVED = "resolved"


@record
class Recovery:
    """Where an incident stands on its way out.

    `because` are the reasons, one a signal, why it does not recover; empty while everything is within limits.
    `clean_s` of `needed_s` have gone by since `since`.
    """

    verdict: Verdict
    because: tuple[str, ...]
    since: float | None
    needed_s: float
    clean_s: float

    @property
    def changes(self) -> bool:
        """Whether `step` has something to write."""
        return self.verdict is not Verdict.WAITING


class Measure(Protocol):
    """A signal's present value, None without data; `signals.watcher.Watcher.value` is one."""

    def __call__(
        self,
        signal: str,
        *,
        statistic: Statistic | None = None,
        window_s: float | None = None,
        labels: tuple[tuple[str, str], ...] = (),
    ) -> float | None: ...


def measure_targets(plan: Plan, value: Measure, now: float, *, interval_s: float = 5.0) -> tuple[Evaluation, ...]:
    """The plan's recovery targets, measured: `firing` where the value is not yet what the target asks for.

    A target that cannot be measured is left out; `decide` misses it. `interval_s` is the time between two samples.
    """
    found = []
    signals = with_own(plan.signals)
    for target in _targets(plan):
        rule = rule_of(target, signals, target.severity or "", interval_s)
        if isinstance(rule, Problem):
            continue
        present = value(rule.signal, statistic=rule.statistic, window_s=rule.window_s, labels=rule.labels)
        if present is None:
            state = AlertState.NO_DATA
        else:
            state = AlertState.INACTIVE if out_of_range(rule, present) else AlertState.FIRING
        found.append(Evaluation(rule=rule, state=state, value=present, since=now, at=now))
    return tuple(found)


def decide(
    incident: Incident,
    evaluations: Sequence[Evaluation],
    plan: Plan,
    now: float,
    *,
    clean_s: float = CLEAN_S,
    under_way: Sequence[str] = (),
) -> Recovery:
    """Whether the incident recovers, and if not why.

    Every rule that fired in it is inactive with data; an alert of another system, which nothing here evaluates, was
    cleared by that system; every recovery target of the plan holds. That, without a break, for the longest
    persistence of the recovery targets, or `clean_s` where they name none. A state that began while nobody looked
    counts from its beginning, so a gap in the data is a break. While a step that changes production is `under_way`
    nothing is counted: what the signals say then is not what they will say after it.
    """
    targets = _targets(plan)
    measured = {evaluation.rule.id: evaluation for evaluation in evaluations}
    aims = tuple(each for each in evaluations if each.rule.role is ThresholdRole.RECOVERY_TARGET)
    fired = tuple(measured[rule] for rule in incident.rules if rule in measured)
    needed_s = max(
        [target.persistence_s for target in targets if target.persistence_s is not None]
        + [aim.rule.persistence_s for aim in aims if aim.rule.persistence_s > 0],
        default=clean_s,
    )
    because = (
        *(() if incident.rules else ("it was opened by hand, so a person says when it is over",)),
        *(reason for evaluation in fired if (reason := _still_out(evaluation)) is not None),
        *(f"{rule} was not cleared by the system that reported it" for rule in incident.firing if rule not in measured),
        *(reason for aim in aims if (reason := _not_reached(aim)) is not None),
        *(_not_measured(target) for target in targets if not _is_measured(target, aims)),
        *(f"{step} is under way" for step in under_way),
    )
    before = incident.recovering_since
    if because:
        verdict = Verdict.WAITING if before is None else Verdict.BROKE
        return Recovery(verdict=verdict, because=because, since=None, needed_s=needed_s, clean_s=0.0)
    latest_change = max((each.since for each in fired if each.since <= now), default=None)
    if before is None:
        return Recovery(verdict=Verdict.BEGAN, because=(), since=now, needed_s=needed_s, clean_s=0.0)
    if latest_change is not None and latest_change > before:
        return Recovery(
            verdict=Verdict.BEGAN, because=(), since=latest_change, needed_s=needed_s, clean_s=now - latest_change
        )
    clean = max(0.0, now - before)
    verdict = Verdict.RESOLVED if clean >= needed_s else Verdict.WAITING
    return Recovery(verdict=verdict, because=(), since=before, needed_s=needed_s, clean_s=clean)


def step(
    connection: Connection,
    incident: Incident,
    evaluations: Sequence[Evaluation],
    plan: Plan,
    now: float,
    *,
    clean_s: float = CLEAN_S,
) -> Recovery:
    """Decide on the incident as it is in this transaction, and write what that changes.

    `decide` on an incident just read tells whether a transaction is worth it (`Recovery.changes`). Raises `NotFound`.
    """
    with timeline.extend(connection, incident.id) as chain:
        if chain.incident.status is IncidentStatus.RESOLVED:
            over = chain.incident.resolved_at
            return Recovery(verdict=Verdict.WAITING, because=(), since=over, needed_s=clean_s, clean_s=0.0)
        under_way = steps_under_way(connection, incident.id)
        recovery = decide(chain.incident, evaluations, plan, now, clean_s=clean_s, under_way=under_way)
        match recovery.verdict:
            case Verdict.WAITING:
                pass
            case Verdict.BEGAN:
                chain.add(EventKind.RECOVERING, {"since": recovery.since, "needed_s": recovery.needed_s}, now=now)
            case Verdict.BROKE:
                because = "; ".join(recovery.because)
                chain.add(
                    EventKind.RECOVERING,
                    {"since": None, "needed_s": recovery.needed_s, "because": because},
                    now=now,
                )
            case Verdict.RESOLVED:
                # The gate saw them inactive before the news of it was written.
                for evaluation in evaluations:
                    lifecycle.cleared(connection, chain, evaluation.rule.id, evaluation.rule.title, now=now)
                because = f"every signal stayed within its limits for {prose(recovery.clean_s)}"
                lifecycle.end(chain, {"because": because, "clean_s": recovery.clean_s}, plan, now=now)
    if recovery.changes:
        wake(connection, lifecycle.TOPIC)
    return recovery


def steps_under_way(connection: Connection, incident_id: str) -> tuple[str, ...]:
    """The steps of an incident's runs that are changing production at this moment, by their titles."""
    rows = connection.execute(_UNDER_WAY, {"incident": incident_id})
    return tuple(str(row.title or row.text) for row in rows)


_UNDER_WAY = (
    select(tables.step.c.title, tables.step.c.text)
    .join(tables.run, tables.run.c.id == tables.step.c.run_id)
    .where(
        tables.run.c.incident_id == bindparam("incident"),
        tables.step.c.state == StepState.STARTED,
        tables.step.c.risk != Risk.READ_ONLY,
    )
    .order_by(tables.step.c.run_id, tables.step.c.ordinal)
)


def break_long_gaps(connection: Connection, now: float, *, longest_s: float = LONGEST_GAP_S) -> None:
    """At the start of a server: where nothing was measured for longer than `longest_s`, counts begin anew.

    A short restart costs nothing; after a long one nobody knows that the signals stayed within their limits.
    """
    last: float | None = connection.execute(select(func.max(tables.sample.c.at))).scalar_one()
    if last is None or now - last <= longest_s:
        return
    because = f"nothing was measured for {prose(now - last)}"
    for incident in lifecycle.listing(connection, open_only=True):
        if incident.recovering_since is not None:
            data = {"since": None, "needed_s": None, "because": because}
            timeline.append(connection, incident.id, EventKind.RECOVERING, data, now=now)


def _still_out(evaluation: Evaluation) -> str | None:
    """Why a rule that fired is not clean; None where it is."""
    rule = evaluation.rule
    if evaluation.state is AlertState.NO_DATA or evaluation.value is None:
        return f"no data from {_name(rule)}"
    if evaluation.state is AlertState.INACTIVE:
        return None
    return f"{_name(rule)} is {say(evaluation.value, rule.unit)}, limit {_limit(rule)}"


def _not_reached(evaluation: Evaluation) -> str | None:
    """Why a recovery target does not hold; None where it does. Its condition says what is wanted."""
    rule = evaluation.rule
    if evaluation.state is AlertState.NO_DATA or evaluation.value is None:
        return f"no data from {_name(rule)}"
    if out_of_range(rule, evaluation.value):
        return None
    return f"{_name(rule)} is {say(evaluation.value, rule.unit)}, target {_limit(rule)}"


def _targets(plan: Plan) -> tuple[Threshold, ...]:
    """The recovery targets that were understood. They arm nothing by themselves, so `armed` says nothing of them."""
    return tuple(
        threshold
        for threshold in plan.of(Threshold)
        if threshold.role is ThresholdRole.RECOVERY_TARGET
        if threshold.signal is not None and threshold.value is not None
    )


def _is_measured(target: Threshold, aims: Sequence[Evaluation]) -> bool:
    return any(aim.rule.source == target.source and aim.rule.signal == target.signal for aim in aims)


def _not_measured(target: Threshold) -> str:
    return f"the recovery target of {target.source} is not measured ({target.source.text.strip() or target.signal})"


def _name(rule: Rule) -> str:
    """The signal as people write it, with its statistic: `database response time p95`."""
    signal = SIGNALS.get(rule.signal)
    name = signal.phrases[0] if signal is not None and signal.phrases else rule.signal
    return f"{name} {statistic(rule.statistic)}".rstrip()


def _limit(rule: Rule) -> str:
    if rule.upper is not None:
        return f"{say(rule.value, rule.unit)} to {say(rule.upper, rule.unit)}"
    value = say(rule.value, rule.unit)
    return value if rule.comparison in _PLAIN else f"{compared(rule.comparison)} {value}"
