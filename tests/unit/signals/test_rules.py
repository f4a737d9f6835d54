"""A rule's states: pending, firing, cleared, and no data, which is never health."""

import math
from dataclasses import replace

import pytest

from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source
from stanch.model.rule import AlertState, Rule
from stanch.model.signal import Comparison, Unit
from stanch.signals.rules import Change, Standing, Transition, advance, moved, transition, unseen

RULE = Rule(
    id="rule",
    title="cpu usage > 90%",
    signal="system.cpu.utilization",
    statistic=None,
    comparison=Comparison.GREATER,
    value=0.9,
    unit=Unit.RATIO,
    window_s=60.0,
    persistence_s=10.0,
    severity="P1",
    role=ThresholdRole.ALERT,
    source=Source(path="playbook.md", line=1),
)
HIGH, LOW = 0.95, 0.5
INACTIVE, PENDING, FIRING, NO_DATA = (
    AlertState.INACTIVE,
    AlertState.PENDING,
    AlertState.FIRING,
    AlertState.NO_DATA,
)


def run(rule: Rule, values: list[float | None], *, step_s: float = 5.0) -> tuple[list[Standing], list[Transition]]:
    """Evaluations `step_s` apart from 1000 on."""
    standings: list[Standing] = []
    changes: list[Transition] = []
    before = None
    for index, value in enumerate(values):
        after = advance(rule, before, value, 1000 + step_s * index)
        change = transition(rule, before, after)
        if change is not None:
            changes.append(change)
        standings.append(after)
        before = after
    return standings, changes


def states(rule: Rule, values: list[float | None], *, step_s: float = 5.0) -> list[AlertState]:
    return [standing.state for standing in run(rule, values, step_s=step_s)[0]]


def told(rule: Rule, values: list[float | None]) -> list[tuple[Change, float, bool]]:
    return [(change.change, change.evaluation.at, change.raised) for change in run(rule, values)[1]]


def test_a_rule_fires_once_it_has_been_out_of_range_for_its_persistence() -> None:
    assert states(RULE, [LOW, HIGH, HIGH, HIGH, HIGH]) == [INACTIVE, PENDING, PENDING, FIRING, FIRING]


def test_without_a_persistence_it_fires_at_once() -> None:
    assert states(replace(RULE, persistence_s=0.0), [LOW, HIGH, LOW]) == [INACTIVE, FIRING, INACTIVE]


def test_one_moment_in_range_begins_the_persistence_anew() -> None:
    assert states(RULE, [HIGH, HIGH, LOW, HIGH, HIGH, HIGH]) == [PENDING, PENDING, INACTIVE, PENDING, PENDING, FIRING]


def test_whole_tenths_of_seconds_are_not_lost_to_binary_fractions() -> None:
    rule = replace(RULE, persistence_s=0.3)
    assert states(rule, [HIGH] * 5, step_s=0.1) == [PENDING, PENDING, PENDING, FIRING, FIRING]


def test_consecutive_samples_are_counted() -> None:
    rule = replace(RULE, persistence_s=0.0, consecutive=3)
    assert states(rule, [HIGH, HIGH, LOW, HIGH, HIGH, HIGH, HIGH]) == [
        *(PENDING, PENDING, INACTIVE),
        *(PENDING, PENDING, FIRING, FIRING),
    ]


def test_a_range_has_two_bounds() -> None:
    rule = replace(RULE, persistence_s=0.0, comparison=Comparison.GREATER_EQUAL, value=0.05, upper=0.1)
    assert states(rule, [0.04, 0.05, 0.1, 0.11]) == [INACTIVE, FIRING, FIRING, INACTIVE]


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_no_data_is_never_healthy(nothing: float | None) -> None:
    assert states(RULE, [nothing, LOW, nothing]) == [NO_DATA, INACTIVE, NO_DATA]


def test_no_data_begins_the_persistence_anew() -> None:
    assert states(RULE, [HIGH, HIGH, None, HIGH, HIGH, HIGH]) == [PENDING, PENDING, NO_DATA, PENDING, PENDING, FIRING]


def test_firing_and_clearing_are_told_once() -> None:
    assert told(RULE, [LOW, HIGH, HIGH, HIGH, HIGH, LOW, LOW]) == [
        (Change.FIRED, 1015, True),
        (Change.CLEARED, 1025, False),
    ]


def test_a_rule_that_lost_its_data_while_firing_is_not_cleared_until_it_is_seen_in_range() -> None:
    assert told(RULE, [HIGH, HIGH, HIGH, None, None, HIGH, LOW]) == [
        (Change.FIRED, 1010, True),
        (Change.DATA_LOST, 1015, True),
        (Change.CLEARED, 1030, False),
    ]


def test_lost_data_of_a_healthy_rule_is_told_too() -> None:
    assert told(RULE, [LOW, None, None, LOW]) == [(Change.DATA_LOST, 1005, False)]


def test_a_pending_rule_that_comes_back_into_range_is_not_worth_a_word() -> None:
    assert told(RULE, [LOW, HIGH, LOW]) == []


def test_since_is_when_the_present_state_began() -> None:
    standings, _ = run(RULE, [LOW, HIGH, HIGH, HIGH, HIGH, None, None])
    assert [standing.since for standing in standings] == [1000, 1005, 1005, 1015, 1015, 1025, 1025]


def test_time_in_which_nobody_looked_does_not_count_towards_the_persistence() -> None:
    pending = run(RULE, [HIGH, HIGH])[0][-1]
    later = unseen(pending, 600)
    assert advance(RULE, later, HIGH, 1005 + 600).state is PENDING
    assert advance(RULE, later, HIGH, 1010 + 600).state is FIRING
    firing = run(RULE, [HIGH] * 3)[0][-1]
    assert unseen(firing, 600) == firing


def test_a_clock_that_was_set_back_moves_what_is_remembered_with_it() -> None:
    pending = moved(run(RULE, [HIGH, HIGH])[0][-1], -500)
    assert advance(RULE, pending, HIGH, 510).state is FIRING
    assert advance(RULE, pending, HIGH, 509).state is PENDING
