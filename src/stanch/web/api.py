"""The JSON API: strict bodies in, records out, one error shape. Described in docs/api.md."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler, delete
from litestar.params import FromPath, FromQuery
from sqlalchemy import Connection

from stanch import __version__
from stanch.comms import outbox
from stanch.incidents import lifecycle, timeline
from stanch.learning import drafting
from stanch.model.incident import Incident
from stanch.model.problem import NotFound
from stanch.model.rule import Evaluation
from stanch.model.run import Run
from stanch.response import controls, runs
from stanch.store.rows import to_values
from stanch.web import acts, auth, bodies, filling, gate, live
from stanch.web.auth import Caller
from stanch.web.errors import Malformed, Unauthenticated
from stanch.web.live import Streams
from stanch.web.looking import Sight, look
from stanch.web.served import served_by
from stanch.web.trying import Trial, Trials
from stanch.web.views import drift, run_document, signals

Asked = Request[Any, Any, Any]
Json = dict[str, Any]
T = TypeVar("T")

_LONGEST_S = 15 * 86400.0


@get("/api/health", opt=gate.PUBLIC)
async def health(request: Asked) -> Json:
    """Whether it serves, and what."""
    served = served_by(request)
    await served.store.read(timeline.position)
    return {"status": "ok", "version": __version__, "plan_hash": served.plan.hash}


# --- incidents -------------------------------------------------------------------------------------------------------


@get("/api/incidents")
async def list_incidents(request: Asked, *, open: FromQuery[bool] = False) -> Json:  # noqa: A002 - the parameter's name in the API
    """All, or the open ones; the latest first."""
    found = await served_by(request).store.read(lambda rows: lifecycle.listing(rows, open_only=open))
    return {"incidents": [_incident(each) for each in found]}


@post("/api/incidents", opt=gate.RESPONDER, status_code=201)
async def open_incident(request: Asked) -> Json:
    """Open one by hand."""
    served = served_by(request)
    body = await bodies.json_body(request, bodies.OpenIncident)
    return {
        "incident": _incident(
            await served.store.write(
                lambda rows: lifecycle.open_by_hand(
                    rows,
                    title=body.title,
                    severity=body.severity,
                    service=body.service,
                    plan=served.plan,
                    now=served.clock.now(),
                    by=_by(request),
                    hooks=served.hooks,
                )
            )
        )
    }


@get("/api/incidents/{incident_id:str}")
async def show_incident(request: Asked, incident_id: FromPath[str]) -> Json:
    """Everything of one incident."""

    def read(rows: Connection) -> Json:
        incident = lifecycle.get(rows, incident_id)
        return {
            "incident": _incident(incident),
            "clocks": [to_values(each) for each in incident.clocks],
            "findings": list(incident.findings),
            "runs": [run_document.run(each) for each in runs.listing(rows, incident_id=incident_id)],
            "controls": [to_values(each) for each in controls.listing(rows, incident_id=incident_id)],
            "timeline": [live.document(each) for each in timeline.read(rows, incident_id)],
            "pages": [to_values(each) for each in reversed(outbox.listing(rows, incident_id))],
        }

    return await served_by(request).store.read(read)


@post("/api/incidents/{incident_id:str}/{verb:str}", opt=gate.RESPONDER, status_code=200)
async def act_on_incident(request: Asked, incident_id: FromPath[str], verb: FromPath[str]) -> Json:
    """`.../ID/acknowledge`, `assign`, `note`, `resolve` or `reopen`."""
    act = acts.find(acts.INCIDENT, verb)
    body = await bodies.json_body(request, act.body)
    do = acts.doing(request, incident_id)
    return {"incident": _incident(await do.served.store.write(lambda rows: act.unit(rows, do, body)))}


@post("/api/incidents/{incident_id:str}/runs", opt=gate.RESPONDER, status_code=201)
async def start_run(request: Asked, incident_id: FromPath[str]) -> Json:
    """Begin a procedure of the incident's plan, beside what is going on."""
    body = await bodies.json_body(request, bodies.StartRun)
    do = acts.doing(request, incident_id)
    return {"run": run_document.run(await do.served.store.write(lambda rows: acts.start(rows, do, body)))}


