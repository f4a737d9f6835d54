"""What the five reference documents must give, each as it is."""

import pytest

from playbook_reading import SEEDS, reference
from stanch.model.plan import (
    Contact,
    DrillSchedule,
    Metric,
    PastIncident,
    PolicyFact,
    Procedure,
    Role,
    Scenario,
    Severity,
    StepKind,
    Template,
    Threshold,
    ThresholdRole,
    Trigger,
)
from stanch.model.problem import Level
from stanch.model.risk import Risk, Trait
from stanch.model.signal import Statistic
from stanch.playbook.compile import compile_playbooks


def actions(procedure: Procedure, phase: str = "") -> set[str]:
    return {step.action for step in procedure.steps if step.action and phase in (step.phase or "")}


# --- a crisis scenario with thresholds -------------------------------------------------------------------------------


def test_the_scenario_arms_exactly_its_four_thresholds() -> None:
    told = [
        (fact.source.line, fact.signal, fact.statistic, fact.value, fact.window_s, fact.persistence_s)
        for fact in reference("001").of(Threshold)
        if fact.armed
    ]
    assert told == [
        (67, "db.response_time", Statistic.P95, 1.0, None, 300.0),
        (68, "db.pool.utilization", None, 0.8, None, None),
        (69, "http.error_rate", None, 0.05, 120.0, None),
        (70, "db.slow_query", Statistic.MAX, 5.0, None, None),
    ]


def test_the_scenario_names_five_metrics() -> None:
    metrics = reference("001").of(Metric)
    assert [fact.source.line for fact in metrics] == [60, 61, 62, 63, 64]
    assert metrics[0].statistics == (Statistic.P50, Statistic.P95, Statistic.P99)
    assert metrics[1].signals == ("db.pool.utilization", "db.pool.pending")


def test_the_scenario_gives_three_procedures_with_what_they_ask_for() -> None:
    investigate, act, prevent = reference("001").of(Procedure)
    assert len(investigate.steps) == 12
    assert all(step.risk is Risk.READ_ONLY for step in investigate.steps)
    assert actions(act) == {
        "open_breaker",
        "set_timeout",
        "resize_pool",
        "cache_route",
        "limit_rate",
        "add_replica",
        "maintenance_mode",
        "prioritize_traffic",
        "degrade_feature",
    }
    assert act.phases == ("Emergency Response", "Traffic Management")
    assert len(prevent.steps) == 10


# --- incidents with lessons and protocols ----------------------------------------------------------------------------


def test_six_past_incidents_have_date_cause_actions_and_lessons() -> None:
    incidents = reference("002").of(PastIncident)
    assert [fact.date for fact in incidents] == [
        "2023-12-15",
        "2024-01-20",
        "2024-02-10",
        "2024-01-15",
        "2024-02-01",
        "2024-03-10",
    ]
    assert all(fact.cause and len(fact.actions) == 3 for fact in incidents)
    assert [len(fact.lessons) for fact in incidents] == [3, 3, 3, 3, 3, 3]
    assert incidents[0].title == "Database Overload"


def test_nine_policies_with_their_limits() -> None:
    policies = {fact.statement: fact for fact in reference("002").of(PolicyFact)}
    assert len(policies) == 9
    timeout = policies["15-second timeout maximum for ALL calls"]
    assert timeout.check == "timeout_limit"
    assert timeout.limit is not None
    assert timeout.limit.value == 15.0
    monitoring = policies["Memory monitoring every 5 minutes"]
    assert monitoring.limit is not None
    assert monitoring.limit.value == 300.0
    restart = policies["Automatic restarts at 80% memory"]
    assert restart.limit is not None
    assert (restart.limit.value, restart.limit.role) == (0.8, ThresholdRole.RESTART_TRIGGER)
    assert policies["Query execution plans required in PRs"].check == "query_plan_in_review"
    assert policies["Mandatory chaos testing in staging"].check == "chaos_testing"
    assert policies["Heap dumps on memory spikes"].check == "heap_dump"


def test_what_was_done_is_no_rule() -> None:
    plan = reference("002")
    assert [fact.source.line for fact in plan.of(Threshold) if fact.armed] == [68]
    assert not [fact for fact in (*plan.of(Threshold), *plan.of(PolicyFact)) if fact.source.line == 53]


# --- a runbook with commands -----------------------------------------------------------------------------------------


