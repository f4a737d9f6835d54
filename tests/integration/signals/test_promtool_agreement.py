"""The two readings of a rule agree: Stanch's windows and Prometheus 2.42, on random series.

One promtool run evaluates many cases, since starting it costs more than evaluating them. A case is a signal, a rule
and random series: counters with resets, gauges, histograms, with gaps and ends.
"""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source
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
    Unit,
)
from stanch.signals import promql
from stanch.signals.rulebook import Rulebook
from stanch.signals.windows import Labels, Windows, milliseconds

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")

STEPS = 40
QUANTILES = [Statistic.P50, Statistic.P90, Statistic.P95, Statistic.P99, Statistic.MAX]
BOUNDS = ["0.1", "0.5", "1", "2.5", "+Inf"]

# A missing sample, and the end of a series.
GAP = "_"
END = "stale"
Values = list[float | str]


@dataclass
class Case:
    number: int
    signal: Signal
    rule: Rule
    series: list[tuple[str, Labels, Values]] = field(default_factory=list)


@dataclass(repr=False)
class Batch:
    """Cases with the seconds between two samples and between two evaluations."""

    scrape_s: int
    evaluate_s: int
    cases: list[Case]

    def __repr__(self) -> str:
        return f"<{len(self.cases)} cases, a sample every {self.scrape_s} s, an evaluation every {self.evaluate_s} s>"

    @property
    def moments(self) -> range:
        return range(0, self.scrape_s * STEPS + 60, self.evaluate_s)


# --- random series -----------------------------------------------------------------------------------------------


def holes(draw: st.DrawFn, values: list[float]) -> Values:
    """The values with gaps and ends; some series begin late."""
    kind = draw(st.sampled_from(["whole", "whole", "gaps", "late", "ends"]))
    holed: Values = list(values)
    if kind == "gaps":
        for index in draw(st.lists(st.integers(0, STEPS - 1), max_size=25)):
            holed[index] = GAP
    elif kind == "late":
        for index in range(draw(st.integers(1, STEPS - 1))):
            holed[index] = GAP
    elif kind == "ends":
        start = draw(st.integers(1, STEPS - 2))
        length = draw(st.integers(1, STEPS))
        for index in range(start, min(STEPS, start + length)):
            holed[index] = END if index == start else GAP
    return holed


def counter(draw: st.DrawFn, most: int = 50) -> list[float]:
    """Mostly growing; now and then it begins at 0 or at something small again."""
    value = float(draw(st.sampled_from([0, 0, 3, 1000])))
    values = []
    for step in draw(st.lists(st.integers(-3, most), min_size=STEPS, max_size=STEPS)):
        value = value + step if step >= 0 else float(step + 3)
        values.append(value)
    return values


def gauge(draw: st.DrawFn, most: int = 100) -> list[float]:
    return [float(value) for value in draw(st.lists(st.integers(0, most), min_size=STEPS, max_size=STEPS))]


def labelled(draw: st.DrawFn) -> list[Labels]:
    """One to three label sets."""
    return [
        (("host", host), ("zone", zone))
        for host, zone in draw(
            st.lists(st.sampled_from([("a", "x"), ("b", "x"), ("c", "y")]), min_size=1, max_size=3, unique=True)
        )
    ]


GROUPS = st.sampled_from([(), ("zone",), ("host", "zone"), ("absent",)])


# --- random signals ------------------------------------------------------------------------------------------------


def selector(draw: st.DrawFn, metric: str) -> Selector:
    matchers = draw(
        st.sampled_from(
            [
                (),
                (),
                (Matcher(label="zone", operator="=", value="x"),),
                (Matcher(label="zone", operator="!=", value="x"),),
                (Matcher(label="host", operator="=~", value="a|c"),),
                (Matcher(label="host", operator="!~", value="a.*"),),
                (Matcher(label="absent", operator="=", value=""),),
            ]
        )
    )
    return Selector(metric=metric, matchers=matchers)


