"""Numbers with units, as people write them, in normalised units: ratios, seconds, bytes, counts, per second."""

import re
from enum import StrEnum

from stanch.model.pattern import Pattern
from stanch.model.record import record


class Measure(StrEnum):
    """What kind of number it is; the names are those of the threshold grammar's tokens."""

    RATIO = "RATIO"
    DURATION = "DURATION"
    SIZE = "SIZE"
    RATE = "RATE"
    MULTIPLE = "MULTIPLE"
    NUMBER = "NUMBER"


@record
class Quantity:
    """`value` in the normalised unit of its measure; `upper` closes a range; `text` is as written.

    `per_s` is the period of a rate, in seconds: 10 per minute is 0.1667 with a period of 60.
    """

    measure: Measure
    value: float
    upper: float | None = None
    per_s: float | None = None
    text: str


SECONDS: dict[str, float] = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("\u00b5s", "us", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 604800.0),
    **dict.fromkeys(("month", "months"), 30 * 86400.0),
    **dict.fromkeys(("quarter", "quarters"), 91 * 86400.0),
    **dict.fromkeys(("year", "years"), 365 * 86400.0),
}
"""Seconds in a unit of time; a month is 30 days, a quarter 91, a year 365."""

BYTES: dict[str, float] = {
    **dict.fromkeys(("b", "byte", "bytes"), 1.0),
    **{f"{prefix}{suffix}": 1000.0**power for power, prefix in enumerate("kmgtp", 1) for suffix in ("b", "bytes")},
    **{f"{prefix}ib": 1024.0**power for power, prefix in enumerate("kmgtp", 1)},
    "gigs": 1e9,
}
"""Bytes in a unit of size: kB is 1000, KiB is 1024."""

COUNT_WORDS: dict[str, float] = {
    word: float(value)
    for value, word in enumerate(
        (
            *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
            *("eleven", "twelve", "thirteen", "fourteen", "fifteen"),
        )
    )
} | {"twenty": 20.0, "thirty": 30.0, "forty": 40.0, "forty-five": 45.0, "fifty": 50.0, "sixty": 60.0, "ninety": 90.0}

_COUNT = "|".join(sorted(COUNT_WORDS, key=len, reverse=True))
_NUMBER = (
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|[1-9]\d{0,2}(?:[ \u00a0\u202f]\d{3})+(?![\d.])|\d+(?:\.\d+)?|(?<![\w.])\.\d+)"
)
_TIME = "|".join(sorted(map(re.escape, SECONDS), key=len, reverse=True))
_SIZE = "|".join(sorted((unit for unit in BYTES if unit != "b"), key=len, reverse=True))
_PERCENT = r"%|percent\b|per cent\b|pct\b|percentage points\b"
_COUNTED = (
    r"(?:failed |new |open |concurrent |unique )?"
    r"(?:requests?|reqs?|calls?|queries|query|errors?|hits?|messages?|events?|jobs?|connections?|attempts?|logins?"
    r"|transactions?|operations?|ops?|failures?|times?|exceptions?|restarts?|tasks?|items?|packets?|records?|rows?"
    r"|users?|sessions?|crashes|timeouts?|retries|emails?|orders?|deadlocks?|scans?|evictions?|alerts?|bytes)"
)
_PER = r"(?:per|/|an?|each|every)"
_BASE_TIME = r"seconds?|secs?|sec|s|minutes?|mins?|min|m|hours?|hrs?|hr|h|days?|d"
_DASH = r"(?:-|\u2013|\u2014|\bto\b)"

