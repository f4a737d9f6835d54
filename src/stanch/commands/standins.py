"""Commands with their placeholders replaced by neutral words, so that a parser reads what a filled-in one would be.

A stand-in is a fixed word of lower-case letters and digits: no grammar gives it a meaning, and no value has been put
into the text. Values are put into the parsed words, in place of the stand-ins.
"""

import re
from collections.abc import Mapping, Sequence

from stanch.model.record import record

_STEM = "slot"


@record
class Stood:
    """`text` with the stand-ins in it; `words` gives the stand-in of each placeholder."""

    text: str
    words: dict[str, str]


def stand_in(text: str, placeholders: Sequence[str]) -> Stood:
    """Replace each placeholder, wherever it stands, by a word that the text does not hold."""
    salt = ""
    while re.search(rf"{_STEM}{salt}z\d+z", text):
        salt += "q"
    words = {placeholder: f"{_STEM}{salt}z{number}z" for number, placeholder in enumerate(placeholders)}
    return Stood(text=put(text, words), words=words)


def put(text: str, values: Mapping[str, str]) -> str:
    """`text` with each key replaced by its value, the longest key first, and nothing of a value looked at again."""
    if not values:
        return text
    keys = sorted(values, key=len, reverse=True)
    return re.sub("|".join(_whole(key) for key in keys), lambda match: values[match[0]], text)


def _whole(placeholder: str) -> str:
    """A pattern for the placeholder, not for a longer word that it begins or ends."""
    before = r"(?<![A-Za-z0-9_])" if re.match(r"\w", placeholder) else ""
    after = r"(?![A-Za-z0-9_])" if re.search(r"\w\Z", placeholder) else ""
    return f"{before}{re.escape(placeholder)}{after}"
