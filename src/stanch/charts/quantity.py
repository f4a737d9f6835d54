"""Measured values as people read them: `8.4 s`, `20.7%`, `84 MB`, `124,590`; durations as prose and as a clock."""

import math

from stanch.model.signal import Comparison, Statistic, Unit

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")

_COMPARED = {
    Comparison.GREATER: "over",
    Comparison.GREATER_EQUAL: "at or over",
    Comparison.LESS: "under",
    Comparison.LESS_EQUAL: "at or under",
    Comparison.EQUAL: "exactly",
    Comparison.NOT_EQUAL: "other than",
}


def say(value: float | None, unit: Unit | None) -> str:
    """`value` with its unit, to three significant digits. None and NaN are `no data`, never a number."""
    if value is None or math.isnan(value):
        return "no data"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    match unit:
        case Unit.RATIO:
            return f"{_three(value * 100)}%"
        case Unit.SECONDS:
            return _seconds(value)
        case Unit.BYTES:
            return _size(value)
        case Unit.PER_SECOND:
            return f"{_three(value)}/s"
        case Unit.COUNT | None:
            return _three(value)


def compared(comparison: Comparison) -> str:
    """The comparison as a word: `over`, `at or under`."""
    return _COMPARED[comparison]


def statistic(name: Statistic | None) -> str:
    """The statistic as it is written beside a signal's name; empty where there is none."""
    return "" if name is None else name.value


def prose(seconds: float) -> str:
    """A duration in words and at most two units: `41 s`, `5 min`, `1 h 20 min`, `3 days`."""
    whole = round(abs(seconds))
    if 0 < abs(seconds) < 1:
        return _seconds(abs(seconds))
    if abs(seconds) < 10 and abs(seconds) != whole:
        return f"{abs(seconds):.1f} s"
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def clock(seconds: float) -> str:
    """A duration as a clock shows it: `0:41`, `57:12`, `3:56:02`; `-0:05` once the time is over."""
    whole = math.floor(abs(seconds)) if seconds >= 0 else math.ceil(abs(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"-{text}" if seconds < 0 and whole else text


def _seconds(value: float) -> str:
    size = abs(value)
    if size >= 120:
        return ("-" if value < 0 else "") + prose(value)
    if size >= 0.1 or size == 0:
        return f"{_three(value)} s"
    if size >= 1e-3:
        return f"{_three(value * 1e3)} ms"
    return f"{_three(value * 1e6)} µs"


def _size(value: float) -> str:
    power = 0
    scaled = value
    while abs(scaled) >= 999.5 and power < len(_SIZES) - 1:
        scaled /= 1000
        power += 1
    return f"{_three(scaled)} {_SIZES[power]}"


def _three(value: float) -> str:
    """Three significant digits without an exponent; whole numbers keep all of theirs, grouped by thousands."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(places, 9)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
