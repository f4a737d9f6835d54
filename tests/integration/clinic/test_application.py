"""The booking application, over HTTP and on a real database."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from clinic.releases import available
from clinic.tokens import fingerprint
from integration.clinic.conftest import Running

DAY = {"doctor_id": 7, "date": "2026-02-03"}
BOOKING = {
    "patient_id": 3,
    "doctor_id": 7,
    "starts_at": "2026-02-03T09:15:00+00:00",
    "reason": "Vaccination",
}


def entries(access_log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in access_log.read_text().splitlines()]


def sample(metrics: str, name: str, **labels: str) -> float:
    """The value of the one sample with these labels among its own."""
    found = [
        float(value)
        for text, value in re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", metrics, re.MULTILINE)
        if all(f'{label}="{wanted}"' in text for label, wanted in labels.items())
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


@asynccontextmanager
async def locked(database_url: str, table: str) -> AsyncIterator[None]:
    """No other session reads the table meanwhile."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        await connection.rollback()


async def test_a_doctors_day_is_listed_whole(running: Running, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        query = "SELECT id FROM appointments WHERE doctor_id = %s AND appointment_date = %s"
        wanted = {id_ for (id_,) in connection.execute(query, [7, date(2026, 2, 3)])}
    async with running() as client:
        answer = await client.get("/appointments", params=DAY)
    assert answer.status_code == 200
    told = answer.json()
    assert {row["id"] for row in told["appointments"]} == wanted
    assert 1 <= len(wanted) <= 3
    assert {row["doctor_id"] for row in told["appointments"]} == {7}
    assert set(told["appointments"][0]) >= {"patient_id", "starts_at", "status", "reason", "notes", "created_at"}


@pytest.mark.parametrize(("version", "shows_end"), [("1.8.1", False), ("1.8.2", True)])
async def test_a_release_behaves_as_it_says(running: Running, version: str, shows_end: bool) -> None:  # noqa: FBT001
    async with running(release=available()[version]) as client:
        (row, *_) = (await client.get("/appointments", params=DAY)).json()["appointments"]
        releases = (await client.get("/releases")).json()
        metrics = (await client.get("/metrics")).text
    assert ("ends_at" in row) is shows_end
    assert releases["current"] == version
    assert [each["version"] for each in releases["releases"]] == ["1.8.1", "1.8.2"]
    assert sample(metrics, "service_info", service_name="clinic", service_version=version) == 1


async def test_what_is_booked_is_on_the_doctors_day(running: Running) -> None:
    async with running() as client:
        booked = await client.post("/appointments", json=BOOKING)
        listed = await client.get("/appointments", params=DAY)
    assert booked.status_code == 201
    assert booked.json()["status"] == "booked"
    assert booked.json()["id"] in {row["id"] for row in listed.json()["appointments"]}


async def test_people_are_shown_by_their_id(running: Running) -> None:
    async with running() as client:
        assert (await client.get("/patients/3")).json()["email"] == "patient3@clinic.example"
        assert (await client.get("/doctors/7")).json()["speciality"]
        assert (await client.get("/statistics")).json() == {
            "doctors": 80,
            "patients": 800,
            "first_day": "2026-01-01",
            "last_day": "2026-05-05",
        }


BAD_REQUESTS: tuple[tuple[str, str, object, int, str], ...] = (
    ("GET", "/nowhere", None, 404, "not-found"),
    ("DELETE", "/appointments", None, 405, "method-not-allowed"),
    ("GET", "/appointments", None, 400, "validation"),
    ("GET", "/appointments?doctor_id=x&date=2026-02-03", None, 400, "validation"),
    ("GET", "/appointments?doctor_id=7&date=yesterday", None, 400, "validation"),
    ("GET", "/appointments?doctor_id=99999999999&date=2026-02-03", None, 400, "validation"),
    ("GET", "/patients/801", None, 404, "not-found"),
    ("GET", "/doctors/81", None, 404, "not-found"),
    ("POST", "/appointments", {**BOOKING, "patient_id": 801}, 400, "validation"),
    ("POST", "/appointments", {**BOOKING, "starts_at": "2026-02-03T09:15:00"}, 400, "validation"),
    ("POST", "/appointments", {**BOOKING, "colour": "red"}, 400, "validation"),
    ("POST", "/appointments", {**BOOKING, "notes": "x" * 200_000}, 413, "request-entity-too-large"),
    ("POST", "/tokens", {"patient_id": 801}, 400, "validation"),
    ("POST", "/tokens", {}, 400, "validation"),
)


async def test_a_bad_request_is_told_in_json(running: Running) -> None:
    async with running() as client:
        for method, path, body, status, code in BAD_REQUESTS:
            answer = await client.request(method, path, json=body)
            assert (method, path, answer.status_code) == (method, path, status)
            assert answer.json()["error"]["code"] == code
            assert answer.json()["error"]["message"]


async def test_a_token_names_its_patient_in_the_access_log(running: Running, access_log: Path) -> None:
    async with running() as client:
        issued = await client.post("/tokens", json={"patient_id": 3})
        token = issued.json()["token"]
        trace = "0af7651916cd43dd8448eb211c80319c"
        headers = {"authorization": f"Bearer {token}", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        answer = await client.get("/patients/3", headers=headers)
    assert issued.status_code == 201
    assert answer.headers["x-trace-id"] == trace
    entry = entries(access_log)[-1]
    assert entry.pop("duration_s") > 0
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "method": "GET",
        "route": "/patients/{patient_id}",
        "path": "/patients/3",
        "query": "",
        "status": 200,
        "bytes": len(answer.content),
        "subject": "patient:3",
        "token": fingerprint(token),
        "client": "127.0.0.1",
        "trace_id": trace,
        "release": "1.8.2",
        "records": ["patient:3"],
    }
    assert token not in json.dumps(entries(access_log))


@pytest.mark.parametrize("column", ["revoked_at = now()", "expires_at = now()"])
async def test_a_token_that_is_over_is_refused(
    running: Running, database_url: str, access_log: Path, column: str
) -> None:
    async with running() as client:
        token = (await client.post("/tokens", json={"patient_id": 3})).json()["token"]
        with psycopg.connect(database_url) as connection:
            connection.execute(f"UPDATE tokens SET {column}".encode())
        answer = await client.get("/patients/3", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not-authorized"
    entry = entries(access_log)[-1]
    assert (entry["subject"], entry["token"], entry["records"]) == ("anonymous", fingerprint(token), [])


async def test_an_exhausted_pool_refuses_after_its_wait_and_metrics_are_still_served(
    running: Running, database_url: str
) -> None:
    async with running(pool_size=1, pool_wait_s=2.0) as client:
        async with locked(database_url, "appointments"):
            first = asyncio.ensure_future(client.get("/appointments", params=DAY))
            second = asyncio.ensure_future(client.get("/appointments", params=DAY))
            async with asyncio.timeout(10.0):
                while True:
                    metrics = (await client.get("/metrics")).text
                    if sample(metrics, "db_client_connection_pending_requests"):
                        break
            assert sample(metrics, "db_client_connection_count", state="used") == 1
            assert sample(metrics, "db_client_connection_count", state="idle") == 0
            assert sample(metrics, "db_client_connection_max") == 1
            assert sample(metrics, "http_server_active_requests") == 2
            await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED)
        answers = [await first, await second]
        metrics = (await client.get("/metrics")).text
    assert sorted(answer.status_code for answer in answers) == [200, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.json()["error"]["code"] == "no-connection"
    assert "retry-after" not in refused.headers
    assert sample(metrics, "db_client_connection_timeouts_total") == 1
    assert sample(metrics, "db_client_connection_count", state="used") == 0
    failed = {"http_route": "/appointments", "http_response_status_code": "503"}
    assert sample(metrics, "http_server_request_duration_seconds_count", **failed) == 1


async def test_a_statement_that_takes_too_long_is_a_503(running: Running, database_url: str) -> None:
    async with running(statement_timeout_s=0.2) as client:
        async with locked(database_url, "appointments"):
            answer = await client.get("/appointments", params=DAY)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "query-timeout"
        assert (await client.get("/appointments", params=DAY)).status_code == 200
        metrics = (await client.get("/metrics")).text
    cancelled = {"db_operation_name": "SELECT", "error_type": "57014"}
    assert sample(metrics, "db_client_operation_duration_seconds_count", **cancelled) == 1


async def test_without_its_database_it_starts_says_503_and_stays_observable(running: Running) -> None:
    async with running(database_url="postgresql://clinic@127.0.0.1:1/clinic", pool_wait_s=0.2) as client:
        assert (await client.get("/appointments", params=DAY)).status_code == 503
        assert (await client.get("/health")).json() == {"status": "ok", "release": "1.8.2"}
        metrics = (await client.get("/metrics")).text
    assert sample(metrics, "db_client_connection_count", state="used") == 0


async def test_a_database_that_ends_the_sessions_is_a_503_then_all_is_well(running: Running, database_url: str) -> None:
    async with running(pool_size=1) as client:
        assert (await client.get("/doctors/7")).status_code == 200
        with psycopg.connect(database_url) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='clinic'")
        answer = await client.get("/doctors/7")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database-unavailable")
        assert (await client.get("/doctors/7")).status_code == 200


async def test_a_fault_of_its_own_is_a_500_that_tells_nothing(running: Running, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE doctors RENAME TO physicians")
    async with running() as client:
        answer = await client.get("/doctors/7")
    assert answer.status_code == 500
    assert answer.json() == {"error": {"code": "failed", "message": "Something went wrong; it has been logged."}}


async def test_metrics_count_the_traffic_and_not_who_watches_it(running: Running) -> None:
    async with running() as client:
        for _ in range(3):
            await client.get("/appointments", params=DAY)
            await client.get("/health")
            await client.get("/metrics")
        await client.get("/nowhere")
        metrics = (await client.get("/metrics")).text
    listed = {"http_request_method": "GET", "http_route": "/appointments", "http_response_status_code": "200"}
    assert sample(metrics, "http_server_request_duration_seconds_count", **listed) == 3
    assert sample(metrics, "http_server_request_duration_seconds_bucket", le="30.0", **listed) == 3
    assert sample(metrics, "http_server_request_duration_seconds_count", http_route="unknown") == 1
    assert "/metrics" not in metrics
    assert sample(metrics, "process_start_time_seconds") > 0
    assert sample(metrics, "db_client_operation_duration_seconds_count", db_collection_name="appointments") == 3


async def test_a_disk_that_takes_no_log_loses_lines_and_no_requests(running: Running) -> None:
    async with running(access_log=Path("/dev/full")) as client:
        assert (await client.get("/doctors/7")).status_code == 200
        metrics = (await client.get("/metrics")).text
    assert sample(metrics, "clinic_access_log_lost_lines_total") == 1


async def test_a_shown_token_is_asked_about_once(running: Running) -> None:
    async with running() as client:
        token = (await client.post("/tokens", json={"patient_id": 3})).json()["token"]
        for _ in range(3):
            answer: httpx.Response = await client.get("/doctors/7", headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == 200
        metrics = (await client.get("/metrics")).text
    asked = {"db_collection_name": "tokens", "db_operation_name": "SELECT"}
    assert sample(metrics, "db_client_operation_duration_seconds_count", **asked) == 1
