"""Values, approvals and links, as people and their tools give them: who may, who may not, and what is kept of it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from integration.web.conftest import Console, served
from integration.web.scene import scene
from stanch.comms.links import BadLink
from stanch.incidents import timeline
from stanch.learning import drafting
from stanch.model.incident import EventKind
from stanch.response import runs
from stanch.response.approvals import VALID_S
from stanch.settings import PersonSettings
from stanch.store import tables
from stanch.web.auth import Role

PEOPLE = {
    "ann": PersonSettings(roles=["On-call engineer"]),
    "bob": PersonSettings(roles=["Release lead"], address="bob@booking.example.org"),
    "carol": PersonSettings(roles=["Incident commander"], address="carol@booking.example.org"),
    "dave": PersonSettings(roles=["incident Commander"], access="viewer", address="dave@booking.example.org"),
}
STEP = "a-release-that-has-to-go/take-the-release-away"


@pytest.fixture
async def release(tmp_path: Path) -> AsyncIterator[Console]:
    """A console where the removal of a release waits to be filled in."""
    for name in ("v1", "v2"):
        (tmp_path / "releases" / name).mkdir(parents=True)
    which = {"playbook": "release.md", "people": PEOPLE}
    async with scene(tmp_path, quiet_s=60.0, fault_s=20.0, **which) as made, served(made) as running:
        await made.burn()
        yield running


@asynccontextmanager
async def person(console: Console, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token of that person, as the settings have them."""
    async with console.api() as administrator:
        body = {"label": "test", "role": "responder", "person": name}
        token = (await administrator.post("/api/tokens", json=body)).json()["token"]
    async with console.api(token) as client:
        yield client


async def step_of(client: httpx.AsyncClient) -> dict[str, Any]:
    return (await client.get("/api/runs/1.1")).json()["run"]["steps"][0]


async def fill(console: Console, client: httpx.AsyncClient, value: str = "v2") -> dict[str, Any]:
    """Fill it in, and wait until it is asked for as it would run."""
    answer = await client.post(path(await step_of(client), "fill"), json={"values": {"release_name": value}})
    assert answer.status_code == 200, answer.text
    await console.scene.until(lambda rows: runs.get(rows, "1.1").steps[0].state == "proposed")
    return await step_of(client)


def path(step: dict[str, Any], verb: str) -> str:
    return f"/api/runs/1.1/steps/{step['key']}/{verb}"


def yes(step: dict[str, Any], reason: str = "it breaks booking") -> dict[str, str]:
    return {"digest": step["digest"], "reason": reason}


def message(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["message"])


async def test_a_destructive_step_is_filled_in_by_one_and_approved_by_two_others(release: Console, tmp_path: Path):
    async with person(release, "ann") as ann, person(release, "bob") as bob, person(release, "carol") as carol:
        step = await step_of(ann)
        assert (step["open_slots"], step["state"], step["risk"]) == (["release_name"], "proposed", "destructive")
        early = await bob.post(path(step, "approve"), json=yes(step))
        assert "places to fill in" in message(early)
        step = await fill(release, bob)
        assert step["pipeline"] == [["rm", "-r", "releases/v2"]]
        assert step["people_missing"] == 2
        filler = await bob.post(path(step, "approve"), json=yes(step))
        assert (filler.status_code, "who proposes a destructive step" in message(filler)) == (409, True)
        step = await fill(release, ann)
        for _ in range(2):
            refused = await ann.post(path(step, "approve"), json=yes(step))
            assert (refused.status_code, "who proposes a destructive step" in message(refused)) == (409, True)
        without = await bob.post(path(step, "approve"), json=yes(step, " "))
        assert "with a reason" in message(without)
        said = (await bob.post(path(step, "approve"), json=yes(step))).json()["run"]["steps"][0]
        assert said["approvals"][0]["good_until"] == said["approvals"][0]["at"] + VALID_S
        assert said["people_missing"] == 1
        twice = await bob.post(path(step, "approve"), json=yes(step))
        assert "different people" in message(twice)
        assert (await carol.post(path(step, "approve"), json=yes(step))).status_code == 200
        await release.scene.until(lambda rows: runs.get(rows, "1.1").state == "finished")
    assert [each.name for each in (tmp_path / "releases").iterdir()] == ["v1"]
    events = await release.scene.store.read(lambda rows: timeline.read(rows, "1"))
    given = [(event.kind.value, event.actor) for event in events if event.actor in PEOPLE]
    assert given == [
        ("step filled", "bob"),
        ("step filled", "ann"),
        ("step approved", "bob"),
        ("step approved", "carol"),
    ]


