"""A signal's value at a moment, from the series in memory, as Prometheus 2.42 would compute it.

Each reading becomes an evaluator that remembers which series it selects. The formulas are those of
`promql/functions.go`, `promql/quantile.go` and `promql/engine.go` of Prometheus 2.42; `promql.py` prints the same
readings as PromQL, and a property test holds that `promtool test rules` agrees.

A value is a float (NaN where the sum has no answer, such as 0 / 0), or None where there are no series: no data.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, assert_never

from stanch.model.signal import (
    CounterIncrease,
    CounterRate,
    CounterRatio,
    Gauge,
    GaugeRatio,
    Histogram,
    Reading,
    Selector,
    Signal,
    Statistic,
)
from stanch.signals.windows import Labels, Selection, Series, Windows

QUANTILES = {
    Statistic.P50: 0.5,
    Statistic.P90: 0.9,
    Statistic.P95: 0.95,
    Statistic.P99: 0.99,
    Statistic.MAX: 1.0,
}
AGGREGATES = ("sum", "max", "min", "avg")


class Evaluator(Protocol):
    """A reading bound to windows, a statistic and a window."""

    def value(self, at: int) -> float | None:
        """The value at a moment in epoch milliseconds."""
        ...


def gives(signal: Signal, statistic: Statistic | None) -> tuple[Reading, ...]:
    """The readings of a signal that can give the statistic, in the order in which they are tried."""
    asked = statistic or signal.default_statistic
    return tuple(reading for reading in (signal.reading, *signal.alternatives) if _can(reading, asked, signal))


def _can(reading: Reading, statistic: Statistic | None, signal: Signal) -> bool:
    match reading:
        case Histogram():
            return statistic in QUANTILES or statistic is Statistic.MEAN
        case Gauge():
            if reading.statistic is not None or isinstance(signal.reading, Histogram):
                return statistic is reading.statistic
            return statistic is None if reading.relative else statistic is not Statistic.RATE
        case GaugeRatio():
            return statistic in {None, Statistic.MEAN, Statistic.MAX}
        case CounterRate():
            return statistic in {None, Statistic.RATE, Statistic.MEAN}
        case CounterRatio():
            return statistic in {None, Statistic.MEAN}
        case CounterIncrease():
            return statistic is None
        case _:
            assert_never(reading)


def metrics_of(signal: Signal) -> frozenset[str]:
    """The names of all metrics that the signal's readings look at."""
    names: set[str] = set()
    for reading in (signal.reading, *signal.alternatives):
        match reading:
            case Histogram(selector=selector):
                names |= {f"{selector.metric}{suffix}" for suffix in ("_bucket", "_sum", "_count")}
            case Gauge(selector=selector) | CounterRate(selector=selector) | CounterIncrease(selector=selector):
                names.add(selector.metric)
            case GaugeRatio(part=part, whole=whole) | CounterRatio(part=part, whole=whole):
                names |= {part.metric, whole.metric}
            case _:
                assert_never(reading)
    return frozenset(names)


def evaluator(
    signal: Signal,
    windows: Windows,
    *,
    statistic: Statistic | None = None,
    window_s: float | None = None,
    labels: Labels = (),
) -> Evaluator:
    """The signal as an evaluator: the first of its readings that has data wins.

    Without a statistic or a window the signal's own count; a window of 0 is the latest value. `labels` narrow every
    selector. Raises ValueError where no reading of the signal gives that statistic.
    """
    asked = statistic or signal.default_statistic
    window_ms = round((signal.default_window_s if window_s is None else window_s) * 1000)
    readings = gives(signal, asked)
    if not readings:
        raise ValueError(f"{signal.name} has no {asked}")
    bound = [_bound(reading, windows, asked, window_ms, labels) for reading in readings]
    return bound[0] if len(bound) == 1 else _FirstWithData(bound)


def _bound(
    reading: Reading, windows: Windows, statistic: Statistic | None, window_ms: int, labels: Labels
) -> Evaluator:
    match reading:
        case Gauge():
            return _Gauge(reading, windows, statistic, 0 if reading.relative else window_ms, labels)
        case GaugeRatio():
            return _GaugeRatio(reading, windows, statistic, window_ms, labels)
        case CounterRate(selector=selector, by=by) if by:
            return _WorstRate(_GroupedCounters(windows.watch(selector, labels), window_ms, by, per_second=True))
        case CounterRate(selector=selector, aggregate=aggregate):
            return _Counters(windows.watch(selector, labels), window_ms, per_second=True, aggregate=aggregate)
        case CounterIncrease(selector=selector):
            return _Counters(windows.watch(selector, labels), window_ms, per_second=False)
        case CounterRatio() if reading.by:
            return _WorstCounterRatio(reading, windows, window_ms, labels)
        case CounterRatio():
            return _CounterRatio(reading, windows, window_ms, labels)
        case Histogram() if statistic is Statistic.MEAN:
            return _HistogramMean(reading, windows, window_ms, labels)
        case Histogram():
            assert statistic is not None
            return _HistogramQuantile(reading, windows, QUANTILES[statistic], window_ms, labels)
        case _:
            assert_never(reading)


