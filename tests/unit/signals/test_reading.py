"""A signal's value is computed as Prometheus documents it; worked by hand."""

import math

import pytest

from stanch.catalogue.signals import SIGNALS
from stanch.catalogue.signals.selector import series as selector
from stanch.model.signal import (
    CounterIncrease,
    CounterRate,
    CounterRatio,
    Gauge,
    GaugeRatio,
    Histogram,
    Reading,
    Signal,
    Statistic,
    Unit,
)
from stanch.signals.reading import (
    divided,
    evaluator,
    gives,
    histogram_quantile,
    joiner,
    metrics_of,
    quantile,
)
from stanch.signals.windows import Labels, Windows


def windows(*series: tuple[str, Labels, list[float | None]], step_ms: int = 10_000) -> Windows:
    """Series with a value each ten seconds from 0 on; None is a gap."""
    made = Windows(7200)
    for metric, labels, values in series:
        each = made.series(metric, labels)
        for index, value in enumerate(values):
            if value is not None:
                each.append(index * step_ms, value)
    return made


def signal(
    reading: Reading, *alternatives: Reading, unit: Unit = Unit.COUNT, default: Statistic | None = None
) -> Signal:
    return Signal(
        name="test.signal",
        unit=unit,
        description="A test.",
        phrases=("test",),
        reading=reading,
        alternatives=alternatives,
        default_statistic=default,
    )


def value(
    of: Signal,
    inside: Windows,
    at_s: float,
    *,
    statistic: Statistic | None = None,
    window_s: float = 60.0,
    labels: Labels = (),
) -> float | None:
    bound = evaluator(of, inside, statistic=statistic, window_s=window_s, labels=labels)
    return bound.value(round(at_s * 1000))


GROWING: list[float | None] = [float(10 * index) for index in range(13)]


# --- counters ------------------------------------------------------------------------------------------------------


def test_an_increase_between_samples_on_both_edges_is_their_difference() -> None:
    assert value(signal(CounterIncrease(selector=selector("m"))), windows(("m", (), GROWING)), 120) == 60


def test_an_increase_is_extrapolated_to_edges_that_are_near() -> None:
    # Samples at 70, 80, ..., 120 within [65, 125]: 50 over 50 s, and 5 s on both sides.
    found = value(signal(CounterIncrease(selector=selector("m"))), windows(("m", (), GROWING)), 125)
    assert found == pytest.approx(60)


def test_an_increase_reaches_half_an_interval_beyond_samples_whose_edge_is_far() -> None:
    late: list[float | None] = [None] * 8 + [100.0, 110.0, 120.0]
    # Samples at 80, 90, 100 within [40, 100]: 20 over 20 s, and half of 10 s before them.
    found = value(signal(CounterIncrease(selector=selector("m"))), windows(("m", (), late)), 100)
    assert found == pytest.approx(25)


def test_an_increase_never_reaches_to_where_the_counter_would_have_been_below_zero() -> None:
    # Samples at 10, 20: from 2 to 12. Two seconds before the first it was 0.
    found = value(signal(CounterIncrease(selector=selector("m"))), windows(("m", (), [None, 2.0, 12.0])), 20)
    assert found == pytest.approx(12)


def test_a_reset_is_added_back() -> None:
    reset: list[float | None] = [0.0, 50.0, 90.0, 5.0, 25.0, 30.0, 40.0]
    found = value(signal(CounterIncrease(selector=selector("m"))), windows(("m", (), reset)), 60)
    assert found == pytest.approx(90 + 40)


