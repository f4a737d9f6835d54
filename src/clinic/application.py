"""The booking application: appointments, patients, doctors, tokens, and what it tells of itself."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import psycopg
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException, NotAuthorizedException, NotFoundException, ValidationException
from litestar.params import JSONBody, PathParameter, QueryParameter
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from psycopg_pool import PoolTimeout

from clinic.database import Database, Row
from clinic.observation import UNOBSERVED, AccessLog, Application, Observation
from clinic.releases import Release, available
from clinic.releases.release import Booking
from clinic.tokens import Tokens, fingerprint
from stanch.guard import Guard

_log = logging.getLogger("clinic")
_LARGEST_BODY_BYTES = 100_000

Call = Request[Any, Any, State]
_LARGEST_ID = 2**31 - 1  # PostgreSQL's integer
PathId = Annotated[int, PathParameter(ge=1, le=_LARGEST_ID)]
QueryId = Annotated[int, QueryParameter(ge=1, le=_LARGEST_ID)]
QueryDay = Annotated[date, QueryParameter(name="date")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the clinic runs. `access_log` None is standard output; without `guard_state` nothing guards it."""

    database_url: str
    release: Release
    pool_size: int = 12
    pool_wait_s: float = 10.0
    statement_timeout_s: float = 30.0
    access_log: Path | None = None
    guard_state: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """What the handlers work with."""

    database: Database
    tokens: Tokens
    release: Release
    registry: CollectorRegistry
    started_at: datetime


Dependency = NamedDependency[Clinic]


class BookingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    patient_id: Annotated[int, msgspec.Meta(ge=1, le=_LARGEST_ID)]
    doctor_id: Annotated[int, msgspec.Meta(ge=1, le=_LARGEST_ID)]
    starts_at: Annotated[datetime, msgspec.Meta(tz=True)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    notes: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class TokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    patient_id: Annotated[int, msgspec.Meta(ge=1, le=_LARGEST_ID)]


@get("/appointments")
async def list_appointments(request: Call, clinic: Dependency, doctor_id: QueryId, day: QueryDay) -> dict[str, Any]:
    """A doctor's day, all of it."""
    rows = await clinic.release.appointments(clinic.database, doctor_id, day)
    request.state.records = [f"appointment:{row['id']}" for row in rows]
    return {"doctor_id": doctor_id, "date": day, "appointments": rows}


@post("/appointments")
async def book_appointment(request: Call, clinic: Dependency, data: JSONBody[BookingBody]) -> Row:
    """Book a slot."""
    booking = Booking(
        patient_id=data.patient_id,
        doctor_id=data.doctor_id,
        starts_at=data.starts_at.astimezone(UTC),
        reason=data.reason,
        notes=data.notes,
    )
    try:
        row = await clinic.release.book(clinic.database, booking)
    except psycopg.errors.ForeignKeyViolation as unknown:
        raise ValidationException("There is no such patient or doctor.") from unknown
    request.state.records = [f"appointment:{row['id']}"]
    return row


@get("/patients/{patient_id:int}")
async def show_patient(request: Call, clinic: Dependency, patient_id: PathId) -> Row:
    rows = await clinic.database.fetch("SELECT * FROM patients WHERE id = %s", "patients", (patient_id,))
    if not rows:
        raise NotFoundException("There is no such patient.")
    request.state.records = [f"patient:{patient_id}"]
    return rows[0]


@get("/doctors/{doctor_id:int}")
async def show_doctor(request: Call, clinic: Dependency, doctor_id: PathId) -> Row:
    rows = await clinic.database.fetch("SELECT * FROM doctors WHERE id = %s", "doctors", (doctor_id,))
    if not rows:
        raise NotFoundException("There is no such doctor.")
    request.state.records = [f"doctor:{doctor_id}"]
    return rows[0]


@post("/tokens")
async def issue_token(clinic: Dependency, data: JSONBody[TokenBody]) -> dict[str, Any]:
    """A bearer token for a patient, valid for a day."""
    issued = await clinic.tokens.issue(data.patient_id)
    if issued is None:
        raise ValidationException("There is no such patient.")
    token, expires_at = issued
    return {"token": token, "patient_id": data.patient_id, "expires_at": expires_at}


@get("/statistics")
async def show_statistics(clinic: Dependency) -> Row:
    """How many doctors and patients there are, and the days of the calendar."""
    rows = await clinic.database.fetch(
        "SELECT (SELECT max(id) FROM doctors) AS doctors, (SELECT max(id) FROM patients) AS patients,"
        " first_day, first_day + days - 1 AS last_day FROM seeding",
        "seeding",
    )
    if not rows:
        raise NotFoundException("The database is not seeded.")
    return rows[0]


@get("/releases", sync_to_thread=False)
def list_releases(clinic: Dependency) -> dict[str, Any]:
    """What runs since when, and what else it could be started into."""
    return {
        "current": clinic.release.version,
        "started_at": clinic.started_at,
        "releases": [
            {"version": each.version, "released_on": each.released_on, "changes": each.changes}
            for each in available().values()
        ],
    }


@get("/health", sync_to_thread=False)
def health(clinic: Dependency) -> dict[str, str]:
    """The process answers; whether its database does is what the other routes tell."""
    return {"status": "ok", "release": clinic.release.version}


@get("/metrics", sync_to_thread=False, media_type="text/plain; version=0.0.4; charset=utf-8")
def metrics(clinic: Dependency) -> bytes:
    """Prometheus' text format. It takes no connection, so it is served when none is left."""
    return generate_latest(clinic.registry)


def build(settings: Settings) -> Application:
    """The application with its metrics, its access log and, outermost, its guard. Raises OSError for the log's file."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    info = Gauge("service_info", "The service.", ("service_name", "service_version"), registry=registry)
    info.labels("clinic", settings.release.version).set(1)
    database = Database(
        settings.database_url,
        size=settings.pool_size,
        wait_s=settings.pool_wait_s,
        statement_timeout_s=settings.statement_timeout_s,
        registry=registry,
    )
    clinic = Clinic(
        database=database,
        tokens=Tokens(database),
        release=settings.release,
        registry=registry,
        started_at=datetime.fromtimestamp(time.time(), UTC),
    )
    access_log = AccessLog(settings.access_log, registry)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await database.open()
        try:
            yield
        finally:
            await database.close()
            access_log.close()

    async def identify(request: Call) -> None:
        await _identify(request, clinic.tokens)

    application: Application = Litestar(
        [
            list_appointments,
            book_appointment,
            show_patient,
            show_doctor,
            issue_token,
            show_statistics,
            list_releases,
            health,
            metrics,
        ],
        dependencies={"clinic": Provide(lambda: clinic, sync_to_thread=False)},
        before_request=identify,
        exception_handlers=_EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        openapi_config=None,
        request_max_body_size=_LARGEST_BODY_BYTES,
        logging_config=None,
    )
    application = Observation(application, release=settings.release.version, access_log=access_log, registry=registry)
    if settings.guard_state is not None:
        application = Guard(application, settings.guard_state, registry=registry)
    return application


async def _identify(request: Call, tokens: Tokens) -> None:
    """Whom the request is made for. None is asked for; one that is shown must be valid."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if request.url.path in UNOBSERVED or scheme.lower() != "bearer":
        return
    request.state.token = fingerprint(token)
    patient = await tokens.patient(request.state.token)
    if patient is None:
        raise NotAuthorizedException("The token is unknown, expired or revoked.")
    request.state.subject = f"patient:{patient}"


def _answer(status: int, code: str, message: str, **further: Any) -> Response[dict[str, Any]]:
    return Response({"error": {"code": code, "message": message, **further}}, status_code=status)


def _refused(_request: Call, error: HTTPException) -> Response[dict[str, Any]]:
    further = {"problems": error.extra} if error.extra else {}
    code = type(error).__name__.removesuffix("Exception")
    return _answer(
        error.status_code, "".join(f"-{c.lower()}" if c.isupper() else c for c in code)[1:], error.detail, **further
    )


def _no_connection(_request: Call, _error: PoolTimeout) -> Response[dict[str, Any]]:
    return _answer(503, "no-connection", "All database connections are in use.")


def _too_slow(_request: Call, _error: psycopg.errors.QueryCanceled) -> Response[dict[str, Any]]:
    return _answer(503, "query-timeout", "The database took too long.")


def _database_away(_request: Call, error: psycopg.OperationalError) -> Response[dict[str, Any]]:
    _log.error("the database failed: %s", error)
    return _answer(503, "database-unavailable", "The database cannot be reached.")


def _failed(request: Call, error: Exception) -> Response[dict[str, Any]]:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(500, "failed", "Something went wrong; it has been logged.")


_EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[Any, Any], Response[Any]]] = {
    HTTPException: _refused,
    PoolTimeout: _no_connection,
    psycopg.errors.QueryCanceled: _too_slow,
    psycopg.OperationalError: _database_away,
    Exception: _failed,
}
