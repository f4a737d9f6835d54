"""What events make of an incident."""

import pytest

from incident_builders import T0
from stanch.incidents.fold import apply, fold
from stanch.model.incident import ClockState, Event, EventKind, IncidentStatus
from stanch.model.problem import Source

OPENING = {
    "title": "p95 > 1 s",
    "severity": "P1",
    "service": "booking",
    "rule": "latency",
    "source": {"path": "playbook.md", "line": 3, "column": 1, "text": "..."},
    "signal": "http.response_time",
    "value": 1.4,
    "plan_hash": "a" * 64,
    "role": "alert",
}


def story(*chapters, opening=OPENING):
    """Events a second apart, after an opening at T0: (kind, data) pairs."""
    every = ((EventKind.OPENED, opening), *chapters)
    return [
        Event(
            incident_id="7",
            seq=seq,
            at=T0 + seq - 1,
            kind=kind,
            actor="stanch",
            data=data,
            previous="",
            digest="",
        )
        for seq, (kind, data) in enumerate(every, start=1)
    ]


def test_an_incident_opens_with_its_rule_firing_and_its_source():
    incident = fold(story())
    assert (incident.id, incident.status, incident.severity) == ("7", IncidentStatus.OPEN, "P1")
    assert incident.rules == incident.firing == ("latency",)
    assert incident.source == Source(path="playbook.md", line=3, text="...")
    assert incident.opened_at == T0


def test_an_incident_opened_by_hand_has_no_rules_and_no_source():
    incident = fold(story(opening={**OPENING, "rule": None, "source": None}))
    assert (incident.rules, incident.firing, incident.source) == ((), (), None)


def test_an_incident_without_its_opening_is_refused():
    with pytest.raises(ValueError, match="opening"):
        fold([])
    with pytest.raises(ValueError, match="begins with 'note'"):
        fold(story((EventKind.NOTE, {"text": "x"}))[1:])
    with pytest.raises(ValueError, match="twice"):
        fold(story((EventKind.OPENED, OPENING)))


def test_rules_join_once_and_clear():
    joined = (EventKind.ALERT_JOINED, {"title": "pool", "rule": "pool", "severity": "P2", "value": 0.9})
    incident = fold(story(joined, joined, (EventKind.ALERT_CLEARED, {"title": "p95", "rule": "latency"})))
    assert incident.rules == ("latency", "pool")
    assert incident.firing == ("pool",)


def test_the_first_acknowledgement_counts_and_the_last_name_is_shown():
    incident = fold(story((EventKind.ACKNOWLEDGED, {"by": "ann"}), (EventKind.ACKNOWLEDGED, {"by": "bob"})))
    assert (incident.status, incident.acknowledged_at, incident.acknowledged_by) == (
        IncidentStatus.ACKNOWLEDGED,
        T0 + 1,
        "bob",
    )


def test_acknowledging_a_mitigated_incident_does_not_take_the_mitigation_back():
    incident = fold(story((EventKind.MITIGATED, {"because": "index"}), (EventKind.ACKNOWLEDGED, {"by": "ann"})))
    assert incident.status is IncidentStatus.MITIGATED


def test_a_mitigation_may_be_older_than_its_event():
    assert fold(story((EventKind.MITIGATED, {"because": "x", "at": T0 + 0.25}))).mitigated_at == T0 + 0.25
    assert fold(story((EventKind.MITIGATED, {"because": "x"}))).mitigated_at == T0 + 1


def test_reopening_takes_back_the_end_and_asks_for_an_acknowledgement_again():
    incident = fold(
        story(
            (EventKind.ACKNOWLEDGED, {"by": "ann"}),
            (EventKind.RECOVERING, {"since": T0 + 2, "needed_s": 1}),
            (EventKind.MITIGATED, {"because": "x"}),
            (EventKind.RESOLVED, {"because": "clean", "clean_s": 1}),
            (EventKind.REOPENED, {"because": "again"}),
        )
    )
    assert incident.status is IncidentStatus.OPEN
    assert (incident.resolved_at, incident.mitigated_at, incident.recovering_since) == (None, None, None)
    assert incident.acknowledged_at == T0 + 1
    assert incident.reopened == 1


