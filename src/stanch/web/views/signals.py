"""What is measured, beside its limits: charts of one or of several rules on one axis of time, and rows of all."""

from stanch.charts import chart as charts
from stanch.charts.chart import Chart
from stanch.charts.quantity import compared, prose, say
from stanch.model.record import record
from stanch.model.rule import AlertState, Evaluation, Rule
from stanch.signals.picture import limit_of


@record
class ChartView:
    """A chart with its words. `points` is compact text for the page's script: seconds from the start, value."""

    name: str
    chart: Chart
    value: str
    caption: str
    state: str
    points: str
    sentence: str
    table: tuple[tuple[float, str], ...]


@record
class Watched:
    """A rule as listed: where it stands, its latest value, what it opens."""

    rule: Rule
    state: str
    value: str
    limit: str
    since: float
    chart: Chart


def condition_of(rule: Rule) -> str:
    """The limit in words: `limit 5% in 2 min`, `under 10/s for 5 min`."""
    more = rule.comparison.value.startswith(">") and rule.upper is None
    text = f"{'limit' if more else compared(rule.comparison)} {say(rule.value, rule.unit)}"
    if rule.upper is not None:
        text += f" to {say(rule.upper, rule.unit)}"
    if rule.window_s:
        text += f" in {prose(rule.window_s)}"
    if rule.persistence_s:
        text += f" for {prose(rule.persistence_s)}"
    return text


def chart_view(rule: Rule, chart: Chart) -> ChartView:
    """The chart with its words and the table behind it."""
    latest = charts.latest(chart)
    limit = limit_of(rule)
    state = "none" if latest is None else "out" if limit.broken_by(latest) else "well"
    return ChartView(
        name=rule.id,
        chart=chart,
        value=say(latest, chart.unit),
        caption=f"{chart.title[:1].lower()}{chart.title[1:]}, {condition_of(rule)}",
        state=state,
        points=" ".join(
            f"{at - chart.start:.0f},{'' if value is None else f'{value:.5g}'}"
            for at, value in chart.points
            if chart.start <= at <= chart.end
        ),
        sentence=charts.summary(chart),
        table=tuple((at, say(value, chart.unit)) for at, value in charts.samples(chart)),
    )


def watched(evaluation: Evaluation, chart: Chart) -> Watched:
    """A rule as listed."""
    return Watched(
        rule=evaluation.rule,
        state="none" if evaluation.state is AlertState.NO_DATA else evaluation.state.value,
        value=say(evaluation.value, evaluation.rule.unit),
        limit=condition_of(evaluation.rule),
        since=evaluation.since,
        chart=chart,
    )


def standing(evaluation: Evaluation, now: float) -> str:
    """Where a rule stands, in words."""
    lasted = prose(max(0.0, now - evaluation.since)) if evaluation.since else ""
    match evaluation.state:
        case AlertState.FIRING:
            return f"firing for {lasted}"
        case AlertState.PENDING:
            return f"out of range for {lasted}"
        case AlertState.NO_DATA:
            return f"no data for {lasted}" if lasted else "no data yet"
        case AlertState.INACTIVE:
            return "within its limit"
