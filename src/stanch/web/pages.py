"""The console's pages: views to HTML, forms to units of work. Every form works without a script."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, FromQuery
from markupsafe import Markup
from sqlalchemy import Connection

from stanch.incidents import lifecycle, timeline
from stanch.learning import afterwards, drafting
from stanch.model.incident import EventKind, IncidentStatus
from stanch.model.plan import Plan, Playbook, Role, Threshold
from stanch.model.problem import NotFound, Problem
from stanch.model.rule import Evaluation
from stanch.response import controls, runs
from stanch.web import assets, auth, bodies, filling, gate, rendering
from stanch.web.auth import Caller
from stanch.web.errors import Unauthenticated
from stanch.web.gallery import Gallery, marks
from stanch.web.rendering import Part
from stanch.web.served import served_by
from stanch.web.throttle import Throttle
from stanch.web.views import decision, drift, overview, playbook, practice, room, signals
from stanch.web.views.overview import Overview
from stanch.web.views.playbook import PlaybookView
from stanch.web.views.room import Room

Asked = Request[Any, Any, Any]
Html = Response[str]
T = TypeVar("T")

_HX = "HX-Request"
_HAVE = "Stanch-Have"
_AFTER = "Stanch-After"
_ALL_ROWS = 100_000


# --- the first page --------------------------------------------------------------------------------------------------


@get("/")
async def show_overview(request: Asked) -> Html:
    """What burns, what is watched, what was."""
    served = served_by(request)
    view, position = await _overview(request)
    return _page(
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
    return _changed(request, _overview_parts(request, view))


async def _overview(request: Asked) -> tuple[Overview, int]:
    served = served_by(request)

    def read(connection: Connection) -> tuple[overview.Material, int]:
        return overview.read(connection), timeline.position(connection)

    material, position = await served.store.read(read)
    evaluations = tuple(served.watcher.evaluations())
    sparks = await _gallery(request).sparks(evaluations)
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
    return _page(request, "incidents.html", place="now", cards=cards)


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
            by=_caller(request).person,
            hooks=served.hooks,
        )
    )
    return _go(f"/incidents/{incident.id}")


# --- the incident room -----------------------------------------------------------------------------------------------


@get("/incidents/{incident_id:str}")
async def show_room(request: Asked, incident_id: FromPath[str], *, all: FromQuery[bool] = False) -> Html:  # noqa: A002 - the address says `all`
    """One incident, whole."""
    served = served_by(request)
    material, position = await _material(request, incident_id)
    view = room.build(material, served.plan, served.clock.now(), most=_ALL_ROWS if all else room.MOST_ROWS)
    parts = await _room_parts(request, material, view)
    return _page(
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
    charts = await _gallery(request).room(material.incident, moments)
    shown = [mark for mark in moments if charts and charts[0].chart.start <= mark.at <= charts[0].chart.end]
    values: dict[str, Any] = {
        "room": view,
        "now": now,
        "caller": _caller(request),
        "may": _may(request),
        "barred": _barred(request, material, view),
        "charts": charts,
        "marks": shown,
        "span": rendering.span(charts[0].chart) if charts else "",
    }
    names = ("head", "hands", "clocks", "next", "signals", "why", "runs", "force", "people", "chain")
    return [rendering.part(name, f"parts/room_{name}.html", **values) for name in names]


def _barred(request: Asked, material: room.Material, view: Room) -> str:
    """Why this person's yes would not count for what waits; empty where it would."""
    waits = view.next
    if not isinstance(waits, decision.Decide) or waits.by_hand or waits.open:
        return ""
    person = _caller(request).person
    if person in waits.proposers:
        return "You filled it in; two others approve what destroys."
    steps = (step for run in material.runs if run.id == waits.run_id for step in run.steps)
    step = next(step for step in steps if step.key == waits.key)
    return served_by(request).approvers.refusal(material.incident, step, person) or ""


async def _room_changes(request: Asked, incident_id: str, *, acted: bool = False) -> Html:
    served = served_by(request)
    material, _ = await _material(request, incident_id)
    view = room.build(material, served.plan, served.clock.now())
    after = request.headers.get(_AFTER, "")
    fresh = [row for row in view.rows if row.seq > int(after)] if after.isascii() and after.isdigit() else []
    rows = rendering.rows(incident_id, fresh, fresh=True)
    more = Markup('<ol hx-swap-oob="afterbegin:#rows">{}</ol>').format(rows) if fresh else Markup()
    return _changed(request, await _room_parts(request, material, view), more, acted=acted)


