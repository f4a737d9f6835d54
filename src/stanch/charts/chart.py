"""What a chart shows, and what follows from it: where it was out of bounds, where there was no data, its scale."""

import itertools
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import TypeGuard

from stanch.charts.quantity import compared, prose, say
from stanch.model.record import record
from stanch.model.signal import Comparison, Unit

Point = tuple[float, float | None]
"""A moment in epoch seconds and the value then; None (or NaN) says that there was no data."""

Span = tuple[float, float]
"""From one moment to another, in epoch seconds."""


class MarkKind(StrEnum):
    """What changed at that moment. The shape of the mark tells it beside the colour."""

    CHANGE = "change"
    CONTROL = "control"
    EVENT = "event"


@record
class Mark:
    """A moment with a name: a deploy, a control applied, the incident's opening."""

    at: float
    text: str
    kind: MarkKind = MarkKind.EVENT


@record
class Limit:
    """The condition that is out of bounds; `upper` closes a range (in the range is out of bounds)."""

    value: float
    comparison: Comparison = Comparison.GREATER
    upper: float | None = None

    def broken_by(self, value: float) -> bool:
        """Whether `value` is out of bounds."""
        inside = self.upper is None or value <= self.upper
        return inside and self.comparison.holds(value, self.value)


@record
class Chart:
    """One quantity over one span of time. `points` are in order of time and may reach out of the span.

    `step_s` is how far apart points normally are: a hole of more than three steps is a gap. None infers it.
    """

    title: str
    unit: Unit | None
    start: float
    end: float
    points: Sequence[Point]
    limit: Limit | None = None
    marks: Sequence[Mark] = ()
    step_s: float | None = None


_LARGEST = 1e100
_SMALLEST = 1e-12
"""Beyond these a target talks nonsense, and a picture of it would overflow or be a flat line."""


def _is_drawable(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value) and abs(value) <= _LARGEST


def known(chart: Chart) -> list[tuple[float, float]]:
    """The points within the span that have a value."""
    return [(at, value) for at, value in chart.points if _is_drawable(value) and chart.start <= at <= chart.end]


def latest(chart: Chart) -> float | None:
    """The newest value; None where the newest point has no data, or none is recent (three steps)."""
    within = [(at, value) for at, value in chart.points if chart.start <= at <= chart.end]
    if not within:
        return None
    at, value = within[-1]
    return value if _is_drawable(value) and chart.end - at <= 3 * step(chart) else None


def step(chart: Chart) -> float:
    """The usual distance of two points in seconds: as given, else the median of what is there."""
    if chart.step_s is not None:
        return chart.step_s
    moments = [at for at, _ in chart.points]
    distances = sorted(b - a for a, b in itertools.pairwise(moments) if b > a)
    return distances[len(distances) // 2] if distances else chart.end - chart.start


def runs(chart: Chart) -> list[list[tuple[float, float]]]:
    """The known points, cut wherever there was no data."""
    most = 3 * step(chart)
    pieces: list[list[tuple[float, float]]] = []
    piece: list[tuple[float, float]] = []
    for at, value in chart.points:
        if not chart.start <= at <= chart.end:
            continue
        if not _is_drawable(value):
            pieces.append(piece)
            piece = []
            continue
        if piece and at - piece[-1][0] > most:
            pieces.append(piece)
            piece = []
        piece.append((at, value))
    pieces.append(piece)
    return [piece for piece in pieces if piece]


def gaps(chart: Chart) -> tuple[Span, ...]:
    """Where there was no data, the two ends of the span included."""
    most = 3 * step(chart)
    found: list[Span] = []
    before = chart.start
    for piece in runs(chart):
        if piece[0][0] - before > (most if before == chart.start else 0):
            found.append((before, piece[0][0]))
        before = piece[-1][0]
    if chart.end - before > most:
        found.append((before, chart.end))
    return tuple(found)


def out_of_bounds(chart: Chart) -> tuple[Span, ...]:
    """The spans in which the limit was broken: from the first point that breaks it to the first that does not.

    A gap ends a span at the last known point: no data is neither good nor bad.
    """
    if chart.limit is None:
        return ()
    found: list[Span] = []
    for piece in runs(chart):
        since: float | None = None
        for at, value in piece:
            broken = chart.limit.broken_by(value)
            if broken and since is None:
                since = at
            elif not broken and since is not None:
                found.append((since, at))
                since = None
        if since is not None:
            found.append((since, piece[-1][0]))
    return tuple(found)


def scale(chart: Chart) -> tuple[float, float]:
    """The lowest and highest value to draw: zero is always in, and the limit, with some air above."""
    values = [value for _, value in known(chart)]
    if chart.limit is not None:
        values += [value for value in (chart.limit.value, chart.limit.upper) if _is_drawable(value)]
    low, high = min([0.0, *values]), max([0.0, *values])
    if high - low < _SMALLEST:
        return low, low + 1.0
    air = (high - low) * 0.12
    return (low - air if low < 0 else 0.0), high + air


def thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most about `most` points; each bucket of time keeps its lowest and its highest, so no peak is lost."""
    if len(points) <= most:
        return list(points)
    start, end = points[0][0], points[-1][0]
    width = (end - start) / max(1, most // 2)
    buckets: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        buckets.setdefault(int((point[0] - start) / width), []).append(point)
    kept = {points[0], points[-1]}
    for bucket in buckets.values():
        kept |= {min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])}
    return sorted(kept)


def samples(chart: Chart, most: int = 12) -> tuple[Point, ...]:
    """Evenly spaced moments of the span with the nearest value: the table behind the picture."""
    distance = (chart.end - chart.start) / most
    rows: list[Point] = []
    values = known(chart)
    for number in range(1, most + 1):
        moment = chart.start + number * distance
        near = [point for point in values if moment - distance < point[0] <= moment]
        rows.append((moment, near[-1][1] if near else None))
    return tuple(rows)


def summary(chart: Chart) -> str:
    """The chart in one sentence, for those who do not see it."""
    values = [value for _, value in known(chart)]
    if not values:
        return f"{chart.title}: no data."
    text = (
        f"{chart.title}: {say(latest(chart), chart.unit)} now, "
        f"between {say(min(values), chart.unit)} and {say(max(values), chart.unit)}"
    )
    if chart.limit is None:
        return f"{text}."
    broken = sum(end - start for start, end in out_of_bounds(chart))
    limit = f"{compared(chart.limit.comparison)} {say(chart.limit.value, chart.unit)}"
    return f"{text}; {limit} for {prose(broken)}." if broken else f"{text}; never {limit}."
