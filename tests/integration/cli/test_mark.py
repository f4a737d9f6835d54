"""A pipeline tells of its deploys with `curl` and a token that can do nothing else; the response knows of them."""

import asyncio
import json
import shutil
from pathlib import Path

import httpx
import pytest

import server_house
from server_house import House
from waiting import until

PLAYBOOK = """\
# Releases

## Severity levels

| Level | What it means | Acknowledge | Resolve |
|---|---|---|---|
| P1 (Critical) | Nobody can book | 5 minutes | 1 hour |

## Scenarios

### A release that has to go

Applies to P1.

1. Put the version back.

   ```bash
   cp v.<last-stable-version> current
   ```
"""
GETS = (
    "/health-of-nothing", "/incidents", "/incidents/1", "/runs", "/runs/1.1", "/runs/1.1/events", "/controls", "/plan",
    "/rules", "/marks", "/events", "/tokens", "/steps", "/drift", "/reviews/1",
)  # fmt: skip


@pytest.fixture
async def house(tmp_path: Path):
    async with server_house.house(tmp_path, PLAYBOOK, "environment = {}\n") as made:
        await made.serve()
        yield made


async def reporter(house: House) -> str:
    assert (await house.types("login", "ci", "--role", "reporter"))[0] == 0
    status, token = await house.types("token", "make", "ci", "--label", "pipeline", "--role", "reporter")
    assert status == 0, token
    return token.strip()


async def test_a_deploy_told_by_curl_is_on_the_timeline_and_offered_for_the_rollback(house: House):
    token = await reporter(house)
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")

    async def tells(body: dict) -> str:
        process = await asyncio.create_subprocess_exec(
            curl, "-fsS", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: Bearer {token}",
            "-H", "Content-Type: application/json", "-d", json.dumps(body),
            f"http://127.0.0.1:{house.port}/api/marks", stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        return out.decode()

    assert await tells({"service": "booking", "version": "v2.4.0", "at": "2000-01-01T00:00:00Z"}) == "409"
    assert await tells({"service": "booking", "version": "v2.4.0"}) == "201"
    assert await tells({"service": "booking", "version": "v2.4.0"}) == "200"
    status, said = await house.types("mark", "deploy", "--service", "booking", "--version", "v2.4.1", "--json")
    assert (status, json.loads(said)["mark"]["previous"]) == (0, "v2.4.0")
    status, said = await house.types("incident", "open", "Nobody can book", "-s", "P1", "--service", "booking")
    assert status == 0, said
    assert (await house.types("mark", "change", "flag new-search is on", "--service", "booking"))[0] == 0
    timeline = json.loads((await house.types("incident", "show", "1", "--json"))[1])["timeline"]
    assert [event["text"] for event in timeline if event["kind"] == "mark"] == [
        "booking: deployed v2.4.0",
        "booking: deployed v2.4.1 (before: v2.4.0)",
        "booking: flag new-search is on",
    ]

    async def asks() -> bool:
        return (await house.run())["steps"][0]["state"] == "proposed"

    await until(asks, within_s=30.0)
    (offer, *_) = (await house.run())["steps"][0]["offers"]
    assert offer["value"] == "v2.4.0"
    assert "what ran before the change to v2.4.1 of booking" in offer["origin"]
    listed = json.loads((await house.types("mark", "list", "--json"))[1])["marks"]
    assert [(each["kind"], each["version"]) for each in listed] == [
        ("change", None),
        ("deploy", "v2.4.1"),
        ("deploy", "v2.4.0"),
    ]
    assert listed[2]["by"] == "ci"


async def test_a_reporter_can_do_nothing_else_and_a_viewer_tells_of_nothing(house: House):
    await house.types("incident", "open", "Nobody can book", "-s", "P1", "--service", "booking")
    await house.types("login", "vera", "--role", "viewer")
    _, viewer = await house.types("token", "make", "vera", "--label", "x", "--role", "viewer")
    mark = {"service": "booking", "version": "v1"}
    address = f"http://127.0.0.1:{house.port}"
    for token, allowed in ((await reporter(house), True), (viewer.strip(), False)):
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as client:
            assert (await client.post("/api/marks", json=mark)).is_success is allowed
            if allowed:
                for path in GETS[1:]:
                    assert (await client.get(f"/api{path}")).status_code == 403, path
                for path in ("/", "/incidents", "/playbooks", "/incidents/1", "/settings/tokens"):
                    assert (await client.get(path)).status_code == 403, path
            for path, body in (
                ("/api/incidents", {"title": "x", "severity": "P1"}),
                ("/api/incidents/1/note", {"text": "x"}),
                ("/api/runs/1.1/stop", {"reason": "x"}),
                ("/api/tokens", {"label": "x"}),
                ("/api/login-links", {}),
            ):
                assert (await client.post(path, json=body)).status_code == 403, path
