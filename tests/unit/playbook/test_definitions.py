"""Queries of a team's own signals are read in the forms that can be evaluated, and in no other."""

import pytest

from playbook_reading import codes, plan_of
from stanch.model.plan import Procedure, StepKind
from stanch.model.risk import Risk
from stanch.model.signal import (
    CounterIncrease,
    CounterRate,
    CounterRatio,
    Gauge,
    GaugeRatio,
    Histogram,
    Matcher,
    Reading,
    Selector,
    Statistic,
    Unit,
)
from stanch.playbook.query import read_query
from stanch.playbook.report import as_text


def of(metric: str, **labels: str) -> Selector:
    matchers = tuple(Matcher(label=label, operator="=", value=value) for label, value in labels.items())
    return Selector(metric=metric, matchers=matchers)


@pytest.mark.parametrize(
    ("query", "reading", "window"),
    [
        ("queue_length", Gauge(selector=of("queue_length")), 0),
        ('`queue_length{queue="mail"}`', Gauge(selector=of("queue_length", queue="mail")), 0),
        ("max(queue_length)", Gauge(selector=of("queue_length"), aggregate="max"), 0),
        ("job_ms / 1000", Gauge(selector=of("job_ms"), scale=0.001), 0),
        ("sum by (job) (rate(jobs_total[5m]))", CounterRate(selector=of("jobs_total")), 300),
        ("sum(increase(restarts_total[10m]))", CounterIncrease(selector=of("restarts_total")), 600),
        (
            'sum(rate(requests_total{code="500"}[2m])) / sum(rate(requests_total[2m]))',
            CounterRatio(part=of("requests_total", code="500"), whole=of("requests_total")),
            120,
        ),
        ("used / total", GaugeRatio(part=of("used"), whole=of("total")), 0),
        (
            "histogram_quantile(0.95, sum by (le) (rate(request_seconds_bucket[5m])))",
            Histogram(selector=of("request_seconds")),
            300,
        ),
    ],
)
def test_common_queries_are_read(query: str, reading: Reading, window: float) -> None:
    read = read_query(query)
    assert read is not None
    assert (read.reading, read.window_s) == (reading, window)


def test_a_quantile_is_the_signals_own_statistic() -> None:
    read = read_query("histogram_quantile(0.99, sum by (le) (rate(request_seconds_bucket[5m])))")
    assert read is not None
    assert read.statistic is Statistic.P99


@pytest.mark.parametrize(
    "query",
    [
        "",
        "a + b",
        "a - b / c",
        "predict_linear(disk_free[1h], 3600)",
        "sum(rate(a[5m])) / sum(rate(b[1m]))",
        "histogram_quantile(0.42, sum by (le) (rate(x_bucket[5m])))",
        "avg_over_time(x[5m])",
        "x / 0",
        "SELECT count(*) FROM jobs",
        'x{broken="',
        "((((",
    ],
)
def test_other_queries_are_not_guessed_at(query: str) -> None:
    assert read_query(query) is None


def test_what_is_not_read_is_told_and_not_defined() -> None:
    text = """
        ## Signals

        | Signal | Query |
        |---|---|
        | disk forecast | predict_linear(disk_free[1h], 3600) |

        ## Alert thresholds

        - Disk forecast > 90%
        """
    assert "query-not-read" in codes(text)
    assert not plan_of(text).signals


def test_the_plan_holds_what_the_tables_define() -> None:
    (signal,) = plan_of(
        """
        | Signal | Query | Unit | Also called |
        |---|---|---|---|
        | Basket errors | sum(rate(broken_total[5m])) / sum(rate(all_total[5m])) | | broken baskets, lost baskets |
        """
    ).signals
    assert (signal.name, signal.unit, signal.default_window_s) == ("basket_errors", Unit.RATIO, 300.0)
    assert signal.phrases == ("basket errors", "broken baskets", "lost baskets")
    assert "line 3" in signal.description


OWN = """# Checkout

| Action | Command | Phrases |
|---|---|---|
| empty the node | `kubectl drain <node> --ignore-daemonsets` | drain the node |
| restart the service | `kubectl rollout restart deploy/web` | |
| look at the queue | `redis-cli llen jobs` | |

## Procedure

1. Look at the queue
2. Drain the node
3. Restart the service
4. Restart the database
"""


def test_a_step_that_asks_for_an_own_action_is_its_command() -> None:
    look, drain, restart, other = plan_of(OWN).of(Procedure)[0].steps
    assert (look.type, look.command, look.risk) == (StepKind.COMMAND, "redis-cli llen jobs", Risk.READ_ONLY)
    assert (drain.command, drain.risk) == ("kubectl drain <node> --ignore-daemonsets", Risk.MUTATING)
    assert [slot.placeholder for slot in drain.slots] == ["<node>"]
    assert drain.text == "Drain the node"
    assert drain.source.line == 12
    assert (restart.command, restart.action) == ("kubectl rollout restart deploy/web", None), "theirs goes before ours"
    assert (other.type, other.command) == (StepKind.ACTION, None)


def test_an_own_action_with_a_terminal_is_a_persons() -> None:
    text = OWN.replace("`redis-cli llen jobs`", "`kubectl exec -it web -- bash`")
    assert plan_of(text).of(Procedure)[0].steps[0].type is StepKind.MANUAL


def test_an_own_action_says_its_command_beside_the_step() -> None:
    assert "2. Drain the node\n      |    ^ step, mutating: command `kubectl drain <node>" in as_text(plan_of(OWN))
