"""What is taken as a change of the outside, and what is refused with which reason."""

import pytest
from pydantic import ValidationError

from stanch.web.marks import NewMark


@pytest.mark.parametrize(
    ("body", "because"),
    [
        ({"service": "booking"}, "a deploy needs its version"),
        ({"kind": "change"}, "a change needs a text"),
        ({"kind": "rumour", "version": "v1"}, "kind"),
        ({"version": "v1", "at": "2026-11-28T13:00:00"}, "must say its offset"),
        ({"version": "v1", "at": "yesterday"}, "must be a time such as"),
        ({"version": "v1", "at": "NaN"}, "must be a time such as"),
        ({"version": "v1", "at": float("inf")}, "finite"),
        ({"version": "v\x1b[2J1"}, "one line without control characters"),
        ({"version": "v1", "service": "a\u2028b"}, "one line without control characters"),
        ({"version": "v" * 129}, "at most 128"),
        ({"version": "v1", "who": "me"}, "not permitted"),
    ],
)
def test_what_is_no_change_is_refused(body: dict, because: str):
    with pytest.raises(ValidationError, match=because):
        NewMark.model_validate(body)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("2026-11-28T13:00:00Z", 1795870800.0),
        ("2026-11-28T14:00:00+01:00", 1795870800.0),
        (1795870800, 1795870800.0),
        (1795870800.25, 1795870800.25),
        (None, None),
    ],
)
def test_the_time_is_taken_in_either_form(at: object, seconds: float | None):
    assert NewMark.model_validate({"version": " v1 ", "at": at}).at == seconds
