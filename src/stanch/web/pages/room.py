"""The incident room: one incident whole, and everything that people do in it. Every form works without a script."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from markupsafe import Markup
from sqlalchemy import Connection

from stanch.incidents import timeline
from stanch.model.plan import Procedure, Role
from stanch.model.run import StepRecord
from stanch.response import controls
from stanch.web import acts, bodies, filling, gate, rendering
from stanch.web.gallery import marks
from stanch.web.pages import frame
from stanch.web.pages.frame import Asked, Html
from stanch.web.rendering import Part
from stanch.web.served import served_by
from stanch.web.views import decision, room
from stanch.web.views.room import Room

_AFTER = "Stanch-After"
_ALL_ROWS = 100_000


@get("/incidents/{incident_id:str}")
async def show_room(request: Asked, incident_id: FromPath[str], *, all: FromQuery[bool] = False) -> Html:  # noqa: A002 - the address says `all`
    """One incident, whole."""
    served = served_by(request)
    material, position = await _material(request, incident_id)
    view = room.build(material, served.plan, served.clock.now(), most=_ALL_ROWS if all else room.MOST_ROWS)
    parts = await _room_parts(request, material, view)
    return frame.page(
        request,
        "room.html",
        place="now",
        live=True,
        room=view,
        position=position,
        parts={part.name: part.html for part in parts},
        rows=rendering.rows(view.id, view.rows),
        roles=list(dict.fromkeys(role.name for role in served.plan.of(Role))),
    )


@get("/incidents/{incident_id:str}/live")
async def update_room(request: Asked, incident_id: FromPath[str]) -> Html:
    """The parts of the room that changed, and the rows that are new."""
    return await _room_changes(request, incident_id)


async def _material(request: Asked, incident_id: str) -> tuple[room.Material, int]:
    served = served_by(request)

    def read(connection: Connection) -> tuple[room.Material, int]:
        material = room.read(connection, incident_id)
        offers = {
            f"{run.id}/{key}": offered
            for run in material.runs
            for key, offered in filling.offers_of(connection, served, run).items()
        }
        return replace(material, offers=offers), timeline.position(connection)

    return await served.store.read(read)


async def _room_parts(request: Asked, material: room.Material, view: Room) -> list[Part]:
    now = served_by(request).clock.now()
    moments = marks(material.events)
    charts = await frame.gallery(request).room(material.incident, moments)
    shown = [mark for mark in moments if charts and charts[0].chart.start <= mark.at <= charts[0].chart.end]
    values: dict[str, Any] = {
        "room": view,
        "now": now,
        "caller": frame.caller(request),
        "may": frame.may(request),
        "procedures": _startable(request, material),
        "whose": _whose(request, material, view),
        "barred": _barred(request, material, view),
        "charts": charts,
        "marks": shown,
        "span": rendering.span(charts[0].chart) if charts else "",
    }
    names = ("head", "hands", "clocks", "next", "signals", "why", "runs", "force", "people", "chain")
    return [rendering.part(name, f"parts/room_{name}.html", **values) for name in names]


def _startable(request: Asked, material: room.Material) -> list[tuple[str, str]]:
    """The key and name of each procedure of the incident's plan that does not go on already."""
    plan = served_by(request).plan_of(material.incident)
    going_on = {run.procedure for run in material.runs if not run.state.is_over}
    return [(each.key, each.name) for each in plan.of(Procedure) if each.steps and each.key not in going_on]


def _asked(material: room.Material, view: Room) -> StepRecord | None:
    """The step that waits for a yes."""
    waits = view.next
    if not isinstance(waits, decision.Decide) or waits.by_hand or waits.open or waits.options:
        return None
    steps = (step for run in material.runs if run.id == waits.run_id for step in run.steps)
    return next(step for step in steps if step.key == waits.key)


def _whose(request: Asked, material: room.Material, view: Room) -> str:
    """The roles whose yes what waits takes; empty where it is any responder's."""
    step, served = _asked(material, view), served_by(request)
    if step is None:
        return ""
    plan = served.plan_of(material.incident)
    return " or ".join(served.approvers.roles_for(plan, material.incident.severity, step))


