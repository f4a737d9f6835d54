"""What the pages share: the frame around each, the parts of it that changed, where to go next, and who asks."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response
from litestar.datastructures import Cookie
from markupsafe import Markup

from stanch.web import auth, rendering
from stanch.web.auth import Caller
from stanch.web.errors import Unauthenticated
from stanch.web.gallery import Gallery
from stanch.web.rendering import Part
from stanch.web.served import served_by
from stanch.web.throttle import Throttle

Asked = Request[Any, Any, Any]
Html = Response[str]

_HX = "HX-Request"
_HAVE = "Stanch-Have"


def is_htmx(request: Asked) -> bool:
    """Whether the page's script asks, and takes parts for an answer."""
    return _HX in request.headers


def page(request: Asked, template: str, *, status: int = 200, **values: Any) -> Html:
    """A whole page, with what every page shows."""
    served = served_by(request)
    return rendering.page(
        template,
        status=status,
        caller=request.scope.get("user"),
        may=may(request),
        now=served.clock.now(),
        plan_hash=served.plan.hash,
        **{"place": "", **values},
    )


def changed(request: Asked, parts: Sequence[Part], more: Markup | None = None, *, acted: bool = False) -> Html:
    """What the browser does not have yet; after an act, notices of earlier ones are taken away."""
    changed = rendering.changed(parts, request.headers.get(_HAVE, ""))
    notices = Markup('<div id="notices" hx-swap-oob="innerHTML"></div>') if acted else Markup()
    content = Markup().join([notices, *(part.swap for part in changed), more or Markup()])
    return Response(str(content), status_code=200, media_type="text/html; charset=utf-8", headers=rendering.NOT_STORED)


def go(address: str, *, cookies: Sequence[Cookie] = (), htmx: bool = False) -> Response[Any]:
    """To another page. A form that htmx sent is told so in its own way."""
    assert not urlsplit(address).netloc
    if htmx:
        return Response(b"", status_code=200, headers={"HX-Redirect": address}, cookies=list(cookies))
    return Response(b"", status_code=303, headers={"Location": address}, cookies=list(cookies))


def caller(request: Asked) -> Caller:
    """Who asks. Raises Unauthenticated."""
    caller: Caller | None = request.scope.get("user")
    if caller is None:
        raise Unauthenticated("You are not logged in.")
    return caller


def may(request: Asked) -> bool:
    """Whether who asks may act, and not only look."""
    caller: Caller | None = request.scope.get("user")
    return caller is not None and caller.role.includes(auth.Role.RESPONDER)


def gallery(request: Asked) -> Gallery:
    """The charts that were drawn last."""
    gallery: Gallery = request.app.state.gallery
    return gallery


def throttle(request: Asked) -> Throttle:
    """What slows down guessing."""
    throttle: Throttle = request.app.state.throttle
    return throttle


def client(request: Asked) -> str:
    """The address that asks."""
    return request.client.host if request.client else "unknown"
