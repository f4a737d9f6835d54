"""The picture of a procedure: every step once, in order, and lines that lead from sign to sign."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response_stage import command, manual, procedure
from response_stage import plan as plan_of
from stanch.model.risk import Risk
from stanch.response.preview import preview
from stanch.response.ways import Means
from stanch.web.views.flow import LANE, MOST_LANES, ROW, flow

MEANS = Means()


def drawn(*steps):
    """The picture of a procedure of these steps."""
    one = procedure(*(replace(step, key=f"k{number}") for number, step in enumerate(steps)))
    return flow(preview(one, plan_of(one), MEANS))


def look(**more):
    return command("look", ("ls",), **more)


def act(**more):
    return command("act", ("chmod", "600", "door"), risk=Risk.MUTATING, **more)


def wipe(**more):
    return command("wipe", ("rm", "-r", "door"), risk=Risk.DESTRUCTIVE, **more)


def test_a_straight_procedure_is_one_line_with_a_sign_for_what_each_step_asks() -> None:
    found = drawn(look(), act(), wipe(), manual("call"))
    assert [sign.form for sign in found.signs] == ["alone", "one", "two", "hand", "end"]
    assert (found.lanes, {sign.x for sign in found.signs}) == (1, {11})
    assert len(found.lines) == 4
    assert found.height == ROW * 5


def test_options_part_into_lanes_and_meet_again() -> None:
    found = drawn(look(), act(condition="Option A"), wipe(condition="Option B"), look())
    assert [row.kind for row in found.rows] == ["step", "question", "way", "step", "way", "step", "step", "end"]
    lanes = {sign.form: (sign.x - 11) // LANE for sign in found.signs}
    assert (lanes["question"], lanes["one"], lanes["two"], lanes["end"]) == (0, 0, 1, 0)
    assert found.lanes == 2
    assert not any(line.dashed for line in found.lines)


def test_what_may_be_left_out_has_a_dashed_line_around_it() -> None:
    found = drawn(look(), act(condition="If the queue is long:"), look())
    assert [line.dashed for line in found.lines] == [False, False, False, True, False]
    question = next(row for row in found.rows if row.kind == "question")
    assert question.text == "If the queue is long"


def test_steps_side_by_side_have_a_lane_each() -> None:
    found = drawn(look(), *(manual(f"m{number}", parallel="g") for number in range(3)), look())
    assert [(sign.x - 11) // LANE for sign in found.signs] == [0, 0, 1, 2, 0, 0]


def test_a_phase_is_named_once_and_not_again_by_the_condition_that_is_its_name() -> None:
    found = drawn(look(phase="Look"), look(phase="Look"), act(phase="If slow", condition="If slow:"), look(phase="End"))
    assert [row.text for row in found.rows if row.kind == "phase"] == ["Look", "End"]


def test_a_phase_that_begins_with_a_question_is_named_before_it() -> None:
    found = drawn(look(phase="Look"), act(phase="Mend", condition="if needed"), look(phase="Mend"))
    assert [(row.kind, row.text) for row in found.rows[2:4]] == [("phase", "Mend"), ("question", "if needed")]


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_or_little_is_drawn_too(number: int) -> None:
    assert len(drawn(*[look()] * number).signs) == number + 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from([look, act, wipe]),
        st.sampled_from([None, "Option A", "Option B", "If slow", "If needed"]),
        st.sampled_from([None, None, "g", "h"]),
        st.sampled_from([None, "Look", "Act"]),
    ),
    max_size=14,
)


@given(STEPS)
def test_every_step_is_drawn_once_and_every_line_leads_from_a_sign_down_to_a_sign(steps) -> None:
    made = [make(condition=condition, parallel=beside, phase=phase) for make, condition, beside, phase in steps]
    found = drawn(*made)
    assert [row.number for row in found.rows if row.number] == list(range(1, len(steps) + 1))
    places = {(sign.x, sign.y) for sign in found.signs}
    assert len(places) == len(found.signs)
    for line in found.lines:
        assert {line.start, line.end} <= places
        assert line.end[1] > line.start[1]
    assert len(set(found.lines)) == len(found.lines)
    assert {line.end for line in found.lines} == places - {(found.signs[0].x, found.signs[0].y)} or steps[0][2]
    assert found.lanes <= MOST_LANES
    assert all(0 < sign.x < found.width and 0 < sign.y < found.height for sign in found.signs)
