"""Alerting rules of Prometheus are armed where a rule of Stanch fires exactly when they would, and nowhere else."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from playbook_reading import codes, plan_of
from stanch.model.plan import Threshold, ThresholdRole
from stanch.model.signal import (
    Comparison,
    CounterIncrease,
    CounterRate,
    CounterRatio,
    Gauge,
    GaugeRatio,
    Histogram,
    Reading,
    Selector,
    Unit,
)
from stanch.playbook.alerting_rules import MAX_CHARACTERS, Watch, held_s, watch_of
from stanch.signals.compile import compile_rules


def of(metric: str) -> Selector:
    return Selector(metric=metric)


RATIO = CounterRatio(part=of("errors_total"), whole=of("requests_total"))
MORE, LESS, EQUAL = Comparison.GREATER, Comparison.LESS, Comparison.EQUAL


@pytest.mark.parametrize(
    ("expression", "reading", "comparison", "value", "window_s"),
    [
        ("sum(queue_length) > 100", Gauge(selector=of("queue_length")), MORE, 100, 0),
        ("queue_length > 100", Gauge(selector=of("queue_length"), aggregate="max"), MORE, 100, 0),
        ("100 < queue_length", Gauge(selector=of("queue_length"), aggregate="max"), MORE, 100, 0),
        ("disk_free_bytes < 5 * 1024 * 1024", Gauge(selector=of("disk_free_bytes"), aggregate="min"), LESS, 5242880, 0),
        ("up == 0", Gauge(selector=of("up"), aggregate="min"), EQUAL, 0, 0),
        ("sum(workers) == 3", Gauge(selector=of("workers")), EQUAL, 3, 0),
        ("avg(load) >= 1e1", Gauge(selector=of("load"), aggregate="avg"), Comparison.GREATER_EQUAL, 10, 0),
        ("sum(rate(errors_total[5m])) > 2", CounterRate(selector=of("errors_total")), MORE, 2, 300),
        ("rate(errors_total[1m]) > 2", CounterRate(selector=of("errors_total"), aggregate="max"), MORE, 2, 60),
        ("sum(increase(restarts_total[10m])) > 3", CounterIncrease(selector=of("restarts_total")), MORE, 3, 600),
        ("sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])) > 0.05", RATIO, MORE, 0.05, 300),
        ("(sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))) * 100 > 5", RATIO, MORE, 0.05, 300),
        ("100 * sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])) > 5", RATIO, MORE, 0.05, 300),
        (
            "sum by (service) (rate(errors_total[5m])) > 2",
            CounterRate(selector=of("errors_total"), by=("service",)),
            MORE,
            2,
            300,
        ),
        (
            "sum(rate(errors_total[5m])) by (job, az) / sum(rate(requests_total[5m])) by (az, job) > 0.05",
            CounterRatio(part=of("errors_total"), whole=of("requests_total"), by=("az", "job")),
            MORE,
            0.05,
            300,
        ),
        (
            "100 * sum by (db) (used) / sum by (db) (size) > 90",
            GaugeRatio(part=of("used"), whole=of("size"), by=("db",)),
            MORE,
            0.9,
            0,
        ),
        ("max by (pod) (queue_length) > 7", Gauge(selector=of("queue_length"), aggregate="max"), MORE, 7, 0),
        ("max without (pod) (queue_length) > 7", Gauge(selector=of("queue_length"), aggregate="max"), MORE, 7, 0),
        ("min by (pod) (workers) < 7", Gauge(selector=of("workers"), aggregate="min"), LESS, 7, 0),
        ("sum(used) / sum(size) > 0.9", GaugeRatio(part=of("used"), whole=of("size")), MORE, 0.9, 0),
        (
            "histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m]))) > 1",
            Histogram(selector=of("x_seconds")),
            MORE,
            1,
            300,
        ),
        (
            "histogram_quantile(0.99, sum(rate(x_seconds_bucket[5m])) by (le)) > 1",
            Histogram(selector=of("x_seconds")),
            MORE,
            1,
            300,
        ),
    ],
)
def test_what_comes_to_one_value_is_watched(
    expression: str, reading: Reading, comparison: Comparison, value: float, window_s: float
) -> None:
    watch = watch_of(expression)
    assert isinstance(watch, Watch), watch
    assert (watch.reading, watch.comparison, watch.value, watch.window_s) == (reading, comparison, value, window_s)


@pytest.mark.parametrize(
    ("expression", "because"),
    [
        ("sum by (service) (rate(errors_total[5m])) < 2", "for each service"),
        ("sum(queue_length) by (job, instance) > 2", "for each instance and job"),
        ("sum without (pod) (rate(errors_total[5m])) > 2", "for each pod"),
        ("max without (pod) (queue_length) < 2", "for each pod"),
        ("min by (pod) (queue_length) > 2", "for each pod"),
        ("sum(sum by (pod) (rate(errors_total[5m]))) > 2", "for each pod"),
        ("sum by (a) (rate(x[5m])) / sum by (b) (rate(y[5m])) > 2", "for each a"),
        ("sum by (a) (rate(x[5m])) / sum(rate(y[5m])) > 2", "for each a"),
        ("histogram_quantile(0.95, sum by (le, job) (rate(x_bucket[5m]))) > 1", "for each job"),
        ("histogram_quantile(0.95, rate(x_bucket[5m])) > 1", "for each series"),
        ("rate(errors_total[5m]) < 1", "for each series"),
        ("increase(restarts_total[10m]) > 3", "for each series"),
        ("used / size > 0.9", "for each series"),
        ("sum(used) / size > 0.9", "for each series"),
        ("queue_length == 3", "for each series"),
        ("queue_length != 3", "for each series"),
        ("up == 1", "for each series"),
        ("a > 1 and b > 2", "joins"),
        ("sum(a) > 1 unless sum(b)", "joins"),
        ("a > b", "no number"),
        ("sum(queue_length)", "compares nothing"),
        ("1 < sum(a) < 3", "compares twice"),
        ("absent(up)", "compares nothing"),
        ("absent(up) == 1", "no form"),
        ("predict_linear(free[1h], 4 * 3600) < 0", "no form"),
        ("avg_over_time(load[5m]) > 3", "no form"),
        ("sum(rate(errors_total[5m] offset 1d)) > 3", "no form"),
        ("sum(a) + sum(b) > 3", "no form"),
        ("sum(a) / sum(b) / sum(c) > 3", "no form"),
        ("count(a) > 3", "no form"),
        ("topk(3, a) > 3", "no form"),
        ("sum(queue_length) > 1 / 0", "no number"),
        ('sum(a{path=~"a>b"}) > on(x) sum(b)', "no number"),
        ("", "compares nothing"),
    ],
)
def test_everything_else_is_said(expression: str, because: str) -> None:
    said = watch_of(expression)
    assert isinstance(said, str), said
    assert because in said


@given(st.text(alphabet='sumratebyle(){}[]<>=!"0123456789.*/ ,|&~xyz\n', max_size=60))
def test_no_expression_is_too_odd(expression: str) -> None:
    assert isinstance(watch_of(expression), Watch | str)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("5m", 300), ("1h30m", 5400), ("90s", 90), ("100ms", 0.1), ("1d", 86400), ("5", None), ("soon", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert held_s(text) == seconds


RULES = """
groups:
- name: api
  rules:
  - alert: HighErrorRate
    expr: |
      sum(rate(errors_total[5m]))
        / sum(rate(requests_total[5m])) > 0.05
    for: 2m
    labels:
      severity: critical
  - record: job:errors
    expr: sum(errors_total)
  - alert: EachService
    expr: sum by (service) (rate(errors_total[5m])) < 2
    for: 5m
    labels: {severity: P2}
