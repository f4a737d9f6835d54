"""What a run does next, from its rows alone."""

from dataclasses import replace

import pytest

from response_stage import act, command, dynamic, manual, message, procedure, sql
from stanch.model.plan import Slot, StepKind
from stanch.model.risk import Risk, Trait
from stanch.model.run import Filled, Run, RunState, StepRecord, StepState
from stanch.response.decision import (
    Ask,
    Begin,
    Compensate,
    Drop,
    Escalate,
    Finish,
    Move,
    Recover,
    Rest,
    next_move,
)
from stanch.response.expansion import expand
from stanch.response.transitions import UNDO_FAILED
from stanch.response.ways import ByHand, FillIn, Means, Way, way_of

NOW = 1_000.0
MEANS = Means(actions=frozenset({"build"}), can_query=True, can_tell=True)


def run_of(*steps: object, state: RunState = RunState.RUNNING, **changes: dict[str, object]) -> Run:
    """A run of plan steps; `changes` by key replace fields of its records."""
    records = expand("1.1", procedure(*steps), now=NOW)
    records = tuple(replace(record, **changes.get(record.key, {})) for record in records)  # type: ignore[arg-type]
    return Run(
        id="1.1",
        incident_id="1",
        plan_hash="a",
        procedure="slow",
        name="Slow",
        because="",
        state=state,
        epoch=1,
        started_at=NOW,
        steps=records,
    )


def move(run: Run, *, resolved: str | None = None, undo: bool = False, now: float = NOW) -> Move:
    return next_move(run, means=MEANS, resolved=resolved, undo=undo, now=now)


def step_of(run: Run, key: str) -> StepRecord:
    return next(step for step in run.steps if step.key == key)


def test_reading_steps_begin_by_themselves() -> None:
    run = run_of(command("a", ("ls",)))
    assert move(run) == Begin(step=run.steps[0])


@pytest.mark.parametrize("step", [command("a", ("rm", "x"), risk=Risk.DESTRUCTIVE), dynamic("a", "x=1"), manual("a")])
def test_what_people_must_know_of_is_asked(step: object) -> None:
    run = run_of(step)
    assert move(run) == Ask(step=run.steps[0])


def test_a_reading_step_does_not_jump_the_one_that_waits() -> None:
    run = run_of(manual("a"), command("b", ("ls",)), a={"state": StepState.PROPOSED})
    assert move(run) == Rest(until=None)


@pytest.mark.parametrize("trait", [Trait.HEAVY, Trait.EXPOSES_SECRETS])
def test_what_only_reads_is_asked_for_all_the_same_where_it_weighs_or_shows_secrets(trait: Trait) -> None:
    run = run_of(command("a", ("redis-cli", "KEYS", "*"), traits=(trait,)))
    assert move(run) == Ask(step=run.steps[0])


def test_a_step_waits_for_its_time() -> None:
    run = run_of(command("a", ("ls",), not_before_s=60.0))
    assert move(run) == Rest(until=NOW + 60)
    assert move(run, now=NOW + 60) == Begin(step=run.steps[0])


def test_an_approved_step_begins() -> None:
    run = run_of(act("a"), a={"state": StepState.APPROVED})
    assert move(run) == Begin(step=run.steps[0])


def test_a_started_step_is_recovered_before_anything_else() -> None:
    run = run_of(command("a", ("ls",)), act("b"), b={"state": StepState.STARTED})
    assert move(run) == Recover(step=run.steps[1])
    assert move(replace(run, state=RunState.STOPPING)) == Recover(step=run.steps[1])


def test_an_unanswered_step_is_escalated_once() -> None:
    run = run_of(manual("a"), a={"state": StepState.PROPOSED, "due_at": NOW + 10})
    assert move(run) == Rest(until=NOW + 10)
    assert move(run, now=NOW + 10) == Escalate(step=run.steps[0])
    escalated = run_of(manual("a"), a={"state": StepState.PROPOSED, "due_at": None})
    assert move(escalated, now=NOW + 10) == Rest(until=None)


def test_an_unknown_outcome_waits_even_when_the_incident_is_over() -> None:
    run = run_of(act("a"), a={"state": StepState.UNKNOWN})
    assert move(run, resolved="over") == Rest(until=None)


def test_when_the_incident_is_over_only_what_goes_by_itself_goes_on() -> None:
    run = run_of(manual("a"), act("b"), command("c", ("ls",)), a={"state": StepState.PROPOSED})
    assert move(run, resolved="over") == Drop(step=run.steps[0], because="over")
    asked = run_of(act("b", risk=Risk.MUTATING), command("c", ("ls",)))
    assert move(asked, resolved="over") == Drop(step=asked.steps[0], because="over")
    reading = run_of(command("c", ("ls",)))
    assert move(reading, resolved="over") == Begin(step=reading.steps[0])


def test_a_run_ends_when_every_step_is_over_and_names_what_failed() -> None:
    over = {"a": {"state": StepState.DONE}, "b": {"state": StepState.FAILED}, "c": {"state": StepState.SKIPPED}}
    run = run_of(manual("a"), manual("b"), manual("c"), **over)
    assert move(run) == Finish(state=RunState.FINISHED, outcome="1 done, 1 skipped, 1 failed; failed: do b")


