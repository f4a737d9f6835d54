"""Logging in and out, and who may come in by what."""

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath

from stanch.web import auth, bodies, gate
from stanch.web.pages import frame
from stanch.web.pages.frame import Asked, Html
from stanch.web.served import served_by


@get("/login", opt=gate.PUBLIC)
async def ask_to_log_in(request: Asked) -> Response[Any]:
    """How to get in."""
    if request.scope.get("user") is not None:
        return frame.go("/")
    return frame.page(request, "login.html", link=None, secret=None)


@get("/login/{secret:str}", opt=gate.PUBLIC)
async def show_link(request: Asked, secret: FromPath[str]) -> Html:
    """A button: what only looks at links does not use this one up."""
    frame.throttle(request).count(frame.client(request))
    served = served_by(request)
    link = await served.store.read(lambda connection: auth.find_link(connection, secret, served.clock.now()))
    return frame.page(request, "login.html", status=200 if link else 404, link=link, secret=secret)


@post("/login/{secret:str}", opt=gate.PUBLIC, status_code=303)
async def log_in(request: Asked, secret: FromPath[str]) -> Response[Any]:
    """Use the link up; the session's secret goes into a cookie that no script can read."""
    frame.throttle(request).count(frame.client(request))
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
    return frame.go("/", cookies=[cookie])


@post("/logout", status_code=303, opt={"role": auth.Role.VIEWER})
async def log_out(request: Asked) -> Response[Any]:
    """End this session."""
    served = served_by(request)
    secret = frame.caller(request).secret
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
    return frame.go("/login", cookies=[gone])


@get("/settings/tokens")
async def list_tokens(request: Asked) -> Html:
    """Who may come in by what."""
    return await _tokens(request, fresh=None)


@post("/settings/tokens", opt=gate.ADMINISTRATOR)
async def make_token(request: Asked) -> Html:
    """A new token, shown once."""
    served = served_by(request)
    body = await bodies.form_body(request, bodies.NewToken)
    person = body.person or frame.caller(request).person
    fresh = await served.store.write(
        lambda connection: auth.write_token(connection, person, body.label, body.role, served.clock.now())
    )
    return await _tokens(request, fresh=fresh)


@post("/settings/tokens/{digest:str}/revoke", opt=gate.ADMINISTRATOR, status_code=303)
async def revoke_token(request: Asked, digest: FromPath[str]) -> Response[Any]:
    """End a token."""
    served = served_by(request)
    await served.store.write(lambda connection: auth.revoke_token(connection, digest, served.clock.now()))
    return frame.go("/settings/tokens")


async def _tokens(request: Asked, *, fresh: str | None) -> Html:
    administrator = frame.caller(request).role is auth.Role.ADMINISTRATOR
    found = await served_by(request).store.read(auth.tokens) if administrator else ()
    roles = [role.value for role in auth.Role]
    return frame.page(request, "tokens.html", place="settings", tokens=found, roles=roles, fresh=fresh)


handlers = [ask_to_log_in, show_link, log_in, log_out, list_tokens, make_token, revoke_token]
