"""Every way of writing a threshold, with what must come out of it."""

import pytest

from stanch.model.signal import Comparison, Statistic, Unit
from stanch.playbook.threshold import Condition, conditions_of
from stanch.playbook.vocabulary import catalogue


def one(text: str) -> Condition:
    (condition,) = conditions_of(text, catalogue())
    return condition


def name(condition: Condition) -> str | None:
    return condition.signal.name if condition.signal else None


@pytest.mark.parametrize(
    ("text", "signal", "comparison", "value", "window", "persistence"),
    [
        ("Error rate > 5% for 5 minutes", "http.error_rate", ">", 0.05, None, 300),
        ("Error rate >= 5 percent", "http.error_rate", ">=", 0.05, None, None),
        ("Error rate \u2265 5%", "http.error_rate", ">=", 0.05, None, None),
        ("error rate exceeds 3% over 10 minutes", "http.error_rate", ">", 0.03, 600, None),
        ("Error rate > 5% for any 2-minute window", "http.error_rate", ">", 0.05, 120, None),
        ("Error rate above 5% in the last hour", "http.error_rate", ">", 0.05, 3600, None),
        ("Database response time > 1 second for 5 consecutive minutes", "db.response_time", ">", 1, None, 300),
        ("p95 latency over 10 seconds > 1 second for 5 seconds", "http.response_time", ">", 1, 10, 5),
        ("response time over 2s over the last 10 minutes", "http.response_time", ">", 2, 600, None),
        ("latency climbs over 500ms within 3 minutes", "http.response_time", ">", 0.5, 180, None),
        ("response time over 800 ms over a 30 minute window", "http.response_time", ">", 0.8, 1800, None),
        ("average response time goes over 1500 ms for more than 10 min", "http.response_time", ">", 1.5, None, 600),
        ("upstream error rate >7% (5 min)", "http.client.error_rate", ">", 0.07, None, 300),
        ("5xx errors > 200 in 5 minutes", "http.server_errors", ">", 200, 300, None),
        ("consumer lag >= 20 000 for 15 min", "messaging.consumer.lag", ">=", 20000, None, 900),
        ("the primary database is unreachable for more than 60 seconds", "db.up", "==", 0, None, 60),
        ("error rate rises above 5% within 15 minutes after a release", "http.error_rate", ">", 0.05, 900, None),
        ("uptime < 99% over 10 minutes", "probe.success", "<", 0.99, 600, None),
        ("Success rate has dropped below 99% for more than 10 minutes", "http.success_rate", "<", 0.99, None, 600),
        ("5-minute average CPU > 80%", "system.cpu.utilization", ">", 0.8, 300, None),
        ("CPU at 90% or higher", "system.cpu.utilization", ">=", 0.9, None, None),
        ("Memory usage is running >95% of limit", "system.memory.utilization", ">", 0.95, None, None),
        ("CPU > 80", "system.cpu.utilization", ">", 0.8, None, None),
        ("error rate > 0.05", "http.error_rate", ">", 0.05, None, None),
        ("Queue depth > 1,000", "messaging.queue.length", ">", 1000, None, None),
        ("Process memory over 1.5 GB", "process.memory.usage", ">", 1.5e9, None, None),
        ("Certificate expires in less than 14 days", "tls.certificate.remaining", "<", 1209600, None, None),
    ],
)
def test_symbols_verbs_windows_and_persistence(  # noqa: PLR0917 - one column of the table each
    text: str, signal: str, comparison: str, value: float, window: float | None, persistence: float | None
) -> None:
    condition = one(text)
    assert (name(condition), condition.comparison.value, condition.because) == (signal, comparison, "")
    assert condition.value == pytest.approx(value)
    assert (condition.window_s, condition.persistence_s) == (window, persistence)


@pytest.mark.parametrize(
    ("text", "signal", "value", "window"),
    [
        ("More than 5% of requests fail in the last 60 minutes", "http.error_rate", 0.05, 3600),
        ("10% of total requests return a 5xx", "http.error_rate", 0.1, None),
        ("over 2% of requests time out", "http.timeout_rate", 0.02, None),
        ("> 30% of requests are 4xx", "http.client_error_rate", 0.3, None),
    ],
)
def test_shares_told_as_a_sentence(text: str, signal: str, value: float, window: float | None) -> None:
    condition = one(text)
    assert (name(condition), condition.value, condition.window_s) == (signal, value, window)


@pytest.mark.parametrize(
    ("text", "statistic"),
    [
        ("p50 response time > 1s", Statistic.P50),
        ("median latency > 1s", Statistic.P50),
        ("latency p90 > 1s", Statistic.P90),
        ("95th percentile response time > 1s", Statistic.P95),
        ("response time (p99) > 1s", Statistic.P99),
        ("average latency > 1s", Statistic.MEAN),
        ("max response time > 1s", Statistic.MAX),
        ("response time > 1s", Statistic.P95),
    ],
)
def test_the_statistic_is_what_is_written_or_the_signals_own(text: str, statistic: Statistic) -> None:
    assert one(text).statistic is statistic


def test_samples_in_a_row() -> None:
    assert one("CPU above 90% for 2 consecutive periods").consecutive == 2
    failing = one("Health check fails 3 consecutive times")
    assert (name(failing), failing.comparison, failing.value, failing.consecutive) == (
        "probe.success",
        Comparison.EQUAL,
        0.0,
        3,
    )


