"""Numbers with units come out normalised, and what is no quantity is none."""

import pytest

from stanch.playbook.quantity import PATTERN, Measure, duration, quantity_of


@pytest.mark.parametrize(
    ("text", "measure", "value", "upper"),
    [
        ("5%", Measure.RATIO, 0.05, None),
        ("99.95 percent", Measure.RATIO, 0.9995, None),
        ("0.05", Measure.NUMBER, 0.05, None),
        (".5", Measure.NUMBER, 0.5, None),
        ("1,000", Measure.NUMBER, 1000.0, None),
        ("10k", Measure.NUMBER, 10_000.0, None),
        ("2 million", Measure.NUMBER, 2e6, None),
        ("300ms", Measure.DURATION, 0.3, None),
        ("1 second", Measure.DURATION, 1.0, None),
        ("2-minute", Measure.DURATION, 120.0, None),
        ("5 consecutive minutes", Measure.DURATION, 300.0, None),
        ("half an hour", Measure.DURATION, 1800.0, None),
        ("1h30m", Measure.DURATION, 5400.0, None),
        ("24 hours", Measure.DURATION, 86400.0, None),
        ("2 GB", Measure.SIZE, 2e9, None),
        ("512MiB", Measure.SIZE, 536870912.0, None),
        ("1,000 requests per minute", Measure.RATE, 1000 / 60, None),
        ("500 rps", Measure.RATE, 500.0, None),
        ("10/min", Measure.RATE, 10 / 60, None),
        ("3x", Measure.MULTIPLE, 3.0, None),
        ("twice", Measure.MULTIPLE, 2.0, None),
        ("5-10%", Measure.RATIO, 0.05, 0.1),
        ("100 ms to 1 s", Measure.DURATION, 0.1, 1.0),
        ("0-5 minutes", Measure.DURATION, 0.0, 300.0),
    ],
)
def test_a_quantity_is_read_in_normalised_units(text: str, measure: Measure, value: float, upper: float | None) -> None:
    match = PATTERN.search(text)
    assert match is not None
    quantity = quantity_of(match)
    assert (quantity.measure, quantity.upper) == (measure, upper)
    assert quantity.value == pytest.approx(value)


@pytest.mark.parametrize("text", ["5xx", "P95", "v1.2", "10:30", "L2", "+1-555-0123", "2023-12-15", "#42"])
def test_names_dates_and_versions_are_no_quantities(text: str) -> None:
    found = [quantity_of(match) for match in PATTERN.finditer(text)]
    assert all(quantity.measure is Measure.NUMBER for quantity in found)
    assert not any(quantity.upper for quantity in found)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("within 24 hours", 86400.0),
        ("every 15 minutes", 900.0),
        ("once a day", 86400.0),
        ("daily", 86400.0),
        ("0-5 minutes", 300.0),
        ("Immediate", None),
        ("best effort", None),
    ],
)
def test_a_promise_is_a_duration_or_none(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds
