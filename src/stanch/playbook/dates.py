"""Dates as people write them."""

import re

from stanch.model.pattern import Pattern

_ISO = Pattern(r"(?<!\d)(?P<date>(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDED = Pattern(
    rf"\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+)?(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?\s+"
    r"(?:(?P<us>\d{1,2})(?:st|nd|rd|th)?,?\s+)?(?P<year>(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_LAST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def date_of(text: str) -> str | None:
    """The first date of a text as ISO 8601: from `2024-01-15`, `15 January 2024` or `Jan 15, 2024`."""
    if match := _ISO.search(text):
        year, month, day = map(int, match["date"].split("-"))
        return match["date"] if _exists(year, month, day) else None
    for match in _WORDED.finditer(text):
        day = int(match["day"] or match["us"] or 0)
        month = _MONTHS.index(match["month"].lower()) + 1
        if _exists(int(match["year"]), month, day):
            return f"{match['year']}-{month:02d}-{day:02d}"
    return None


def _exists(year: int, month: int, day: int) -> bool:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= _LAST[month - 1] and (month != 2 or day < 29 or leap)
