"""A rule's signal over time as a chart, with the limit that the rule sets."""

from collections.abc import Sequence

from stanch.charts.chart import Chart, Limit, Mark, Point
from stanch.model.rule import Rule


def limit_of(rule: Rule) -> Limit:
    """The rule's condition as a chart draws it."""
    return Limit(value=rule.value, comparison=rule.comparison, upper=rule.upper)


def name_of(rule: Rule) -> str:
    """What is measured, without the limit: `Response time p95`."""
    words = rule.title.split(f" {rule.comparison.value} ", 1)[0]
    return words[:1].upper() + words[1:]


def chart_of(
    rule: Rule,
    points: Sequence[Point],
    *,
    start: float,
    end: float,
    marks: Sequence[Mark] = (),
    step_s: float | None = None,
) -> Chart:
    """The rule's signal from `start` to `end`, in epoch seconds."""
    return Chart(
        title=name_of(rule),
        unit=rule.unit,
        start=start,
        end=end,
        points=points,
        limit=limit_of(rule),
        marks=marks,
        step_s=step_s,
    )
