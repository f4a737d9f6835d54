"""Whoever follows a run is told each thing once, wherever they are cut off and whichever server goes on."""

import json
from dataclasses import replace

import pytest

from stanch.model.incident import Event, EventKind
from stanch.model.plan import StepKind
from stanch.model.risk import Risk
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response.following import Asked, Happened, Over, Place, Printed, told


def step(ordinal: int, **more) -> StepRecord:
    given = {"state": StepState.WAITING, "risk": Risk.MUTATING, **more}
    return StepRecord(run_id="1.1", key=f"s{ordinal}", ordinal=ordinal, type=StepKind.COMMAND, text="do it", **given)


def run(*steps: StepRecord, state: RunState = RunState.RUNNING) -> Run:
    return Run(
        id="1.1", incident_id="1", plan_hash="", procedure="p", name="P", because="", state=state, epoch=1,
        started_at=0.0, steps=steps,
    )  # fmt: skip


def event(seq: int, kind: EventKind, **data) -> tuple[int, Event]:
    data = {"run": "1.1", **data}
    made = Event(incident_id="1", seq=seq, at=float(seq), kind=kind, actor="stanch", data=data, previous="", digest="")
    return 10 * seq, made


STORY = (
    event(1, EventKind.RUN_STARTED),
    event(2, EventKind.STEP_PROPOSED, step="s0"),
    event(3, EventKind.STEP_APPROVED, step="s0"),
    event(4, EventKind.STEP_STARTED, step="s0", attempt=1),
    event(5, EventKind.NOTE, run="2.1", text="another run's"),
    event(6, EventKind.STEP_DONE, step="s0", output="a\nb\nc"),
    event(7, EventKind.STEP_STARTED, step="s1", attempt=1),
    event(8, EventKind.STEP_FAILED, step="s1", output="no"),
    event(9, EventKind.RUN_FINISHED),
)
"""What happened, and below how the run stood after the first `n` of it (and while its output grew)."""

WAITS, RUNS, DONE, FAILED = StepState.PROPOSED, StepState.STARTED, StepState.DONE, StepState.FAILED
STOOD = (
    (1, run(step(0), step(1))),
    (2, run(step(0, state=WAITS, asked=1), step(1))),
    (4, run(step(0, state=RUNS, asked=1, attempt=1), step(1))),
    (5, run(step(0, state=RUNS, asked=1, attempt=1, output="a"), step(1))),
    (5, run(step(0, state=RUNS, asked=1, attempt=1, output="a\nb"), step(1))),
    (7, run(step(0, state=DONE, attempt=1, output="a\nb\nc"), step(1, state=RUNS, attempt=1, output="x"))),
    (
        9,
        run(
            step(0, state=DONE, attempt=1, output="a\nb\nc"),
            step(1, state=FAILED, attempt=1, output="x\nno"),
            state=RunState.FINISHED,
        ),
    ),
)


def after(place: Place, count: int) -> list:
    return [(position, each) for position, each in STORY[:count] if position > place.position]


def spoken(items) -> list:
    """What was told, printed lines one by one."""
    found = []
    for item in items:
        match item:
            case Happened():
                found.append(item.event.seq)
            case Printed():
                found += [(item.step, line) for line in item.lines]
            case Asked():
                found.append(f"asked {item.step.key}")
            case Over():
                found.append("over")
    return found


WHOLE = [1, 2, "asked s0", 3, 4, ("s0", "a"), ("s0", "b"), ("s0", "c"), 6, 7, ("s1", "x"), ("s1", "no"), 8, 9, "over"]


def test_everything_is_told_once_in_order_as_it_comes():
    place, heard = Place(), []
    for count, stood in STOOD:
        for after_it, item in told(stood, after(place, count), place):
            place = after_it
            heard.append(item)
    assert spoken(heard) == WHOLE


def test_who_comes_at_the_end_is_told_all_but_the_questions_that_were_answered():
    count, stood = STOOD[-1]
    items = [item for _, item in told(stood, after(Place(), count), Place())]
    assert spoken(items) == [each for each in WHOLE if each != "asked s0"]


