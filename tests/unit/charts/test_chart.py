"""What follows from a chart's points: spans, gaps, scale, table, sentence."""

import math

from hypothesis import example, given
from hypothesis import strategies as st

from stanch.charts import chart as charts
from stanch.charts.chart import Chart, Limit, Point
from stanch.model.signal import Comparison, Unit


def drawn(*points: Point, limit: Limit | None = None, end: float = 100, step_s: float | None = 10) -> Chart:
    return Chart(title="p95", unit=Unit.SECONDS, start=0, end=end, points=points, limit=limit, step_s=step_s)


OVER_ONE = Limit(value=1.0)


def test_time_out_of_bounds_runs_from_the_first_bad_point_to_the_first_good_one():
    chart = drawn((0, 0.5), (10, 2), (20, 3), (30, 0.5), (40, 2), (50, 2), limit=OVER_ONE)
    assert charts.out_of_bounds(chart) == ((10, 30), (40, 50))


def test_a_value_at_the_limit_is_within_it():
    assert charts.out_of_bounds(drawn((0, 1.0), (10, 1.0), limit=OVER_ONE)) == ()


def test_a_range_is_out_of_bounds_only_inside_it():
    limit = Limit(value=1, comparison=Comparison.GREATER_EQUAL, upper=2)
    assert [limit.broken_by(value) for value in (0.5, 1, 2, 3)] == [False, True, True, False]


def test_no_data_ends_a_span_and_is_a_gap():
    chart = drawn((0, 2), (10, 2), (20, None), (30, 2), (40, 2), limit=OVER_ONE, end=40)
    assert charts.out_of_bounds(chart) == ((0, 10), (30, 40))
    assert charts.gaps(chart) == ((10, 30),)


def test_a_hole_of_more_than_three_steps_is_a_gap_and_a_late_scrape_is_none():
    assert charts.gaps(drawn((0, 1), (25, 1), (60, 1), (100, 1))) == ((25, 60), (60, 100))
    assert charts.gaps(drawn((0, 1), (25, 1), (50, 1), (80, 1), end=100)) == ()


def test_a_chart_without_points_is_one_gap():
    chart = drawn()
    assert charts.gaps(chart) == ((0, 100),)
    assert charts.latest(chart) is None
    assert charts.summary(chart) == "p95: no data."


def test_the_latest_value_is_not_shown_once_it_is_old():
    assert charts.latest(drawn((0, 1), (80, 7), end=100)) == 7
    assert charts.latest(drawn((0, 1), (60, 7), end=100)) is None
    assert charts.latest(drawn((0, 1), (100, math.nan))) is None


def test_the_scale_holds_zero_the_limit_and_every_value():
    low, high = charts.scale(drawn((0, 5), (10, 9), limit=Limit(value=20)))
    assert low == 0
    assert high > 20
    assert charts.scale(drawn((0, -5), (10, -1)))[0] < -5
    assert charts.scale(drawn()) == (0, 1)


def test_the_step_is_the_median_where_it_is_not_given():
    assert charts.step(drawn((0, 1), (5, 1), (10, 1), (50, 1), step_s=None)) == 5


@given(st.lists(st.floats(0, 1000), min_size=3, max_size=400), st.integers(4, 60))
@example([1.0, 0.0, 2.0, 1.0, 1.0, 1.0], 4)
def test_thinning_keeps_the_highest_and_the_lowest_between_the_ends(values, most):
    points = [(float(at), value) for at, value in enumerate(values)]
    kept = charts.thinned(points, most)
    assert len(kept) <= max(len(points), most + 4)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert [at for at, _ in kept] == sorted({at for at, _ in kept})
    assert max(value for _, value in kept) == max(values)
    assert min(value for _, value in kept) == min(values)


def test_the_table_behind_says_where_there_was_no_data():
    rows = charts.samples(drawn((10, 1), (20, 2), (90, 9)), most=4)
    assert rows == ((25, 2), (50, None), (75, None), (100, 9))


def test_the_sentence_says_how_long_the_limit_was_broken():
    chart = drawn((0, 0.5), (10, 2), (40, 3), (70, 0.5), (100, 0.5), limit=OVER_ONE)
    assert charts.summary(chart) == "p95: 0.5 s now, between 0.5 s and 3 s; over 1 s for 60 s."
    assert charts.summary(drawn((0, 0.5), (100, 0.5), limit=OVER_ONE, step_s=50)).endswith("never over 1 s.")
