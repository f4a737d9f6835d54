"""Rules over series in memory, evaluated together."""

from dataclasses import replace

import pytest

from stanch.catalogue.signals import SIGNALS
from stanch.catalogue.signals.selector import series as selector
from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source
from stanch.model.rule import AlertState, Rule
from stanch.model.signal import Comparison, Gauge, Sample, Signal, Unit
from stanch.signals.rulebook import Rulebook
from stanch.signals.rules import Change
from stanch.signals.windows import Windows

DEPTH = Signal(
    name="test.depth",
    unit=Unit.COUNT,
    description="A gauge.",
    phrases=("depth",),
    reading=Gauge(selector=selector("d")),
    default_window_s=0.0,
)
RULE = Rule(
    id="deep",
    title="depth > 10",
    signal="test.depth",
    statistic=None,
    comparison=Comparison.GREATER,
    value=10.0,
    unit=Unit.COUNT,
    window_s=0.0,
    persistence_s=0.0,
    severity="P2",
    role=ThresholdRole.ALERT,
    source=Source(path="playbook.md", line=1),
)


def book(*rules: Rule) -> tuple[Rulebook, Windows]:
    windows = Windows(600)
    made = Rulebook(windows, {DEPTH.name: DEPTH})
    made.arm(rules)
    return made, windows


def measured(windows: Windows, at: float, value: float) -> None:
    windows.add([Sample(metric="d", labels=(), at=at, value=value)])


def test_changes_are_told_and_evaluations_kept() -> None:
    rulebook, windows = book(RULE, replace(RULE, id="deeper", value=50.0))
    assert [each.state for each in rulebook.evaluations()] == [AlertState.NO_DATA] * 2
    measured(windows, 100, 30)
    (change,) = rulebook.evaluate(100)
    assert (change.change, change.evaluation.rule.id, change.evaluation.value) == (Change.FIRED, "deep", 30)
    assert rulebook.evaluate(101) == ()
    assert [each.state for each in rulebook.evaluations()] == [AlertState.FIRING, AlertState.INACTIVE]
    measured(windows, 102, 3)
    (change,) = rulebook.evaluate(102)
    assert change.change is Change.CLEARED


def test_a_value_goes_stale_and_is_no_data() -> None:
    rulebook, windows = book(RULE)
    measured(windows, 100, 3)
    rulebook.evaluate(100)
    (change,) = rulebook.evaluate(401)
    assert change.change is Change.DATA_LOST
    assert rulebook.value("test.depth", 401) is None
    assert rulebook.value("test.depth", 400) == 3


def test_rules_that_read_the_same_share_one_evaluator() -> None:
    rulebook, _ = book(RULE, replace(RULE, id="b", value=20.0), replace(RULE, id="c", window_s=30.0))
    assert len(rulebook._evaluators) == 2


def test_a_rule_that_stays_keeps_its_standing_and_one_that_goes_while_raised_is_named() -> None:
    rulebook, windows = book(RULE, replace(RULE, id="other", value=20.0))
    measured(windows, 100, 30)
    rulebook.evaluate(100)
    (gone,) = rulebook.arm([replace(RULE, severity="P0")])
    assert gone.rule.id == "other"
    assert rulebook.evaluate(105) == (), "still firing: nothing new to tell"
    assert rulebook.evaluations()[0].since == 100
    assert rulebook.evaluations()[0].rule.severity == "P0"


def test_an_unknown_signal_is_refused_and_what_was_armed_stays() -> None:
    rulebook, _ = book(RULE)
    with pytest.raises(ValueError, match="no signal"):
        rulebook.arm([replace(RULE, signal="nonsense")])
    with pytest.raises(ValueError, match="no signal"):
        rulebook.value("nonsense", 0)
    assert rulebook.rules == (RULE,)


def test_every_signal_of_the_catalogue_can_be_read_where_there_is_nothing() -> None:
    rulebook = Rulebook(Windows(60), SIGNALS)
    for name in SIGNALS:
        assert rulebook.value(name, 1000.0) is None


def test_too_little_is_not_warned_of_before_a_whole_window_was_watched() -> None:
    quiet = replace(RULE, id="quiet", signal="http.request_rate", comparison=Comparison.LESS, value=1.0, window_s=60.0)
    busy = replace(quiet, id="busy", comparison=Comparison.GREATER, value=0.1)
    windows = Windows(600)
    rulebook = Rulebook(windows, SIGNALS)
    rulebook.arm([quiet, busy])
    rulebook.watched_from = 1000.0
    for second in range(1000, 1075, 5):
        metric = "http_server_request_duration_seconds_count"
        windows.add([Sample(metric=metric, labels=(), at=second, value=2.0 * second)])
        rulebook.evaluate(second)
        state = {each.rule.id: each.state for each in rulebook.evaluations()}
        # Two requests a second, of which a window that is not yet full holds too few.
        assert state["quiet"] is (AlertState.NO_DATA if second < 1060 else AlertState.INACTIVE)
        assert state["busy"] is (AlertState.NO_DATA if second == 1000 else AlertState.FIRING)