@pytest.mark.parametrize("heard_before_the_cut", range(len(WHOLE)))
def test_cut_off_after_any_item_the_rest_follows_from_the_place_as_it_was_written(heard_before_the_cut: int):
    place, heard = Place(), []
    for count, stood in STOOD:
        items = list(told(stood, after(place, count), place))
        left = heard_before_the_cut - len(heard)
        if 0 <= left < len(items):
            # The connection is cut within this answer; the reader asks anew and is told from the same state.
            for after_it, item in items[:left]:
                place = after_it
                heard.append(item)
            place = Place.of(str(place))
            items = list(told(stood, after(place, count), place))
        for after_it, item in items:
            place = after_it
            heard.append(item)
    assert spoken(heard) == WHOLE


@pytest.mark.parametrize("cut", range(len(STOOD)))
def test_a_server_that_was_away_for_the_rest_leaves_no_line_out(cut: int):
    place, heard = Place(), []
    for count, stood in (*STOOD[:cut], STOOD[-1]):
        for after_it, item in told(stood, after(place, count), place):
            place = after_it
            heard.append(item)
    missed_the_question = cut < 2
    assert spoken(heard) == [each for each in WHOLE if not (missed_the_question and each == "asked s0")]


def test_an_output_that_was_kept_otherwise_is_told_anew():
    started = step(0, state=RUNS, attempt=1, output="a\nb")
    begun = [event(1, EventKind.STEP_STARTED, step="s0", attempt=1)]
    *_, (place, _) = told(run(started), begun, Place())
    other = run(replace(started, output="a\n[... 9 bytes left out ...]\nz"))
    (item,) = [item for _, item in told(other, [], place)]
    assert item == Printed(step="s0", attempt=1, lines=("a", "[... 9 bytes left out ...]", "z"), anew=True)


def test_of_an_attempt_whose_output_is_gone_what_the_event_kept_is_told():
    events = [
        event(1, EventKind.STEP_STARTED, step="s0", attempt=1),
        event(2, EventKind.STEP_FAILED, step="s0", output="first try"),
        event(3, EventKind.STEP_STARTED, step="s0", attempt=2),
    ]
    stood = run(step(0, state=RUNS, attempt=2, output="second try"))
    assert spoken(item for _, item in told(stood, events, Place())) == [
        1, ("s0", "first try"), 2, 3, ("s0", "second try"),
    ]  # fmt: skip


def test_what_a_person_pasted_is_told_with_their_report():
    events = [event(1, EventKind.STEP_DONE, step="s0", output="seen\nby me")]
    stood = run(step(0, state=DONE, output="seen\nby me"))
    assert spoken(item for _, item in told(stood, events, Place())) == [("s0", "seen"), ("s0", "by me"), 1]


def test_a_question_asked_anew_is_told_anew_and_a_second_look_at_it_is_not():
    place = Place()
    ((place, first),) = told(run(step(0, state=WAITS, asked=1)), [], place)
    assert isinstance(first, Asked)
    assert not list(told(run(step(0, state=WAITS, asked=1)), [], place))
    ((_, again),) = told(run(step(0, state=WAITS, asked=2)), [], place)
    assert isinstance(again, Asked)


def test_what_is_left_to_read_comes_before_how_the_run_stands():
    stood = run(step(0, state=RUNS, attempt=1, output="a"), state=RunState.FINISHED)
    items = [item for _, item in told(stood, [event(1, EventKind.RUN_STARTED)], Place(), complete=False)]
    assert spoken(items) == [1]


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", "null", "[1]", '["1",{},{}]', "[-1,{},{}]", '[1,{"a":[1,2,3]},{}]', '[1,{"0":1},{}]',
             "[1,[],[]]", "[9223372036854775808,{},{}]", "[[[[", json.dumps([1, {"0": [1, 2]}, {}])]
)  # fmt: skip
def test_what_is_no_place_is_refused(text: str):
    with pytest.raises(ValueError):
        Place.of(text)