class _FirstWithData:
    __slots__ = ("_evaluators",)

    def __init__(self, evaluators: Sequence[Evaluator]) -> None:
        self._evaluators = tuple(evaluators)

    def value(self, at: int) -> float | None:
        for each in self._evaluators:
            value = each.value(at)
            if value is not None:
                return value
        return None


# --- counters ----------------------------------------------------------------------------------------------------


def increase(series: Series, start: int, end: int, range_s: float | None = None) -> float | None:
    """By how much a counter grew in [start, end] (milliseconds), extrapolated to the edges; None below two samples.

    With `range_s` it is divided by it: the rate. Prometheus' `extrapolatedRate`: resets are added back, and the
    extrapolation reaches half a sample interval beyond the samples where the edge is further than 1.1 of it, and
    never to where the counter would have been below zero.
    """
    first, last = series.between(start, end)
    if last - first < 2:
        return None
    times = series.times
    values = series.values
    earliest = times[first]
    latest = times[last - 1]
    initial = values[first]
    grown = values[last - 1] - initial
    resets = series.resets
    if resets is None:
        resets = series.as_counter()
    for moment, before in resets:
        if earliest < moment <= latest:
            grown += before

    to_start = (earliest - start) / 1000
    to_end = (end - latest) / 1000
    sampled = (latest - earliest) / 1000
    average = sampled / (last - first - 1)
    if grown > 0 and initial >= 0:
        to_zero = sampled * (initial / grown)
        to_start = min(to_start, to_zero)
    most = average * 1.1
    reach = sampled + (to_start if to_start < most else average / 2)
    reach += to_end if to_end < most else average / 2
    factor = reach / sampled
    if range_s is not None:
        factor /= range_s
    return grown * factor


class _Counters:
    __slots__ = ("_join", "_range_s", "_selection", "_window")

    def __init__(self, selection: Selection, window_ms: int, *, per_second: bool, aggregate: str = "sum") -> None:
        self._selection = selection
        self._window = window_ms
        self._range_s = window_ms / 1000 if per_second else None
        self._join = joiner(aggregate)

    def value(self, at: int) -> float | None:
        selection = self._selection
        selection.refresh()
        found = selection.found
        if not found:
            return None
        start = at - self._window
        range_s = self._range_s
        if len(found) == 1:
            return increase(found[0], start, at, range_s)
        values = [value for series in found if (value := increase(series, start, at, range_s)) is not None]
        return self._join(values) if values else None


class _CounterRatio:
    __slots__ = ("_disjoint", "_part", "_whole")

    def __init__(self, reading: CounterRatio, windows: Windows, window_ms: int, labels: Labels) -> None:
        self._part = _Counters(windows.watch(reading.part, labels), window_ms, per_second=False)
        self._whole = _Counters(windows.watch(reading.whole, labels), window_ms, per_second=False)
        self._disjoint = reading.disjoint

    def value(self, at: int) -> float | None:
        part = self._part.value(at)
        whole = self._whole.value(at)
        if whole is None:
            if part is None or not self._disjoint:
                return None
            whole = part * 0
        if part is None:
            part = whole * 0
        return divided(part, part + whole if self._disjoint else whole)


Group = tuple[str, ...]
"""The values of the labels that a group has in common; a label that a series has not is empty."""


def _grouped(values: Iterable[tuple[Series, float]], by: Sequence[str]) -> dict[Group, float]:
    """The sums of the values of each group."""
    groups: dict[Group, float] = {}
    for series, value in values:
        own = dict(series.labels)
        group = tuple(own.get(label, "") for label in by)
        groups[group] = groups[group] + value if group in groups else value
    return groups


class _GroupedCounters:
    """What `_Counters` sums, for each group."""

    __slots__ = ("_by", "_range_s", "_selection", "_window")

    def __init__(self, selection: Selection, window_ms: int, by: Sequence[str], *, per_second: bool) -> None:
        self._selection = selection
        self._window = window_ms
        self._by = by
        self._range_s = window_ms / 1000 if per_second else None

    def values(self, at: int) -> dict[Group, float]:
        self._selection.refresh()
        start = at - self._window
        grown = ((series, increase(series, start, at, self._range_s)) for series in self._selection.found)
        return _grouped(((series, value) for series, value in grown if value is not None), self._by)