def test_the_runbook_has_four_severities_with_criteria_and_no_armed_rule() -> None:
    plan = reference("003")
    severities = plan.of(Severity)
    assert [(fact.level, fact.name, len(fact.criteria)) for fact in severities] == [
        ("P0", "Critical", 3),
        ("P1", "High", 3),
        ("P2", "Medium", 3),
        ("P3", "Low", 2),
    ]
    criteria = [(fact.value, fact.comparison.value, fact.severity) for fact in plan.of(Threshold)]
    assert criteria == [(0.5, ">", "P1"), (0.5, "<", "P2")]
    assert not [fact for fact in plan.of(Threshold) if fact.armed]


def test_the_response_has_its_time_boxes() -> None:
    response = next(fact for fact in reference("003").of(Procedure) if fact.name.startswith("P0/P1"))
    assert response.applies_to == ("P0", "P1")
    assert response.phases == ("Immediate Actions", "Assessment", "Communication", "Mitigation")
    boxes = {step.phase: (step.not_before_s, step.due_s) for step in response.steps}
    assert boxes == {
        "Immediate Actions": (0.0, 300.0),
        "Assessment": (300.0, 900.0),
        "Communication": (None, 900.0),
        "Mitigation": (None, None),
    }
    assert len(response.steps) == 13


def test_every_command_of_the_runbook_is_rated() -> None:
    steps = [step for fact in reference("003").of(Procedure) for step in fact.steps if step.command]
    assert len(steps) == 19
    risks = {(step.command or "").split("\n")[0].rstrip(" \\"): step for step in steps}
    logs = risks["kubectl logs -f deployment/api-gateway -n healthcare-prod"]
    assert logs.rating is not None
    assert Trait.ENDLESS in logs.rating.traits
    inspect = risks["kubectl exec -it deployment/api-gateway -n healthcare-prod -- node --inspect"]
    assert inspect.rating is not None
    assert Trait.INTERACTIVE in inspect.rating.traits
    destructive = {command for command, step in risks.items() if step.risk is Risk.DESTRUCTIVE}
    assert destructive >= {
        "kubectl exec -it deployment/api-gateway -n healthcare-prod -- redis-cli FLUSHALL",
        "aws rds restore-db-instance-from-db-snapshot",
        "kubectl patch secret healthcare-db-secret -n healthcare-prod",
    }
    read_only = {command for command, step in risks.items() if step.risk is Risk.READ_ONLY}
    assert "kubectl get pods -n healthcare-prod" in read_only
    assert "curl -f https://api.healthcare-platform.com/health" in read_only


def test_placeholders_of_the_runbook_are_slots() -> None:
    slots = {
        slot.placeholder: slot.fill
        for fact in reference("003").of(Procedure)
        for step in fact.steps
        for slot in step.slots
    }
    assert slots == {"<new-encoded-url>": None, "<last-known-good-tag>": "release.previous"}


def test_common_issues_are_scenarios_and_the_aftermath_has_its_clock() -> None:
    plan = reference("003")
    assert [fact.name for fact in plan.of(Scenario)] == [
        "Database Connection Issues",
        "High Memory Usage",
        "Redis Cache Issues",
    ]
    aftermath = next(fact for fact in plan.of(Procedure) if fact.name == "Post-Incident")
    assert aftermath.phases == ("Resolution Verification", "Communication", "Post-Mortem")
    scheduled = next(step for step in aftermath.steps if step.text == "Schedule within 24 hours")
    assert scheduled.due_s == 86400.0
    assert all(
        [(clock.name, clock.seconds) for clock in fact.clocks] == [("review", 86400.0)] for fact in plan.of(Severity)
    )


def test_the_runbook_has_four_contacts() -> None:
    contacts = {fact.name: fact.address for fact in reference("003").of(Contact)}
    assert len(contacts) == 4
    assert contacts["Security Team"] == "security@healthcare-platform.com"
    assert not [fact for fact in reference("003").of(Contact) if fact.placeholder]


# --- a playbook with workflow, scenarios, triggers and templates -----------------------------------------------------


def test_the_playbook_has_four_severities_with_response_times() -> None:
    told = [(fact.level, fact.name, fact.response_s) for fact in reference("004").of(Severity)]
    assert told == [
        ("P0", "Critical", 900.0),
        ("P1", "High", 3600.0),
        ("P2", "Medium", 14400.0),
        ("P3", "Low", 86400.0),
    ]


