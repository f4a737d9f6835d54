"""Who is called, in which order, where, and with what words."""

import pytest

from incident_builders import T0, contact, plan, role, source
from stanch.comms.channels.smtp import SmtpChannel, SmtpSettings
from stanch.comms.outbox import LONGEST_PAUSE_S, pause_s
from stanch.comms.paging import body, contacts_of, ladder
from stanch.model.incident import ClockState, Incident, IncidentClock, IncidentStatus

ENGINEER, MANAGER, SUPPORT = role("On-call engineer"), role("Engineering manager", "P1"), role("Support lead")


def test_the_role_on_call_is_called_first_and_the_others_as_listed():
    assert ladder(plan(SUPPORT, MANAGER, ENGINEER), "P1") == ("On-call engineer", "Support lead", "Engineering manager")


def test_a_role_that_names_severities_is_called_for_those_alone():
    assert ladder(plan(ENGINEER, MANAGER, SUPPORT), "P2") == ("On-call engineer", "Support lead")
    assert ladder(plan(ENGINEER, MANAGER, SUPPORT), "p1")[1] == "Engineering manager"


def test_without_a_role_on_call_the_first_one_is_called():
    assert ladder(plan(MANAGER, SUPPORT), "P1") == ("Engineering manager", "Support lead")


def test_somebody_is_called_even_where_the_playbook_names_nobody():
    assert ladder(plan(), "P1") == ("On-call",)
    assert ladder(plan(MANAGER), "P3") == ("On-call",)


@pytest.mark.parametrize("name", ["On-Call Engineer", "on call DBA", "Primary", "First responder"])
def test_the_role_on_call_is_known_by_its_name(name):
    assert ladder(plan(SUPPORT, role(name)), "P1")[0] == name


def test_contacts_are_found_by_the_very_name_of_the_role_first():
    exact, near = contact("On-call engineer", "a@x"), contact("On-call", "b@x")
    assert contacts_of(plan(near, exact), "On-call engineer") == (exact,)
    assert contacts_of(plan(near, contact("Legal", "c@x")), "On-call engineer") == (near,)
    assert contacts_of(plan(contact("On-call engineer (primary)", "d@x")), "on-call engineer")[0].address == "d@x"
    assert contacts_of(plan(contact("Legal", "c@x"), contact("!!!", "d@x")), "On-call engineer") == ()


def test_mail_goes_to_every_contact_that_has_an_address():
    channel = SmtpChannel(SmtpSettings(host="mail", sender="stanch@x"))
    contacts = (
        contact("a", "a@example.org"),
        contact("b", "+1 555 0100"),
        contact("c", "name@example.com", placeholder=True),
    )
    assert channel.addresses("On-call", contacts) == ("a@example.org",)


def test_pauses_double_up_to_a_limit_and_heed_the_receiver():
    assert [pause_s(attempt) for attempt in range(1, 6)] == [1, 2, 4, 8, 16]
    assert pause_s(50) == LONGEST_PAUSE_S
    assert pause_s(1, 120) == 120
    assert pause_s(5, 3) == 16


def test_a_page_says_what_how_bad_since_when_by_when_and_where_it_is_written():
    incident = Incident(
        id="7",
        title="response time p95 > 1 s",
        severity="P1",
        status=IncidentStatus.OPEN,
        service="booking",
        opened_at=T0,
        plan_hash="a" * 64,
        source=source(24),
        clocks=(
            IncidentClock(
                name="acknowledge", text="5 minutes", started_at=T0, due_at=T0 + 300, state=ClockState.RUNNING
            ),
            IncidentClock(name="contain", text="soon", started_at=T0, due_at=None, state=ClockState.RUNNING),
        ),
    )
    assert body(incident, "1.4 s", T0 + 60).splitlines() == [
        "response time p95 > 1 s",
        "Measured: 1.4 s",
        "Service: booking",
        "Severity: P1",
        "Opened: 2023-11-14 22:13:20 UTC, 60 s ago",
        "To acknowledge: by 2023-11-14 22:18:20 UTC, in 4 min",
        "Playbook: playbook.md:24",
        "Take it up: stanch incident ack 7",
    ]
    assert "To acknowledge: was due at 2023-11-14 22:18:20 UTC" in body(incident, "", T0 + 400)
