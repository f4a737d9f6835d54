r"""What a playbook expects a command to print, and whether it did. Pure.

What is not understood is a person's to compare.

Understood are: text in backticks or quotes (`active (running)`), a single word or number (PONG, 200, 3/3), any of
several (`200` or `204`), what must not be there (no `ERROR`), a pattern (matches `v1\..*`), nothing at all (no
output), and a number with a comparison (< 70%, at least 2, between 1 and 3), where the output holds one number.
"""

import operator
import re
from collections.abc import Callable
from types import MappingProxyType

from stanch.model.record import record

_BACKTICKED = re.compile(r"`([^`]+)`")
_QUOTED = re.compile(r"""^(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)')\.?$""")
_PATTERN = re.compile(r"^(?:to match|match(?:es|ing)?)\s+`(?P<pattern>[^`]+)`\.?$|^/(?P<slashed>.+)/$", re.IGNORECASE)
_LACKS = re.compile(r"^(?:no|not|none of|without|(?:must|should|does) not (?:contain|show|print))\s+`", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:no|not|never|none|without|n't)\b", re.IGNORECASE)
_EITHER = re.compile(r"`\s*(?:,\s*(?:or\s+)?|or\s+|/\s*|\|\s*)`", re.IGNORECASE)
_EMPTY = re.compile(r"^\(?(?:no output|nothing|empty(?: output)?|no (?:rows|results?|lines))\)?\.?$", re.IGNORECASE)
_WORD = re.compile(r"^[A-Za-z0-9][\w.:/-]*[\w%]$|^\w$")
_NUMBER = r"-?\d+(?:[\d,]*\d)?(?:\.\d+)?"
_COMPARED = re.compile(
    r"^(?P<words><=|>=|==|!=|<|>|=|\u2264|\u2265|(?:is )?(?:less|lower|fewer|more|greater|higher) than"
    r"|at (?:most|least)|below|under|above|over"
    rf"|no more than|no less than|exactly|up to)\s*(?P<value>{_NUMBER})\s*(?P<unit>[%A-Za-z]{{0,12}})\.?$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"^(?:between\s+)?(?P<low>{_NUMBER})\s*(?:and|-|to|\u2013)\s*(?P<high>{_NUMBER})\s*(?P<unit>[%A-Za-z]{{0,12}})\.?$",
    re.IGNORECASE,
)
_IN_OUTPUT = re.compile(rf"(?<![\w.])(?P<value>{_NUMBER})\s?(?P<unit>%|[A-Za-z]{{1,12}}\b)?")

_COMPARISONS: MappingProxyType[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        **dict.fromkeys(("<", "below", "under", "less than", "lower than", "fewer than"), operator.lt),
        **dict.fromkeys((">", "above", "over", "more than", "greater than", "higher than"), operator.gt),
        **dict.fromkeys(("<=", "\u2264", "at most", "no more than", "up to"), operator.le),
        **dict.fromkeys((">=", "\u2265", "at least", "no less than"), operator.ge),
        **dict.fromkeys(("=", "==", "exactly"), operator.eq),
        "!=": operator.ne,
    }
)


@record
class Met:
    """It is as expected; `because` says what was compared."""

    because: str


@record
class NotMet:
    because: str


@record
class ByEye:
    """A person has to compare; `because` says why."""

    because: str


Judged = Met | NotMet | ByEye


def judged(expects: str, output: str) -> Judged:
    """Compare what was printed with what is expected."""
    text = " ".join(expects.split())
    if match := _PATTERN.match(text):
        return _matched(match["pattern"] or match["slashed"], output)
    if literals := _BACKTICKED.findall(text):
        return _literals(text, literals, output)
    if match := _QUOTED.match(text):
        return _all([match["double"] or match["single"]], output)
    if _EMPTY.match(text):
        return Met(because="It printed nothing.") if not output.strip() else NotMet(because="It printed something.")
    if match := _COMPARED.match(text):
        words = match["words"].lower().removeprefix("is ")
        compare, wanted = _COMPARISONS[words], _number(match["value"])
        return _compared(lambda value: compare(value, wanted), text, match["unit"], output)
    if match := _BETWEEN.match(text):
        low, high = _number(match["low"]), _number(match["high"])
        return _compared(lambda value: low <= value <= high, text, match["unit"], output)
    if _WORD.match(text):
        found = re.search(rf"(?<![\w.]){re.escape(text)}(?![\w%])", output)
        return _said(met=found is not None, text=f"`{text}`")
    return ByEye(because=f"Compare by eye: the playbook expects '{text}'.")


def is_understood(expects: str) -> bool:
    """Whether some output could be judged by it."""
    return any(not isinstance(judged(expects, output), ByEye) for output in ("", "1", "1%"))


def _literals(text: str, literals: list[str], output: str) -> Judged:
    if _LACKS.match(text):
        there = [literal for literal in literals if literal in output]
        if there:
            return NotMet(because=f"Its output holds what must not be there: {_listed(there)}.")
        return Met(because=f"Its output does not hold {_listed(literals)}.")
    if _NEGATION.search(_BACKTICKED.sub("", text)):
        return ByEye(because=f"Compare by eye: the playbook expects '{text}'.")
    if _EITHER.search(text):
        there = [literal for literal in literals if literal in output]
        if there:
            return Met(because=f"Its output holds {_listed(there[:1])}.")
        return NotMet(because=f"Its output holds none of what is expected: {_listed(literals)}.")
    return _all(literals, output)


def _all(literals: list[str], output: str) -> Judged:
    missing = [literal for literal in literals if literal not in output]
    if missing:
        return NotMet(because=f"Its output does not hold what is expected: {_listed(missing)}.")
    return Met(because=f"Its output holds {_listed(literals)}.")


def _said(*, met: bool, text: str) -> Judged:
    if met:
        return Met(because=f"Its output holds {text}.")
    return NotMet(because=f"Its output does not hold what is expected: {text}.")


def _matched(pattern: str, output: str) -> Judged:
    try:
        found = re.search(pattern, output, re.MULTILINE)
    except re.error as error:
        return ByEye(because=f"Compare by eye: `{pattern}` is no regular expression ({error}).")
    if found is None:
        return NotMet(because=f"Its output does not match `{pattern}`.")
    return Met(because=f"Its output matches `{pattern}`.")


def _compared(holds: Callable[[float], bool], text: str, unit: str, output: str) -> Judged:
    """Compare the one number of the output. Where there are several, or another unit, nothing is guessed."""
    numbers = list(_IN_OUTPUT.finditer(output))
    if len(numbers) != 1:
        return ByEye(because=f"Compare by eye: expected is {text}, and its output holds {len(numbers)} numbers.")
    found = numbers[0]
    printed = (found["unit"] or "").lower()
    if unit.lower() != printed and printed and unit:
        return ByEye(because=f"Compare by eye: expected is {text}, and its output is in {printed}.")
    if (unit == "%") != (printed == "%"):
        return ByEye(because=f"Compare by eye: expected is {text}, and its output is {found[0].strip()}.")
    value = _number(found["value"])
    if holds(value):
        return Met(because=f"It printed {found['value']}; expected is {text}.")
    return NotMet(because=f"It printed {found['value']}; expected is {text}.")


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _listed(literals: list[str]) -> str:
    return ", ".join(f"`{literal}`" for literal in literals)
