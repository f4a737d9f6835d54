"""A measured quantity, and how it is read: one reading, evaluated by the embedded engine and printed as PromQL."""

from enum import StrEnum

from stanch.model.record import record


class Unit(StrEnum):
    """Normalised units. A ratio is 0 to 1; a duration is in seconds; a size in bytes."""

    RATIO = "ratio"
    SECONDS = "seconds"
    BYTES = "bytes"
    COUNT = "count"
    PER_SECOND = "per_second"


class Statistic(StrEnum):
    """What is taken of a distribution or a window."""

    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    MEAN = "mean"
    MAX = "max"
    RATE = "rate"


class Comparison(StrEnum):
    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="

    def holds(self, left: float, right: float) -> bool:
        """Whether `left <comparison> right`; never for NaN, as in PromQL (`!=` apart)."""
        match self:
            case Comparison.GREATER:
                return left > right
            case Comparison.GREATER_EQUAL:
                return left >= right
            case Comparison.LESS:
                return left < right
            case Comparison.LESS_EQUAL:
                return left <= right
            case Comparison.EQUAL:
                return left == right
            case Comparison.NOT_EQUAL:
                return left != right


@record
class Matcher:
    """A label condition: `operator` is one of `=`, `!=`, `=~`, `!~` (regular expressions are anchored)."""

    label: str
    operator: str
    value: str


@record
class Selector:
    """The series of one metric name that satisfy every matcher."""

    metric: str
    matchers: tuple[Matcher, ...] = ()


@record
class Gauge:
    """The sum, or the largest, of the latest values; over a window, their mean or maximum.

    `aggregate` joins the series: sum, max, min or avg. `relative` is for values that are moments in epoch
    seconds: `since` reads the age (now - value), `until` what is left (value - now), of the latest values whatever the
    window. `scale` makes the unit
    the signal's own (0.01 for an exporter that gives per cent). `statistic` is what an exporter has already taken
    of a distribution (its mean): the gauge then stands for no other.
    """

    selector: Selector
    aggregate: str = "sum"
    scale: float = 1.0
    relative: str = ""
    statistic: Statistic | None = None


@record
class GaugeRatio:
    """One gauge over another (connections used over the most allowed).

    With `by`, the ratio is taken for each group of these labels and the worst of them counts: the largest.
    Groups whose whole is not above 0 (no limit set) are left out. With `complement`, the ratio is what is missing
    to 1 (memory that is not available).
    """

    part: Selector
    whole: Selector
    by: tuple[str, ...] = ()
    complement: bool = False


@record
class CounterRate:
    """The per-second rate of counters over a window, summed; with `aggregate` max, the largest of them.

    With `by`, they are summed for each group of these labels, and the largest of the groups counts.
    """

    selector: Selector
    aggregate: str = "sum"
    by: tuple[str, ...] = ()


@record
class CounterIncrease:
    """By how much counters grew in a window, all together (restarts within 10 minutes)."""

    selector: Selector


@record
class CounterRatio:
    """The increase of some counters over the increase of others, in a window (the share of errors).

    With `disjoint`, `whole` does not contain `part`: the share is part / (part + whole) (hits and misses).
    Where no series of `part` exists and `whole` has data, the part is 0: an error that never happened has
    no counter yet. With `by`, the share is taken for each group of these labels and the largest of them counts.
    """

    part: Selector
    whole: Selector
    disjoint: bool = False
    by: tuple[str, ...] = ()


@record
class Histogram:
    """A quantile or the mean of a classic histogram over a window. `selector` names it without `_bucket`.

    `scale` makes its unit the signal's own (0.001 for milliseconds).
    """

    selector: Selector
    scale: float = 1.0


Reading = Gauge | GaugeRatio | CounterRate | CounterIncrease | CounterRatio | Histogram


@record
class Signal:
    """A named quantity. `phrases` are the ways people write it, lower case, without an article.

    The first phrase is its title. `default_window_s` is what it is computed over where a playbook does not say;
    0 is the latest value. `alternatives` are further readings on the standard exporters' metric names, tried in
    order; the first with data wins.
    """

    name: str
    unit: Unit
    description: str
    phrases: tuple[str, ...]
    reading: Reading
    alternatives: tuple[Reading, ...] = ()
    default_statistic: Statistic | None = None
    default_window_s: float = 60.0


@record
class Sample:
    """One scraped value. `labels` are sorted pairs without the metric's name; `at` is in epoch seconds."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    at: float
    value: float
