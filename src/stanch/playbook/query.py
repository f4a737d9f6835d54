"""Queries of a team's own signals: the common forms of PromQL, read into what the embedded engine evaluates.

What is not one of these forms is not guessed at: the signal is then not defined, and a problem says so.
"""

import re

from stanch.catalogue.signals.selector import series
from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.model.signal import (
    CounterIncrease,
    CounterRate,
    CounterRatio,
    Gauge,
    GaugeRatio,
    Histogram,
    Reading,
    Selector,
    Statistic,
)
from stanch.playbook.quantity import duration

_OUTER = Pattern(
    r"^(?P<name>sum|avg|max|min|count)\s*(?:(?:by|without)\s*\([^()]*\)\s*)?\((?P<inside>.*?)\)\s*(?:(?:by"
    r"|without)\s*\([^()]*\))?$",
    re.DOTALL,
)
_RANGED = Pattern(
    r"^(?P<function>rate|irate|increase)\s*\(\s*(?P<selector>.*?)\s*\[(?P<window>\d+[smhd])\]\s*\)$", re.DOTALL
)
_QUANTILE = Pattern(r"^histogram_quantile\s*\(\s*(?P<quantile>0?\.\d+)\s*,\s*(?P<inside>.*)\)$", re.DOTALL)
_SCALED = Pattern(r"^(?P<query>.*?)\s*(?P<operator>[*/])\s*(?P<factor>\d+(?:\.\d+)?)$", re.DOTALL)
_QUANTILES = {0.5: Statistic.P50, 0.9: Statistic.P90, 0.95: Statistic.P95, 0.99: Statistic.P99}


@record
class Query:
    """A reading with what the query says beside it: its statistic, and the window in seconds."""

    reading: Reading
    statistic: Statistic | None = None
    window_s: float = 0.0


def read_query(text: str) -> Query | None:
    """A query as a reading; None for a form that is not evaluated."""
    text = _unwrapped(" ".join(text.strip().strip("`").split()))
    quantile = _QUANTILE.match(text)
    if quantile:
        return _histogram(quantile)
    part, whole = _divided(text)
    if whole is not None:
        return _ratio(part, whole)
    return _single(part)


def aggregates(text: str) -> bool:
    """Whether a query comes to one value for all series, by an aggregation around each of its parts."""
    text = _unwrapped(" ".join(text.strip().strip("`").split()))
    quantile = _QUANTILE.match(text)
    parts = (quantile["inside"],) if quantile else tuple(part for part in _divided(text) if part)
    return all(_OUTER.match(_unbracketed(part)) for part in parts)


def _unbracketed(text: str) -> str:
    scaled = _SCALED.match(text)
    return _unwrapped((scaled["query"] if scaled else text).strip())


def _unwrapped(text: str) -> str:
    """A text without the brackets that hold all of it."""
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for index, character in enumerate(text):
            depth += (character == "(") - (character == ")")
            if depth == 0 and index < len(text) - 1:
                return text
        text = text[1:-1].strip()
    return text


def _divided(text: str) -> tuple[str, str | None]:
    """Both sides of the one slash that stands outside of brackets, quotes and before no plain number."""
    depth = 0
    quoted = False
    for index, character in enumerate(text):
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "({[") - (character in ")}]")
        if character == "/" and depth == 0 and not quoted and not re.match(r"/\s*[\d.]+$", text[index:]):
            return text[:index].strip(), text[index + 1 :].strip()
    return text, None


def _bare(text: str) -> tuple[str, str]:
    """A query without the aggregations and brackets around it, and the name of the innermost aggregation."""
    aggregate = "sum"
    while True:
        outer = _OUTER.match(text)
        if outer:
            aggregate, text = outer["name"], outer["inside"].strip()
        elif (inside := _unwrapped(text)) != text:
            text = inside
        else:
            return text, aggregate


def _selector(text: str) -> Selector | None:
    try:
        return series(text)
    except ValueError:
        return None


def _single(text: str) -> Query | None:
    scale = 1.0
    scaled = _SCALED.match(text)
    if scaled:
        factor = float(scaled["factor"])
        if factor == 0:
            return None
        scale = factor if scaled["operator"] == "*" else 1 / factor
        text = scaled["query"]
    inner, aggregate = _bare(text)
    ranged = _RANGED.match(inner)
    if ranged is None:
        selector = _selector(inner)
        known = aggregate if aggregate in {"sum", "avg", "max", "min"} else None
        return Query(reading=Gauge(selector=selector, aggregate=known, scale=scale)) if selector and known else None
    selector = _selector(ranged["selector"])
    if selector is None or scale != 1.0 or aggregate not in {"sum", "max"}:
        return None
    window = duration(ranged["window"]) or 0.0
    if ranged["function"] == "increase":
        return Query(reading=CounterIncrease(selector=selector), window_s=window) if aggregate == "sum" else None
    return Query(reading=CounterRate(selector=selector, aggregate=aggregate), window_s=window)


def _ratio(part: str, whole: str) -> Query | None:
    upper, lower = _bare(part)[0], _bare(whole)[0]
    ranged, over = _RANGED.match(upper), _RANGED.match(lower)
    if ranged and over:
        left, right = _selector(ranged["selector"]), _selector(over["selector"])
        if left is None or right is None or ranged["window"] != over["window"]:
            return None
        return Query(reading=CounterRatio(part=left, whole=right), window_s=duration(ranged["window"]) or 0.0)
    left, right = _selector(upper), _selector(lower)
    return Query(reading=GaugeRatio(part=left, whole=right)) if left and right else None


def _histogram(match: re.Match[str]) -> Query | None:
    statistic = _QUANTILES.get(float(match["quantile"]))
    ranged = _RANGED.match(_bare(match["inside"])[0])
    selector = _selector(ranged["selector"]) if ranged else None
    if statistic is None or ranged is None or selector is None or not selector.metric.endswith("_bucket"):
        return None
    named = Selector(metric=selector.metric.removesuffix("_bucket"), matchers=selector.matchers)
    return Query(reading=Histogram(selector=named), statistic=statistic, window_s=duration(ranged["window"]) or 0.0)
