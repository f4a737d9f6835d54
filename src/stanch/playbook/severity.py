"""Levels of severity as they are written: P1, SEV-2, S3, and the names that go with them."""

import re

from stanch.model.pattern import Pattern
from stanch.playbook.phrases import Phrases

LEVEL = Pattern(
    r"(?<![\w-])(?:(?P<p>[pP])(?:riority)?[ -]?(?P<pn>[0-5])|(?P<sev>(?:sev|SEV|Sev)(?:erity|ERITY)?)["
    r" -]?(?P<sevn>[0-5])|(?P<s>S)(?P<sn>[0-5]))(?![\w%]|\.\d)"
)
NAMED = Pattern(
    r"^\W*(?P<name>critical|major|high|medium|moderate|minor|low|warning|info(?:rmational)?|emergency|urgent|normal)\b",
    re.IGNORECASE,
)


def level_of(match: re.Match[str]) -> str:
    """One spelling a level: `P1`, `SEV-1`, `S1`."""
    if match["pn"]:
        return f"P{match['pn']}"
    return f"SEV-{match['sevn']}" if match["sevn"] else f"S{match['sn']}"


def levels_in(text: str) -> tuple[str, ...]:
    """Every level a text names, in its order; `P0-P2` and `P0/P1` name each."""
    found = list(LEVEL.finditer(text))
    levels: list[str] = []
    for index, match in enumerate(found):
        level = level_of(match)
        if index and re.fullmatch(r"\s*(?:-|\u2013|to|through)\s*", text[found[index - 1].end() : match.start()]):
            stem, low, high = level[:-1], int(levels[-1][-1]), int(level[-1])
            levels.extend(f"{stem}{number}" for number in range(low + 1, high))
        levels.append(level)
    return tuple(dict.fromkeys(levels))


def only_level(text: str) -> str | None:
    """The level that a text names; None where it names none, or several."""
    levels = levels_in(text)
    return levels[0] if len(levels) == 1 else None


_TIER = Phrases(r"critical|warning|warn|info|high|medium|low|major|minor|page|ticket|red|yellow|orange|amber")


def tier_of(text: str) -> str | None:
    """The first word of a text that grades an alert (*critical*, *warning*), in lower case."""
    match = _TIER.search(text)
    return match[0].lower() if match else None
