"""The pictures: SVG as text. Pure functions; every text is escaped; no style attribute, so a strict CSP holds.

Shapes carry a class for the console's stylesheet and a plain colour for where there is none (a mail, a file).
"""

from collections.abc import Iterator, Sequence
from html import escape

from stanch.charts.chart import Chart, MarkKind, Span, gaps, out_of_bounds, runs, scale, summary, thinned
from stanch.charts.quantity import say

_INK = "#1b1c1e"
_SOFT = "#5c6066"
_LINE = "#e2e2de"
_FIRE = "#c0272d"
_WASH = "#fdf0ef"
_SUNK = "#f3f3f1"
_ACCENT = "#0b6e6e"
_MARKS = {MarkKind.CHANGE: "#2b5fa8", MarkKind.CONTROL: _ACCENT, MarkKind.EVENT: "#5c6066"}

_DASHES = {MarkKind.CHANGE: None, MarkKind.CONTROL: "6 2", MarkKind.EVENT: "1 3"}

_TIME_STEPS = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)


class _Frame:
    """Where a moment and a value are, in a box of `left`, `top`, `width`, `height` units."""

    def __init__(self, chart: Chart, box: tuple[float, float, float, float]) -> None:
        self.left, self.top, self.width, self.height = box
        self._start = chart.start
        self._span = max(chart.end - chart.start, 1e-9)
        self.low, self.high = scale(chart)

    def x(self, at: float) -> float:
        return self.left + min(1.0, max(0.0, (at - self._start) / self._span)) * self.width

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.top + (1 - min(1.0, max(0.0, share))) * self.height


def plot(chart: Chart, *, width: int = 300, height: int = 74) -> str:
    """The bare plot, to be stretched over a box of any width: limit, time out of bounds, gaps, marks, line.

    Text would be stretched too, so there is none; the page writes it around the plot.
    """
    frame = _Frame(chart, (0, 3, width, height - 6))
    body = "".join(_layers(chart, frame, points=width))
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(summary(chart))}">{body}</svg>'
    )


def figure(chart: Chart, *, width: int = 720, height: int = 200, utc_offset_s: float = 0.0) -> str:
    """The whole picture with its words: title, limit, scale and time axis. For a review, a mail, a README."""
    frame = _Frame(chart, (52, 30, width - 64, height - 54))
    parts = [
        (
            f'<svg class="figure" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(summary(chart))}" font-family="Inter, system-ui, sans-serif" font-size="11">'
        ),
        _text(0, 14, chart.title, "title", fill=_INK, weight="600", size=13),
    ]
    for value in _round_values(frame.low, frame.high):
        parts.append(_across(frame, value, "grid", _LINE))
        parts.append(
            _text(frame.left - 6, frame.y(value) + 4, say(value, chart.unit), "tick", fill=_SOFT, anchor="end")
        )
    for at in _round_times(chart.start, chart.end, utc_offset_s):
        x, bottom = frame.x(at), frame.top + frame.height
        parts.append(_rule((x, bottom), (x, bottom + 4), "grid", _LINE))
        label = _time_of_day(at + utc_offset_s, seconds=chart.end - chart.start < 300)
        parts.append(_text(x, bottom + 17, label, "tick", fill=_SOFT, anchor="middle"))
    parts += _layers(chart, frame, points=width)
    if chart.limit is not None:
        text = f"limit {say(chart.limit.value, chart.unit)}"
        y = frame.y(chart.limit.value)
        parts.append(_text(frame.left + frame.width, y - 4, text, "limit-text", fill=_FIRE, anchor="end"))
    last = -1e9
    for mark in sorted(chart.marks, key=lambda mark: mark.at):
        x = frame.x(mark.at)
        if not chart.start <= mark.at <= chart.end or x - last < 90:
            continue
        last = x
        near_end = x > frame.left + frame.width * 0.8
        offset = -6 if near_end else 6
        parts.append(
            _text(
                x + offset, frame.top + 4, mark.text, "mark-text", fill=_MARKS[mark.kind],
                anchor="end" if near_end else "start",
            )
        )  # fmt: skip
    parts.append("</svg>")
    return "".join(parts)


def spark(chart: Chart, *, width: int = 64, height: int = 16, stretch: bool = False) -> str:
    """A word-sized line with its limit, to stand in a sentence; `stretch` lets it fill a box of another shape.

    Hidden from screen readers: the sentence tells it.
    """
    frame = _Frame(chart, (0, 1, width, height - 2))
    shape = ' preserveAspectRatio="none"' if stretch else ""
    parts = [f'<svg class="spark" viewBox="0 0 {width} {height}"{shape} aria-hidden="true">']
    parts += [_band(span, frame, "out", _WASH) for span in out_of_bounds(chart)]
    if chart.limit is not None:
        parts.append(_across(frame, chart.limit.value, "limit", _FIRE, dashes="3 2"))
    parts += [_path(piece, frame, width=1.2, points=width) for piece in runs(chart)]
    parts.append("</svg>")
    return "".join(parts)


