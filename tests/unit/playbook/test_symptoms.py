"""What a failure is called leads to the signals that show it, and arms nothing."""

import pytest

from playbook_reading import plan_of
from stanch.catalogue.signals import SIGNALS
from stanch.model.plan import Procedure, Threshold
from stanch.playbook import symptoms
from stanch.playbook.symptoms import signals_of_symptom


def test_every_signal_of_the_table_is_in_the_catalogue() -> None:
    named = {name for _, signals in symptoms._TABLE for name in signals}
    assert named <= set(SIGNALS)


@pytest.mark.parametrize(
    ("title", "signal"),
    [
        ("Performance Degradation", "http.response_time"),
        ("Content Delivery Issues", "cdn.error_rate"),
        ("Data Synchronization Problems", "db.replica_lag"),
        ("Redis is down", "redis.up"),
        ("Complete service outage", "probe.success"),
        ("Bad deploy", "http.error_rate"),
        ("Security Breach", "http.auth_failure_rate"),
        ("Queue backlog", "messaging.queue.length"),
        ("No space left", "system.disk.free"),
        ("Upstream provider outage", "http.client.error_rate"),
        ("TLS certificate expired", "tls.certificate.remaining"),
        ("Postgres is unreachable", "db.up"),
    ],
)
def test_a_failure_is_seen_in_a_signal(title: str, signal: str) -> None:
    assert signal in set(signals_of_symptom(title))
    plan = plan_of(f"## Scenarios\n\n### {title}\n\n1. Check the logs\n2. Restart the service\n")
    assert signal in plan.of(Procedure)[0].signals
    assert not plan.of(Threshold)


@pytest.mark.parametrize("title", ["Onboarding", "Weekly report", "How we deploy", "Handover", "Team meeting"])
def test_other_titles_are_no_failures(title: str) -> None:
    assert not list(signals_of_symptom(title))


def test_a_signal_that_the_title_names_goes_before_what_it_sounds_like() -> None:
    plan = plan_of("## Scenarios\n\n### Slow: p95 latency of the queue depth\n\n1. Check the logs\n2. Restart it\n")
    assert "db.replica_lag" not in plan.of(Procedure)[0].signals
    assert "messaging.queue.length" in plan.of(Procedure)[0].signals