PATTERN = Pattern(
    rf"""
    (?P<clock>(?<![\w.]){_NUMBER}\s?h(?:ours?|rs?)?\s?(?:and\s)?{_NUMBER}\s?m(?:in(?:ute)?s?)?\b)
  | (?P<range>(?<![\w.,+-])(?P<low>{_NUMBER})\s?(?P<lowunit>%|(?:{_TIME}|{_SIZE})\b)?\s?{_DASH}\s?(?P<high>{_NUMBER})
        [\s-]?(?P<highunit>{_PERCENT}|(?:{_TIME}|{_SIZE})\b|[x\u00d7](?!\w))?(?!-?\d))
  | (?P<rate>(?<![\w.,-])(?P<ratenumber>{_NUMBER})(?P<ratescale>[kKM](?=\s|/))?\s?(?P<counted>{_COUNTED})?\s?
        (?:{_PER}\s?(?P<every>{_BASE_TIME})\b|(?P<shorthand>[rqt]ps|rpm|iops)\b))
  | (?P<time>(?<![\w.,])(?:(?P<timenumber>{_NUMBER})|(?P<timeword>\b(?:half\san?|an?|{_COUNT})\b))
        [\s-]?(?P<inarow>(?:consecutive|continuous|straight|full|successive|contiguous|solid)\s)?
        (?P<timeunit>{_TIME})(?![\w/%]))
  | (?P<size>(?<![\w.,])(?P<sizenumber>{_NUMBER})\s?(?P<sizeunit>{_SIZE})\b)
  | (?P<percent>(?<![\w.,])(?P<percentnumber>{_NUMBER})\s?(?:{_PERCENT}))
  | (?P<multiple>(?<![\w.,])(?P<multiplenumber>{_NUMBER})\s?
        (?:[x\u00d7](?!\w)|times\b(?!\s(?:in|within|per|over|during)\b))
        |\b(?:twice|double|doubles|doubled|triple|triples)\b)
  | (?P<number>(?<![\w.,:/#-])(?P<plain>{_NUMBER})
        (?P<scale>[kK](?!\w)|M(?!\w)|\smillion\b|\sthousand\b)?(?![\w:/]|\.\d|,\d)
        |\b(?P<word>{_COUNT})\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Every form of quantity. Quantities glued to letters, colons or slashes (5xx, 10:30, v1.2, 1/2) are none."""

_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
_MULTIPLES = {"twice": 2.0, "double": 2.0, "doubles": 2.0, "doubled": 2.0, "triple": 3.0, "triples": 3.0}


def number(text: str) -> float:
    return float(re.sub(r"[,\s]", "", text))


def _unit(text: str) -> tuple[Measure, float]:
    unit = text.strip().lower()
    if unit in {"x", "\u00d7"}:
        return Measure.MULTIPLE, 1.0
    if unit in SECONDS:
        return Measure.DURATION, SECONDS[unit]
    if unit in BYTES:
        return Measure.SIZE, BYTES[unit]
    return (Measure.RATIO, 0.01) if unit else (Measure.NUMBER, 1.0)


def quantity_of(match: re.Match[str]) -> Quantity:
    """The quantity of a match of `PATTERN`, in normalised units."""
    text = match[0]
    if match["clock"]:
        hours, minutes = re.findall(_NUMBER, text)
        return Quantity(measure=Measure.DURATION, value=number(hours) * 3600 + number(minutes) * 60, text=text)
    if match["range"]:
        measure, high = _unit(match["highunit"] or match["lowunit"] or "")
        low_measure, low = _unit(match["lowunit"] or match["highunit"] or "")
        if low_measure is not measure:
            low = high
        return Quantity(
            measure=measure, value=_scaled(match["low"], low), upper=_scaled(match["high"], high), text=text
        )
    if match["rate"]:
        per = {"rpm": 60.0}.get((match["shorthand"] or "").lower()) or SECONDS.get((match["every"] or "s").lower(), 1.0)
        scale = _SCALES.get((match["ratescale"] or "").lower(), 1.0)
        return Quantity(measure=Measure.RATE, value=number(match["ratenumber"]) * scale / per, per_s=per, text=text)
    if match["time"]:
        return Quantity(measure=Measure.DURATION, value=_scaled_time(match), text=text)
    if match["size"]:
        return Quantity(
            measure=Measure.SIZE, value=_scaled(match["sizenumber"], BYTES[match["sizeunit"].lower()]), text=text
        )
    if match["percent"]:
        return Quantity(measure=Measure.RATIO, value=_scaled(match["percentnumber"], 0.01), text=text)
    if match["multiple"]:
        value = number(match["multiplenumber"]) if match["multiplenumber"] else _MULTIPLES[text.lower()]
        return Quantity(measure=Measure.MULTIPLE, value=value, text=text)
    if match["word"]:
        return Quantity(measure=Measure.NUMBER, value=COUNT_WORDS[match["word"].lower()], text=text)
    scale = _SCALES.get((match["scale"] or "").strip().lower(), 1.0)
    return Quantity(measure=Measure.NUMBER, value=number(match["plain"]) * scale, text=text)


def _scaled(text: str, factor: float) -> float:
    """`80` and 0.01 give 0.8, not 0.8000000000000000444: rounded to what was written."""
    return float(f"{number(text) * factor:.12g}")


def _scaled_time(match: re.Match[str]) -> float:
    factor = SECONDS[match["timeunit"].lower()]
    if match["timenumber"]:
        return _scaled(match["timenumber"], factor)
    word = match["timeword"].lower()
    if word.startswith("half"):
        return factor / 2
    return COUNT_WORDS.get(word, 1.0) * factor


def duration(text: str) -> float | None:
    """The first duration in a text, in seconds; of a range, its end. None where there is no number.

    *Immediate*, *next business day*, *best effort* are promises without a number and stay text.
    """
    for match in PATTERN.finditer(text):
        quantity = quantity_of(match)
        if quantity.measure is Measure.DURATION:
            return quantity.upper if quantity.upper is not None else quantity.value
    periodic = re.search(r"\b(?:hourly|daily|weekly|monthly|quarterly|yearly|annually)\b", text, re.IGNORECASE)
    return EVERY[periodic[0].lower()] if periodic else None


EVERY: dict[str, float] = {
    "hourly": 3600.0,
    "daily": 86400.0,
    "weekly": 604800.0,
    "biweekly": 1209600.0,
    "fortnightly": 1209600.0,
    "monthly": 30 * 86400.0,
    "quarterly": 91 * 86400.0,
    "biannually": 182 * 86400.0,
    "semiannually": 182 * 86400.0,
    "yearly": 365 * 86400.0,
    "annually": 365 * 86400.0,
    "annual": 365 * 86400.0,
}