def reading(draw: st.DrawFn, metric: str) -> tuple[Reading, Statistic | None, list[tuple[str, Labels, Values]]]:
    """A reading, a statistic it gives, and series for it."""
    chosen = selector(draw, metric)
    other = Selector(metric=f"{metric}_whole", matchers=chosen.matchers)
    kind = draw(st.sampled_from(["gauge", "gauge_ratio", "rate", "increase", "counter_ratio", "histogram"]))
    if kind == "histogram":
        return histogram(draw, chosen)
    if kind in {"gauge", "gauge_ratio"}:
        statistic = draw(st.sampled_from([None, Statistic.MEAN, Statistic.MAX]))
        series = [(metric, labels, holes(draw, gauge(draw))) for labels in labelled(draw)]
        if kind == "gauge":
            aggregate = draw(st.sampled_from(["sum", "max", "min", "avg"]))
            relative = draw(st.sampled_from(["", "", "since", "until"]))
            scale = draw(st.sampled_from([1.0, 0.01]))
            statistic = None if relative else draw(st.sampled_from([statistic, *QUANTILES]))
            return Gauge(selector=chosen, aggregate=aggregate, relative=relative, scale=scale), statistic, series
        series += [(other.metric, labels, holes(draw, gauge(draw))) for labels in labelled(draw)]
        return GaugeRatio(part=chosen, whole=other, by=draw(GROUPS), complement=draw(st.booleans())), statistic, series
    series = [(metric, labels, holes(draw, counter(draw))) for labels in labelled(draw)]
    if kind == "rate":
        aggregate = draw(st.sampled_from(["sum", "max"]))
        by = draw(GROUPS)
        statistic = draw(st.sampled_from([None, Statistic.RATE]))
        return CounterRate(selector=chosen, aggregate=aggregate, by=by), statistic, series
    if kind == "increase":
        return CounterIncrease(selector=chosen), None, series
    if draw(st.integers(0, 4)) == 0:
        series = []
    series += [(other.metric, labels, holes(draw, counter(draw))) for labels in labelled(draw)]
    return CounterRatio(part=chosen, whole=other, disjoint=draw(st.booleans()), by=draw(GROUPS)), None, series


def histogram(draw: st.DrawFn, chosen: Selector) -> tuple[Reading, Statistic | None, list[tuple[str, Labels, Values]]]:
    series: list[tuple[str, Labels, Values]] = []
    for labels in labelled(draw):
        below = [0.0] * STEPS
        for bound in BOUNDS:
            below = [lower + more for lower, more in zip(below, counter(draw, most=5), strict=True)]
            series.append((f"{chosen.metric}_bucket", (*labels, ("le", bound)), list(below)))
        series.append((f"{chosen.metric}_count", labels, list(below)))
        series.append((f"{chosen.metric}_sum", labels, holes(draw, counter(draw))))
    scale = draw(st.sampled_from([1.0, 0.001]))
    statistic = draw(st.sampled_from([Statistic.MEAN, *QUANTILES]))
    return Histogram(selector=chosen, scale=scale), statistic, series


@st.composite
def cases(draw: st.DrawFn, number: int) -> Case:
    first, statistic, series = reading(draw, f"m{number}")
    name = f"case.{number}"
    signal = Signal(
        name=name,
        unit=Unit.COUNT,
        description="A random case.",
        phrases=(name,),
        reading=first,
        alternatives=(Gauge(selector=Selector(metric=f"m{number}_other")),) if statistic is None else (),
        default_statistic=statistic if isinstance(first, Histogram) else None,
    )
    if signal.alternatives:
        series.append((f"m{number}_other", (), holes(draw, gauge(draw))))
    instant = isinstance(first, Gauge | GaugeRatio) and statistic in {None, Statistic.MEAN, Statistic.MAX}
    value = draw(st.sampled_from([0.003, 0.31, 0.77, 1.37, 3.7, 13.3, 37.1, 61.9, 133.7]))
    rule = Rule(
        id=f"case-{number}",
        title=f"case {number}",
        signal=name,
        statistic=statistic,
        comparison=draw(
            st.sampled_from(
                [
                    Comparison.GREATER,
                    Comparison.GREATER_EQUAL,
                    Comparison.LESS,
                    Comparison.LESS_EQUAL,
                    Comparison.NOT_EQUAL,
                ]
            )
        ),
        value=value,
        upper=draw(st.sampled_from([None, None, value * 3.1])),
        unit=Unit.COUNT,
        window_s=draw(st.sampled_from([12.0, 30.0, 61.5, 120.0] + ([0.0] * 4 if instant else []))),
        persistence_s=draw(st.sampled_from([0.0, 0.0, 5.0, 22.0, 60.0])),
        consecutive=draw(st.sampled_from([None, None, 3])),
        severity="P1",
        role=ThresholdRole.ALERT,
        labels=draw(st.sampled_from([(), (), (), (("zone", "x"),)])),
        source=Source(path="playbook.md", line=number + 1, text=f"case {number} {{{{ $value }}}}"),
    )
    return Case(number, signal, rule, series)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    scrape_s = draw(st.sampled_from([5, 7, 15]))
    evaluate_s = draw(st.sampled_from([5, 10, 15]))
    count = draw(st.integers(10, 20))
    return Batch(scrape_s, evaluate_s, [draw(cases(number)) for number in range(count)])


# --- Stanch --------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What Stanch says of one case: its values and the moments at which it fires."""

    values: dict[int, float] = field(default_factory=dict)
    firing: set[int] = field(default_factory=set)


