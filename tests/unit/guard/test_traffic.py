"""The document that Stanch writes and the guard reads."""

import json
from typing import Any

import pytest

from stanch.model.traffic import ConcurrencyLimit, Malformed, TrafficState, parse

LIMIT = ConcurrencyLimit(id="c1", incident="42", path="/appointments", limit=2, expires_at=1_700_000_600.0)


def entry(**changes: Any) -> dict[str, Any]:
    written: dict[str, Any] = TrafficState(version=1, controls=(LIMIT,)).document()["controls"][0]
    return {key: value for key, value in {**written, **changes}.items() if value is not ...}


def test_what_is_written_is_what_is_read() -> None:
    state = TrafficState(version=7, controls=(LIMIT,))
    assert parse(json.loads(json.dumps(state.document()))) == (state, ())


def test_what_may_be_left_out_has_defaults() -> None:
    given = entry(queue=..., max_wait_s=..., retry_after_s=...)
    assert parse({"version": 1, "controls": [given]})[0].controls == (LIMIT,)


def test_a_whole_number_of_seconds_is_a_time() -> None:
    state, problems = parse({"version": 1, "controls": [entry(expires_at=1_700_000_600, max_wait_s=1)]})
    assert not problems
    assert state.controls[0].max_wait_s == 1


@pytest.mark.parametrize("document", [None, [], "text", {}, {"version": 1}, {"version": "1", "controls": []}])
def test_a_foreign_document_is_malformed(document: object) -> None:
    with pytest.raises(Malformed):
        parse(document)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (entry(kind="block_source"), "unknown kind 'block_source'"),
        (entry(kind=["limit_concurrency"]), "unknown kind"),
        (entry(limit=0), "limit must be at least 1"),
        (entry(limit=True), "limit must be int"),
        (entry(limit="2"), "limit must be int"),
        (entry(limit=...), "limit"),
        (entry(path="appointments"), "path must begin with /"),
        (entry(queue=-1), "queue must not be negative"),
        (entry(max_wait_s=61.0), "max_wait_s must be between 0 and 60"),
        (entry(retry_after_s=0), "retry_after_s must be at least 1"),
        (entry(expires_at=float("inf")), "expires_at must be a time"),
        (entry(id=""), "id and incident must not be empty"),
        (entry(burst=3), "unknown burst"),
        ("limit", "not an object"),
    ],
)
def test_a_control_that_cannot_be_held_is_told_and_the_others_hold(wrong: object, told: str) -> None:
    state, problems = parse({"version": 3, "controls": [wrong, entry(id="c2")]})
    assert [control.id for control in state.controls] == ["c2"]
    assert [problem.code for problem in problems] == ["unread-control"]
    assert told in problems[0].message


@pytest.mark.parametrize(
    ("prefix", "path", "covered"),
    [
        ("/appointments", "/appointments", True),
        ("/appointments", "/appointments/7", True),
        ("/appointments/", "/appointments", True),
        ("/appointments", "/appointmentsx", False),
        ("/appointments", "/patients", False),
        ("/", "/anything", True),
    ],
)
def test_a_path_covers_itself_and_what_is_below(prefix: str, path: str, covered: bool) -> None:  # noqa: FBT001
    limit = ConcurrencyLimit(id="c1", incident="42", path=prefix, limit=1, expires_at=0.0)
    assert limit.covers(path) is covered