def test_counts_in_a_time_become_the_signals_unit() -> None:
    restarts = one("more than 5 pod restarts in the last hour")
    assert (name(restarts), restarts.value, restarts.window_s) == ("k8s.container.restarts", 5, 3600)
    deadlocks = one("deadlocks > 5 per minute")
    assert (name(deadlocks), deadlocks.value, deadlocks.window_s) == ("db.deadlocks", 5, 60)
    logins = one("401 errors > 500 in 5 minutes")
    assert logins.value == pytest.approx(500 / 300)
    assert (logins.unit, logins.window_s) == (Unit.PER_SECOND, 300)


def test_ranges() -> None:
    for text in ("Error rate 5-10%", "Error rate between 5% and 10%"):
        condition = one(text)
        assert (condition.comparison, condition.value, condition.upper) == (Comparison.GREATER_EQUAL, 0.05, 0.1)


def test_tiers_share_the_signal() -> None:
    graded = conditions_of("Error rate: P0 if >10%, P1 if >5%", catalogue())
    assert [(c.severity, c.value) for c in graded] == [("P0", 0.1), ("P1", 0.05)]
    tiered = conditions_of("Disk usage: warning at 80%, critical at 90%", catalogue())
    assert [(c.tier, c.value, c.comparison.value) for c in tiered] == [("warning", 0.8, ">="), ("critical", 0.9, ">=")]
    bracketed = conditions_of("CPU > 70% (warning), > 90% (critical)", catalogue())
    assert [(c.tier, c.value) for c in bracketed] == [("warning", 0.7), ("critical", 0.9)]


@pytest.mark.parametrize(
    ("text", "multiple"),
    [
        ("Latency > 5x baseline", 5.0),
        ("Error rate 3 times normal", 3.0),
        ("Request rate 50% above normal", 1.5),
        ("Error rate > 200% of budget", 2.0),
        ("Request rate drops by more than 50%", 1.5),
    ],
)
def test_multiples_of_what_is_normal_are_told_and_not_evaluated(text: str, multiple: float) -> None:
    condition = one(text)
    assert condition.multiple == multiple
    assert condition.value is None
    assert "normal" in condition.because


def test_two_signals_side_by_side_have_one_limit_each() -> None:
    for text in ("CPU and memory > 90%", "CPU/memory > 90%"):
        assert [name(c) for c in conditions_of(text, catalogue())] == [
            "system.cpu.utilization",
            "system.memory.utilization",
        ]


def test_two_conditions_at_once_are_marked() -> None:
    both = conditions_of("Error rate > 5% and latency > 2s", catalogue())
    assert [c.joined for c in both] == [True, True]
    either = conditions_of("Error rate > 5% or latency > 2s", catalogue())
    assert [c.joined for c in either] == [False, False]


def test_what_is_down() -> None:
    down = one("Database down for more than 1 minute")
    assert (name(down), down.comparison, down.value, down.persistence_s) == ("db.up", Comparison.EQUAL, 0.0, 60)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("Error rate for the checkout service > 5%", ("checkout service",)),
        ("Payment error rate > 5%", ("Payment",)),
        ("Error rate on /appointments > 5%", ("/appointments",)),
        ("API error rate in production > 5%", ()),
        ("Overall error rate > 5%", ()),
    ],
)
def test_words_that_narrow_a_signal_are_kept(text: str, scope: tuple[str, ...]) -> None:
    assert one(text).scope == scope


def test_a_signal_turned_around_is_the_same_signal() -> None:
    assert name(one("Latency of database queries > 300ms")) == "db.response_time"


def test_connections_in_per_cent_are_their_utilization() -> None:
    assert name(one("Database connections > 80%")) == "db.connections.utilization"


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("Response time > 500", "no unit"),
        ("Error rate > 5", "no unit"),
        ("Replica lag > 20%", "is in seconds"),
        ("p75 latency > 1s", "p75"),
        ("IPs with > 1000 requests per minute", "for each ips"),
        ("Frobnication > 5%", "no signal is called"),
        ("Error rate > 5% sideways", "was not understood"),
        ("> 5% for 5 minutes", "does not say what"),
    ],
)
def test_what_cannot_be_evaluated_says_why(text: str, because: str) -> None:
    assert because in one(text).because


def test_history_and_negation_are_marked() -> None:
    assert one("We reduced timeouts to less than 5%").past
    assert one("Error rate does not exceed 5%").negated


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no numbers here",
        "Reply within 2 business days",
        "Use version 2.3",
        "15-second timeout maximum",
        "500 errors",
    ],
)
def test_text_without_a_limit_gives_nothing(text: str) -> None:
    assert conditions_of(text, catalogue()) == ()


def test_the_subject_can_come_from_outside() -> None:
    (condition,) = conditions_of("> 450 ms", catalogue(), subject="p95 latency (15m)")
    assert (name(condition), condition.statistic, condition.window_s) == ("http.response_time", Statistic.P95, 900)


def test_both_says_that_a_time_holds_for_every_limit_before_it() -> None:
    first, second = conditions_of("CPU usage: warning > 85%, error > 95%, both for 15 minutes", catalogue())
    assert {name(first), name(second)} == {"system.cpu.utilization"}
    assert (first.value, first.persistence_s, second.value, second.persistence_s) == (0.85, 900, 0.95, 900)


@pytest.mark.parametrize("text", ["GPU memory > 95%", "MQTT broker connections > 45k"])
def test_the_same_word_of_another_thing_is_another_quantity(text: str) -> None:
    assert one(text).signal is None