async def test_a_name_in_the_body_is_nobody(release: Console):
    async with person(release, "ann") as ann:
        step = await fill(release, ann)
        for verb, body in (("approve", yes(step)), ("fill", {"values": {"release_name": "v1"}})):
            forged = await ann.post(path(step, verb), json={**body, "by": "carol"})
            assert forged.status_code == 422
        assert (await step_of(ann))["approvals"] == []


async def test_who_holds_none_of_the_playbooks_roles_does_not_approve(release: Console):
    token = await release.token_of(Role.RESPONDER, "mallory")
    async with person(release, "carol") as carol, release.api(token) as mallory:
        step = await fill(release, carol)
        refused = await mallory.post(path(step, "approve"), json=yes(step))
    assert refused.status_code == 409
    assert "approved by Incident commander or Release lead" in message(refused)
    assert "release.md:22); that is bob or carol." in message(refused)


async def test_viewers_neither_fill_in_nor_approve_nor_break_the_glass(release: Console):
    async with person(release, "dave") as dave, release.api("") as nobody:
        step = await step_of(dave)
        for verb in ("fill", "approve", "break-glass"):
            assert (await dave.post(path(step, verb), json={})).status_code == 403
            assert (await nobody.post(path(step, verb), json={})).status_code == 401
        for form in ("fill", "preview", "approve", "break-glass"):
            assert (await nobody.post(f"/incidents/1/runs/1.1/{form}", data={})).status_code == 401


async def test_a_yes_grows_old_and_can_be_given_anew(release: Console):
    async with person(release, "ann") as ann, person(release, "bob") as bob, person(release, "carol") as carol:
        step = await fill(release, ann)
        await bob.post(path(step, "approve"), json=yes(step))
        release.scene.clock.jump(VALID_S + 1)
        late = (await carol.post(path(step, "approve"), json=yes(step))).json()["run"]["steps"][0]
        assert [each["by"] for each in late["approvals"]] == ["carol"]
        assert late["people_missing"] == 1
        assert (await bob.post(path(step, "approve"), json=yes(step))).status_code == 200


async def test_break_glass_is_one_alone_and_everybody_hears_of_it(release: Console, tmp_path: Path):
    async with person(release, "ann") as ann:
        step = await fill(release, ann)
        body = {"digest": step["digest"], "reason": "both are on a plane"}
        wrong = await ann.post(path(step, "break-glass"), json={**body, "confirm": "yes"})
        assert message(wrong) == "To approve alone, type exactly: break glass 1.1"
        silent = await ann.post(path(step, "break-glass"), json={**body, "reason": "", "confirm": "break glass 1.1"})
        assert silent.status_code == 422
        other = await ann.post(
            path(step, "break-glass"), json={**body, "digest": "0" * 64, "confirm": "break glass 1.1"}
        )
        assert "has changed since you looked" in message(other)
        done = await ann.post(path(step, "break-glass"), json={**body, "confirm": "break glass 1.1"})
        assert done.status_code == 200, done.text
        await release.scene.until(lambda rows: runs.get(rows, "1.1").state == "finished")
        document = (await ann.get("/api/incidents/1")).json()
    assert [each.name for each in (tmp_path / "releases").iterdir()] == ["v1"]
    (alarm,) = [each for each in document["timeline"] if each["kind"] == "glass broken"]
    assert alarm["text"].startswith("Break-glass: ann alone approved Take the release away")
    assert (alarm["data"]["missing"], alarm["data"]["reason"]) == (2, "both are on a plane")
    pages = {(each["role"], each["channel"]): each for each in document["pages"] if "Break-glass" in each["subject"]}
    assert set(pages) == {("Incident commander", "console"), ("Incident commander", "mail")}
    assert "ann alone approved" in pages["Incident commander", "mail"]["body"]