async def _act(request: Asked, incident_id: str, unit: Callable[[Connection], Any]) -> Response[Any]:
    """Do it; then the room as it is now, whole or only what changed."""
    await served_by(request).store.write(unit)
    if _HX in request.headers:
        return await _room_changes(request, incident_id, acted=True)
    return _go(f"/incidents/{incident_id}")


@post("/incidents/{incident_id:str}/acknowledge", opt=gate.RESPONDER)
async def acknowledge(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """It is mine."""
    by, now = _caller(request).person, served_by(request).clock.now()
    return await _act(request, incident_id, lambda rows: lifecycle.acknowledge(rows, incident_id, by=by, now=now))


@post("/incidents/{incident_id:str}/assign", opt=gate.RESPONDER)
async def assign(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """Somebody is to see to it."""
    body = await bodies.form_body(request, bodies.Assign)
    by, now = _caller(request).person, served_by(request).clock.now()
    return await _act(
        request, incident_id, lambda rows: lifecycle.assign(rows, incident_id, to=body.to, by=by, now=now)
    )


@post("/incidents/{incident_id:str}/note", opt=gate.RESPONDER)
async def note(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """What a person has to say."""
    served = served_by(request)
    body = await bodies.form_body(request, bodies.Text)
    by, now = _caller(request).person, served.clock.now()
    return await _act(
        request,
        incident_id,
        lambda rows: lifecycle.note(
            rows, incident_id, text=body.text, by=by, now=now, plan=served.plan_of(lifecycle.get(rows, incident_id))
        ),
    )


@post("/incidents/{incident_id:str}/resolve", opt=gate.RESPONDER)
async def resolve(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """A person ends it."""
    served = served_by(request)
    body = await bodies.form_body(request, bodies.Text)
    by, now = _caller(request).person, served.clock.now()
    return await _act(
        request,
        incident_id,
        lambda rows: lifecycle.resolve(
            rows, incident_id, because=body.text, by=by, now=now, plan=served.plan_of(lifecycle.get(rows, incident_id))
        ),
    )


@post("/incidents/{incident_id:str}/reopen", opt=gate.RESPONDER)
async def reopen(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """It was not over."""
    served = served_by(request)
    body = await bodies.form_body(request, bodies.Text)
    by, now = _caller(request).person, served.clock.now()
    return await _act(
        request,
        incident_id,
        lambda rows: lifecycle.reopen(
            rows,
            incident_id,
            because=body.text,
            by=by,
            now=now,
            plan=served.plan_of(lifecycle.get(rows, incident_id)),
            hooks=served.hooks,
        ),
    )


_RUN = "/incidents/{incident_id:str}/runs/{run_id:str}"


@post(f"{_RUN}/approve", opt=gate.RESPONDER)
async def approve(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """Yes to exactly what was shown."""
    body = await bodies.form_body(request, bodies.ApproveStep)
    by, now = _caller(request).person, served_by(request).clock.now()
    approvers = served_by(request).approvers
    return await _act(
        request,
        incident_id,
        lambda rows: runs.approve(
            rows, run_id, body.step, body.digest, by=by, reason=body.reason, now=now, approvers=approvers
        ),
    )


@post(f"{_RUN}/break-glass", opt=gate.RESPONDER)
async def break_glass(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """Yes from one alone, with an alarm."""
    body = await bodies.form_body(request, bodies.BreakGlassStep)
    by, now, alarm = _caller(request).person, served_by(request).clock.now(), served_by(request).alarm
    return await _act(
        request,
        incident_id,
        lambda rows: runs.break_glass(
            rows,
            run_id,
            body.step,
            body.digest,
            by=by,
            reason=body.reason,
            typed=body.confirm,
            now=now,
            alarm=alarm,
        ),
    )


@post(f"{_RUN}/fill", opt=gate.RESPONDER)
async def fill(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """Values for the places of a command."""
    body = await bodies.fill_form(request)
    by, served = _caller(request).person, served_by(request)
    return await _act(
        request, incident_id, lambda rows: filling.fill(rows, served, run_id, body.step, body.values, by=by)
    )


@post(f"{_RUN}/preview", opt=gate.RESPONDER, status_code=200)
async def preview(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Html:
    """What would run with these values; nothing is written. Without a script, a page of its own."""
    body = await bodies.fill_form(request)
    by = _caller(request).person
    shown = await served_by(request).store.read(
        lambda rows: filling.preview(rows, run_id, body.step, body.values, by=by)
    )
    if _HX in request.headers:
        return rendering.page("parts/preview.html", preview=shown)
    where: dict[str, Any] = {"incident_id": incident_id, "run_id": run_id, "step": body.step}
    return _page(request, "preview.html", place="now", preview=shown, values=body.values, **where)


@post(f"{_RUN}/complete", opt=gate.RESPONDER)
async def complete(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """A person did it, or saw that it took effect."""
    body = await bodies.form_body(request, bodies.CompleteStep)
    by, now = _caller(request).person, served_by(request).clock.now()
    return await _act(
        request, incident_id, lambda rows: runs.complete(rows, run_id, body.step, by=by, note=body.reason, now=now)
    )


@post(f"{_RUN}/skip", opt=gate.RESPONDER)
async def skip(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """Not this, and why."""
    body = await bodies.form_body(request, bodies.SkipStep)
    by, now = _caller(request).person, served_by(request).clock.now()
    return await _act(
        request, incident_id, lambda rows: runs.skip(rows, run_id, body.step, by=by, reason=body.reason, now=now)
    )


@post(f"{_RUN}/choose", opt=gate.RESPONDER)
async def choose(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """Which way it goes on."""
    body = await bodies.form_body(request, bodies.OfStep)
    by, now = _caller(request).person, served_by(request).clock.now()
    return await _act(
        request, incident_id, lambda rows: runs.choose(rows, run_id, body.step, by=by, reason=body.reason, now=now)
    )


@post(f"{_RUN}/take", opt=gate.RESPONDER)
async def take(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """A person does it themselves."""
    body = await bodies.form_body(request, bodies.OfStep)
    by, now = _caller(request).person, served_by(request).clock.now()
    return await _act(
        request, incident_id, lambda rows: runs.take_over(rows, run_id, body.step, by=by, reason=body.reason, now=now)
    )


@post(f"{_RUN}/stop", opt=gate.RESPONDER)
async def stop(request: Asked, incident_id: FromPath[str], run_id: FromPath[str]) -> Response[Any]:
    """No further."""
    body = await bodies.form_body(request, bodies.StopRun)
    by, now = _caller(request).person, served_by(request).clock.now()
    return await _act(
        request,
        incident_id,
        lambda rows: runs.stop(rows, run_id, by=by, reason=body.reason, now=now, undo=body.undo),
    )


@post("/incidents/{incident_id:str}/controls/undo", opt=gate.RESPONDER)
async def undo(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """Take a control off before its time."""
    body = await bodies.form_body(request, bodies.UndoControl)
    by, now = _caller(request).person, served_by(request).clock.now()
    return await _act(
        request, incident_id, lambda rows: controls.undo(rows, body.control, by=by, because=body.reason, now=now)
    )


# --- playbooks -------------------------------------------------------------------------------------------------------


@get("/playbooks")
async def list_playbooks(request: Asked) -> Html:
    """The documents, and what became of them."""
    served = served_by(request)
    views = [await _playbook(request, number) for number in range(1, len(served.plan.playbooks) + 1)]
    homeless = [problem for problem in served.problems if problem.source is None]
    drifts = await served.store.read(drift.read)
    return _page(request, "playbooks.html", place="playbooks", views=views, problems=homeless, drifts=drifts)


@get("/playbooks/{number:int}")
async def show_playbook(request: Asked, number: FromPath[int]) -> Html:
    """One document as it reads, and what each line became."""
    view = await _playbook(request, number)
    position = await served_by(request).store.read(timeline.position)
    drifts = await served_by(request).store.read(drift.read)
    parts = {int(part.name[1:]): part.html for part in _margins(view)}
    return _page(
        request,
        "playbook.html",
        place="playbooks",
        live=True,
        view=view,
        position=position,
        margins=parts,
        drift=drifts.get(view.path),
        seen=set(),
    )


@get("/playbooks/{number:int}/live")
async def update_playbook(request: Asked, number: FromPath[int]) -> Html:
    """The margins that changed."""
    return _changed(request, _margins(await _playbook(request, number)))


async def _playbook(request: Asked, number: int) -> PlaybookView:
    served = served_by(request)
    found = _document(served.plan, number)
    evaluations = {
        (each.rule.source.path, each.rule.source.line, each.rule.signal): each
        for each in served.watcher.evaluations()
        if each.rule.source.path == found.path
    }
    sparks = await _gallery(request).sparks(tuple(evaluations.values()))

    def live(threshold: Threshold) -> tuple[Evaluation, Any] | None:
        each = evaluations.get((threshold.source.path, threshold.source.line, threshold.signal or ""))
        return None if each is None or not threshold.armed else (each, sparks[each.rule.id])

    practised = await served.store.read(afterwards.practices)
    return practice.beside(playbook.view(found, number, _problems(served.problems, found), live), found, practised)


def _document(plan: Plan, number: int) -> Playbook:
    if not 1 <= number <= len(plan.playbooks):
        raise NotFound(f"There is no playbook {number}.", hint="The list of playbooks shows those there are.")
    return plan.playbooks[number - 1]


def _problems(problems: Sequence[Problem], found: Playbook) -> Sequence[Problem]:
    of_plan = [each for each in problems if each.source is not None and each.source.path == found.path]
    return [*found.problems, *(each for each in of_plan if each not in found.problems)]


def _margins(view: PlaybookView) -> list[Part]:
    return [
        rendering.part(f"m{line.row.number}", "parts/margin_part.html", line=line) for line in view.rows if line.live
    ]


# --- reviews ---------------------------------------------------------------------------------------------------------


@get("/reviews")
async def list_reviews(request: Asked) -> Html:
    """What was learned."""
    found = await served_by(request).store.read(lambda connection: overview.read_reviews(connection, 500))
    return _page(request, "reviews.html", place="reviews", reviews=found)


@get("/reviews/{incident_id:str}")
async def show_review(request: Asked, incident_id: FromPath[str]) -> Html:
    """One review, with its charts."""

    def read(connection: Connection) -> tuple[Any, Any, str | None]:
        incident = lifecycle.get(connection, incident_id)
        events = timeline.read(connection, incident_id)
        agreed = next((event.actor for event in reversed(events) if event.kind is EventKind.REVIEWED), None)
        return incident, drafting.read(connection, incident_id), agreed

    incident, review, agreed = await served_by(request).store.read(read)
    if review is None:
        raise NotFound(f"Incident {incident_id} has no review yet.", hint="It is drafted when the incident is over.")
    return _page(
        request,
        "review.html",
        place="reviews",
        incident=incident,
        drafted_at=review.drafted_at,
        html=Markup(review.html),  # noqa: S704 - rendered by learning.page, which takes no HTML and escapes text
        agreed=agreed,
    )


@post("/reviews/{incident_id:str}/agree", opt=gate.RESPONDER)
async def agree(request: Asked, incident_id: FromPath[str]) -> Response[Any]:
    """People have read it."""
    by, now = _caller(request).person, served_by(request).clock.now()
    await served_by(request).store.write(lambda rows: lifecycle.reviewed(rows, incident_id, by=by, now=now))
    return _go(f"/reviews/{incident_id}", htmx=_HX in request.headers)


# --- access ----------------------------------------------------------------------------------------------------------


@get("/login", opt=gate.PUBLIC)
async def ask_to_log_in(request: Asked) -> Response[Any]:
    """How to get in."""
    if request.scope.get("user") is not None:
        return _go("/")
    return _page(request, "login.html", link=None, secret=None)


@get("/login/{secret:str}", opt=gate.PUBLIC)
async def show_link(request: Asked, secret: FromPath[str]) -> Html:
    """A button: what only looks at links does not use this one up."""
    _throttle(request).count(_client(request))
    served = served_by(request)
    link = await served.store.read(lambda connection: auth.find_link(connection, secret, served.clock.now()))
    return _page(request, "login.html", status=200 if link else 404, link=link, secret=secret)


@post("/login/{secret:str}", opt=gate.PUBLIC, status_code=303)
async def log_in(request: Asked, secret: FromPath[str]) -> Response[Any]:
    """Use the link up; the session's secret goes into a cookie that no script can read."""
    _throttle(request).count(_client(request))
    served = served_by(request)
    session = await served.store.write(lambda connection: auth.use_link(connection, secret, served.clock.now()))
    cookie = Cookie(
        key=gate.session_cookie(served),
        value=session,
        max_age=int(auth.SESSION_LIFETIME_S),
        path="/",
        secure=gate.is_https(served),
        httponly=True,
        samesite="lax",
    )
    return _go("/", cookies=[cookie])


@post("/logout", status_code=303, opt={"role": auth.Role.VIEWER})
async def log_out(request: Asked) -> Response[Any]:
    """End this session."""
    served = served_by(request)
    secret = _caller(request).secret
    if secret is not None:
        await served.store.write(lambda connection: auth.end_session(connection, secret, served.clock.now()))
    gone = Cookie(
        key=gate.session_cookie(served),
        value="",
        max_age=0,
        path="/",
        secure=gate.is_https(served),
        httponly=True,
        samesite="lax",
    )
    return _go("/login", cookies=[gone])


@get("/settings/tokens")
async def list_tokens(request: Asked) -> Html:
    """Who may come in by what."""
    return await _tokens(request, fresh=None)


@post("/settings/tokens", opt=gate.ADMINISTRATOR)
async def make_token(request: Asked) -> Html:
    """A new token, shown once."""
    served = served_by(request)
    body = await bodies.form_body(request, bodies.NewToken)
    person = body.person or _caller(request).person
    fresh = await served.store.write(
        lambda connection: auth.write_token(connection, person, body.label, body.role, served.clock.now())
    )
    return await _tokens(request, fresh=fresh)


@post("/settings/tokens/{digest:str}/revoke", opt=gate.ADMINISTRATOR, status_code=303)
async def revoke_token(request: Asked, digest: FromPath[str]) -> Response[Any]:
    """End a token."""
    served = served_by(request)
    await served.store.write(lambda connection: auth.revoke_token(connection, digest, served.clock.now()))
    return _go("/settings/tokens")


async def _tokens(request: Asked, *, fresh: str | None) -> Html:
    administrator = _caller(request).role is auth.Role.ADMINISTRATOR
    found = await served_by(request).store.read(auth.tokens) if administrator else ()
    roles = [role.value for role in auth.Role]
    return _page(request, "tokens.html", place="settings", tokens=found, roles=roles, fresh=fresh)


# --- files -----------------------------------------------------------------------------------------------------------


@get("/static/{file:str}", opt=gate.PUBLIC)
async def send_asset(request: Asked, file: FromPath[str]) -> Response[bytes]:
    """A file of the console; its name changes with its content, so it is kept for good."""
    asset = assets.find(file)
    if asset is None:
        raise NotFound("There is no such file.", hint="Load the page again: its files were replaced.")
    compressed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if compressed:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.compressed if compressed else asset.plain, media_type=asset.media_type, headers=headers)


# --- what they share -------------------------------------------------------------------------------------------------


def _page(request: Asked, template: str, *, status: int = 200, **values: Any) -> Html:
    served = served_by(request)
    return rendering.page(
        template,
        status=status,
        caller=request.scope.get("user"),
        may=_may(request),
        now=served.clock.now(),
        plan_hash=served.plan.hash,
        **{"place": "", **values},
    )


def _changed(request: Asked, parts: Sequence[Part], more: Markup | None = None, *, acted: bool = False) -> Html:
    """What the browser does not have yet; after an act, notices of earlier ones are taken away."""
    changed = rendering.changed(parts, request.headers.get(_HAVE, ""))
    notices = Markup('<div id="notices" hx-swap-oob="innerHTML"></div>') if acted else Markup()
    content = Markup().join([notices, *(part.swap for part in changed), more or Markup()])
    return Response(str(content), status_code=200, media_type="text/html; charset=utf-8", headers=rendering.NOT_STORED)


def _go(address: str, *, cookies: Sequence[Cookie] = (), htmx: bool = False) -> Response[Any]:
    """To another page. A form that htmx sent is told so in its own way."""
    assert not urlsplit(address).netloc
    if htmx:
        return Response(b"", status_code=200, headers={"HX-Redirect": address}, cookies=list(cookies))
    return Response(b"", status_code=303, headers={"Location": address}, cookies=list(cookies))


def _caller(request: Asked) -> Caller:
    caller: Caller | None = request.scope.get("user")
    if caller is None:
        raise Unauthenticated("You are not logged in.")
    return caller


def _may(request: Asked) -> bool:
    caller: Caller | None = request.scope.get("user")
    return caller is not None and caller.role.includes(auth.Role.RESPONDER)


def _gallery(request: Asked) -> Gallery:
    gallery: Gallery = request.app.state.gallery
    return gallery


def _throttle(request: Asked) -> Throttle:
    throttle: Throttle = request.app.state.throttle
    return throttle


def _client(request: Asked) -> str:
    return request.client.host if request.client else "unknown"


handlers = [
    show_overview,
    update_overview,
    list_incidents,
    open_incident,
    show_room,
    update_room,
    acknowledge,
    assign,
    note,
    resolve,
    reopen,
    approve,
    break_glass,
    fill,
    preview,
    complete,
    choose,
    take,
    skip,
    stop,
    undo,
    list_playbooks,
    show_playbook,
    update_playbook,
    list_reviews,
    show_review,
    agree,
    ask_to_log_in,
    show_link,
    log_in,
    log_out,
    list_tokens,
    make_token,
    revoke_token,
    send_asset,
]
