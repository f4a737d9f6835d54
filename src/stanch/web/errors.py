"""What went wrong, told in one shape: JSON under `/api`, a page or a notice elsewhere."""

import traceback
from collections.abc import Mapping
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from stanch.model.problem import Problem, StanchError
from stanch.store.rows import to_values
from stanch.web import rendering
from stanch.web.served import served_by

log = structlog.get_logger("stanch.web")

Asked = Request[Any, Any, Any]


class Malformed(StanchError):
    """The request is not what it claims to be: no JSON, a bad parameter, a strange host."""

    code = "malformed"
    status = 400


class Unauthenticated(StanchError):
    """Nobody is logged in."""

    code = "unauthenticated"
    status = 401


class Forbidden(StanchError):
    """Logged in, and still not allowed; or a form that is not ours."""

    code = "forbidden"
    status = 403


class Invalid(StanchError):
    """Well-formed, and its content is not acceptable; every fault is among the problems."""

    code = "invalid"
    status = 422


class TooMany(StanchError):
    """Asked too often."""

    code = "too-many"
    status = 429


_HTTP_CODES: Mapping[int, str] = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
}

_SENTENCES: Mapping[int, tuple[str, str]] = {
    404: ("There is nothing at this address.", "Start from the first page."),
    405: ("This address does not take that method.", "See docs/api.md."),
    413: ("The request is larger than anything that is taken here.", "Nothing was changed."),
}


def body(error: StanchError) -> dict[str, Any]:
    """The one error shape."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "problems": [_problem(problem) for problem in error.problems],
        }
    }


def _problem(problem: Problem) -> dict[str, Any]:
    values: dict[str, Any] = to_values(problem)
    return values


def is_api(request: Asked) -> bool:
    """Whether the answer is to be JSON."""
    return request.scope["path"].startswith("/api/")


def on_stanch_error(request: Asked, error: StanchError) -> Response[Any]:
    """What a person must act on."""
    if error.status in {401, 403, 429}:
        log.warning(
            "refused",
            status=error.status,
            because=error.message,
            method=request.method,
            path=request.scope["path"],
            client=request.client.host if request.client else None,
            person=getattr(request.scope.get("user"), "person", None),
        )
    if is_api(request):
        return Response(body(error), status_code=error.status)
    if isinstance(error, Unauthenticated) and request.method == "GET" and "HX-Request" not in request.headers:
        return Response(b"", status_code=303, headers={"Location": "/login"})
    if "HX-Request" in request.headers:
        headers = {"HX-Redirect": "/login"} if isinstance(error, Unauthenticated) else {}
        return rendering.page("parts/notice.html", status=error.status, headers=headers, error=error)
    now = served_by(request).clock.now()
    return rendering.page(
        "error.html", status=error.status, caller=request.scope.get("user"), now=now, place="", error=error
    )


def on_http_exception(request: Asked, exception: HTTPException) -> Response[Any]:
    """What the framework itself refuses."""
    status = exception.status_code
    message, hint = _SENTENCES.get(status, (exception.detail or "The request cannot be answered.", ""))
    error = StanchError(message, hint=hint)
    error.code, error.status = _HTTP_CODES.get(status, "failed"), status
    return on_stanch_error(request, error)


def on_exception(request: Asked, exception: Exception) -> Response[Any]:
    """A fault of ours: logged in full, told without its insides."""
    log.error(
        "failed",
        method=request.method,
        path=request.scope["path"],
        # As text: a renderer that shows the local variables of each frame would show secrets with them.
        traceback="".join(traceback.format_exception(exception)),
    )
    return on_stanch_error(
        request, _Failed("This did not work; the fault is ours.", hint="The server's log says what.")
    )


class _Failed(StanchError):
    status = 500