class _WorstRate:
    __slots__ = ("_groups",)

    def __init__(self, groups: _GroupedCounters) -> None:
        self._groups = groups

    def value(self, at: int) -> float | None:
        values = self._groups.values(at)
        return largest(list(values.values())) if values else None


class _WorstCounterRatio:
    """As `_CounterRatio`, of the group whose share is the largest."""

    __slots__ = ("_disjoint", "_part", "_whole")

    def __init__(self, reading: CounterRatio, windows: Windows, window_ms: int, labels: Labels) -> None:
        part, whole = windows.watch(reading.part, labels), windows.watch(reading.whole, labels)
        self._part = _GroupedCounters(part, window_ms, reading.by, per_second=False)
        self._whole = _GroupedCounters(whole, window_ms, reading.by, per_second=False)
        self._disjoint = reading.disjoint

    def value(self, at: int) -> float | None:
        parts, wholes = self._part.values(at), self._whole.values(at)
        shares = []
        for group in wholes | parts if self._disjoint else wholes:
            known = parts.get(group, wholes.get(group, 0.0) * 0)
            whole = wholes.get(group, known * 0)
            shares.append(divided(known, known + whole if self._disjoint else whole))
        return largest(shares) if shares else None


# --- gauges ------------------------------------------------------------------------------------------------------


def _over_time(statistic: Statistic | None) -> Callable[[Sequence[float]], float]:
    if statistic is None or statistic is Statistic.MEAN:
        return lambda values: sum(values) / len(values)
    if statistic is Statistic.MAX:
        return largest
    return lambda values: quantile(QUANTILES[statistic], values)


class _GaugeValues:
    """Each selected series with its value: the latest, or a statistic of its window."""

    __slots__ = ("_over", "_selection", "_window")

    def __init__(self, selection: Selection, statistic: Statistic | None, window_ms: int) -> None:
        self._selection = selection
        self._window = window_ms
        self._over = _over_time(statistic)

    def values(self, at: int) -> Iterable[tuple[Series, float]]:
        selection = self._selection
        selection.refresh()
        if not self._window:
            for series in selection.found:
                latest = series.at(at)
                if latest is not None:
                    yield series, latest
            return
        for series in selection.found:
            first, last = series.between(at - self._window, at)
            if last > first:
                yield series, self._over(series.values[first:last])


class _Gauge:
    __slots__ = ("_join", "_relative", "_scale", "_values")

    def __init__(
        self, reading: Gauge, windows: Windows, statistic: Statistic | None, window_ms: int, labels: Labels
    ) -> None:
        self._values = _GaugeValues(windows.watch(reading.selector, labels), statistic, window_ms)
        self._join = joiner(reading.aggregate)
        self._scale = reading.scale
        self._relative = reading.relative

    def value(self, at: int) -> float | None:
        values = [value for _, value in self._values.values(at)]
        if not values:
            return None
        value = self._join(values)
        if self._relative == "since":
            value = at / 1000 - value
        elif self._relative == "until":
            value -= at / 1000
        return value if self._scale == 1.0 else value * self._scale


class _GaugeRatio:
    __slots__ = ("_by", "_complement", "_part", "_whole")

    def __init__(
        self, reading: GaugeRatio, windows: Windows, statistic: Statistic | None, window_ms: int, labels: Labels
    ) -> None:
        self._part = _GaugeValues(windows.watch(reading.part, labels), statistic, window_ms)
        self._whole = _GaugeValues(windows.watch(reading.whole, labels), statistic, window_ms)
        self._by = reading.by
        self._complement = reading.complement

    def value(self, at: int) -> float | None:
        parts = _grouped(self._part.values(at), self._by)
        wholes = _grouped(self._whole.values(at), self._by)
        ratios = [parts[group] / whole for group, whole in wholes.items() if whole > 0 and group in parts]
        if not ratios:
            return None
        return largest([1 - ratio for ratio in ratios] if self._complement else ratios)


# --- histograms --------------------------------------------------------------------------------------------------


class _HistogramMean:
    __slots__ = ("_count", "_scale", "_sum")

    def __init__(self, reading: Histogram, windows: Windows, window_ms: int, labels: Labels) -> None:
        self._sum = _Counters(windows.watch(_suffixed(reading, "_sum"), labels), window_ms, per_second=True)
        self._count = _Counters(windows.watch(_suffixed(reading, "_count"), labels), window_ms, per_second=True)
        self._scale = reading.scale

    def value(self, at: int) -> float | None:
        total = self._sum.value(at)
        count = self._count.value(at)
        if total is None or count is None:
            return None
        return divided(total, count) * self._scale


