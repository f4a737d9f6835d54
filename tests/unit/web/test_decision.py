"""What a person is shown first, for each state that an incident and its runs can be in."""

from dataclasses import replace

import pytest

from stanch.model.incident import Incident, IncidentStatus
from stanch.model.plan import StepKind
from stanch.model.risk import Risk
from stanch.model.run import Approval, Run, RunState, StepRecord, StepState
from stanch.web.views.decision import Decide, Later, Option, Over, Quiet, Watching, Working, next_of

INCIDENT = Incident(
    id="7",
    title="slow",
    severity="P1",
    status=IncidentStatus.ACKNOWLEDGED,
    service="booking",
    opened_at=100.0,
    plan_hash="h",
    source=None,
)


def step(key: str = "a", state: StepState = StepState.WAITING, **more) -> StepRecord:
    defaults = {"run_id": "7.1", "key": key, "ordinal": 0, "type": StepKind.ACTION, "text": f"do {key}"}
    return StepRecord(**{**defaults, "risk": Risk.MUTATING, "state": state, **more})


def run(*steps: StepRecord, state: RunState = RunState.RUNNING) -> Run:
    return Run(
        id="7.1",
        incident_id="7",
        plan_hash="h",
        procedure="p",
        name="p",
        because="b",
        state=state,
        epoch=0,
        started_at=100.0,
        steps=steps,
    )


def shown(*steps: StepRecord, incident: Incident = INCIDENT, state: RunState = RunState.RUNNING):
    return next_of(incident, (run(*steps, state=state),), needed_s=10.0, because="clean", out=("error rate",))


def test_what_waits_for_a_yes_comes_first():
    waiting = step("b", StepState.PROPOSED, digest="d", statement="CREATE INDEX", undo="DROP INDEX", why="it is slow")
    found = shown(step("a", StepState.STARTED), waiting)
    assert isinstance(found, Decide)
    assert (found.key, found.statement, found.undo, found.digest) == ("b", "CREATE INDEX", "DROP INDEX", "d")
    assert found.asks == "one approval"
    assert found.yes == "Approve"


def test_a_change_of_production_comes_before_what_is_done_by_hand():
    by_hand = step("a", StepState.PROPOSED, digest="d", progress={"by_hand": True})
    change = step("b", StepState.PROPOSED, digest="d", ordinal=1)
    found = shown(by_hand, change)
    assert isinstance(found, Decide)
    assert (found.key, found.also) == ("b", ("do a",))
    alone = shown(by_hand)
    assert isinstance(alone, Decide)
    assert (alone.yes, alone.asks, alone.by_hand) == ("Done", "yours to do", True)


def test_two_people_are_asked_and_only_yeses_to_this_digest_count():
    given = (
        Approval(run_id="7.1", step_key="a", digest="old", by="sam", at=1.0),
        Approval(run_id="7.1", step_key="a", digest="d", by="rita", at=2.0),
    )
    found = shown(step("a", StepState.PROPOSED, digest="d", risk=Risk.DESTRUCTIVE, approvals=given))
    assert isinstance(found, Decide)
    assert (found.asks, found.given_by) == ("2 people", ("rita",))


def test_an_unknown_outcome_says_so_and_why():
    found = shown(step("a", StepState.UNKNOWN, digest="d", because="the server was killed", why="it is slow"))
    assert isinstance(found, Decide)
    assert found.unknown
    assert found.why == "the server was killed"


@pytest.mark.parametrize(("done", "total", "share"), [(54, 108, 0.5), (None, None, None), (3, 0, None)])
def test_what_goes_on_by_itself_shows_how_far_it_is(done, total, share):
    found = shown(step("a", StepState.STARTED, started_at=120.0, progress={"done": done, "total": total, "text": "x"}))
    assert isinstance(found, Working)
    assert (found.share, found.detail, found.since) == (share, "x", 120.0)


def test_a_recovery_shows_since_when_the_signals_are_clean():
    recovering = replace(INCIDENT, status=IncidentStatus.MITIGATED, recovering_since=150.0)
    found = shown(step("a", StepState.STARTED, type=StepKind.CHECK), incident=recovering)
    assert found == Watching(since=150.0, needed_s=10.0, out=("error rate",))


def test_a_resolved_incident_has_nothing_left_but_its_review():
    over = replace(INCIDENT, status=IncidentStatus.RESOLVED, resolved_at=160.0, review_path="x")
    found = shown(step("a", StepState.PROPOSED, digest="d"), incident=over)
    assert found == Over(resolved_at=160.0, took_s=60.0, because="clean", reviewed=True)


def test_a_step_that_has_its_time_from_the_playbook_is_told_with_it():
    found = shown(step("a", StepState.DONE), step("b", not_before=500.0), step("c", not_before=900.0))
    assert found == Later(title="do b", at=500.0)


def test_each_way_is_told_with_what_is_done_in_it():
    options = [{"key": "a", "text": "Option A", "keys": ["a", "b"]}, {"key": "c", "text": "Option B", "keys": ["c"]}]
    choice = {"choice": {"question": "Which of these: Option A; Option B?", "options": options}}
    asked = step("a", StepState.PROPOSED, digest="d", progress=choice)
    found = shown(asked, step("b", risk=Risk.READ_ONLY), step("c", risk=Risk.DESTRUCTIVE))
    assert isinstance(found, Decide)
    assert found.title == "Which of these?"
    assert found.options == (
        Option(key="a", text="Option A", steps=(("do a", Risk.MUTATING), ("do b", Risk.READ_ONLY))),
        Option(key="c", text="Option B", steps=(("do c", Risk.DESTRUCTIVE),)),
    )


def test_nothing_waits_and_it_is_said_why():
    ended = shown(step("a", StepState.DONE), state=RunState.FINISHED)
    assert isinstance(ended, Quiet)
    assert "Every step" in ended.because
    none = next_of(INCIDENT, (), needed_s=None, because="", out=())
    assert isinstance(none, Quiet)
    assert "No procedure" in none.because


def test_a_stopped_run_asks_nothing():
    assert isinstance(shown(step("a", StepState.PROPOSED, digest="d"), state=RunState.STOPPED), Quiet)
