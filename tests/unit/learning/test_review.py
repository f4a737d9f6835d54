"""The review says what the timeline says, in the words of the people it is for, and nothing else."""

import dataclasses
from typing import Any

import pytest

from stanch.charts.chart import Chart, Limit, Mark, MarkKind
from stanch.learning.page import body, page
from stanch.learning.review import draft, times
from stanch.model.incident import ClockState, Event, EventKind, Incident, IncidentClock, IncidentStatus
from stanch.model.problem import Source
from stanch.model.signal import Unit

OPENED = 1_700_000_000.0
FINDING = {
    "cause": "missing_index",
    "summary": "Every call reads all of appointments to return 2 rows",
    "subject": {"table": "appointments", "columns": ["doctor_id", "appointment_date"]},
    "evidence": [
        {"name": "Query", "text": "SELECT * FROM appointments WHERE doctor_id = $1 AND `x` = $2"},
        {"name": "Blocks a call", "text": "124,590 of 124,590"},
    ],
    "ruled_out": [{"cause": "lock_queue", "because": "nobody waits for a lock"}],
    "later": [{"kind": "select_star", "text": "Select the 5 columns that are used."}],
}


def event(kind: EventKind, after: float, seq: int = 1, **data: Any) -> Event:
    return Event(
        incident_id="7", seq=seq, at=OPENED + after, kind=kind, actor="stanch", data=data, previous="", digest=""
    )


def incident(**changes: Any) -> Incident:
    whole = Incident(
        id="7",
        title="response time p95 > 1 s",
        severity="P1",
        status=IncidentStatus.RESOLVED,
        service="clinic",
        opened_at=OPENED,
        plan_hash="",
        source=Source(path="clinic.md", line=31, text="- response time above 1 second"),
        acknowledged_at=OPENED + 5,
        mitigated_at=OPENED + 20,
        resolved_at=OPENED + 35,
        clocks=(
            IncidentClock(
                name="acknowledge", text="5 minutes", started_at=OPENED, due_at=OPENED + 300,
                state=ClockState.KEPT, ended_at=OPENED + 5,
            ),
            IncidentClock(
                name="contain", text="10 seconds", started_at=OPENED, due_at=OPENED + 10,
                state=ClockState.MISSED, ended_at=OPENED + 20,
            ),
        ),
        findings=(FINDING,),
    )  # fmt: skip
    return dataclasses.replace(whole, **changes)


def chart() -> Chart:
    points = [(OPENED - 60 + n, 3.0 if n >= 48 else 0.02) for n in range(120)]
    return Chart(
        title="response time p95", unit=Unit.SECONDS, start=OPENED - 60, end=OPENED + 60, points=points,
        limit=Limit(value=1.0), marks=(Mark(at=OPENED, text="opened", kind=MarkKind.EVENT),),
    )  # fmt: skip


EVENTS = (
    event(EventKind.OPENED, 0, 1, title="slow", severity="P1", source={"path": "clinic.md", "line": 31}),
    event(EventKind.FINDING, 3, 2, **FINDING, statements=4, elapsed_s=2.1),
    event(EventKind.STEP_APPROVED, 8, 3, run="1", step="build", text="Build the index", by="Asha"),
    event(EventKind.STEP_PROGRESS, 9, 4, run="1", step="build", text="building", done=1, total=2),
    event(EventKind.STEP_DONE, 20, 5, run="1", step="build", text="Build the index", elapsed_s=12.0),
    event(EventKind.RESOLVED, 35, 6, because="clean for 15 s"),
)


def test_times_are_measured_from_where_the_signal_left_its_limit() -> None:
    measured = times(incident(), EVENTS, [chart()])
    assert measured.began_at == OPENED - 12
    assert measured.detect_s == 12
    assert measured.acknowledge_s == 5
    assert measured.diagnose_s == 3
    assert measured.mitigate_s == 20
    assert measured.verify_s == 15
    assert measured.resolve_s == 35


def test_what_did_not_happen_is_not_given_a_number() -> None:
    bare = incident(acknowledged_at=None, mitigated_at=None, resolved_at=None, findings=())
    measured = times(bare, EVENTS[:1], [])
    assert (measured.acknowledge_s, measured.diagnose_s, measured.mitigate_s, measured.resolve_s) == (None,) * 4
    review = draft(bare, EVENTS[:1], [], now=OPENED + 40)
    assert "did not happen" in review.markdown
    assert "No cause was found with evidence." in review.markdown


def test_an_excursion_that_was_over_long_before_is_not_the_beginning() -> None:
    early = [(OPENED - 600 + n, 5.0 if n < 60 else 0.1) for n in range(600)]
    old = Chart(title="t", unit=Unit.SECONDS, start=OPENED - 600, end=OPENED, points=early, limit=Limit(value=1.0))
    assert times(incident(), EVENTS, [old]).began_at == OPENED


def test_the_review_has_the_lesson_the_approver_and_the_action_items() -> None:
    review = draft(incident(), EVENTS, [chart()], now=OPENED + 40)
    assert "appointments by (doctor_id, appointment_date)" in review.lesson.text
    assert "Select the 5 columns that are used." in review.action_items
    assert any("promise to contain" in item for item in review.action_items)
    assert "approved by Asha" in review.markdown
    assert "lock queue: nobody waits for a lock" in review.markdown
    assert "building" not in review.markdown, "progress is noise in a review"
    assert [picture.file for picture in review.pictures] == ["incident-7-response-time-p95.svg"]


def test_the_page_holds_its_charts_and_needs_nothing_else() -> None:
    html = page(draft(incident(), EVENTS, [chart()], now=OPENED + 40))
    assert html.count("<svg") == 1
    assert "<img" not in html
    assert "src=" not in html
    assert "href=" not in html


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "a | b", "`x` **y** [z](http://h)", "![i](x.svg)"])
def test_texts_from_outside_are_shown_and_never_obeyed(hostile: str) -> None:
    finding = {**FINDING, "summary": hostile, "evidence": [{"name": hostile, "text": "SELECT " + hostile}]}
    html = body(draft(incident(title=hostile, findings=(finding,)), EVENTS, [], now=OPENED))
    assert "<script" not in html
    assert "<a " not in html
    assert "<img" not in html
    assert "<strong>y</strong>" not in html
