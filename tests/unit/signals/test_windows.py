"""Windows in memory hold what a naive reference holds: edges, staleness, resets, retention."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.catalogue.signals.selector import series as selector
from stanch.model.signal import Sample
from stanch.signals.windows import LOOKBACK_MS, Series, Windows


@dataclass
class Naive:
    """A series as a list of everything that ever happened to it: (time, value), None for its end."""

    events: list[tuple[int, float | None]] = field(default_factory=list)

    def at(self, moment: int) -> float | None:
        before = [event for event in self.events if event[0] <= moment]
        if not before:
            return None
        at, value = before[-1]
        return value if at >= moment - LOOKBACK_MS else None

    def between(self, start: int, end: int) -> list[float]:
        return [value for at, value in self.events if start <= at <= end and value is not None]

    def resets(self) -> list[tuple[int, float]]:
        samples = [(at, value) for at, value in self.events if value is not None]
        return [(at, before) for (_, before), (at, value) in pairwise(samples) if value < before]


_STEPS = st.lists(
    st.tuples(st.integers(1, 400_000), st.one_of(st.none(), st.integers(0, 5).map(float))), min_size=1, max_size=60
)


@given(steps=_STEPS, moments=st.lists(st.integers(-1000, 25_000_000), max_size=20), counted=st.integers(0, 60))
def test_a_series_says_what_the_naive_reference_says(
    steps: list[tuple[int, float | None]], moments: list[int], counted: int
) -> None:
    series = Series("m", ())
    naive = Naive()
    at = 0
    for number, (gap, value) in enumerate(steps):
        at += gap
        if number == counted:
            series.as_counter()
        if value is None:
            series.end(at)
        else:
            series.append(at, value)
        naive.events.append((at, value))
    for moment in [*moments, at, at + LOOKBACK_MS, at + LOOKBACK_MS + 1, *(event[0] for event in naive.events)]:
        assert series.at(moment) == naive.at(moment)
        for width in (0, 1, 60_000, 10_000_000):
            first, last = series.between(moment - width, moment)
            assert list(series.values[first:last]) == naive.between(moment - width, moment)
    assert series.as_counter() == naive.resets()


@given(steps=_STEPS, horizon=st.integers(0, 25_000_000))
def test_dropping_what_is_old_changes_nothing_that_is_not(steps: list[tuple[int, float | None]], horizon: int) -> None:
    whole, trimmed = Series("m", ()), Series("m", ())
    for each in (whole, trimmed):
        each.as_counter()
    at = 0
    for gap, value in steps:
        at += gap
        for each in (whole, trimmed):
            if value is None:
                each.end(at)
            else:
                each.append(at, value)
    trimmed.drop_before(horizon)
    for moment in range(horizon + LOOKBACK_MS, at + 2 * LOOKBACK_MS, 100_000):
        assert trimmed.at(moment) == whole.at(moment)
    first = trimmed.times[0] if trimmed.times else at
    assert trimmed.as_counter() == [reset for reset in whole.as_counter() if reset[0] > first]


def test_a_sample_that_is_not_newer_is_refused() -> None:
    series = Series("m", ())
    assert series.append(1000, 1.0)
    assert not series.append(1000, 2.0)
    assert not series.append(999, 3.0)
    assert list(series.values) == [1.0]


def test_a_window_holds_both_its_edges() -> None:
    series = Series("m", ())
    for at in range(0, 50_000, 10_000):
        series.append(at, float(at))
    first, last = series.between(10_000, 30_000)
    assert list(series.values[first:last]) == [10_000, 20_000, 30_000]


def test_a_value_is_good_for_five_minutes_and_no_longer() -> None:
    series = Series("m", ())
    series.append(0, 7.0)
    assert series.at(LOOKBACK_MS) == 7.0
    assert series.at(LOOKBACK_MS + 1) is None


def test_a_series_that_ended_has_no_value_until_it_is_back() -> None:
    series = Series("m", ())
    series.append(0, 1.0)
    series.end(5000)
    assert series.ended
    assert series.at(4999) == 1.0
    assert series.at(5000) is None
    series.append(10_000, 2.0)
    assert not series.ended
    assert series.at(9999) is None
    assert series.at(10_000) == 2.0


def test_a_shift_moves_samples_ends_and_resets() -> None:
    series = Series("m", ())
    series.as_counter()
    series.append(10_000, 5.0)
    series.append(20_000, 1.0)
    series.end(30_000)
    series.shift(-5_000)
    assert list(series.times) == [5_000, 15_000]
    assert series.resets == [(15_000, 5.0)]
    assert series.at(24_999) == 1.0
    assert series.at(25_000) is None


# --- selecting -----------------------------------------------------------------------------------------------------


def filled() -> Windows:
    windows = Windows(3600)
    windows.add(
        Sample(metric=metric, labels=labels, at=1.0, value=1.0)
        for metric, labels in [
            ("m", (("host", "a"), ("zone", "x"))),
            ("m", (("host", "b"), ("zone", "x"))),
            ("m", (("host", "c"), ("zone", "y"))),
            ("m", (("host", "new\nline"),)),
            ("n", (("host", "a"),)),
        ]
    )
    return windows


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("m", ["a", "b", "c", "new\nline"]),
        ('m{zone="x"}', ["a", "b"]),
        ('m{zone!="x"}', ["c", "new\nline"]),
        ('m{zone=""}', ["new\nline"]),
        ('m{zone!=""}', ["a", "b", "c"]),
        ('m{host=~"a|c"}', ["a", "c"]),
        ('m{host=~"new.line"}', ["new\nline"]),
        ('m{host!~"a.*"}', ["b", "c", "new\nline"]),
        ('m{host=~"A"}', []),
        ('m{host=~"(?i:A)"}', ["a"]),
        ('m{zone="x",host="b"}', ["b"]),
        ("absent", []),
    ],
)
def test_matchers_select_as_in_prometheus(text: str, hosts: list[str]) -> None:
    assert [dict(series.labels)["host"] for series in filled().select(selector(text))] == hosts


def test_labels_narrow_a_selector() -> None:
    found = filled().select(selector('m{zone="x"}'), (("host", "b"),))
    assert [series.labels for series in found] == [(("host", "b"), ("zone", "x"))]


def test_a_selection_follows_series_that_come_and_go() -> None:
    windows = filled()
    selection = windows.watch(selector('m{zone="x"}'))
    assert selection.refresh()
    assert not selection.refresh(), "nothing changed"
    windows.add([Sample(metric="m", labels=(("host", "d"), ("zone", "x")), at=4000.0, value=1.0)])
    assert selection.refresh()
    assert [dict(series.labels)["host"] for series in selection.found] == ["a", "b", "d"]
    assert windows.trim(4_000_000)
    assert selection.refresh()
    assert [dict(series.labels)["host"] for series in selection.found] == ["d"]
    assert len(windows) == 1


def test_what_is_older_than_the_retention_is_forgotten_and_the_rest_kept() -> None:
    windows = Windows(100)
    series = windows.series("m", ())
    for second in range(300):
        series.append(second * 1000, float(second))
    assert not windows.trim(300_000)
    assert series.times[0] == 200_000
    assert len(series.times) == 100