def test_a_stop_skips_what_waits_then_undoes_the_last_done_first() -> None:
    done = {"state": StepState.DONE, "undo": "drop it"}
    run = run_of(act("a"), act("b"), act("c"), state=RunState.STOPPING, a=done, b=done)
    assert move(run, undo=True) == Drop(step=run.steps[2], because="The run was stopped.")
    run = run_of(act("a"), act("b"), state=RunState.STOPPING, a=done, b=done)
    assert move(run, undo=True) == Compensate(step=run.steps[1])
    run = run_of(act("a"), act("b"), state=RunState.STOPPING, a=done, b={**done, "state": StepState.UNDONE})
    assert move(run, undo=True) == Compensate(step=run.steps[0])
    assert move(run, undo=False) == Finish(state=RunState.STOPPED, outcome="1 done, 1 undone")


def test_what_cannot_be_undone_is_named_and_holds_up_nothing() -> None:
    done = {"state": StepState.DONE, "undo": "drop it"}
    run = run_of(act("a"), act("b"), state=RunState.STOPPING, a=done, b={**done, "progress": {UNDO_FAILED: True}})
    assert move(run, undo=True) == Compensate(step=run.steps[0])
    stuck = run_of(act("b"), state=RunState.STOPPING, b={**done, "progress": {UNDO_FAILED: True}})
    assert move(stuck, undo=True) == Finish(state=RunState.STOPPED, outcome="1 done; could not be undone: build b")


def test_a_step_that_was_done_and_declares_no_undo_is_left() -> None:
    run = run_of(act("a"), state=RunState.STOPPING, a={"state": StepState.DONE, "undo": None})
    assert move(run, undo=True) == Finish(state=RunState.STOPPED, outcome="1 done")


@pytest.mark.parametrize(
    ("step", "way"),
    [
        (command("a", ("ls",)), Way.ARGV),
        (dynamic("a", "x=1; echo $x"), Way.SHELL),
        (sql("a", "SELECT 1"), Way.QUERY),
        (act("a"), Way.ACTION),
        (message("a"), Way.MESSAGE),
    ],
)
def test_each_kind_of_step_has_its_way(step: object, way: Way) -> None:
    assert way_of(run_of(step).steps[0], MEANS) is way


@pytest.mark.parametrize(
    ("step", "because"),
    [
        (manual("a"), "leaves it to a person"),
        (act("a", "fly"), "No action `fly` is configured"),
        (command("a", ("psql",), traits=(Trait.INTERACTIVE,)), "needs a terminal"),
        (replace(command("a", ("psql",), traits=(Trait.INTERACTIVE,)), type=StepKind.MANUAL), "needs a terminal"),
        (command("a", ("x",), traits=(Trait.UNREADABLE,)), "cannot read what it does"),
        (sql("a", "DROP TABLE x", risk=Risk.DESTRUCTIVE), "read-only"),
    ],
)
def test_what_cannot_be_carried_out_safely_is_a_persons_and_says_why(step: object, because: str) -> None:
    way = way_of(run_of(step).steps[0], MEANS)
    assert isinstance(way, ByHand)
    assert because in way.because


def test_a_command_with_open_places_waits_for_values_and_says_which() -> None:
    way = way_of(run_of(command("a", ("x", "<tag>"), slots=(Slot(name="tag", placeholder="<tag>"),))).steps[0], MEANS)
    assert isinstance(way, FillIn)
    assert "<tag>" in way.because
    assert way.by_hand is None


def test_places_in_shell_text_or_of_the_program_itself_leave_the_command_to_a_person() -> None:
    slots = (Slot(name="x", placeholder="<x>"),)
    for text in ("cd /tmp; ls <x>", "<x> --all", "X=<x> env"):
        (step,) = run_of(dynamic("a", text, slots=slots)).steps
        way = way_of(step, MEANS)
        assert isinstance(way, FillIn)
        assert way.by_hand is not None, text
        filled = replace(step, filled=(Filled(name="x", value="y", by="a", at=0.0, origin="o"),))
        assert isinstance(way_of(filled, MEANS), ByHand), text


def test_a_secret_is_put_into_no_query() -> None:
    (step,) = run_of(sql("a", "SELECT '<password>'", slots=(Slot(name="password", placeholder="<password>"),))).steps
    way = way_of(step, MEANS)
    assert isinstance(way, FillIn)
    assert "a secret" in (way.by_hand or "")


def test_without_means_queries_and_messages_are_a_persons() -> None:
    for step in (sql("a", "SELECT 1"), message("a")):
        assert isinstance(way_of(run_of(step).steps[0], Means()), ByHand)


def test_a_command_that_nobody_rated_is_never_read_only() -> None:
    unrated = replace(command("a", ("ls",)), rating=None, risk=Risk.READ_ONLY)
    assert run_of(unrated).steps[0].risk is Risk.MUTATING


def test_expansion_keeps_the_plans_keys_and_tells_equal_ones_apart() -> None:
    run = run_of(manual("a"), manual("b"), manual("a"))
    assert [(step.key, step.ordinal) for step in run.steps] == [("a", 0), ("b", 1), ("a~2", 2)]
    assert step_of(run, "b").type is StepKind.MANUAL
