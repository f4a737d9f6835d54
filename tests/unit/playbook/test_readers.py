"""The constructs beside thresholds and steps, in the forms that people give them."""

import pytest

from playbook_reading import facts_of, plan_of
from stanch.model.plan import (
    Contact,
    DrillSchedule,
    Metric,
    PastIncident,
    PolicyFact,
    Procedure,
    Role,
    Severity,
    Template,
    Threshold,
    ThresholdRole,
    Unread,
)
from stanch.model.signal import Statistic


def clocks(severity: Severity) -> dict[str, float | None]:
    return {clock.name: clock.seconds for clock in severity.clocks}


# --- severities -----------------------------------------------------------------------------------------------------


def test_severities_from_a_table_with_several_clocks() -> None:
    first, second = facts_of(
        Severity,
        """
        ## Severity levels

        | Severity | Definition | MTTA | MTTR | Update cadence |
        |---|---|---|---|---|
        | SEV-1 (Critical) | Everything is down | 5 min | 1 hour | every 30 min |
        | SEV-2 | A part is down | 15 min | next business day | hourly |
        """,
    )
    assert (first.level, first.name, first.response_s, first.criteria) == (
        "SEV-1",
        "Critical",
        300.0,
        ("Everything is down",),
    )
    assert clocks(first) == {"acknowledge": 300.0, "resolve": 3600.0, "update": 1800.0}
    assert clocks(second) == {"acknowledge": 900.0, "resolve": None, "update": 3600.0}


def test_severities_from_headings_bullets_and_lines() -> None:
    found = facts_of(
        Severity,
        """
        ## Incident classification

        ### P0 - Critical (Response: Immediate)
        - All is down

        ### P1 - High (< 1 hour response)
        - A main feature is down

        ## Priority definitions

        - **S1**: outage. ack < 5m, mitigate < 30m, resolve < 2h
        - **S2** (Major): ack < 15m
        - S3: best effort
        """,
    )
    assert [(fact.level, fact.name, fact.response_s) for fact in found] == [
        ("P0", "Critical", None),
        ("P1", "High", 3600.0),
        ("S1", "", 300.0),
        ("S2", "Major", 900.0),
        ("S3", "", None),
    ]
    assert [clock.text for clock in found[0].clocks] == ["Immediate"]
    assert clocks(found[2]) == {"acknowledge": 300.0, "contain": 1800.0, "resolve": 7200.0}


def test_clocks_of_another_table_join_the_severity_defined_above() -> None:
    (severity,) = facts_of(
        Severity,
        """
        ## Severity levels

        ### P1 - High
        - Broken

        ## Communication

        | Priority | Status page updates |
        |---|---|
        | P1 | every 30 minutes |
        """,
    )
    assert clocks(severity) == {"update": 1800.0}


def test_named_severities_without_a_number() -> None:
    found = facts_of(
        Severity,
        "## Severity levels\n\n| Severity | Response time |\n|---|---|\n| Critical | 10 minutes |\n| Low | 2 days |\n",
    )
    assert [(fact.level, fact.response_s) for fact in found] == [("Critical", 600.0), ("Low", 172800.0)]


def test_an_open_incident_is_regraded() -> None:
    first, _ = facts_of(
        Severity,
        (
            "## Severity levels\n\n### P1 - High\n- Broken\n\n### P0 - Critical\n- Down\n\n## Rules\n\nP1 open >"
            " 4 hours: consider P0\n"
        ),
    )
    (regrade,) = first.regrades
    assert (regrade.to, regrade.after_s) == ("P0", 14400.0)


# --- people ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "address", "placeholder"),
    [
        ("- On-call: oncall@team.example.org", "On-call", "oncall@team.example.org", False),
        ("- **Security** - #security-oncall", "Security", "#security-oncall", False),
        ("- DBA: +44 20 7946 0958", "DBA", "+44 20 7946 0958", False),
        ("- Vendor: https://support.example.org", "Vendor", "https://support.example.org", False),
        ("- CTO: [Contact]", "CTO", "[Contact]", True),
        ("- CTO: <name> TBD", "CTO", "<name> TBD", True),
        ("- CTO: XXX-XXX-XXXX", "CTO", "XXX-XXX-XXXX", True),
        ("- CTO: your-email@example.com", "CTO", "your-email@example.com", True),
    ],
)
def test_contacts_and_those_that_nobody_filled_in(line: str, name: str, address: str, placeholder: bool) -> None:  # noqa: FBT001
    (contact,) = facts_of(Contact, f"## Contacts\n\n{line}\n")
    assert (contact.name, contact.address, contact.placeholder) == (name, address, placeholder)