def watched(batch: Batch) -> dict[int, Outcome]:
    windows = Windows(7200)
    signals = {case.signal.name: case.signal for case in batch.cases}
    rulebook = Rulebook(windows, signals)
    rulebook.arm([case.rule for case in batch.cases])
    outcomes = {case.number: Outcome() for case in batch.cases}
    numbers = {case.rule.id: case.number for case in batch.cases}
    step = 0
    for at in batch.moments:
        while step < STEPS and step * batch.scrape_s <= at:
            for case in batch.cases:
                for metric, labels, values in case.series:
                    series = windows.series(metric, labels)
                    match values[step]:
                        case float() as value:
                            series.append(milliseconds(step * batch.scrape_s), value)
                        case "stale":
                            series.end(milliseconds(step * batch.scrape_s))
            step += 1
        rulebook.evaluate(float(at))
        for evaluation in rulebook.evaluations():
            outcome = outcomes[numbers[evaluation.rule.id]]
            if evaluation.value is not None:
                outcome.values[at] = evaluation.value
            if evaluation.state is AlertState.FIRING:
                outcome.firing.add(at)
    return outcomes


# --- promtool ------------------------------------------------------------------------------------------------------


def promtool(folder: Path, batch: Batch, tests: dict[str, object]) -> str:
    """What `promtool test rules` prints: nothing but SUCCESS where all tests hold."""
    signals = {case.signal.name: case.signal for case in batch.cases}
    (folder / "rules.yml").write_text(
        promql.rule_file([case.rule for case in batch.cases], signals, interval_s=batch.evaluate_s)
    )
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{batch.evaluate_s}s",
        "tests": [
            {
                "interval": f"{batch.scrape_s}s",
                "input_series": [
                    {
                        "series": f"{metric}{{{','.join(f'{name}={json.dumps(value)}' for name, value in labels)}}}",
                        "values": " ".join(value if isinstance(value, str) else f"{value:g}" for value in values),
                    }
                    for case in batch.cases
                    for metric, labels, values in case.series
                ],
                **tests,
            }
        ],
    }
    # JSON is YAML.
    (folder / "tests.yml").write_text(json.dumps(document))
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout + done.stderr


_GOT = re.compile(r'expr: "(?P<expr>(?:[^"\\]|\\.)*)", time: (?P<time>\S+?),\s+exp: ?.*?\n\s+got: ?(?P<got>.*)')


def prometheus_values(folder: Path, batch: Batch) -> Iterator[tuple[int, int, float | None]]:
    """(case, moment, value) as Prometheus computes them: promtool prints what it got where it was told to expect
    a value that nothing has.
    """
    expected = [
        {
            # A comparison that filters nothing, with the case's number, tells the answers apart.
            "expr": f"({expression(case)}) + 0 * {case.number}",
            "eval_time": f"{at}s",
            "exp_samples": [{"labels": '{never="this"}', "value": 1}],
        }
        for case in batch.cases
        for at in batch.moments
    ]
    output = promtool(folder, batch, {"promql_expr_test": expected})
    found = list(_GOT.finditer(output))
    assert len(found) == len(expected), output[:2000]
    for wanted, got in zip(expected, found, strict=True):
        number = int(str(wanted["expr"]).rpartition("* ")[2])
        at = int(str(wanted["eval_time"])[:-1])
        text = got["got"].strip()
        yield number, at, None if text in {"nil", ""} else float(text.split()[-1])


def expression(case: Case) -> str:
    return promql.signal_expression(
        case.signal, statistic=case.rule.statistic, window_s=case.rule.window_s, labels=case.rule.labels
    )


def near(left: float, right: float) -> bool:
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(batch=batches())
def test_every_value_is_the_one_that_prometheus_computes(
    tmp_path_factory: pytest.TempPathFactory, batch: Batch
) -> None:
    outcomes = watched(batch)
    for number, at, value in prometheus_values(tmp_path_factory.mktemp("values"), batch):
        ours = outcomes[number].values.get(at)
        case = batch.cases[number]
        if value is None or math.isnan(value):
            assert ours is None, (at, ours, expression(case), case)
        else:
            assert ours is not None, (at, value, expression(case), case)
            assert near(ours, value) or ours == value, (at, ours, value, expression(case), case)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(batch=batches())
def test_alerts_fire_at_the_same_moments_as_in_prometheus(
    tmp_path_factory: pytest.TempPathFactory, batch: Batch
) -> None:
    outcomes = watched(batch)
    expected = []
    for case in batch.cases:
        outcome = outcomes[case.number]
        limits = [case.rule.value] if case.rule.upper is None else [case.rule.value, case.rule.upper]
        if any(near(value, limit) for value in outcome.values.values() for limit in limits):
            continue  # the last bit of a sum decides, and the two add up in different orders
        expected += [
            {
                "eval_time": f"{at}s",
                "alertname": promql.alert_name(case.rule),
                "exp_alerts": [
                    {
                        "exp_labels": {"severity": "P1", "rule": case.rule.id, "role": "alert"},
                        "exp_annotations": {
                            "summary": case.rule.title,
                            "source": str(case.rule.source),
                            "description": case.rule.source.text,
                        },
                    }
                ]
                if at in outcome.firing
                else [],
            }
            for at in batch.moments
        ]
    output = promtool(tmp_path_factory.mktemp("alerts"), batch, {"alert_rule_test": expected})
    assert "SUCCESS" in output, output[:3000]
