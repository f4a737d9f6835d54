"""Changes of the outside world, told by who makes them: a pipeline with `curl`, or a person."""

import re
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stanch.incidents import marks
from stanch.incidents.marks import Mark, MarkKind
from stanch.store.rows import to_values
from stanch.web import bodies, gate
from stanch.web.errors import Malformed, Unauthenticated
from stanch.web.served import served_by

Asked = Request[Any, Any, Any]

_MOST = 1000
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z")


class NewMark(BaseModel):
    """A deploy needs its version, another change its text. `at` is RFC 3339 or Unix seconds, and now if left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    kind: MarkKind = MarkKind.DEPLOY
    service: str = Field(default="", max_length=100)
    version: str | None = Field(default=None, min_length=1, max_length=128)
    previous: str | None = Field(default=None, min_length=1, max_length=128)
    text: str = Field(default="", max_length=300)
    at: float | None = Field(default=None, allow_inf_nan=False)

    @field_validator("at", mode="before")
    @classmethod
    def _moment(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            at = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise ValueError("must be a time such as 2026-11-28T13:00:00Z, or Unix seconds") from error
        if at.tzinfo is None:
            raise ValueError("must say its offset: end it with Z for UTC")
        return at.timestamp()

    @field_validator("service", "version", "previous", "text")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        if value is not None and not _PRINTABLE.match(value):
            raise ValueError("must be one line without control characters")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> "NewMark":
        if self.kind is MarkKind.DEPLOY and self.version is None:
            raise ValueError("a deploy needs its version")
        if self.kind is MarkKind.CHANGE and not self.text:
            raise ValueError("a change needs a text that says what was changed")
        return self


@post("/api/marks", opt=gate.REPORTER)
async def make_mark(request: Asked) -> Response[dict[str, Any]]:
    """Tell of a change: 201 where it is new, 200 where it was told before."""
    served = served_by(request)
    body = await bodies.json_body(request, NewMark)
    caller = request.scope.get("user")
    if caller is None:
        raise Unauthenticated("You are not logged in.")
    mark, new = await served.store.write(
        lambda rows: marks.keep(
            rows,
            kind=body.kind,
            service=body.service,
            version=body.version,
            previous=body.previous,
            text=body.text,
            at=body.at,
            by=caller.person,
            now=served.clock.now(),
        )
    )
    return Response({"mark": _document(mark)}, status_code=201 if new else 200)


@get("/api/marks")
async def list_marks(
    request: Asked, *, service: FromQuery[str | None] = None, limit: FromQuery[int] = 100
) -> dict[str, Any]:
    """The latest first."""
    if not 0 < limit <= _MOST:
        raise Malformed(f"limit must be from 1 to {_MOST}.")
    found = await served_by(request).store.read(lambda rows: marks.listing(rows, service=service, limit=limit))
    return {"marks": [_document(each) for each in found]}


def _document(mark: Mark) -> dict[str, Any]:
    values: dict[str, Any] = to_values(mark)
    return values


handlers: list[HTTPRouteHandler] = [make_mark, list_marks]
