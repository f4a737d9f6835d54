"""Charts for the pages, over the watcher's memory and store; on a fixed raster of time, so that nothing jitters."""

import math
from collections import OrderedDict
from collections.abc import Sequence

from stanch.charts.chart import Chart, Mark, MarkKind, Point
from stanch.model.incident import Event, EventKind, Incident
from stanch.model.rule import Evaluation, Rule
from stanch.signals.picture import chart_of
from stanch.web.served import Served
from stanch.web.views import signals
from stanch.web.views.signals import ChartView

SPARK_S = 1800.0
_SPARK_STEP_S = 60.0
_LEAD_S = 120.0
_SHORTEST_S = 300.0
_POINTS = 120
_MOST_CHARTS = 6
_FEWEST_CHARTS = 3
_KEPT = 512

_Key = tuple[str, float, float]


class Gallery:
    """Keeps what was drawn last: a page that is looked at by ten people is measured once."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._kept: OrderedDict[_Key, Sequence[Point]] = OrderedDict()

    async def sparks(self, evaluations: Sequence[Evaluation]) -> dict[str, Chart]:
        """The last half hour of each rule, by the rule's id."""
        end = _floor(self._served.clock.now(), _SPARK_STEP_S)
        start = end - SPARK_S
        return {
            each.rule.id: chart_of(
                each.rule, await self._points(each.rule, start, end), start=start, end=end, step_s=_SPARK_STEP_S
            )
            for each in evaluations
        }

    async def room(self, incident: Incident, marks: Sequence[Mark]) -> tuple[ChartView, ...]:
        """The signals of an incident on one axis, from before it opened to now or to a little after its end.

        Those whose rules fired in it come first; others of the watch fill the row.
        """
        watched = {each.rule.id: each.rule for each in self._served.watcher.evaluations()}
        mine = [watched[rule] for rule in incident.rules if rule in watched]
        others = [rule for rule in watched.values() if rule not in mine]
        seen: dict[tuple[object, ...], Rule] = {}
        for rule in [*mine, *others[: max(0, _FEWEST_CHARTS - len(mine))]]:
            seen.setdefault((rule.signal, rule.statistic, rule.labels), rule)
        start, end = self._span(incident)
        views = []
        for rule in list(seen.values())[:_MOST_CHARTS]:
            points = await self._points(rule, start, end)
            views.append(signals.chart_view(rule, chart_of(rule, points, start=start, end=end, marks=marks)))
        return tuple(views)

    def _span(self, incident: Incident) -> tuple[float, float]:
        now = self._served.clock.now()
        last = now if incident.resolved_at is None else min(now, incident.resolved_at + _LEAD_S / 2)
        start = min(incident.opened_at - _LEAD_S, last - _SHORTEST_S)
        step = max(1.0, math.ceil((last - start) / _POINTS))
        return _floor(start, step), _floor(last, step)

    async def _points(self, rule: Rule, start: float, end: float) -> Sequence[Point]:
        key = (rule.id, start, end)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        points = await self._served.watcher.points(
            rule.signal,
            end - start,
            until=end,
            statistic=rule.statistic,
            window_s=rule.window_s,
            labels=rule.labels,
        )
        self._kept[key] = points
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return points


def marks(events: Sequence[Event]) -> tuple[Mark, ...]:
    """The moments of an incident that its charts show: changes of the outside, what was done, the turning points."""
    found = []
    for event in events:
        match event.kind:
            case EventKind.MARK:
                found.append(
                    Mark(
                        at=float(event.data.get("at") or event.at),
                        text=str(event.data.get("text") or ""),
                        kind=MarkKind.CHANGE,
                    )
                )
            case EventKind.CONTROL_APPLIED:
                found.append(Mark(at=event.at, text=str(event.data.get("text") or ""), kind=MarkKind.CONTROL))
            case EventKind.OPENED:
                found.append(Mark(at=event.at, text="opened"))
            case EventKind.MITIGATED:
                at = event.data.get("at")
                found.append(Mark(at=event.at if at is None else float(at), text="mitigated"))
            case EventKind.RESOLVED:
                found.append(Mark(at=event.at, text="resolved"))
            case _:
                pass
    return tuple(found)


def _floor(at: float, step: float) -> float:
    return at // step * step
