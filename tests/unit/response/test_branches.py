"""Branches, phases and turns, from the rows alone."""

from dataclasses import replace

import pytest

from response_stage import command, manual, procedure
from stanch.model.risk import Risk
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response.branches import branch_of, choice_of
from stanch.response.decision import Begin, Choose, Decide, EscalatePhase, Rest, frontier, next_move
from stanch.response.expansion import expand
from stanch.response.phases import phase_ends
from stanch.response.ways import Means

NOW = 1_000.0


def run_of(*steps: object, **changes: dict[str, object]) -> Run:
    records = expand("1.1", procedure(*steps), now=NOW)
    return Run(
        id="1.1",
        incident_id="1",
        plan_hash="a",
        procedure="slow",
        name="Slow",
        because="",
        state=RunState.RUNNING,
        epoch=1,
        started_at=NOW,
        steps=tuple(replace(each, **changes.get(each.key, {})) for each in records),  # type: ignore[arg-type]
    )


def at(run: Run, *, now: float = NOW, measured: bool = False, busy: tuple[str, ...] = ()):
    means = Means(can_query=True, can_tell=True, can_measure=measured)
    return next_move(run, means=means, resolved=None, undo=False, now=now, busy=busy)


def reads(key: str, **more: object):
    return command(key, ("ls",), **more)


def changes(key: str, **more: object):
    return command(key, ("touch", "x"), risk=Risk.MUTATING, **more)


DONE = {"state": StepState.DONE}
PROPOSED = {"state": StepState.PROPOSED}


def keys(steps: tuple[StepRecord, ...]) -> list[str]:
    return [step.key for step in steps]


def test_steps_with_one_condition_are_one_branch_and_said_again_later_it_is_another() -> None:
    run = run_of(reads("a", condition="If x"), reads("b", condition="If x"), reads("c"), reads("d", condition="If x"))
    branches = [branch_of(run.steps, step) for step in run.steps]
    assert [None if branch is None else branch.keys for branch in branches] == [("a", "b"), ("a", "b"), None, ("d",)]


def test_afterthoughts_of_the_same_words_are_no_branch() -> None:
    run = run_of(changes("a", condition="if needed"), changes("b", condition="if needed"))
    assert [branch_of(run.steps, step).keys for step in run.steps] == [("a",), ("b",)]  # type: ignore[union-attr]


def test_options_stand_beside_each_other_and_those_that_are_over_are_not_offered() -> None:
    run = run_of(
        reads("a", condition="Option A"), reads("b", condition="Option B"), reads("c", condition="Option C"), a=DONE
    )
    branch = branch_of(run.steps, run.steps[1])
    assert branch is not None
    assert [each.keys for each in branch.options] == [("a",), ("b",), ("c",)]
    assert [option["key"] for option in choice_of(run.steps, branch)["options"]] == ["b", "c"]


@pytest.mark.parametrize(
    ("steps", "asked"),
    [
        ((reads("a", condition="Option A"), reads("b", condition="Option B")), Choose),
        ((reads("a", condition="If x"), changes("b", condition="If x")), Choose),
        ((reads("a", condition="If x"), reads("b", condition="If x")), Begin),
        ((reads("a", condition="if needed"), changes("b")), Begin),
    ],
)
def test_people_are_asked_which_way_only_where_it_matters(steps: tuple[object, ...], asked: type) -> None:
    assert type(at(run_of(*steps))) is asked


@pytest.mark.parametrize(("measured", "move"), [(True, Decide), (False, Choose)])
def test_a_condition_on_a_signal_is_measured_where_something_measures(measured: object, move: type) -> None:
    run = run_of(reads("a", condition="If error rate > 5%"), changes("b", condition="If error rate > 5%"))
    assert type(at(run, measured=bool(measured))) is move


def test_a_branch_that_was_taken_is_not_asked_about_again() -> None:
    run = run_of(reads("a", condition="Option A"), reads("b", condition="Option B"), a={"progress": {"branch": "yes"}})
    assert at(run) == Begin(step=run.steps[0])


# --- turns -----------------------------------------------------------------------------------------------------------


def test_steps_beside_each_other_have_their_turn_together_and_those_behind_them_have_not() -> None:
    run = run_of(reads("a", parallel="x"), reads("b", parallel="x"), reads("c"), reads("d", parallel="x"))
    assert keys(frontier(run)) == ["a", "b"]
    assert at(run, busy=("a",)) == Begin(step=run.steps[1])
    assert at(run, busy=("a", "b")) == Rest(until=None)


def test_one_that_waits_for_people_holds_up_none_beside_it() -> None:
    run = run_of(changes("a", parallel="x"), reads("b", parallel="x"), a=PROPOSED)
    assert at(run) == Begin(step=run.steps[1])


def test_two_groups_go_one_after_the_other() -> None:
    run = run_of(reads("a", parallel="x"), reads("b", parallel="y"))
    assert keys(frontier(run)) == ["a"]


def test_an_approved_step_waits_for_its_time() -> None:
    run = run_of(changes("a"), a={"state": StepState.APPROVED, "not_before": NOW + 5})
    assert at(run) == Rest(until=NOW + 5)
    assert at(run, now=NOW + 5) == Begin(step=run.steps[0])


# --- phases ----------------------------------------------------------------------------------------------------------


def test_a_phase_is_late_when_its_time_is_over_and_steps_of_it_are_not() -> None:
    run = run_of(*(manual(key, phase="Now", due_s=300.0, not_before_s=0.0) for key in ("a", "b")), a=DONE, b=PROPOSED)
    assert at(run, now=NOW + 299) == Rest(until=NOW + 300)
    late = at(run, now=NOW + 300)
    assert isinstance(late, EscalatePhase)
    assert (late.end.phase, late.end.left, late.end.first.key) == ("Now", 1, "b")


def test_a_late_phase_is_said_once() -> None:
    run = run_of(
        *(manual(key, phase="Now", due_s=300.0) for key in ("a", "b")),
        a={"state": StepState.PROPOSED, "progress": {"late": ["Now"]}},
    )
    assert phase_ends(run) == ()


@pytest.mark.parametrize(
    "steps",
    [
        (manual("a", phase="Now", due_s=300.0),),
        (manual("a", phase="Now", due_s=300.0), manual("b", phase="Now", due_s=60.0)),
        (manual("a", phase="Now"), manual("b", phase="Now")),
    ],
)
def test_a_steps_own_time_box_is_no_phases(steps: tuple[object, ...]) -> None:
    assert phase_ends(run_of(*steps)) == ()
