"""Clocks, badges, timeline rows and rules as they are shown."""

import pytest

from stanch.model.incident import ClockState, Event, EventKind, Incident, IncidentClock, IncidentStatus
from stanch.model.plan import Plan, Severity, ThresholdRole
from stanch.model.problem import Source
from stanch.model.rule import AlertState, Evaluation, Rule
from stanch.model.signal import Comparison, Statistic, Unit
from stanch.web.views import clocks, overview, room, severity, signals

SOURCE = Source(path="a.md", line=3)


def plan(*levels: str) -> Plan:
    severities = tuple(
        Severity(level=level, name=f"name {level}", response_s=None, clocks=(), criteria=(), source=SOURCE)
        for level in levels
    )
    return Plan(hash="h", playbooks=(), facts=severities)


def incident(*promised: IncidentClock) -> Incident:
    return Incident(
        id="1", title="t", severity="P1", status=IncidentStatus.OPEN, service="s", opened_at=0.0, plan_hash="h",
        source=None, clocks=promised,
    )  # fmt: skip


def clock(state: ClockState, due_at: float | None = 100.0, ended_at: float | None = None) -> IncidentClock:
    return IncidentClock(
        name="acknowledge", text="1 minute 40", started_at=0.0, due_at=due_at, state=state, ended_at=ended_at
    )


@pytest.mark.parametrize(
    ("promised", "now", "state", "reading", "share"),
    [
        (clock(ClockState.RUNNING), 25.0, "running", "1:15", 0.25),
        (clock(ClockState.RUNNING), 76.0, "risk", "0:24", 0.76),
        (clock(ClockState.RUNNING), 130.0, "missed", "0:00", 1.0),
        (clock(ClockState.KEPT, ended_at=41.0), 500.0, "kept", "✓ 0:41", 0.41),
        (clock(ClockState.MISSED, ended_at=130.0), 500.0, "missed", "✕ 0:30 late", 1.0),
        (clock(ClockState.RUNNING, due_at=None), 10.0, "open", "1 minute 40", None),
    ],
)
def test_a_clock_says_where_its_promise_stands(promised, now, state, reading, share):
    (view,) = clocks.views(incident(promised), now)
    assert (view.state, view.reading, view.share) == (state, reading, share)


def test_the_promise_that_runs_out_first_is_the_next():
    later = IncidentClock(name="resolve", text="", started_at=0, due_at=900.0, state=ClockState.RUNNING)
    kept = IncidentClock(name="update", text="", started_at=0, due_at=5.0, state=ClockState.KEPT)
    found = clocks.next_due(incident(later, kept, clock(ClockState.RUNNING)))
    assert found is not None
    assert found.name == "acknowledge"
    assert clocks.next_due(incident(kept)) is None


@pytest.mark.parametrize(
    ("levels", "tones"),
    [
        (("P0", "P1", "P2", "P3"), ("fire", "fire", "warn", "calm")),
        (("P1", "P2", "P3"), ("fire", "warn", "calm")),
        (("SEV1", "SEV2", "SEV3", "SEV4"), ("fire", "warn", "calm", "calm")),
        (("Critical", "High", "Low"), ("fire", "fire", "warn")),
    ],
)
def test_a_badge_burns_for_the_worst_levels_of_the_playbook(levels, tones):
    badges = [severity.badge(level, plan(*levels)) for level in levels]
    assert tuple(badge.tone for badge in badges) == tones
    assert len({badge.tone for badge in badges}) == len({badge.shape for badge in badges})


def test_a_level_that_no_playbook_knows_is_not_made_small():
    assert severity.badge("X", plan("P1", "P2", "P3")).tone != "calm"
    assert severity.badge("X", plan()).level == "X"


def event(seq: int, kind: EventKind, at: float, **data) -> Event:
    return Event(
        incident_id="1", seq=seq, at=at, kind=kind, actor="stanch", data=data, previous=str(seq - 1), digest=str(seq)
    )