def _barred(request: Asked, material: room.Material, view: Room) -> str:
    """Why this person's yes would not count for what waits; empty where it would."""
    step, person = _asked(material, view), frame.caller(request).person
    if step is None:
        return ""
    if isinstance(view.next, decision.Decide) and person in view.next.proposers:
        return "You filled it in; two others approve what destroys."
    return served_by(request).approvers.refusal(material.incident, step, person) or ""


async def _room_changes(request: Asked, incident_id: str, *, acted: bool = False) -> Html:
    served = served_by(request)
    material, _ = await _material(request, incident_id)
    view = room.build(material, served.plan, served.clock.now())
    after = request.headers.get(_AFTER, "")
    fresh = [row for row in view.rows if row.seq > int(after)] if after.isascii() and after.isdigit() else []
    rows = rendering.rows(incident_id, fresh, fresh=True)
    more = Markup('<ol hx-swap-oob="afterbegin:#rows">{}</ol>').format(rows) if fresh else Markup()
    return frame.changed(request, await _room_parts(request, material, view), more, acted=acted)


async def _act(request: Asked, incident_id: str, unit: Callable[[Connection], Any]) -> Response[Any]:
    """Do it; then the room as it is now, whole or only what changed."""
    await served_by(request).store.write(unit)
    if frame.is_htmx(request):
        return await _room_changes(request, incident_id, acted=True)
    return frame.go(f"/incidents/{incident_id}")


@post("/incidents/{incident_id:str}/{verb:str}", opt=gate.RESPONDER)
async def act_on_incident(request: Asked, incident_id: FromPath[str], verb: FromPath[str]) -> Response[Any]:
    """`acknowledge`, `assign`, `note`, `resolve` or `reopen`."""
    act = acts.find(acts.INCIDENT, verb)
    body = await bodies.form_body(request, act.body)
    do = acts.doing(request, incident_id)
    return await _act(request, incident_id, lambda rows: act.unit(rows, do, body))


@post("/incidents/{incident_id:str}/runs", opt=gate.RESPONDER)
async def start(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """A person begins a procedure."""
    body = await bodies.form_body(request, bodies.StartRun)
    do = acts.doing(request, incident_id)
    return await _act(request, incident_id, lambda rows: acts.start(rows, do, body))


_RUN = "/incidents/{incident_id:str}/runs/{run_id:str}"


@post(f"{_RUN}/stop", opt=gate.RESPONDER)
async def stop(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """No further."""
    act = acts.find(acts.RUN, "stop")
    body = await bodies.form_body(request, act.body)
    do = acts.doing(request, run_id)
    return await _act(request, incident_id, lambda rows: act.unit(rows, do, body))


@post(f"{_RUN}/{{verb:str}}", opt=gate.RESPONDER)
async def act_on_step(
    request: Asked, incident_id: FromPath[str], run_id: FromPath[str], verb: FromPath[str]
) -> Response[Any]:
    """`approve`, `break-glass`, `fill`, `complete`, `choose`, `take`, `again` or `skip`; the form names the step."""
    act = acts.find(acts.STEP, verb)
    step, body = await bodies.step_form(request, act.body)
    do = acts.doing(request, run_id, step)
    return await _act(request, incident_id, lambda rows: act.unit(rows, do, body))


@post(f"{_RUN}/preview", opt=gate.RESPONDER, status_code=200)
async def preview(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Html:
    """What would run with these values; nothing is written. Without a script, a page of its own."""
    step, body = await bodies.step_form(request, bodies.FillStep)
    do = acts.doing(request, run_id, step)
    shown = await do.served.store.read(
        lambda rows: filling.preview(rows, do.served, run_id, step, body.values, by=do.by)
    )
    if frame.is_htmx(request):
        return rendering.page("parts/preview.html", preview=shown, fragment=True)
    where: dict[str, Any] = {"incident_id": incident_id, "run_id": run_id, "step": step}
    return frame.page(request, "preview.html", place="now", preview=shown, fragment=False, values=body.values, **where)


@post("/incidents/{incident_id:str}/controls/undo", opt=gate.RESPONDER)
async def undo(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """Take a control off before its time."""
    body = await bodies.form_body(request, bodies.UndoControl)
    do = acts.doing(request, incident_id)
    return await _act(
        request, incident_id, lambda rows: controls.undo(rows, body.control, by=do.by, because=body.reason, now=do.now)
    )


handlers = [show_room, update_room, act_on_incident, start, stop, act_on_step, preview, undo]
