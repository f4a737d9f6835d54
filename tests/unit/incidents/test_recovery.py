"""When an incident is over, and what is said while it is not."""

from dataclasses import replace

import pytest

from incident_builders import T0, evaluation, foreign, plan, rule, target
from stanch.incidents.lifecycle import rule_of
from stanch.incidents.recovery import Verdict, decide, measure_targets
from stanch.model.incident import Incident, IncidentStatus
from stanch.model.plan import ThresholdRole
from stanch.model.rule import AlertState
from stanch.model.signal import Comparison, Statistic, Unit


def incident(*rules, firing=(), since=None):
    return Incident(
        id="1",
        title="x",
        severity="P1",
        status=IncidentStatus.OPEN,
        service="booking",
        opened_at=T0 - 600,
        plan_hash="a" * 64,
        source=None,
        rules=rules or ("latency",),
        firing=firing,
        recovering_since=since,
    )


def test_a_rule_that_still_fires_is_named_with_its_value_and_limit():
    stuck = decide(incident(firing=("latency",)), [evaluation(state=AlertState.FIRING, value=1.4)], plan(), T0)
    assert stuck.verdict is Verdict.WAITING
    assert stuck.because == ("response time p95 is 1.4 s, limit 1 s",)
    assert stuck.since is None


def test_a_rule_out_of_range_for_a_moment_is_not_clean_either():
    assert decide(incident(), [evaluation(state=AlertState.PENDING, value=1.2)], plan(), T0).because


@pytest.mark.parametrize(
    "seen", [evaluation(state=AlertState.NO_DATA, value=None), evaluation(state=AlertState.INACTIVE, value=None)]
)
def test_no_data_is_never_clean(seen):
    assert decide(incident(), [seen], plan(), T0).because == ("no data from response time p95",)


def test_the_count_begins_when_every_rule_is_inactive_with_data():
    began = decide(incident(), [evaluation()], plan(), T0, clean_s=300)
    assert began.verdict is Verdict.BEGAN
    assert (began.since, began.needed_s, began.changes) == (T0, 300, True)


def test_it_resolves_exactly_when_the_time_is_over():
    waiting = decide(incident(since=T0 - 299.9), [evaluation()], plan(), T0, clean_s=300)
    assert (waiting.verdict, waiting.changes) == (Verdict.WAITING, False)
    assert waiting.clean_s == pytest.approx(299.9)
    over = decide(incident(since=T0 - 300), [evaluation()], plan(), T0, clean_s=300)
    assert (over.verdict, over.clean_s) == (Verdict.RESOLVED, 300)


def test_the_count_breaks_when_a_signal_leaves_its_limits():
    broke = decide(incident(since=T0 - 100), [evaluation(state=AlertState.PENDING, value=3)], plan(), T0)
    assert (broke.verdict, broke.since, broke.changes) == (Verdict.BROKE, None, True)


def test_one_rule_of_several_is_enough_to_wait():
    pool = rule("pool", signal="db.pool.utilization", statistic=None, value=0.8, unit=Unit.RATIO)
    seen = [evaluation(), evaluation(pool, AlertState.FIRING, 0.93)]
    assert decide(incident("latency", "pool"), seen, plan(), T0).because == (
        "connection pool utilization is 93%, limit 80%",
    )


def test_a_rule_that_did_not_fire_in_it_is_not_its_business():
    other = evaluation(rule("errors"), AlertState.FIRING, 9)
    assert decide(incident(), [evaluation(), other], plan(), T0).verdict is Verdict.BEGAN


def test_a_state_that_began_while_nobody_looked_counts_from_its_beginning():
    again = decide(incident(since=T0 - 1000), [evaluation(since=T0 - 40)], plan(), T0, clean_s=300)
    assert (again.verdict, again.since, again.clean_s) == (Verdict.BEGAN, T0 - 40, 40)


def test_a_clock_that_was_set_back_neither_resolves_nor_breaks():
    seen = [evaluation(since=T0 + 500)]
    waiting = decide(incident(since=T0 + 100), seen, plan(), T0, clean_s=300)
    assert (waiting.verdict, waiting.clean_s) == (Verdict.WAITING, 0)