async def test_break_glass_is_marked_in_the_review(release: Console):
    async with person(release, "ann") as ann:
        step = await fill(release, ann)
        body = {"digest": step["digest"], "reason": "nobody answers", "confirm": "break glass 1.1"}
        await ann.post(path(step, "break-glass"), json=body)
        await release.scene.until(lambda rows: runs.get(rows, "1.1").state == "finished")
        await release.scene.clear()
        assert (await ann.post("/api/incidents/1/resolve", json={"text": "gone"})).status_code == 200
    await release.scene.until(lambda rows: drafting.read(rows, "1") is not None)
    review: Any = await release.scene.store.read(lambda rows: drafting.read(rows, "1"))
    assert "approved alone by ann, break-glass: nobody answers" in review.markdown
    assert any("break-glass" in item for item in review.data["action_items"])


# --- links -----------------------------------------------------------------------------------------------------------


async def links(release: Console) -> dict[str, str]:
    """What was mailed, by address: the path and token of each link."""
    await release.scene.until(
        lambda rows: rows.execute(tables.outbox.select().where(tables.outbox.c.state == "pending")).first() is None
    )
    sent = [(to, each) for to, each in release.scene.mail.sent if each.subject.startswith("[P1] Approve?")]
    return {to: str(each.link).removeprefix("http://stanch.example") for to, each in sent}


async def test_a_link_in_a_message_shows_what_is_asked_and_answers_once(release: Console):
    async with person(release, "ann") as ann:
        step = await fill(release, ann)
        mailed = await links(release)
        assert set(mailed) == {"bob@booking.example.org", "carol@booking.example.org"}
        shown_to_all = (await ann.get("/api/incidents/1")).text
    path_of_bob = mailed["bob@booking.example.org"]
    assert path_of_bob not in shown_to_all
    async with httpx.AsyncClient(base_url=release.address, trust_env=False) as anybody:
        with capture_logs() as logged:
            for _ in range(3):
                page = await anybody.get(path_of_bob)
                assert page.status_code == 200
                assert "bob, do you approve this?" in page.text
                assert "rm -r releases/v2" in page.text
            assert (await step_of_run(release)).approvals == ()
            without = await anybody.post(path_of_bob, data={"reason": ""})
            assert "approved with a reason" in without.text
            done = await anybody.post(path_of_bob, data={"reason": "it breaks booking"})
        assert "Approved by bob" in done.text
        assert "It waits for 1 more person" in done.text
        again = await anybody.post(path_of_bob, data={"reason": "once more"})
        assert (again.status_code, "This link has been used already." in again.text) == (410, True)
        assert "used already" in (await anybody.get(path_of_bob)).text
        assert (await anybody.get("/incidents/1")).status_code == 303
    (given,) = (await step_of_run(release)).approvals
    assert (given.by, given.digest) == ("bob", step["digest"])
    (event,) = await release.scene.store.read(lambda rows: timeline.read(rows, "1", kinds=(EventKind.STEP_APPROVED,)))
    assert event.data["via"] == "by a signed link"
    told = [each["event"] for each in logged]
    assert told.count("a link to approve was opened") == 3
    assert "a link to approve was used" in told
    assert path_of_bob.rpartition("/")[2] not in str(logged)


async def step_of_run(release: Console):
    return (await release.scene.store.read(lambda rows: runs.get(rows, "1.1"))).steps[0]


async def test_a_link_that_is_not_good_says_so_in_one_sentence(release: Console):
    async with person(release, "ann") as ann:
        await fill(release, ann)
        first = (await links(release))["bob@booking.example.org"]
        payload, _, signature = first.rpartition("/")[2].partition(".")
        forged = f"/approve/{payload}.{signature[:-2]}{'AA' if signature[-2:] != 'AA' else 'BB'}"
        unsigned = f"/approve/{payload}"
        release.scene.mail.sent.clear()
        await fill(release, ann, "v1")
        fresh = (await links(release))["bob@booking.example.org"]
    async with httpx.AsyncClient(base_url=release.address, trust_env=False) as anybody:
        for bad, sentence in (
            (forged, "not one of ours"),
            (unsigned, "not one of ours"),
            ("/approve/x.y", "not one of ours"),
            (first, "is not asked as it was when this link was sent"),
        ):
            for answer in (await anybody.get(bad), await anybody.post(bad, data={"reason": "r"})):
                assert (answer.status_code, sentence in answer.text) == (410, True), bad
        release.scene.clock.jump(VALID_S + 1)
        release.scene.clock.jump(60)
        late = await anybody.post(fresh, data={"reason": "r"})
        assert (late.status_code, "This link has expired." in late.text) == (410, True)
    assert (await step_of_run(release)).approvals == ()