def test_recovering_is_remembered_and_broken():
    began = (EventKind.RECOVERING, {"since": T0 + 1, "needed_s": 10})
    assert fold(story(began)).recovering_since == T0 + 1
    broke = (EventKind.RECOVERING, {"since": None, "needed_s": 10, "because": "p95 is 2 s"})
    assert fold(story(began, broke)).recovering_since is None


def test_a_rule_that_joins_breaks_the_recovery():
    began = (EventKind.RECOVERING, {"since": T0 + 1, "needed_s": 10})
    joined = (EventKind.ALERT_JOINED, {"title": "pool", "rule": "pool", "severity": "P2", "value": 0.9})
    assert fold(story(began, joined)).recovering_since is None


def test_clocks_run_are_kept_missed_and_started_anew_in_their_place():
    def started(name, due_at):
        return (EventKind.CLOCK_STARTED, {"name": name, "due_at": due_at, "text": f"{name}!"})

    incident = fold(
        story(
            started("acknowledge", T0 + 300),
            started("resolve", None),
            (EventKind.CLOCK_KEPT, {"name": "acknowledge", "elapsed_s": 3}),
            (EventKind.CLOCK_MISSED, {"name": "resolve", "late_s": 0}),
            started("acknowledge", T0 + 600),
        )
    )
    acknowledge, resolve = incident.clocks
    assert (acknowledge.name, acknowledge.state, acknowledge.due_at) == ("acknowledge", ClockState.RUNNING, T0 + 600)
    assert (acknowledge.started_at, acknowledge.ended_at) == (T0 + 5, None)
    assert (resolve.state, resolve.due_at, resolve.ended_at) == (ClockState.MISSED, None, T0 + 4)


def test_a_clock_that_never_started_cannot_end():
    with pytest.raises(ValueError, match="never started"):
        fold(story((EventKind.CLOCK_KEPT, {"name": "acknowledge", "elapsed_s": 3})))


def test_findings_runs_review_and_assignee_are_kept():
    finding = {"cause": "missing_index", "summary": "no index", "confidence": 0.97, "evidence": []}
    incident = fold(
        story(
            (EventKind.RUN_STARTED, {"run": "3", "procedure": "slow-database", "because": "x"}),
            (EventKind.FINDING, finding),
            (EventKind.FINDING, {"cause": None, "ruled_out": [{"cause": "locks", "because": "none wait"}]}),
            (EventKind.ASSIGNED, {"to": "ann"}),
            (EventKind.SEVERITY_CHANGED, {"before": "P1", "after": "P0", "because": "x"}),
            (EventKind.REVIEW_DRAFTED, {"path": "reviews/7.md"}),
        )
    )
    assert incident.runs == ("3",)
    assert incident.findings == (finding,)
    assert (incident.assignee, incident.severity, incident.review_path) == ("ann", "P0", "reviews/7.md")


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.OPENED])
def test_every_kind_of_event_moves_the_sequence_and_the_latest(kind):
    data = {
        "rule": "latency",
        "title": "x",
        "name": "acknowledge",
        "due_at": None,
        "text": "x",
        "after": "P1",
        "by": "ann",
        "to": "ann",
        "run": "1",
        "since": None,
        "path": "x",
    }
    clock = (EventKind.CLOCK_STARTED, {"name": "acknowledge", "due_at": None, "text": ""})
    events = story(clock, (kind, data))
    incident = apply(fold(events[:2]), events[2])
    assert incident.seq == 3
    assert incident.last == {"seq": 3, "at": T0 + 2, "kind": kind.value, "actor": "stanch"}
