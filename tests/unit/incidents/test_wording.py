"""What an event says to people."""

import pytest

from stanch.incidents.wording import wording
from stanch.model.incident import Event, EventKind


def event(kind: EventKind, **data) -> Event:
    return Event(incident_id="1", seq=1, at=0.0, kind=kind, actor="stanch", data=data, previous="", digest="")


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        ({"command": "df"}, "df"),
        ({"command": "df", "acts_as": "user stanch of this machine"}, "df, as user stanch of this machine"),
        (
            {"command": "df", "attempt": 2, "acts_as": "user stanch of this machine"},
            "attempt 2, as user stanch of this machine",
        ),
        ({"command": None}, ""),
    ],
)
def test_what_is_begun_is_told_with_its_command_and_as_whom(data, detail) -> None:
    told = wording(event(EventKind.STEP_STARTED, text="look", **data))
    assert (told.text, told.detail) == ("Begun: look", detail)


def test_what_a_person_does_is_not_said_to_wait_for_an_approval() -> None:
    asked = {"text": "call", "risk": "read-only", "digest": "d" * 64}
    assert wording(event(EventKind.STEP_PROPOSED, **asked, by_hand=True)).detail == "for a person to do"
    assert "approval" in wording(event(EventKind.STEP_PROPOSED, **asked, by_hand=False)).detail
