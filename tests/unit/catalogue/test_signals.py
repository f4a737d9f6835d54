"""The catalogue of signals is sound: names, phrases, units, readings."""

import re
from collections import Counter
from pathlib import Path

import pytest

from stanch.catalogue.signals import FAMILIES, PHRASES, SIGNALS
from stanch.catalogue.signals.reference import page
from stanch.catalogue.signals.selector import series
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
    Signal,
    Unit,
)

ALL = [pytest.param(signal, id=signal.name) for signal in SIGNALS.values()]


def readings(signal: Signal) -> tuple[Reading, ...]:
    return (signal.reading, *signal.alternatives)


def test_there_are_at_least_sixty() -> None:
    assert len(SIGNALS) >= 60


def test_a_name_belongs_to_one_signal() -> None:
    names = Counter(signal.name for family in FAMILIES.values() for signal in family)
    assert [name for name, count in names.items() if count > 1] == []


def test_a_phrase_belongs_to_one_signal() -> None:
    phrases = Counter(phrase for signal in SIGNALS.values() for phrase in signal.phrases)
    assert [phrase for phrase, count in phrases.items() if count > 1] == []
    assert len(PHRASES) == len(phrases)


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("database response time", "db.response_time"),
        ("response time", "http.response_time"),
        ("latency", "http.response_time"),
        ("error rate", "http.error_rate"),
        ("5xx rate", "http.error_rate"),
        ("connection pool utilization", "db.pool.utilization"),
        ("pool usage", "db.pool.utilization"),
        ("slow query execution time", "db.slow_query"),
        ("query execution time", "db.response_time"),
        ("cpu", "system.cpu.utilization"),
        ("memory usage", "system.memory.utilization"),
        ("queue length", "messaging.queue.length"),
        ("replica lag", "db.replica_lag"),
        ("disk usage", "system.disk.utilization"),
        ("requests per second", "http.request_rate"),
        ("pod restarts", "k8s.container.restarts"),
        ("certificate expiry", "tls.certificate.remaining"),
        ("event loop lag", "runtime.event_loop.lag"),
        ("cache hit rate", "cache.hit_ratio"),
        ("uptime", "probe.success"),
    ],
)
def test_what_people_write_is_known(phrase: str, name: str) -> None:
    assert PHRASES[phrase] == name


@pytest.mark.parametrize("signal", ALL)
def test_a_signal_is_well_formed(signal: Signal) -> None:
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", signal.name)
    assert signal.description.endswith(".")
    for phrase in signal.phrases:
        assert phrase == phrase.lower().strip()
        assert not phrase.startswith(("the ", "a ", "an "))
        assert "  " not in phrase


@pytest.mark.parametrize("signal", ALL)
def test_what_is_counted_has_a_window_and_what_is_measured_has_none_unless_it_is_a_mean(signal: Signal) -> None:
    counted = isinstance(signal.reading, CounterRate | CounterRatio | CounterIncrease | Histogram)
    if counted:
        assert signal.default_window_s >= 60
    else:
        assert signal.default_window_s == 0 or signal.name == "probe.success"


@pytest.mark.parametrize("signal", ALL)
def test_a_distribution_says_what_is_taken_of_it(signal: Signal) -> None:
    is_distribution = isinstance(signal.reading, Histogram)
    assert (signal.default_statistic is not None) == is_distribution
    for reading in readings(signal):
        if is_distribution and isinstance(reading, Gauge):
            assert reading.statistic is not None, "a gauge beside a histogram says which statistic it already is"


@pytest.mark.parametrize("signal", ALL)
def test_the_unit_fits_the_reading(signal: Signal) -> None:
    for reading in readings(signal):
        match reading:
            case CounterIncrease():
                assert signal.unit is Unit.COUNT
            case GaugeRatio():
                assert signal.unit is Unit.RATIO
            case CounterRate():
                assert signal.unit in {Unit.PER_SECOND, Unit.RATIO}
            case CounterRatio():
                assert signal.unit in {Unit.RATIO, Unit.SECONDS}
            case Histogram():
                assert signal.unit is Unit.SECONDS
                assert not reading.selector.metric.endswith(("_bucket", "_sum", "_count"))
            case Gauge():
                assert reading.aggregate in {"sum", "max", "min", "avg"}
                assert reading.relative in {"", "since", "until"}
                assert not reading.relative or signal.unit is Unit.SECONDS


@pytest.mark.parametrize("signal", ALL)
def test_no_reading_is_given_twice(signal: Signal) -> None:
    assert len(set(readings(signal))) == len(readings(signal))


def test_the_main_readings_are_opentelemetry_names() -> None:
    assert SIGNALS["http.response_time"].reading == Histogram(
        selector=Selector(metric="http_server_request_duration_seconds")
    )
    pool = SIGNALS["db.pool.utilization"].reading
    assert isinstance(pool, GaugeRatio)
    assert pool.part == series('db_client_connection_count{state="used"}')
    assert pool.whole == series("db_client_connection_max")


def test_a_selector_is_read_as_promql_spells_it() -> None:
    assert series("up") == Selector(metric="up")
    assert series('m{a="x", b!="y\\"z",c=~"5..|4\\\\d",d!~"n\\n",}') == Selector(
        metric="m",
        matchers=(
            Matcher(label="a", operator="=", value="x"),
            Matcher(label="b", operator="!=", value='y"z'),
            Matcher(label="c", operator="=~", value="5..|4\\d"),
            Matcher(label="d", operator="!~", value="n\n"),
        ),
    )


@pytest.mark.parametrize("text", ["", "1m", "m{", 'm{a="x"', "m{a=x}", 'm{a="x" b="y"}', 'm{="x"}', "m n"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a selector"):
        series(text)


def test_the_page_for_playbook_authors_is_up_to_date() -> None:
    written = (Path(__file__).parents[3] / "docs" / "signals.md").read_text(encoding="utf-8")
    assert written == page(), "write docs/signals.md anew from stanch.catalogue.signals.reference.page()"


@pytest.mark.parametrize("signal", ALL)
def test_a_phrase_names_the_quantity_and_not_a_statistic_of_it(signal: Signal) -> None:
    for phrase in signal.phrases:
        assert not phrase.startswith(
            ("average ", "mean ", "median ", "max ", "maximum ", "peak ", "p50 ", "p95 ", "p99 ")
        ) or (phrase in {"max connections", "max connections usage"})
