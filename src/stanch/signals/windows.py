"""Series in memory: a ring of samples each, with retention, staleness and counter resets as Prometheus has them.

Times are whole milliseconds since the epoch, as in Prometheus, so that the edges of a window are exact. A window
[t - w, t] holds both its edges and a value is good for five minutes, as in Prometheus up to 2.x
(https://prometheus.io/docs/prometheus/2.42/querying/basics/#staleness).
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator

from stanch.model.signal import Matcher, Sample, Selector

LOOKBACK_MS = 300_000
Labels = tuple[tuple[str, str], ...]

# Fewer than this many samples are not worth the move that dropping them takes.
_WORTH_DROPPING = 16


class Series:
    """The samples of one metric name and label set, oldest first.

    `resets` are the falls of a counter as (time of the sample that was lower, value before); None until somebody
    reads the series as a counter. `stale` are the moments at which the series was known to be gone.
    """

    __slots__ = ("labels", "metric", "resets", "stale", "times", "values")

    def __init__(self, metric: str, labels: Labels) -> None:
        self.metric = metric
        self.labels = labels
        self.times = array("q")
        self.values = array("d")
        self.resets: list[tuple[int, float]] | None = None
        self.stale: list[int] = []

    def append(self, at: int, value: float) -> bool:
        """Add a sample that is newer than all before; an older one or a second of the same moment is refused."""
        times = self.times
        values = self.values
        if times:
            if at <= times[-1]:
                return False
            if self.resets is not None and value < values[-1]:
                self.resets.append((at, values[-1]))
        times.append(at)
        values.append(value)
        return True

    def end(self, at: int) -> None:
        """Say that the series is gone from `at` on, until its next sample."""
        if self.times and self.times[-1] < at and not self.ended:
            self.stale.append(at)

    @property
    def ended(self) -> bool:
        """Whether nothing came after the last mark of its end."""
        return bool(self.stale) and (not self.times or self.stale[-1] > self.times[-1])

    def at(self, moment: int) -> float | None:
        """The value in force at `moment`: the latest of the five minutes before, unless the series ended since."""
        times = self.times
        index = len(times) - 1
        if index >= 0 and times[index] > moment:
            index = bisect_right(times, moment) - 1
        if index < 0 or times[index] < moment - LOOKBACK_MS:
            return None
        if self.stale:
            marker = bisect_right(self.stale, moment) - 1
            if marker >= 0 and self.stale[marker] > times[index]:
                return None
        return self.values[index]

    def between(self, start: int, end: int) -> tuple[int, int]:
        """The half-open index range of the samples in [start, end]."""
        times = self.times
        last = len(times)
        if last and times[-1] > end:
            last = bisect_right(times, end)
        return bisect_left(times, start, 0, last), last

    def as_counter(self) -> list[tuple[int, float]]:
        """The resets so far; from now on `append` notes them."""
        if self.resets is None:
            values = self.values
            self.resets = [
                (self.times[index], values[index - 1])
                for index in range(1, len(values))
                if values[index] < values[index - 1]
            ]
        return self.resets

    def drop_before(self, horizon: int) -> None:
        """Forget the samples older than `horizon`."""
        count = bisect_left(self.times, horizon)
        if count < _WORTH_DROPPING and count < len(self.times):
            return
        del self.times[:count]
        del self.values[:count]
        # A fall from a dropped sample to a kept one lies before every window that starts at or after the kept one.
        first = self.times[0] if self.times else horizon
        if self.resets:
            self.resets = [reset for reset in self.resets if reset[0] > first]
        if self.stale:
            self.stale = [moment for moment in self.stale if moment >= first]

    def shift(self, by: int) -> None:
        """Move every sample in time, as the clock was moved."""
        self.times = array("q", (moment + by for moment in self.times))
        self.stale = [moment + by for moment in self.stale]
        if self.resets is not None:
            self.resets = [(moment + by, value) for moment, value in self.resets]


class Selection:
    """The series of a selector, kept up to date as series come and go; in the order of their labels."""

    __slots__ = ("_known", "_windows", "found", "labels", "selector")

    def __init__(self, windows: "Windows", selector: Selector, labels: Labels) -> None:
        self._windows = windows
        self._known = -1
        self.selector = selector
        self.labels = labels
        self.found: tuple[Series, ...] = ()

    def refresh(self) -> bool:
        """Look again if series of the metric came or went; whether anything was looked for."""
        version = self._windows.version(self.selector.metric)
        if version == self._known:
            return False
        self._known = version
        self.found = self._windows.select(self.selector, self.labels)
        return True


class Windows:
    """All series, by metric name. `retention_s` is how far back windows can reach; not safe across threads."""

    def __init__(self, retention_s: float) -> None:
        self.retention_ms = round(retention_s * 1000)
        self._series: dict[str, dict[Labels, Series]] = {}
        self._versions: dict[str, int] = {}
        self._postings: dict[tuple[str, str], dict[str, list[Series]]] = {}

    def __len__(self) -> int:
        return sum(len(of_metric) for of_metric in self._series.values())

    def __iter__(self) -> Iterator[Series]:
        for of_metric in self._series.values():
            yield from of_metric.values()

    def series(self, metric: str, labels: Labels) -> Series:
        """The series of that name and those sorted labels; made where it is new."""
        of_metric = self._series.setdefault(metric, {})
        found = of_metric.get(labels)
        if found is None:
            found = of_metric[labels] = Series(metric, labels)
            self._versions[metric] = self.version(metric) + 1
            for name, value in labels:
                posted = self._postings.get((metric, name))
                if posted is not None:
                    posted.setdefault(value, []).append(found)
        return found

    def add(self, samples: Iterable[Sample]) -> None:
        """Take samples in, each series' in the order of time."""
        for sample in samples:
            self.series(sample.metric, sample.labels).append(milliseconds(sample.at), sample.value)

    def version(self, metric: str) -> int:
        """Changes when series of the metric come or go."""
        return self._versions.get(metric, 0)

    def select(self, selector: Selector, labels: Labels = ()) -> tuple[Series, ...]:
        """The series that satisfy every matcher and have these labels, in the order of their labels."""
        of_metric = self._series.get(selector.metric)
        if not of_metric:
            return ()
        matchers = [*selector.matchers, *(Matcher(label=name, operator="=", value=value) for name, value in labels)]
        candidates: Iterable[Series] = of_metric.values()
        for matcher in matchers:
            if matcher.operator == "=" and matcher.value:
                candidates = self._posted(selector.metric, matcher.label).get(matcher.value, ())
                matchers.remove(matcher)
                break
        conditions = [_condition(matcher) for matcher in matchers]
        found = [series for series in candidates if all(condition(series.labels) for condition in conditions)]
        return tuple(sorted(found, key=lambda series: series.labels))

    def watch(self, selector: Selector, labels: Labels = ()) -> Selection:
        """A selection that stays up to date."""
        return Selection(self, selector, labels)

    def trim(self, now_ms: int) -> bool:
        """Forget what is older than the retention, and series of which nothing is left; whether there were any."""
        trimmed = False
        horizon = now_ms - self.retention_ms
        for metric, of_metric in list(self._series.items()):
            gone = []
            for labels, series in of_metric.items():
                series.drop_before(horizon)
                if not series.times:
                    gone.append(labels)
            for labels in gone:
                del of_metric[labels]
            if gone:
                trimmed = True
                self._versions[metric] = self.version(metric) + 1
                for key in [key for key in self._postings if key[0] == metric]:
                    del self._postings[key]
            if not of_metric:
                del self._series[metric]
        return trimmed

    def shift(self, by_ms: int) -> None:
        """Move everything in time, as the clock was moved."""
        for series in self:
            series.shift(by_ms)

    def _posted(self, metric: str, label: str) -> dict[str, list[Series]]:
        posted = self._postings.get((metric, label))
        if posted is None:
            posted = self._postings[metric, label] = {}
            for series in self._series[metric].values():
                for name, value in series.labels:
                    if name == label:
                        posted.setdefault(value, []).append(series)
        return posted


def milliseconds(seconds: float) -> int:
    """Epoch seconds as whole milliseconds."""
    return round(seconds * 1000)


def satisfies(matcher: Matcher, value: str) -> bool:
    """Whether a label's value is what a matcher asks for; a label that is not there has the empty value."""
    return _condition(matcher)(((matcher.label, value),))


def _condition(matcher: Matcher) -> Callable[[Labels], bool]:
    """A matcher as a test of labels; a label that is not there counts as empty."""
    label, wanted = matcher.label, matcher.value

    def value_of(labels: Labels) -> str:
        return next((value for name, value in labels if name == label), "")

    match matcher.operator:
        case "=":
            return lambda labels: value_of(labels) == wanted
        case "!=":
            return lambda labels: value_of(labels) != wanted
        case "=~":
            pattern = re.compile(wanted, re.DOTALL)
            return lambda labels: pattern.fullmatch(value_of(labels)) is not None
        case "!~":
            pattern = re.compile(wanted, re.DOTALL)
            return lambda labels: pattern.fullmatch(value_of(labels)) is None
        case _:
            raise ValueError(f"no such operator: {matcher.operator!r}")
