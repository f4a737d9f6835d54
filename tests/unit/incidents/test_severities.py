"""The playbook's severities in order, and what they promise."""

import pytest

from incident_builders import P1, P2, P3, plan, severity
from stanch.incidents.severities import find, is_worse, ordered, promises


def levels(*severities):
    return [each.level for each in ordered(plan(*severities))]


def test_numbers_order_levels_wherever_they_stand():
    assert levels(P3, P1, P2) == ["P1", "P2", "P3"]
    assert levels(severity("SEV10"), severity("SEV2"), severity("SEV1")) == ["SEV1", "SEV2", "SEV10"]


def test_response_times_order_levels_without_numbers():
    assert levels(severity("Low", 3600), severity("Critical", 60), severity("High", 600)) == ["Critical", "High", "Low"]


def test_without_either_the_playbooks_order_holds():
    assert levels(severity("Red", 60), severity("Amber"), severity("Green", 1)) == ["Red", "Amber", "Green"]


@pytest.mark.parametrize("text", ["P1", "p1", "P1 name", "p1 NAME"])
def test_a_severity_is_found_by_its_level_or_its_name(text):
    assert find(plan(), text) is P1


def test_worse_is_nearer_to_the_top_and_unknown_is_never_worse():
    assert is_worse(plan(), "P1", "P2")
    assert not is_worse(plan(), "P2", "P1")
    assert not is_worse(plan(), "P1", "P1")
    assert not is_worse(plan(), "whatever", "P3")
    assert is_worse(plan(), "P3", "whatever")


def test_the_response_time_is_the_promise_to_acknowledge():
    first = promises(plan(), "P1")[0]
    assert (first.name, first.seconds) == ("acknowledge", 300.0)
    assert [promise.name for promise in promises(plan(), "P1")][1:] == ["contain", "update", "resolve", "review"]


def test_a_promise_to_acknowledge_of_its_own_goes_first():
    own = severity("P1", 300.0, acknowledge=120.0)
    assert [(promise.name, promise.seconds) for promise in promises(plan(own), "P1")] == [("acknowledge", 120.0)]


def test_an_unknown_severity_promises_nothing():
    assert promises(plan(), "whatever") == ()
