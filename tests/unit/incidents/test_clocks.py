"""Promises on an incident in memory: the time is an argument."""

import pytest

from incident_builders import P1, P2, P3, T0, plan
from stanch.incidents import clocks
from stanch.incidents.timeline import Chain
from stanch.model.incident import ClockState, EventKind


def opened(level="P1", at=T0):
    chain = Chain("1", None, "")
    opening = {"title": "x", "severity": level, "service": "", "rule": "latency", "plan_hash": "a" * 64}
    chain.add(EventKind.OPENED, opening, now=at)
    clocks.start(chain, plan(), now=at)
    return chain


def clock(chain, name):
    return next(each for each in chain.incident.clocks if each.name == name)


def happens(chain, kind, *, at, with_plan=True, **data):
    chain.add(kind, {"by": "ann", "because": "x", "text": "x", **data}, now=at)
    clocks.keep(chain, kind, plan() if with_plan else None, now=at)


def test_every_promise_but_the_review_starts_with_the_incident():
    chain = opened()
    assert {each.name: each.due_at for each in chain.incident.clocks} == {
        "acknowledge": T0 + 300,
        "contain": T0 + 900,
        "update": T0 + 900,
        "resolve": T0 + 3600,
    }
    assert all(each.state is ClockState.RUNNING for each in chain.incident.clocks)


def test_a_promise_without_a_number_runs_without_a_deadline():
    assert clock(opened("P3"), "contain").due_at is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (EventKind.ACKNOWLEDGED, "acknowledge"),
        (EventKind.MITIGATED, "contain"),
        (EventKind.RESOLVED, "resolve"),
        (EventKind.RESOLVED, "contain"),
        (EventKind.RESOLVED, "acknowledge"),
        (EventKind.RESOLVED, "update"),
    ],
)
def test_what_happens_in_time_keeps_its_promise(kind, name):
    chain = opened()
    happens(chain, kind, at=T0 + 299)
    kept = clock(chain, name)
    assert (kept.state, kept.ended_at) == (ClockState.KEPT, T0 + 299)
    data = [event.data for event in chain.added if event.kind is EventKind.CLOCK_KEPT and event.data["name"] == name]
    assert data == [{"name": name, "elapsed_s": 299}]


def test_exactly_in_time_is_in_time_and_later_is_missed():
    in_time, late = opened(), opened()
    happens(in_time, EventKind.ACKNOWLEDGED, at=T0 + 300)
    happens(late, EventKind.ACKNOWLEDGED, at=T0 + 300.5)
    assert clock(in_time, "acknowledge").state is ClockState.KEPT
    assert clock(late, "acknowledge").state is ClockState.MISSED
    assert late.added[-1].data == {"name": "acknowledge", "late_s": 0.5}


def test_a_missed_promise_stays_missed():
    chain = opened()
    happens(chain, EventKind.ACKNOWLEDGED, at=T0 + 400)
    happens(chain, EventKind.RESOLVED, at=T0 + 500)
    assert clock(chain, "acknowledge").state is ClockState.MISSED


def test_an_update_keeps_its_promise_and_begins_the_next():
    chain = opened()
    happens(chain, EventKind.NOTE, at=T0 + 100)
    update = clock(chain, "update")
    assert (update.state, update.started_at, update.due_at) == (ClockState.RUNNING, T0 + 100, T0 + 1000)
    assert any(event.kind is EventKind.CLOCK_KEPT for event in chain.added)


def test_a_late_update_is_missed_and_the_next_one_begins():
    chain = opened()
    happens(chain, EventKind.NOTE, at=T0 + 1000)
    assert any(event.kind is EventKind.CLOCK_MISSED and event.data["name"] == "update" for event in chain.added)
    assert clock(chain, "update").due_at == T0 + 1900


def test_the_review_starts_at_the_end_and_is_kept_by_people():
    chain = opened()
    happens(chain, EventKind.RESOLVED, at=T0 + 100)
    clocks.start_review(chain, plan(), now=T0 + 100)
    assert clock(chain, "review").due_at == T0 + 100 + 86400
    happens(chain, EventKind.REVIEW_DRAFTED, at=T0 + 101, path="r.md")
    assert clock(chain, "review").state is ClockState.RUNNING
    happens(chain, EventKind.REVIEWED, at=T0 + 5000)
    assert clock(chain, "review").state is ClockState.KEPT


def regraded(chain, after, *, at, worse):
    before = chain.incident.severity
    chain.add(EventKind.SEVERITY_CHANGED, {"before": before, "after": after, "because": "x"}, now=at)
    clocks.regrade(chain, plan(P1, P2, P3), now=at, worse=worse)


def test_a_worse_severity_counts_from_now_and_never_gives_more_time():
    chain = opened("P2")
    regraded(chain, "P1", at=T0 + 60, worse=True)
    assert clock(chain, "acknowledge").due_at == T0 + 360
    late = opened("P2")
    regraded(late, "P1", at=T0 + 800, worse=True)
    assert clock(late, "acknowledge").due_at == T0 + 900
    assert clock(late, "acknowledge").started_at == T0


def test_a_worse_severity_brings_promises_that_were_not_there():
    chain = opened("P2")
    regraded(chain, "P1", at=T0 + 60, worse=True)
    assert clock(chain, "update").due_at == T0 + 960


def test_a_promise_without_a_number_gets_one_with_a_worse_severity():
    chain = opened("P3")
    regraded(chain, "P1", at=T0 + 60, worse=True)
    assert clock(chain, "contain").due_at == T0 + 960


def test_a_number_is_not_lost_to_a_worse_severity_without_one():
    from incident_builders import severity

    chain = opened("P2")
    chain.add(EventKind.SEVERITY_CHANGED, {"before": "P2", "after": "P1", "because": "x"}, now=T0 + 60)
    clocks.regrade(chain, plan(severity("P1", None, contain=None), P2), now=T0 + 60, worse=True)
    assert clock(chain, "contain").due_at == T0 + 3600


def test_a_lighter_severity_gives_its_own_time_from_now():
    chain = opened("P1")
    regraded(chain, "P2", at=T0 + 60, worse=False)
    assert clock(chain, "acknowledge").due_at == T0 + 960


def test_what_was_kept_or_missed_is_not_promised_again_by_a_new_severity():
    chain = opened("P2")
    happens(chain, EventKind.ACKNOWLEDGED, at=T0 + 10)
    regraded(chain, "P1", at=T0 + 60, worse=True)
    assert clock(chain, "acknowledge").state is ClockState.KEPT