# --- runs and controls -----------------------------------------------------------------------------------------------


@get("/api/runs")
async def list_runs(request: Asked) -> Json:
    """All runs with their steps, the newest first."""
    return {"runs": [run_document.run(each) for each in await served_by(request).store.read(runs.listing)]}


@get("/api/procedures/{key:path}")
async def preview_procedure(request: Asked, key: FromPath[str], *, incident: FromQuery[str | None] = None) -> Json:
    """What a run of it would do; with an `incident` as that has it, with its run where one goes on. Nothing is run."""
    sight = await _look(request, key, incident)
    return _preview(sight, _trials(request).get(sight.key))


@post("/api/procedures/{key:path}", opt=gate.RESPONDER, status_code=202)
async def try_procedure(request: Asked, key: FromPath[str]) -> Json:
    """Have the tools try it with their own dry runs; `GET` says how far that is."""
    body = await bodies.json_body(request, bodies.TryNatively)
    sight = await _look(request, key, body.incident)
    trial = _trials(request).start(sight.key, sight.preview, by=_by(request))
    return _preview(sight, trial)


@get("/api/runs/{run_id:str}")
async def show_run(request: Asked, run_id: FromPath[str]) -> Json:
    """One run with its steps; those with places to fill in with what is open and what is offered."""
    served = served_by(request)

    def read(rows: Connection) -> tuple[Run, dict[str, Json]]:
        run = runs.get(rows, run_id)
        return run, filling.as_document(run, filling.offers_of(rows, served, run))

    run, beside = await served.store.read(read)
    document = run_document.run(run)
    for step in document["steps"]:
        step.update(beside.get(step["key"], {}))
    return {"run": document}


@post("/api/runs/{run_id:str}/steps/{step:path}", opt=gate.RESPONDER, status_code=200)
async def act_on_step(request: Asked, run_id: FromPath[str], step: FromPath[str]) -> Json:
    """`.../steps/KEY/VERB`, the verbs of `acts.STEP`: a key may hold slashes, a verb does not."""
    key, _, verb = step.strip("/").rpartition("/")
    act = acts.find(acts.STEP, verb)
    body = await bodies.json_body(request, act.body)
    do = acts.doing(request, run_id, key)
    if isinstance(body, bodies.FillStep) and body.preview:
        values = body.values
        shown = await do.served.store.read(lambda rows: filling.preview(rows, do.served, run_id, key, values, by=do.by))
        return {"preview": msgspec.to_builtins(shown)}
    return await _run_after(do, lambda rows: act.unit(rows, do, body))


@post("/api/runs/{run_id:str}/stop", opt=gate.RESPONDER, status_code=200)
async def stop(request: Asked, run_id: FromPath[str]) -> Json:
    """No further, with a reason."""
    act = acts.find(acts.RUN, "stop")
    body = await bodies.json_body(request, act.body)
    do = acts.doing(request, run_id)
    return await _run_after(do, lambda rows: act.unit(rows, do, body))


@get("/api/controls")
async def list_controls(request: Asked) -> Json:
    """Those that are in force, the newest first."""
    found = await served_by(request).store.read(lambda rows: controls.listing(rows, only_live=True))
    return {"controls": [to_values(each) for each in found]}


@post("/api/controls/{control:path}", opt=gate.RESPONDER, status_code=200)
async def undo_control(request: Asked, control: FromPath[str]) -> Json:
    """`.../ID/undo`: take it off before its time. A control's id may hold slashes, so the last part is the verb."""
    control_id, _, verb = control.strip("/").rpartition("/")
    if verb != "undo":
        raise NotFound(f"A control is undone; there is no {verb!r}.", hint="See docs/api.md.")
    body = await bodies.json_body(request, bodies.OptionalReason)
    now, by = _now(request), _by(request)
    undone = await served_by(request).store.write(
        lambda rows: controls.undo(rows, control_id, by=by, because=body.reason, now=now)
    )
    return {"control": to_values(undone)}