def test_contacts_from_a_table() -> None:
    (contact,) = facts_of(
        Contact,
        "## Escalation contacts\n\n| Role | Name | Phone |\n|---|---|---|\n| On-call | Ada | +44 20 7946 0958 |\n",
    )
    assert (contact.name, contact.address) == ("On-call", "+44 20 7946 0958")


def test_roles_from_lists_and_tables_with_what_they_are_for() -> None:
    found = facts_of(
        Role,
        """
        ## Incident response team

        1. On-call engineer
        2. CTO (for P0 incidents)

        ## Roles and responsibilities

        | Role | Does |
        |---|---|
        | Incident commander | decides |

        - **Scribe**: writes
        - Writing things down
        """,
    )
    assert [(fact.name, fact.severities) for fact in found] == [
        ("On-call engineer", ()),
        ("CTO", ("P0",)),
        ("Incident commander", ()),
        ("Scribe", ()),
    ]


# --- templates ------------------------------------------------------------------------------------------------------


def test_templates_from_paragraphs_quotes_and_fences() -> None:
    found = facts_of(
        Template,
        """
        ## Communication templates

        ### User notification

        "We are looking into [issue]."

        ### Internal escalation

        > P[X] incident: [title]

        ### Status page

        ```
        Investigating since {{ start time }}. Impact: <impact>
        ```
        """,
    )
    assert [(fact.name, fact.audience) for fact in found] == [
        ("User notification", "users"),
        ("Internal escalation", "stakeholders"),
        ("Status page", "status page"),
    ]
    assert found[0].body == "We are looking into [issue]."
    assert found[2].body == "Investigating since {{ start time }}. Impact: <impact>"
    assert [[slot.fill for slot in fact.slots] for fact in found] == [
        ["incident.summary"],
        ["severity", "incident.title"],
        ["incident.opened_at", "incident.impact"],
    ]


# --- what is always to hold, and what was --------------------------------------------------------------------------


def test_policies_with_checks_and_limits() -> None:
    found = facts_of(
        PolicyFact,
        """
        ## Policies

        - 15-second timeout maximum for ALL calls
        - At least two reviewers for every migration
        - Be kind
        """,
    )
    assert [fact.check for fact in found] == ["timeout_limit", "two_reviewers", None]
    limit, reviewers = found[0].limit, found[1].limit
    assert limit is not None
    assert (limit.value, limit.comparison.value, limit.role) == (15.0, "<=", ThresholdRole.POLICY_LIMIT)
    assert reviewers is not None
    assert (reviewers.value, reviewers.comparison.value) == (2.0, ">=")


def test_past_incidents_in_several_forms() -> None:
    found = facts_of(
        PastIncident,
        """
        ## Past incidents

        ### Slow search (15 January 2024)

        **Root cause:** a missing index
        **Actions taken:**
        - Added it

        **Lessons learned:**
        - Test with real sizes

        ### Outage of the queue

        Date: 2024-03-02
        Cause: full disk
        Resolution: grew the disk
        """,
    )
    assert [(fact.title, fact.date, fact.cause, fact.actions) for fact in found] == [
        ("Slow search (15 January 2024)", "2024-01-15", "a missing index", ("Added it",)),
        ("Outage of the queue", "2024-03-02", "full disk", ("grew the disk",)),
    ]
    assert found[0].lessons == ("Test with real sizes",)


def test_numbers_of_past_incidents_and_templates_are_no_rules() -> None:
    assert not facts_of(
        Threshold,
        """
        ## Past incidents

        ### Slow (2024-01-15)

        Root cause: error rate > 5% for 10 minutes

        ## Communication templates

        ### Note

        > Error rate > 5%
        """,
    )


@pytest.mark.parametrize(
    ("line", "every"),
    [
        ("- Quarterly incident response drills", "quarterly"),
        ("- We run a game day every 6 months", "every 6 months"),
        ("- Restore tests: monthly", "monthly"),
        ("- Tabletop exercises twice a year", "twice a year"),
    ],
)
def test_drills_and_how_often(line: str, every: str) -> None:
    (drill,) = facts_of(DrillSchedule, f"## Training\n\n{line}\n")
    assert drill.every == every


