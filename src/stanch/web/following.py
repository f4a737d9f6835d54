"""Following a run: what happens, what is printed and what is asked, as server-sent events with an end."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from sqlalchemy import Connection

from stanch.model.run import Run
from stanch.response import following, runs
from stanch.response.following import Asked, Happened, Item, Over, Place, Printed
from stanch.web import filling, gate, live
from stanch.web.errors import Malformed
from stanch.web.live import Streams
from stanch.web.served import Served, served_by
from stanch.web.views import run_document


@get("/api/runs/{run_id:str}/events")
async def follow_run(request: Request[Any, Any, Any], run_id: FromPath[str]) -> Response[Any]:
    """A run from its beginning, or from `Last-Event-ID` on, until it has ended."""
    served = served_by(request)
    place = Place()
    if last := request.headers.get("last-event-id", ""):
        try:
            place = Place.of(last)
        except ValueError as error:
            raise Malformed(
                "Last-Event-ID is not one of this stream's.", hint="Leave it out to begin at the run's start."
            ) from error
    await served.store.read(lambda rows: runs.get(rows, run_id))
    streams: Streams = request.app.state.streams
    return live.response(_frames(streams, served, run_id, place, gate.login_of(request)))


async def _frames(
    streams: Streams, served: Served, run_id: str, place: Place, still_good: live.StillGood
) -> AsyncIterator[bytes]:
    over = False

    def read(rows: Connection) -> list[tuple[Place, dict[str, Any]]]:
        run, items = following.read(rows, run_id, place)
        return [(after, _document(rows, served, run, item)) for after, item in items]

    async def written() -> list[bytes] | None:
        nonlocal place, over
        if over:
            return None
        found = await served.store.read(read)
        if found:
            place, last = found[-1]
            over = last["type"] == "end"
        return [_frame(after, document) for after, document in found]

    async for frame in streams.frames(following.TOPICS, written, still_good):
        yield frame


def _frame(place: Place, document: dict[str, Any]) -> bytes:
    """One message; JSON holds no line break, so the data is one line."""
    kind: str = document["type"]
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(place).encode(), kind.encode(), msgspec.json.encode(document))


def _document(rows: Connection, served: Served, run: Run, item: Item) -> dict[str, Any]:
    match item:
        case Happened(event=event):
            values = live.document(event)
            values["type"] = "event"
            values["step"] = event.data.get("step")
            return values
        case Printed():
            return {
                "type": "output",
                "step": item.step,
                "attempt": item.attempt,
                "anew": item.anew,
                "lines": list(item.lines),
            }
        case Asked(step=step):
            document = run_document.step(step)
            document.update(filling.as_document(run, filling.offers_of(rows, served, run)).get(step.key, {}))
            return {"type": "question", "run": run.id, "step": document}
        case Over():
            states = Counter(step.state.value for step in run.steps)
            return {
                "type": "end",
                "run": run.id,
                "state": run.state.value,
                "outcome": run.outcome,
                "at": run.ended_at,
                "steps": dict(states),
            }


handlers: list[HTTPRouteHandler] = [follow_run]
