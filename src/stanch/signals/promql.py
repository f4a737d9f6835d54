"""Rules as PromQL, for a team that evaluates in Prometheus, Mimir or VictoriaMetrics and sends the alerts in.

The same readings as `reading.py`, printed. That the two agree is held by a property test with `promtool test rules`.
A rule file is YAML; every text in it is written as a JSON string, which YAML reads as it is.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from stanch.catalogue.signals import SIGNALS
from stanch.model.rule import Rule
from stanch.model.signal import (
    Comparison,
    CounterIncrease,
    CounterRate,
    CounterRatio,
    Gauge,
    GaugeRatio,
    Histogram,
    Matcher,
    Reading,
    Selector,
    Signal,
    Statistic,
)
from stanch.signals.reading import QUANTILES, gives
from stanch.signals.windows import Labels

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_UNITS = ((604_800_000, "w"), (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms"))


def expression(rule: Rule, signals: Mapping[str, Signal] = SIGNALS) -> str:
    """The rule's condition: an expression that has a result exactly when the signal is out of range.

    Raises KeyError for a signal that is not in `signals`, ValueError where none of its readings gives the statistic.
    """
    value = signal_expression(
        signals[rule.signal], statistic=rule.statistic, window_s=rule.window_s, labels=rule.labels
    )
    condition = f"{_operand(value)} {rule.comparison.value} {number(rule.value)}"
    if rule.comparison is Comparison.NOT_EQUAL:
        # NaN differs from every number, itself included; here it is no data.
        condition = f"({condition}) and ({_operand(value)} == {_operand(value)})"
    return condition if rule.upper is None else f"({condition}) <= {number(rule.upper)}"


def signal_expression(
    signal: Signal,
    *,
    statistic: Statistic | None = None,
    window_s: float | None = None,
    labels: Labels = (),
) -> str:
    """A signal's value: its readings in order, the first with data. Raises ValueError as `reading.evaluator`."""
    asked = statistic or signal.default_statistic
    window = signal.default_window_s if window_s is None else window_s
    readings = gives(signal, asked)
    if not readings:
        raise ValueError(f"{signal.name} has no {asked}")
    printed = [_reading(reading, asked, window, labels) for reading in readings]
    return printed[0] if len(printed) == 1 else " or ".join(f"({each})" for each in printed)


def rule_file(
    rules: Sequence[Rule],
    signals: Mapping[str, Signal] = SIGNALS,
    *,
    interval_s: float = 5.0,
    group: str = "stanch",
) -> str:
    """A Prometheus rule file (YAML) with one group of alerts.

    Each alert carries its severity and the rule's id as labels, and where it is written as annotations.
    """
    lines = ["groups:", f"  - name: {_text(group)}", f"    interval: {duration(interval_s)}", "    rules:"]
    for rule in rules:
        lines += [
            f"      - alert: {_text(alert_name(rule))}",
            f"        expr: {_text(expression(rule, signals))}",
            f"        for: {duration(_holding_s(rule, interval_s))}",
            "        labels:",
            f"          severity: {_text(rule.severity)}",
            f"          rule: {_text(rule.id)}",
            f"          role: {_text(rule.role.value)}",
            "        annotations:",
            *(f"          {name}: {_text(_untemplated(text))}" for name, text in annotations(rule).items()),
        ]
    if not rules:
        lines[-1] += " []"
    return "\n".join(lines) + "\n"


def annotations(rule: Rule) -> dict[str, str]:
    """What an alert says beside its labels: the condition in words, where it is written, and the line itself."""
    return {"summary": rule.title, "source": str(rule.source), "description": rule.source.text.strip()}


def alert_name(rule: Rule) -> str:
    """`http.error_rate` as Prometheus' people name alerts: `HttpErrorRate`."""
    return "".join(part.capitalize() for part in rule.signal.replace(".", "_").split("_"))


def _holding_s(rule: Rule, interval_s: float) -> float:
    """The time that makes Prometheus wait as long: n samples in a row span n - 1 intervals."""
    in_a_row = max(0, (rule.consecutive or 1) - 1) * interval_s
    return max(rule.persistence_s, in_a_row)


# --- readings ----------------------------------------------------------------------------------------------------


def _reading(reading: Reading, statistic: Statistic | None, window_s: float, labels: Labels) -> str:
    match reading:
        case Gauge():
            return _gauge(reading, statistic, window_s, labels)
        case GaugeRatio():
            return _gauge_ratio(reading, statistic, window_s, labels)
        case CounterRate(selector=selector, by=by) if by:
            return f"max({_sum(by)}({_over('rate', selector, window_s, labels)}))"
        case CounterRate(selector=selector, aggregate=aggregate):
            return f"{aggregate}({_over('rate', selector, window_s, labels)})"
        case CounterIncrease(selector=selector):
            return f"sum({_over('increase', selector, window_s, labels)})"
        case CounterRatio():
            return _counter_ratio(reading, window_s, labels)
        case Histogram():
            return _histogram(reading, statistic, window_s, labels)
        case _:
            assert_never(reading)


