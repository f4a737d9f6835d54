"""Values read as a person would say them."""

import math

import pytest

from stanch.charts import quantity
from stanch.model.signal import Comparison, Unit


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, Unit.RATIO, "no data"),
        (math.nan, Unit.SECONDS, "no data"),
        (math.inf, Unit.COUNT, "∞"),
        (0.207, Unit.RATIO, "20.7%"),
        (0.05, Unit.RATIO, "5%"),
        (1.0, Unit.RATIO, "100%"),
        (0.0003, Unit.RATIO, "0.03%"),
        (8.412, Unit.SECONDS, "8.41 s"),
        (0.06, Unit.SECONDS, "60 ms"),
        (0.25, Unit.SECONDS, "0.25 s"),
        (0.00008, Unit.SECONDS, "80 µs"),
        (0.0, Unit.SECONDS, "0 s"),
        (300.0, Unit.SECONDS, "5 min"),
        (84_000_000.0, Unit.BYTES, "84 MB"),
        (999_600.0, Unit.BYTES, "1 MB"),
        (124_590.0, Unit.COUNT, "124,590"),
        (12.34, Unit.PER_SECOND, "12.3/s"),
        (5.0, None, "5"),
        (-0.5, Unit.RATIO, "-50%"),
    ],
)
def test_a_value_is_said_with_its_unit(value, unit, text):
    assert quantity.say(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.31, "0.31 s"),
        (41, "41 s"),
        (119.6, "2 min"),
        (135, "2 min 15 s"),
        (300, "5 min"),
        (3600, "1 h"),
        (4800, "1 h 20 min"),
        (86400, "24 h"),
        (3 * 86400, "3 days"),
    ],
)
def test_a_duration_is_said_in_at_most_two_units(seconds, text):
    assert quantity.prose(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(41, "0:41"), (680, "11:20"), (14_162, "3:56:02"), (0, "0:00"), (-5, "-0:05"), (59.9, "0:59"), (-0.2, "-0:01")],
)
def test_a_clock_shows_minutes_and_seconds(seconds, text):
    assert quantity.clock(seconds) == text


def test_every_comparison_has_a_word():
    assert all(quantity.compared(comparison) for comparison in Comparison)