def test_the_playbook_has_five_roles_one_of_them_for_p0_only() -> None:
    roles = [(fact.name, fact.severities) for fact in reference("004").of(Role)]
    assert roles == [
        ("On-call Engineer", ()),
        ("Engineering Manager", ()),
        ("CTO", ("P0",)),
        ("Support Team Lead", ()),
        ("Product Manager", ()),
    ]


def test_the_workflow_has_seven_phases_and_the_scenarios_four_steps_each() -> None:
    plan = reference("004")
    workflow = next(fact for fact in plan.of(Procedure) if fact.name == "Incident Management Workflow")
    assert workflow.phases == (
        "Detection",
        "Initial Assessment",
        "Containment",
        "Investigation",
        "Resolution",
        "Communication",
        "Post-Incident Review",
    )
    assert [(fact.name, len(fact.steps)) for fact in plan.of(Scenario)] == [
        ("Authentication Failure", 4),
        ("Content Delivery Issues", 4),
        ("Data Synchronization Problems", 4),
        ("Performance Degradation", 4),
    ]


def test_the_scenarios_actions_are_recognised() -> None:
    scenarios = {fact.name: [step.action for step in fact.steps] for fact in reference("004").of(Scenario)}
    assert scenarios["Authentication Failure"] == ["reset_passwords", "block_source", "audit_access", "notify_users"]
    assert scenarios["Content Delivery Issues"][0] == "switch_origin"
    assert scenarios["Performance Degradation"] == ["scale_out", "optimize_query", "cache_route", "check_metrics"]


def test_three_rollback_triggers_of_which_one_is_a_rule_and_five_steps() -> None:
    plan = reference("004")
    triggers = plan.of(Trigger)
    assert [fact.condition for fact in triggers] == [
        "Error rate > 1%",
        "Critical feature failure",
        "Security vulnerability detected",
    ]
    assert [fact.threshold is not None and fact.threshold.armed for fact in triggers] == [True, False, False]
    (rule,) = [fact for fact in plan.of(Threshold) if fact.armed]
    assert (rule.value, rule.role) == (0.01, ThresholdRole.ROLLBACK_TRIGGER)
    steps = next(fact for fact in plan.of(Procedure) if fact.key == triggers[0].procedure)
    assert [step.action for step in steps.steps] == [
        "freeze_deploys",
        "rollback_release",
        "restore_backup",
        "verify_recovery",
        "check_logs",
    ]


def test_two_templates_with_slots_a_drill_and_contacts_that_nobody_filled_in() -> None:
    plan = reference("004")
    templates = plan.of(Template)
    assert [(fact.name, fact.audience) for fact in templates] == [
        ("User Notification", "users"),
        ("Internal Escalation", "stakeholders"),
    ]
    assert len(templates[0].slots) == 1
    assert len(templates[1].slots) == 5
    assert [fact.every for fact in plan.of(DrillSchedule)] == ["quarterly"]
    contacts = plan.of(Contact)
    assert len(contacts) == 4
    assert all(fact.placeholder for fact in contacts)
    placeholders = [problem for problem in plan.playbooks[0].problems if problem.code == "placeholder-contact"]
    assert [problem.source.line for problem in placeholders if problem.source] == [148, 149, 150, 151]


# --- a written interview about three incidents -----------------------------------------------------------------------


def test_three_scenarios_with_their_causes_and_actions() -> None:
    database, bug, breach = reference("000").of(Scenario)
    assert (database.name, bug.name, breach.name) == ("Database Performance", "Production Bug", "Security Breach")
    assert database.cause is not None
    assert "without proper indexing" in database.cause
    assert breach.cause is not None
    assert "authorization checks" in breach.cause
    assert actions(database, "immediately") == {"create_index", "optimize_query", "cache_route"}
    assert actions(database, "long-term") >= {
        "cache_route",
        "enforce_pagination",
        "archive_rows",
        "optimize_query",
        "add_replica",
    }
    assert {"rollback_release", "disable_feature"} <= actions(bug)
    assert {
        "revoke_tokens",
        "block_source",
        "limit_rate",
        "disable_endpoint",
        "audit_access",
        "notify_stakeholders",
    } <= actions(breach)