def test_an_alert_of_another_system_waits_for_that_system():
    key = rule_of(foreign())
    waiting = decide(incident(key, firing=(key,)), [], plan(), T0)
    assert waiting.because == ("fp-1 was not cleared by the system that reported it",)
    assert decide(incident(key), [], plan(), T0).verdict is Verdict.BEGAN


def test_what_a_person_opened_a_person_ends():
    by_hand = replace(incident(), rules=())
    assert decide(by_hand, [evaluation()], plan(), T0).because == (
        "it was opened by hand, so a person says when it is over",
    )


def aim(value, line=50):
    wanted = rule(
        f"target-{line}",
        role=ThresholdRole.RECOVERY_TARGET,
        comparison=Comparison.LESS,
        value=0.3,
        persistence_s=10.0,
        line=line,
    )
    state = AlertState.NO_DATA if value is None else AlertState.INACTIVE
    return evaluation(replace(wanted, source=target(line).source), state, value)


def test_a_recovery_target_that_is_not_reached_holds_it_open():
    waiting = decide(incident(), [evaluation(), aim(0.45)], plan(target()), T0)
    assert waiting.because == ("response time p95 is 0.45 s, target 0.3 s",)


def test_a_recovery_target_without_data_holds_it_open():
    assert decide(incident(), [evaluation(), aim(None)], plan(target()), T0).because == (
        "no data from response time p95",
    )


def test_a_recovery_target_that_nobody_measures_holds_it_open():
    waiting = decide(incident(), [evaluation()], plan(target()), T0)
    (because,) = waiting.because
    assert because.startswith("the recovery target of playbook.md:50 is not measured (Recovered when ")


def test_a_recovery_target_that_was_not_understood_holds_nothing():
    assert decide(incident(), [evaluation()], plan(target(signal=None)), T0).verdict is Verdict.BEGAN


def test_the_time_comes_from_the_recovery_target_with_the_longest():
    targets = plan(target(50), target(51, persistence_s=45.0))
    began = decide(incident(), [evaluation(), aim(0.1, 50), aim(0.1, 51)], targets, T0, clean_s=300)
    assert began.needed_s == 45


def test_without_a_time_in_the_target_the_settings_say():
    timeless = plan(target(persistence_s=None))
    measured = evaluation(replace(aim(0.1).rule, persistence_s=0.0), AlertState.INACTIVE, 0.1)
    assert decide(incident(), [evaluation(), measured], timeless, T0, clean_s=300).needed_s == 300


def test_targets_are_measured_with_their_own_window_and_statistic():
    asked = []

    def value(signal, *, statistic=None, window_s=None, labels=()):
        asked.append((signal, statistic, window_s, labels))
        return 0.25

    (measured,) = measure_targets(plan(target(), target(60, signal=None)), value, T0, interval_s=1.0)
    assert asked == [("http.response_time", Statistic.P95, 10.0, ())]
    assert (measured.state, measured.value, measured.rule.role) == (
        AlertState.INACTIVE,
        0.25,
        ThresholdRole.RECOVERY_TARGET,
    )
    assert decide(incident(), [evaluation(), measured], plan(target()), T0).verdict is Verdict.BEGAN


@pytest.mark.parametrize(("value", "state"), [(None, AlertState.NO_DATA), (0.31, AlertState.FIRING)])
def test_a_target_that_is_missed_or_without_data_says_so(value, state):
    (measured,) = measure_targets(plan(target()), lambda *_, **__: value, T0, interval_s=1.0)
    assert measured.state is state
    assert decide(incident(), [evaluation(), measured], plan(target()), T0).because


def test_a_target_that_cannot_be_measured_is_left_out_and_missed():
    assert measure_targets(plan(target(value=None)), lambda *_, **__: 1.0, T0) == ()


def test_nothing_counts_while_production_is_being_changed():
    waiting = decide(incident(since=T0 - 999), [evaluation()], plan(), T0, under_way=("Build the index",))
    assert (waiting.verdict, waiting.because) == (Verdict.BROKE, ("Build the index is under way",))