def test_what_is_no_drill() -> None:
    assert not facts_of(DrillSchedule, "## Training\n\n- Weekly team meeting\n- Fire drills are fun\n")


def test_metrics_share_the_words_in_front() -> None:
    first, second = facts_of(
        Metric,
        (
            "## Key metrics\n\n- Database response time percentiles (p50, p95, p99)\n- Connection pool"
            " utilization and queue length\n"
        ),
    )
    assert (first.signal, first.statistics) == ("db.response_time", (Statistic.P50, Statistic.P95, Statistic.P99))
    assert second.signals == ("db.pool.utilization", "db.pool.pending")


def test_an_alert_without_a_quantity_is_said_to_be_unread() -> None:
    (unread,) = facts_of(Unread, "## Alert thresholds\n\n- Queue depth getting out of hand\n")
    assert unread.because == "no quantity. Say \u201cqueue depth > \u2026 for 5 minutes\u201d"


# --- thresholds by where they stand -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "role", "armed"),
    [
        ("## Alerts\n\n- Error rate > 5%\n", "alert", True),
        ("## Alerts\n\n- Error rate < 1%\n", "policy_limit", False),
        ("## Rollback triggers\n\n- Error rate > 5%\n", "rollback_trigger", True),
        ("## Notes\n\nIf the error rate exceeds 3% for 10 minutes, rollback is required.\n", "rollback_trigger", True),
        ("## Notes\n\nRestart the service when memory usage is above 90%.\n", "restart_trigger", True),
        ("## Notes\n\nWhen the error rate is above 5% people complain.\n", "alert", False),
        ("## Recovery criteria\n\n- Error rate < 1% for 10 minutes\n", "recovery_target", False),
        ("## Severity levels\n\n### P1 - High\n- Error rate > 5%\n", "severity_criterion", False),
        ("## SLOs\n\n- Error rate < 0.1%\n", "policy_limit", False),
        ("## Examples\n\n- Error rate > 5%\n", "example", False),
        ("## Response procedure\n\n1. If error rate > 5%, call the manager\n2. Check the logs\n", "alert", False),
        ("## Release checklist\n\n- [ ] Error rate > 5% never\n- [ ] Check the logs\n", "alert", False),
    ],
)
def test_the_place_and_the_words_decide_what_a_threshold_is_for(text: str, role: str, armed: bool) -> None:  # noqa: FBT001
    (threshold,) = facts_of(Threshold, text)
    assert (threshold.role.value, threshold.armed) == (role, armed)
    assert bool(threshold.because) == (not armed)


def test_the_lead_of_a_list_decides_for_its_entries() -> None:
    found = facts_of(
        Threshold,
        """
        ## Canary

        Roll back if any of these holds:

        - error rate > 2%

        Go on when all of these hold:

        - error rate < 0.5%

        For example:

        - error rate > 9%
        """,
    )
    assert [(fact.role.value, fact.armed) for fact in found] == [
        ("rollback_trigger", True),
        ("policy_limit", False),
        ("example", False),
    ]


def test_a_severity_comes_from_the_heading_the_field_the_column_or_the_sentence() -> None:
    assert [fact.severity for fact in facts_of(Threshold, "## P1 alerts\n\n- Error rate > 5%\n")] == ["P1"]
    assert [fact.severity for fact in facts_of(Threshold, "## Alert\n\n**Severity:** P2\n\n- Error rate > 5%\n")] == [
        "P2"
    ]
    table = "## Alerts\n\n| Metric | P1 | P2 |\n|---|---|---|\n| Error rate | > 10% | > 5% |\n"
    assert [(fact.severity, fact.value) for fact in facts_of(Threshold, table)] == [("P1", 0.1), ("P2", 0.05)]
    assert [fact.severity for fact in facts_of(Threshold, "## Alerts\n\n- Error rate > 5% (P3)\n")] == ["P3"]