def test_the_index_of_the_first_incident_has_two_columns() -> None:
    step = next(step for step in reference("000").of(Scenario)[0].steps if step.action == "create_index")
    assert dict(step.parameters)["columns"] == "doctor_id and appointment_date"
    assert step.due_s == 900.0


def test_no_rule_comes_out_of_a_story() -> None:
    assert not [fact for fact in reference("000").of(Threshold) if fact.armed]


def test_prose_without_a_known_action_stays_a_persons_step() -> None:
    manual = [
        step.text for fact in reference("000").of(Scenario) for step in fact.steps if step.type is StepKind.MANUAL
    ]
    assert "enforce stronger input validation" in manual


# --- every fact on its line ------------------------------------------------------------------------------------------

LINES = {
    "000": {
        "scenario": [3, 16, 29],
        "step": [*[11] * 4, *[14] * 6, *[21] * 5, *[24] * 4, *[27] * 3, *[37] * 6, *[40] * 5],
    },
    "001": {
        "procedure": [8, 26, 41],
        "step": [*range(11, 17), *range(19, 25), *range(29, 35), *range(37, 40), *range(44, 50), *range(52, 56)],
        "metric": [60, 61, 62, 63, 64],
        "threshold": [67, 68, 69, 70],
    },
    "002": {
        "past_incident": [3, 14, 25, 38, 49, 60],
        "policy": [45, 46, 47, 56, 57, 58, 67, 68, 69],
        "threshold": [68],
    },
    "003": {
        "severity": [5, 10, 15, 20],
        "threshold": [12, 17],
        "procedure": [26, 98, 110, 122],
        "scenario": [63, 75, 87],
        "step": [
            *(31, 32, 35, 39, 40, 41, 42, 45, 46, 47, 52, 55, 58, 66, 69, 72, 78, 81, 84, 90, 93, 101, 106, 113, 118),
            *(119, 125, 126, 127, 130, 131, 132, 135, 136, 137, 138),
        ],
        "contact": [142, 143, 144, 145],
    },
    "004": {
        "severity": [11, 12, 13, 14],
        "role": [19, 20, 21, 22, 23],
        "procedure": [33, 106],
        "scenario": [75, 81, 87, 93],
        "step": [
            *(36, 37, 38, 41, 42, 43, 46, 47, 48, 51, 52, 53, 56, 57, 58, 59, 62, 63, 64, 65, 68, 69, 70, 71),
            *(*range(76, 80), *range(82, 86), *range(88, 92), *range(94, 98), *range(107, 112)),
        ],
        "threshold": [102],
        "trigger": [102, 103, 104],
        "template": [116, 119],
        "drill_schedule": [138],
        "contact": [148, 149, 150, 151],
    },
}


@pytest.mark.parametrize("name", LINES)
def test_every_fact_stands_on_its_line_and_there_are_no_others(name: str) -> None:
    plan = reference(name)
    text = plan.playbooks[0].text.split("\n")
    found: dict[str, list[int]] = {}
    for fact in plan.facts:
        found.setdefault(fact.kind, []).append(fact.source.line)
        assert fact.source.text == text[fact.source.line - 1]
        assert 1 <= fact.source.column <= len(fact.source.text)
    assert {kind: sorted(lines) for kind, lines in found.items()} == LINES[name]


def test_nothing_else_is_armed_in_any_of_them() -> None:
    armed = [(name, fact.source.line) for name in LINES for fact in reference(name).of(Threshold) if fact.armed]
    assert armed == [("001", 67), ("001", 68), ("001", 69), ("001", 70), ("002", 68), ("004", 102)]


def test_every_scenario_is_reached_by_a_signal() -> None:
    scenarios = [fact for name in LINES for fact in reference(name).of(Scenario)]
    assert len(scenarios) == 10
    assert all(fact.signals for fact in scenarios)


def test_together_they_are_one_plan_without_a_contradiction() -> None:
    documents = [(path.name, path.read_bytes()) for path in sorted(SEEDS.glob("*.txt"))]
    if not documents:
        pytest.skip("the reference documents are not beside the checkout")
    plan = compile_playbooks(documents)
    assert plan.problems == ()
    assert sum(fact.armed for fact in plan.of(Threshold)) == 6
    assert not [problem for playbook in plan.playbooks for problem in playbook.problems if problem.level is Level.ERROR]
