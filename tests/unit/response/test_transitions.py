"""Each change of a step, and what the timeline is told of it."""

from dataclasses import replace
from typing import Any

import pytest

from response_stage import act, command, manual, message, procedure
from stanch.model.finding import Proposal
from stanch.model.incident import EventKind
from stanch.model.risk import Risk
from stanch.model.run import Approval, StepRecord, StepState
from stanch.response import transitions
from stanch.response.expansion import expand
from stanch.response.transitions import Result, Transition

NOW = 1_000.0


def record(step: Any, **changes: Any) -> StepRecord:
    (expanded,) = expand("1.1", procedure(step), now=NOW)
    return replace(expanded, **changes)


def digest(step: StepRecord) -> str:
    return f"digest of {step.key}, asked {step.asked} times"


def kinds(change: Transition) -> list[EventKind]:
    return [kind for kind, _ in change.events]


YES = Approval(run_id="1.1", step_key="index", digest="digest of index, asked 1 times", by="alice", at=NOW)


def propose(step: StepRecord, *, by_hand: bool = False, because: str | None = None) -> Transition:
    return transitions.proposed(step, step, digest=digest, because=because, by_hand=by_hand, due_at=NOW + 300)


def test_a_proposal_is_a_new_question_each_time() -> None:
    first = propose(record(act("index"), statement="CREATE INDEX")).after
    assert (first.state, first.asked, first.digest) == (StepState.PROPOSED, 1, "digest of index, asked 1 times")
    second = propose(replace(first, approvals=(YES,))).after
    assert (second.asked, second.approvals) == (2, ())
    assert second.digest != first.digest


def test_a_proposal_tells_all_that_a_person_needs() -> None:
    change = propose(record(act("index"), statement="CREATE INDEX", undo="DROP INDEX", risk=Risk.MUTATING, owner="DBA"))
    ((kind, data),) = change.events
    assert kind is EventKind.STEP_PROPOSED
    told = {"digest": change.after.digest, "risk": "mutating", "statement": "CREATE INDEX", "undo": "DROP INDEX"}
    assert told.items() <= data.items()
    assert data["owner"] == "DBA"
    assert data["by_hand"] is False
    assert change.after.due_at == NOW + 300


def test_what_is_done_by_hand_says_why_and_shows_the_command_to_copy() -> None:
    step = record(command("exec", ("psql",)), why="`psql` is mutating")
    change = propose(step, by_hand=True, because="It needs a terminal.")
    assert change.after.why == "It needs a terminal. `psql` is mutating"
    assert change.events[0][1]["statement"] == "psql"


def test_a_start_counts_the_attempt_and_forgets_the_one_before() -> None:
    step = record(
        act("index"), attempt=1, output="old", exit_status=3, progress={"text": "half", "given": {"a": 1}}, ended_at=5.0
    )
    change = transitions.started(step, step, now=NOW, due_at=NOW + 60, because="Attempt 1 was cut short.")
    after = change.after
    assert (after.state, after.attempt, after.started_at, after.due_at) == (StepState.STARTED, 2, NOW, NOW + 60)
    assert (after.output, after.exit_status, after.ended_at, after.progress) == (None, None, None, {"given": {"a": 1}})
    assert change.events[0][1]["attempt"] == 2
    assert change.events[0][1]["because"] == "Attempt 1 was cut short."


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (StepState.DONE, EventKind.STEP_DONE),
        (StepState.FAILED, EventKind.STEP_FAILED),
        (StepState.SKIPPED, EventKind.STEP_SKIPPED),
        (StepState.UNKNOWN, EventKind.STEP_UNKNOWN),
    ],
)
def test_every_end_has_its_event_with_its_reason(state: StepState, kind: EventKind) -> None:
    step = record(act("index"), state=StepState.STARTED, due_at=NOW)
    result = Result(state=state, because="so it is")
    change = transitions.ended(step, result, now=NOW + 5, elapsed_s=5.0, digest=digest)
    assert kinds(change) == [kind]
    assert change.events[0][1]["because"] == "so it is"
    assert change.after.due_at is None
    assert change.after.ended_at == (NOW + 5 if state.is_over else None)


