"""What was learned."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from markupsafe import Markup
from sqlalchemy import Connection

from stanch.incidents import lifecycle, timeline
from stanch.learning import drafting
from stanch.model.incident import EventKind
from stanch.model.problem import NotFound
from stanch.web import gate
from stanch.web.pages import frame
from stanch.web.pages.frame import Asked, Html
from stanch.web.served import served_by
from stanch.web.views import overview


@get("/reviews")
async def list_reviews(request: Asked) -> Html:
    """What was learned."""
    found = await served_by(request).store.read(lambda connection: overview.read_reviews(connection, 500))
    return frame.page(request, "reviews.html", place="reviews", reviews=found)


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
    return frame.page(
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
    by, now = frame.caller(request).person, served_by(request).clock.now()
    await served_by(request).store.write(lambda rows: lifecycle.reviewed(rows, incident_id, by=by, now=now))
    return frame.go(f"/reviews/{incident_id}", htmx=frame.is_htmx(request))


handlers = [list_reviews, show_review, agree]
