"""Procedures: which sections they are, and what their steps do, when and whose they are."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from playbook_reading import facts_of, plan_of
from stanch.model.plan import Procedure, Scenario, Step, StepKind, Trigger
from stanch.model.risk import Risk
from stanch.playbook.steps import timebox


def steps(text: str) -> list[Step]:
    return [step for fact in facts_of(Procedure, text) for step in fact.steps]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("Immediate actions (0-5 minutes)", 0.0, 300.0),
        ("Triage (First 5 Minutes)", None, 300.0),
        ("Recovery (60+ minutes)", 3600.0, None),
        ("T+0 to T+15: contain", 0.0, 900.0),
        ("T+30: update", 1800.0, None),
        ("Communication (15 minutes)", None, 900.0),
        ("Schedule within 24 hours", None, 86400.0),
        ("Fix it [max 1h]", None, 3600.0),
    ],
)
def test_time_boxes(text: str, start: float | None, end: float | None) -> None:
    box = timebox(text)
    assert box is not None
    assert (box.start, box.end) == (start, end)


@pytest.mark.parametrize("text", ["Assessment", "Restart (if needed)", "Call P1 (Critical)", "Use option (2)"])
def test_what_is_no_time_box(text: str) -> None:
    assert timebox(text) is None


@pytest.mark.parametrize(
    ("title", "begins", "due", "may_take"),
    [
        ("Assess (5-15 minutes)", 300.0, 900.0, 600.0),
        ("Look (0-5 minutes)", 0.0, 300.0, 300.0),
        ("Tell (15 minutes)", None, 900.0, 900.0),
        ("Recover (60+ minutes)", 3600.0, None, None),
        ("Assess", None, None, None),
    ],
)
def test_a_step_is_due_at_the_end_of_its_time_box_and_may_take_its_length(
    title: str, begins: float | None, due: float | None, may_take: float | None
) -> None:
    (step,) = steps(f"## Response procedure\n\n### {title}\n\n```bash\nkubectl get pods\n```\n")
    assert (step.not_before_s, step.due_s, step.timebox_s) == (begins, due, may_take)


def test_an_item_with_two_actions_is_two_steps() -> None:
    found = steps("## Response procedure\n\n1. Restart the service and notify the team\n2. Verify recovery\n")
    assert [(step.text, step.action, step.type) for step in found] == [
        ("Restart the service", "restart_service", StepKind.ACTION),
        ("notify the team", "notify_stakeholders", StepKind.MESSAGE),
        ("Verify recovery", "verify_recovery", StepKind.ACTION),
    ]
    assert found[1].source.column == 28


def test_alternatives_on_one_object_are_a_step_each() -> None:
    found = steps("## Response procedure\n\n- Block or rate-limit the suspicious IP address\n")
    assert [step.action for step in found] == ["block_source", "limit_rate"]
    assert len({step.key for step in found}) == 2


def test_conditions_owners_and_expectations() -> None:
    first, second, third, fourth = steps(
        """
        ## Response procedure

        1. If traffic spikes: scale up the service
        2. Clear the cache if needed
        3. [IR Lead] coordinates the call
        4. Check disk usage, expected: below 80%
        """
    )
    assert (first.condition, first.action) == ("If traffic spikes", "scale_out")
    assert (second.condition, second.action, second.risk) == ("if needed", "clear_cache", Risk.DESTRUCTIVE)
    assert (third.owner, third.type) == ("IR Lead", StepKind.MANUAL)
    assert fourth.expects == "below 80%"


def test_what_must_not_be_done_is_no_action() -> None:
    (first, second) = steps("## Response procedure\n\n1. Do not restart the database\n2. Never flush the cache\n")
    assert (first.action, second.action) == (None, None)


def test_what_comes_after_the_first_verb_is_how_and_not_what() -> None:
    (step,) = steps(
        "## Response procedure\n\n1. Build the missing index, with `/orders` capped at 4 concurrent requests"
        " while it builds\n"
    )
    assert step.action == "create_index"
    assert dict(step.parameters) == {"cap_path": "/orders", "cap_limit": "4"}


def test_parameters_come_from_the_sentence() -> None:
    limited, scaled, blocked = steps(
        """
        ## Response procedure

        1. Limit `/search` to 20 concurrent requests for 10 minutes
        2. Scale the api service to 6 replicas
        3. Block the address 203.0.113.9 for 1 hour
        """
    )
    assert dict(limited.parameters) == {"path": "/search", "limit": "20", "for": "10 minutes"}
    assert dict(scaled.parameters) == {"instances": "6"}
    assert dict(blocked.parameters) == {"source": "203.0.113.9", "for": "1 hour"}


def test_an_item_with_one_command_is_that_command() -> None:
    (step,) = steps(
        "## Response procedure\n\n1. See the pods. They should all run.\n\n   ```bash\n   kubectl get pods\n   ```\n"
    )
    assert (step.text, step.command, step.risk) == ("See the pods", "kubectl get pods", Risk.READ_ONLY)
    assert (step.source.line, step.source.column) == (6, 4)


def test_an_item_with_more_below_it_is_a_phase() -> None:
    (procedure,) = facts_of(
        Procedure,
        (
            "## Response procedure\n\n1. **Look (0-5 minutes)**\n   - Check the logs\n   - Check traffic\n2."
            " **Act**\n   - Restart the service\n"
        ),
    )
    assert procedure.phases == ("Look", "Act")
    assert [(step.phase, step.due_s) for step in procedure.steps] == [
        ("Look", 300.0),
        ("Look", 300.0),
        ("Act", None),
    ]


def test_options_are_conditions_of_what_follows() -> None:
    found = steps(
        "## Mitigation procedure\n\nOption A: scale up\n\n```bash\nkubectl scale deploy/api"
        " --replicas=6\n```\n\nOption B: roll back\n\n```bash\nhelm rollback api\n```\n"
    )
    assert [step.condition for step in found] == ["Option A: scale up", "Option B: roll back"]


@pytest.mark.parametrize("mark", [":", ".", ")", " -", " \u2013"])
def test_entries_that_are_options_are_alternatives(mark: str) -> None:
    found = steps(
        f"## Mitigation procedure\n\n1. Option A{mark} restart the service\n2. Option B{mark} roll back the release\n"
        "3. Plan the next release\n4. Verify recovery\n"
    )
    assert [step.condition for step in found] == ["Option A", "Option B", None, None]
    assert found[0].text == f"Option A{mark} restart the service"
    assert [step.action for step in found][:2] == ["restart_service", "rollback_release"]


def test_a_runbook_of_one_alert_is_one_procedure() -> None:
    (procedure,) = facts_of(
        Procedure,
        """
        # Runbook: High API latency

        **Severity:** P2

        ## Diagnosis

        1. Check the logs

        ## Mitigation

        ```bash
        kubectl rollout restart deploy/api
        ```

        ## Verification

        - [ ] Error rate is back to normal
        """,
    )
    assert procedure.name == "High API latency"
    assert procedure.applies_to == ("P2",)
    assert procedure.signals == ("http.response_time",)
    assert procedure.phases == ("Diagnosis", "Mitigation", "Verification")
    assert [step.type for step in procedure.steps] == [StepKind.ACTION, StepKind.COMMAND, StepKind.CHECK]


def test_each_scenario_of_a_list_is_its_own() -> None:
    found = facts_of(
        Scenario,
        """
        ## Common issues

        ### High CPU

        Cause: a hot loop

        1. Check the logs
        2. Restart the service

        ### Disk full

        - Free disk space
        """,
    )
    assert [(fact.name, fact.cause, len(fact.steps)) for fact in found] == [
        ("High CPU", "a hot loop", 2),
        ("Disk full", None, 1),
    ]


def test_lists_that_tell_nothing_to_do_are_no_procedures() -> None:
    assert not facts_of(Procedure, "## Architecture\n\n- The API\n- A database\n- Two queues\n")
    assert not facts_of(Procedure, "## Shopping\n\n1. Apples\n2. Pears\n")


def test_keys_are_stable_and_unique() -> None:
    text = "## Response procedure\n\n1. Check the logs\n2. Restart the service\n3. Check the logs\n"
    keys = [step.key for step in steps(text)]
    assert keys == [
        "response-procedure/check-the-logs",
        "response-procedure/restart-the-service",
        "response-procedure/check-the-logs-2",
    ]
    assert [step.key for step in steps(f"Some words above.\n\n{text}")] == keys


def test_triggers_lead_to_the_steps_beside_them() -> None:
    plan = plan_of(
        """
        ## Rollback procedures

        ### Rollback triggers

        - Error rate > 2% for 5 minutes
        - Payments fail

        ### Rollback steps

        1. Stop the deployment
        2. Revert to the last stable version
        """
    )
    rule, word = plan.of(Trigger)
    assert rule.threshold is not None
    assert (rule.threshold.armed, rule.action, rule.procedure) == (True, "rollback_release", "rollback-steps")
    assert (word.condition, word.threshold, word.procedure) == ("Payments fail", None, "rollback-steps")
    assert "rollback-steps" in {fact.key for fact in plan.of(Procedure)}


@pytest.mark.parametrize(
    ("entry", "command", "text"),
    [
        (
            "Scale the workers: `kubectl scale deploy/w --replicas=4 -n pay`",
            "kubectl scale deploy/w --replicas=4 -n pay",
            "Scale the workers",
        ),
        ("Look who is connected with `psql -c 'select 1'`.", "psql -c 'select 1'", "Look who is connected"),
        ("Check the pods (`kubectl get pods -n pay`)", "kubectl get pods -n pay", "Check the pods"),
        ("Roll back \u2013 `helm rollback shop 12`", "helm rollback shop 12", "Roll back"),
    ],
)
def test_an_entry_that_gives_its_command_runs_it(entry: str, command: str, text: str) -> None:
    (procedure,) = plan_of(f"## Response procedure\n\n1. {entry}\n2. Verify recovery\n").of(Procedure)
    step = procedure.steps[0]
    assert (step.command, step.text) == (command, text)
    assert step.rating is not None
    assert step.source.text[step.source.column - 1 :].startswith(command)


@pytest.mark.parametrize(
    "entry",
    [
        "Look at `pg_stat_activity`",
        "Set the flag: `checkout.enabled`",
        "Restart `api` and `worker`, then check `kubectl get pods` twice",
        "Post in the channel: `all clear for now`",
    ],
)
def test_names_in_backticks_are_no_commands(entry: str) -> None:
    (procedure,) = plan_of(f"## Response procedure\n\n1. {entry}\n2. Verify recovery\n").of(Procedure)
    assert all(step.command is None for step in procedure.steps)


PLACES = tomllib.loads(
    (Path(__file__).parents[2] / "cases" / "playbook" / "action-places.toml").read_text(encoding="utf-8")
)["case"]


@pytest.mark.parametrize("case", PLACES, ids=lambda case: case["text"])
def test_a_placeholder_of_an_action_is_a_typed_place_of_the_parameter_that_takes_it(case: dict[str, Any]) -> None:
    (step,) = steps(f"# Runbook\n\n## Response procedure for P1\n\n1. {case['text']}\n")
    assert (step.type, step.action) == (StepKind.ACTION, case["action"])
    assert dict(step.parameters) == case["parameters"]
    assert {slot.placeholder: slot.type for slot in step.slots} == case["places"]
