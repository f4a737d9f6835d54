"""Prometheus alerting rules inside a playbook: read to the letter, or not at all.

A rule of Prometheus fires for each series that its expression leaves; a rule of Stanch watches one value. Where both
say the same (`sum(...)`, a single value, the largest of several or of several groups over a limit), it can be armed.
Everywhere else it is said why not.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.model.signal import (
    Comparison,
    CounterIncrease,
    CounterRate,
    CounterRatio,
    Gauge,
    GaugeRatio,
    Histogram,
    Reading,
    Signal,
    Statistic,
    Unit,
)
from stanch.playbook.alerting_rule import AlertingRule
from stanch.playbook.document import Block, Code, Document, Items, Quote, Section
from stanch.playbook.query import Query, aggregates, read_query
from stanch.playbook.words import listing, slug

MAX_CHARACTERS = 100_000
"""Characters of rules that are read of one document."""

_HOLDS_RULES = Pattern(r"^\s*(?:-\s+)?(?:\{\s*)?[\"']?alert[\"']?\s*:", re.MULTILINE)
_COMPARISONS = Pattern(r">=|<=|==|!=|>|<")
_JOINS = Pattern(r"\s(?:and|or|unless)\s")
_NUMBER = Pattern(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:\s*[*/]\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)*")
_GROUPED = Pattern(r"\b(?P<how>by|without)\s*\((?P<labels>[^()]*)\)")
_AGGREGATIONS = Pattern(r"\b(?:sum|avg|max|min|count)\s*(?:by\b|without\b|\()")
_HUNDRED = Pattern(r"100\s*\*\s*(?P<behind>.+)|(?P<before>.+?)\s*\*\s*100", re.DOTALL)
_HUMP = Pattern(r"(?<=[a-z0-9])(?=[A-Z])")
_DURATION = Pattern(r"(?:\d+(?:ms|[smhdwy]))+")
_DURATION_PART = Pattern(r"\d+(?:ms|[smhdwy])")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 365 * 86400.0}
_FLIPPED = {
    Comparison.GREATER: Comparison.LESS,
    Comparison.GREATER_EQUAL: Comparison.LESS_EQUAL,
    Comparison.LESS: Comparison.GREATER,
    Comparison.LESS_EQUAL: Comparison.GREATER_EQUAL,
    Comparison.EQUAL: Comparison.EQUAL,
    Comparison.NOT_EQUAL: Comparison.NOT_EQUAL,
}
_ABOVE = frozenset({Comparison.GREATER, Comparison.GREATER_EQUAL})
_BELOW = frozenset({Comparison.LESS, Comparison.LESS_EQUAL})

_EACH = "Prometheus computes it for each series, and a rule here watches one value; put sum(...) or max(...) around it"


@record
class Watch:
    """What a rule watches: a query, and the limit that it is compared with, in the query's own unit."""

    reading: Reading
    statistic: Statistic | None
    window_s: float
    comparison: Comparison
    value: float


def rules_of(document: Document) -> Iterator[tuple[Section, AlertingRule | str, int]]:
    """Every alerting rule in a fence of a document, or why a fence that holds some cannot be read; and the line."""
    left = MAX_CHARACTERS
    for section in document.root.walk():
        for block in _fences(section.blocks):
            if not _HOLDS_RULES.search(block.text):
                continue
            left -= len(block.text)
            if left < 0:
                yield section, f"more than {MAX_CHARACTERS:,} characters of rules stand in this document", block.first
                return
            from stanch.playbook.alerting_yaml import alerting_rules  # noqa: PLC0415 - few playbooks hold rules in YAML

            found = alerting_rules(block)
            if isinstance(found, str):
                yield section, found, block.first
            else:
                for rule in found:
                    yield section, rule, rule.line


def _fences(blocks: Iterable[Block]) -> Iterator[Code]:
    for block in blocks:
        match block:
            case Code():
                yield block
            case Items():
                yield from _fences(inner for item in block.items for inner in item.blocks)
            case Quote():
                yield from _fences(block.blocks)
            case _:
                continue


def held_s(text: str) -> float | None:
    """Seconds of a duration of Prometheus (`1h30m`); 0 where there is none, None for what is no duration."""
    if not text:
        return 0.0
    if not _DURATION.fullmatch(text):
        return None
    return sum(
        float(part.rstrip("msdhwy")) * _SECONDS[part.lstrip("0123456789")] for part in _DURATION_PART.findall(text)
    )


@lru_cache(maxsize=4096)
def watch_of(expression: str) -> Watch | str:
    """What an expression watches, or why a rule of Stanch would not fire exactly when it does."""
    if _JOINS.search(_outside(expression)):
        return "it joins conditions, and a rule here watches one"
    found = list(_COMPARISONS.finditer(_outside(expression)))
    if len(found) != 1:
        return "it compares nothing with a number" if not found else "it compares twice"
    left, right = expression[: found[0].start()].strip(), expression[found[0].end() :].strip()
    comparison = Comparison(found[0][0])
    if (limit := _number(right)) is not None:
        query = left
    elif (limit := _number(left)) is not None:
        query, comparison = right, _FLIPPED[comparison]
    else:
        return "it compares with no number"
    hundredth = _HUNDRED.fullmatch(query)
    whole = (hundredth["behind"] or hundredth["before"]) if hundredth else ""
    for text, value in ((query, limit), (whole, limit / 100)):
        read = read_query(text) if text else None
        if read is not None and (text == query or isinstance(read.reading, CounterRatio | GaugeRatio)):
            groups = _groups(text)
            if groups:
                reading = _worst(read.reading, comparison, groups, text)
                read = None if reading is None else replace(read, reading=reading)
            if read is None:
                return (
                    f"Prometheus computes it for each {listing(groups[0][1]) or 'group'}, and a rule watches one value"
                )
            return _exact(read, comparison, float(f"{value:.12g}"), aggregated=aggregates(text))
    return "its query is of no form that Stanch evaluates"