# --- the plan and what is measured -----------------------------------------------------------------------------------


@get("/api/plan")
async def show_plan(request: Asked) -> Json:
    """What the playbooks were compiled to."""
    plan = served_by(request).plan
    return {
        "plan_hash": plan.hash,
        "playbooks": [
            {
                "path": each.path,
                "title": each.title,
                "facts": [to_values(fact) for fact in each.facts],
                "problems": [to_values(problem) for problem in each.problems],
            }
            for each in plan.playbooks
        ],
        "problems": [to_values(problem) for problem in plan.problems],
    }


@get("/api/rules")
async def list_rules(request: Asked) -> Json:
    """Every armed rule, where it stands, and its latest value."""
    now = _now(request)
    return {"rules": [_rule(each, now) for each in served_by(request).watcher.evaluations()]}


@get("/api/signals/{name:str}")
async def show_signal(request: Asked, name: FromPath[str], *, seconds: FromQuery[float] = 600.0) -> Json:
    """A signal's points, as its first armed rule reads it; else as the catalogue does."""
    if not 0 < seconds <= _LONGEST_S:
        raise Malformed(f"seconds must be over 0 and at most {_LONGEST_S:.0f}.")
    watcher = served_by(request).watcher
    rule = next((each.rule for each in watcher.evaluations() if each.rule.signal == name), None)
    try:
        points = await watcher.points(
            name,
            seconds,
            statistic=None if rule is None else rule.statistic,
            window_s=None if rule is None else rule.window_s,
            labels=() if rule is None else rule.labels,
        )
    except ValueError as error:
        raise NotFound(f"There is no signal {name}.", hint="GET /api/rules names those that are watched.") from error
    return {
        "signal": name,
        "unit": None if rule is None else rule.unit.value,
        "statistic": None if rule is None or rule.statistic is None else rule.statistic.value,
        "points": [[at, value] for at, value in points],
    }


@get("/api/drift")
async def show_drift(request: Asked) -> Json:
    """When each playbook was last checked against what is outside, and what of it was gone."""
    found = await served_by(request).store.read(drift.read)
    return {"playbooks": [{"path": path, **to_values(each)} for path, each in found.items()]}


@get("/api/reviews/{incident_id:str}")
async def show_review(request: Asked, incident_id: FromPath[str]) -> Json:
    """The review as Markdown and as HTML, its charts inside."""
    found: Any = await served_by(request).store.read(lambda rows: drafting.read(rows, incident_id))
    if found is None:
        raise NotFound(f"Incident {incident_id} has no review.", hint="It is drafted when the incident is over.")
    return {
        "incident_id": incident_id,
        "path": found.path,
        "drafted_at": found.drafted_at,
        "markdown": found.markdown,
        "html": found.html,
        **{name: found.data[name] for name in ("times", "lesson", "action_items") if name in found.data},
    }


@get("/api/events")
async def stream_events(request: Asked, *, after: FromQuery[int | None] = None) -> Response[Any]:
    """Every timeline event as it is written; `Last-Event-ID` or `after` says from where."""
    last = request.headers.get("last-event-id", "")
    streams: Streams = request.app.state.streams
    position = int(last) if last.isascii() and last.isdigit() else after
    return live.response(streams.events(position, gate.login_of(request)))


# --- access ----------------------------------------------------------------------------------------------------------


