"""Metrics of armed rules: whether a scrape target exposes them, or Prometheus knows them.

Asked: every target of `[scrape.*]` once, then `/api/v1/series` of `drift.prometheus` where that is set. A signal that
can be read in several ways exists where one of them has its series.
"""

from collections.abc import Iterator, Sequence

import httpx

from stanch.drift.outside import Exposed, Outside
from stanch.model.drift import Named, Verdict, exists, gone, unasked
from stanch.model.plan import Plan, Threshold
from stanch.model.signal import CounterRatio, Gauge, GaugeRatio, Histogram, Reading, Selector, Signal
from stanch.signals.windows import satisfies

KINDS = ("metric",)


def names(plan: Plan) -> Iterator[Named]:
    for threshold in plan.of(Threshold):
        if threshold.armed and threshold.signal is not None:
            yield Named(kind="metric", name=threshold.signal, where=threshold.labels, source=threshold.source)


async def ask(named: Named, outside: Outside) -> Verdict:
    signal = outside.signals.get(named.name)
    if signal is None:
        return unasked("it is no signal of the catalogue or of the playbooks")
    if not outside.targets and outside.settings.prometheus is None:
        return unasked("no scrape target and no Prometheus is configured")
    exposed = await outside.scraped()
    for reading in readings(signal):
        for target in exposed:
            if all(_has(target, selector, named.where) for selector in needed(reading)):
                return exists(f"{needed(reading)[0].metric} on {target.target}")
    known, refused = await _known(outside, signal, named.where)
    if known:
        return exists(known)
    failed = [target.problem for target in exposed if target.problem] + ([refused] if refused else [])
    if failed:
        return unasked("; ".join(failed))
    looked_for = " or ".join(dict.fromkeys(needed(reading)[0].metric for reading in readings(signal)))
    return gone(f"nothing exposes {looked_for}")


def readings(signal: Signal) -> tuple[Reading, ...]:
    return (signal.reading, *signal.alternatives)


def needed(reading: Reading) -> tuple[Selector, ...]:
    """The series without which it has no value. Of a share that is the whole: an error that never happened has none."""
    match reading:
        case Histogram():
            return (Selector(metric=f"{reading.selector.metric}_bucket", matchers=reading.selector.matchers),)
        case CounterRatio():
            return (reading.whole,)
        case GaugeRatio():
            return (reading.part, reading.whole)
        case Gauge():
            return (reading.selector,)
        case _:
            return (reading.selector,)


def _has(target: Exposed, selector: Selector, labels: Sequence[tuple[str, str]]) -> bool:
    return any(
        all(satisfies(matcher, dict(own).get(matcher.label, "")) for matcher in selector.matchers)
        and all(pair in own for pair in labels)
        for own in target.series.get(selector.metric, ())
    )


async def _known(outside: Outside, signal: Signal, labels: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Where Prometheus knows a reading's series, and else why it could not be asked."""
    address = outside.settings.prometheus
    if address is None:
        return "", ""
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
        for reading in readings(signal):
            matches = [_written(selector, labels) for selector in needed(reading)]
            try:
                found = [await _series(client, address, match) for match in matches]
            except (httpx.HTTPError, ValueError, KeyError) as error:
                return "", f"Prometheus was not asked: {str(error) or type(error).__name__}"
            if all(found):
                return f"Prometheus knows {needed(reading)[0].metric}", ""
    return "", ""


async def _series(client: httpx.AsyncClient, address: str, match: str) -> bool:
    answer = await client.get(f"{address.rstrip('/')}/api/v1/series", params={"match[]": match, "limit": "1"})
    answer.raise_for_status()
    return bool(answer.json()["data"])


def _written(selector: Selector, labels: Sequence[tuple[str, str]]) -> str:
    inside = [(each.label, each.operator, each.value) for each in selector.matchers]
    inside += [(label, "=", value) for label, value in labels]
    told = ",".join(f"{label}{operator}{_quoted(value)}" for label, operator, value in inside)
    return f"{selector.metric}{{{told}}}" if told else selector.metric


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