def _groups(query: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The groupings of a query, `by` or `without`, with their labels; the buckets of a histogram are no group."""
    found = (
        (each["how"], tuple(sorted({label.strip() for label in each["labels"].split(",")} - {"le", ""})))
        for each in _GROUPED.finditer(query)
    )
    return tuple((how, labels) for how, labels in found if labels or how == "without")


def _worst(
    reading: Reading, comparison: Comparison, groups: Sequence[tuple[str, tuple[str, ...]]], query: str
) -> Reading | None:
    """The reading of the group that is furthest out: one is over a limit if the largest is. None if none reads so."""
    ratio = isinstance(reading, CounterRatio | GaugeRatio)
    if len(_AGGREGATIONS.findall(query)) != (2 if ratio else 1):
        return None
    furthest = (comparison in _ABOVE and "max") or (comparison in _BELOW and "min")
    if isinstance(reading, Gauge | CounterRate) and reading.aggregate == furthest:
        return reading
    how, labels = groups[0]
    if comparison not in _ABOVE or how != "by" or tuple(groups) != ((how, labels),) * (2 if ratio else 1):
        return None
    if isinstance(reading, CounterRatio | GaugeRatio) or (isinstance(reading, CounterRate) and not reading.by):
        return replace(reading, by=labels)
    return None


def _exact(query: Query, comparison: Comparison, value: float, *, aggregated: bool) -> Watch | str:
    """The watch of a query. One that is not aggregated stands for each series: the furthest of them decides."""
    reading = query.reading
    if not aggregated:
        match reading:
            case Gauge() if comparison in _ABOVE:
                reading = replace(reading, aggregate="max")
            case Gauge() if comparison in _BELOW or (comparison is Comparison.EQUAL and _is_up(reading, value)):
                reading = replace(reading, aggregate="min")
            case CounterRate() if comparison in _ABOVE:
                reading = replace(reading, aggregate="max")
            case _:
                return _EACH
    return Watch(
        reading=reading, statistic=query.statistic, window_s=query.window_s, comparison=comparison, value=value
    )


def _is_up(reading: Gauge, value: float) -> bool:
    """Whether equality with the least of several is equality with any: of a metric that is 0 or 1, asked for 0."""
    metric = reading.selector.metric
    return value == 0 and reading.scale == 1 and (metric == "up" or metric.endswith(("_up", "_success")))


def _outside(text: str) -> str:
    """The text with what stands in brackets and quotes blanked, as long as it was."""
    depth, quote = 0, ""
    shown = []
    for character in text:
        if quote:
            quote = "" if character == quote else quote
            shown.append(" ")
        elif character in "\"'`":
            quote = character
            shown.append(" ")
        else:
            depth -= character in ")}]"
            shown.append(character if depth <= 0 else "_")
            depth += character in "({["
    return "".join(shown)


def _number(text: str) -> float | None:
    text = text.removeprefix("bool ").strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = 1.0
    for operator, factor in re.findall(r"(^|[*/])\s*([^*/\s]+)", text):
        number = float(factor)
        if operator == "/" and number == 0:
            return None
        value = value / number if operator == "/" else value * number
    return value


def signals_of(documents: Iterable[Document], known: Mapping[str, Signal]) -> dict[Reading, Signal]:
    """The signal of each reading that alerting rules watch: the catalogue's where it reads that first, else its own.

    The latter have no phrases but the rule's name, and are not looked for in prose.
    """
    catalogue = {signal.reading: signal for signal in known.values()}
    found: dict[Reading, Signal] = {}
    names: set[str] = set(known)
    for document in documents:
        for _, rule, _ in rules_of(document):
            watch = watch_of(rule.expression) if isinstance(rule, AlertingRule) else ""
            if isinstance(rule, str) or isinstance(watch, str) or watch.reading in found:
                continue
            found[watch.reading] = catalogue.get(watch.reading) or _signal(document, rule, watch, names)
            names.add(found[watch.reading].name)
    return found


def _signal(document: Document, rule: AlertingRule, watch: Watch, taken: set[str]) -> Signal:
    plain = f"alert.{slug(_HUMP.sub(' ', rule.name)).replace('-', '_')}"
    name = next(each for each in (plain, *(f"{plain}_{n}" for n in range(2, len(taken) + 3))) if each not in taken)
    return Signal(
        name=name,
        unit=_unit(watch.reading),
        description=f"Defined on line {rule.line} of {document.path}: {rule.expression}",
        phrases=(rule.name,),
        reading=watch.reading,
        default_statistic=watch.statistic,
        default_window_s=watch.window_s,
    )


def _unit(reading: Reading) -> Unit:
    """As the form of the query and the name of its metric give it; a number without one where they do not."""
    match reading:
        case CounterRatio() | GaugeRatio():
            return Unit.RATIO
        case CounterRate():
            return Unit.PER_SECOND
        case CounterIncrease():
            return Unit.COUNT
        case Gauge() | Histogram():
            metric = reading.selector.metric
            if metric.endswith("_seconds"):
                return Unit.SECONDS
            return Unit.BYTES if metric.endswith("_bytes") else Unit.COUNT