def test_a_reset_before_the_window_is_not_added() -> None:
    reset: list[float | None] = [1000.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    found = value(signal(CounterIncrease(selector=selector("m"))), windows(("m", (), reset)), 70)
    assert found == pytest.approx(60)


def test_one_sample_is_no_increase() -> None:
    inside = windows(("m", (), [5.0]))
    assert value(signal(CounterIncrease(selector=selector("m"))), inside, 0) is None
    assert value(signal(CounterRate(selector=selector("m"))), inside, 0) is None


def test_rates_are_summed_or_the_largest_is_taken() -> None:
    inside = windows(("m", (("i", "1"),), GROWING), ("m", (("i", "2"),), [3 * (each or 0) for each in GROWING]))
    assert value(signal(CounterRate(selector=selector("m"))), inside, 120) == pytest.approx(4)
    assert value(signal(CounterRate(selector=selector("m"), aggregate="max")), inside, 120) == pytest.approx(3)


# --- ratios of counters --------------------------------------------------------------------------------------------

ERRORS = signal(CounterRatio(part=selector('m{code="500"}'), whole=selector("m")), unit=Unit.RATIO)
GOOD: Labels = (("code", "200"),)
BAD: Labels = (("code", "500"),)
STILL: list[float | None] = [7.0] * 13


def test_a_share_is_one_increase_over_the_other() -> None:
    inside = windows(("m", GOOD, [3 * (each or 0) for each in GROWING]), ("m", BAD, GROWING))
    assert value(ERRORS, inside, 120) == pytest.approx(0.25)


def test_an_error_that_never_happened_has_no_counter_and_the_share_is_zero() -> None:
    assert value(ERRORS, windows(("m", GOOD, GROWING)), 120) == 0


def test_without_requests_there_is_no_share() -> None:
    found = value(ERRORS, windows(("m", GOOD, STILL), ("m", BAD, STILL)), 120)
    assert found is not None
    assert math.isnan(found)
    assert value(ERRORS, windows(), 120) is None


def test_disjoint_counters_are_added_for_the_whole() -> None:
    hits = signal(CounterRatio(part=selector("hits"), whole=selector("misses"), disjoint=True), unit=Unit.RATIO)
    three = [3 * (each or 0) for each in GROWING]
    assert value(hits, windows(("hits", (), three), ("misses", (), GROWING)), 120) == pytest.approx(0.75)
    assert value(hits, windows(("hits", (), GROWING)), 120) == 1
    assert value(hits, windows(("misses", (), GROWING)), 120) == 0


# --- gauges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("aggregate", "expected"), [("sum", 9.0), ("max", 7.0), ("min", 2.0), ("avg", 4.5)])
def test_the_latest_values_are_joined(aggregate: str, expected: float) -> None:
    inside = windows(("m", (("i", "1"),), [9.0, 2.0]), ("m", (("i", "2"),), [9.0, 7.0]))
    assert value(signal(Gauge(selector=selector("m"), aggregate=aggregate)), inside, 10, window_s=0) == expected


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [(None, 30.0), (Statistic.MEAN, 30.0), (Statistic.MAX, 60.0), (Statistic.P50, 30.0), (Statistic.P90, 54.0)],
)
def test_a_window_of_a_gauge_has_a_mean_a_maximum_and_quantiles(statistic: Statistic | None, expected: float) -> None:
    inside = windows(("m", (), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]))
    found = value(signal(Gauge(selector=selector("m"))), inside, 60, statistic=statistic)
    assert found == pytest.approx(expected)


def test_moments_become_what_is_left_and_what_has_passed() -> None:
    inside = windows(("m", (), [1000.0]))
    until = signal(Gauge(selector=selector("m"), relative="until"))
    since = signal(Gauge(selector=selector("m"), relative="since"))
    assert value(until, inside, 10, window_s=0) == 990
    assert value(since, inside, 10, window_s=0) == -990


def test_a_scale_makes_the_unit_the_signals_own() -> None:
    per_cent = signal(Gauge(selector=selector("m"), scale=0.01), unit=Unit.RATIO)
    assert value(per_cent, windows(("m", (), [85.0])), 0, window_s=0) == pytest.approx(0.85)


def test_the_fullest_pool_counts() -> None:
    pools = signal(GaugeRatio(part=selector("used"), whole=selector("most"), by=("pool",)), unit=Unit.RATIO)
    inside = windows(
        ("used", (("pool", "a"), ("x", "1")), [1.0]),
        ("used", (("pool", "a"), ("x", "2")), [2.0]),
        ("used", (("pool", "b"),), [9.0]),
        ("used", (("pool", "unlimited"),), [99.0]),
        ("used", (("pool", "unknown"),), [99.0]),
        ("most", (("pool", "a"),), [10.0]),
        ("most", (("pool", "b"),), [10.0]),
        ("most", (("pool", "unlimited"),), [0.0]),
    )
    assert value(pools, inside, 0, window_s=0) == 0.9


def test_what_is_available_becomes_what_is_used() -> None:
    memory = signal(
        GaugeRatio(part=selector("free"), whole=selector("all"), by=("host",), complement=True), unit=Unit.RATIO
    )
    inside = windows(
        ("free", (("host", "a"),), [80.0]),
        ("free", (("host", "b"),), [5.0]),
        ("all", (("host", "a"),), [100.0]),
        ("all", (("host", "b"),), [100.0]),
    )
    assert value(memory, inside, 0, window_s=0) == pytest.approx(0.95)


# --- histograms ------------------------------------------------------------------------------------------------------

TIMES = signal(Histogram(selector=selector("t")), unit=Unit.SECONDS, default=Statistic.P95)


def histogram(**counts: float) -> Windows:
    """Each bucket grows by so much within a minute."""
    bounds = {"low": "0.1", "mid": "1", "all": "+Inf"}
    buckets = [
        ("t_bucket", (("le", bounds[name]),), [count * index / 6 + 100 for index in range(7)])
        for name, count in counts.items()
    ]
    return windows(*buckets, ("t_sum", (), GROWING), ("t_count", (), [20.0 * index for index in range(13)]))


