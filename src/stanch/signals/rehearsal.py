"""Rules rehearsed on made-up series: silent while the signal is in range, firing once it has left it for long enough.

The embedded engine says when each rule fires; the same series and moments are printed as a unit test for
`promtool test rules`, so that a team that exports its rules can see Prometheus do the same.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from stanch.catalogue.signals import SIGNALS
from stanch.model.record import record
from stanch.model.rule import AlertState, Rule
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
from stanch.signals.promql import duration
from stanch.signals.reading import gives, metrics_of
from stanch.signals.rulebook import Rulebook
from stanch.signals.windows import Labels, Windows, milliseconds, satisfies

# What the whole of a ratio is, and how fast its counter grows each second.
_WHOLE = 1000.0
# Beyond so many samples a rehearsal is of no use to anybody who waits for it.
_MOST_STEPS = 20_000


@record
class Made:
    """A series with a value for each sample."""

    metric: str
    labels: Labels
    values: tuple[float, ...]


@record
class Rehearsal:
    """What a rule did. `left_at_s` is when its signal left the range, `fired_at_s` when it fired, both from the start.

    `because` says why a rule could not be rehearsed; the rest is then empty.
    """

    rule: Rule
    series: tuple[Made, ...] = ()
    left_at_s: float = 0.0
    fired_at_s: float | None = None
    early: bool = False
    because: str = ""

    @property
    def good(self) -> bool:
        """Whether the rule was silent before and fired after."""
        return not self.because and not self.early and self.fired_at_s is not None


def rehearse(rule: Rule, signals: Mapping[str, Signal] = SIGNALS, *, interval_s: float = 5.0) -> Rehearsal:
    """Run a rule on series that are in range for its window and out of it from then on."""
    signal = signals[rule.signal]
    window_s = max(rule.window_s, interval_s)
    calm = round(window_s / interval_s) + 3
    holding_s = max(rule.persistence_s, ((rule.consecutive or 1) - 1) * interval_s)
    total = 2 * calm + round(holding_s / interval_s) + 3
    if total > _MOST_STEPS:
        return Rehearsal(rule=rule, because=f"it would take {total:,} samples")
    limits = _limits(rule)
    if limits is None:
        return Rehearsal(rule=rule, because="no value lies on the other side of its limit")
    asked = replace(rule, statistic=rule.statistic or signal.default_statistic)
    reading = gives(signal, asked.statistic)[0]
    try:
        stage = _Stage(rule=asked, values=limits, interval_s=interval_s, calm=calm, total=total)
        series = stage.series(reading)
    except _Impossible as impossible:
        return Rehearsal(rule=rule, because=str(impossible))
    return _run(rule, signals, series, interval_s=interval_s, calm=calm, total=total)


def promtool_tests(
    rehearsals: Sequence[Rehearsal],
    signals: Mapping[str, Signal] = SIGNALS,
    *,
    rule_file: str,
    interval_s: float = 5.0,
) -> str:
    """A file for `promtool test rules` (JSON, which is YAML) of the rules that were rehearsed.

    Each expects silence until the evaluation before the one at which the embedded engine fired, and the alert there.
    """
    tests = [
        {
            "interval": duration(interval_s),
            "input_series": [
                {"series": _spelled(each.metric, each.labels), "values": _values(each.values)}
                for rehearsal in together
                for each in rehearsal.series
            ],
            "promql_expr_test": [
                expected for rehearsal in together for expected in _expectations(rehearsal, interval_s)
            ],
        }
        for together in _apart([each for each in rehearsals if each.good], signals)
    ]
    document = {"rule_files": [rule_file], "evaluation_interval": duration(interval_s), "tests": tests}
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _apart(rehearsals: Sequence[Rehearsal], signals: Mapping[str, Signal]) -> list[list[Rehearsal]]:
    """Groups of rehearsals that share no metric: promtool evaluates every rule in every test, so few tests are good."""
    groups: list[tuple[set[str], list[Rehearsal]]] = []
    for rehearsal in rehearsals:
        metrics = metrics_of(signals[rehearsal.rule.signal])
        for taken, together in groups:
            if taken.isdisjoint(metrics):
                taken.update(metrics)
                together.append(rehearsal)
                break
        else:
            groups.append((set(metrics), [rehearsal]))
    return [together for _, together in groups]


class _Impossible(Exception):
    """No series can be made for a rule; the message says why."""


def _run(
    rule: Rule,
    signals: Mapping[str, Signal],
    series: tuple[Made, ...],
    *,
    interval_s: float,
    calm: int,
    total: int,
) -> Rehearsal:
    windows = Windows((total + 1) * interval_s + 300)
    rulebook = Rulebook(windows, signals)
    rulebook.arm([rule])
    fired_at = None
    early = False
    for step in range(total):
        at = step * interval_s
        for made in series:
            windows.series(made.metric, made.labels).append(milliseconds(at), made.values[step])
        if step < calm - 2:
            continue  # a window that is not yet full holds less than it will
        rulebook.evaluate(at)
        if rulebook.evaluations()[0].state is AlertState.FIRING:
            early = step < calm
            fired_at = at
            break
    return Rehearsal(rule=rule, series=series, left_at_s=(calm - 1) * interval_s, fired_at_s=fired_at, early=early)


# --- values on both sides of a limit -------------------------------------------------------------------------------


def _limits(rule: Rule) -> tuple[float, float] | None:
    """A value in range and one out of it, as far from the limit as is sensible; None where there is none."""
    limit = rule.value
    above = limit * 2 if limit > 0 else limit + 1
    below = limit / 2 if limit > 0 else limit - 1
    match rule.comparison:
        case Comparison.GREATER | Comparison.GREATER_EQUAL:
            return below, (limit + rule.upper) / 2 if rule.upper is not None else above
        case Comparison.LESS | Comparison.LESS_EQUAL:
            return (above, below) if limit > 0 else None
        case Comparison.EQUAL:
            return above, limit
        case Comparison.NOT_EQUAL:
            return limit, above
        case _:
            assert_never(rule.comparison)


# --- series that have a value ----------------------------------------------------------------------------------------


@record
class _Stage:
    """Makes series of which a reading has the first of `values` until the step `calm`, and the second from then on."""

    rule: Rule
    values: tuple[float, float]
    interval_s: float
    calm: int
    total: int

    def series(self, reading: Reading) -> tuple[Made, ...]:
        match reading:
            case Gauge(selector=selector):
                sign = {"": 0.0, "since": -1.0, "until": 1.0}[reading.relative]
                return (self._made(selector, self._level(lambda value: value / reading.scale), sign=sign),)
            case CounterRate(selector=selector):
                return (self._made(selector, self._growing(lambda value: value)),)
            case CounterIncrease(selector=selector):
                return (self._made(selector, self._growing(lambda value: value / self.rule.window_s)),)
            case GaugeRatio():
                return self._gauge_ratio(reading)
            case CounterRatio():
                return self._counter_ratio(reading)
            case Histogram():
                return self._histogram(reading)
            case _:
                assert_never(reading)

    def _gauge_ratio(self, reading: GaugeRatio) -> tuple[Made, ...]:
        labels = self.rule.labels
        rest = _rest(reading.part, reading.whole, labels)
        if rest is None and not reading.complement:
            part = self._level(lambda value: value * _WHOLE)
        else:
            part = self._level(lambda value: abs(reading.complement - self._share(value)) * _WHOLE)
        others = tuple(_WHOLE if rest is None else _WHOLE - value for value in part)
        # Both must be of one group.
        of_part = dict(_labels(reading.part, labels))
        of_whole = dict(_labels(reading.whole, labels) if rest is None else rest)
        for label in reading.by:
            value = of_part.get(label) or of_whole.get(label) or "rehearsed"
            of_part[label] = of_whole[label] = value
        return (
            Made(metric=reading.part.metric, labels=tuple(sorted(of_part.items())), values=part),
            Made(metric=reading.whole.metric, labels=tuple(sorted(of_whole.items())), values=others),
        )

    def _counter_ratio(self, reading: CounterRatio) -> tuple[Made, ...]:
        labels = self.rule.labels
        rest = _labels(reading.whole, labels) if reading.disjoint else _rest(reading.part, reading.whole, labels)
        if rest is None:
            part = self._growing(lambda value: value * _WHOLE)
            return self._made(reading.part, part), self._made(reading.whole, self._growing(lambda _: _WHOLE))
        part = self._growing(lambda value: self._share(value) * _WHOLE)
        others = self._growing(lambda value: (1 - self._share(value)) * _WHOLE)
        return self._made(reading.part, part), Made(metric=reading.whole.metric, labels=rest, values=others)

    def _histogram(self, reading: Histogram) -> tuple[Made, ...]:
        selector, scale = reading.selector, reading.scale
        if self.rule.statistic is Statistic.MEAN:
            total = self._growing(lambda value: value / scale)
            count = self._growing(lambda _: 1.0)
            return self._made(selector, total, suffix="_sum"), self._made(selector, count, suffix="_count")
        if min(self.values) <= 0:
            raise _Impossible("no duration is negative")
        # Every observation lies between nine tenths of a value and the value, so every quantile does.
        bounds = sorted({bound for value in self.values for bound in (value * 0.9, value)})
        return tuple(
            self._made(
                selector,
                self._growing(partial(_observed, bound)),
                suffix="_bucket",
                le="+Inf" if math.isinf(bound) else repr(bound / scale),
            )
            for bound in (*bounds, math.inf)
        )

    def _share(self, value: float) -> float:
        """A share of something is at most all of it."""
        if value <= 1:
            return value
        if self.rule.value < 1:
            return (self.rule.value + 1) / 2
        raise _Impossible("a share is never above 100%")

    def _at(self, step: int) -> float:
        return self.values[step >= self.calm]

    def _level(self, wanted: Callable[[float], float]) -> tuple[float, ...]:
        return tuple(wanted(self._at(step)) for step in range(self.total))

    def _growing(self, rate: Callable[[float], float]) -> tuple[float, ...]:
        """A counter that grows by so much a second."""
        values = [0.0]
        for step in range(1, self.total):
            values.append(values[-1] + rate(self._at(step)) * self.interval_s)
        return tuple(values)

    def _made(
        self, selector: Selector, values: tuple[float, ...], *, suffix: str = "", sign: float = 0.0, **more: str
    ) -> Made:
        """A series that the selector selects. With a `sign` its values are so far from the present moment."""
        if sign:
            values = tuple(step * self.interval_s + sign * value for step, value in enumerate(values))
        labels = tuple(sorted({**dict(_labels(selector, self.rule.labels)), **more}.items()))
        return Made(metric=f"{selector.metric}{suffix}", labels=labels, values=values)


def _observed(bound: float, value: float) -> float:
    """How fast a bucket grows whose observations are all just below `value`: one a second, or not at all."""
    return 1.0 if bound >= value else 0.0


# --- labels that a selector selects ----------------------------------------------------------------------------------

_PLAIN = ("other", "200", "500", "0")


def _labels(selector: Selector, narrowed: Labels, *, beside: Selector | None = None) -> Labels:
    """Labels that satisfy a selector, and not the one `beside` it. Raises _Impossible where none are found."""
    labels = dict(narrowed)
    wanted: dict[str, list[Matcher]] = {}
    for matcher in selector.matchers:
        wanted.setdefault(matcher.label, []).append(matcher)
    for label, matchers in wanted.items():
        candidates = [labels[label]] if label in labels else [*_examples(matchers), "", *_PLAIN]
        found = next((value for value in candidates if all(satisfies(each, value) for each in matchers)), None)
        if found is None:
            raise _Impossible(f"no value of {label} was found that {selector.metric} is selected by")
        labels[label] = found
    if beside is not None:
        for matcher in beside.matchers:
            opposite = replace(matcher, operator=matcher.operator.replace("!", "=").replace("==", "="))
            candidates = [*_PLAIN, "", *_examples([opposite])]
            if matcher.label in dict(narrowed):
                candidates = [labels[matcher.label]]
            own = [each for each in selector.matchers if each.label == matcher.label]
            for value in candidates:
                if not satisfies(matcher, value) and all(satisfies(each, value) for each in own):
                    labels[matcher.label] = value
                    break
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def _rest(part: Selector, whole: Selector, narrowed: Labels) -> Labels | None:
    """Where the whole contains the part: the labels of what else it contains; None where the two are apart."""
    if part.metric != whole.metric:
        return None
    inner = dict(_labels(part, narrowed))
    if not all(satisfies(matcher, inner.get(matcher.label, "")) for matcher in whole.matchers):
        return None
    rest = _labels(whole, narrowed, beside=part)
    if all(satisfies(matcher, dict(rest).get(matcher.label, "")) for matcher in part.matchers):
        raise _Impossible("nothing is in the whole and not in the part")
    return rest


def _examples(matchers: Sequence[Matcher]) -> list[str]:
    """Texts that the matchers may be satisfied by: their values, and the plainest texts of their expressions."""
    found = []
    for matcher in matchers:
        if matcher.operator == "=":
            found.append(matcher.value)
        elif matcher.operator == "=~":
            plain = re.sub(r"\(\?\w*:|[()]", "", matcher.value)
            found += [re.sub(r"\.", "0", re.sub(r"\.[*?]", "", branch)) for branch in plain.split("|")]
    return found


# --- texts -----------------------------------------------------------------------------------------------------------


def _spelled(metric: str, labels: Labels) -> str:
    return f"{metric}{{{','.join(f'{name}={json.dumps(value)}' for name, value in labels)}}}"


def _values(values: Sequence[float]) -> str:
    return " ".join(repr(value) for value in values)


def _expectations(rehearsal: Rehearsal, interval_s: float) -> Iterator[dict[str, object]]:
    """Asked by the rule's own label: several rules of a signal have one alert name."""
    firing = f'count(ALERTS{{alertstate="firing",rule={json.dumps(rehearsal.rule.id)}}})'
    assert rehearsal.fired_at_s is not None
    for at_s, samples in ((rehearsal.fired_at_s - interval_s, []), (rehearsal.fired_at_s, [{"value": 1}])):
        yield {"expr": firing, "eval_time": duration(at_s), "exp_samples": samples}
