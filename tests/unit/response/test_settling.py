"""The table that decides about crashes, entry by entry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.model.risk import Risk
from stanch.response.action import Effect, Remedy, Verified
from stanch.response.settling import MOST_ATTEMPTS, Ending, Verdict, settle


def verdict(
    ending: Ending,
    effect: Effect,
    *,
    risk: Risk = Risk.MUTATING,
    remedy: Remedy = Remedy.UNDO_AND_ASK,
    attempt: int = 1,
) -> Verdict:
    verified = Verified(effect=effect, because="seen", remedy=remedy)
    return settle(ending, verified, risk=risk, attempt=attempt, why="why.").verdict


@pytest.mark.parametrize(
    ("ending", "effect", "expected"),
    [
        (Ending.RETURNED, Effect.TOOK_EFFECT, Verdict.DONE),
        (Ending.RETURNED, Effect.NO_EFFECT, Verdict.FAILED),
        (Ending.RETURNED, Effect.IN_PROGRESS, Verdict.WATCH),
        (Ending.RETURNED, Effect.PARTIAL, Verdict.UNDO_AND_FAIL),
        (Ending.RETURNED, Effect.CANNOT_TELL, Verdict.DONE),
        (Ending.FAILED, Effect.TOOK_EFFECT, Verdict.DONE),
        (Ending.FAILED, Effect.NO_EFFECT, Verdict.FAILED),
        (Ending.FAILED, Effect.IN_PROGRESS, Verdict.WATCH),
        (Ending.FAILED, Effect.PARTIAL, Verdict.UNDO_AND_FAIL),
        (Ending.FAILED, Effect.CANNOT_TELL, Verdict.UNKNOWN),
        (Ending.CUT, Effect.TOOK_EFFECT, Verdict.DONE),
        (Ending.CUT, Effect.NO_EFFECT, Verdict.FAILED),
        (Ending.CUT, Effect.IN_PROGRESS, Verdict.WATCH),
        (Ending.CUT, Effect.PARTIAL, Verdict.UNDO_AND_FAIL),
        (Ending.CUT, Effect.CANNOT_TELL, Verdict.UNKNOWN),
        (Ending.UNSEEN, Effect.TOOK_EFFECT, Verdict.DONE),
        (Ending.UNSEEN, Effect.NO_EFFECT, Verdict.AGAIN),
        (Ending.UNSEEN, Effect.IN_PROGRESS, Verdict.WATCH),
        (Ending.UNSEEN, Effect.PARTIAL, Verdict.UNDO_AND_ASK),
        (Ending.UNSEEN, Effect.CANNOT_TELL, Verdict.UNKNOWN),
    ],
)
def test_a_mutating_act_settles_as_the_design_says(ending: Ending, effect: Effect, expected: Verdict) -> None:
    assert verdict(ending, effect) is expected


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.UNSEEN])
@pytest.mark.parametrize("effect", list(Effect))
def test_a_destructive_act_whose_end_nobody_saw_is_left_to_people(ending: Ending, effect: Effect) -> None:
    assert verdict(ending, effect, risk=Risk.DESTRUCTIVE) is Verdict.UNKNOWN


def test_half_of_a_destructive_act_is_not_undone_by_itself() -> None:
    assert verdict(Ending.FAILED, Effect.PARTIAL, risk=Risk.DESTRUCTIVE) is Verdict.UNKNOWN


def test_an_action_that_may_go_over_its_own_half_is_done_again() -> None:
    assert verdict(Ending.UNSEEN, Effect.PARTIAL, remedy=Remedy.DO_AGAIN) is Verdict.AGAIN


@given(
    st.sampled_from(Ending),
    st.sampled_from(Effect),
    st.sampled_from(Remedy),
    st.sampled_from([Risk.MUTATING, Risk.DESTRUCTIVE]),
    st.integers(1, 9),
)
def test_nothing_is_done_again_but_what_is_known_to_need_it(
    ending: Ending, effect: Effect, remedy: Remedy, risk: Risk, attempt: int
) -> None:
    verified = Verified(effect=effect, because="seen", remedy=remedy)
    settled = settle(ending, verified, risk=risk, attempt=attempt, why="why.")
    assert settled.because
    if settled.verdict is Verdict.AGAIN:
        assert risk is Risk.MUTATING
        assert ending is Ending.UNSEEN
        assert attempt < MOST_ATTEMPTS
        assert effect is Effect.NO_EFFECT or (effect is Effect.PARTIAL and remedy is Remedy.DO_AGAIN)
    if settled.verdict is Verdict.DONE:
        assert effect is Effect.TOOK_EFFECT or (effect is Effect.CANNOT_TELL and ending is Ending.RETURNED)


def test_a_failure_that_took_effect_all_the_same_says_both() -> None:
    verified = Verified(effect=Effect.TOOK_EFFECT, because="The index is valid.")
    settled = settle(Ending.FAILED, verified, risk=Risk.MUTATING, attempt=1, why="The connection broke.")
    assert settled.because == "The connection broke. It took effect all the same: The index is valid."
