"""Armed thresholds become rules; what cannot be watched says why."""

from dataclasses import replace

import pytest

from stanch.catalogue.signals import SIGNALS
from stanch.model.plan import Fact, Plan, Playbook, Severity, Threshold, ThresholdRole
from stanch.model.problem import Level, Problem, Source
from stanch.model.rule import Rule
from stanch.model.signal import Comparison, Statistic, Unit
from stanch.playbook.compile import compile_playbooks
from stanch.signals.compile import compile_rules, middle_severity, rule_of

SOURCE = Source(path="playbook.md", line=68, text="- Error rate > 5% for any 2-minute window")
ERRORS = Threshold(
    signal="http.error_rate",
    statistic=None,
    comparison=Comparison.GREATER,
    value=0.05,
    unit=Unit.RATIO,
    window_s=120.0,
    persistence_s=None,
    role=ThresholdRole.ALERT,
    armed=True,
    source=SOURCE,
)


def plan(*facts: Fact) -> Plan:
    book = Playbook(path="playbook.md", title="Playbook", text="", facts=facts, problems=())
    return Plan(hash="0" * 64, playbooks=(book,), facts=facts)


def severity(level: str) -> Severity:
    return Severity(level=level, name=level, response_s=None, clocks=(), criteria=(), source=SOURCE)


def rule(threshold: Threshold) -> Rule:
    made = rule_of(threshold, SIGNALS, "P1")
    assert isinstance(made, Rule), made
    return made


def refusal(threshold: Threshold, interval_s: float = 5.0) -> Problem:
    made = rule_of(threshold, SIGNALS, "P1", interval_s)
    assert isinstance(made, Problem), made
    return made


@pytest.mark.parametrize(
    ("threshold", "title"),
    [
        (ERRORS, "error rate > 5% in 2 min"),
        (replace(ERRORS, window_s=None), "error rate > 5%"),
        (replace(ERRORS, window_s=60.0, persistence_s=5.0), "error rate > 5% for 5 s"),
        (
            replace(
                ERRORS,
                signal="http.response_time",
                statistic=Statistic.P95,
                value=1.0,
                unit=Unit.SECONDS,
                window_s=None,
                persistence_s=300.0,
            ),
            "response time p95 > 1 s for 5 min",
        ),
        (
            replace(ERRORS, signal="db.pool.utilization", value=0.8, window_s=None),
            "connection pool utilization > 80%",
        ),
        (
            replace(ERRORS, signal="k8s.container.restarts", value=3.0, unit=Unit.COUNT, window_s=300.0),
            "pod restarts > 3 in 5 min",
        ),
        (replace(ERRORS, upper=0.1, window_s=None), "error rate > 5% up to 10%"),
        (replace(ERRORS, window_s=None, consecutive=3), "error rate > 5% in 3 samples in a row"),
        (replace(ERRORS, window_s=None, labels=(("http_route", "/x"),)), "error rate of http_route /x > 5%"),
    ],
)
def test_a_title_says_the_condition_in_plain_words(threshold: Threshold, title: str) -> None:
    assert rule(threshold).title == title


def test_a_window_is_the_signals_own_where_the_playbook_does_not_say() -> None:
    assert rule(ERRORS).window_s == 120
    assert rule(replace(ERRORS, window_s=None)).window_s == 60
    pool = replace(ERRORS, signal="db.pool.utilization", window_s=None)
    assert rule(pool).window_s == 0
    assert rule(replace(pool, window_s=120.0)).window_s == 120


def test_a_rate_always_has_a_window() -> None:
    assert rule(replace(ERRORS, window_s=0.0)).window_s == 60


@pytest.mark.parametrize("role", [ThresholdRole.ALERT, ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER])
def test_what_acts_by_itself_is_watched(role: ThresholdRole) -> None:
    (made,) = compile_rules(plan(replace(ERRORS, role=role))).rules
    assert made.role is role


@pytest.mark.parametrize(
    "threshold",
    [
        replace(ERRORS, armed=False),
        replace(ERRORS, role=ThresholdRole.SEVERITY_CRITERION),
        replace(ERRORS, role=ThresholdRole.RECOVERY_TARGET),
        replace(ERRORS, role=ThresholdRole.POLICY_LIMIT),
        replace(ERRORS, role=ThresholdRole.EXAMPLE),
    ],
)
def test_what_does_not_act_is_not_watched_and_no_problem(threshold: Threshold) -> None:
    compiled = compile_rules(plan(threshold))
    assert (compiled.rules, compiled.problems) == ((), ())


