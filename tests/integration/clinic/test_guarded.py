"""The clinic behind its guard, told by Stanch's connector."""

import asyncio
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from integration.clinic.conftest import Running
from stanch.connectors.guard import GuardConnector, GuardSettings
from stanch.model.clock import SystemClock
from stanch.model.control import Control, ControlState

DAY = {"doctor_id": 7, "date": "2026-02-03"}


def cap(limit: int) -> Control:
    now = time.time()
    return Control(
        id="c1",
        incident_id="42",
        run_id=None,
        action="limit_concurrency",
        text=f"cap /appointments at {limit}",
        owner="oncall",
        state=ControlState.APPLYING,
        applied_at=now,
        expires_at=now + 600.0,
        parameters={"path": "/appointments", "limit": limit, "queue": 0, "retry_after_s": 2},
    )


async def metric(client: httpx.AsyncClient, prefix: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(prefix))


async def in_force(client: httpx.AsyncClient, version: int) -> None:
    """Until the guard itself says that it has this version."""
    async with asyncio.timeout(10.0):
        while await metric(client, "stanch_guard_state_version ") != version:
            pass


async def test_a_cap_refuses_what_is_too_much_and_the_clinic_counts_no_error(
    running: Running, database_url: str, tmp_path: Path
) -> None:
    connector = GuardConnector(GuardSettings(state=tmp_path / "guard.json"), SystemClock())
    async with running(guard_state=tmp_path / "guard.json") as client:
        assert (await client.get("/appointments", params=DAY)).status_code == 200
        await connector.apply(cap(1))
        await in_force(client, 1)
        async with await psycopg.AsyncConnection.connect(database_url) as blocking:
            await blocking.execute("LOCK TABLE appointments IN ACCESS EXCLUSIVE MODE")
            held = asyncio.ensure_future(client.get("/appointments", params=DAY))
            while not await metric(client, "stanch_guard_running{"):
                assert not held.done()
            refused = await client.get("/appointments", params=DAY)
            assert (await client.get("/doctors/7")).status_code == 200
            await connector.withdraw("c1")
            await in_force(client, 2)
            through = asyncio.ensure_future(client.get("/appointments", params=DAY))
            while await metric(client, "http_server_active_requests ") < 2:
                assert not through.done()
            await blocking.rollback()
        assert [(await held).status_code, (await through).status_code] == [200, 200]
        failures = await metric(client, 'http_server_request_duration_seconds_count{http_response_status_code="503"')
        refusals = await metric(client, 'stanch_guard_requests_total{control="c1",decision="refused_full"}')
    assert (failures, refusals) == (0, 1)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "2"
    assert refused.json()["error"]["incident"] == "42"


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 1, "controls": [{"kind": "unknown"}]}'])
async def test_a_broken_state_file_never_takes_the_clinic_down(
    running: Running, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "guard.json").write_bytes(content)
    async with running(guard_state=tmp_path / "guard.json") as client:
        assert (await client.get("/appointments", params=DAY)).status_code == 200
        assert await metric(client, "stanch_guard_state_errors_total ") == 1