async def test_a_link_is_of_no_use_to_somebody_else_who_is_logged_in(release: Console):
    async with person(release, "ann") as ann, release.browser(Role.RESPONDER, "carol") as carol:
        await fill(release, ann)
        mine, others = [(await links(release))[f"{name}@booking.example.org"] for name in ("carol", "bob")]
        refused = await carol.get(others)
        assert (refused.status_code, "This link is bob" in refused.text) == (409, True)
        page = await carol.get(mine)
        assert re.search(r'name="form_token" value="\w+"', page.text)
        foreign = await carol.post(mine, data={"reason": "r"})
        assert foreign.status_code == 403
        ours = await carol.post(mine, data={"reason": "r", "form_token": carol.form_token})
        assert "Approved by carol" in ours.text


async def test_a_key_signs_only_its_own_links(release: Console, tmp_path: Path):
    async with person(release, "ann") as ann:
        await fill(release, ann)
        token = (await links(release))["bob@booking.example.org"].rpartition("/")[2]
    key = tmp_path / "link.key"
    assert key.stat().st_mode & 0o777 == 0o600
    other = type(release.scene.links)(b"\0" * 32, "http://stanch.example")
    with pytest.raises(BadLink, match="not one of ours"):
        await release.scene.store.read(lambda rows: other.read(rows, token, release.scene.clock.now()))


# --- the console -----------------------------------------------------------------------------------------------------


async def test_the_console_fills_in_previews_and_approves_without_a_script(release: Console):
    async with release.browser(Role.RESPONDER, "ann") as ann, release.browser(Role.RESPONDER, "bob") as bob:
        token = {"form_token": ann.form_token}
        page = (await ann.get("/incidents/1")).text
        key = re.search(r'name="step" value="([^"]+)"', page)[1]
        assert "&lt;release-name&gt;" in page
        shown = await ann.post("/incidents/1/runs/1.1/preview", data={"step": key, "typed.release_name": "v2", **token})
        assert "rm -r releases/v2" in shown.text
        assert (await step_of_run(release)).filled == ()
        for value, sentence in (("-v2", "read as an option"), ("v2;ls", "shells act on"), ("", "Nothing was chosen")):
            refused = await ann.post(
                "/incidents/1/runs/1.1/fill", data={"step": key, "typed.release_name": value, **token}
            )
            assert sentence in refused.text
        await ann.post("/incidents/1/runs/1.1/fill", data={"step": key, "chosen.release_name": "v2", **token})
        await release.scene.until(lambda rows: runs.get(rows, "1.1").steps[0].statement is not None)
        assert "two others approve what destroys" in (await ann.get("/incidents/1")).text
        page = (await bob.get("/incidents/1")).text
        assert "rm -r releases/v2" in page
        digest = re.search(r'name="digest" value="(\w+)"', page)[1]
        body = {"step": key, "digest": digest, "reason": "it breaks booking", "form_token": bob.form_token}
        assert (await bob.post("/incidents/1/runs/1.1/approve", data=body)).status_code == 303
        assert "good until" in (await bob.get("/incidents/1")).text
        glass = {**body, "confirm": "break glass 1.1"}
        assert (await bob.post("/incidents/1/runs/1.1/break-glass", data=glass)).status_code == 303
        await release.scene.until(lambda rows: runs.get(rows, "1.1").state == "finished")


async def test_people_of_the_settings_log_in_and_tokens_are_theirs(release: Console):
    async with release.api() as administrator:
        link = await administrator.post("/api/login-links", json={"person": "bob"})
        assert link.status_code == 201
        unknown = await administrator.post("/api/tokens", json={"label": "x", "person": "zoe"})
        assert (unknown.status_code, "Nobody is called zoe." in message(unknown)) == (404, True)
        made = await administrator.post("/api/tokens", json={"label": "x", "person": "dave", "role": "administrator"})
        assert made.json()["person"] == "dave"
    async with release.api(made.json()["token"]) as dave:
        assert (await dave.post("/api/incidents/1/acknowledge", json={})).status_code == 403
        assert (await dave.post("/api/tokens", json={"label": "y"})).status_code == 403
