"""Rules as PromQL and as a Prometheus rule file. That Prometheus reads them alike is tested with promtool."""

from dataclasses import replace

import pytest

from stanch.catalogue.signals import SIGNALS
from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source
from stanch.model.rule import Rule
from stanch.model.signal import Comparison, Statistic, Unit
from stanch.signals.promql import alert_name, duration, expression, number, rule_file, signal_expression

RULE = Rule(
    id="tls-certificate-remaining-1234abcd",
    title="certificate expiry < 14 days",
    signal="redis.evictions",
    statistic=None,
    comparison=Comparison.GREATER,
    value=5.0,
    unit=Unit.PER_SECOND,
    window_s=120.0,
    persistence_s=90.0,
    severity="P1",
    role=ThresholdRole.ALERT,
    source=Source(path="playbook.md", line=7, text="  - evictions > 5/s: see {{ runbook }}"),
)


@pytest.mark.parametrize(
    ("name", "statistic", "window_s", "expected"),
    [
        ("target.up", None, None, "min(up)"),
        ("db.deadlocks", None, 600.0, "sum(increase(pg_stat_database_deadlocks[10m]))"),
        (
            "http.response_time",
            None,
            120.0,
            "histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket[2m])))",
        ),
        (
            "redis.response_time",
            None,
            None,
            """\
(sum(increase(redis_commands_duration_seconds_total[1m])) or sum(increase(redis_commands_total[1m])) * 0) \
/ sum(increase(redis_commands_total[1m]))""",
        ),
        (
            "http.response_time",
            Statistic.MEAN,
            None,
            """\
sum(rate(http_server_request_duration_seconds_sum[1m])) \
/ sum(rate(http_server_request_duration_seconds_count[1m]))""",
        ),
        ("db.server.cpu.utilization", None, None, "max(aws_rds_cpuutilization_average) * 0.01"),
        ("tls.certificate.remaining", None, None, "min(probe_ssl_earliest_cert_expiry) - time()"),
        (
            "redis.memory.utilization",
            None,
            None,
            "max(sum by (instance) (redis_memory_used_bytes) / (sum by (instance) (redis_memory_max_bytes) > 0))",
        ),
    ],
)
def test_a_reading_is_printed(name: str, statistic: Statistic | None, window_s: float | None, expected: str) -> None:
    printed = signal_expression(SIGNALS[name], statistic=statistic, window_s=window_s)
    assert printed == expected or printed.startswith(f"({expected}) or (")


def test_a_condition_compares_the_first_reading_with_data() -> None:
    assert expression(RULE) == (
        "((sum(rate(redis_evicted_keys_total[2m]))) or (sum(rate(memcached_items_evicted_total[2m])))) > 5"
    )


def test_a_range_is_two_comparisons() -> None:
    assert expression(replace(RULE, signal="target.up", window_s=0.0, upper=9.5)) == "(min(up) > 5) <= 9.5"


def test_what_differs_from_a_number_is_a_number() -> None:
    rule = replace(RULE, signal="target.up", window_s=0.0, comparison=Comparison.NOT_EQUAL)
    assert expression(rule) == "(min(up) != 5) and (min(up) == min(up))"


def test_labels_and_their_values_are_quoted() -> None:
    rule = replace(RULE, signal="target.up", window_s=0.0, labels=(("job", 'a"b\\c\nd'),))
    assert expression(rule) == 'min(up{job="a\\"b\\\\c\\nd"}) > 5'


def test_a_rule_file_carries_severity_identity_and_source() -> None:
    text = rule_file([replace(RULE, signal="target.up", window_s=0.0)], interval_s=5.0)
    assert text == (
        "groups:\n"
        '  - name: "stanch"\n'
        "    interval: 5s\n"
        "    rules:\n"
        '      - alert: "TargetUp"\n'
        '        expr: "min(up) > 5"\n'
        "        for: 1m30s\n"
        "        labels:\n"
        '          severity: "P1"\n'
        '          rule: "tls-certificate-remaining-1234abcd"\n'
        '          role: "alert"\n'
        "        annotations:\n"
        '          summary: "certificate expiry < 14 days"\n'
        '          source: "playbook.md:7"\n'
        '          description: "- evictions > 5/s: see {{ \\"{{\\" }} runbook }}"\n'
    )


def test_samples_in_a_row_become_a_time() -> None:
    text = rule_file([replace(RULE, persistence_s=0.0, consecutive=4)], interval_s=5.0)
    assert "for: 15s" in text


def test_a_plan_without_rules_is_an_empty_group() -> None:
    assert rule_file([]).endswith("rules: []\n")


def test_an_alert_is_named_as_prometheus_people_do() -> None:
    assert alert_name(replace(RULE, signal="db.pool.wait_time")) == "DbPoolWaitTime"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.25, "250ms"), (5, "5s"), (90, "1m30s"), (3600, "1h"), (90061, "1d1h1m1s"), (604_800, "1w")],
)
def test_durations_are_written_as_prometheus_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
        (-2.0, "-2"),
    ],
)
def test_numbers_are_read_back_to_the_same_bits(value: float, text: str) -> None:
    assert number(value) == text