class _HistogramQuantile:
    __slots__ = ("_buckets", "_quantile", "_range_s", "_scale", "_selection", "_window")

    def __init__(
        self, reading: Histogram, windows: Windows, quantile_asked: float, window_ms: int, labels: Labels
    ) -> None:
        self._selection = windows.watch(_suffixed(reading, "_bucket"), labels)
        self._quantile = quantile_asked
        self._window = window_ms
        self._range_s = window_ms / 1000
        self._scale = reading.scale
        self._buckets: list[tuple[float, list[Series]]] = []

    def value(self, at: int) -> float | None:
        if self._selection.refresh():
            self._buckets = _by_bound(self._selection.found)
        start = at - self._window
        range_s = self._range_s
        counts: list[tuple[float, float]] = []
        for bound, of_bound in self._buckets:
            rates = [rate for series in of_bound if (rate := increase(series, start, at, range_s)) is not None]
            if rates:
                counts.append((bound, sum(rates)))
        if not counts:
            return None
        return histogram_quantile(self._quantile, counts) * self._scale


def _by_bound(found: Iterable[Series]) -> list[tuple[float, list[Series]]]:
    groups: dict[float, list[Series]] = {}
    for series in found:
        try:
            bound = float(dict(series.labels).get("le", ""))
        except ValueError:
            continue
        if not math.isnan(bound):
            groups.setdefault(bound, []).append(series)
    return sorted(groups.items())


def _suffixed(reading: Histogram, suffix: str) -> Selector:
    return Selector(metric=f"{reading.selector.metric}{suffix}", matchers=reading.selector.matchers)


def histogram_quantile(asked: float, buckets: Sequence[tuple[float, float]]) -> float:
    """The quantile of a classic histogram, from (upper bound, cumulative count) in the order of the bounds.

    Linear within a bucket, as Prometheus' `bucketQuantile`; NaN without a bucket to infinity, below two buckets or
    without observations. A quantile in the last bucket is its lower bound.
    """
    if not math.isinf(buckets[-1][0]) or len(buckets) < 2:
        return math.nan
    counts: list[float] = []
    most = -math.inf
    for _, count in buckets:
        most = max(most, count)
        counts.append(most)
    observations = counts[-1]
    if observations == 0 or math.isnan(observations):
        return math.nan
    rank = asked * observations
    last = len(buckets) - 1
    index = next((index for index in range(last) if counts[index] >= rank), last)
    if index == last:
        return buckets[last - 1][0]
    upper = buckets[index][0]
    if index == 0:
        if upper <= 0:
            return upper
        return upper * (rank / counts[0])
    lower = buckets[index - 1][0]
    below = counts[index - 1]
    return lower + (upper - lower) * ((rank - below) / (counts[index] - below))


# --- arithmetic as PromQL has it -----------------------------------------------------------------------------------


def divided(part: float, whole: float) -> float:
    """`part / whole` as IEEE 754 has it: NaN for 0 / 0, an infinity for the rest over 0."""
    if whole == 0:
        if part == 0 or math.isnan(part):
            return math.nan
        return math.copysign(math.inf, part) * math.copysign(1.0, whole)
    return part / whole


def largest(values: Sequence[float]) -> float:
    """The largest that is not NaN; NaN where all are."""
    found = math.nan
    for value in values:
        if value > found or math.isnan(found):
            found = value
    return found


def smallest(values: Sequence[float]) -> float:
    """The smallest that is not NaN; NaN where all are."""
    found = math.nan
    for value in values:
        if value < found or math.isnan(found):
            found = value
    return found


def quantile(asked: float, values: Sequence[float]) -> float:
    """The quantile of values, linear between the two nearest, as `quantile_over_time`; NaN counts as the lowest."""
    ordered = sorted(values, key=lambda value: -math.inf if math.isnan(value) else value)
    rank = asked * (len(ordered) - 1)
    lower = max(0, math.floor(rank))
    upper = min(len(ordered) - 1, lower + 1)
    weight = rank - math.floor(rank)
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


def joiner(aggregate: str) -> Callable[[Sequence[float]], float]:
    """The function of an aggregate's name. Raises ValueError for any other."""
    match aggregate:
        case "sum":
            return sum
        case "max":
            return largest
        case "min":
            return smallest
        case "avg":
            return lambda values: sum(values) / len(values)
        case _:
            raise ValueError(f"no such aggregate: {aggregate!r}; there are {', '.join(AGGREGATES)}")