def _gauge(reading: Gauge, statistic: Statistic | None, window_s: float, labels: Labels) -> str:
    window_s = 0.0 if reading.relative else window_s
    value = f"{reading.aggregate}({_level(reading.selector, statistic, window_s, labels)})"
    if reading.relative == "since":
        value = f"time() - {value}"
    elif reading.relative == "until":
        value = f"{value} - time()"
    return _scaled(value, reading.scale)


def _gauge_ratio(reading: GaugeRatio, statistic: Statistic | None, window_s: float, labels: Labels) -> str:
    part = f"{_sum(reading.by)}({_level(reading.part, statistic, window_s, labels)})"
    whole = f"{_sum(reading.by)}({_level(reading.whole, statistic, window_s, labels)})"
    ratio = f"{part} / ({whole} > 0)"
    return f"max({f'1 - {ratio}' if reading.complement else ratio})"


def _counter_ratio(reading: CounterRatio, window_s: float, labels: Labels) -> str:
    part = f"{_sum(reading.by)}({_over('increase', reading.part, window_s, labels)})"
    whole = f"{_sum(reading.by)}({_over('increase', reading.whole, window_s, labels)})"
    over = f"(({part} or {whole} * 0) + ({whole} or {part} * 0))" if reading.disjoint else whole
    share = f"({part} or {whole} * 0) / {over}"
    return f"max({share})" if reading.by else share


def _sum(by: Sequence[str]) -> str:
    return f"sum by ({', '.join(by)}) " if by else "sum"


def _histogram(reading: Histogram, statistic: Statistic | None, window_s: float, labels: Labels) -> str:
    def rate(suffix: str) -> str:
        selector = Selector(metric=f"{reading.selector.metric}{suffix}", matchers=reading.selector.matchers)
        return _over("rate", selector, window_s, labels)

    if statistic is Statistic.MEAN:
        return _scaled(f"sum({rate('_sum')}) / sum({rate('_count')})", reading.scale)
    assert statistic is not None
    value = f"histogram_quantile({number(QUANTILES[statistic])}, sum by (le) ({rate('_bucket')}))"
    return _scaled(value, reading.scale)


def _level(selector: Selector, statistic: Statistic | None, window_s: float, labels: Labels) -> str:
    """Gauges: the latest values, or a statistic of a window."""
    if not window_s:
        return _selector(selector, labels)
    match statistic:
        case None | Statistic.MEAN:
            return _over("avg_over_time", selector, window_s, labels)
        case Statistic.MAX:
            return _over("max_over_time", selector, window_s, labels)
        case _:
            ranged = f"{_selector(selector, labels)}[{duration(window_s)}]"
            return f"quantile_over_time({number(QUANTILES[statistic])}, {ranged})"


def _over(function: str, selector: Selector, window_s: float, labels: Labels) -> str:
    return f"{function}({_selector(selector, labels)}[{duration(window_s)}])"


def _selector(selector: Selector, labels: Labels) -> str:
    matchers: Iterable[Matcher] = (
        *selector.matchers,
        *(Matcher(label=name, operator="=", value=value) for name, value in labels),
    )
    inside = ",".join(f"{each.label}{each.operator}{_quoted(each.value)}" for each in matchers)
    return f"{selector.metric}{{{inside}}}" if inside else selector.metric


def _scaled(value: str, scale: float) -> str:
    return value if scale == 1.0 else f"{_operand(value)} * {number(scale)}"


def _operand(value: str) -> str:
    """A value that an operator may follow."""
    return f"({value})" if " " in value else value


# --- texts -------------------------------------------------------------------------------------------------------


def number(value: float) -> str:
    """A number as PromQL reads it back to the same bits."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def duration(seconds: float) -> str:
    """`1m30s`, as Prometheus writes durations; milliseconds are its finest."""
    left = round(seconds * 1000)
    if left == 0:
        return "0s"
    parts = []
    for size, name in _UNITS:
        whole, left = divmod(left, size)
        if whole:
            parts.append(f"{whole}{name}")
    return "".join(parts)


def _quoted(value: str) -> str:
    """A PromQL string: Go's escapes, of which backslash, quote and newline are all that is needed."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _text(value: str) -> str:
    """A YAML string in double quotes: JSON with what YAML takes for a line break, or refuses, escaped."""
    return _UNPRINTABLE.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    # A lone surrogate is no character in any encoding.
    return "\\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def _untemplated(text: str) -> str:
    """Annotations are Go templates: a brace pair in somebody's playbook is to be shown, not run."""
    return text.replace("{{", '{{ "{{" }}')
