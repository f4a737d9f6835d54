"""Every request passes here: the host it names, who asks, what that person may do, and whether a form is ours."""

import hashlib
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Message, Scope
from sqlalchemy import Connection

from stanch.web import auth
from stanch.web.auth import Caller, Role
from stanch.web.errors import Forbidden, Malformed, Unauthenticated
from stanch.web.served import Served, served_by

PUBLIC = {"public": True}
"""For handlers that nobody needs to log in for."""

REPORTER = {"reporters": True}
"""For handlers that take what programs report: a reporter's token is enough, a viewer's is not."""

RESPONDER = {"role": Role.RESPONDER}
ADMINISTRATOR = {"role": Role.ADMINISTRATOR}
"""For handlers that need more than a viewer. A handler that says nothing is for viewers if it reads only."""

_SAFE = {"GET", "HEAD", "OPTIONS"}

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


async def add_headers(message: Message, scope: Scope) -> None:
    """Security headers on every answer, those of faults included."""
    del scope
    if message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", ()), *_ENCODED]


def is_https(served: Served) -> bool:
    """Whether people reach the console over TLS."""
    return urlsplit(served.settings.server.url).scheme == "https"


def session_cookie(served: Served) -> str:
    """The cookie's name. Over TLS the browser itself holds it to this host; cookies know no ports, so each data
    directory has a name of its own: two of us on one machine do not log each other out.
    """
    own = hashlib.sha256(str(served.settings.server.data.absolute()).encode()).hexdigest()[:8]
    return f"__Host-stanch-{own}" if is_https(served) else f"stanch-{own}"


async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of every handler. Raises Malformed, Unauthenticated or Forbidden."""
    served = served_by(connection)
    _check_host(connection, served)
    caller = await identify(connection, served)
    connection.scope["user"] = caller
    if handler.opt.get("public"):
        return
    if caller is None:
        raise Unauthenticated(
            "You are not logged in.", hint="Run `stanch login` for a link, or send `Authorization: Bearer TOKEN`."
        )
    reads = connection.scope.get("method") in _SAFE
    needed: Role = handler.opt.get("role", Role.VIEWER if reads else Role.RESPONDER)
    if handler.opt.get("reporters") and caller.role is Role.REPORTER:
        return
    if not caller.role.includes(needed):
        raise Forbidden(
            f"{caller.person} is {_a(caller.role)}; this needs {_a(needed)}.",
            hint="Nothing was changed. An administrator can run `stanch login NAME --role ...`.",
        )


async def check_form(request: Request[Any, Any, Any]) -> None:
    """A change that a browser asks for must come from a page of ours: the session's form token says so."""
    if request.method in _SAFE:
        return
    ours = {request.headers.get("host"), urlsplit(served_by(request).settings.server.url).netloc}
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"} or (
        origin is not None and urlsplit(origin).netloc not in ours
    ):
        raise _foreign()
    caller: Caller | None = request.scope.get("user")
    if caller is None or caller.secret is None:
        return
    sent = request.headers.get("x-form-token")
    if sent is None and request.content_type[0] in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        sent = str((await request.form()).get("form_token") or "")
    if sent is None or not auth.is_form_token(caller.secret, sent):
        raise _foreign()


async def identify(connection: ASGIConnection[Any, Any, Any, Any], served: Served) -> Caller | None:
    """Who asks, by token or by session. Raises Unauthenticated for a token that is not good."""
    now = served.clock.now()
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme:
        secret = token.strip()

        def by_token(rows: Connection) -> tuple[Caller, bool] | None:
            return auth.token_caller(rows, secret, now)

        found = await served.store.read(by_token) if scheme.lower() == "bearer" and secret else None
        if found is None:
            raise Unauthenticated("This token is not good.", hint="It may have been revoked; make a new one.")
        if found[1]:
            await served.store.write(lambda rows: auth.see_token(rows, secret, now))
        return found[0]
    session = connection.cookies.get(session_cookie(served))
    if not session:
        return None

    def by_session(rows: Connection) -> tuple[Caller, bool] | None:
        return auth.session_caller(rows, session, now)

    found = await served.store.read(by_session)
    if found is None:
        return None
    if found[1]:
        await served.store.write(lambda rows: auth.see_session(rows, session, now))
    return found[0]


def login_of(request: Request[Any, Any, Any]) -> Callable[[], Awaitable[bool]]:
    """Tells, whenever it is asked, whether the login that a request came with is still good."""

    async def still_good() -> bool:
        try:
            return await identify(request, served_by(request)) is not None
        except Unauthenticated:
            return False

    return still_good


def _check_host(connection: ASGIConnection[Any, Any, Any, Any], served: Served) -> None:
    """A name that is not ours in `Host` is another site's script, reaching us through its own DNS (rebinding).

    An address is always taken: whoever names one has no name to rebind.
    """
    host = urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
    if host == "localhost" or host == urlsplit(served.settings.server.url).hostname or _is_address(host):
        return
    raise Malformed(
        f"This server is not called {host!r}.", hint="Set `server.public_url` to the address that people use."
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _a(role: Role) -> str:
    return f"{'an' if role is Role.ADMINISTRATOR else 'a'} {role.value}"


def _foreign() -> Forbidden:
    return Forbidden(
        "This form is not from this console, or from before you logged in again.",
        hint="Nothing was changed. Load the page again and repeat it.",
    )
