"""A procedure before it runs, over HTTP: what it would do, the tools' own dry runs, and beginning it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.web.conftest import Console, served
from integration.web.scene import scene
from stanch.incidents import timeline
from stanch.model.incident import EventKind
from stanch.response import runs
from stanch.response.native import Tried
from stanch.web.auth import Role

KEY = "booking-is-down"


@pytest.fixture
async def outage(tmp_path: Path) -> AsyncIterator[Console]:
    """A console with a procedure that branches, and a second one, in an incident."""
    (tmp_path / "door").write_text("open")
    (tmp_path / "door").chmod(0o644)
    async with scene(tmp_path, quiet_s=60.0, fault_s=20.0, playbook="outage.md") as made, served(made) as running:
        await made.burn()
        yield running


async def test_a_procedure_is_told_as_the_plan_has_it_and_as_it_goes_in_an_incident(outage: Console):
    async with outage.api() as client:
        before = (await client.get(f"/api/procedures/{KEY}")).json()
        during = (await client.get(f"/api/procedures/{KEY}?incident=1")).json()
        assert (before["run"], during["run"]) == (None, "1.1")
        assert {step["state"] for step in before["preview"]["steps"]} == {None}
        assert during["preview"]["steps"][0]["state"] == "done"
        assert [part["ways"][1][0] for part in before["preview"]["shape"] if "ways" in part] == ["Option B: less of it"]
        scale = next(step for step in before["preview"]["steps"] if "scale" in (step["command"] or ""))
        assert scale["acts_as"].startswith("the current kube context")
        assert (await client.get(f"/api/procedures/{KEY}?incident=9")).status_code == 404


async def test_the_tools_are_asked_one_by_one_and_what_they_say_stands_with_the_step(outage: Console):
    going, goes_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ships = outage.scene.try_natively

    async def slowly(step) -> Tried:
        going.set()
        await goes_on.wait()
        came = await ships(step)
        if step.dry_run.text.startswith("kubectl -n booking scale"):  # the last of them
            ended.set()
        return came

    outage.scene.try_natively = slowly
    async with outage.api() as client:
        begun = await client.post(f"/api/procedures/{KEY}", json={})
        trial = begun.json()["trial"]
        assert (begun.status_code, trial["done"], trial["going_on"]) == (202, 0, True)
        await going.wait()
        twice = await client.post(f"/api/procedures/{KEY}", json={})
        assert (twice.status_code, twice.json()["error"]["code"]) == (409, "refused")
        goes_on.set()
        async with asyncio.timeout(20):
            await ended.wait()
        told = (await client.get(f"/api/procedures/{KEY}")).json()
        assert told["trial"]["going_on"] is False
        tried = {step["dry_run"]["text"]: step["tried"] for step in told["preview"]["steps"] if step["tried"]}
        assert len(tried) == told["trial"]["done"] == told["trial"]["total"] == 3
        planned = next(came for text, came in tried.items() if text.startswith("EXPLAIN"))
        assert (planned["well"], planned["because"]) == (True, "It was planned.")
        # In an incident it is another question, which nobody has asked yet.
        assert (await client.get(f"/api/procedures/{KEY}?incident=1")).json()["trial"] is None


async def test_a_viewer_sees_it_and_neither_tries_nor_starts_it(outage: Console):
    async with outage.api(await outage.token_of(Role.VIEWER)) as viewer:
        assert (await viewer.get(f"/api/procedures/{KEY}")).status_code == 200
        assert (await viewer.post(f"/api/procedures/{KEY}", json={})).status_code == 403
        started = await viewer.post("/api/incidents/1/runs", json={"procedure": "coming back"})
        assert started.status_code == 403
    async with outage.browser(Role.VIEWER) as page:
        text = (await page.get("/incidents/1/procedures/coming-back")).text
        assert "Ask the tools" not in text
        assert "Start it in incident" not in text


async def test_a_named_procedure_is_begun_beside_the_first_by_whoever_asks(outage: Console):
    async with outage.api(await outage.token_of(Role.RESPONDER, "rita")) as client:
        body = {"procedure": "coming back", "reason": "the provider is back"}
        begun = await client.post("/api/incidents/1/runs", json=body)
        run = begun.json()["run"]
        assert (begun.status_code, run["id"], run["name"]) == (201, "1.2", "Coming back")
        assert run["because"] == "rita: the provider is back"
        again = await client.post("/api/incidents/1/runs", json=body)
        assert again.json()["error"]["message"] == "'Coming back' is going on already, as run 1.2."
        assert (await client.post("/api/incidents/1/runs", json={"procedure": "no such"})).status_code == 404
        assert (await client.post("/api/incidents/9/runs", json=body)).status_code == 404
        await client.post("/api/runs/1.2/stop", json={"reason": "not yet"})
        await outage.scene.clear()
        await client.post("/api/incidents/1/resolve", json={"text": "over"})
        await outage.scene.until(lambda rows: runs.get(rows, "1.2").state.is_over)
        over = await client.post("/api/incidents/1/runs", json=body)
        assert over.json()["error"]["message"] == "Incident 1 is over."
    events = await outage.scene.store.read(lambda rows: timeline.read(rows, "1", kinds=(EventKind.RUN_STARTED,)))
    assert [event.actor for event in events] == ["stanch", "rita"]


async def test_without_a_script_the_tools_are_asked_and_a_procedure_is_begun(outage: Console):
    async with outage.browser(Role.RESPONDER, "rita") as page:
        address = "/incidents/1/procedures/coming-back"
        form = {"form_token": page.form_token}
        asked = await page.post(address, data=form)
        assert (asked.status_code, asked.headers["location"]) == (303, f"{address}#tried")
        text = (await page.get(address)).text
        assert "asked by rita" in text
        begun = await page.post("/incidents/1/runs", data={**form, "procedure": "coming-back", "reason": ""})
        assert (begun.status_code, begun.headers["location"]) == (303, "/incidents/1")
        text = (await page.get(address)).text
        assert "Run 1.2 of it goes on" in text
        assert "Start it in incident" not in text
        stranger = await page.post("/incidents/1/runs", data={"procedure": "coming-back"})
        assert stranger.status_code == 403
