"""The JSON API: what it answers, what it refuses, and in what shape."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar.status_codes import HTTP_409_CONFLICT

from integration.web.conftest import Console, served
from integration.web.scene import HOSTILE, STATEMENT
from stanch.incidents import lifecycle
from stanch.response import runs
from stanch.web import auth, live
from stanch.web.auth import Role

STEP = "slow-database/build-the-missing-index-that-the-diagnosis-propo"


async def waiting(client: httpx.AsyncClient) -> dict:
    run = (await client.get("/api/runs/1.1")).json()["run"]
    return next(step for step in run["steps"] if step["state"] == "proposed")


async def test_health_names_the_plan(console: Console):
    async with console.api("") as client:
        answer = (await client.get("/api/health")).json()
    assert answer["plan_hash"] == console.scene.plan.hash
    assert set(answer) == {"status", "version", "plan_hash"}


async def test_an_incident_is_told_whole(burning: Console):
    async with burning.api() as client:
        document = (await client.get("/api/incidents/1")).json()
        listed = (await client.get("/api/incidents", params={"open": "true"})).json()["incidents"]
    assert set(document) == {"incident", "clocks", "findings", "runs", "controls", "timeline", "pages"}
    assert [each["id"] for each in listed] == ["1"]
    assert document["incident"]["severity"] == "P1"
    assert document["incident"]["source"]["line"] == 16
    assert [clock["name"] for clock in document["clocks"]] == ["acknowledge", "update", "contain", "resolve"]
    assert document["findings"][0]["cause"] == "missing_index"
    assert [step["state"] for step in document["runs"][0]["steps"]] == ["done", "done", "proposed", *["waiting"] * 3]
    assert [event["seq"] for event in document["timeline"]] == list(range(1, len(document["timeline"]) + 1))
    assert document["timeline"][0]["kind"] == "opened"
    assert document["timeline"][0]["text"] == "Opened P1: Response time p95 is 8.4 s"
    assert document["pages"][0]["role"] == "On-call engineer"


async def test_people_act_on_an_incident(burning: Console):
    async with burning.api(await burning.token_of(Role.RESPONDER, "rita")) as client:
        for verb, body, changed in (
            ("acknowledge", {}, {"status": "acknowledged", "acknowledged_by": "rita"}),
            ("assign", {"to": "sam"}, {"assignee": "sam"}),
            ("note", {"text": "called the front desks"}, {}),
        ):
            answer = await client.post(f"/api/incidents/1/{verb}", json=body)
            assert answer.status_code == 200, answer.text
            incident = answer.json()["incident"]
            assert {name: incident[name] for name in changed} == changed
        told = (await client.get("/api/incidents/1")).json()["timeline"]
        assert [(event["kind"], event["actor"]) for event in told if event["actor"] == "rita"] == [
            ("acknowledged", "rita"),
            ("assigned", "rita"),
            ("note", "rita"),
        ]
        burns_still = await client.post("/api/incidents/1/resolve", json={"text": "over"})
        assert burns_still.status_code == HTTP_409_CONFLICT
        await burning.scene.clear()
        assert (await client.post("/api/incidents/1/resolve", json={"text": "over"})).json()["incident"][
            "status"
        ] == "resolved"
        reopened = await client.post("/api/incidents/1/reopen", json={"text": "it was not"})
        assert reopened.json()["incident"]["reopened"] == 1


async def test_a_person_opens_an_incident_and_somebody_is_paged(console: Console):
    async with console.api() as client:
        body = {"title": "Nobody can log in", "severity": "P1", "service": "login"}
        answer = await client.post("/api/incidents", json=body)
        assert answer.status_code == 201
        number = answer.json()["incident"]["id"]
        document = (await client.get(f"/api/incidents/{number}")).json()
        assert document["pages"][0]["subject"] == f"[P1] Nobody can log in (incident {number})"
        unknown = await client.post("/api/incidents", json={**body, "severity": "P9"})
        assert unknown.status_code == 409


async def test_a_yes_is_to_exactly_one_digest(burning: Console):
    async with burning.api(await burning.token_of(Role.RESPONDER, "rita")) as client:
        step = await waiting(client)
        assert step["key"] == STEP
        assert step["statement"] == STATEMENT
        path = f"/api/runs/1.1/steps/{STEP}"
        other = await client.post(f"{path}/approve", json={"digest": "0" * 64, "reason": ""})
        assert other.status_code == 409
        assert "has changed since you looked" in other.json()["error"]["message"]
        yes = await client.post(f"{path}/approve", json={"digest": step["digest"], "reason": "seen the plan"})
        assert yes.status_code == 200
        burning.scene.gate.open.set()
        await burning.scene.until(lambda rows: runs.get(rows, "1.1").steps[2].state == "done")
        record = (await client.get("/api/runs/1.1")).json()["run"]["steps"][2]
        assert record["approvals"][0]["by"] == "rita"
        assert record["approvals"][0]["reason"] == "seen the plan"
        again = await client.post(f"{path}/approve", json={"digest": step["digest"]})
        assert again.status_code == 409


async def test_a_destructive_step_needs_two_people(burning: Console):
    burning.scene.gate.open.set()
    sam, rita = [await burning.token_of(Role.RESPONDER, name) for name in ("sam", "rita")]
    async with burning.api(sam) as one, burning.api(rita) as other:
        first = await waiting(one)
        await one.post(f"/api/runs/1.1/steps/{first['key']}/approve", json={"digest": first["digest"]})
        await burning.scene.until(lambda rows: runs.get(rows, "1.1").steps[3].state == "proposed")
        flush = await waiting(one)
        assert flush["risk"] == "destructive"
        path, body = f"/api/runs/1.1/steps/{flush['key']}/approve", {"digest": flush["digest"], "reason": "stale"}
        assert (await one.post(path, json=body)).status_code == 200
        twice = await one.post(path, json=body)
        assert twice.status_code == 409
        assert "different people" in twice.json()["error"]["message"]
        assert (await waiting(other))["key"] == flush["key"]
        said = (await other.post(path, json=body)).json()["run"]["steps"][3]
        assert said["state"] in {"approved", "started", "done", "failed"}


async def test_a_step_is_taken_over_reported_and_asked_for_again(burning: Console):
    async with burning.api(await burning.token_of(Role.RESPONDER, "rita")) as client:
        step = await waiting(client)
        path = f"/api/runs/1.1/steps/{step['key']}"
        assert (await client.post(f"{path}/choose", json={})).status_code == 409
        assert (await client.post(f"{path}/again", json={})).status_code == 409
        taken = (await client.post(f"{path}/take", json={"reason": "by psql"})).json()["run"]
        mine = next(each for each in taken["steps"] if each["key"] == step["key"])
        assert (mine["state"], mine["owner"], mine["because"]) == ("proposed", "rita", "Taken over by rita: by psql")
        assert (await client.post(f"{path}/complete", json={"reason": "built"})).status_code == 200
        record = (await client.get("/api/runs/1.1")).json()["run"]
        done = next(each for each in record["steps"] if each["key"] == step["key"])
        assert (done["state"], done["output"]) == ("done", "built")


async def test_a_procedure_is_previewed_and_nothing_runs(burning: Console):
    async with burning.api() as client:
        before = (await client.get("/api/runs")).json()
        run = before["runs"][0]
        shown = (await client.get(f"/api/procedures/{run['procedure']}")).json()["preview"]
        assert shown["name"] == run["name"]
        assert [step["key"] for step in shown["steps"]] == [step["key"] for step in run["steps"]]
        assert any(step["people"] == 2 and step["risk"] == "destructive" for step in shown["steps"])
        assert len((await client.get("/api/runs")).json()["runs"]) == len(before["runs"])
        assert (await client.get("/api/procedures/no-such")).status_code == 404


async def test_a_step_is_skipped_with_a_reason_and_a_run_stopped(burning: Console):
    async with burning.api() as client:
        step = await waiting(client)
        path = f"/api/runs/1.1/steps/{step['key']}"
        assert (await client.post(f"{path}/skip", json={"reason": " "})).status_code == 422
        assert (await client.post(f"{path}/skip", json={"reason": "built by the release"})).status_code == 200
        assert (await client.post(f"{path}/fly", json={})).status_code == 404
        stopped = await client.post("/api/runs/1.1/stop", json={"reason": "by hand"})
        assert stopped.json()["run"]["stop_because"] == "by hand"
        assert (await client.post("/api/runs/9.9/stop", json={"reason": "x"})).status_code == 404


async def test_a_control_is_undone(burning: Console):
    async with burning.api() as client:
        step = await waiting(client)
        await client.post(f"/api/runs/1.1/steps/{step['key']}/approve", json={"digest": step["digest"]})
        await burning.scene.until(lambda rows: runs.get(rows, "1.1").steps[2].progress.get("total") is not None)
        (control,) = (await client.get("/api/controls")).json()["controls"]
        assert control["text"] == "/appointments at most 8 at once"
        undone = await client.post(f"/api/controls/{control['id']}/undo", json={"reason": "load is low"})
        assert undone.status_code == 200
        assert undone.json()["control"]["state"] in {"undoing", "undone"}
        assert (await client.post("/api/controls/none/undo", json={})).status_code == 404
        assert (await client.post(f"/api/controls/{control['id']}/fly", json={})).status_code == 404


async def test_rules_and_signals_tell_where_they_stand(console: Console):
    async with console.api() as client:
        rules = (await client.get("/api/rules")).json()["rules"]
        assert [rule["signal"] for rule in rules] == ["http.response_time", "db.pool.utilization", "http.error_rate"]
        assert all(rule["title"] and rule["state"] and rule["current"] is not None for rule in rules)
        answer = (await client.get("/api/signals/http.response_time", params={"seconds": 60})).json()
        assert answer["unit"] == "seconds"
        assert [value for _, value in answer["points"] if value is not None]
        assert (await client.get("/api/signals/no.such")).status_code == 404
        for seconds in ("0", "-1", "1e12", "soon", "nan"):
            bad = await client.get("/api/signals/http.error_rate", params={"seconds": seconds})
            assert bad.status_code == 400, seconds
            assert bad.json()["error"]["code"] == "malformed"


async def test_the_plan_is_told_with_its_problems(console: Console):
    async with console.api() as client:
        plan = (await client.get("/api/plan")).json()
    (playbook,) = plan["playbooks"]
    assert plan["plan_hash"] == console.scene.plan.hash
    assert {"severity", "threshold", "scenario", "role"} <= {fact["kind"] for fact in playbook["facts"]}
    assert all(problem["source"]["path"] == playbook["path"] for problem in playbook["problems"])


async def test_a_review_is_told_as_markdown_and_html(burning: Console):
    scene = burning.scene
    await scene.clear()
    now = scene.clock.now()
    await scene.store.write(
        lambda rows: lifecycle.resolve(rows, "1", because="over", by="rita", now=now, plan=scene.plan)
    )
    await scene.until(lambda rows: lifecycle.get(rows, "1").review_path is not None)
    async with burning.api() as client:
        review = (await client.get("/api/reviews/1")).json()
    assert review["markdown"].startswith("# Review of incident 1")
    assert "<svg" in review["html"]
    assert review["action_items"]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"title: is needed", "severity: is needed"}),
        (
            {"title": "", "severity": 1, "colour": "red"},
            {"title: must not be empty", "severity: input should be a valid string", "colour: there is no such field"},
        ),
        ([], {"body: input should be an object"}),
    ],
)
async def test_every_fault_of_a_body_is_told_at_once(console: Console, body, faults):
    async with console.api() as client:
        answer = await client.post("/api/incidents", json=body)
        assert (await client.get("/api/incidents")).json()["incidents"] == []
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "hint", "problems"}
    assert {problem["message"] for problem in error["problems"]} == faults


async def test_what_is_no_json_is_malformed(console: Console):
    async with console.api() as client:
        for content, media_type in (
            (b"{", "application/json"),
            (b"\xff", "application/json"),
            (b"title=x", "application/x-www-form-urlencoded"),
            (b"{}", "text/plain"),
        ):
            answer = await client.post("/api/incidents", content=content, headers={"Content-Type": media_type})
            assert answer.status_code == 400, content
            assert answer.json()["error"]["code"] == "malformed"


async def test_every_fault_has_the_one_shape(console: Console):
    async with console.api() as client:
        for method, path, status in (
            ("GET", "/api/incidents/77", 404),
            ("GET", "/api/nowhere", 404),
            ("PUT", "/api/incidents", 405),
            ("POST", "/api/incidents/77/acknowledge", 404),
            ("GET", "/api/incidents?open=perhaps", 400),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status, path
            assert set(answer.json()) == {"error"}
            assert set(answer.json()["error"]) == {"code", "message", "hint", "problems"}


async def test_too_large_a_body_is_refused(console: Console):
    async with console.api() as client:
        answer = await client.post("/api/incidents", json={"title": "x" * 300_000, "severity": "P1"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too-large"


async def test_a_fault_of_ours_tells_nothing_of_our_insides(console: Console):
    console.scene.watcher = None  # type: ignore[assignment]
    async with console.api() as client:
        answer = await client.get("/api/rules")
    assert answer.status_code == 500
    assert "NoneType" not in answer.text
    assert answer.json()["error"]["hint"] == "The server's log says what."


@asynccontextmanager
async def listening(client: httpx.AsyncClient, **options) -> AsyncIterator[AsyncIterator[tuple[int, dict]]]:
    """The messages of the stream, as (id, data)."""

    async def messages(answer: httpx.Response) -> AsyncIterator[tuple[int, dict]]:
        number = 0
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            if line.startswith("data: "):
                yield number, json.loads(line[6:])

    async with asyncio.timeout(10), client.stream("GET", "/api/events", **options) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer)


async def test_the_stream_tells_every_event_once_as_it_is_written_and_resumes(burning: Console):
    async with burning.api() as client:
        told = (await client.get("/api/incidents/1")).json()["timeline"]
        async with listening(client, params={"after": 0}) as stream:
            everything = [await anext(stream) for _ in told]
            assert [event["seq"] for _, event in everything] == [event["seq"] for event in told]
            await client.post("/api/incidents/1/note", json={"text": HOSTILE + "\nsecond line"})
            _, event = await anext(stream)
            assert event["kind"] == "note"
            assert event["data"]["text"] == HOSTILE + "\nsecond line"
        middle = everything[4][0]
        async with listening(client, headers={"Last-Event-ID": str(middle)}) as stream:
            assert [await anext(stream) for _ in range(3)] == everything[5:8]


async def test_a_stream_ends_with_the_login_it_was_opened_with(burning: Console):
    token = await burning.token_of(Role.VIEWER, "vera")
    async with burning.api(token) as client, client.stream("GET", "/api/events", params={"after": 0}) as answer:
        lines = answer.aiter_lines()
        await anext(lines)

        def revoke(rows):
            auth.revoke_token(rows, auth.digest(token), burning.scene.clock.now())

        await burning.scene.store.write(revoke)
        async with asyncio.timeout(10):
            rest = asyncio.create_task(_drained(lines))
            while not rest.done():
                await burning.scene.clock.advance(live.BEAT_S)
                await asyncio.sleep(0.01)


async def _drained(lines) -> None:
    async for _ in lines:
        pass


async def test_an_open_stream_does_not_hold_up_the_end(burning: Console):
    async with burning.api() as client, client.stream("GET", "/api/events", params={"after": 0}) as answer:
        lines = answer.aiter_lines()
        await anext(lines)
        # The fixture's teardown cancels the server while this stream is open; it must not wait for its time limit.


async def test_a_run_is_followed_from_one_server_to_another_of_the_same_database(burning: Console):
    async def told(address: str, last: str = "") -> list[tuple[str, dict]]:
        """What there is to hear, up to the question that waits."""
        headers = {"Authorization": f"Bearer {burning.token}", **({"Last-Event-ID": last} if last else {})}
        found: list[tuple[str, dict]] = []
        async with (
            asyncio.timeout(10),
            httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as client,
            client.stream("GET", "/api/runs/1.1/events") as answer,
        ):
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    number = line[4:]
                elif line.startswith("data: "):
                    found.append((number, json.loads(line[6:])))
                    if found[-1][1]["type"] == "question":
                        break
        return found

    async with burning.api() as client:
        timeline = (await client.get("/api/incidents/1")).json()["timeline"]
    of_run = [event["seq"] for event in timeline if event["data"].get("run") == "1.1"]
    whole = await told(burning.address)
    assert [each["seq"] for _, each in whole if each["type"] == "event"] == of_run
    assert {each["type"] for _, each in whole} == {"event", "output", "question"}
    async with served(burning.scene) as other:
        assert other.address != burning.address
        burning.token = other.token
        for cut in range(1, len(whole)):
            rest = await told(other.address, whole[cut - 1][0])
            assert rest == whole[cut:], cut


@pytest.mark.parametrize("last", ["x", "[1]", '["a",{},{}]'])
async def test_a_place_that_is_none_is_refused(burning: Console, last: str):
    async with burning.api() as client:
        answer = await client.get("/api/runs/1.1/events", headers={"Last-Event-ID": last})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")
        assert (await client.get("/api/runs/9.9/events")).status_code == 404