"""


def document(rules: str, *, title: str = "Alerts", language: str = "yaml") -> str:
    return f"# API\n\n## {title}\n\n```{language}{rules}```\n"


def thresholds(text: str) -> tuple[Threshold, ...]:
    return tuple(plan_of(text).of(Threshold))


def test_a_rule_becomes_a_threshold_on_its_line() -> None:
    text = document(RULES)
    first, second = thresholds(text)
    assert first.armed
    assert (first.signal, first.value, first.unit) == ("alert.high_error_rate", 0.05, Unit.RATIO)
    assert (first.window_s, first.persistence_s) == (300, 120)
    assert (first.tier, first.role) == ("critical", ThresholdRole.ALERT)
    assert text.splitlines()[first.source.line - 1].strip() == "expr: |"
    assert not second.armed
    assert "for each service" in second.because
    assert second.severity == "P2"
    assert "unarmed-threshold" in codes(text)


def test_an_armed_one_becomes_a_rule_of_the_server() -> None:
    plan = plan_of(document(RULES))
    compiled = compile_rules(plan, signals={signal.name: signal for signal in plan.signals})
    (rule,) = compiled.rules
    assert (rule.value, rule.window_s, rule.persistence_s) == (0.05, 300, 120)
    assert compiled.problems == ()


def test_a_query_of_the_catalogue_is_its_signal() -> None:
    quantile = "histogram_quantile(0.95, sum by (le) (rate({}_bucket[5m]))) > 1"
    first, other = (quantile.format(name) for name in ("http_server_request_duration_seconds", "took_seconds"))
    plan = plan_of(document(f"\n- alert: Slow\n  expr: {first}\n- alert: Other\n  expr: {other}\n"))
    assert [fact.signal for fact in plan.of(Threshold)] == ["http.response_time", "alert.other"]
    assert [signal.name for signal in plan.signals] == ["alert.other"]


def test_two_of_one_name_are_two() -> None:
    limits = ("sum(a) > 1", "sum(b) > 1", "sum(a) > 9")
    both = "".join(f"\n- {{alert: Queue, expr: {limit}}}" for limit in limits)
    found = thresholds(document(both + "\n"))
    assert [(each.signal, each.value) for each in found] == [
        ("alert.queue", 1),
        ("alert.queue_2", 1),
        ("alert.queue", 9),
    ]


@pytest.mark.parametrize(
    "rules",
    [
        "\nalert: Queue\nexpr: sum(a) > 1\n",
        "\n- alert: Queue\n  expr: sum(a) > 1\n",
        "\nrules:\n- alert: Queue\n  expr: sum(a) > 1\n",
        "\nkind: PrometheusRule\nspec:\n  groups:\n  - rules:\n    - alert: Queue\n      expr: sum(a) > 1\n",
    ],
)
def test_rules_are_found_wherever_they_stand(rules: str) -> None:
    (fact,) = thresholds(document(rules))
    assert fact.armed


def test_rules_in_a_list_are_found() -> None:
    (fact,) = thresholds("# API\n\n1. Our alert:\n\n   ```yaml\n   - alert: Queue\n     expr: sum(a) > 1\n   ```\n")
    assert fact.armed
    assert fact.source.line == 7


@pytest.mark.parametrize("title", ["Example alerts", "Deprecated alerts (no longer used)"])
def test_examples_and_retired_ones_stay_silent(title: str) -> None:
    assert not any(fact.armed for fact in thresholds(document(RULES, title=title)))


@pytest.mark.parametrize(
    "rules",
    [
        "\n- alert: Queue\n  expr: sum(a) > 1\n  annotations: {{ .Values }}: x\n",
        "\n- alert: Queue\n\texpr: sum(a) > 1\n",
        "\n- alert: *unknown\n  expr: x\n",
        "\nalert: x\nexpr: " + "[" * 3000 + "\n",
        "\nalert: x\n" + "# more\n" * (MAX_CHARACTERS // 7),
    ],
)
def test_what_is_no_yaml_is_said(rules: str) -> None:
    text = document(rules)
    assert "alerting-rules-not-read" in codes(text)
    assert not thresholds(text)


@pytest.mark.parametrize(
    "rules", ["\nalert: true\n", "\nexpr: sum(a) > 1\n", "\n- alert_channel: x\n", "\nalert:\n- x\n"]
)
def test_other_yaml_is_left_alone(rules: str) -> None:
    text = document(rules)
    assert not thresholds(text)
    assert "alerting-rules-not-read" not in codes(text)


@given(st.dictionaries(st.sampled_from(["alert", "expr", "for", "labels", "groups", "rules"]), st.text(max_size=20)))
def test_no_fence_is_too_odd(entry: dict[str, str]) -> None:
    plan_of(document("\n" + yaml.safe_dump([entry])))


def test_an_alias_that_stands_for_millions_costs_nothing() -> None:
    bomb = "\nalert: x\nexpr: sum(a) > 1\na0: &a0 [x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    (fact,) = thresholds(document(bomb + "rules: *a59\n"))
    assert fact.armed