# --- severities ------------------------------------------------------------------------------------------------------


def test_a_rule_has_its_thresholds_severity_then_the_default_then_the_middle_one() -> None:
    levels = [severity(level) for level in ("P0", "P1", "P2", "P3")]
    graded = replace(ERRORS, severity="P0")
    assert compile_rules(plan(*levels, graded), default_severity="P3").rules[0].severity == "P0"
    assert compile_rules(plan(*levels, ERRORS), default_severity="P3").rules[0].severity == "P3"
    assert compile_rules(plan(*levels, ERRORS)).rules[0].severity == "P1"


@pytest.mark.parametrize(
    ("levels", "middle"),
    [
        ([], "P2"),
        (["SEV1"], "SEV1"),
        (["P1", "P2"], "P1"),
        (["Critical", "Warning", "Info"], "Warning"),
        (["P0", "P1", "P1", "P2", "P3"], "P1"),
    ],
)
def test_the_middle_severity_is_the_graver_of_two(levels: list[str], middle: str) -> None:
    assert middle_severity([severity(level) for level in levels]) == middle


# --- identity --------------------------------------------------------------------------------------------------------


def test_an_id_outlives_a_move_of_the_line() -> None:
    moved = replace(ERRORS, source=Source(path="playbook.md", line=99, text="Error rate above 5%"))
    assert rule(moved).id == rule(ERRORS).id
    assert rule(ERRORS).id.startswith("http-error-rate-")


@pytest.mark.parametrize(
    "other",
    [
        replace(ERRORS, value=0.06),
        replace(ERRORS, window_s=60.0),
        replace(ERRORS, persistence_s=60.0),
        replace(ERRORS, comparison=Comparison.GREATER_EQUAL),
        replace(ERRORS, labels=(("job", "clinic"),)),
        replace(ERRORS, role=ThresholdRole.ROLLBACK_TRIGGER),
        replace(ERRORS, consecutive=3),
        replace(ERRORS, upper=0.1),
        replace(ERRORS, source=Source(path="other.md", line=68)),
    ],
)
def test_another_condition_or_place_is_another_rule(other: Threshold) -> None:
    assert rule(other).id != rule(ERRORS).id


def test_the_same_condition_twice_is_watched_once_and_said() -> None:
    again = replace(ERRORS, source=Source(path="playbook.md", line=80))
    compiled = compile_rules(plan(ERRORS, again))
    assert len(compiled.rules) == 1
    (problem,) = compiled.problems
    assert (problem.code, problem.level) == ("duplicate-threshold", Level.NOTE)
    assert "line 68" in problem.message


# --- what cannot be watched ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "why"),
    [
        (replace(ERRORS, signal=None), "no signal"),
        (replace(ERRORS, signal="nonsense"), "no signal 'nonsense'"),
        (replace(ERRORS, value=None), "no number"),
        (replace(ERRORS, value=None, baseline_multiple=3.0), "what is normal"),
        (replace(ERRORS, unit=Unit.SECONDS), "its unit is seconds"),
        (replace(ERRORS, statistic=Statistic.P95), "error rate has no p95"),
        (replace(ERRORS, window_s=8.0), "does not hold two samples"),
    ],
)
def test_what_cannot_be_watched_says_why_and_where(threshold: Threshold, why: str) -> None:
    problem = refusal(threshold)
    assert problem.code == "unwatchable-threshold"
    assert why in problem.message
    assert problem.hint
    assert problem.source == SOURCE


def test_one_threshold_that_cannot_be_watched_leaves_the_others() -> None:
    compiled = compile_rules(plan(replace(ERRORS, signal="nonsense"), ERRORS))
    assert len(compiled.rules) == 1
    assert len(compiled.problems) == 1


def test_signals_that_the_playbooks_define_are_known() -> None:
    text = b"| Signal | Query |\n|---|---|\n| open carts | sum(carts) |\n\n## Alerts\n\n- Open carts > 5\n"
    compiled = compile_rules(compile_playbooks([("a.md", text)]))
    assert [(rule.signal, rule.title) for rule in compiled.rules] == [("open_carts", "open carts > 5")]
    assert compiled.problems == ()
