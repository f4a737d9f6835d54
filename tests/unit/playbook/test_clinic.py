"""The clinic's playbook is all the configuration that the demo has: what it compiles to is pinned."""

from functools import cache

from playbook_reading import CLINIC
from stanch.model.plan import (
    Contact,
    DrillSchedule,
    PastIncident,
    Plan,
    PolicyFact,
    Procedure,
    Role,
    Scenario,
    Severity,
    StepKind,
    Template,
    Threshold,
    ThresholdRole,
)
from stanch.model.risk import Risk
from stanch.model.signal import Comparison, Statistic, Unit
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import problems_of


@cache
def clinic() -> Plan:
    return compile_playbooks([("clinic.md", CLINIC.read_bytes())])


def test_it_has_no_problem() -> None:
    assert problems_of(clinic()) == ()


def test_three_rules_are_armed_with_window_persistence_and_severity() -> None:
    told = [
        (fact.signal, fact.statistic, fact.comparison, fact.value, fact.unit, fact.window_s, fact.persistence_s)
        for fact in clinic().of(Threshold)
        if fact.armed
    ]
    assert told == [
        ("http.response_time", Statistic.P95, Comparison.GREATER, 1.0, Unit.SECONDS, 10.0, 5.0),
        ("db.pool.utilization", None, Comparison.GREATER, 0.8, Unit.RATIO, None, 5.0),
        ("http.error_rate", None, Comparison.GREATER, 0.05, Unit.RATIO, 10.0, None),
    ]
    assert all(fact.severity == "P1" for fact in clinic().of(Threshold) if fact.armed)


def test_the_recovery_target_says_when_it_is_over_and_is_no_rule() -> None:
    (target,) = [fact for fact in clinic().of(Threshold) if fact.role is ThresholdRole.RECOVERY_TARGET]
    assert not target.armed
    assert (target.signal, target.statistic, target.comparison) == (
        "http.response_time",
        Statistic.P95,
        Comparison.LESS,
    )
    assert (target.value, target.window_s, target.persistence_s) == (0.3, 10.0, 10.0)


def test_each_severity_promises_five_things() -> None:
    severities = clinic().of(Severity)
    assert [(fact.level, fact.name, fact.response_s) for fact in severities] == [
        ("P1", "Critical", 300.0),
        ("P2", "High", 900.0),
        ("P3", "Low", 14400.0),
    ]
    assert {clock.name: clock.seconds for clock in severities[0].clocks} == {
        "acknowledge": 300.0,
        "update": 900.0,
        "contain": 900.0,
        "resolve": 3600.0,
        "review": 86400.0,
    }
    contain = next(clock for clock in severities[2].clocks if clock.name == "contain")
    assert (contain.seconds, contain.text) == (None, "next business day")


def test_a_p2_that_stays_open_becomes_a_p1() -> None:
    (regrade,) = clinic().of(Severity)[1].regrades
    assert (regrade.to, regrade.after_s) == ("P1", 7200.0)


def test_the_scenario_is_found_by_its_signals_and_severities() -> None:
    (scenario,) = clinic().of(Scenario)
    assert scenario.name == "Slow database"
    assert scenario.applies_to == ("P1", "P2")
    assert scenario.signals == ("http.response_time", "http.error_rate", "db.pool.utilization")


def test_the_seven_steps_look_first_and_change_last() -> None:
    (procedure,) = clinic().of(Procedure)
    assert [(step.type, step.language or step.action, step.risk) for step in procedure.steps] == [
        (StepKind.COMMAND, "sql", Risk.READ_ONLY),
        (StepKind.COMMAND, "sql", Risk.READ_ONLY),
        (StepKind.COMMAND, "shell", Risk.READ_ONLY),
        (StepKind.ACTION, "review_deploys", Risk.READ_ONLY),
        (StepKind.ACTION, "diagnose", Risk.READ_ONLY),
        (StepKind.ACTION, "create_index", Risk.MUTATING),
        (StepKind.ACTION, "verify_recovery", Risk.READ_ONLY),
    ]


def test_the_cap_stands_in_the_sentence() -> None:
    step = clinic().of(Procedure)[0].steps[5]
    assert dict(step.parameters) == {"cap_path": "/appointments", "cap_limit": "2"}


def test_the_plain_command_runs_without_a_shell() -> None:
    step = clinic().of(Procedure)[0].steps[2]
    assert step.rating is not None
    assert step.rating.pipeline is not None
    assert step.rating.pipeline[0][0] == "psql"


def test_every_role_can_be_reached_under_its_own_name() -> None:
    roles = {fact.name.lower(): fact.severities for fact in clinic().of(Role)}
    assert roles == {"on-call engineer": (), "engineering manager": ("P1",), "support lead": ()}
    addresses = {fact.name.lower(): fact.address for fact in clinic().of(Contact)}
    assert set(roles) == set(addresses)
    assert all(address.endswith("@clinic.example.org") for address in addresses.values())


def test_templates_drill_policies_and_the_past() -> None:
    templates = {fact.name: (fact.audience, {slot.name for slot in fact.slots}) for fact in clinic().of(Template)}
    assert templates == {
        "User notification": ("users", {"time", "next_update"}),
        "Internal escalation": (
            "stakeholders",
            {"severity", "number", "title", "impact", "finding", "next_step", "next_update"},
        ),
    }
    assert all(slot.fill for fact in clinic().of(Template) for slot in fact.slots)
    assert [fact.every for fact in clinic().of(DrillSchedule)] == ["quarterly"]
    assert [fact.check for fact in clinic().of(PolicyFact)] == [
        "indexed_queries",
        "timeout_limit",
        "query_plan_in_review",
    ]
    (past,) = clinic().of(PastIncident)
    assert (past.title, past.date) == ("Booking stood still for an hour", "2024-11-18")
    assert (len(past.actions), len(past.lessons)) == (2, 2)
