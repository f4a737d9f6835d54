"""A dry run of a procedure: every step as it would run, and a button that has the tools try what they can."""

import asyncio
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from stanch.incidents import timeline
from stanch.web import gate, rendering
from stanch.web.looking import Sight, look
from stanch.web.pages import frame
from stanch.web.pages.frame import Asked, Html
from stanch.web.rendering import Part
from stanch.web.served import served_by
from stanch.web.trying import Trials, triable
from stanch.web.views import procedure
from stanch.web.views.procedure import ProcedureView, TrialView


@get("/procedures/{key:path}")
async def show_procedure(request: Asked, key: FromPath[str]) -> Html:
    """As the plan has it that new incidents start with."""
    return await _answer(request, await _look(request, key, None))


@get("/incidents/{incident_id:str}/procedures/{key:path}")
async def show_procedure_of_incident(request: Asked, incident_id: FromPath[str], key: FromPath[str]) -> Html:
    """As the incident's plan has it, with what is known of the incident, and its run where one goes on."""
    return await _answer(request, await _look(request, key, incident_id))


@post("/procedures/{key:path}", opt=gate.RESPONDER)
async def try_procedure(request: Asked, key: FromPath[str]) -> Response[Any]:
    """Have the tools try it."""
    return await _try(request, key, None)


@post("/incidents/{incident_id:str}/procedures/{key:path}", opt=gate.RESPONDER)
async def try_procedure_of_incident(request: Asked, incident_id: FromPath[str], key: FromPath[str]) -> Response[Any]:
    """Have the tools try it."""
    return await _try(request, key, incident_id)


async def _look(request: Asked, key: str, incident_id: str | None) -> Sight:
    served = served_by(request)
    return await served.store.read(lambda rows: look(rows, served, key.strip("/"), incident_id))


async def _try(request: Asked, key: str, incident_id: str | None) -> Response[Any]:
    sight = await _look(request, key, incident_id)
    trials(request).start(sight.key, sight.preview, by=frame.caller(request).person)
    await asyncio.sleep(0)
    if frame.is_htmx(request):
        return frame.changed(request, _parts(request, _view(request, sight)), acted=True)
    return frame.go(f"{_view(request, sight).address}#tried")


async def _answer(request: Asked, sight: Sight) -> Html:
    view = _view(request, sight)
    parts = _parts(request, view)
    if frame.is_htmx(request):
        return frame.changed(request, parts)
    return frame.page(
        request,
        "procedure.html",
        place="playbooks" if view.incident is None else "now",
        live=True,
        view=view,
        position=await served_by(request).store.read(timeline.position),
        parts={part.name: part.html for part in parts},
    )


def _view(request: Asked, sight: Sight) -> ProcedureView:
    trial = trials(request).get(sight.key)
    total = len(triable(sight.preview))
    if trial is None:
        seen = TrialView(total=total)
    else:
        seen = TrialView(
            total=trial.total,
            done=len(trial.results),
            well=sum(each.well is True for each in trial.results.values()),
            going_on=trial.going_on,
            by=trial.by,
            at=trial.at,
        )
    return procedure.build(
        sight.preview,
        served_by(request).plan,
        trial=seen,
        tried=lambda step: None if trial is None else trial.of(step),
        incident=sight.incident,
        run=sight.run,
        source=sight.procedure.source,
    )


def _parts(request: Asked, view: ProcedureView) -> list[Part]:
    values = {"view": view, "may": frame.may(request), "caller": request.scope.get("user")}
    names = ("gist", "start", "map", "steps")
    return [rendering.part(f"procedure-{name}", f"parts/procedure_{name}.html", **values) for name in names]


def trials(request: Asked) -> Trials:
    """The dry runs of the last while."""
    kept: Trials = request.app.state.trials
    return kept


handlers = [show_procedure, show_procedure_of_incident, try_procedure, try_procedure_of_incident]