def test_a_list_of_alerts_in_a_fence_is_read_as_if_it_stood_outside() -> None:
    listed = facts_of(Threshold, "## Alerts\n\n```\nCritical:\n- Error rate > 5% for 5 minutes\n```\n")
    assert [(fact.armed, fact.tier, fact.source.line, fact.source.column) for fact in listed] == [
        (True, "critical", 5, 3)
    ]
    config = "## Alerts\n\n```yaml\nerror_rate: > 5%\nretries: 5\n```\n"
    assert not facts_of(Threshold, config)


def test_cases_inside_of_a_phase_are_conditions_of_their_steps() -> None:
    text = (
        "# Payments runbook\n\n## First 5 minutes\n\n1. Check the logs\n\n## Mitigate\n\n### Bad deploy\n\n"
        "```bash\nkubectl rollout undo deploy/x\n```\n\n### Step 2\n\n1. Restart the service\n2. Check the logs\n"
    )
    steps = [step for procedure in plan_of(text).of(Procedure) for step in procedure.steps]
    assert {step.condition for step in steps if step.command} == {"Bad deploy"}
    assert {step.condition for step in steps if not step.command} == {None}


def test_a_severity_given_once_holds_for_all_that_stands_below() -> None:
    text = "# Overloaded\n\n**Severity**: P2\n\n## Troubleshooting\n\n1. Check the logs\n2. Restart the service\n"
    (procedure,) = plan_of(text).of(Procedure)
    assert procedure.applies_to == ("P2",)


def test_updates_that_come_by_the_hour_are_a_clock() -> None:
    text = "## Severity\n\nP1 - Critical. Response within 15 minutes. Update hourly.\nP2 - High. Response in 1 hour.\n"
    first, second = plan_of(text).of(Severity)
    assert [(clock.name, clock.seconds) for clock in first.clocks] == [("acknowledge", 900.0), ("update", 3600.0)]
    assert [clock.name for clock in second.clocks] == ["acknowledge"]


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("## Staging\n\n### Alerts\n\n- Error rate > 10%\n", "another environment"),
        (
            "## Alerts\n\n| Metric | Production | Staging |\n|---|---|---|\n| Error rate | | > 10% |\n",
            "another environment",
        ),
        ("## Alerts\n\n- Request rate < 50 per second (during the day)\n", "some times of the day"),
        ("## Alerts\n\n- CPU > 80% while the importer is running\n", "some times of the day"),
        ("## Alerts\n\n- Timeout rate above 2% \u2192 watch\n", "this is all right"),
        ("## Alerts\n\nWe do not get paged for\n\n- Cache hit rate below 70%\n", "an example"),
        ("## Do not page\n\n- CPU > 85%\n", "an example"),
        ("## Looks bad but is fine\n\n- Queue depth > 20k\n", "this is all right"),
        ("## Alerts\n\n**Also look at:** container memory above 90% for 10m\n", "does not say to act"),
        ("## Notes\n\nIn exam weeks the limits are halved: response time above 3 seconds.\n", ""),
    ],
)
def test_what_is_not_meant_to_act_says_why(text: str, because: str) -> None:
    facts = plan_of(text).of(Threshold)
    assert facts
    assert not any(fact.armed for fact in facts)
    assert all(because in fact.because for fact in facts)


def test_fields_of_one_alert_give_it_its_severity_and_not_that_of_the_next() -> None:
    text = (
        "# Workers\n\nAlert: Backlog\nCondition: queue length > 10000\nSeverity: P2\n\n"
        "Alert: Stuck\nCondition: queue age exceeds 15 minutes\nSeverity: P1\n"
    )
    assert [(fact.signal, fact.severity) for fact in plan_of(text).of(Threshold) if fact.armed] == [
        ("messaging.queue.length", "P2"),
        ("messaging.queue.age", "P1"),
    ]


def test_a_table_is_about_the_column_whose_cells_name_signals() -> None:
    text = "## Alarms\n\n| # | Alarm | Threshold |\n|---|---|---|\n| 1 | API error rate | > 2.5 % |\n"
    (fact,) = plan_of(text).of(Threshold)
    assert (fact.signal, fact.value, fact.armed) == ("http.error_rate", 0.025, True)


def test_chapters_of_a_numbered_list_are_no_steps() -> None:
    text = "# Guide\n\n1. DETECTION\n\n   Alerts are raised when:\n\n   - error rate is higher than 3%\n\n2. FIX\n"
    (fact,) = plan_of(text).of(Threshold)
    assert fact.armed