def test_an_unknown_outcome_is_a_question_of_its_own() -> None:
    step = record(act("index"), state=StepState.STARTED, asked=1, digest="digest of index, asked 1 times")
    step = replace(step, approvals=(YES,))
    change = transitions.ended(step, Result(state=StepState.UNKNOWN), now=NOW, elapsed_s=1.0, digest=digest)
    assert change.after.digest == "digest of index, asked 2 times"
    assert change.after.approvals == ()
    assert change.events[0][1]["digest"] == change.after.digest


def test_what_was_verified_is_told_before_it_is_done() -> None:
    step = record(act("index"), state=StepState.STARTED)
    result = Result(state=StepState.DONE, output="built", verified="it is valid", data={"index": "i"})
    change = transitions.ended(step, result, now=NOW, elapsed_s=2.5, digest=digest)
    assert kinds(change) == [EventKind.STEP_VERIFIED, EventKind.STEP_DONE]
    assert change.events[1][1]["elapsed_s"] == 2.5
    assert change.after.progress == {"data": {"index": "i"}}


def test_a_long_output_stands_whole_with_the_step_and_in_part_on_the_timeline() -> None:
    step = record(command("a", ("ls",)), state=StepState.STARTED)
    long = "head " + "x" * 5_000 + " tail"
    done = transitions.ended(step, Result(state=StepState.DONE, output=long), now=NOW, elapsed_s=0, digest=digest)
    assert done.after.output == long
    assert done.events[0][1]["output"].startswith("head")
    assert len(done.events[0][1]["output"]) == transitions.SHOWN
    failed = transitions.ended(step, Result(state=StepState.FAILED, output=long), now=NOW, elapsed_s=0, digest=digest)
    assert failed.events[0][1]["output"].endswith("tail")


def test_an_end_without_output_leaves_what_was_shown() -> None:
    step = record(command("a", ("ls",)), state=StepState.STARTED, output="shown so far")
    change = transitions.ended(step, Result(state=StepState.FAILED), now=NOW, elapsed_s=0, digest=digest)
    assert change.after.output == "shown so far"


def test_a_message_is_begun_and_done_at_once() -> None:
    step = record(message("patients"))
    change = transitions.said(step, step, now=NOW)
    assert kinds(change) == [EventKind.STEP_STARTED, EventKind.STEP_DONE]
    assert (change.after.state, change.after.attempt, change.after.ended_at) == (StepState.DONE, 1, NOW)


def test_an_escalation_says_whose_it_was_and_how_late() -> None:
    step = record(manual("call"), state=StepState.PROPOSED, due_at=NOW, owner="DBA")
    change = transitions.escalated(step, now=NOW + 30)
    assert change.after == replace(step, due_at=None)
    assert change.events[0][1]["late_s"] == 30
    assert change.events[0][1]["because"] == "DBA has not answered in time."
    nobody = transitions.escalated(replace(step, owner=None), now=NOW)
    assert nobody.events[0][1]["because"] == "Nobody has answered in time."


def test_a_risk_is_raised_by_whoever_rates_it_worst_and_never_lowered() -> None:
    proposal = Proposal(
        action="build", title="t", why="w", risk=Risk.READ_ONLY, parameters={"a": 2}, statement="s", undo=""
    )
    step = record(act("index"), risk=Risk.MUTATING)
    after = transitions.resolved(step, least=Risk.READ_ONLY, proposal=proposal, given={"a": 1})
    assert after.risk is Risk.MUTATING
    assert transitions.resolved(step, least=Risk.DESTRUCTIVE, proposal=proposal, given={}).risk is Risk.DESTRUCTIVE
    assert after.undo is None
    assert (after.parameters, after.progress["given"]) == ({"a": 2}, {"a": 1})


def test_half_an_act_that_was_undone_waits_for_its_turn_anew() -> None:
    step = record(act("index"), state=StepState.STARTED, attempt=1, digest="x")
    change = transitions.put_back(step, "Half of it was there. What it had done was undone.")
    assert (change.after.state, change.after.digest, change.after.attempt) == (StepState.WAITING, None, 1)
    assert kinds(change) == [EventKind.STEP_UNDONE]


def test_what_could_not_be_undone_is_marked_and_told() -> None:
    step = record(act("index"), state=StepState.DONE)
    change = transitions.not_undone(step, "It could not be undone: gone")
    assert change.after.progress == {transitions.UNDO_FAILED: True}
    assert kinds(change) == [EventKind.STEP_ESCALATED]
