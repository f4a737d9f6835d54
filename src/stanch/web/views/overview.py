"""The first page: what burns, what is watched, whether the watch itself is well, what was before."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from stanch.charts.quantity import prose
from stanch.incidents import lifecycle
from stanch.incidents.severities import ordered
from stanch.model.incident import Incident, IncidentClock, IncidentStatus
from stanch.model.plan import Plan
from stanch.model.problem import Problem
from stanch.model.record import record
from stanch.model.rule import AlertState, Evaluation
from stanch.model.run import Run, RunState, StepState
from stanch.response import runs
from stanch.signals.sources.scrape import ScrapeSettings
from stanch.store.tables import incident as incidents
from stanch.store.tables import review as reviews
from stanch.web.views import clocks, severity
from stanch.web.views.severity import Badge
from stanch.web.views.signals import Watched

RECENT = 8

LATE_S = 30.0
"""When the rules were not looked at for this long, the watch itself is not well."""


@record
class Card:
    """An open incident: `waits` is what waits for a person, `clock` the promise that runs out first."""

    id: str
    title: str
    badge: Badge
    status: str
    service: str
    opened_at: float
    who: str
    waits: str
    clock: IncidentClock | None


@record
class Past:
    """A resolved incident in one line."""

    id: str
    title: str
    badge: Badge
    opened_at: float
    took: str
    review: bool


@record
class Reviewed:
    """A review in one line."""

    incident_id: str
    title: str
    drafted_at: float


@record
class TargetView:
    """A source of measurements: `state` is well or late."""

    name: str
    state: str
    text: str


@record
class Overview:
    """`sees_all`: every rule has data. Where one has none, that nothing is open is no good news."""

    open: tuple[Card, ...]
    watched: tuple[Watched, ...]
    targets: tuple[TargetView, ...]
    watch: str
    recent: tuple[Past, ...]
    reviews: tuple[Reviewed, ...]
    levels: tuple[str, ...]
    sentence: str
    sees_all: bool


@record
class Watch:
    """What is measured now, and what is wrong with measuring it."""

    evaluations: tuple[Evaluation, ...]
    watched: tuple[Watched, ...]
    targets: Mapping[str, ScrapeSettings]
    problems: tuple[Problem, ...]
    failing: tuple[tuple[str, str], ...]


@record
class Material:
    """The rows of the page, read in one transaction."""

    open: tuple[Incident, ...]
    runs: tuple[Run, ...]
    resolved: tuple[Incident, ...]
    reviews: tuple[Reviewed, ...]


def read(connection: Connection) -> Material:
    """What the page needs of the store."""
    latest = lifecycle.listing(connection, limit=RECENT + 20)
    return Material(
        open=lifecycle.listing(connection, open_only=True),
        runs=runs.listing(connection, only_open=True),
        resolved=tuple(each for each in latest if each.status is IncidentStatus.RESOLVED)[:RECENT],
        reviews=read_reviews(connection, 4),
    )


def read_reviews(connection: Connection, most: int) -> tuple[Reviewed, ...]:
    """The latest reviews, the newest first."""
    query = (
        select(reviews.c.incident_id, reviews.c.drafted_at, incidents.c.title)
        .join(incidents, incidents.c.id == reviews.c.incident_id)
        .order_by(reviews.c.drafted_at.desc())
        .limit(most)
    )
    return tuple(
        Reviewed(incident_id=row.incident_id, title=row.title, drafted_at=row.drafted_at)
        for row in connection.execute(query)
    )


def build(
    material: Material,
    plan: Plan,
    watch: Watch,
    now: float,
) -> Overview:
    """The page's records. Pure."""
    evaluations = watch.evaluations
    cards = tuple(sorted((_card(each, material.runs, plan) for each in material.open), key=_urgency))
    broken = tuple(TargetView(name=name, state="late", text=because) for name, because in watch.failing)
    views = (*_targets(watch.targets, watch.problems), *broken)
    return Overview(
        open=cards,
        watched=watch.watched,
        targets=views,
        watch=_watch(evaluations, views, now),
        recent=past(material.resolved, plan),
        reviews=material.reviews,
        levels=tuple(each.level for each in ordered(plan)),
        sentence=_sentence(evaluations),
        sees_all=bool(evaluations) and all(each.state is not AlertState.NO_DATA for each in evaluations),
    )


def past(resolved: Sequence[Incident], plan: Plan) -> tuple[Past, ...]:
    """Resolved incidents in one line each."""
    return tuple(
        Past(
            id=each.id,
            title=each.title,
            badge=severity.badge(each.severity, plan),
            opened_at=each.opened_at,
            took=prose((each.resolved_at or each.opened_at) - each.opened_at),
            review=each.review_path is not None,
        )
        for each in resolved
    )


def _card(incident: Incident, open_runs: Sequence[Run], plan: Plan) -> Card:
    steps = [
        step
        for run in open_runs
        if run.incident_id == incident.id and run.state is RunState.RUNNING
        for step in run.steps
    ]
    waiting = [step for step in steps if step.state in {StepState.PROPOSED, StepState.UNKNOWN}]
    status = "recovering" if incident.recovering_since is not None else incident.status.value
    who = incident.assignee or incident.acknowledged_by or ""
    return Card(
        id=incident.id,
        title=incident.title,
        badge=severity.badge(incident.severity, plan),
        status=status,
        service=incident.service,
        opened_at=incident.opened_at,
        who=who,
        waits=(waiting[0].title or waiting[0].text) if waiting else "",
        clock=clocks.next_due(incident),
    )


def _urgency(card: Card) -> tuple[int, int, float]:
    return (("fire", "warn", "calm").index(card.badge.tone), 0 if card.waits else 1, card.opened_at)


def _targets(settings: Mapping[str, ScrapeSettings], problems: Sequence[Problem]) -> tuple[TargetView, ...]:
    """The targets by name; a problem of the watch names its target's address."""
    wrong = {problem.source.path: problem for problem in problems if problem.source is not None}
    return tuple(
        TargetView(name=name, state="late", text=wrong[each.url].message)
        if each.url in wrong
        else TargetView(name=name, state="well", text=f"read every {prose(each.interval_s)}")
        for name, each in settings.items()
    )


def _watch(evaluations: Sequence[Evaluation], targets: Sequence[TargetView], now: float) -> str:
    bad = [target for target in targets if target.state != "well"]
    blind = sum(each.state is AlertState.NO_DATA for each in evaluations)
    looked_at = max((each.at for each in evaluations), default=0.0)
    if bad:
        return f"{bad[0].name} is not read" if len(bad) == 1 else f"{len(bad)} sources are not read"
    if evaluations and now - looked_at > LATE_S:
        return f"last looked {prose(now - looked_at)} ago" if looked_at else "has not looked yet"
    if blind:
        return "1 rule has no data" if blind == 1 else f"{blind} rules have no data"
    return "every source is read" if targets else "nothing is read"


def _sentence(evaluations: Sequence[Evaluation]) -> str:
    firing = sum(each.state is AlertState.FIRING for each in evaluations)
    blind = sum(each.state is AlertState.NO_DATA for each in evaluations)
    well = len(evaluations) - firing - blind
    rules = "1 rule" if len(evaluations) == 1 else f"{len(evaluations)} rules"
    if not evaluations:
        return "No threshold of the playbooks is armed, so nothing is watched."
    if firing == 0 and blind == 0:
        return f"{rules} watched, all within their limits."
    parts = [f"{firing} firing"] if firing else []
    parts += [f"{blind} without data"] if blind else []
    parts += [f"{well} within their limits"] if well else []
    return f"{rules} watched: {', '.join(parts)}."