def progress(share: float | None, *, label: str, width: int = 200, height: int = 6) -> str:
    """How far something is, from 0 to 1; None where nobody knows: an empty bar that says so."""
    done = 0.0 if share is None else min(1.0, max(0.0, share))
    value = "" if share is None else f' aria-valuenow="{done * 100:.0f}"'
    return (
        f'<svg class="progress" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="progressbar" '
        f'aria-label="{escape(label)}" aria-valuemin="0" aria-valuemax="100"{value}>'
        f'<rect class="whole" width="{width}" height="{height}" rx="3" fill="{_SUNK}"/>'
        f'<rect class="done" width="{done * width:.1f}" height="{height}" rx="3" fill="{_ACCENT}"/></svg>'
    )


def _layers(chart: Chart, frame: _Frame, *, points: int) -> Iterator[str]:
    """From the back to the front: time out of bounds, gaps, limit, marks, line."""
    for span in out_of_bounds(chart):
        yield _band(span, frame, "out", _WASH)
    for span in gaps(chart):
        yield _band(span, frame, "gap", _SUNK)
    if chart.limit is not None:
        for value in (chart.limit.value, chart.limit.upper):
            if value is not None:
                yield _across(frame, value, "limit", _FIRE, dashes="4 3")
    for mark in chart.marks:
        if chart.start <= mark.at <= chart.end:
            top, bottom = (frame.x(mark.at), frame.top - 3), (frame.x(mark.at), frame.top + frame.height)
            colour, dashes = _MARKS[mark.kind], _DASHES[mark.kind]
            rule = _rule(top, bottom, f"mark {mark.kind}", colour, dashes=dashes, width=1.5)
            yield f"<g><title>{escape(mark.text)}</title>{rule}</g>"
    for piece in runs(chart):
        yield _path(piece, frame, width=1.6, points=points)


def _path(piece: Sequence[tuple[float, float]], frame: _Frame, *, width: float, points: int) -> str:
    moves = [f"{frame.x(at):.1f} {frame.y(value):.1f}" for at, value in thinned(piece, points)]
    if len(moves) == 1:
        moves.append(moves[0])
    return (
        f'<path class="line" d="M{"L".join(moves)}" fill="none" stroke="{_INK}" stroke-width="{width}" '
        'stroke-linejoin="round" stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
    )


def _band(span: Span, frame: _Frame, name: str, colour: str) -> str:
    left, right = frame.x(span[0]), frame.x(span[1])
    return (
        f'<rect class="{name}" x="{left:.1f}" y="{frame.top - 3:g}" width="{max(right - left, 0.5):.1f}" '
        f'height="{frame.height + 3:g}" fill="{colour}"/>'
    )


def _across(frame: _Frame, value: float, name: str, colour: str, *, dashes: str | None = None) -> str:
    y = frame.y(value)
    return _rule((frame.left, y), (frame.left + frame.width, y), name, colour, dashes=dashes)


def _rule(
    start: tuple[float, float],
    end: tuple[float, float],
    name: str,
    colour: str,
    *,
    dashes: str | None = None,
    width: float = 1,
) -> str:
    (x1, y1), (x2, y2) = start, end
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line class="{name}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashed} vector-effect="non-scaling-stroke"/>'
    )


def _text(
    x: float, y: float, text: str, name: str, *, fill: str, anchor: str = "start", weight: str = "", size: int = 0
) -> str:
    extra = (f' font-weight="{weight}"' if weight else "") + (f' font-size="{size}"' if size else "")
    return (
        f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}"{extra}>'
        f"{escape(text)}</text>"
    )


def _round_values(low: float, high: float) -> list[float]:
    """Two to five round numbers between the ends."""
    span = high - low
    size = 10.0 ** len(str(int(span))) if span >= 1 else 1.0
    while size > span / 2:
        for part in (5.0, 2.0, 1.0):
            if size / 10 * part <= span / 2:
                return _multiples(size / 10 * part, low, high)
        size /= 10
    return _multiples(size, low, high)


def _multiples(distance: float, low: float, high: float) -> list[float]:
    first = -int(-low // distance)
    return [number * distance for number in range(first, int(high // distance) + 1)]


def _round_times(start: float, end: float, utc_offset_s: float) -> list[float]:
    """Four to eight round moments of the day, in the zone that is `utc_offset_s` ahead of UTC."""
    distance = next((step for step in _TIME_STEPS if (end - start) / step <= 8), _TIME_STEPS[-1])
    first = -int(-(start + utc_offset_s) // distance) * distance - utc_offset_s
    return [first + number * distance for number in range(int((end - first) // distance) + 1)]


def _time_of_day(local: float, *, seconds: bool) -> str:
    whole = int(local) % 86400
    text = f"{whole // 3600:02}:{whole // 60 % 60:02}"
    return f"{text}:{whole % 60:02}" if seconds else text