def test_what_an_event_does_to_the_promises_stands_with_it():
    events = (
        event(1, EventKind.OPENED, 5.0, title="slow", severity="P1", source=None),
        event(2, EventKind.CLOCK_STARTED, 5.0, name="acknowledge", due_at=9, text="5 minutes"),
        event(3, EventKind.CLOCK_STARTED, 5.0, name="resolve", due_at=99, text="1 hour"),
        event(4, EventKind.NOTE, 60.0, text="looking"),
        event(5, EventKind.CLOCK_KEPT, 60.0, name="update", elapsed_s=55.0),
        event(6, EventKind.CLOCK_STARTED, 60.0, name="update", due_at=99, text="every 15 minutes"),
        event(7, EventKind.CLOCK_MISSED, 70.0, name="acknowledge", late_s=1.0),
        event(8, EventKind.CLOCK_KEPT, 80.0, name="resolve", elapsed_s=75.0),
    )
    shown = room.rows(events, 0.0)
    assert [(row.seq, row.text, row.detail) for row in shown] == [
        (8, "Kept: resolve", "after 75 s"),
        (7, "Missed: acknowledge", "1 s late"),
        (6, "looking", "update kept after 55 s; next update: every 15 minutes"),
        (3, "Opened P1: slow", "by stanch; acknowledge: 5 minutes; resolve: 1 hour"),
    ]


def test_progress_is_no_row_and_what_took_no_time_is_one():
    events = (
        event(1, EventKind.STEP_STARTED, 1.0, run="r", step="quick", text="quick"),
        event(2, EventKind.STEP_DONE, 1.2, run="r", step="quick", text="quick", elapsed_s=0.2),
        event(3, EventKind.STEP_STARTED, 2.0, run="r", step="long", text="long"),
        event(4, EventKind.STEP_PROGRESS, 5.0, run="r", step="long", text="43%", done=43, total=100),
        event(5, EventKind.STEP_DONE, 9.0, run="r", step="long", text="long", elapsed_s=7),
    )
    assert [row.seq for row in room.rows(events, 0.0)] == [5, 3, 2]


def rule(comparison: Comparison = Comparison.GREATER, **more) -> Rule:
    defaults = {
        "id": "r", "title": f"response time p95 {comparison.value} 1 s for 5 min", "signal": "http.response_time",
        "statistic": Statistic.P95, "value": 1.0, "unit": Unit.SECONDS, "window_s": 10.0, "persistence_s": 300.0,
        "severity": "P1", "role": ThresholdRole.ALERT, "source": SOURCE,
    }  # fmt: skip
    return Rule(**{**defaults, "comparison": comparison, **more})


def test_a_limit_is_said_with_its_window_and_how_long_it_must_hold():
    assert signals.condition_of(rule()) == "limit 1 s in 10 s for 5 min"
    assert signals.condition_of(rule(Comparison.LESS, window_s=0.0, persistence_s=0.0)) == "under 1 s"
    assert signals.condition_of(rule(upper=2.0, persistence_s=0.0)) == "over 1 s to 2 s in 10 s"


@pytest.mark.parametrize(
    ("state", "since", "text"),
    [
        (AlertState.FIRING, 40.0, "firing for 60 s"),
        (AlertState.PENDING, 98.0, "out of range for 2 s"),
        (AlertState.NO_DATA, 0.0, "no data yet"),
        (AlertState.NO_DATA, 40.0, "no data for 60 s"),
        (AlertState.INACTIVE, 40.0, "within its limit"),
    ],
)
def test_a_rule_says_where_it_stands(state, since, text):
    evaluation = Evaluation(rule=rule(), state=state, value=None, since=since, at=100.0)
    assert signals.standing(evaluation, 100.0) == text


@pytest.mark.parametrize(
    ("states", "sees_all"),
    [
        ((AlertState.INACTIVE, AlertState.INACTIVE), True),
        ((AlertState.INACTIVE, AlertState.FIRING), True),
        ((AlertState.INACTIVE, AlertState.NO_DATA), False),
        ((), False),
    ],
)
def test_that_nothing_is_open_is_good_news_only_where_everything_is_seen(states, sees_all):
    evaluations = tuple(Evaluation(rule=rule(), state=state, value=None, since=0.0, at=100.0) for state in states)
    material = overview.Material(open=(), runs=(), resolved=(), reviews=())
    watch = overview.Watch(evaluations=evaluations, watched=(), targets={}, problems=(), failing=())
    assert overview.build(material, plan("P1"), watch, 100.0).sees_all is sees_all
