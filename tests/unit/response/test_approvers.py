"""Whose yes a step takes: what playbooks say of it, and the people of the settings."""

from dataclasses import replace

import pytest

from response_stage import P1, SOURCE, act, procedure
from stanch.model.incident import Incident, IncidentStatus
from stanch.model.plan import Contact, Plan, Playbook, Role
from stanch.model.risk import Risk
from stanch.response.approvers import Approvers, stated_approvers
from stanch.response.expansion import expand

(STEP,) = expand("1.1", procedure(act("a")), now=0.0)
DESTRUCTIVE = replace(STEP, risk=Risk.DESTRUCTIVE)
P2 = replace(P1, level="P2", name="P2")
ROLES = ("On-call engineer", "Engineering Manager", "CTO", "Incident Commander")
INCIDENT = Incident(
    id="1", title="t", severity="P1", status=IncidentStatus.OPEN, service="s", opened_at=0.0, plan_hash="h", source=None
)


def plan(text: str, *, roles: tuple[Role, ...] | None = None) -> Plan:
    given = roles if roles is not None else tuple(Role(name=name, source=SOURCE) for name in ROLES)
    contact = Contact(name="DBA", address="dba@example.org", source=SOURCE)
    playbook = Playbook(path="p.md", title="P", text=text, facts=(), problems=())
    return Plan(hash="h", playbooks=(playbook,), facts=(P1, P2, *given, contact))


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("- **On-call engineer**: runs the procedure, approves what changes production", ("On-call engineer",)),
        ("Rollbacks need approval from the Engineering Manager.", ("Engineering Manager",)),
        ("Approval by the engineering manager or the CTO is required.", ("Engineering Manager", "CTO")),
        ("The incident commander must approve every change.", ("Incident Commander",)),
        ("Changes are signed off by the DBA.", ("DBA",)),
        ("| Approver | CTO |", ("CTO",)),
        ("Approvers: Incident Commander, CTO", ("Incident Commander", "CTO")),
        ("P1: approval of the CTO.", ("CTO",)),
        ("Changes have to be authorised by an Incident Commander.", ("Incident Commander",)),
        ("P1 changes need approval of the CTO.\nChanges need approval of the Engineering Manager.", ("CTO",)),
    ],
)  # fmt: skip
def test_a_line_that_says_who_approves_is_understood(text: str, roles: tuple[str, ...]) -> None:
    who = stated_approvers(plan(text), "P1", STEP)
    assert who is not None
    assert set(who.roles) == set(roles)
    assert str(who.source) == "p.md:1"


@pytest.mark.parametrize(
    "text",
    [
        "The CTO is informed.",
        "No approval by the CTO is needed.",
        "The on-call engineer does not need approval from the Engineering Manager.",
        "Do not wait until the CTO approves.",
        "Missing or incorrect authorization checks let users see data of the CTO.",
        "Approval from the vendor is needed.",
        "P2 changes need approval of the CTO.",
        "Destructive changes need approval of the CTO.",
        "```\nApproval by the CTO\n```",
        "The request was approved. The CTO came later.",
        "",
    ],
)
def test_what_is_about_something_else_stays_silent(text: str) -> None:
    assert stated_approvers(plan(text), "P1", STEP) is None


def test_a_line_about_destructive_steps_is_about_those() -> None:
    text = "The on-call engineer approves changes.\nDestructive changes need approval of the CTO."
    destructive, ordinary = stated_approvers(plan(text), "P1", DESTRUCTIVE), stated_approvers(plan(text), "P1", STEP)
    assert destructive is not None
    assert ordinary is not None
    assert (destructive.roles, ordinary.roles) == (("CTO",), ("On-call engineer",))


def test_the_steps_own_words_come_first() -> None:
    own = replace(STEP, text="Fail over, with approval of the CTO")
    who = stated_approvers(plan("The on-call engineer approves changes."), "P1", own)
    assert who is not None
    assert who.roles == ("CTO",)


def approvers(text: str, people: dict[str, tuple[str, ...]], *, roles: tuple[Role, ...] | None = None) -> Approvers:
    return Approvers(plan_of=lambda _: plan(text, roles=roles), people=people)


def test_only_who_holds_a_stated_role_may_approve_and_the_others_hear_whose_it_is() -> None:
    found = approvers("The CTO approves changes.", {"ann": ("cto",), "bob": ("On-call engineer",)})
    assert found.refusal(INCIDENT, STEP, "ann") is None
    assert found.refusal(INCIDENT, STEP, "bob") == (
        "The playbook has this approved by CTO (p.md:1); that is ann. bob is not."
    )
    nobody = approvers("The CTO approves changes.", {"bob": ("On-call engineer",)})
    assert "nobody holds it" in (nobody.refusal(INCIDENT, STEP, "bob") or "")


def test_without_a_line_the_roles_of_the_severity_approve_where_somebody_holds_them() -> None:
    roles = (Role(name="On-call", source=SOURCE), Role(name="CTO", severities=("P0",), source=SOURCE))
    found = approvers("", {"ann": ("On call",), "bob": ("CTO",)}, roles=roles)
    assert found.refusal(INCIDENT, STEP, "ann") is None
    assert found.refusal(INCIDENT, STEP, "bob") is not None
    assert found.refusal(INCIDENT, STEP, "carl") is not None
    assert found.refusal(replace(INCIDENT, severity="P0"), STEP, "bob") is None


def test_where_nothing_is_said_and_nobody_has_a_role_any_responder_approves() -> None:
    assert approvers("", {}).refusal(INCIDENT, STEP, "anybody") is None
    assert approvers("", {"ann": ("florist",)}).refusal(INCIDENT, STEP, "anybody") is None
    assert approvers("The CTO approves changes.", {}).refusal(INCIDENT, STEP, "anybody") is None
    assert approvers("The CTO approves changes.", {"ann": ()}).refusal(INCIDENT, STEP, "anybody") is None
