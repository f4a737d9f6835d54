"""The first page: what burns, what is watched, what was; and incidents that people open."""

from dataclasses import replace
from typing import Any

from litestar import Response, get, post
from sqlalchemy import Connection

from stanch.incidents import lifecycle, timeline
from stanch.model.incident import IncidentStatus
from stanch.web import bodies, gate, rendering
from stanch.web.pages import frame
from stanch.web.pages.frame import Asked, Html
from stanch.web.rendering import Part
from stanch.web.served import served_by
from stanch.web.views import overview, signals
from stanch.web.views.overview import Overview


@get("/")
async def show_overview(request: Asked) -> Html:
    """What burns, what is watched, what was."""
    served = served_by(request)
    view, position = await _overview(request)
    return frame.page(
        request,
        "overview.html",
        place="now",
        live=True,
        view=view,
        position=position,
        parts={part.name: part.html for part in _overview_parts(request, view)},
        service=served.settings.playbooks.service,
    )


@get("/live")
async def update_overview(request: Asked) -> Html:
    """The parts of the first page that changed."""
    view, _ = await _overview(request)
    return frame.changed(request, _overview_parts(request, view))


async def _overview(request: Asked) -> tuple[Overview, int]:
    served = served_by(request)

    def read(connection: Connection) -> tuple[overview.Material, int]:
        return overview.read(connection), timeline.position(connection)

    material, position = await served.store.read(read)
    evaluations = tuple(served.watcher.evaluations())
    sparks = await frame.gallery(request).sparks(evaluations)
    watch = overview.Watch(
        evaluations=evaluations,
        watched=tuple(signals.watched(each, sparks[each.rule.id]) for each in evaluations),
        targets=served.settings.scrape,
        problems=tuple(served.watcher.problems()),
        failing=tuple(
            (loop.name, f"failed {loop.failures} times: {loop.because}") for loop in served.loops if loop.failures
        ),
    )
    return overview.build(material, served.plan, watch, served.clock.now()), position


def _overview_parts(request: Asked, view: Overview) -> list[Part]:
    now = served_by(request).clock.now()
    return [
        rendering.part(name, f"parts/overview_{name}.html", view=view, now=now) for name in ("open", "watch", "health")
    ]


@get("/incidents")
async def list_incidents(request: Asked) -> Html:
    """Every incident, in one line each."""
    served = served_by(request)
    found = await served.store.read(lifecycle.listing)
    over = [each for each in found if each.status is IncidentStatus.RESOLVED]
    going_on = [replace(each, resolved_at=served.clock.now()) for each in found if each not in over]
    cards = sorted(overview.past([*over, *going_on], served.plan), key=lambda each: -int(each.id))
    return frame.page(request, "incidents.html", place="now", cards=cards)


@post("/incidents", opt=gate.RESPONDER, status_code=303)
async def open_incident(request: Asked) -> Response[Any]:
    """A person reports what no signal shows."""
    served = served_by(request)
    body = await bodies.form_body(request, bodies.OpenIncident)
    incident = await served.store.write(
        lambda connection: lifecycle.open_by_hand(
            connection,
            title=body.title,
            severity=body.severity,
            service=body.service,
            plan=served.plan,
            now=served.clock.now(),
            by=frame.caller(request).person,
            hooks=served.hooks,
        )
    )
    return frame.go(f"/incidents/{incident.id}")


handlers = [show_overview, update_overview, list_incidents, open_incident]
