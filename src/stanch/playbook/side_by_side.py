"""Words that say that steps are done side by side: in parallel, simultaneously, at the same time."""

import re

from stanch.model.pattern import Pattern

_SAYS = Pattern(
    r"\b(?:in parallel|simultaneously|concurrently|side[ -]by[ -]side|at the same time|all at once)\b", re.IGNORECASE
)
_DENIES = Pattern(r"\b(?:not|never|avoid|don['\u2019]t|without|cannot|can['\u2019]t)\b[^.;]*$", re.IGNORECASE)
_WITH_THE_LAST = Pattern(
    r"^\W*(?:in parallel|simultaneously|concurrently|meanwhile|at the same time)\b(?!\s+(?:with|to|as)\b)",
    re.IGNORECASE,
)


def says_parallel(text: str) -> bool:
    """Whether a heading or an introducing line asks for what follows to be done side by side."""
    found = _SAYS.search(text)
    return found is not None and not _DENIES.search(text[: found.start()])


def joins_the_last(text: str) -> bool:
    """Whether a step is to be done beside the one before it: "Meanwhile, page the DBA"."""
    return _WITH_THE_LAST.match(text) is not None