def test_a_quantile_is_linear_within_its_bucket() -> None:
    inside = histogram(low=50, mid=100, all=100)
    assert value(TIMES, inside, 60, statistic=Statistic.P50) == pytest.approx(0.1)
    assert value(TIMES, inside, 60, statistic=Statistic.P95) == pytest.approx(0.1 + 0.9 * 0.9)


def test_a_quantile_in_the_last_bucket_is_its_lower_bound() -> None:
    assert value(TIMES, histogram(low=0, mid=50, all=100), 60, statistic=Statistic.P99) == 1


def test_the_mean_is_the_sum_over_the_count() -> None:
    assert value(TIMES, histogram(low=1, mid=2, all=3), 60, statistic=Statistic.MEAN) == pytest.approx(0.5)


def test_a_histogram_without_observations_has_no_quantile() -> None:
    found = value(TIMES, histogram(low=0, mid=0, all=0), 60)
    assert found is not None
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ([(0.1, 5.0), (1.0, 10.0)], math.nan),
        ([(math.inf, 10.0)], math.nan),
        ([(-1.0, 10.0), (math.inf, 10.0)], -1.0),
        ([(0.1, 10.0), (1.0, 5.0), (math.inf, 10.0)], 0.05),
    ],
    ids=["no bucket to infinity", "only that", "a negative first bound", "a count that falls is lifted"],
)
def test_odd_histograms(buckets: list[tuple[float, float]], expected: float) -> None:
    assert histogram_quantile(0.5, buckets) == pytest.approx(expected, nan_ok=True)


# --- several readings ------------------------------------------------------------------------------------------------


def test_the_first_reading_with_data_wins() -> None:
    either = signal(Gauge(selector=selector("a")), Gauge(selector=selector("b")))
    assert value(either, windows(("b", (), [2.0])), 0, window_s=0) == 2
    assert value(either, windows(("a", (), [1.0]), ("b", (), [2.0])), 0, window_s=0) == 1
    assert value(either, windows(), 0, window_s=0) is None


def test_labels_narrow_every_selector() -> None:
    inside = windows(("m", (("i", "1"),), GROWING), ("m", (("i", "2"),), STILL))
    assert value(signal(CounterRate(selector=selector("m"))), inside, 120, labels=(("i", "1"),)) == 1
    assert value(signal(CounterRate(selector=selector("m"))), inside, 120, labels=(("i", "3"),)) is None


def test_a_gauge_that_is_already_a_mean_stands_for_no_other_statistic() -> None:
    response_time = SIGNALS["http.response_time"]
    means = [reading for reading in gives(response_time, Statistic.MEAN) if isinstance(reading, Gauge)]
    assert means
    assert not any(isinstance(reading, Gauge) for reading in gives(response_time, Statistic.P95))


@pytest.mark.parametrize(
    ("name", "statistic"),
    [
        ("http.error_rate", Statistic.P95),
        ("http.request_rate", Statistic.MAX),
        ("db.pool.utilization", Statistic.P99),
        ("http.response_time", Statistic.RATE),
    ],
)
def test_a_statistic_that_no_reading_gives_is_refused(name: str, statistic: Statistic) -> None:
    assert gives(SIGNALS[name], statistic) == ()
    with pytest.raises(ValueError, match=name):
        evaluator(SIGNALS[name], Windows(60), statistic=statistic)


def test_a_histogram_is_read_from_three_metrics() -> None:
    assert metrics_of(TIMES) == {"t_bucket", "t_sum", "t_count"}


# --- arithmetic ------------------------------------------------------------------------------------------------------


def test_division_is_that_of_floats() -> None:
    assert math.isnan(divided(0.0, 0.0))
    assert divided(1.0, 0.0) == math.inf
    assert divided(-1.0, 0.0) == -math.inf
    assert divided(1.0, 4.0) == 0.25


def test_values_that_are_not_numbers_are_passed_over_by_largest_and_smallest() -> None:
    assert joiner("max")([math.nan, 1.0, math.nan, 2.0]) == 2
    assert joiner("min")([math.nan, 1.0, 2.0]) == 1
    assert math.isnan(joiner("max")([math.nan]))
    with pytest.raises(ValueError, match="median"):
        joiner("median")


def test_a_quantile_of_values_is_linear_between_two() -> None:
    assert quantile(0.5, [4.0, 1.0, 2.0, 3.0]) == 2.5
    assert quantile(1.0, [4.0, 1.0]) == 4
    assert quantile(0.9, [7.0]) == 7