@post("/api/login-links", opt=gate.ADMINISTRATOR, status_code=201)
async def make_login_link(request: Asked) -> Json:
    """A one-time link, for a person."""
    served = served_by(request)
    body = await bodies.json_body(request, bodies.LoginLink)
    person, now = body.person or _by(request), served.clock.now()

    def write(rows: Connection) -> str:
        if body.role is not None:
            auth.add_person(rows, person, body.role, now)
        return auth.write_link(rows, person, now)

    secret = await served.store.write(write)
    address = request.app.state.address or served.settings.server.url
    return {
        "url": f"{address.rstrip('/')}/login/{secret}",
        "person": person,
        "expires_at": now + auth.LINK_LIFETIME_S,
    }


@get("/api/tokens", opt=gate.ADMINISTRATOR)
async def list_tokens(request: Asked) -> Json:
    """The tokens that are good."""
    return {"tokens": [to_values(each) for each in await served_by(request).store.read(auth.tokens)]}


@post("/api/tokens", opt=gate.ADMINISTRATOR, status_code=201)
async def make_token(request: Asked) -> Json:
    """A new token, for the one who asks or for another person; told this once."""
    served = served_by(request)
    body = await bodies.json_body(request, bodies.NewToken)
    person, now = body.person or _by(request), served.clock.now()
    secret = await served.store.write(lambda rows: auth.write_token(rows, person, body.label, body.role, now))
    return {"token": secret, "label": body.label, "role": body.role.value, "person": person}


@delete("/api/tokens/{digest:str}", opt=gate.ADMINISTRATOR, status_code=200)
async def revoke_token(request: Asked, digest: FromPath[str]) -> Json:
    """End a token."""
    served = served_by(request)
    label = await served.store.write(lambda rows: auth.revoke_token(rows, digest, served.clock.now()))
    return {"revoked": label}


# --- what they share -------------------------------------------------------------------------------------------------


def _incident(incident: Incident) -> Json:
    values: Json = to_values(incident)
    del values["clocks"], values["findings"]
    return values


def _rule(each: Evaluation, now: float) -> Json:
    values: Json = to_values(each.rule)
    return {
        **values,
        "state": each.state.value,
        "current": each.value,
        "since": each.since,
        "at": each.at,
        "text": signals.standing(each, now),
    }


async def _look(request: Asked, key: str, incident: str | None) -> Sight:
    served = served_by(request)
    return await served.store.read(lambda rows: look(rows, served, key.strip("/"), incident))


def _trials(request: Asked) -> Trials:
    kept: Trials = request.app.state.trials
    return kept


def _preview(sight: Sight, trial: Trial | None) -> Json:
    """The preview; of each step also what its dry run came to, where it was tried as it stands."""
    values: Json = msgspec.to_builtins(sight.preview)
    for step, document in zip(sight.preview.steps, values["steps"], strict=True):
        came = None if trial is None else trial.of(step)
        document["tried"] = None if came is None else msgspec.to_builtins(came)
    told = None
    if trial is not None:
        told = {
            "by": trial.by,
            "at": trial.at,
            "total": trial.total,
            "done": len(trial.results),
            "going_on": trial.going_on,
        }
    return {"preview": values, "trial": told, "run": None if sight.run is None else sight.run.id}


async def _run_after(do: acts.Doing, unit: Callable[[Connection], Any]) -> Json:
    def act(rows: Connection) -> Run:
        unit(rows)
        return runs.get(rows, do.id)

    return {"run": run_document.run(await do.served.store.write(act))}


def _by(request: Asked) -> str:
    caller: Caller | None = request.scope.get("user")
    if caller is None:
        raise Unauthenticated("You are not logged in.")
    return caller.person


def _now(request: Asked) -> float:
    return served_by(request).clock.now()


handlers: list[HTTPRouteHandler] = [
    health,
    list_incidents,
    open_incident,
    show_incident,
    act_on_incident,
    start_run,
    list_runs,
    preview_procedure,
    try_procedure,
    show_run,
    act_on_step,
    stop,
    list_controls,
    undo_control,
    show_plan,
    list_rules,
    show_signal,
    show_drift,
    show_review,
    stream_events,
    make_login_link,
    list_tokens,
    make_token,
    revoke_token,
]
